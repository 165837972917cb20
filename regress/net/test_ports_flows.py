"""[failover] flows and ports: what becomes of what goes through a port when
its tunnel is lost and another one carries the traffic; published and
forwarded, TCP and UDP, following the active tunnel and pinned to the lost
one."""

import contextlib
import selectors
import socket
import threading

import pytest

import gw

FOLLOWING, PINNED = range(2)
PUBLISH_TCP, PUBLISH_UDP = (8081, 8082), (7654, 7655)
FORWARD_TCP, FORWARD_UDP = (41001, 41002), (40001, 40002)
PROGRAM, HOST = 8443, 7000      # where the two ends of it all listen


@pytest.fixture(scope="module")
def lab(ways):
    return ways


class End(threading.Thread):
    """Answers on one port of TCP and UDP with who it takes for the peer, and
    remembers what TCP connections ended with."""

    def __init__(self, ns, address, port):
        super().__init__(daemon=True)
        self.ended = []
        self.selector = selectors.DefaultSelector()
        self.opened = []
        for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
            s = ns.socket(family(address), kind)
            self.opened.append(s)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((address, port))
            self.selector.register(s, selectors.EVENT_READ, kind)
        self.opened[0].listen(64)
        self.start()

    def run(self):
        with contextlib.suppress(OSError, ValueError):
            while True:
                for key, _ in self.selector.select(1):
                    if key.data == socket.SOCK_DGRAM:
                        _, peer = key.fileobj.recvfrom(100)
                        key.fileobj.sendto(self.words(peer), peer)
                    else:
                        s, peer = key.fileobj.accept()
                        threading.Thread(target=self.serve, args=(s, peer),
                                         daemon=True).start()

    @staticmethod
    def words(peer):
        return ("%s %d" % peer[:2]).encode().ljust(60)

    def serve(self, s, peer):
        with s:
            try:
                while s.recv(100):
                    s.sendall(self.words(peer))
                self.ended.append("end")
            except ConnectionResetError:
                self.ended.append("reset")

    def close(self):
        for s in self.opened:
            s.close()


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@pytest.fixture
def ends(lab):
    """The program on this machine, and the host in the Internet."""
    with contextlib.closing(End(lab.client, "127.0.0.1", PROGRAM)) as near, \
            contextlib.closing(End(lab.internet, gw.WEB6, HOST)) as far:
        yield near, far


def sections():
    """All kinds of ports, each following and pinned to a."""
    for protocol, published, forwarded in (
            ("tcp", PUBLISH_TCP, FORWARD_TCP),
            ("udp", PUBLISH_UDP, FORWARD_UDP)):
        for i, pin in enumerate(({}, {"tunnel": "a"})):
            yield "port.in-%s-%d" % (protocol, i), dict({
                "protocol": protocol, "internal_port": PROGRAM,
                "external_port": published[i], "proxy_protocol": "none"},
                **pin)
            yield "port.out-%s-%d" % (protocol, i), dict({
                "protocol": protocol, "listen_port": forwarded[i],
                "remote": "[%s]:%d" % (gw.WEB6, HOST)}, **pin)


class Client:
    """One that goes through a port, by TCP or by UDP."""

    def __init__(self, ns, kind, address, port):
        self.ns = ns
        self.udp = kind == socket.SOCK_DGRAM
        self.socket = ns.socket(family(address), kind)
        self.socket.settimeout(5 * gw.SLOW)
        self.socket.connect((address, port))
        self.first = self.ask()

    def ask(self):
        """(address, port) that the other end sees: of a UDP session a new
        one has another port."""
        self.socket.send(b"who?")
        data = self.socket.recv(60, 0 if self.udp else socket.MSG_WAITALL)
        address, port = data.split()
        return address.decode(), int(port)

    def asks_on(self, seconds=10):
        """The same as soon as there is an answer."""
        got = []

        def answered():
            with contextlib.suppress(OSError):
                got.append(self.ask())
            return got
        self.socket.settimeout(0.3 * gw.SLOW)
        gw.wait_for(answered, seconds * gw.SLOW, "an answer")
        return got[0]

    def is_reset(self):
        with contextlib.suppress(ConnectionResetError):
            self.ask()
            return False
        return True


class Clients:
    """Of all ports, in pairs: following and pinned."""

    def __init__(self, lab):
        self.in_tcp, self.in_udp, self.out_tcp, self.out_udp = self.all = [
            [Client(ns, kind, address, port) for port in ports]
            for ns, kind, address, ports in (
                (lab.internet, socket.SOCK_STREAM, lab.a.address,
                 PUBLISH_TCP),
                (lab.internet, socket.SOCK_DGRAM, lab.a.address,
                 PUBLISH_UDP),
                (lab.client, socket.SOCK_STREAM, "127.0.0.1", FORWARD_TCP),
                (lab.client, socket.SOCK_DGRAM, "127.0.0.1", FORWARD_UDP))]

    def close(self):
        for client in sum(self.all, []):
            client.socket.close()


@pytest.fixture
def clients(daemon, lab, ends, request):
    """They talk by a, which is lost then, so that b carries the traffic.
    Nobody else on this machine may use either."""
    daemon.configure(dict(sections(), exposure={"mode": "proxy"}, failover={
        "flows": request.param, "preempt": "no"}))
    # the first one to answer would stay
    for way in lab.b, lab.c:
        way.broker.drop()
    daemon.start()
    daemon.wait_state("up", name="a")
    for way in lab.b, lab.c:
        way.broker.drop(False)
        daemon.wait_state("up", name=way.name)
    assert daemon.active() == "a"
    for protocol in "tcp", "udp":
        gw.wait_for(lambda: [row["state"] for row in rows(daemon, protocol)]
                    == ["active"] * 4, 5 * gw.SLOW, "its ports")
    with contextlib.closing(Clients(lab)) as clients:
        for client in clients.out_tcp + clients.out_udp:
            assert client.first[0] == lab.a.address
        lab.a.broker.drop()
        gw.wait_for(lambda: daemon.active() == "b", 10 * gw.SLOW, "b")
        yield clients


def rows(daemon, protocol):
    return daemon.get("/ports/" + protocol).json()["ports"]


def sessions(daemon, protocol):
    return {row.get("external_port", row.get("listen_port")): row["sessions"]
            for row in rows(daemon, protocol)}


def come_back(daemon, lab):
    lab.a.broker.drop(False)
    daemon.wait_state("up", name="a")
    assert daemon.active() == "b"


@pytest.mark.parametrize("clients", ["reset"], indirect=True)
def test_reset(daemon, lab, ends, clients):
    """Nothing of a goes on, and whoever comes next goes by b, or by a as
    soon as that is back, if the port is pinned there."""
    near, _ = ends
    assert all(client.is_reset() for client in clients.out_tcp)
    gw.wait_for(lambda: near.ended == ["reset"] * 2, 5 * gw.SLOW,
                "the program's resets")
    gw.wait_for(lambda: not any(sessions(daemon, "udp").values()),
                5 * gw.SLOW, "the end of the sessions")
    # a session of its own, by the new tunnel
    assert clients.out_udp[FOLLOWING].asks_on()[0] == lab.b.address
    with contextlib.closing(Client(lab.internet, socket.SOCK_DGRAM,
                                   lab.b.address,
                                   PUBLISH_UDP[FOLLOWING]).socket):
        pass
    come_back(daemon, lab)
    assert clients.out_udp[FOLLOWING].ask()[0] == lab.b.address
    new = clients.out_udp[PINNED].asks_on()
    assert new[0] == lab.a.address and new != clients.out_udp[PINNED].first
    new = clients.in_udp[PINNED].asks_on()
    assert new != clients.in_udp[PINNED].first
    assert all(client.is_reset() for client in clients.in_tcp)


@pytest.mark.parametrize("clients", ["drain"], indirect=True)
def test_drain(daemon, lab, ends, clients):
    """All of a goes on when it is back, also what is published at b now."""
    near, _ = ends
    come_back(daemon, lab)
    for client in sum(clients.all, []):
        assert client.asks_on() == client.first
    assert near.ended == []


@pytest.mark.parametrize("clients", ["unreachable"], indirect=True)
def test_unreachable(daemon, lab, ends, clients):
    """TCP takes no notice and goes on; a session whose datagram is refused
    ends, and the next one goes by the new tunnel at once."""
    near, _ = ends
    assert clients.out_udp[FOLLOWING].asks_on()[0] == lab.b.address
    with pytest.raises(ConnectionResetError):
        Client(lab.client, socket.SOCK_STREAM, "127.0.0.1",
               FORWARD_TCP[PINNED])
    new = Client(lab.client, socket.SOCK_STREAM, "127.0.0.1",
                 FORWARD_TCP[FOLLOWING])
    with new.socket:
        assert new.first[0] == lab.b.address
    come_back(daemon, lab)
    for client in clients.in_tcp + clients.in_udp + clients.out_tcp:
        assert client.asks_on() == client.first
    assert clients.out_udp[PINNED].asks_on()[0] == lab.a.address
    assert near.ended == []
