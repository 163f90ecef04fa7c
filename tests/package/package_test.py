#!/usr/bin/env python3
"""The installed package: what it contains, and that projects of five kinds can use it.

The build is installed to a clean prefix, stripped, and the tree is moved before anybody uses it.
Each project is configured, built and run against the sluiced that was installed.
SLUICE_BUILD is the build directory.
"""

import os
import pathlib
import re
import shutil
import sys
import tempfile
import textwrap
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.broker import ROOT, Broker  # noqa: E402
from package.commands import BUILD, run  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
SHARED_BYTES_MAX = {"libsluice_client.so": 3 << 20, "libsluice.so": 8 << 20}


class InstalledBroker(Broker):
    prefix = None

    def command(self):
        return [str(self.prefix / "bin/sluiced"), *super().command()[1:]]


def archive_members(path):
    """(name, first bytes) of each member of an ar archive; of nothing but the header is relied on."""
    data = path.read_bytes()
    at = 8
    while at + 60 <= len(data):
        name, size = data[at:at + 16].decode().strip(), int(data[at + 48:at + 58])
        yield name, data[at + 60:at + 64]
        at += 60 + size + size % 2


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = pathlib.Path(tempfile.mkdtemp(prefix="sluice-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.work, ignore_errors=True)
        first = cls.work / "first"
        run("cmake", "--install", BUILD, "--prefix", first, "--strip")
        cls.prefix = cls.work / "moved" / "here"
        cls.prefix.parent.mkdir()
        first.rename(cls.prefix)
        cls.lib = next(cls.prefix.glob("lib/**/libsluice.so")).parent
        InstalledBroker.prefix = cls.prefix
        cls.broker = InstalledBroker().start()
        cls.addClassCleanup(cls.broker.close)

    def environment(self):
        return {**os.environ, "CMAKE_PREFIX_PATH": str(self.prefix),
                "PKG_CONFIG_PATH": str(self.lib / "pkgconfig")}

    def build_with_cmake(self, name, *arguments):
        """Returns the directory of the project's programs."""
        build = self.work / name
        run("cmake", "-S", HERE / name, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
            *arguments, env=self.environment())
        run("cmake", "--build", build, "--parallel", os.cpu_count(), env=self.environment())
        return build

    def check_round_trip(self, program):
        topic = program.parent.name
        found = run(program, self.broker.address, topic, env=self.run_environment())
        self.assertEqual(found, "hello\n")

    def run_environment(self):
        return {**os.environ, "LD_LIBRARY_PATH": str(self.lib)}

    # What is in it.

    def test_each_header_compiles_alone(self):
        headers = sorted((self.prefix / "include/sluice").iterdir())
        self.assertGreater(len(headers), 10)
        for header in headers:
            line = f"#include <sluice/{header.name}>\n"
            if header.suffix == ".h":
                compilers = [["gcc-12", "-std=c11", "-xc"], ["clang-19", "-std=c11", "-xc"]]
            else:
                compilers = [["g++-12", "-std=c++23", "-xc++"], ["clang++-19", "-std=c++23", "-xc++"]]
            for compiler in compilers:
                with self.subTest(header=header.name, compiler=compiler[0]):
                    run(*compiler, "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
                        f"-I{self.prefix}/include", "-", input=line)

    def test_shared_libraries(self):
        for name, size_max in SHARED_BYTES_MAX.items():
            with self.subTest(name):
                path = self.lib / name
                self.assertLessEqual(path.stat().st_size, size_max)
                dynamic = run("readelf", "-dW", path)
                self.assertIn(f"Library soname: [{name}.0.1]", dynamic)
                self.assertTrue((self.lib / f"{name}.0.1").exists())
                self.assertNotRegex(dynamic, r"(RPATH|RUNPATH|libfmt|libspdlog|libboost)")

    def test_only_the_interface_is_visible(self):
        for name in SHARED_BYTES_MAX:
            with self.subTest(name):
                symbols = run("nm", "-DC", "--defined-only", self.lib / name).splitlines()
                names = [re.sub(r"@.*", "", line.split(" ", 2)[2]) for line in symbols]
                strangers = [symbol for symbol in names if not re.match(
                    r"(vtable for |typeinfo for |typeinfo name for )?sluice(::|_)|SLUICE_", symbol)]
                self.assertEqual(strangers, [])
                # Of what is inside, only the deleters of the public classes.
                inside = [symbol for symbol in names if re.match(
                    r"sluice::(protocol|storage|broker|client|embed)::(?!Retire)", symbol)]
                self.assertEqual(inside, [])
                self.assertIn("sluice::Producer::flush(sluice::Deadline)", names)

    def test_archives_hold_machine_code(self):
        for path in self.lib.glob("*.a"):
            for name, magic in archive_members(path):
                if name not in ("/", "//"):
                    self.assertEqual(magic, b"\x7fELF", f"{path.name}: {name}")

    def test_nothing_names_the_prefix_or_the_sources(self):
        for path in [*self.lib.glob("cmake/sluice/*"), *self.lib.glob("pkgconfig/*"),
                     *self.prefix.glob("include/**/*.h*")]:
            if path.is_file():
                text = path.read_text()
                for place in (str(self.work), str(ROOT), str(BUILD)):
                    self.assertNotIn(place, text, path.name)

    # Who uses it.

    def test_installed_cmake(self):
        build = self.build_with_cmake("installed")
        self.check_round_trip(build / "round_trip")

    def test_the_project_of_the_guide(self):
        """Both files and the commands' output as they stand in docs/guide.md."""
        text = (ROOT / "docs/guide.md").read_text()
        blocks = [textwrap.dedent(block) for block in re.findall(r"(?:^(?: {4}.*)?\n)+", text, re.M)
                  if block.strip()]
        project = self.work / "guide"
        project.mkdir()
        files = {"CMakeLists.txt": "cmake_minimum_required", "hello.cpp": "#include"}
        for name, beginning in files.items():
            found = next(b.strip("\n") for b in blocks if b.strip().startswith(beginning))
            (project / name).write_text(found.partition("\n$ ")[0] + "\n")
        source = project / "hello.cpp"
        source.write_text(source.read_text().replace("localhost:9092", self.broker.address))
        run("cmake", "-S", project, "-B", project / "build", env=self.environment())
        run("cmake", "--build", project / "build", env=self.environment())
        said = run(project / "build/hello", env=self.run_environment())
        self.assertEqual(said, "0 hello\n")
        self.assertIn("build/hello\n    " + said, text)

    def test_static(self):
        build = self.build_with_cmake("static")
        self.check_round_trip(build / "round_trip")
        needed = run("readelf", "-dW", build / "round_trip")
        self.assertNotIn("libsluice", needed)

    def test_fetch_content(self):
        build = self.build_with_cmake("fetch", f"-DSLUICE_SOURCE={ROOT}",
                                      *cached_compiler())
        self.check_round_trip(build / "round_trip")

    def test_pkg_config(self):
        program = self.work / "pkgconfig" / "round_trip"
        program.parent.mkdir()
        run("sh", HERE / "pkgconfig/build.sh", HERE / "round_trip.cpp", program,
            env=self.environment())
        self.check_round_trip(program)

    def test_c(self):
        program = self.work / "c" / "round_trip"
        program.parent.mkdir()
        run("sh", HERE / "c/build.sh", HERE / "round_trip.c", program, env=self.environment())
        found = "hello C 1234567890123\n"
        for words in (("connect", self.broker.address), ("open", self.work / "c" / "data")):
            with self.subTest(words[0]):
                self.assertEqual(run(program, *words, env=self.run_environment()), found)


def cached_compiler():
    """The compiler and the launcher of the build, so that its compilations are found again."""
    cache = (BUILD / "CMakeCache.txt").read_text()
    compiler = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.+)$", cache, re.M).group(1)
    return [f"-DCMAKE_CXX_COMPILER={compiler}"]


if __name__ == "__main__":
    unittest.main()
