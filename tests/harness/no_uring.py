"""A process for which io_uring_setup fails, as in a container whose seccomp profile refuses it.

    subprocess.Popen(command, preexec_fn=no_uring.forbidder(errno.EPERM))
"""

import ctypes
import platform
import struct

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
SECCOMP_MODE_FILTER = 2
IO_URING_SETUP = 425  # on every architecture
RET_ERRNO, RET_ALLOW = 0x00050000, 0x7FFF0000
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def is_possible():
    return platform.system() == "Linux"


def forbidder(error):
    """A function to call between fork and exec: no privileges needed, no way back."""
    steps = [(LOAD_WORD, 0, 0, 0),  # the number of the system call
             (JUMP_IF_EQUAL, 0, 1, IO_URING_SETUP),
             (RETURN, 0, 0, RET_ERRNO | error),
             (RETURN, 0, 0, RET_ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = Program(len(steps), ctypes.addressof(code))
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def forbid():
        done = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        done = done or prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)
        if done:
            raise OSError(ctypes.get_errno(), "seccomp")
        return code  # alive until here

    return forbid
