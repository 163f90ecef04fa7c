#!/usr/bin/env python3
"""Checks the rules of the house that a compiler does not: layers, banned calls, sizes, headers
that nobody includes, folder READMEs, left-over marks, paths of somebody's machine.

Standard library only. `tidy.py [ROOT]` prints one finding a line, `file:line: what`, and exits
with 1 when there is any; guides (a file over 500 lines) are printed as warnings and do not fail.
"""

import fnmatch
import pathlib
import re
import subprocess
import sys

# The layer matrix. THINK BEFORE YOU EDIT: an arrow added here is a dependency for good.
# folder -> what its files may include from the root of the project; the longest folder counts.
# Public headers (client/include/sluice) are included as users do, "sluice/…".
VOCABULARY = ["sluice/result.hpp", "sluice/bytes.hpp", "sluice/clock.hpp", "sluice/log.hpp",
              "sluice/export.hpp"]
LAYERS = {
    "client/include": ["sluice/*"],
    "base": ["base/*", *VOCABULARY],
    "protocol": ["base/*", "protocol/*", *VOCABULARY, "sluice/ids.hpp", "sluice/error_code.hpp",
                 "sluice/record.hpp"],
    # Of the protocol, storage knows record batches and what they are made of; no messages.
    "storage": [
        "base/*", "storage/*", "protocol/ids.hpp", "protocol/crc32c.hpp", "protocol/record*.hpp",
        "protocol/batch*.hpp", "protocol/compression.hpp", "protocol/error_code.hpp",
        "protocol/varint.hpp",
    ],
    "broker": ["base/*", "protocol/*", "storage/*", "broker/*"],
    "broker/embed": ["base/*", "protocol/*", "storage/*", "broker/*", "client/*", "sluice/*"],
    "client": ["base/*", "protocol/*", "client/*", "sluice/*"],
}
# Folders that may include anything.
FREE = ["tools", "bench", "tests", "examples"]

# What may be included of Asio: nothing in protocol; no sockets in storage.
OUTSIDE = [
    ("protocol/*", r"<boost/asio", "protocol/ knows no Asio"),
    ("storage/*", r"<boost/asio/(ip/|local/|ssl|read|write|connect)", "storage/ touches no sockets"),
    ("client/include/*", r"<(boost|asio|fmt|spdlog)", "public headers need the standard library"),
    ("*", r"<iostream>", "print through base/log.hpp or fmt"),
    ("*", r"<(liburing)", "io_uring lives in storage/uring* only"),
]
OUTSIDE_ALLOWED = {
    r"<(boost|asio|fmt|spdlog)": ["client/include/sluice/async.hpp"],
    r"<iostream>": ["tools/*", "tests/*", "bench/*", "examples/*", "broker/main.cpp", "client/*"],
    r"<(liburing)": ["storage/*uring*", "tests/*", "bench/*"],
}

# Banned calls: (pattern, what to use instead, files where it is allowed).
# aligned_buffer: a share is dropped by the shard that sent it, not by the one that made it.
# Threads are made in few places: shards, the one worker, the pwrite backend, programs.
THREADS = ["broker/shard*", "broker/worker.*", "broker/embed/core.*", "broker/main.cpp",
           "storage/*thread*",
           "storage/aligned_buffer.cpp", "client/runtime.cpp", "base/log*", "tests/*", "bench/*", "tools/*",
           "examples/*"]
# Connections and share sessions of all shards are counted in one place; any thread may ask whether
# a record is sent.
ATOMICS = [*THREADS, "client/batch_outcome.hpp", "broker/broker.*", "broker/share/share_sessions.*",
           "*/metrics*"]
BANNED = [
    (r"\bstd::j?thread\b", "threads belong to shards", THREADS),
    (r"\bstd::(mutex|shared_mutex|condition_variable|lock_guard|unique_lock|scoped_lock)\b",
     "talk by messages, not by locks", THREADS),
    (r"\bstd::atomic", "an object belongs to one shard", ATOMICS),
    (r"\bthread_local\b", "no ambient state", []),
    (r"\basio::detached\b|[( ]detached\)", "spawn with an owner", ["tests/*"]),
    (r"\b(sleep_for|sleep_until|usleep|nanosleep)\b", "use Clock", ["tests/*", "bench/*",
                                                                    "base/clock*", "examples/*"]),
    (r"\bsystem_clock::now\b|\bsteady_clock::now\b", "use Clock",
     ["*/sluice/clock.hpp", "storage/*clock*", "tests/*", "bench/*", "tools/*", "base/log.cpp",
      "examples/*"]),
    (r"\b(rand|srand|random_device|mt19937(_64)?)\b\s*[({]", "use base/random.hpp",
     ["base/random.*", "tests/*", "bench/*", "examples/*"]),
    # A unique_ptr may take what only a private constructor makes: unique_ptr<T> x{new T(…)}.
    (r"(?<![\w.>{])new\s+[A-Za-z_:]", "make_unique, or a value", ["tests/*"]),
    (r"(?<!= )\bdelete\s+[a-z_]", "an owner deletes", ["tests/*"]),
    (r"\b(sprintf|strcpy|strcat|gets|atoi|strtok)\s*\(", "unsafe C", ["tests/*"]),
    (r"\breinterpret_pointer_cast\b", "unsafe cast", []),
    (r"co_await[^;]*[\s(,]\[[^\]]*\w[^\]]*\]\s*[({]", "name the lambda on the line before", []),
    (r"\bassert\s*\(", "SLUICE_CHECK", ["tests/*"]),
]
BANNED_IN_HEADERS = [(r"^\s*using namespace\b(?!.*literals)", "no using namespace in a header", [])]

LINE_COLUMNS_GUIDE = 100
LINE_COLUMNS_MAX = 120
FILE_LINES_GUIDE = 500
FILE_LINES_MAX = 800
LEFT_OVER = r"\b(FIXME|XXX|HACK)\b"
TODO = r"\bTODO\b(?!\((perf|soon|security)\):)"
MACHINE_PATHS = r"(?<![\w.$}])/(home|root|Users|work|tmp/[a-z]+/wt|mnt/[a-z])/[\w.]+"
CODE = (".hpp", ".cpp")
TEXT = CODE + (".py", ".sh", ".md", ".txt", ".cmake", ".toml", ".json", ".java", ".go", ".js",
               ".xml")
# Test data is what it is; lock files are made by package managers.
NOT_CHECKED = ["tests/golden/*", "*/package-lock.json", "*/go.sum", "LICENSE", "examples/data/*"]


def matches(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def strip_code(line, in_comment):
    """Returns (code, in_comment): `line` without strings and comments, so that words in prose
    are not taken for calls."""
    line = re.sub(r'"(\\.|[^"\\])*"', '""', line)
    line = re.sub(r"'(\\.|[^'\\])'", "' '", line)
    if in_comment:
        end = line.find("*/")
        if end < 0:
            return "", True
        line = line[end + 2:]
    line = re.sub(r"/\*.*?\*/", "", line)
    line = re.sub(r"//.*", "", line)
    start = line.find("/*")
    return (line[:start], True) if start >= 0 else (line, False)


class Tidy:
    """Collects the findings of one tree: `errors` fail, `warnings` do not."""

    def __init__(self, root, paths):
        self.root = pathlib.Path(root)
        self.paths = sorted(path for path in paths if not matches(path, NOT_CHECKED))
        self.errors = []
        self.warnings = []
        self.included = set()

    def error(self, path, line, what):
        self.errors.append(f"{path}:{line}: {what}")

    def warning(self, path, line, what):
        self.warnings.append(f"{path}:{line}: {what}")

    def run(self):
        for path in self.paths:
            if not self.is_text(path):
                continue
            try:
                lines = (self.root / path).read_text(encoding="utf-8").split("\n")
            except (UnicodeDecodeError, OSError) as error:
                self.error(path, 1, f"cannot be read as UTF-8: {error}")
                continue
            self.text(path, lines)
            if path.endswith(CODE):
                self.code(path, lines)
        self.headers()
        self.readmes()
        return self

    def layer(self, path):
        """The folder that decides what `path` may include."""
        inside = [layer for layer in LAYERS if path.startswith(layer + "/")]
        return max(inside, key=len, default=path.split("/", 1)[0])

    def is_text(self, path):
        """True for the kinds in TEXT and for scripts without a suffix."""
        if "." in path.rsplit("/", 1)[-1]:
            return path.endswith(TEXT)
        with open(self.root / path, "rb") as file:
            return file.read(2) == b"#!"

    def text(self, path, lines):
        """Rules for every text file."""
        own = path.endswith(("tidy.py", "tidy_test.py"))
        for number, line in enumerate(lines, 1):
            if re.search(LEFT_OVER, line) and not own:
                self.error(path, number, "left over: " + line.strip()[:60])
            if path.endswith(CODE) and re.search(TODO, line):
                self.error(path, number, "write TODO(perf|soon|security): …")
            if re.search(MACHINE_PATHS, line) and not own:
                self.error(path, number, "path of somebody's machine: " + line.strip()[:60])
            if line != line.rstrip() and not path.endswith(".md"):
                self.error(path, number, "space at the end of the line")
        if path.endswith(CODE + (".py",)):
            self.sizes(path, lines)
        if path.endswith(".md"):
            self.one_title(path, lines)

    def sizes(self, path, lines):
        count = len(lines) - 1
        if count > FILE_LINES_MAX:
            self.error(path, 1, f"{count} lines, {FILE_LINES_MAX} at most; split it")
        elif count > FILE_LINES_GUIDE:
            self.warning(path, 1, f"{count} lines; {FILE_LINES_GUIDE} is the guide")
        for number, line in enumerate(lines, 1):
            columns = len(line)
            if columns > LINE_COLUMNS_MAX and "://" not in line:
                self.error(path, number, f"{columns} columns, {LINE_COLUMNS_MAX} at most")
            elif columns > LINE_COLUMNS_GUIDE and "://" not in line:
                self.warning(path, number, f"{columns} columns; {LINE_COLUMNS_GUIDE} is the guide")

    def one_title(self, path, lines):
        fenced = False
        titles = []
        for number, line in enumerate(lines, 1):
            if line.startswith("```"):
                fenced = not fenced
            elif line.startswith("# ") and not fenced:
                titles.append(number)
        if len(titles) != 1:
            self.error(path, titles[1] if len(titles) > 1 else 1, f"{len(titles)} titles, not one")

    def code(self, path, lines):
        """Rules for C++: layers and banned calls."""
        folder = self.layer(path)
        banned = BANNED + (BANNED_IN_HEADERS if path.endswith(".hpp") else [])
        if path.endswith(".hpp") and "#pragma once" not in lines:
            self.error(path, 1, "a header without #pragma once")
        in_comment = False
        for number, line in enumerate(lines, 1):
            include = re.match(r'\s*#\s*include\s+(["<][^">]+[">])', line)
            if include:
                self.include(path, number, folder, include.group(1))
                continue
            code, in_comment = strip_code(line, in_comment)
            for pattern, instead, allowed in banned:
                if re.search(pattern, code) and not matches(path, allowed):
                    self.error(path, number, f"banned ({instead}): {line.strip()[:60]}")

    def include(self, path, number, folder, target):
        name = target[1:-1]
        for files, pattern, reason in OUTSIDE:
            if matches(path, [files]) and re.match(pattern, target):
                if not matches(path, OUTSIDE_ALLOWED.get(pattern, [])):
                    self.error(path, number, f"{reason}: {target}")
        if not target.startswith('"'):
            return
        self.included.add(name)
        if name.startswith("../"):
            self.error(path, number, "include from the root of the project")
        if folder in LAYERS and not matches(name, LAYERS[folder]):
            self.error(path, number, f"{folder}/ may not include {name}")

    def headers(self):
        for path in self.paths:
            folder = path.split("/", 1)[0]
            name = path.removeprefix("client/include/")
            if path.endswith(".hpp") and name not in self.included and folder in [*LAYERS, *FREE]:
                self.error(path, 1, "a header that nobody includes")

    def readmes(self):
        for folder in [*(layer for layer in LAYERS if "/" not in layer), *FREE]:
            inside = [path for path in self.paths if path.startswith(folder + "/")]
            if inside and f"{folder}/README.md" not in self.paths:
                self.error(f"{folder}/README.md", 1, "missing: what lives there, what it may know")


def tracked_files(root):
    output = subprocess.run(
        ["git", "-c", f"safe.directory={pathlib.Path(root).resolve()}", "-C", str(root),
         "ls-files", "-co", "--exclude-standard"],
        check=True, capture_output=True, text=True).stdout
    return [path for path in output.splitlines() if (pathlib.Path(root) / path).is_file()]


def main(arguments):
    root = pathlib.Path(arguments[1] if len(arguments) > 1 else __file__)
    if len(arguments) < 2:
        root = root.resolve().parents[2]
    tidy = Tidy(root, tracked_files(root)).run()
    for line in tidy.warnings:
        print("warning:", line)
    for line in tidy.errors:
        print(line)
    print(f"tidy: {len(tidy.paths)} files, {len(tidy.errors)} findings")
    return 1 if tidy.errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
