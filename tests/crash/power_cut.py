#!/usr/bin/env python3
"""The power goes under load, again and again, on a real file system; then everything acknowledged must
be there, in order, once.

The data directory lies on ext4 or XFS in an image. A cut is the ioctl of `xfs_io -x -c shutdown`: what
is not on the disk is gone, names and sizes included; at the next mount the journal is replayed. Load,
ledger and comparison are those of kill9.py. Another cut may come during recovery.

    power_cut.py --on ext4 --on ext4-writeback --on xfs --cycles 300      the long dose
    power_cut.py --on ext4 --sabotage      cuts a segment after a cut: must be found (exit code 0 then)
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from crash import kill9  # noqa: E402
from crash.outcome import go_through  # noqa: E402
from harness.loop_disk import LoopDisk, Unavailable  # noqa: E402

IMAGE_BYTES = 4 << 30  # sparse
PLACES = {"ext4": ("ext4", "data=ordered"), "ext4-writeback": ("ext4", "data=writeback"),
          "xfs": ("xfs", "")}
AGAIN = 0.15  # how often recovery is cut, too
SKIPPED = 77


class PowerRun(kill9.Run):
    """kill9.Run whose broker loses its disk's power instead of its process."""

    def __init__(self, options, disk):
        super().__init__(options)
        self.disk = disk
        self.broker.data_place = disk.mounted

    def end_broker(self):
        self.cut()
        while self.random.random() < AGAIN:
            self.broker.spawn()
            time.sleep(self.random.uniform(0, 0.1))
            self.cut()

    def cut(self):
        """The broker stands still first, as it does when the power goes. A write with RWF_DSYNC that
        overlaps with the shutdown of XFS can report success and not be on the disk (seen without a
        broker), and a running broker would acknowledge it, which no client sees of a real cut."""
        self.broker.freeze()
        self.disk.cut_power()
        self.broker.kill()
        self.disk.remount()


def main():
    parser = kill9.arguments(__doc__)
    parser.add_argument("--on", action="append", choices=sorted(PLACES),
                        help="file system; several are taken one after the other")
    options = parser.parse_args()
    worst = 0
    for place in options.on or list(PLACES):
        try:
            disk = LoopDisk(PLACES[place][0], IMAGE_BYTES, PLACES[place][1])
        except Unavailable as why:
            print(f"{place}: not run: {why}")
            worst = max(worst, SKIPPED)
            continue
        try:
            print(place, flush=True)
            code = go_through(PowerRun(options, disk), options)
        finally:
            disk.close()
        if code != 0:
            return code
    return worst


if __name__ == "__main__":
    sys.exit(main())
