"""The relay's questions: the relay as a process, with the test as resolver."""

import contextlib
import ipaddress
import os
import socket
import struct
import tempfile

import pytest

import gw
from child import Child
from relaylab import (CONNECT, GREETING, UDP, address, exactly, reply,
                      request)

SOCKS5, LISTENER_SOCKS = 4, 4
NETLINK_SOCK_DIAG = 4
ENOTFOUND = 4
LOOKUP = struct.Struct("=HH256s")
LOOKUPS = 4096                  # without an answer
FAR4 = "198.51.100.80"          # there are no routes at all


class Relay(Child):
    def __init__(self, ns, per_second=50):
        super().__init__("relay", ns, ("engine", "frontend", "resolver"),
                         user="_gwrelay")
        self.path = tempfile.mktemp(prefix="gwsocks")
        self.send("RELAY_CONF", 0, struct.pack(
            "=13I4H", SOCKS5, 0, 0, 250, 50, 900000, 0, 512, 64, 64,
            2 * per_second, per_second, 0, 40000, 41000, 0, 0))
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM |
                           socket.SOCK_NONBLOCK) as s:
            s.bind(self.path)
            s.listen()
            self.send("LISTENER", 0, struct.pack("=I", LISTENER_SOCKS),
                      s.fileno())
        with ns.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                       NETLINK_SOCK_DIAG) as s:
            self.send("SOCK_DIAG", 0, b"", s.fileno())
        self.send("RECONF_END")
        assert self.receive("parent", 5 * gw.SLOW)[0] == "RECONF_READY"
        self.send("RECONF_COMMIT")
        self.way()

    def way(self):
        self.send("RELAY_WAY", 0, ipaddress.ip_address("2001:db8::2").packed +
                  struct.pack("=BBB33sI4s4s", 1, 1, 0, b"he", 1, b"", b""),
                  to="engine")

    @contextlib.contextmanager
    def greeted(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10 * gw.SLOW)
            gw.wait_for(lambda: s.connect_ex(self.path) == 0, 5 * gw.SLOW)
            s.sendall(GREETING)
            assert exactly(s, 2) == b"\5\0"
            yield s

    @contextlib.contextmanager
    def client(self, host, command=CONNECT):
        with self.greeted() as s:
            s.sendall(request(host, 80, command))
            yield s

    def question(self):
        """(its number, family, fresh, name)."""
        kind, number, payload = self.receive("resolver", 5 * gw.SLOW)
        assert kind == "LOOKUP"
        family, fresh, name = LOOKUP.unpack(payload)
        return number, family, fresh, name.rstrip(b"\0").decode()

    def answer(self, number, error=0, ttl=60, addrs=(), count=None):
        self.send("LOOKED_UP", number, struct.pack(
            "=3I256s", error, ttl, len(addrs) if count is None else count,
            b"".join(a.ljust(16, b"\0") for a in addrs)), to="resolver")

    def close(self):
        os.unlink(self.path)
        super().close()


@pytest.fixture(scope="module")
def ns():
    gw.ensure_users()
    ns = gw.Namespace("lookup")
    yield ns
    ns.close()


@pytest.fixture
def relay(ns):
    relay = Relay(ns)
    yield relay
    relay.close()


def test_aaaa_then_a(relay):
    with relay.client("a.example") as s:
        six, four = relay.question(), relay.question()
        assert six[1:] == (socket.AF_INET6, 0, "a.example")
        assert four[1:] == (socket.AF_INET, 0, "a.example")
        relay.answer(999, addrs=[b"\xc0\0\2\1"])    # nobody has asked that
        for number in six[0], four[0]:
            relay.answer(number, ENOTFOUND)
        assert reply(s)[0] == 4


def test_nat64_is_asked_for_anew_on_a_route_event(relay):
    def ask():
        with relay.client(FAR4) as s:
            number, family, fresh, name = relay.question()
            assert (family, name) == (socket.AF_INET6, "ipv4only.arpa.")
            relay.answer(number, ENOTFOUND)
            assert reply(s)[0] == 3
            return fresh

    assert [ask(), ask(), ask()] == [1, 0, 0]
    relay.way()
    assert [ask(), ask()] == [1, 0]


def test_names_that_nobody_waits_for(ns):
    """Datagrams for ever more names take the flows of those before; a
    resolver that does not read is not asked for ever."""
    relay = Relay(ns, per_second=100000)
    try:
        with relay.client("127.0.0.1", UDP) as control, \
                ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            code, where = reply(control)
            assert code == 0
            for i in range(LOOKUPS // 2 + 100):
                udp.sendto(bytes(3) + address("n%d.example" % i) +
                           struct.pack(">H", 53), where)
                if i % 50 == 0:
                    with relay.greeted():
                        pass            # it has read them
            with relay.client("one-more.example") as s:
                assert reply(s)[0] == 4
            for i in range(LOOKUPS):
                number, _, _, name = relay.question()
                assert name == "n%d.example" % (i // 2)
                relay.answer(number, ENOTFOUND)
            with relay.client("a.example"):
                assert relay.question()[3] == relay.question()[3] == \
                    "a.example"
    finally:
        relay.close()


@pytest.mark.parametrize("error, count", [(0, 17), (0, 0), (4, 1),
                                          (2 ** 32 - 1, 0)])
def test_a_resolver_that_lies(relay, error, count):
    """It ends the relay, which believes nothing of it."""
    with relay.client("a.example"):
        relay.answer(relay.question()[0], error, count=count,
                     addrs=[b"\xc0\0\2\1"] * min(count, 16))
        assert relay.process.wait(timeout=5 * gw.SLOW) == 1
        assert "LOOKED_UP: malformed" in relay.logged()
        relay.process.returncode = 0        # as it should be
