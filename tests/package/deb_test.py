#!/usr/bin/env python3
"""The Debian package: what it contains, how exposed its service is, and that what it installs
runs, by systemd's protocol. It is unpacked into a directory; nothing is installed."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.broker import ROOT, Broker  # noqa: E402
from package.commands import BUILD, run  # noqa: E402

UNIT = ROOT / "packaging/sluice.service"
EXPOSURE_MAX = 3.0


class PackagedBroker(Broker):
    """Runs the packaged program on the packaged configuration; data, address and the manager's
    socket are the test's."""

    root = None
    notify = None

    def command(self):
        return [str(self.root / "usr/bin/sluiced"), "--config",
                str(self.root / "etc/sluice/sluice.toml"), "--listen", self.address,
                "--data", str(self.data_directory)]

    def environment(self):
        log = self.log_path.stat()  # stands for the journal
        return {**super().environment(), "NOTIFY_SOCKET": self.notify,
                "JOURNAL_STREAM": f"{log.st_dev}:{log.st_ino}"}


class DebTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = pathlib.Path(tempfile.mkdtemp(prefix="sluice-deb-"))
        cls.addClassCleanup(shutil.rmtree, cls.work, ignore_errors=True)
        run("cmake", "--build", BUILD, "--target", "package_files")
        run("cpack", "-G", "DEB", "-B", cls.work, "--config", BUILD / "CPackConfig.cmake")
        cls.package = next(cls.work.glob("sluice_*.deb"))
        cls.root = cls.work / "root"
        run("dpkg-deb", "-x", cls.package, cls.root)

    def test_has_programs_unit_user_and_configuration(self):
        for path in ("usr/bin/sluiced", "usr/bin/sluice", "lib/systemd/system/sluice.service",
                     "usr/lib/sysusers.d/sluice.conf", "etc/sluice/sluice.toml",
                     "usr/share/doc/sluice/copyright"):
            self.assertTrue((self.root / path).is_file(), path)
        tops = {path.name for path in self.root.iterdir()}
        self.assertEqual(tops, {"etc", "lib", "usr"})

    def test_control_data(self):
        fields = run("dpkg-deb", "-f", self.package)
        self.assertRegex(fields, r"(?m)^Package: sluice$")
        self.assertRegex(fields, r"(?m)^Depends: .*systemd.*libc6 ")
        control = self.work / "control"
        run("dpkg-deb", "-e", self.package, control)
        self.assertEqual((control / "conffiles").read_text(), "/etc/sluice/sluice.toml\n")
        for script in ("postinst", "prerm", "postrm"):
            run("sh", "-n", control / script)

    def test_data_goes_only_by_purge(self):
        """/var/lib/sluice is named nowhere but in the branch of postrm that is for purge."""
        scripts = ROOT / "packaging/debian"
        for script in ("postinst", "prerm"):
            self.assertNotIn("/var/lib", (scripts / script).read_text())
        before, purge = (scripts / "postrm").read_text().split('if [ "$1" = purge ]')
        self.assertNotIn("/var/lib", before)
        self.assertIn("rm -rf /var/lib/sluice", purge)

    def test_configuration_is_complete_and_valid(self):
        config = self.root / "etc/sluice/sluice.toml"
        printed = run(self.root / "usr/bin/sluiced", "--config", config, "--check-config",
                      env={"PATH": os.environ["PATH"]})
        self.assertRegex(printed, r'(?m)^log\.dir = "/var/lib/sluice"')
        text = config.read_text()
        for key in re.findall(r'(?m)^(?:# )?("?[a-z][\w.]*"?) (?:= |is unset)', printed):
            self.assertRegex(text, rf"(?m)^#?{re.escape(key)} =", key)

    @unittest.skipUnless(shutil.which("lintian"), "needs lintian (./dev package)")
    def test_is_as_debian_wants_it(self):
        run("lintian", "--allow-root", "--fail-on", "error,warning", self.package)

    def test_man_pages_describe_both_programs(self):
        for program in ("sluiced", "sluice"):
            page = run("zcat", self.root / f"usr/share/man/man1/{program}.1.gz")
            self.assertIn(".SH SYNOPSIS", page)
            self.assertIn(r"\-\-version", page)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "needs systemd-analyze")
    def test_exposure_of_the_service(self):
        text = run("systemd-analyze", "security", "--offline=true", "--no-pager", UNIT)
        level = float(re.search(r"exposure level for sluice\.service: ([\d.]+)", text).group(1))
        self.assertLessEqual(level, EXPOSURE_MAX)

    def test_tells_systemd_what_it_does(self):
        path = str(self.work / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(20)

            def next_with(name):
                while True:
                    told = manager.recv(4096).decode()
                    if told.startswith(name):
                        return told

            PackagedBroker.root, PackagedBroker.notify = self.root, path
            with PackagedBroker() as broker:
                self.assertIn(broker.address, next_with("READY=1"))
                broker.process.send_signal(signal.SIGHUP)
                self.assertRegex(next_with("RELOADING=1"), r"MONOTONIC_USEC=\d+")
                next_with("READY=1")
                self.assertEqual(broker.stop(), 0)
                next_with("STOPPING=1")
                self.assertRegex(broker.log_tail(1000), r"(?m)^<6>broker started data=")

    def test_a_wrong_configuration_is_an_error_that_is_not_tried_again(self):
        unit = UNIT.read_text()
        status = re.search(r"(?m)^RestartPreventExitStatus=(\d+)$", unit).group(1)
        wrong = self.work / "wrong.toml"
        wrong.write_text("num.partition = 4\n")
        with tempfile.TemporaryFile("w+") as journal:
            stream = os.fstat(journal.fileno())
            environment = {"PATH": os.environ["PATH"],
                           "JOURNAL_STREAM": f"{stream.st_dev}:{stream.st_ino}"}
            for arguments in ([], ["--check-config"]):
                done = subprocess.run(
                    [self.root / "usr/bin/sluiced", "--config", wrong, *arguments], check=False,
                    env=environment, stdout=subprocess.DEVNULL, stderr=journal)
                self.assertEqual(done.returncode, int(status))
            journal.seek(0)
            for line in journal:
                self.assertRegex(line, r"^<3>sluiced: .*num\.partitions\?")


if __name__ == "__main__":
    unittest.main()
