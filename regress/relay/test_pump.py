"""The data path at its edges."""

import contextlib
import hashlib
import os
import random
import socket
import threading
import time

import pytest

import gw
from relaylab import (MIB, Relay, exactly, receive_all, reset,
                      send_all)


def test_bulk_both_ways(relay, target):
    a, b = target.pair(relay)
    sums = hashlib.sha256(), hashlib.sha256()
    with a, b:
        threads = [send_all(a, 32 * MIB, sums[0]), send_all(b, 48 * MIB,
                                                            sums[1])]
        got = {}
        reader = threading.Thread(target=lambda: got.update(
            b=receive_all(b)), daemon=True)
        reader.start()
        got["a"] = receive_all(a)
        for thread in [reader, *threads]:
            thread.join(60)
        assert got["b"] == (sums[0].hexdigest(), 32 * MIB)
        assert got["a"] == (sums[1].hexdigest(), 48 * MIB)
    gw.wait_for(lambda: relay.count() == 0, 2 * gw.SLOW, "its end")


def test_pieces_of_any_size(relay, target):
    """Large pieces and small ones go different ways: none overtakes, and an
    urgent byte among them neither stops them nor is lost."""
    a, b = target.pair(relay)
    chance = random.Random(8305)
    digest, sent = hashlib.sha256(), 0

    def send():
        nonlocal sent
        for _ in range(300):
            data = os.urandom(chance.choice((1, 1000, 50000, 400000)))
            digest.update(data)
            sent += len(data)
            b.sendall(data[:-1])
            b.send(data[-1:], chance.choice((0, 0, socket.MSG_OOB)))
        b.send(b"!", socket.MSG_OOB)
        digest.update(b"!")
        b.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=send, daemon=True)
    got = hashlib.sha256()
    with a, b:
        thread.start()
        while data := a.recv(random.choice((1000, 300000, 3 * MIB))):
            got.update(data)
            time.sleep(random.choice((0, 0, 0.002)))
        thread.join(10)
        assert got.hexdigest() == digest.hexdigest()
        assert sent > 16 * MIB


@pytest.mark.parametrize("first", [0, 1])
def test_half_close(relay, target, first):
    """Who has said all gets the whole answer still."""
    pair = target.pair(relay)
    a, b = pair[first], pair[1 - first]
    with a, b:
        a.sendall(b"question")
        a.shutdown(socket.SHUT_WR)
        assert receive_all(b)[1] == 8
        digest = hashlib.sha256()
        send_all(b, 2 * MIB, digest)
        assert receive_all(a) == (digest.hexdigest(), 2 * MIB)
    gw.wait_for(lambda: relay.count() == 0, 2 * gw.SLOW, "its end")


@pytest.mark.parametrize("first", [0, 1])
def test_reset_crosses(relay, target, first):
    pair = target.pair(relay)
    a, b = pair[first], pair[1 - first]
    a.sendall(b"half")
    assert exactly(b, 4) == b"half"
    reset(a)
    with b, pytest.raises(ConnectionResetError):
        b.recv(1)
    gw.wait_for(lambda: relay.count() == 0, 2 * gw.SLOW, "its end")


def test_bandwidth(relay, target):
    """All connections of a user together, either way; and nothing is lost."""
    rate = 2 * MIB
    relay.tell("bandwidth %d" % rate)
    pairs = [target.pair(relay) for _ in range(2)]
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        for pair in pairs:
            for s in pair:
                stack.enter_context(s)
        (a, b), (c, d) = pairs
        sums = [hashlib.sha256() for _ in range(2)]
        got = []
        readers = [threading.Thread(
            target=lambda s=s: got.append(receive_all(s)), daemon=True)
            for s in (b, c)]
        for reader in readers:
            reader.start()
        send_all(a, 3 * MIB, sums[0])
        send_all(d, 3 * MIB, sums[1])
        for reader in readers:
            reader.join(20 * gw.SLOW)
        took = time.monotonic() - start
        assert sorted(got) == sorted((s.hexdigest(), 3 * MIB) for s in sums)
    # a bucket of two seconds was full at the beginning
    assert 0.9 <= took <= 1.5 + gw.SLOW


def test_slow_reader_holds_up_the_sender(relay, target):
    a, b = target.pair(relay)
    before = gw.pss_kb(relay.process.pid)
    with a, b:
        b.setblocking(False)
        sent = 0
        end = time.monotonic() + 1
        while time.monotonic() < end:
            with contextlib.suppress(BlockingIOError):
                sent += b.send(b"x" * 65536)
        assert sent < 64 * MIB
        assert gw.pss_kb(relay.process.pid) - before < 2048
        b.setblocking(True)
        digest = hashlib.sha256()
        thread = send_all(b, 4 * MIB, digest)
        assert receive_all(a)[1] == sent + 4 * MIB
        thread.join(10)


def test_neighbours_do_not_wait(relay, target):
    """One that does not read harms nobody else."""
    slow = target.pair(relay)
    slow[1].setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            slow[1].send(b"x" * 65536)
    a, b = target.pair(relay)
    with a, b:
        start = time.monotonic()
        for _ in range(100):
            a.sendall(b"ping")
            assert exactly(b, 4) == b"ping"
            b.sendall(b"pong")
            assert exactly(a, 4) == b"pong"
        assert time.monotonic() - start < 1 * gw.SLOW
    for s in slow:
        s.close()


def test_idle_ends(lab, target):
    relay = Relay(lab, "-i", "1000")
    a, b = target.pair(relay)
    with a, b:
        for _ in range(4):          # what is used is not idle
            time.sleep(0.4)
            a.sendall(b"x")
            assert exactly(b, 1) == b"x"
        start = time.monotonic()
        assert a.recv(1) == b"" and b.recv(1) == b""
        assert 0.9 < time.monotonic() - start < 3 * gw.SLOW
    assert relay.count() == 0
    relay.close()


def test_half_closed_ends_sooner(lab, target):
    relay = Relay(lab, "-h", "500")
    a, b = target.pair(relay)
    with a, b:
        a.shutdown(socket.SHUT_WR)
        assert b.recv(1) == b""
        start = time.monotonic()
        assert a.recv(1) == b""
        assert 0.4 < time.monotonic() - start < 3 * gw.SLOW
    relay.close()


@pytest.mark.plain          # a sanitizer keeps what is freed for a while
def test_many_come_and_go(relay, target):
    """No descriptor and no memory stays behind."""
    fds = relay.descriptors()
    for i in range(300):
        a, b = target.pair(relay)
        if i % 3 == 0:
            reset(a)
        else:
            a.close()
        b.close()
        if i == 100:
            memory = gw.pss_kb(relay.process.pid)
    gw.wait_for(lambda: relay.count() == 0, 5 * gw.SLOW, "their end")
    assert relay.descriptors() == fds
    assert gw.pss_kb(relay.process.pid) - memory < 200
