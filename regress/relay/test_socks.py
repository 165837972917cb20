"""SOCKS5 as clients speak it, well and badly."""

import concurrent.futures
import socket
import time

import pytest

import gw
from relaylab import (GOOD4, GOOD6, GREETING, PORT, REFUSES6, SOURCE6, Relay,
                      closed, exactly, reply, request)


@pytest.mark.parametrize("host,family", [
    (GOOD6, b"6"), (GOOD4, b"4"), ("good.example", b"6"),
    ("good.example.", b"6")])
def test_connect(relay, host, family):
    for name in "good.example", "good.example.":
        relay.host(name, [GOOD6], [GOOD4])
    s, code, _ = relay.connect(host)
    with s:
        assert code == 0 and exactly(s, 1) == family
        s.sendall(b"hello")
        assert exactly(s, 5) == b"hello"


def test_bound_address_is_ours(relay):
    with relay.socket() as s:
        s.sendall(GREETING + request(GOOD6))
        assert exactly(s, 2) == b"\5\0"
        code, (host, port) = reply(s)
        assert code == 0 and host == SOURCE6 and port > 0


def test_byte_by_byte(relay):
    with relay.socket() as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in GREETING + request(GOOD6):
            s.sendall(bytes([byte]))
            time.sleep(0.002)
        assert exactly(s, 2) == b"\5\0" and reply(s)[0] == 0
        assert exactly(s, 1) == b"6"


@pytest.mark.parametrize("size", [1, 500, 5000, 200000])
def test_all_in_one_piece(relay, size):
    """Greeting, request and data, before there is any answer."""
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    with relay.socket() as s:
        s.sendall(GREETING + request(GOOD6) + data)
        assert exactly(s, 2) == b"\5\0" and reply(s)[0] == 0
        assert exactly(s, 1 + len(data)) == b"6" + data


@pytest.mark.parametrize("what,sent,answer", [
    ("SOCKS4", b"\4\1\0\x50\xc0\0\2\x50\0", b""),
    ("HTTP", b"GET / HTTP/1.1\r\n\r\n", b""),
    ("TLS", b"\x16\3\1\2\0\1\0", b""),
    ("no method", b"\5\0", b"\5\xff"),
    ("only password", b"\5\1\2", b"\5\xff"),
    ("BIND", GREETING + request(GOOD6, command=2), b"\5\0\5\7\0\1"),
    ("command 9", GREETING + request(GOOD6, command=9), b"\5\0\5\7\0\1"),
    ("ATYP 2", GREETING + b"\5\1\0\2", b"\5\0\5\x08\0\1"),
    ("a reserved byte", GREETING + b"\5\1\7\1", b"\5\0\5\1\0\1"),
    ("version 4 in the request", GREETING + b"\4\1\0\1", b"\5\0\5\1\0\1"),
    ("a NUL in a name", GREETING + request("localhost\0.example"),
     b"\5\0\5\1\0\1"),
    ("an empty name", GREETING + b"\5\1\0\3\0\0\x50", b"\5\0\5\1\0\1"),
    ("a control character", GREETING + request("a\nb"), b"\5\0\5\1\0\1"),
])
def test_refused(relay, what, sent, answer):
    with relay.socket() as s:
        s.sendall(sent)
        assert exactly(s, len(answer)) == answer, what
        if answer[2:]:
            exactly(s, 6)       # the rest of an empty BND.ADDR
        assert closed(s)
    gw.wait_for(lambda: relay.count() == 0, 2 * gw.SLOW, "its end")


@pytest.mark.parametrize("host", [
    "127.0.0.1", "0.0.0.0", "::", "::1", "::ffff:127.0.0.1", "169.254.1.1",
    "fe80::1", "224.0.0.1", "ff02::1", "64:ff9b::127.0.0.1",
    "2002:7f00:1::1", SOURCE6, "evil.example"])
def test_not_there(relay, host):
    """No way to ourselves, also by a name that leads there."""
    relay.tell("own " + SOURCE6)
    relay.host("evil.example", ["::1"], ["127.0.0.1"])
    s, code, seconds = relay.connect(host, relay.port)
    with s:
        assert code == 2 and closed(s) and seconds < 0.1 * gw.SLOW


def test_rules(relay):
    relay.tell("deny .bad.example")
    relay.tell("deny 192.0.2.0/24:81")
    relay.tell("allow 127.0.0.1:%d" % relay.port)
    relay.tell("rule *.four.example ipv4")
    for name in "a.bad.example", "bad.example", "a.four.example":
        relay.host(name, [GOOD6], [GOOD4])
    for host, port, want in (
            ("a.bad.example", PORT, 2), ("bad.example", PORT, 2),
            (GOOD4, 81, 2), (GOOD4, PORT, 0), ("127.0.0.1", relay.port, 0)):
        s, code, _ = relay.connect(host, port)
        s.close()
        assert code == want, (host, port)
    s, code, _ = relay.connect("a.four.example")
    with s:
        assert code == 0 and exactly(s, 1) == b"4"


def test_way_of_a_rule(lab):
    relay = Relay(lab, way=False)
    relay.tell("rule via.example ipv6 via he")
    relay.host("via.example", [GOOD6])
    relay.host("other.example", [GOOD6])
    relay.tell("way he %s 0" % SOURCE6)
    for host, code in ("via.example", 0), ("other.example", 4):
        s, got, _ = relay.connect(host)
        s.close()
        assert got == code, host
    relay.close()


def borne(relay, sent):
    """Seconds until a client that says just this is dropped."""
    with relay.socket() as s:
        s.sendall(sent)
        start = time.monotonic()
        exactly(s, 2 if len(sent) > 2 else 0)
        assert closed(s, 20)
        return time.monotonic() - start


def borne_dripping(relay):
    """Bytes do not buy time."""
    with relay.socket() as s:
        s.sendall(GREETING)
        assert exactly(s, 2) == b"\5\0"
        start = time.monotonic()
        s.sendall(b"\5\1\0\3\xff")
        with pytest.raises(OSError):
            for _ in range(40):
                s.sendall(b"a")
                time.sleep(0.5)
        return time.monotonic() - start


@pytest.mark.slow
def test_who_says_no_more_is_dropped(relay):
    says = {b"": 5, b"\5": 5, GREETING: 10, GREETING + b"\5\1\0\3": 10}
    with concurrent.futures.ThreadPoolExecutor() as pool:
        dripping = pool.submit(borne_dripping, relay)
        seconds = pool.map(lambda sent: borne(relay, sent), says)
        for (sent, limit), took in zip(says.items(), seconds):
            assert limit - 0.5 < took < limit + gw.SLOW, sent
        assert 9.5 < dripping.result() < 12 + gw.SLOW


def test_refused_host(relay):
    s, code, _ = relay.connect(REFUSES6)
    with s:
        assert code == 5 and closed(s)
