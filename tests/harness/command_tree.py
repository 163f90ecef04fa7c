"""The commands of `sluice`, as --help shows them.

    for words, text in command_tree.commands().items(): ...   # () is the program itself
"""

import functools
import re
import subprocess

from harness.broker import binary


def names_below(text):
    """Names of the commands that a help text lists, without their other spellings."""
    listed = re.search(r"^Subcommands:\n((?:  .*\n)+)", text, re.M)
    return re.findall(r"^  ([\w-]+)", listed[1], re.M) if listed else []


def walk(path=()):
    text = subprocess.run([binary("sluice"), *path, "--help"], capture_output=True, text=True,
                          timeout=10, check=True).stdout
    yield path, text
    for name in names_below(text):
        yield from walk((*path, name))


@functools.cache
def commands():
    """{words: help} of all commands and families."""
    return dict(walk())


def leaves():
    """Those that have none below: "topics list", …"""
    return [" ".join(path) for path, text in commands().items() if not names_below(text)]
