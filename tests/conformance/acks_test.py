"""What an answer means: acks=all and acks=1 after stable storage, sluice.acks.one=accepted before,
acks=0 never. In each case nobody reads what is not durable."""

import struct
import unittest

from conformance.case import BrokerCase, wait_until
from harness import wire
from harness.wire import API_VERSIONS, Connection, Reader, fetch, produce, record_batch


def visible_end(connection, topic):
    """The high watermark, as any consumer is told it."""
    error, high_watermark, _ = fetch(connection, topic, 0, 0, max_bytes=1)
    if error:
        raise AssertionError(f"fetch answered {error}")
    return high_watermark


class AcksTest(BrokerCase):
    needs_sluiced = True

    def setUp(self):
        self.topic = self.create_topic(retention_ms=-1)  # the timestamps of our batches are old
        self.connection = Connection(self.address)
        self.addCleanup(self.connection.socket.close)

    def send_unanswered(self, data, topic=None):
        body = wire.string(None) + struct.pack(">hi", 0, 1000) + wire.array([
            wire.string(topic or self.topic) +
            wire.array([struct.pack(">ii", 0, len(data)) + data])])
        self.connection.send(wire.request(wire.PRODUCE, 3, body, 9))

    def test_all_and_one_are_readable_once_answered(self):
        for number, acks in enumerate((-1, 1) * 20):
            answer = produce(self.connection, self.topic, 0, record_batch([b"x"]), acks=acks)
            self.assertEqual(answer, (0, number))
            self.assertEqual(visible_end(self.connection, self.topic), number + 1)

    def test_zero_has_no_answer_and_becomes_durable(self):
        for _ in range(10):
            self.send_unanswered(record_batch([b"x"]))
        # The next answer on this connection is that of the next request.
        self.assertEqual(Reader(self.connection.call(API_VERSIONS, 0, b"", 10)).int16(), 0)
        wait_until(lambda: visible_end(self.connection, self.topic) == 10, what="10 records")

    def test_zero_closes_on_an_error(self):
        for what, data, topic in (("checksum", record_batch([b"x"], crc=1), None),
                                  ("topic", record_batch([b"x"]), self.name("nobody")),
                                  ("size", record_batch([bytes(1_100_000)], crc=0), None)):
            with self.subTest(what):
                self.connection = Connection(self.address)
                self.addCleanup(self.connection.socket.close)
                self.send_unanswered(data, topic)
                self.assertTrue(self.connection.is_closed())
        with Connection(self.address) as other:
            self.assertEqual(visible_end(other, self.topic), 0)


class AcksAcceptedTest(BrokerCase):
    settings = {"sluice_acks_one": "accepted", "sluice_flush_max_ms": 50}
    needs_sluiced = True
    needs_own_broker = True

    def test_accepted_is_answered_and_becomes_durable(self):
        topic = self.create_topic(retention_ms=-1)
        with Connection(self.address) as connection:
            for number in range(20):
                answer = produce(connection, topic, 0, record_batch([b"x"]), acks=1)
                self.assertEqual(answer, (0, number))
            # By itself: nothing else is sent to this partition.
            wait_until(lambda: visible_end(connection, topic) == 20, what="20 durable records")
            # all keeps its meaning.
            answer = produce(connection, topic, 0, record_batch([b"x"]), acks=-1)
            self.assertEqual(answer, (0, 20))
            self.assertEqual(visible_end(connection, topic), 21)

    def test_what_was_readable_survives_a_kill(self):
        topic = self.create_topic(retention_ms=-1)
        with Connection(self.address) as connection:
            for _ in range(50):
                produce(connection, topic, 0, record_batch([b"x"]), acks=1)
            seen = visible_end(connection, topic)
        self.broker.kill()
        self.broker.start()
        with Connection(self.address) as connection:
            self.assertGreaterEqual(visible_end(connection, topic), seen)

    def test_errors_are_answered(self):
        topic = self.create_topic(retention_ms=-1)
        with Connection(self.address) as connection:
            error, _ = produce(connection, topic, 0, record_batch([b"x"], crc=1), acks=1)
            self.assertEqual(error, 2)  # CORRUPT_MESSAGE


if __name__ == "__main__":
    unittest.main()
