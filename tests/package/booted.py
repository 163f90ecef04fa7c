#!/usr/bin/env python3
"""The Debian package on a Debian that is booted: systemd as process 1, in a container of
systemd-nspawn without network. `./dev package --boot`, as root; not part of `./dev test`, because
it fetches a Debian (once, into .cache/).

    booted.py PACKAGE.deb
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FETCHED = ROOT / ".cache/booted-debian"
CONFIG = "/etc/sluice/sluice.toml"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
SECONDS = 30
PACKAGE = None  # set by main


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.returncode}\n{done.stdout}")
    return done.stdout


def fetch():
    """A Debian 12 with what the package needs, and not the package."""
    if (FETCHED / "complete").exists():
        return
    shutil.rmtree(FETCHED, ignore_errors=True)
    run("debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus", "bookworm",
        FETCHED)
    (FETCHED / "etc/hosts").write_text("127.0.0.1 localhost\n")
    shutil.copy(PACKAGE, FETCHED / "var/tmp/sluice.deb")
    # It installs what the package depends on as well; what it did itself is undone.
    run("systemd-nspawn", "-q", "-D", FETCHED, "--register=no", "--keep-unit", "--pipe",
        "--resolv-conf=copy-host", "sh", "-c",
        "apt-get -q update && apt-get -qy install --no-install-recommends /var/tmp/sluice.deb && "
        "apt-get -qy purge sluice && useradd -m somebody")
    (FETCHED / "complete").touch()


class Machine:
    """A copy of the fetched Debian, booted."""

    def __init__(self):
        fetch()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-booted-"))
        self.root = self.directory / "root"
        run("cp", "-a", "--reflink=auto", FETCHED, self.root)
        self.console = open(self.directory / "console", "wb")
        self.process = subprocess.Popen(
            ["systemd-nspawn", "-D", self.root, "--boot", "--private-network", "--register=no",
             "--keep-unit", "--console=pipe"], stdin=subprocess.DEVNULL, stdout=self.console,
            stderr=self.console)
        self.wait(lambda: self.init() and "running" in self.tell("systemctl is-system-running"))

    def wait(self, condition):
        until = time.monotonic() + SECONDS
        while not condition():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.directory / "console").read_text(errors="replace"))
            time.sleep(0.1)

    def init(self):
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return children[0] if children else None

    def call(self, command, user="root"):
        """(exit code, what it printed) of a shell command in there."""
        words = ["sh", "-c", command] if user == "root" else ["su", "-", user, "-c", command]
        done = subprocess.run(
            ["nsenter", "-t", self.init(), "-m", "-u", "-i", "-p", "-n", "-r", "-w", "--",
             "env", "-i", f"PATH={PATH}", "HOME=/root", *words], text=True, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def tell(self, command, user="root"):
        return self.call(command, user)[1]

    def close(self):
        if self.process.poll() is None and self.init():
            self.call("systemctl --force --force poweroff")
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.console.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class BootedTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = Machine()
        cls.addClassCleanup(cls.machine.close)
        shutil.copy(PACKAGE, cls.machine.root / "var/tmp/sluice.deb")

    def setUp(self):
        self.good("apt-get -qy purge sluice; rm -rf /etc/systemd/system/sluice.service.d")
        self.install()

    def good(self, command, user="root"):
        code, printed = self.machine.call(command, user)
        self.assertEqual(code, 0, f"{command}\n{printed}")
        return printed

    def install(self):
        return self.good("DEBIAN_FRONTEND=noninteractive apt-get -qy --reinstall "
                         "-o Dpkg::Options::=--force-confold install /var/tmp/sluice.deb")

    def show(self, name):
        return self.good(f"systemctl show -P {name} sluice").strip()

    def is_active(self):
        return self.machine.tell("systemctl is-active sluice").strip()

    def since_now(self, more=""):
        """A function that returns what the service logged since this call. (journalctl 252 leaves
        out the first entry behind a cursor.)"""
        def read():
            return self.good(f"journalctl -q -u sluice -o cat {more} || true")
        before = len(read())
        return lambda: read()[before:]

    def write(self):
        self.good("printf 'a:1\\nb:2\\n' | sluice -q produce orders -K:", "somebody")

    def read(self):
        return self.good("sluice -q consume orders -e", "somebody")

    def test_serves_once_it_is_installed(self):
        self.assertEqual(self.is_active(), "active")
        self.assertEqual(self.good("systemctl is-enabled sluice").strip(), "enabled")
        self.assertEqual(self.show("StatusText"), "serving 127.0.0.1:9092")
        self.write()
        self.assertEqual(self.read(), "1\n2\n")
        self.assertNotEqual(self.machine.call("ls /var/lib/sluice", "somebody")[0], 0)
        self.assertEqual(self.good("sluice -q check", "somebody").split()[0], "OK")
        status = self.good(f"cat /proc/{self.show('MainPID')}/status")
        self.assertRegex(status, r"(?m)^Seccomp:\s+2$")
        self.assertRegex(status, r"(?m)^CapEff:\s+0+$")
        self.assertRegex(status, r"(?m)^NoNewPrivs:\s+1$")

    def test_io_uring_is_among_the_calls_it_may_make(self):
        """Where the kernel has it for everybody, the unit's filter is no reason to go without."""
        printed = self.good("journalctl -u sluice -o cat")
        backend = re.search(r"io=(\w+) io_reason=(\S+)", printed)
        allowed = pathlib.Path("/proc/sys/kernel/io_uring_disabled")
        if not allowed.exists() or allowed.read_text().strip() == "0":
            self.assertEqual(backend.group(1), "io_uring", printed)

    def test_reload_takes_what_is_right_and_refuses_what_is_wrong(self):
        logged = self.since_now()
        self.good(f"echo 'message.max.bytes = 2000000' >> {CONFIG}; systemctl reload sluice")
        self.machine.wait(lambda: "option changed key=message.max.bytes" in logged())
        logged = self.since_now("-p err")
        code, _ = self.machine.call(f"echo 'num.partition = 4' >> {CONFIG}; "
                                    "systemctl reload sluice")
        self.assertNotEqual(code, 0)
        self.machine.wait(lambda: "did you mean num.partitions?" in logged())
        self.assertEqual(self.is_active(), "active")

    def test_comes_back_after_kill_9_with_every_record(self):
        self.write()
        before = self.show("MainPID")
        self.good(f"kill -9 {before}")
        self.machine.wait(lambda: self.show("MainPID") not in ("0", before)
                          and self.is_active() == "active")
        self.assertEqual(self.show("NRestarts"), "1")
        self.assertEqual(self.read(), "1\n2\n")

    def test_a_wrong_configuration_waits_for_a_person(self):
        self.machine.call(f"echo 'num.partition = 4' >> {CONFIG}; systemctl restart sluice")
        self.assertEqual(self.is_active(), "failed")
        self.assertEqual(self.show("NRestarts"), "0")

    def test_what_goes_away_by_itself_is_waited_for(self):
        self.good("systemctl stop sluice")
        self.good("sluiced --data /tmp/other >/tmp/other.log 2>&1 & "
                  "until sluice -q topics list; do sleep 0.1; done; systemctl start sluice || "
                  "true")
        self.assertEqual(self.is_active(), "activating")
        self.good("pkill -x -u 0 sluiced")
        self.machine.wait(lambda: self.is_active() == "active")

    def test_data_elsewhere_needs_a_line_in_the_unit(self):
        self.good("install -d -o sluice -g sluice -m 0750 /srv/events; "
                  f"sed -i 's,^log.dir.*,log.dir = \"/srv/events\",' {CONFIG}")
        self.machine.call("systemctl restart sluice")
        self.assertNotEqual(self.is_active(), "active")
        self.good("mkdir /etc/systemd/system/sluice.service.d; printf '[Service]\\n"
                  "ReadWritePaths=/srv/events\\n' > /etc/systemd/system/sluice.service.d/x.conf; "
                  "systemctl daemon-reload; systemctl restart sluice")
        self.assertEqual(self.is_active(), "active")

    def test_stops_in_order(self):
        logged = self.since_now()
        self.good("systemctl stop sluice")
        self.assertEqual(self.show("Result"), "success")
        self.machine.wait(lambda: re.search(r"(?m)^stopped$", logged()))

    def test_an_upgrade_in_place_keeps_records_and_configuration(self):
        self.write()
        self.good(f"echo 'message.max.bytes = 2000000' >> {CONFIG}")
        before = self.show("MainPID")
        self.install()
        self.assertNotEqual(self.show("MainPID"), before)
        self.assertEqual(self.is_active(), "active")
        self.assertEqual(self.read(), "1\n2\n")
        self.assertIn("message.max.bytes = 2000000", self.good(f"cat {CONFIG}"))

    def test_an_upgrade_leaves_a_disabled_service_alone(self):
        self.good("systemctl disable --now sluice")
        self.install()
        self.assertEqual(self.machine.tell("systemctl is-enabled sluice").strip(), "disabled")
        self.assertEqual(self.is_active(), "inactive")

    def test_removing_keeps_records_and_purging_does_not(self):
        self.write()
        self.good("apt-get -qy remove sluice")
        self.assertIn("orders-0", self.good("ls /var/lib/sluice"))
        self.assertNotEqual(self.machine.call("pgrep -x sluiced")[0], 0)
        self.install()
        self.assertEqual(self.read(), "1\n2\n")
        self.good("apt-get -qy purge sluice")
        for path in ("/var/lib/sluice", "/etc/sluice",
                     "/etc/systemd/system/multi-user.target.wants/sluice.service"):
            self.assertNotEqual(self.machine.call(f"ls -d {path}")[0], 0, path)


if __name__ == "__main__":
    if len(sys.argv) < 2 or not sys.argv[1].endswith(".deb"):
        sys.exit(__doc__)
    if os.geteuid() != 0:
        sys.exit("booted.py: needs root")
    PACKAGE = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
