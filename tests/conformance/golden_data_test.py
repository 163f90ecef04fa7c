"""Data directories of the past are read as they were; those of the future are refused untouched."""

import hashlib
import json
import pathlib
import shutil
import unittest

from conformance.case import BrokerCase
from golden.data.capture import read
from harness.broker import Broker

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden/data"


def fingerprint(directory):
    """Names and contents, but for the lock."""
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(directory.rglob("*"))
            if path.is_file() and path.name != "sluice.lock"}


class GoldenDataTest(BrokerCase):
    needs_own_broker = True
    needs_sluiced = True

    def open_copy(self, folder):
        """A broker, not started, on a copy of the directory."""
        broker = Broker(sluice_shards=1, log_cleaner_enable="false")
        self.addCleanup(broker.close)
        shutil.copytree(GOLDEN / folder, broker.data_directory)
        (broker.data_directory / "records.json").unlink()
        return broker

    def folders(self):
        return [path.name for path in sorted(GOLDEN.iterdir()) if (path / "meta").is_dir()]

    def test_every_directory_of_the_past_is_read(self):
        self.assertGreaterEqual(len(self.folders()), 2)
        for folder in self.folders():
            with self.subTest(folder):
                expected = json.loads((GOLDEN / folder / "records.json").read_text())
                broker = self.open_copy(folder).start()
                self.assertEqual(read(broker.address), expected)
                self.assertNotIn(" error ", broker.log_tail(1000))
                broker.stop()
                broker.start()  # as we leave it, too
                self.assertEqual(read(broker.address), expected)

    def assert_refused(self, broker, words):
        before = fingerprint(broker.data_directory)
        with self.assertRaises(RuntimeError):
            broker.start()
        for word in words:
            self.assertIn(word, broker.log_tail())
        self.assertEqual(fingerprint(broker.data_directory), before)

    def test_a_newer_format_is_refused_untouched(self):
        broker = self.open_copy("frontier-2")
        (broker.data_directory / "meta/format").write_text("format=2\nwhatever=follows\n")
        self.assert_refused(broker, ["meta/format", "format 2", "knows 1"])

    def test_a_newer_frontier_is_refused_untouched(self):
        broker = self.open_copy("frontier-2")
        path = broker.data_directory / "meta/frontier-0"
        content = bytearray(path.read_bytes())
        for slot in (0, len(content) // 2):
            content[slot:slot + 4] = b"SLFR"
            content[slot + 8:slot + 10] = b"\0\t"
            content[slot + 4] ^= 1  # its checksum is of other bytes; ours would tell of a flipped bit
        path.write_bytes(bytes(content))
        self.assert_refused(broker, ["meta/frontier-0", "newer"])


if __name__ == "__main__":
    unittest.main()
