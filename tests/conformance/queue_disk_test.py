"""Share groups on a disk that is full: at the write of what a member says, and at the copy of a dead
letter. Nothing is lost, it is told, and it goes on when there is space again."""

import http.client
import json
import re
import time
import unittest

from conformance.case import BrokerCase, wait_until
from conformance.cli_test import Cli
from harness.broker import Broker, free_port
from harness.loop_disk import LoopDisk, Unavailable
from harness.share import ACCEPT, REJECT, Admin, Member

DISK_BYTES, RESERVE_BYTES = 64 << 20, 8 << 20
RECORDS = 4000


class QueueDiskFullTest(Cli, BrokerCase):
    http_port = free_port()
    settings = {"sluice_disk_reserve_bytes": RESERVE_BYTES,
                "sluice_http_listen": f"127.0.0.1:{http_port}"}
    needs_sluiced = True

    @classmethod
    def setUpClass(cls):
        try:
            cls.disk = LoopDisk("ext4", DISK_BYTES)
        except Unavailable as reason:
            raise unittest.SkipTest(str(reason)) from None
        cls.addClassCleanup(cls.disk.close)
        cls.broker = Broker(**cls.settings)
        cls.broker.data_place = cls.disk.mounted
        cls.addClassCleanup(cls.broker.close)
        cls.broker.start()

    def setUp(self):
        self.ballast = self.disk.mounted / "ballast"
        self.addCleanup(self.ballast.unlink, missing_ok=True)
        self.topic, self.dead, self.group = self.name(), "dlq." + self.name(), self.name("group")
        self.good("topics", "create", self.dead, "--config=retention.ms=-1",
                  "--config=errors.deadletterqueue.group.enable=true")
        admin = Admin(self.address)
        self.addCleanup(admin.socket.close)
        self.topic_id = admin.create_topic(self.topic)
        admin.set_group(self.group, share_auto_offset_reset="earliest",
                        share_partition_max_record_locks=RECORDS,
                        errors_deadletterqueue_topic_name=self.dead)
        for first in range(0, RECORDS, 1000):
            admin.produce(self.topic, [b"%d" % n for n in range(first, first + 1000)])
        self.member = self.join()

    def join(self):
        member = Member(self.address, self.group)
        self.addCleanup(member.socket.close)
        member.join(self.topic, self.topic_id)
        return member

    def copies_failed(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=20)
        self.addCleanup(connection.close)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        return int(re.search(r'sluice_dead_letter_copies_total{result="failed"} (\d+)', text)[1])

    def dead_letters(self):
        lines = self.good("consume", self.dead, "-e", "--json").splitlines()
        return [json.loads(line)["value"] for line in lines]

    def test_a_dead_letter_waits_for_space(self):
        self.member.fetch_some(10, max_records=10)
        before = self.copies_failed()
        self.disk.fill(self.ballast, RESERVE_BYTES // 2)
        for offset in range(10):
            self.assertEqual(self.member.acknowledge([(offset, offset, [REJECT])]), (0, 0))

        def states():
            shown = json.loads(self.good("queue", "show", self.group, "--json"))["partitions"][0]
            return {row["state"] for row in shown["ranges"] if row["first_offset"] < 10}
        wait_until(lambda: self.copies_failed() > before, what="a copy that failed")
        self.assertIn("dead-lettering", states())
        self.assertRegex(self.broker.log_path.read_text(),
                         rf"could not be copied to a dead-letter topic.* group={self.group} ")
        self.ballast.unlink()
        wait_until(lambda: len(self.dead_letters()) >= 10, 90, what="dead letters")
        wait_until(lambda: not states(), what="the end of what was copied")
        self.assertEqual(self.dead_letters(), [str(n) for n in range(10)])

    def test_an_accept_that_is_not_stored_is_refused_and_the_record_comes_again(self):
        self.member.fetch_some(RECORDS, max_records=RECORDS)
        self.disk.fill_up(self.ballast)
        confirmed, refused = set(), set()
        for offset in range(0, RECORDS, 2):  # apart: each accept is a range that is stored
            errors = self.member.acknowledge([(offset, offset, [ACCEPT])])
            self.assertEqual(errors[0], 0)
            (refused if errors[1] else confirmed).add(offset)
            if len(refused) == 3:
                break
        self.assertEqual(len(refused), 3, f"{len(confirmed)} accepts fit")
        self.ballast.unlink()
        self.member.socket.close()
        member, seen = self.join(), set()
        deadline = time.monotonic() + 60
        while len(seen) < RECORDS - len(confirmed) and time.monotonic() < deadline:
            for first, last, _ in member.fetch(wait_ms=500).acquired:
                if member.acknowledge([(first, last, [ACCEPT])]) == (0, 0):
                    seen.update(range(first, last + 1))
        self.assertEqual(seen, set(range(RECORDS)) - confirmed)


if __name__ == "__main__":
    unittest.main()
