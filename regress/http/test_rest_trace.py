"""POST /trace: the relay's traces by the API."""

import json
import socket
import struct

import pytest

import gw

SEVERAL = 8                 # under way at once


def ask(c, body):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    c.send(("POST /trace HTTP/1.1\r\nHost: %s\r\nContent-Type: "
            "application/json\r\nContent-Length: %d\r\n\r\n" %
            (c.server.host, len(body))).encode() + body)


def post(c, body):
    ask(c, body)
    return c.reply("POST")


def test_connected(server):
    with server.client() as c:
        reply = post(c, {"host": "dead6.example", "port": 80})
        assert reply.status == 200
        assert reply.fields["Cache-Control"] == "no-store"
        assert reply.json() == {
            "host": "dead6.example", "port": 80, "family": "auto",
            "rule": None, "tunnel": "he", "upstream": False,
            "first": "ipv6",
            "result": "connected", "reason": None, "ms": 254,
            "winner": {"address": "192.0.2.80", "family": "ipv4",
                       "source": "192.0.2.2", "source_port": 40000,
                       "tunnel": None},
            "queries": [
                {"type": "AAAA", "ms": 3, "error": None, "records": [
                    {"address": "2001:db8::80", "ttl": 60}]},
                {"type": "A", "ms": 2, "error": None, "records": [
                    {"address": "192.0.2.80", "ttl": 60}]}],
            "attempts": [
                {"address": "2001:db8::80", "family": "ipv6", "start_ms": 3,
                 "ms": 251, "result": "overtaken", "error": None},
                {"address": "192.0.2.80", "family": "ipv4", "start_ms": 253,
                 "ms": 1, "result": "connected", "error": None}]}
        # port and family have defaults
        assert post(c, {"host": "good.example"}).json()["port"] == 443
        one = post(c, {"host": "good.example", "family": "ipv4"}).json()
        assert [a["family"] for a in one["attempts"]] == ["ipv4"]
        assert one["queries"][0]["error"] == "not asked for"


@pytest.mark.parametrize("host,result,ms", [
    ("refuses.example", "failed", 5), ("none.example", "failed", 3),
    ("slow.example", "timeout", 15000)])
def test_failures(server, host, result, ms):
    """That a host is not reached is an answer, not a problem."""
    with server.client() as c:
        reply = post(c, {"host": host})
        assert reply.status == 200
        document = reply.json()
        assert (document["result"], document["ms"]) == (result, ms)
        assert document["winner"] is None and document["reason"]


@pytest.mark.parametrize("body,detail", [
    (b"", "send a JSON object"),
    (b"{", "send a JSON object"),
    (b"[]", "send a JSON object"),
    (b'{"host":"a","host":"b"}', "send a JSON object"),
    (b'{"host":"a\xff"}', "send a JSON object"),
    ({}, "the host is empty"),
    ({"host": 1}, "host is a string"),
    ({"host": ""}, "the host is empty"),
    ({"host": "a" * 300}, "longer than 253"),
    ({"host": "a..b"}, "empty label"),
    ({"host": "a\x00b"}, "send a JSON object"),
    ({"host": "192.0.2.300"}, "ends in a number"),
    ({"host": "a", "port": 0}, "port is an integer"),
    ({"host": "a", "port": 65536}, "port is an integer"),
    ({"host": "a", "port": "80"}, "port is an integer"),
    ({"host": "a", "port": 80.5}, "port is an integer"),
    ({"host": "a", "family": "ipv5"}, "family is policy, ipv6 or ipv4"),
    ({"host": "a", "family": None}, "family is policy, ipv6 or ipv4"),
    ({"host": "a", "uid": 0}, "the members are host, port and family"),
])
def test_bad_bodies(server, body, detail):
    with server.client() as c:
        reply = post(c, body)
        assert reply.status == 400 and detail in reply.json()["detail"]
        assert c.get("/health").status == 200


def test_bound(start):
    """So many at once; who leaves makes room."""
    server = start()
    waiting = [server.client() for _ in range(SEVERAL)]
    for c in waiting:
        ask(c, {"host": "never.example"})
    with server.client() as c:
        def full():
            reply = post(c, {"host": "good.example"})
            assert reply.status in (200, 503)
            assert (reply.status == 503) == ("Retry-After" in reply.fields)
            return reply.status == 503

        gw.wait_for(full, 10 * gw.SLOW, "as many as there may be")
        for w in waiting:       # by a reset: half closed they would wait
            w.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              struct.pack("ii", 1, 0))
            w.sock.close()
        gw.wait_for(lambda: not full(), 10 * gw.SLOW, "room for another")
