"""UDP ASSOCIATE: datagrams through the relay, good and bad."""

import json
import os
import socket
import struct
import subprocess
import time

import pytest

import gw
from relaylab import (GOOD4, GOOD6, PORT, REFUSES6, SILENT6, SOURCE4, SOURCE6,
                      UDP, Relay, address, exactly, reply)
from udplab import Assoc, Echo, UDP_SEGMENT, header, refused

SECOND = "2001:db8:1::81"       # another host of the far side


@pytest.fixture(scope="module")
def echo(lab):
    lab.far.batch("addr add %s/48 dev wan nodad" % SECOND)
    servers = [Echo(lab.far, host) for host in (GOOD6, GOOD4, SECOND)]
    yield servers
    for server in servers:
        server.close()


@pytest.fixture
def assoc(relay, echo):
    with Assoc(relay) as assoc:
        yield assoc


@pytest.mark.parametrize("size", [0, 1, 1200, 1452, 4000, 60000])
@pytest.mark.parametrize("host", [GOOD6, GOOD4])
def test_there_and_back(assoc, host, size):
    data = os.urandom(size)
    assoc.send(host, data)
    assert assoc.receive() == (host, PORT, data)


@pytest.mark.parametrize("host", [GOOD6, GOOD4])
def test_the_longest_datagram(assoc, host):
    """65,507 bytes on the loopback interface, ours and its header."""
    data = os.urandom(65507 - len(header(host)))
    assoc.send(host, data)
    assert assoc.receive() == (host, PORT, data)


def test_too_long_an_answer_is_lost_whole(assoc, echo):
    """With its header it would be longer than datagrams are."""
    assoc.send(GOOD4, b"first")
    assert assoc.receive()[2] == b"first"
    before = refused(assoc.relay)
    echo[1].say(b"x" * 65507)
    echo[1].say(b"next")
    assert assoc.receive()[2] == b"next"
    assert refused(assoc.relay).lost == before.lost + 1


def test_reply_says_where(relay, echo):
    with Assoc(relay) as assoc:
        host, port = assoc.bound
        assert host == "127.0.0.1" and port > 1024
        assert relay.tell("associations") == "1"
        assert relay.count() == 0       # it is no session any more


def test_sources(assoc, echo):
    """IPv6 leaves by the tunnel's address, IPv4 as it likes."""
    for server, host, source in (echo[0], GOOD6, SOURCE6), (echo[1], GOOD4,
                                                            SOURCE4):
        assoc.send(host, b"x")
        assoc.receive()
        assert server.peer[0] == source


def test_one_port_for_all_destinations(assoc, echo):
    """RFC 4787: endpoint-independent mapping."""
    for host in GOOD6, SECOND:
        assoc.send(host, b"x")
    for _ in range(2):
        assoc.receive()
    assert echo[0].peer[1] == echo[2].peer[1]
    # and each only from whom it was sent to
    assoc.send(GOOD6, b"y")
    assert assoc.receive() == (GOOD6, PORT, b"y")


def test_ports_of_two_clients_differ(relay, echo):
    with Assoc(relay) as a, Assoc(relay) as b:
        ports = set()
        for assoc in a, b:
            assoc.send(GOOD6, b"x")
            assoc.receive()
            ports.add(echo[0].peer[1])
        assert len(ports) == 2


@pytest.mark.parametrize("options", [(), ("-g",)])
def test_batches(lab, echo, options):
    """Many at once arrive in order, with offload and without."""
    relay = Relay(lab, *options)
    with Assoc(relay) as assoc:
        for size in 100, 1200, 1500:        # the last one over the MTU
            want = [bytes([i]) * size for i in range(100)]
            for part in (want[:50], want[50:]):
                for data in part:
                    assoc.send(GOOD6, data)
                got = [assoc.receive()[2] for _ in part]
                assert got == part
    relay.close()


def test_segments_from_the_client(assoc):
    """One call of the client is many datagrams, the last one shorter."""
    size = 1000 + len(header(GOOD6))
    parts = [header(GOOD6) + bytes([i]) * 1000 for i in range(40)]
    parts.append(header(GOOD6) + b"end")
    assoc.udp.sendmsg([b"".join(parts)], [(
        socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("@H", size))])
    for part in parts:
        assert assoc.receive()[2] == part[len(header(GOOD6)):]


def test_segments_over_the_mtu_go_singly(lab, echo):
    """The kernel refuses such (EINVAL); nothing is lost by it."""
    relay = Relay(lab)
    with Assoc(relay) as assoc:
        size = 1600 + len(header(GOOD6))
        parts = [header(GOOD6) + bytes([i]) * 1600 for i in range(30)]
        for _ in range(2):
            assoc.udp.sendmsg([b"".join(parts)], [(
                socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("@H", size))])
            for part in parts:
                assert assoc.receive()[2] == part[len(header(GOOD6)):]
        assert refused(relay).lost == 0
    relay.close()


@pytest.mark.parametrize("what,count,data", [
    ("a fragment", "fragment", b"\0\0\1" + header(GOOD6)[3:] + b"x"),
    ("the last fragment", "fragment", b"\0\0\x81" + header(GOOD6)[3:]),
    ("nothing", "header", b""),
    ("one byte", "header", b"\0"),
    ("no address", "header", b"\0\0\0"),
    ("a reserved byte", "header", b"\0\1\0" + header(GOOD6)[3:]),
    ("an unknown ATYP", "header", b"\0\0\0\2" + b"x" * 20),
    ("a short IPv6 address", "header", header(GOOD6)[:-3]),
    ("a short IPv4 address", "header", header(GOOD4)[:-1]),
    ("an empty name", "header", b"\0\0\0\3\0\0\x50x"),
    ("a cut name", "header", b"\0\0\0\3\xffabc"),
    ("a NUL in a name", "header", header("a\0b") + b"x"),
    ("port 0", "target", header(GOOD6, 0) + b"x"),
])
def test_malformed_then_good(assoc, what, count, data):
    before = refused(assoc.relay)
    assoc.udp.send(data)
    assoc.send(GOOD6, b"good")
    assert assoc.receive()[2] == b"good", what
    after = refused(assoc.relay)
    assert getattr(after, count) == getattr(before, count) + 1, what
    assert sum(after) == sum(before) + 1


def test_who_may_send(relay, echo):
    """The client's address, and of it the first port."""
    relay.lab.ns.batch("addr replace 127.0.0.2/8 dev lo")
    with Assoc(relay) as assoc, relay.lab.udp("127.0.0.2") as foreign, \
            relay.lab.udp("127.0.0.1") as second:
        before = refused(relay)
        foreign.sendto(header(GOOD6) + b"foreign", assoc.bound)
        gw.wait_for(lambda: refused(relay).sender == before.sender + 1,
                    2 * gw.SLOW, "refusal")
        assoc.send(GOOD6, b"first")
        assert assoc.receive()[2] == b"first"
        for s in foreign, second:
            s.sendto(header(GOOD6) + b"late", assoc.bound)
        assoc.send(GOOD6, b"next")
        assert assoc.receive()[2] == b"next"
        assert echo[0].heard[-2:] == [b"first", b"next"]


def test_of_another_user(relay, echo):
    """The port is found by somebody else before the client uses it."""
    with Assoc(relay, uid=0) as assoc:
        before = refused(relay)
        code = ("import socket,sys,os; os.setuid(65534);"
                "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);"
                "s.sendto(b'x',('127.0.0.1',%d))" % assoc.bound[1])
        subprocess.run(relay.lab.ns.argv("/usr/bin/python3", "-c", code),
                       check=True)
        gw.wait_for(lambda: refused(relay).owner == before.owner + 1,
                    2 * gw.SLOW, "refusal")
        assoc.send(GOOD6, b"mine")
        assert assoc.receive()[2] == b"mine"


def test_who_may_answer(assoc, echo):
    """Only who was asked, from where he was asked."""
    assoc.send(GOOD6, b"x")
    assoc.receive()
    peer = echo[0].peer
    echo[2].say(b"another host", peer)
    with assoc.relay.lab.udp(
            GOOD6, ns=assoc.relay.lab.far) as other:
        other.sendto(b"another port", peer)
    echo[0].say(b"he")
    assert assoc.receive() == (GOOD6, PORT, b"he")
    assert assoc.silent()


def test_names(relay, echo):
    relay.host("both.example", [GOOD6], [GOOD4])
    relay.host("four.example", [], [GOOD4])
    relay.host("late.example", [GOOD6], [GOOD4], six_ms=30)
    relay.host("slow.example", [GOOD6], [], six_ms=300)
    with Assoc(relay) as assoc:
        for name, host in (("both.example", GOOD6), ("four.example", GOOD4),
                           ("late.example", GOOD6)):
            for data in b"one", b"two":
                assoc.send(name, data)
            assert assoc.receive() == (host, PORT, b"one"), name
            assert assoc.receive() == (host, PORT, b"two"), name
        # what waits for a name keeps nobody else waiting
        for i in range(10):
            assoc.send("slow.example", b"%d" % i)
        assoc.send(GOOD4, b"now")
        assert assoc.receive() == (GOOD4, PORT, b"now")
        for i in range(10):
            assert assoc.receive() == (GOOD6, PORT, b"%d" % i)
        # families as the rules have them
        relay.tell("rule *.example ipv4")
    with Assoc(relay) as assoc:
        assoc.send("both.example", b"x")
        assert assoc.receive()[0] == GOOD4


def test_names_that_lead_nowhere(relay, echo):
    relay.host("none.example")
    relay.host("never.example", [GOOD6], six_ms=-1, four_ms=-1)
    with Assoc(relay) as assoc:
        before = refused(relay)
        assoc.send("none.example", b"x")
        gw.wait_for(lambda: refused(relay).unreachable ==
                    before.unreachable + 1, 2 * gw.SLOW, "refusal")
        # the queue is bounded, and the rest goes on
        for _ in range(100):
            assoc.send("never.example", b"x")
        assoc.send(GOOD6, b"good")
        assert assoc.receive()[2] == b"good"
        assert refused(relay).lost == before.lost + 84


def test_way_of_a_rule(lab, echo):
    relay = Relay(lab, way=False)
    relay.tell("way other %s 0" % SOURCE6)
    relay.tell("rule via.example ipv6 via other")
    relay.tell("rule tor.example any via upstream")
    for name in "via.example", "tor.example":
        relay.host(name, [GOOD6])
    with Assoc(relay) as assoc:
        assoc.send("via.example", b"x")
        assert assoc.receive()[2] == b"x"
        for name, count in (GOOD6, "unreachable"), ("tor.example", "target"):
            before = refused(relay)
            assoc.send(name, b"x")
            gw.wait_for(lambda: getattr(refused(relay), count) ==
                        getattr(before, count) + 1, 2 * gw.SLOW, name)
    relay.close()


def test_flows_leave_a_dead_tunnel(relay, echo):
    """A tunnel that has gone down is no reason to send into it."""
    relay.lab.ns.batch("addr replace 2001:db8:1::3/48 dev wan nodad")
    relay.tell("way two 2001:db8:1::3 0")
    with Assoc(relay) as assoc:
        assoc.send(GOOD6, b"x")
        assoc.receive()
        assert echo[0].peer[0] == SOURCE6
        relay.tell("way he - 0")
        relay.tell("way two 2001:db8:1::3 1")
        assoc.send(GOOD6, b"y")
        assert assoc.receive()[2] == b"y"
        assert echo[0].peer[0] == "2001:db8:1::3"


@pytest.mark.parametrize("host", [
    "127.0.0.1", "0.0.0.0", "::1", "::ffff:127.0.0.1", "fe80::1", "ff02::1",
    "224.0.0.1", "255.255.255.255", "64:ff9b::127.0.0.1", SOURCE6,
    "evil.example"])
def test_not_there(relay, host):
    relay.tell("own " + SOURCE6)
    relay.host("evil.example", ["::1"], ["127.0.0.1"])
    with Assoc(relay) as assoc:
        before = refused(relay)
        assoc.send(host, b"x", assoc.bound[1])
        gw.wait_for(lambda: refused(relay).target == before.target + 1,
                    2 * gw.SLOW, "refusal")
        assert assoc.silent()


def test_rules(relay, echo):
    relay.tell("deny %s/128" % GOOD6)
    with Assoc(relay) as assoc:
        before = refused(relay)
        assoc.send(GOOD6, b"x")
        assoc.send(GOOD4, b"y")
        assert assoc.receive() == (GOOD4, PORT, b"y")
        assert refused(relay).target == before.target + 1


def test_ends_with_its_connection(relay, echo):
    fds = relay.descriptors()
    with Assoc(relay) as assoc:
        assoc.control.sendall(b"chatter")       # which nobody listens to
        for host in GOOD6, GOOD4, SECOND:
            assoc.send(host, b"x")
            assoc.receive()
        assert relay.descriptors() == fds + 5
        assoc.control.close()
        gw.wait_for(lambda: relay.tell("associations") == "0", 2 * gw.SLOW,
                    "its end")
        assert relay.descriptors() == fds
        assoc.send(GOOD6, b"x")
        with pytest.raises(ConnectionRefusedError):
            assoc.receive()


def test_time_out(lab, echo):
    relay = Relay(lab, "-u", "400")
    with Assoc(relay) as assoc:
        for _ in range(3):              # what is used stays
            assoc.send(GOOD6, b"x")
            assoc.receive()
            port = echo[0].peer[1]
            time.sleep(0.2)
            assoc.send(GOOD6, b"x")
            assoc.receive()
            assert echo[0].peer[1] == port
        fds = relay.descriptors()
        gw.wait_for(lambda: relay.descriptors() == fds - 1, 3 * gw.SLOW,
                    "its end")
        assoc.send(GOOD6, b"again")
        assert assoc.receive()[2] == b"again"
    relay.close()


def test_too_many_destinations(relay, echo):
    """The oldest goes; first those that never answered."""
    with Assoc(relay) as assoc:
        fds = relay.descriptors()
        assoc.send(GOOD6, b"x")
        assoc.receive()
        for port in range(1000, 1400):
            assoc.send(SILENT6[0], b"x", port)
            if port % 50 == 0:
                assoc.send(SECOND, b"y")
                assoc.receive()
        gw.wait_for(lambda: relay.descriptors() == fds + 256, 3 * gw.SLOW,
                    "256 of them")
        echo[0].say(b"still there")
        assert assoc.receive()[2] == b"still there"


def test_too_many_associations(relay, echo):
    held = [Assoc(relay) for _ in range(64)]
    with relay.socket() as s:
        s.sendall(b"\5\1\0" + bytes([5, UDP, 0]) + address("0.0.0.0") +
                  b"\0\0")
        assert exactly(s, 2) == b"\5\0" and reply(s)[0] == 2
    held.pop().close()
    gw.wait_for(lambda: relay.tell("associations") == "63", 2 * gw.SLOW,
                "an end")
    with Assoc(relay) as assoc:
        assoc.send(GOOD6, b"x")
        assert assoc.receive()[2] == b"x"
    for assoc in held:
        assoc.close()


def test_icmp_ends_nothing(relay, echo):
    """Port unreachable, from where it is going and from the client."""
    with Assoc(relay) as assoc:
        for i in range(5):
            assoc.send(GOOD6, b"x", 9)          # nobody listens
            assoc.send(REFUSES6, b"x", 9)
            assoc.send(GOOD6, b"%d" % i)
            assert assoc.receive()[2] == b"%d" % i
        # the client goes away for a while, its port stays
        name = assoc.udp.getsockname()
        assoc.udp.close()
        for _ in range(3):
            echo[0].say(b"nobody there")
        time.sleep(0.05)
        with relay.lab.udp(*name) as again:
            again.sendto(header(GOOD6) + b"back", assoc.bound)
            got = again.recv(100)
            while b"nobody" in got:
                got = again.recv(100)
            assert got == header(GOOD6) + b"back"


def test_full_send_buffer(relay, echo):
    """What waits for a neighbour that is not there fills it."""
    sysctl = "/proc/sys/net/ipv6/neigh/wan/unres_qlen_bytes"
    subprocess.run(relay.lab.ns.argv(
        "sh", "-c", "echo 50000000 >%s" % sysctl), check=True)
    with Assoc(relay) as assoc:
        before = refused(relay)
        for _ in range(60):
            for _ in range(10):
                assoc.send("2001:db8:1::dead", b"x" * 1400)
            assoc.send(GOOD6, b"between")
            assert assoc.receive()[2] == b"between"
        assert refused(relay).lost > before.lost


def test_no_descriptor_left(lab, echo):
    """New destinations have to wait; what there is goes on."""
    relay = Relay(lab)
    with Assoc(relay) as assoc:
        assoc.send(GOOD6, b"x")
        assoc.receive()
        relay.limit_descriptors(relay.descriptors())
        before = refused(relay)
        assoc.send(GOOD4, b"x")
        gw.wait_for(lambda: refused(relay).unreachable ==
                    before.unreachable + 1, 2 * gw.SLOW, "refusal")
        assoc.send(GOOD6, b"goes on")
        assert assoc.receive()[2] == b"goes on"
        relay.limit_descriptors(relay.descriptors() + 10)
        assoc.send(GOOD4, b"later")
        assert assoc.receive() == (GOOD4, PORT, b"later")
    relay.close()


def test_counted_by_family(assoc):
    def counts():
        return [way["rx"] + way["tx"] for way in
                json.loads(assoc.relay.tell("stats"))["ways"][:2]]

    before = counts()
    assoc.send(GOOD6, b"x" * 1000)
    assoc.send(GOOD4, b"x" * 10)
    assoc.receive()
    assoc.receive()
    assert counts() == [before[0] + 2000, before[1] + 20]
