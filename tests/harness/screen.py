"""A terminal of tmux with a program in it: what a person would see."""

import pathlib
import re
import shutil
import subprocess
import tempfile
import time

WAIT_SECONDS = 15
# tmux may miss how a program ended; a shell around it says so on the screen.
AROUND = ("sh", "-c", 'trap : INT; "$@"; echo "[ended with $?]"; exec sleep 1000', "sh")
ENDED = r"^\[ended with (\d+)\]$"


class Screen:
    """Runs `command` until close(). `environment` is all that the program finds."""

    def __init__(self, command, environment, rows=24, columns=100, directory=None):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="sluice-tmux-"))
        configuration = self.place / "tmux.conf"
        configuration.write_text("set -g status off\nset -g default-terminal screen-256color\n",
                                 encoding="ascii")
        self.environment = {**environment, "TMUX_TMPDIR": str(self.place), "LC_ALL": "C.UTF-8"}
        self.tmux("-f", str(configuration), "new-session", "-d", "-x", str(columns), "-y",
                  str(rows), "-c", str(directory or self.place), *AROUND, *command)

    @staticmethod
    def is_available():
        return shutil.which("tmux") is not None

    def tmux(self, *arguments):
        done = subprocess.run(["tmux", *arguments], env=self.environment, capture_output=True,
                              text=True, timeout=WAIT_SECONDS, check=False)
        if done.returncode != 0:
            raise AssertionError(f"tmux {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def type(self, text):
        self.tmux("send-keys", "-l", "--", text)

    def press(self, *keys):
        """Keys by tmux's names: Enter, Tab, Up, C-c, …"""
        self.tmux("send-keys", *keys)

    def resize(self, rows, columns):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def text(self):
        """The lines on the screen, without blanks at their ends."""
        return self.tmux("capture-pane", "-p")

    def wait_for(self, pattern):
        """Waits until the screen has a match of `pattern`, and returns the screen."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            text = self.text()
            if re.search(pattern, text, re.M):
                return text
            if time.monotonic() > deadline:
                raise AssertionError(f"no {pattern!r} on the screen:\n{text}")
            time.sleep(0.05)

    def exit_status(self):
        """Of the program, once it has ended by itself."""
        return int(re.search(ENDED, self.wait_for(ENDED), re.M).group(1))

    def close(self):
        """Ends the program and its terminal."""
        try:
            self.tmux("kill-server")
        finally:
            shutil.rmtree(self.place, ignore_errors=True)
