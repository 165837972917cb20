"""Ports of the whole daemon that forward to a name: the resolver looks it up
with each connection and each session, and IPv6 is all that is used."""

import contextlib
import socket

import pytest

import gw
from daemonlab import A, AAAA, GOOD4, GOOD6, NXDOMAIN, Lab
from relaylab import PORT, exactly
from udplab import Echo

TCP, UDP = 41001, 40001
NAME = "x.forward.example"
ZONE = NAME.split(".", 1)[1]


@pytest.fixture(scope="module")
def lab():
    lab = Lab(1)
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def echoes(lab):
    """Services for datagrams at both IPv6 hosts."""
    echoes = {address: Echo(lab.internet, address)
              for address in (GOOD6, gw.WEB6)}
    yield echoes
    for echo in echoes.values():
        echo.close()


@pytest.fixture
def ports(daemon, lab):
    """Forwards both protocols to NAME, of which nothing is known so far."""
    lab.dns.zone.clear()
    lab.etc.put("hosts", "127.0.0.1 localhost\n")
    daemon.configure({"port.%s" % protocol: {
        "protocol": protocol, "listen_port": port,
        "remote": "%s:%d" % (NAME, PORT)}
        for protocol, port in (("tcp", TCP), ("udp", UDP))})
    daemon.up()
    for protocol, port in ("tcp", TCP), ("udp", UDP):
        daemon.wait_log("%s port %d: active" % (protocol, port))
    return daemon


@contextlib.contextmanager
def client(lab, kind, port):
    with lab.client.socket(socket.AF_INET, kind) as s:
        s.settimeout(8 * gw.SLOW)
        s.connect(("127.0.0.1", port))
        yield s


@contextlib.contextmanager
def connection(lab):
    with client(lab, socket.SOCK_STREAM, TCP) as s:
        assert exactly(s, 1) == b"6"
        yield s


def session(lab):
    return client(lab, socket.SOCK_DGRAM, UDP)


def talks(s, data=b"there and back"):
    s.sendall(data)
    return exactly(s, len(data)) == data


def refused(daemon, what):
    return daemon.get("/relay").json()["refused"][what]


def test_forward_to_a_name(ports, lab, echoes):
    """By the tunnel to the name's IPv6 address, though IPv4's is faster."""
    lab.dns.zone[ZONE] = {AAAA: (100, [GOOD6]), A: (0, [GOOD4])}
    with connection(lab) as tcp, session(lab) as udp:
        assert talks(tcp) and talks(udp)
    assert echoes[GOOD6].peer[0] == lab.a.address
    assert ports.get("/relay").json()["families"]["ipv4"]["wins"] == 0


@pytest.mark.parametrize("zone", [
    {AAAA: (0, NXDOMAIN), A: (0, NXDOMAIN)}, {},
    {A: (0, [GOOD4])}], ids=["no name", "no address", "IPv4 only"])
def test_name_that_is_not_there(ports, lab, zone):
    """A connection is reset, a datagram is lost, and both are counted."""
    lab.dns.zone[ZONE] = zone
    with pytest.raises(ConnectionResetError), \
            client(lab, socket.SOCK_STREAM, TCP) as s:
        s.recv(1)
    with session(lab) as s:
        s.send(b"x")
        gw.wait_for(lambda: [refused(ports, what) for what in
                             ("target", "udp_unreachable")] == [1, 1],
                    8 * gw.SLOW, "both refusals")


def test_name_moves_and_ends(ports, lab, echoes):
    """hosts(5): what has begun goes on, what comes next goes where the name
    leads then."""
    with contextlib.ExitStack() as stack:
        opened = []
        for address in GOOD6, gw.WEB6:
            lab.etc.put("hosts", "%s %s\n" % (address, NAME))
            # its change is noticed with the next question or before
            gw.wait_for(lambda: leads_to(lab, echoes, address), 8 * gw.SLOW,
                        "the new address")
            opened += [stack.enter_context(connection(lab)),
                       stack.enter_context(session(lab))]
            assert all(talks(s) for s in opened)
        lab.etc.put("hosts", "127.0.0.1 localhost\n")
        gw.wait_for(lambda: not resolves(lab), 8 * gw.SLOW, "its end")
        assert not leads_to(lab, echoes, gw.WEB6)
        assert all(talks(s) for s in opened)


def leads_to(lab, echoes, address):
    """Whether a new session ends there."""
    for echo in echoes.values():
        echo.peer = None
    with session(lab) as s:
        s.settimeout(1 * gw.SLOW)
        with contextlib.suppress(OSError):
            return talks(s) and echoes[address].peer is not None
    return False


def resolves(lab):
    # what is known already may be said before the connection is used
    with contextlib.suppress(ConnectionResetError), \
            client(lab, socket.SOCK_STREAM, TCP) as s:
        return s.recv(1) == b"6"
    return False


@pytest.mark.slow
def test_name_ends_in_the_dns(ports, lab, echoes):
    """When its time to live is over, five seconds at least; and is back."""
    lab.dns.ttl = 1
    there = {AAAA: (0, [GOOD6])}
    for zone in there, {AAAA: (0, NXDOMAIN)}, there:
        lab.dns.zone[ZONE] = zone
        gw.wait_for(lambda: resolves(lab) == (zone is there), 12 * gw.SLOW,
                    "the new answer")
