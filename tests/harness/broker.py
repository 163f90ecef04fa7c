"""A broker process of our own, in a directory of its own, on a free port of 127.0.0.1.

    with Broker() as broker:
        broker.address                       # "127.0.0.1:20417"
        broker.restart(); broker.kill()      # the port stays

What a test does not set is the default of `sluiced`, but for a rebalance delay of 0. Data lies in
$SLUICE_TEST_DIR, which chooses the file system, else in the temporary directory;
$SLUICE_IO_BACKEND is the sluice.io.backend of every broker that does not set its own.
"""

import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from harness import wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS = 30
STOP_SECONDS = 30
STOPPED = set("TtZX")  # of a thread that does not run: stopped, traced, ended


def free_port():
    """A port below the range from which the system takes ports for clients, so that nobody takes
    it while a broker restarts."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def binary(name):
    """Path of a program of the build: in $SLUICE_BIN, else build/release/bin."""
    path = pathlib.Path(os.environ.get("SLUICE_BIN", ROOT / "build/release/bin")) / name
    if not path.exists():
        raise FileNotFoundError(f"{path}: build first (./dev build)")
    return str(path)


class Process:
    """Start, stop and kill of one broker; subclasses say what to run."""

    settings = {"group.initial.rebalance.delay.ms": "0"}
    before_exec = None  # called in the child, between fork and exec

    def __init__(self, directory=None, port=None, **settings):
        """`settings` are broker options, dots written as underscores."""
        self.own_directory = directory is None
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(
            prefix="sluice-test-", dir=os.environ.get("SLUICE_TEST_DIR")))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.options = dict(self.settings)
        self.options.update({key.replace("_", "."): str(value) for key, value in settings.items()})
        self.log_path = self.directory / "broker.log"
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def command(self):
        raise NotImplementedError

    def environment(self):
        """Ours without the SLUICE_ variables of the test run: sluiced refuses unknown ones."""
        return {key: value for key, value in os.environ.items() if not key.startswith("SLUICE_")}

    def spawn(self):
        """Starts the process and does not wait for it to listen."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), env=self.environment(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, preexec_fn=self.before_exec)

    def start(self):
        self.spawn()
        self.wait_ready()
        return self

    def wait_ready(self):
        """Waits until ApiVersions is answered."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(
                    f"broker ended with {self.process.returncode} at its start:\n{self.log_tail()}")
            try:
                wire.api_versions(self.address, timeout=2)
                return
            except (OSError, EOFError):
                if time.monotonic() > deadline:
                    self.kill()
                    raise RuntimeError(f"broker does not listen:\n{self.log_tail()}") from None
                time.sleep(0.01)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """Stops gracefully and returns the exit code."""
        if self.process is None:
            return None
        if self.is_running():
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(
                f"broker does not stop within {STOP_SECONDS} s:\n{self.log_tail()}") from None
        self.process = None
        return code

    def freeze(self, seconds=10):
        """SIGSTOP, and waits until no thread runs any more: the signal alone returns before that."""
        self.process.send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + seconds
        while not self.thread_states() <= STOPPED:
            if time.monotonic() > deadline:
                raise RuntimeError(f"broker does not freeze within {seconds} s")
            time.sleep(0)

    def thread_states(self):
        """The state letters of all threads, io_uring's workers included (proc(5))."""
        states = set()
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                states.add((task / "stat").read_text().rpartition(")")[2].split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended meanwhile
        return states

    def kill(self):
        """kill -9, and waits until the process is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def log_tail(self, lines=30):
        try:
            return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def close(self):
        """Ends the process by whatever means and removes the directory if it is our own."""
        try:
            if self.process is not None:
                self.stop()
        finally:
            self.kill()
            if self.own_directory:
                shutil.rmtree(self.directory, ignore_errors=True)


class Broker(Process):
    """`sluiced`."""

    data_place = None  # a file system of its own for the data directory

    @property
    def data_directory(self):
        return (self.data_place or self.directory) / "data"

    def command(self):
        options = {"listeners": f"PLAINTEXT://{self.address}", "log.dir": self.data_directory}
        if "SLUICE_IO_BACKEND" in os.environ:
            options["sluice.io.backend"] = os.environ["SLUICE_IO_BACKEND"]
        lines = [f'"{key}" = "{value}"\n' for key, value in {**options, **self.options}.items()]
        config = self.directory / "sluiced.toml"
        config.write_text("".join(lines))
        return [binary("sluiced"), "--config", str(config)]


class External:
    """A broker that somebody else runs, at `address`; it cannot be restarted."""

    def __init__(self, address):
        self.address = address

    def close(self):
        pass

    def log_tail(self):
        return "(the log of a broker that runs elsewhere)"
