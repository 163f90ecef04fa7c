"""What the tests of packages share: the build that they look at, and commands that must succeed."""

import os
import pathlib
import subprocess

from harness.broker import ROOT

BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", ROOT / "build/release"))


def run(*command, **settings):
    """Runs a command and returns its output; its errors are part of the exception. The SLUICE_
    variables of the test run are left out: sluiced, which builds run, refuses unknown ones."""
    settings.setdefault("env", {key: value for key, value in os.environ.items()
                                if not key.startswith("SLUICE_")})
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=1200, check=False, **settings)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout
