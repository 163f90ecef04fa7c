#!/usr/bin/env python3
"""The tarball: its programs need glibc alone, and run as in a container: another root, read-only
but for the data, a user without a name or privileges, io_uring refused."""

import errno
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import no_uring  # noqa: E402
from harness.broker import ROOT, Broker  # noqa: E402
from package.commands import BUILD, run  # noqa: E402

GLIBC = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"}
PORTABLE = BUILD.parent / "portable"
NOBODY = 65532
CONTAINER = ROOT / "tests/package/container.sh"


def needed_libraries(program):
    return set(re.findall(r"\(NEEDED\)\s+Shared library: \[(.+?)\]", run("readelf", "-d", program)))


class ContainedBroker(Broker):
    """The tarball's broker behind container.sh."""

    root = None
    before_exec = staticmethod(no_uring.forbidder(errno.EPERM))

    def command(self):
        return ["sh", str(CONTAINER), str(self.root), str(self.data_directory), str(NOBODY),
                "/opt/sluice/bin/sluiced", "--data", "/data", "--listen", self.address]


class TarballTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = pathlib.Path(tempfile.mkdtemp(prefix="sluice-tarball-"))
        cls.addClassCleanup(shutil.rmtree, cls.work, ignore_errors=True)
        if not (PORTABLE / "build.ninja").exists():
            run("cmake", "--preset", "portable", cwd=ROOT)
        run("cmake", "--build", PORTABLE, "--target", "sluiced", "sluice", "package_files")
        run("cpack", "-G", "TGZ", "-B", cls.work, "--config", PORTABLE / "CPackConfig.cmake")
        with tarfile.open(next(cls.work.glob("sluice-*.tar.gz"))) as archive:
            archive.extractall(cls.work)
        cls.root = next(path for path in cls.work.glob("sluice-*") if path.is_dir())

    def test_needs_nothing_but_glibc(self):
        for program in ("sluiced", "sluice"):
            with self.subTest(program=program):
                self.assertLessEqual(needed_libraries(self.root / "bin" / program), GLIBC)

    def test_has_what_its_readme_names(self):
        for path in ("README", "LICENSE", "etc/sluice.toml", "share/man/man1/sluice.1.gz",
                     "share/man/man1/sluiced.1.gz", "share/bash-completion/completions/sluice",
                     "share/sluice/sluice.service", "share/sluice/sluice.sysusers"):
            self.assertTrue((self.root / path).is_file(), path)
        run(self.root / "bin/sluiced", "--config", self.root / "etc/sluice.toml", "--check-config",
            env={"PATH": os.environ["PATH"], "HOME": str(self.work)})

    def test_names_the_licences_of_what_is_linked_in(self):
        text = (self.root / "THIRD-PARTY.txt").read_text()
        for name in ("Boost Software License", "zlib", "lz4", "zstd", "snappy", "liburing",
                     "xxhash", "spdlog", "libfmt", "tomlplusplus", "cli11", "re2", "ncurses"):
            self.assertIn(name, text)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_runs_as_in_a_container(self):
        contained = self.work / "container"
        (contained / "opt").mkdir(parents=True)
        shutil.copytree(self.root, contained / "opt/sluice")
        for library in run("ldd", self.root / "bin/sluiced").splitlines():
            if path := re.search(r"(/\S+) \(0x", library):
                target = contained / path.group(1)[1:]
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path.group(1), target)
        ContainedBroker.root = contained
        with ContainedBroker() as broker:
            status = pathlib.Path(f"/proc/{broker.process.pid}/status").read_text()
            self.assertRegex(status, rf"Uid:\s+{NOBODY}\s+{NOBODY}")
            self.assertRegex(status, r"CapEff:\s+0+\n")
            sluice = [str(self.root / "bin/sluice"), "-b", broker.address]
            run(*sluice, "topics", "create", "orders")
            subprocess.run([*sluice, "produce", "orders"], input=b"paid\n", check=True, timeout=20)
            read = run(*sluice, "consume", "orders", "--from", "earliest", "--until-end")
            self.assertIn("paid", read)
            self.assertEqual(broker.stop(), 0)
            self.assertRegex(broker.log_path.read_text(), r"(?i)thread")


if __name__ == "__main__":
    unittest.main()
