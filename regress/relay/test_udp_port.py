"""UDP ports: published to the tunnel's side, and forwarded to it."""

import collections
import os
import socket
import struct

import pytest

import gw
from relaylab import GOOD6, PORT, SOURCE6, Relay
from udplab import UDP_SEGMENT, Echo, refused

OUTSIDE, INSIDE, LOCAL = 7654, 7655, 40001
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
Port = collections.namedtuple("Port", "sessions total rx tx refused")


def port(relay):
    return Port(*map(int, relay.tell("port").split()))


def publish(relay, proxy=0):
    relay.tell("publish %s %d %d %d he" % (SOURCE6, OUTSIDE, INSIDE, proxy))


@pytest.fixture(scope="module")
def program(lab):
    """The program that a port is published for."""
    program = Echo(lab.ns, "127.0.0.1", INSIDE)
    yield program
    program.close()


@pytest.fixture(scope="module")
def remote(lab):
    remote = Echo(lab.far, GOOD6)
    yield remote
    remote.close()


@pytest.fixture
def peer(lab):
    with lab.udp(GOOD6, ns=lab.far) as s:
        s.connect((SOURCE6, OUTSIDE))
        yield s


@pytest.mark.parametrize("size", [0, 1, 1200, 1452, 4000, 65507])
def test_published(relay, program, peer, size):
    publish(relay)
    data = os.urandom(size)
    peer.send(data)
    assert peer.recv(65536) == data
    assert port(relay) == (1, 1, size, size, 0)


def test_peers_are_told_apart(lab, relay, program):
    publish(relay)
    peers = [lab.udp(GOOD6, ns=lab.far) for _ in range(20)]
    for _ in range(2):
        for i, s in enumerate(peers):
            s.sendto(b"%d" % i, (SOURCE6, OUTSIDE))
        for i, s in enumerate(peers):
            data, sender = s.recvfrom(100)
            assert data == b"%d" % i and sender[:2] == (SOURCE6, OUTSIDE)
    assert port(relay)[:2] == (20, 20)
    for s in peers:
        s.close()


def test_the_real_peer_is_told(relay, program, peer):
    """PROXY protocol, version 2, before the first datagram of a session."""
    publish(relay, 2)
    for data in b"first", b"second":
        peer.send(data)
        got = peer.recv(100)
        if data == b"second":
            assert got == data
            continue
        assert got[:16] == SIGNATURE + b"\x21\x22\0\x24"
        assert socket.inet_ntop(socket.AF_INET6, got[16:32]) == GOOD6
        assert socket.inet_ntop(socket.AF_INET6, got[32:48]) == SOURCE6
        assert struct.unpack(">HH", got[48:52]) == (
            peer.getsockname()[1], OUTSIDE)
        assert got[52:] == data


def test_batches_of_segments(relay, program, peer):
    publish(relay)
    for size in 1000, 1400:
        parts = [bytes([i]) * size for i in range(40)] + [b"end"]
        peer.sendmsg([b"".join(parts)], [(
            socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("@H", size))])
        assert [peer.recv(65536) for _ in parts] == parts


def test_offload_is_used(relay, remote):
    """Datagrams of one destination and size leave as one of the interface's
    packets; without offload as many."""
    def packets():
        with open("/proc/%d/net/dev" % relay.process.pid) as f:
            line = next(x for x in f if x.strip().startswith("wan:"))
        return int(line.split(":")[1].split()[9])

    relay.tell("forward %d %s %d" % (LOCAL, GOOD6, PORT))
    with relay.lab.udp("127.0.0.1") as s:
        s.connect(("127.0.0.1", LOCAL))
        s.send(b"open")
        s.recv(100)
        before = packets()
        s.sendmsg([b"x" * 1000 * 40], [(
            socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("@H", 1000))])
        for _ in range(40):
            assert s.recv(65536) == b"x" * 1000
        assert packets() - before < 20


def test_program_is_not_there(relay, peer):
    """Its ICMP ends nothing; when it comes it is heard of."""
    relay.tell("publish %s %d 9 0 he" % (SOURCE6, OUTSIDE))
    for n in range(1, 6):
        peer.send(b"x")
        gw.wait_for(lambda: port(relay).rx == n, 2 * gw.SLOW, "datagram")
    late = Echo(relay.lab.ns, "127.0.0.1", 9)
    for _ in range(2):
        peer.send(b"late")
        assert peer.recv(100) == b"late"
    assert port(relay).sessions == 1
    late.close()


def test_published_beyond_one_tunnel(relay, program, peer):
    """It stays what it is while the tunnel is not the active one."""
    publish(relay, 2)
    peer.send(b"x")
    peer.recv(100)
    relay.tell("way he - 0")
    peer.send(b"y")
    assert peer.recv(100) == b"y"       # the same session: no header


@pytest.mark.parametrize("host", [GOOD6, "remote.example"])
def test_forwarded(relay, remote, host):
    relay.host("remote.example", [GOOD6], ["192.0.2.80"], six_ms=30)
    relay.tell("forward %d %s %d" % (LOCAL, host, PORT))
    clients = [relay.lab.udp("127.0.0.1") for _ in range(5)]
    for i, s in enumerate(clients):
        s.connect(("127.0.0.1", LOCAL))
        for data in b"%d" % i, b"%d" % i * 1000:
            s.send(data)
    for i, s in enumerate(clients):
        assert s.recv(65536) == b"%d" % i
        assert s.recv(65536) == b"%d" % i * 1000
        assert remote.peer[0] == SOURCE6
        s.close()
    assert port(relay) == (5, 5, 5 * 1001, 5 * 1001, 0)


def test_forwarded_name_is_asked_for_anew(relay, remote):
    relay.host("moves.example", [GOOD6])
    relay.tell("forward %d moves.example %d" % (LOCAL, PORT))
    for address, want in ((GOOD6, True), ("::1", False), (GOOD6, True)):
        relay.host("moves.example", [address])
        before = refused(relay)
        with relay.lab.udp("127.0.0.1") as s:
            s.connect(("127.0.0.1", LOCAL))
            s.send(b"x")
            if want:
                assert s.recv(100) == b"x"
            else:
                gw.wait_for(lambda: refused(relay).target ==
                            before.target + 1, 2 * gw.SLOW, "refusal")
    assert port(relay).refused == 1


def test_forwarded_by_its_tunnel_only(lab, remote):
    relay = Relay(lab)
    relay.tell("way pinned - 0")
    relay.tell("forward %d %s %d pinned" % (LOCAL, GOOD6, PORT))
    with lab.udp("127.0.0.1") as s:
        s.connect(("127.0.0.1", LOCAL))
        s.send(b"x")
        gw.wait_for(lambda: refused(relay).unreachable == 1, 2 * gw.SLOW,
                    "refusal")
        relay.tell("way pinned %s 0" % SOURCE6)
        s.send(b"y")
        assert s.recv(100) == b"y"
    relay.close()


def test_sessions_end(lab, program):
    relay = Relay(lab, "-u", "300")
    publish(relay)
    with lab.udp(GOOD6, ns=lab.far) as s:
        s.sendto(b"x", (SOURCE6, OUTSIDE))
        s.recv(100)
        gw.wait_for(lambda: port(relay).sessions == 0, 3 * gw.SLOW, "its end")
        s.sendto(b"y", (SOURCE6, OUTSIDE))
        assert s.recv(100) == b"y"
    assert port(relay)[:2] == (1, 2)
    relay.close()


def test_reset(lab, program, remote):
    """What came by that tunnel begins anew with the next datagram; sessions
    by another one are let be."""
    relay = Relay(lab)
    relay.tell("way other %s 0" % SOURCE6)
    publish(relay, 2)
    with lab.udp(GOOD6, ns=lab.far) as s:
        for total, header in (1, True), (2, True), (2, False):
            s.sendto(b"x", (SOURCE6, OUTSIDE))
            data = s.recv(100)
            assert data.startswith(SIGNATURE) == header
            assert port(relay)[:2] == (1, total)
            relay.tell("reset " + ("he" if total == 1 else "other"))
    relay.tell("unport")
    for way, total in ("other", 1), ("he", 2):
        relay.tell("forward %d %s %d he" % (LOCAL, GOOD6, PORT))
        with lab.udp("127.0.0.1") as s:
            s.connect(("127.0.0.1", LOCAL))
            for _ in range(2):
                s.send(b"x")
                assert s.recv(100) == b"x"
                relay.tell("reset " + way)
        assert port(relay).total == total
        relay.tell("unport")
    relay.close()


def test_flood_of_peers_harms_no_session(lab, relay, program, peer):
    """The table is full of peers that get no answer; who has one stays."""
    publish(relay, 2)
    peer.send(b"x")
    peer.recv(100)
    program.mute = True
    for _ in range(1500):
        with lab.udp(GOOD6, ns=lab.far) as s:
            s.sendto(b"flood", (SOURCE6, OUTSIDE))
    program.mute = False
    gw.wait_for(lambda: port(relay).total >= 1400, 5 * gw.SLOW, "flood")
    assert port(relay).sessions <= 1024
    peer.send(b"still known")
    assert peer.recv(100) == b"still known"


def test_drain(lab, program):
    """Who has a session keeps it; nobody else comes in."""
    relay = Relay(lab, "-u", "500")
    publish(relay)
    with lab.udp(GOOD6, ns=lab.far) as old, lab.udp(
            GOOD6, ns=lab.far) as new:
        old.sendto(b"x", (SOURCE6, OUTSIDE))
        old.recv(100)
        relay.tell("drain")
        new.sendto(b"x", (SOURCE6, OUTSIDE))
        gw.wait_for(lambda: port(relay).refused == 1, 2 * gw.SLOW, "refusal")
        old.sendto(b"y", (SOURCE6, OUTSIDE))
        assert old.recv(100) == b"y"
        gw.wait_for(lambda: relay.tell("port") == "drained", 3 * gw.SLOW,
                    "its end")
    relay.close()


def test_nothing_is_left(relay, program, peer):
    fds = relay.descriptors()
    for _ in range(20):
        publish(relay)
        peer.send(b"x")
        peer.recv(100)
        relay.tell("unport")
    assert relay.descriptors() == fds
