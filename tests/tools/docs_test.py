#!/usr/bin/env python3
"""What the documents name exists: the tests that guarantees.md relies on, the errors of the broker,
the files behind links, the commands in code blocks."""

import pathlib
import re
import shlex
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import command_tree  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
ERRORS = ROOT / "docs/errors.md"
GUARANTEES = ROOT / "docs/guarantees.md"
PYTHON_TESTS = [*ROOT.glob("tests/**/*_test.py")]
CPP_TESTS = [*ROOT.glob("tests/**/*_test.cpp")]


def evidence():
    """(line number, [names in backticks]) of the last cell of each row of the table."""
    for number, line in enumerate(GUARANTEES.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("| ") and not line.startswith("| promise"):
            yield number, re.findall(r"`([^`]+)`", line.rstrip("| ").rsplit(" | ", 1)[1])


def kafka_errors():
    """{name: (number, "yes" or "no" for whether clients try again)}, from Kafka's own list."""
    found = {}
    for line in (ROOT / "tests/golden/errors/errors.txt").read_text().splitlines():
        number, name, retriable = line.split()
        found[name] = (int(number), "yes" if retriable == "true" else "no")
    return found


def errors_of_the_broker():
    """Names of the error codes that the broker's source gives, and does not only look for."""
    found = set()
    for path in [*ROOT.glob("broker/**/*.cpp"), *ROOT.glob("broker/**/*.hpp")]:
        text = re.sub(r"case (?:protocol::)?ErrorCode::\w+:", "", path.read_text(encoding="utf-8"))
        found.update(re.findall(r"\bErrorCode::(\w+)", text))
    return {name.upper() for name in found} - {"NONE"}


def listed_errors():
    """{name: (number, again)} of docs/errors.md."""
    rows = re.findall(r"^\| (−?\d+) ([A-Z_]+) \| (yes|no) \|", ERRORS.read_text(encoding="utf-8"),
                      re.M)
    return {name: (int(number.replace("−", "-")), again) for number, name, again in rows}


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


def commands_of(page):
    """[(line number, words)] of the sluice commands in the code blocks of a page."""
    fenced = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        text = line.strip().removeprefix("$ ")
        if (fenced or line.startswith("    ")) and text.startswith("sluice "):
            text = re.split(r"\s(?:[|>&;]|2>|#)|\\$", text)[0]
            yield number, shlex.split(text)


def help_of(words):
    """What --help prints of the command that `words` begin with."""
    commands, path = command_tree.commands(), ()
    for word in words[1:]:
        if (*path, word) not in commands:
            break
        path = (*path, word)
    return commands[path]


class CommandsTest(unittest.TestCase):
    """Commands that the pages show exist, with the options shown."""

    def test_commands_and_options_exist(self):
        everywhere = help_of(["sluice"])
        seen = 0
        for page in [ROOT / "README.md", *ROOT.glob("docs/*.md")]:
            for number, words in commands_of(page):
                seen += 1
                with self.subTest(page=page.name, line=number, command=" ".join(words)):
                    known = help_of(words)
                    self.assertNotEqual(known, everywhere, "no such command")
                    for word in words:
                        if flag := re.match(r"--?[a-zA-Z][\w-]*", word):
                            name = flag.group() if word.startswith("--") else word[:2]
                            self.assertRegex(known + everywhere, rf"[\s,]{re.escape(name)}\b")
        self.assertGreater(seen, 50)

    def test_what_does_not_exist_is_noticed(self):
        everywhere = help_of(["sluice"])
        self.assertEqual(help_of(["sluice", "nothing", "list"]), everywhere)
        self.assertNotIn("--no-such-option", help_of(["sluice", "topics", "list"]) + everywhere)


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

    def test_each_error_of_the_broker_is_explained_as_kafka_has_it(self):
        listed, kafka = listed_errors(), kafka_errors()
        self.assertEqual(errors_of_the_broker() - set(listed), set(), "not in docs/errors.md")
        self.assertEqual(set(listed) - errors_of_the_broker(), set(), "in docs/errors.md only")
        for name, row in listed.items():
            self.assertEqual(row, kafka[name], name)

    def test_each_alert_fires_in_its_test_and_is_explained(self):
        folder = ROOT / "docs/monitoring"
        alerts = set(re.findall(r"- alert: (\w+)", (folder / "alerts.yml").read_text()))
        fires = set(re.findall(r"alertname: (\w+)\n +eval_time: \w+\n +exp_alerts:\n",
                               (folder / "alerts_test.yml").read_text()))
        explained = set()
        for row in re.findall(r"(?m)^\| (Sluice[\w, ]+) \|", (ROOT / "docs/monitoring.md").read_text()):
            explained.update(row.split(", "))
        self.assertGreater(len(alerts), 5)
        self.assertEqual(fires, alerts)
        self.assertEqual(explained, alerts)

    def test_links_lead_to_files(self):
        for page in [ROOT / "README.md", *ROOT.glob("docs/*.md")]:
            for target in re.findall(r"\[[^\]]+\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
                if "://" not in target:
                    with self.subTest(page=page.name, target=target):
                        self.assertTrue((page.parent / target).exists())


if __name__ == "__main__":
    unittest.main()
