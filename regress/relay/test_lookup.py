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
from relaylab import CONNECT, VERSION, address, exactly, reply

SOCKS5, LISTENER_SOCKS = 4, 4
ENOTFOUND = 4
LOOKUP = struct.Struct("=HH256s")
FAR4 = "198.51.100.80"          # there are no routes at all


class Relay(Child):
    def __init__(self, ns):
        super().__init__("relay", ns, ("engine", "frontend", "resolver"),
                         user="_gwrelay")
        self.path = tempfile.mktemp(prefix="gwsocks")
        self.send("RELAY_CONF", 0, struct.pack(
            "=13I4H", SOCKS5, 0, 0, 250, 50, 900000, 0, 512, 64, 64, 100, 50, 0,
            40000, 41000, 0, 0))
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM |
                           socket.SOCK_NONBLOCK) as s:
            s.bind(self.path)
            s.listen()
            self.send("LISTENER", 0, struct.pack("=I", LISTENER_SOCKS),
                      s.fileno())
        self.send("RECONF_END")
        assert self.receive("parent", 5 * gw.SLOW)[0] == "RECONF_READY"
        self.send("RECONF_COMMIT")
        self.way()

    def way(self):
        self.send("RELAY_WAY", 0, ipaddress.ip_address("2001:db8::2").packed +
                  struct.pack("=BBB33sI4s4s", 1, 1, 0, b"he", 1, b"", b""),
                  to="engine")

    @contextlib.contextmanager
    def client(self, host):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10 * gw.SLOW)
            gw.wait_for(lambda: s.connect_ex(self.path) == 0, 5 * gw.SLOW)
            s.sendall(b"\5\1\0" + bytes([VERSION, CONNECT, 0]) +
                      address(host) + struct.pack(">H", 80))
            assert exactly(s, 2) == b"\5\0"
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


@pytest.fixture
def relay():
    gw.ensure_users()
    ns = gw.Namespace("lookup")
    relay = Relay(ns)
    yield relay
    relay.close()
    ns.close()


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
