"""The whole daemon as a SOCKS server: who may use it and how much, what a
reload and a failover leave alone, what the host gets."""

import contextlib
import hashlib
import os
import selectors
import signal
import socket
import time

import pytest

import gw
import multilab
import socks_suite
from daemonlab import A, AAAA, GOOD4, GOOD6, Lab, Socks
from relaylab import (GREETING, MIB, exactly, receive_all, reply, request,
                      send_all)

ONE, ANOTHER = 20001, 20002     # uids of clients
MANY = {"connections": 5000, "half_open": 5000, "new_per_second": 100000}
SUCCEEDED, DENIED = 0, 2


@pytest.fixture(scope="module")
def lab():
    lab = Lab(2)
    yield lab
    lab.close()


def line(s):
    """The server's first line: where it saw the connection come from."""
    data = b""
    while not data.endswith(b"\n"):
        data += exactly(s, 1)
    return data.decode().strip()


def ask(lab, uid=0):
    """(a connection to the Internet's server, where that saw it begin)."""
    s, code, _ = Socks(lab, uid).connect(gw.WEB6, multilab.PORT)
    assert code == SUCCEEDED
    return s, line(s)


def echoes(s, data=b"still there"):
    s.sendall(data)
    return exactly(s, len(data)) == data


def test_host_gets_nothing(daemon, lab):
    """Without "kernel" only what the relay connects uses the tunnel."""
    daemon.up()
    c = lab.client
    assert lab.ours() == []
    routes = c.ip("-6 route show default").splitlines()
    assert routes and all("from " in route for route in routes)
    for way in lab.ways:
        info, = [a for a in c.json("-6 addr show dev " + way.iface)[0]
                 ["addr_info"] if a.get("local") == way.address]
        assert info["preferred_life_time"] == 0
    # programs that look both up leave by IPv4: RFC 6724, rule 3
    lab.dns.zone["both.example"] = {AAAA: (0, [GOOD6]), A: (0, [GOOD4])}
    hosts = gw.sh(*lab.inside.argv("getent", "ahosts", "x.both.example"))
    assert hosts.stdout.startswith(GOOD4), hosts.stdout
    # those that know an address, or bind to the tunnel's, leave as root alone
    for bound in [], ["--interface", lab.ways[0].address]:
        for uid in 0, ONE:
            curl = gw.sh(*c.argv(
                "setpriv", "--reuid=%d" % uid, "--clear-groups", "curl", "-sS",
                "-m", 5, *bound, "http://[%s]:%d/" % (gw.WEB6, multilab.PORT)),
                check=False)
            assert (curl.returncode == 7) == (uid == ONE), curl.stdout
    s, source = ask(lab)
    with s:
        assert source in [way.address for way in lab.ways] and echoes(s)


def test_mode_kernel_has_no_socks(daemon, lab):
    """And a reload that changes the mode changes both."""
    daemon.configure({"exposure": {"mode": "kernel"}})
    daemon.up()
    assert len(lab.ours()) == 1
    with pytest.raises(ConnectionRefusedError):
        Socks(lab).socket()
    daemon.reload({"exposure": {"mode": "socks5"}})
    ask(lab)[0].close()
    gw.wait_for(lambda: lab.ours() == [], 3 * gw.SLOW, "no plain default")


@pytest.mark.both
def test_data_through_the_tunnel(daemon, lab, target):
    """TCP's bytes and UDP's datagrams; in the guest by the kernel's sit."""
    daemon.up()
    detail = daemon.tunnel(daemon.active())["detail"]
    assert detail["driver"] == ("kernel" if lab.kernel_sit else "userspace")
    a, b = target.pair(Socks(lab))
    with a, b:
        assert b.getpeername()[0] in [way.address for way in lab.ways]
        for one, other in (a, b), (b, a):
            digest = hashlib.sha256()
            thread = send_all(one, 3 * MIB, digest)
            assert receive_all(other) == (digest.hexdigest(), 3 * MIB)
            thread.join(10)
    with socks_suite.association(Socks(lab), gw.WEB6) as (datagrams, echo):
        for size in [0, 1, 1200, 1400] * 5:
            datagrams.round_trip(echo, os.urandom(size))


# failover


@pytest.mark.both
@pytest.mark.parametrize("flows", ["drain", "reset"])
def test_failover_under_a_client(daemon, lab, flows):
    """New connections leave by the new tunnel, old ones drain or end."""
    daemon.configure({"failover": {"flows": flows, "preempt": "no"}})
    daemon.up()
    first, second = lab.ways
    if daemon.active() == second.name:      # it was the first to answer
        first, second = second, first
    old, source = ask(lab)
    assert source == first.address
    with old:
        first.broker.drop()
        gw.wait_for(lambda: daemon.active() == second.name, 5 * gw.SLOW,
                    "the other one")
        new, source = ask(lab)
        with new:
            assert source == second.address and echoes(new)
            first.broker.drop(False)
            if flows == "drain":
                assert echoes(old)
            else:
                old.settimeout(5 * gw.SLOW)
                with pytest.raises(ConnectionResetError):
                    old.recv(1)
            assert echoes(new)


def test_reset_under_an_association(daemon, lab):
    """Its next datagram goes by the new tunnel, also if there was none until
    the old one was back: the kernel has closed its socket."""
    daemon.configure({"failover": {"flows": "reset", "preempt": "no"}})
    daemon.up()
    first = next(w for w in lab.ways if w.name == daemon.active())
    with socks_suite.association(Socks(lab), gw.WEB6) as (datagrams, echo):
        datagrams.round_trip(echo, b"before")
        first.broker.drop()
        gw.wait_for(lambda: daemon.active() not in (None, first.name),
                    10 * gw.SLOW, "the other one")
        first.broker.drop(False)
        daemon.wait_state("up", name=first.name)
        datagrams.round_trip(echo, b"after")


# reload


class Transfers:
    """Connections through the relay, each a dialogue of random pieces."""

    PIECE, PIECES = 1000, 16

    def __init__(self, lab, n):
        self.selector = selectors.DefaultSelector()
        self.lost = 0
        for _ in range(n):
            s, _ = ask(lab)
            s.setblocking(False)
            # [what is sent, what of it has come back, pieces left]
            self.selector.register(s, selectors.EVENT_READ,
                                   [b"", b"", self.PIECES])
        self.left = n

    def next(self, key):
        key.data[0], key.data[1] = os.urandom(self.PIECE), b""
        key.data[2] -= 1
        key.fileobj.send(key.data[0])

    def read(self, key):
        try:
            key.data[1] += key.fileobj.recv(self.PIECE) or b"an end"
        except BlockingIOError:
            return
        except OSError:
            key.data[1] = b"a reset"
        if len(key.data[1]) < len(key.data[0]) and \
                key.data[0].startswith(key.data[1]):
            return
        wrong = key.data[0] != key.data[1]
        self.lost += wrong
        if key.data[2] and not wrong:
            self.next(key)
            return
        self.selector.unregister(key.fileobj)
        key.fileobj.close()
        self.left -= 1

    def run(self, seconds, meanwhile):
        """meanwhile(share of the pieces that are done) at each turn."""
        keys = list(self.selector.get_map().values())
        for key in keys:
            self.next(key)
        end = time.monotonic() + seconds
        while self.left and time.monotonic() < end:
            for key, _ in self.selector.select(0.1):
                self.read(key)
            meanwhile(1 - sum(key.data[2] for key in keys) /
                      (len(keys) * self.PIECES))


@pytest.mark.slow
def test_reload_amid_1000_transfers(daemon, lab):
    """No byte and no connection is lost, and the new rule holds."""
    daemon.configure({"exposure.limits": MANY})
    daemon.up()
    transfers = Transfers(lab, 1000)
    due = [0.2, 0.4, 0.6]

    def meanwhile(done):
        if due and done > due[0]:
            due.pop(0)
            daemon.configure({"exposure.socks5": {
                "deny": "[%s]:%d" % (gw.INTERNET6[len(due) % 2], len(due) + 1),
                "rule": "*.example ipv6"}})
            daemon.signal(signal.SIGHUP)

    mark = daemon.log_mark()
    transfers.run(40 * gw.SLOW, meanwhile)
    assert (transfers.lost, transfers.left, due) == (0, 0, [])
    gw.wait_for(lambda: daemon.log().count("in force", mark) == 3,
                5 * gw.SLOW, "three reloads")
    s, code, _ = Socks(lab).connect(gw.INTERNET6[0], 1)
    with s:
        assert code == DENIED


# who and how much


def test_client_that_has_gone(daemon, lab, target):
    """The kernel says of a closed socket that it is root's."""
    daemon.up()
    relay = daemon.children()["relay"]
    os.kill(relay, signal.SIGSTOP)
    with contextlib.ExitStack() as stack:
        stack.callback(os.kill, relay, signal.SIGCONT)
        said = GREETING + request(gw.WEB6, target.port)
        gone, there = Socks(lab, ONE).socket(), Socks(lab, ONE).socket()
        for s in gone, there:
            s.sendall(said)
        gone.close()
        there.shutdown(socket.SHUT_WR)      # but it has an owner still
    with there:
        assert exactly(there, 2) == b"\5\0" and reply(there)[0] == SUCCEEDED
        served = [target.listener.accept()[0]]
        target.listener.settimeout(0.5 * gw.SLOW)
        with pytest.raises(socket.timeout):
            target.listener.accept()
        served[0].close()


def open_many(lab, uid, n, said):
    """Those of n connections that were served: they got an answer."""
    socks = Socks(lab, uid)
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socks.socket()) for _ in range(n)]
        for s in opened:
            with contextlib.suppress(OSError):
                s.sendall(said)
        served = [s for s in opened if answered(s)]
        stack.pop_all()
        for s in set(opened) - set(served):
            s.close()
    return served


def answered(s):
    try:
        return exactly(s, 2) == b"\5\0"
    except OSError:
        return False


def close_all(sockets):
    for s in sockets:
        s.close()


def test_half_open_ones_are_few(daemon, lab):
    daemon.up()
    served = open_many(lab, ONE, 80, GREETING)
    others = open_many(lab, ANOTHER, 10, GREETING)
    close_all(served + others)
    assert (len(served), len(others)) == (64, 10)


def test_new_ones_are_not_too_many(daemon, lab):
    """200 at once, as none came before, and then 100 a second."""
    daemon.configure({"exposure.limits": {"half_open": 5000,
                                          "connections": 5000}})
    daemon.up()
    start = time.monotonic()
    served = open_many(lab, ONE, 400, GREETING)
    seconds = time.monotonic() - start
    others = open_many(lab, ANOTHER, 10, GREETING)
    close_all(served + others)
    assert 200 <= len(served) <= 200 + 100 * seconds + 1
    assert len(others) == 10


def test_connections_at_once(daemon, lab):
    daemon.configure({"exposure.limits": {"new_per_second": 100000,
                                          "half_open": 5000}})
    daemon.up()
    said = GREETING + request(gw.WEB6, multilab.PORT)
    served = open_many(lab, ONE, 530, said)
    others = open_many(lab, ANOTHER, 10, said)
    assert (len(served), len(others)) == (512, 10)
    assert all(reply(s)[0] == SUCCEEDED for s in served + others)
    # one that ends makes room for one
    served.pop().close()
    gw.wait_for(lambda: served.extend(open_many(lab, ONE, 1, said)) or
                len(served) == 512, 3 * gw.SLOW, "room for another one")
    close_all(served + others)
