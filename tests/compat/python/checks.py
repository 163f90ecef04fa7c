"""What the Python programs of the suite share: the conversation with the driver and the records;
see ../README.md."""

import itertools
import sys
import time
import traceback

ADDRESS, PREFIX = sys.argv[1:3]
_numbers = itertools.count(1)


def new_name():
    return f"{PREFIX}-{next(_numbers)}"


def value(number):
    head = b"%d:" % number
    size = len(head)
    return head + bytes((number + i) % 256 for i in range(size, size + number % 200))


def expect(truth, what):
    if not truth:
        raise AssertionError(what)


def wait_until(what, condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < deadline, f"not within {seconds} s: {what}")
        time.sleep(0.02)


def expect_numbers(numbers, count):
    expect(len(numbers) == count and len(set(numbers)) == count,
           f"{len(numbers)} records, {len(set(numbers))} different, not {count}")


def ask(what):
    """Makes the driver restart or kill the broker, and waits until it is up again."""
    print(what, flush=True)
    expect(sys.stdin.readline().strip() == "up", "the broker did not come back")


def main(checks):
    for name, check in checks.items():
        if sys.argv[3:] and name not in sys.argv[3:]:
            continue
        try:
            check()
            print(f"ok {name}", flush=True)
        except Exception as problem:  # the table tells them all
            traceback.print_exc()
            message = f"{type(problem).__name__}: {problem}".replace("\n", " ")
            print(f"fail {name} {message}", flush=True)
