"""A process whose files may not grow beyond a size, as on a disk that is full (EFBIG).

    subprocess.run(command, preexec_fn=file_limit.limiter(100_000), env={**environment, **UNCOUNTED})
"""

import resource
import signal

# In a build that counts coverage: the counts would not fit either, and would say so.
UNCOUNTED = {"LLVM_PROFILE_FILE": "/dev/null"}


def limiter(size):
    """A function to call between fork and exec."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return limit
