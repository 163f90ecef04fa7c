#!/usr/bin/env python3
"""histories.check finds each kind of anomaly in histories made by hand, and nothing in a good one."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from crash.histories import Client, File, check  # noqa: E402


def words(text):
    return [line.split() for line in text.strip().splitlines()]


# Two producers, three records in t-0 and one in t-1; what everybody saw of it.
A = """send 0 t-0 a0 10
send 1 t-0 a1 11
ack 0 t-0 0 12
ack 1 t-0 2 13"""
B = """send 0 t-0 b0 10
ack 0 t-0 1 14
send 1 t-1 b1 15
ack 1 t-1 0 16"""
LOG = """read t-0 0 a:0 a0 100
read t-0 1 b:0 b0 100
read t-0 2 a:1 a1 100
read t-1 0 b:1 b1 100"""
BROKER = """end t-0 3
end t-1 1"""
READER = "start t-0 5\nstart t-1 5\n" + LOG
MEMBER = """start t-0 20
start t-1 20
read t-0 0 a:0 a0 22
read t-1 0 b:1 b1 23
read t-0 1 b:0 b0 24
commit t-0 2 25 30
commit t-1 1 25 30
read t-0 2 a:1 a1 31
nocommit t-0 3 32 40"""
OBSERVER = """commit t-0 0 1 2
commit t-1 0 1 2
committed t-0 2 31 33
committed t-1 1 31 33
committed t-0 3 41 43"""


def findings_of(a=A, b=B, log=LOG, second=None, broker=BROKER, reader=READER, member=MEMBER,
                observer=OBSERVER, more=()):
    return check([
        Client("broker", "broker", words(broker)), Client("a", "producer", words(a)),
        Client("b", "producer", words(b)), Client("one", "final", words(log)),
        Client("two", "final", words(log if second is None else second)),
        Client("reader", "reader", words(reader)), Client("member", "member", words(member), "g"),
        Client("observer", "observer", words(observer), "g"), *more])


class HistoriesTest(unittest.TestCase):
    def assert_clean(self, **histories):
        self.assertEqual(str(findings_of(**histories)), "")

    def assert_found(self, *kinds, **histories):
        """These anomalies, and no others."""
        findings = findings_of(**histories)
        self.assertEqual(sorted(findings.anomalies), sorted(kinds), str(findings))
        return str(findings)

    def test_a_good_run(self):
        self.assert_clean()
        counts = findings_of().counts
        self.assertEqual((counts["records sent"], counts["acknowledged"], counts["records read"],
                          counts["commits"], counts["committed offsets seen"]), (4, 4, 8, 4, 5))

    def test_lost(self):
        # The last record of t-0 is acknowledged, and the log ends before it.
        without = LOG.replace("read t-0 2 a:1 a1 100\n", "")
        read = dict(log=without, reader="start t-0 5\nstart t-1 5\n" + without,
                    member=MEMBER.replace("read t-0 2 a:1 a1 31\n", ""),
                    broker="end t-0 2\nend t-1 1")
        text = self.assert_found("lost", **read)
        self.assertIn("a:1 was acknowledged at t-0 2, which holds nothing", text)
        # Without the acknowledgement it may be gone.
        self.assert_found("unanswered", a=A.replace("ack 1 t-0 2 13", ""), **read)

    def test_a_lost_record_whose_place_another_took(self):
        more = "\nsend 2 t-0 a2 50\nack 2 t-0 2 60"
        log = LOG.replace("a:1 a1", "a:2 a2")
        self.assert_found("lost", a=A + more, log=log, reader="start t-0 5\nstart t-1 5\n" + log,
                          member=MEMBER.replace("a:1 a1", "a:2 a2"))

    def test_acknowledged_at_the_wrong_offset(self):
        self.assert_found("misplaced", a=A.replace("ack 1 t-0 2", "ack 1 t-0 1"))
        self.assert_found("misplaced", a=A.replace("ack 1 t-0 2", "ack 1 t-0 7"))

    def test_duplicate(self):
        again = "\nread t-0 3 a:1 a1 100"
        self.assert_found("duplicate", log=LOG + again, broker="end t-0 4\nend t-1 1",
                          reader=READER + again, member=MEMBER + again)

    def test_duplicate_behind_another(self):
        a = A + "\nsend 2 t-0 a2 50\nack 2 t-0 3 60"
        more = "\nread t-0 3 a:2 a2 100\nread t-0 4 a:1 a1 100"
        self.assert_found("duplicate", a=a, log=LOG + more, broker="end t-0 5\nend t-1 1",
                          reader=READER + more, member=MEMBER + more)

    def test_reordered(self):
        # Both are acknowledged where they are, but not in the order in which they were sent.
        a = A.replace("ack 0 t-0 0", "ack 0 t-0 2").replace("ack 1 t-0 2", "ack 1 t-0 0")

        def swap(text):
            return (text.replace("t-0 0 a:0 a0", "t-0 0 X").replace("t-0 2 a:1 a1", "t-0 2 a:0 a0")
                    .replace("t-0 0 X", "t-0 0 a:1 a1"))

        self.assert_found("reordered", a=a, log=swap(LOG), reader=swap(READER), member=swap(MEMBER))

    def test_records_of_different_producers_have_no_order(self):
        self.assert_clean(a=A.replace("send 1 t-0 a1 11", "send 1 t-0 a1 1"))

    def test_phantom(self):
        more = "\nread t-1 1 c:0 cc 100"
        self.assert_found("phantom", log=LOG + more, broker="end t-0 3\nend t-1 2",
                          reader=READER + more, member=MEMBER + more)

    def test_a_record_in_another_partition(self):
        # b:1 was sent to t-0, acknowledged in t-1.
        self.assert_found("phantom", b=B.replace("send 1 t-1", "send 1 t-0"))

    def test_damaged(self):
        self.assert_found("damaged", b=B.replace("send 0 t-0 b0", "send 0 t-0 bb"))

    def test_hole(self):
        # Both final readers do not get what others got.
        without = LOG.replace("read t-0 1 b:0 b0 100\n", "")
        self.assert_found("hole", "lost", "vanished", log=without)
        self.assert_found("hole", second=without)

    def test_non_monotonic_poll(self):
        back = READER.replace("read t-0 2", "read t-0 1 b:0 b0 99\nread t-0 2")
        self.assert_found("non-monotonic poll", reader=back)
        # Across sessions offsets may go back.
        self.assert_clean(reader=back.replace("read t-0 1 b:0 b0 99",
                                              "start t-0 98\nread t-0 1 b:0 b0 99"))

    def test_skipped(self):
        self.assert_found("skipped", "undelivered",
                          reader=READER.replace("read t-0 1 b:0 b0 100\n", ""))

    def test_vanished(self):
        # Nobody was told that it is there, but somebody read it.
        self.assert_found("vanished", "given up", reader=READER + "\nread t-1 1 b:2 b2 60",
                          b=B + "\nsend 2 t-1 b2 50\nfail 2 90 timed out")

    def test_diverging_readers(self):
        self.assert_found("diverging", reader=READER.replace("t-0 1 b:0 b0", "t-0 1 b:7 b7"))
        self.assert_found("diverging", second=LOG.replace("t-0 1 b:0 b0", "t-0 1 b:7 b7"))
        self.assert_found("diverging", second=LOG + "\nread t-1 1 b:7 b7 100")
        # The same record, other bytes.
        self.assert_found("diverging", member=MEMBER.replace("t-0 1 b:0 b0", "t-0 1 b:0 bb"))

    def test_undelivered(self):
        self.assert_found("undelivered", reader=READER.replace("\nread t-1 0 b:1 b1 100", ""))
        # Members share the work: what one did not get another may have got.
        fewer = MEMBER.replace("read t-0 2 a:1 a1 31\n", "")
        self.assert_found("undelivered", member=fewer)
        other = Client("other", "member", words("start t-0 50\nread t-0 2 a:1 a1 55"), "g")
        self.assert_clean(member=fewer, observer=OBSERVER.replace("committed t-0 3 41 43", ""),
                          more=[other])

    def test_given_up_and_unanswered(self):
        more = "\nsend 2 t-0 a2 50"
        self.assert_found("unanswered", a=A + more)
        self.assert_found("given up", a=A + more + "\nfail 2 90 timed out")

    def test_problem(self):
        self.assertIn("reader: offset out of range",
                      self.assert_found("problem", reader=READER + "\nproblem offset out of range"))

    def test_a_cut_line_is_no_event(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "a.history")
            path.write_text("send 0 t-0 a0 10\nack 0 t-0 1")
            self.assertEqual(list(File(path)), [["send", "0", "t-0", "a0", "10"]])


class CommitsTest(unittest.TestCase):
    """Offsets of one partition of one group, as a register."""

    def found(self, text, kills=()):
        clients = [Client("client", "observer", words(text), "g"),
                   Client("broker", "broker", [["kill", str(when)] for when in kills])]
        return sorted(check(clients).anomalies)

    def assert_clean(self, text, **more):
        self.assertEqual(self.found(text, **more), [])

    def assert_stale(self, text, **more):
        self.assertEqual(self.found(text, **more), ["stale commit"])

    def test_no_offset_before_the_first_commit(self):
        self.assert_clean("committed t-0 -1 1 2")
        self.assert_clean("committed t-0 -1 1 4\ncommit t-0 5 3 6")
        self.assert_stale("commit t-0 5 1 2\ncommitted t-0 -1 3 4")

    def test_the_last_acknowledged(self):
        two = "commit t-0 5 1 2\ncommit t-0 7 3 4\n"
        self.assert_clean(two + "committed t-0 7 5 6")
        self.assert_stale(two + "committed t-0 5 5 6")
        # The question was asked before the second was acknowledged.
        self.assert_clean(two + "committed t-0 5 3 6")

    def test_commits_at_the_same_time_may_be_in_either_order(self):
        two = "commit t-0 5 1 4\ncommit t-0 7 3 6\n"
        self.assert_clean(two + "committed t-0 5 7 8")
        self.assert_clean(two + "committed t-0 7 7 8")

    def test_one_without_an_answer_may_be_done_at_any_time(self):
        open_one = "commit t-0 5 1 2\nnocommit t-0 7 3 4\n"
        self.assert_clean(open_one + "committed t-0 5 9 9")
        self.assert_clean(open_one + "committed t-0 7 9 9")
        self.assert_clean(open_one + "commit t-0 8 10 11\ncommitted t-0 7 12 13")

    def test_but_not_by_a_process_that_was_killed_before(self):
        late = "nocommit t-0 7 3 4\ncommit t-0 8 10 11\ncommitted t-0 7 12 13\n"
        self.assert_clean(late, kills=[2])
        self.assert_stale(late, kills=[2, 6])

    def test_what_was_seen_is_not_taken_back(self):
        # The commit of 7 has no answer, but somebody saw it; 5 was done before.
        seen = "commit t-0 5 1 2\nnocommit t-0 7 3 4\ncommitted t-0 7 5 6\n"
        self.assert_clean(seen + "committed t-0 7 8 9")
        self.assert_stale(seen + "committed t-0 5 8 9")

    def test_unknown_commit(self):
        self.assertEqual(self.found("commit t-0 5 1 2\ncommitted t-0 6 3 4"), ["unknown commit"])
        # Nobody had asked for it yet.
        self.assertEqual(self.found("committed t-0 5 1 2\ncommit t-0 5 3 4"), ["unknown commit"])

    def test_a_session_begins_at_what_is_committed(self):
        member = "start t-0 5\nread t-0 {} a:0 aa 6"

        def found(offset):
            clients = [Client("m", "member", words(member.format(offset)), "g"),
                       Client("o", "observer", words("commit t-0 1 1 2\ncommit t-0 2 3 4"), "g")]
            return set(check(clients).anomalies) & {"stale commit", "unknown commit"}

        self.assertEqual(found(2), set())
        self.assertEqual(found(1), {"stale commit"})
        self.assertEqual(found(3), {"unknown commit"})  # it would leave records out


if __name__ == "__main__":
    unittest.main()
