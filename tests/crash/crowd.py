"""Bad clients in a process of their own, for bounds.py: so many at once, at the lowest priority, so that they
take nothing from the good client but what the broker lets them."""

import multiprocessing
import os
import resource
import socket
import struct
import time

from confluent_kafka import Producer

from harness import wire

OWED_BYTES = 50 << 20
ANNOUNCED_BYTES = 100 << 20
FLOOD_BYTES = 512 << 20
READY_SECONDS = 120
ROUND_SECONDS = 0.5


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Crowd:
    """`attack(address, clients, stage)` in a child from `with` on, when it says that it stands, to its end."""

    def __init__(self, attack, address, clients):
        context = multiprocessing.get_context("fork")
        self.ours, theirs = context.Pipe()
        self.child = context.Process(target=self.run, args=(attack, address, clients, theirs),
                                     daemon=True)

    @staticmethod
    def run(attack, address, clients, pipe):
        os.nice(19)
        raise_descriptor_limit()
        attack(address, clients, Stage(pipe))

    def __enter__(self):
        self.child.start()
        self.receive(READY_SECONDS)
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.join()

    def report(self):
        """What the bad clients say they have done so far."""
        self.ours.send("report")
        return self.receive(30)

    def receive(self, seconds):
        if not self.ours.poll(seconds):
            raise RuntimeError("the bad clients do not stand, or do not answer")
        try:
            return self.ours.recv()
        except EOFError:
            raise RuntimeError("the bad clients have ended") from None


class Stage:
    """The child's side."""

    def __init__(self, pipe):
        self.pipe = pipe

    def stand(self, act, report):
        """Everything is in place: does act() every half a second for ever, and answers with report()."""
        self.pipe.send("ready")
        while True:
            began = time.monotonic()
            act()
            while True:
                left = ROUND_SECONDS - (time.monotonic() - began)
                if left <= 0:
                    break
                if self.pipe.poll(left):
                    self.pipe.recv()
                    self.pipe.send(report())


def nothing():
    pass


def connect(address, receive_buffer=None):
    """A socket that has asked for ApiVersions, as every client does."""
    connection = wire.Connection.__new__(wire.Connection)
    host, port = address.rsplit(":", 1)
    connection.socket = socket.socket()
    if receive_buffer:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.socket.settimeout(30)
    connection.socket.connect((host, int(port)))
    connection.call(wire.API_VERSIONS, 0, b"")
    return connection.socket


def idle(address, clients, stage):
    """They are there, and say nothing."""
    crowd = [connect(address) for _ in range(clients)]
    stage.stand(nothing, lambda: f"{len(crowd)} connected")


def idle_or_refused(address, clients, stage):
    """More than the broker has descriptors for: they stay as long as they are let, and come again."""
    host, port = address.rsplit(":", 1)
    crowd = []

    def come_again():
        crowd[:] = [one for one in crowd if not is_closed(one)]
        while len(crowd) < clients:
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex((host, int(port)))
            crowd.append(one)

    come_again()
    stage.stand(come_again, lambda: f"{sum(not is_closed(one) for one in crowd)} open or queued")


def is_closed(one):
    try:
        return one.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def flood(address, clients, stage):
    """Twice the broker's memory in records, as fast as they are taken."""
    producer = Producer({"bootstrap.servers": address, "message.max.bytes": 1_000_000})
    value = os.urandom(900_000)
    sent = [0]

    def pour():
        while sent[0] < FLOOD_BYTES:
            producer.produce("big", value)
            producer.flush(30)
            sent[0] += len(value)

    pour()
    stage.stand(nothing, lambda: f"{sent[0] >> 20} MiB of records")


def slow_readers(address, clients, stage):
    """Each asks for 50 MiB and takes a kilobyte now and then."""
    body = struct.pack(">iiiib", -1, 0, 1, OWED_BYTES, 0) + wire.array(
        [wire.string("big") + wire.array([struct.pack(">iqi", 0, 0, OWED_BYTES)])])
    crowd = []
    for _ in range(clients):
        one = connect(address, receive_buffer=4096)
        one.sendall(wire.request(wire.FETCH, 4, body))
        one.setblocking(False)
        crowd.append(one)
    taken = [0]

    def sip():
        for one in crowd:
            try:
                taken[0] += len(one.recv(1024))
            except BlockingIOError:
                pass

    stage.stand(sip, lambda: f"{OWED_BYTES >> 20} MiB owed to each, {taken[0] >> 10} KiB taken")


def trickle(address, clients, stage):
    """Each announces a request of 100 MiB and sends a byte now and then."""
    start = struct.pack(">ihhi", ANNOUNCED_BYTES, wire.PRODUCE, 3, 1)
    crowd = []
    for _ in range(clients):
        one = connect(address)
        one.sendall(start)
        crowd.append(one)
    lost = set()

    def drip():
        for one in crowd:
            try:
                one.send(b"x")
            except OSError:
                lost.add(one)

    stage.stand(drip, lambda: f"{ANNOUNCED_BYTES >> 20} MiB announced by each, {len(lost)} cut off")


def storm(address, clients, stage):
    """So many connect at once and are gone at once, twice a second."""
    host, port = address.rsplit(":", 1)
    made = [0]

    def rush():
        crowd = []
        for _ in range(clients):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.setblocking(False)
            one.connect_ex((host, int(port)))
            crowd.append(one)
        made[0] += len(crowd)
        for one in crowd:
            one.close()

    stage.stand(rush, lambda: f"{made[0]} connections so far")
