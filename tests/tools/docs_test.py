#!/usr/bin/env python3
"""What the documents name exists: the tests that guarantees.md relies on, and the files behind
links."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUARANTEES = ROOT / "docs/guarantees.md"
PYTHON_TESTS = [*ROOT.glob("tests/**/*_test.py")]
CPP_TESTS = [*ROOT.glob("tests/**/*_test.cpp")]


def evidence():
    """(line number, [names in backticks]) of the last cell of each row of the table."""
    for number, line in enumerate(GUARANTEES.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("| ") and not line.startswith("| promise"):
            yield number, re.findall(r"`([^`]+)`", line.rstrip("| ").rsplit(" | ", 1)[1])


def finds(name):
    """Whether `name` is a file, a folder, a test or a command of this repository; None: it is not
    the name of such a thing."""
    word = name.split()[0].rstrip("…")
    if word == "./dev":
        command = name.split()[1]
        return re.search(rf"^cmd_{command}\(\)", (ROOT / "dev").read_text(), re.M) is not None
    if "/" in word:
        return (ROOT / word).exists()
    if re.search(r"\.(py|cpp|hpp)$", word):
        return any(ROOT.glob(f"tests/**/{word}"))
    if re.fullmatch(r"\w+Test", word):
        return any(re.search(rf"^class {word}\(", path.read_text(), re.M) for path in PYTHON_TESTS)
    if match := re.fullmatch(r"(\w+)\.(\w+)", word):
        suite, test = match.groups()
        start = rf"^TEST\w*\({suite},\s*{test}"
        return any(re.search(start, path.read_text(), re.M) for path in CPP_TESTS)
    return None


class DocsTest(unittest.TestCase):
    def test_each_promise_names_a_test_that_exists(self):
        rows = [*evidence()]
        self.assertGreater(len(rows), 10)
        for number, names in rows:
            with self.subTest(line=number):
                for name in names:
                    self.assertIsNot(finds(name), False, f"{name} is named and does not exist")

    def test_what_does_not_exist_is_noticed(self):
        for name in ("no_such_test.cpp", "tests/unit/nowhere", "NobodysTest", "Log.NeverWas",
                     "./dev nothing", "kill10.py --sabotage"):
            self.assertIs(finds(name), False, name)

    def test_links_lead_to_files(self):
        for page in [ROOT / "README.md", *ROOT.glob("docs/*.md")]:
            for target in re.findall(r"\[[^\]]+\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
                if "://" not in target:
                    with self.subTest(page=page.name, target=target):
                        self.assertTrue((page.parent / target).exists())


if __name__ == "__main__":
    unittest.main()
