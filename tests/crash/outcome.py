"""What the programs of this folder share: their options, their cycles, and how they end: what is said,
what is kept, the exit code."""

import argparse
import shutil
import time

from crash.load import Violation


def arguments(about, rate, rate_of):
    """The options of every program that goes through cycles of load and fault. `about`: its docstring;
    `rate`: records a second unless --rate says so, `rate_of` what these are."""
    parser = argparse.ArgumentParser(description=about.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rate", type=float, default=rate, help=rate_of)
    parser.add_argument("--sabotage", action="store_true", help="lose data on purpose")
    return parser


def go_through(run, options):
    """All cycles of `run`, and what is said of them: `run.promise` at the end. Returns the exit code."""
    print(f"seed {options.seed}")
    done = 0

    def work():
        nonlocal done
        run.start()
        for done in range(options.cycles):
            run.cycle(done)
            if done % 50 == 49:
                print(run.summary(done + 1), flush=True)
        done = options.cycles
        run.finish()
        print(f"{run.summary(done)}; {run.promise}")

    return outcome_of(run, options, work, where=lambda: f" in cycle {done}")


def held(log):
    """Bytes of the file up to the zeros that are written ahead."""
    return len(log.read_bytes().rstrip(b"\0"))


def cut_in_half(log):
    """Sabotage: cuts a log in the middle of what it holds."""
    size = held(log)
    with open(log, "r+b") as file:
        file.truncate(size // 2)
    return size


def outcome_of(run, options, work, where=str):
    """Does `work`, closes `run` and returns the exit code: 1 when a promise was broken, and with
    options.sabotage when that was not noticed. `where()` is added to the report of a violation."""
    violation = None
    try:
        work()
    except (Violation, RuntimeError) as error:
        violation = error
        print(f"VIOLATION{where()}: {error}\nseed {options.seed}\n{run.broker.log_tail()}")
    finally:
        run.close(keep=violation is not None and not options.sabotage)
    if options.sabotage:
        print("the sabotage was " + ("found" if violation else "NOT FOUND"))
        return 0 if violation else 1
    return 1 if violation else 0


def put_away(directory, keep):
    """Removes what a run left on the disk, or says where it is."""
    if keep:
        print(f"kept for inspection: {directory}")
    else:
        shutil.rmtree(directory, ignore_errors=True)
