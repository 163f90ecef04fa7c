#!/usr/bin/env python3
"""Tests of tools/dev/tidy.py and count_tests.py: each rule finds its sin, and only that."""

import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "dev"))

import count_tests  # noqa: E402
import tidy  # noqa: E402

READMES = {f"{folder}/README.md": "# x\n" for folder in [*tidy.LAYERS, *tidy.FREE]}


def check(files):
    """Runs tidy over a tree of {path: text}; returns (errors, warnings) as lists of lines."""
    with tempfile.TemporaryDirectory() as directory:
        for path, text in {**READMES, **files}.items():
            file = pathlib.Path(directory, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        result = tidy.Tidy(directory, [*READMES, *files]).run()
    return result.errors, result.warnings


class TidyTest(unittest.TestCase):
    def assert_clean(self, files):
        self.assertEqual(check(files)[0], [])

    def assert_found(self, files, *expected):
        errors = check(files)[0]
        self.assertEqual(len(errors), len(expected), errors)
        for error, part in zip(errors, expected):
            self.assertIn(part, error)

    def test_clean_tree(self):
        self.assert_clean({"protocol/codec.cpp": '#include "base/bytes.hpp"\n\nint f();\n'})

    def test_layer_matrix(self):
        self.assert_found({"protocol/a.cpp": '#include "storage/log.hpp"\n'}, "protocol/ may not")
        self.assert_found({"storage/a.cpp": '#include "broker/shard.hpp"\n'}, "storage/ may not")
        self.assert_found({"client/a.cpp": '#include "storage/log.hpp"\n'}, "client/ may not")
        self.assert_found({"storage/a.cpp": '#include "protocol/messages/fetch.hpp"\n'}, "may not")
        self.assert_clean({"storage/a.cpp": '#include "protocol/record_batch.hpp"\n'})
        self.assert_clean({"tools/a.cpp": '#include "broker/shard.hpp"\n'})

    def test_asio_and_sockets(self):
        self.assert_found({"protocol/a.cpp": "#include <boost/asio/buffer.hpp>\n"}, "no Asio")
        self.assert_found({"storage/a.cpp": "#include <boost/asio/ip/tcp.hpp>\n"}, "no sockets")
        self.assert_found({"storage/log.cpp": "#include <liburing.h>\n"}, "io_uring")
        self.assert_clean({"storage/uring_file.cpp": "#include <liburing.h>\n"})

    def test_banned_calls(self):
        for line in ("std::thread t;", "std::mutex m;", "auto* p = new Foo;", "delete p;",
                     "std::this_thread::sleep_for(1s);", "co_spawn(e, f(), asio::detached);",
                     "thread_local int x;", "int r = rand();",
                     "co_await run([this, n] { return n; });"):
            with self.subTest(line):
                self.assert_found({"broker/fetch.cpp": line + "\n"}, "banned")

    def test_words_in_comments_and_strings_are_not_calls(self):
        self.assert_clean({"broker/fetch.cpp": '// a new Foo\nlog("new Foo");\n/* std::mutex\n'
                                               "std::mutex */ f();\nFoo(const Foo&) = delete;\n"})

    def test_a_banned_call_is_allowed_where_it_belongs(self):
        self.assert_clean({"broker/shards.cpp": "std::thread t;\n"})

    def test_using_namespace_only_in_sources(self):
        header = {"base/a.hpp": "#pragma once\nusing namespace x;\n",
                  "base/a.cpp": '#include "base/a.hpp"\nusing namespace x;\n'}
        self.assert_found(header, "no using namespace in a header")

    def test_sizes(self):
        errors, warnings = check({"base/a.cpp": "x\n" * 501})
        self.assertEqual((len(errors), len(warnings)), (0, 1))
        self.assert_found({"base/a.cpp": "x\n" * 801}, "801 lines")
        errors, warnings = check({"base/a.cpp": "x" * 101 + "\n"})
        self.assertEqual((len(errors), len(warnings)), (0, 1))
        self.assert_found({"base/a.cpp": "x" * 121 + "\n"}, "121 columns")

    def test_headers(self):
        self.assert_found({"base/a.hpp": "#pragma once\n"}, "nobody includes")
        self.assert_found({"base/a.hpp": "int x;\n", "base/a.cpp": '#include "base/a.hpp"\n'},
                          "#pragma once")

    def test_left_over_marks(self):
        self.assert_found({"base/a.cpp": "// FIXME later\n"}, "left over")
        self.assert_found({"base/a.cpp": "// TODO: later\n"}, "TODO(")
        self.assert_clean({"base/a.cpp": "// TODO(perf): one pass\n"})

    def test_machine_paths(self):
        self.assert_found({"docs/a.md": "# a\ncd /home/somebody/sluice\n"}, "somebody's machine")
        self.assert_clean({"docs/a.md": "# a\n$HOME/home/x and https://x.org/home/y\n"})

    def test_readmes(self):
        self.assertIn("storage/README.md", check_without_readmes({"storage/a.cpp": "int x;\n"}))

    def test_one_title_a_document(self):
        self.assert_found({"docs/a.md": "# a\n# b\n"}, "2 titles")
        self.assert_clean({"docs/a.md": "# a\n```\n# shell comment\n```\n"})


def check_without_readmes(files):
    with tempfile.TemporaryDirectory() as directory:
        for path, text in files.items():
            file = pathlib.Path(directory, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return "\n".join(tidy.Tidy(directory, list(files)).run().errors)


class CountTestsTest(unittest.TestCase):
    def test_counts_by_status(self):
        report = ('<testsuite><testcase name="a" status="run"/><testcase name="b" status="fail"/>'
                  '<testcase name="c" status="notrun"><skipped/></testcase></testsuite>')
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "report.xml")
            path.write_text(report, encoding="utf-8")
            self.assertEqual(count_tests.count(path), (1, 1, 1))


if __name__ == "__main__":
    unittest.main()
