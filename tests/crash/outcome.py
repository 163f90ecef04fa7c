"""How a program of this folder ends: what it says, what it keeps, its exit code."""

import shutil

from crash.load import Violation


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
