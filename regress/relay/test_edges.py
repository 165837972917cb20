"""The relay where hosts, clients or the machine do not play along."""

import contextlib
import resource
import select
import signal
import socket
import subprocess
import threading
import time

import pytest

import gw
import procfs
from relaylab import (GOOD6, GREETING, Relay, Target, exactly, reply, request,
                      reset)

STORM = gw.BUILD / "regress/relay/storm"
HOST, FAILURE = 4, 1


def rests(relay, seconds=1):
    """Whether it sleeps, as one that waits for nothing but others should."""
    before = procfs.cpu(relay.process.pid)
    time.sleep(seconds)
    return procfs.cpu(relay.process.pid) - before <= 0.03 * seconds


def echoes(a, b):
    a.sendall(b"ping")
    b.sendall(b"pong")
    return exactly(b, 4) == b"ping" and exactly(a, 4) == b"pong"


def fill(s):
    """Sends until nobody takes any more for a while; bytes sent."""
    s.setblocking(False)
    sent = 0
    while select.select([], [s], [], 0.2 * gw.SLOW)[1]:
        with contextlib.suppress(BlockingIOError):
            sent += s.send(bytes(65536))
    return sent


def test_urgent_data_keep_their_place(relay, target):
    for one, other in (0, 1), (1, 0):
        pair = target.pair(relay)
        a, b = pair[one], pair[other]
        with a, b:
            a.sendall(b"one")
            a.send(b"!", socket.MSG_OOB)
            a.sendall(b"two")
            a.send(b"?", socket.MSG_OOB)
            a.shutdown(socket.SHUT_WR)
            got = b""
            while data := b.recv(100):
                got += data
            assert got == b"one!two?"


def test_slow_writer_is_not_held_back(relay, target):
    """Bytes wait neither for more of them nor for acknowledgements."""
    a, b = target.pair(relay)
    with a, b:
        a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        took = []
        for _ in range(50):     # a dialogue, whose acknowledgements wait
            start = time.monotonic()
            for _ in range(2):
                a.sendall(b"x")
                time.sleep(0.001)
            assert exactly(b, 2) == b"xx"
            b.sendall(b"y")
            assert exactly(a, 1) == b"y"
            took.append(time.monotonic() - start)
        assert sum(t > 0.03 for t in took) < 10, took


def test_stuck_reader_costs_nothing(relay, target):
    a, b = target.pair(relay)
    with a, b:
        fill(b)
        gw.wait_for(lambda: rests(relay, 0.2), 10 * gw.SLOW, "its rest")
        assert rests(relay)


@pytest.mark.parametrize("first", [0, 1])
def test_reset_of_who_is_waited_for(relay, target, first):
    """Full of data that one side does not take: either one is reset."""
    a, b = target.pair(relay)
    sent = fill(b)
    if first == 0:              # the reader goes
        reset(a)
        gw.wait_for(lambda: relay.count() == 0, 2 * gw.SLOW, "its end")
        b.setblocking(True)
        with b, pytest.raises(OSError):
            b.recv(1)
        return
    reset(b)                    # the writer: what it sent does not look whole
    got = 0
    with a, pytest.raises(ConnectionResetError):
        while data := a.recv(65536):
            got += len(data)
    assert got < sent
    gw.wait_for(lambda: relay.count() == 0, 2 * gw.SLOW, "its end")


@pytest.mark.plain          # a sanitizer keeps what is freed for a while
def test_target_that_never_accepts(relay, lab):
    """The kernel has taken the connection; nobody ever reads."""
    target = Target(lab)
    with target.listener, relay.socket() as s:
        before = gw.pss_kb(relay.process.pid)
        s.sendall(GREETING + request(GOOD6, target.port))
        assert exactly(s, 2) == b"\5\0" and reply(s)[0] == 0
        assert fill(s) < 64 << 20
        gw.wait_for(lambda: rests(relay, 0.2), 10 * gw.SLOW, "its rest")
        assert gw.pss_kb(relay.process.pid) - before < 2048


@pytest.mark.slow
def test_target_whose_queue_is_full(relay, lab):
    """SYNs are dropped: an answer after 15 s, and others do not wait."""
    full, good = Target(lab, backlog=0), Target(lab)
    with full.listener, good.listener, contextlib.ExitStack() as stack:
        while True:             # until the queue is full
            s = stack.enter_context(
                lab.far.socket(socket.AF_INET6, socket.SOCK_STREAM))
            s.settimeout(0.2)
            try:
                s.connect((GOOD6, full.port))
            except socket.timeout:
                break
        late = []

        def ask():
            s, code, seconds = relay.connect(GOOD6, full.port)
            s.close()
            late.append((code, seconds))

        thread = threading.Thread(target=ask)
        thread.start()
        a, b = good.pair(relay)
        with a, b:
            while thread.is_alive():
                assert echoes(a, b)
                thread.join(0.1)
        assert late[0][0] == HOST
        assert 14.9 < late[0][1] < 15 + gw.SLOW


def test_descriptor_table_full(lab, target):
    relay = Relay(lab)
    old = [target.pair(relay) for _ in range(3)]
    free = 8
    limit = relay.descriptors() + free
    resource.prlimit(relay.process.pid, resource.RLIMIT_NOFILE,
                     (limit, limit))
    waiting = [relay.socket() for _ in range(3 * free)]
    for s in waiting:
        s.sendall(GREETING)
    gw.wait_for(lambda: relay.descriptors() == limit, 5 * gw.SLOW,
                "a full one")
    assert all(echoes(a, b) for a, b in old)
    # none is left for a way to the target: its own fault, not the host's
    waiting[0].sendall(request(GOOD6, target.port))
    assert exactly(waiting[0], 2) == b"\5\0"
    assert reply(waiting[0])[0] == FAILURE
    assert rests(relay, 2)
    assert all(echoes(a, b) for a, b in old)
    for s in waiting:
        s.close()
    old += [target.pair(relay)]
    assert all(echoes(a, b) for a, b in old)
    for pair in old:
        for s in pair:
            s.close()
    gw.wait_for(lambda: relay.count() == 0, 5 * gw.SLOW, "their end")
    relay.close()


def storm(relay, port, connections, clients=4):
    """Connections that come and go; those that got no reply."""
    processes = [subprocess.Popen(
        relay.lab.ns.argv(STORM, GOOD6, port, relay.port,
                          connections // clients),
        stdout=subprocess.PIPE, text=True) for _ in range(clients)]
    refused = [int(process.communicate()[0]) for process in processes]
    gw.wait_for(lambda: relay.count() == 0, 5 * gw.SLOW, "their end")
    return sum(refused)


@pytest.mark.slow
def test_100000_connections(relay):
    """No descriptor and no memory stays behind, and nothing turns."""
    signal.alarm(240)       # 10 s of work, for a machine that has them
    ns = relay.lab.ns
    ns.sysctl("ipv4/ip_local_port_range", "1024 65535")
    ns.sysctl("ipv4/tcp_max_tw_buckets", 1000)
    server = subprocess.Popen(relay.lab.far.argv(STORM, GOOD6),
                              stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline())
        storm(relay, port, 2000)
        fds, memory = relay.descriptors(), gw.pss_kb(relay.process.pid)
        # a reset by the target may overtake its reply
        assert storm(relay, port, 98000) < 98000 / 3 + 100
        assert relay.descriptors() == fds
        # 16 bytes of each would be five times as much
        assert gw.pss_kb(relay.process.pid) - memory < 300
        assert rests(relay)
    finally:
        server.terminate()
        server.wait()
