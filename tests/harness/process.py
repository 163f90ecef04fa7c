"""Processes that a test starts beside its broker."""


def end(process):
    """Kills the process if it still runs, and takes its exit code and its pipes."""
    if process.poll() is None:
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()
