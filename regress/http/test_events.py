"""GET /events: server-sent events, their replay, and who may not follow."""

import contextlib
import socket
import time

import pytest

import contract
from rawhttp import wait_until
from sse import Stream

PROBING, UP, DOWN = 4, 5, 8             # enum tunnel_state
KEPT = 256
STREAMS = 64
UNREAD = 256 << 10


@pytest.fixture(params=[False, True], ids=["tcp", "unix"])
def server(request, start):
    return start(use_unix=request.param)


def follow(server, *fields, **kwargs):
    return Stream(server.client().sock, server.host, *fields, **kwargs)


def turn(server, times=1):
    server.command("events %d" % times)


def test_stream(server):
    """retry, snapshot, and then what happens, with ids that rise by 1."""
    with follow(server) as s:
        assert s.status == 200
        assert s.fields["Content-Type"] == "text/event-stream"
        assert s.fields["Cache-Control"] == "no-store"
        assert s.fields["Transfer-Encoding"] == "chunked"
        assert "Content-Length" not in s.fields
        event = s.next()
        assert s.retry == 3000
        assert event.name == event.data["event"] == "snapshot"
        assert int(event.id) == event.data["id"]
        assert event.data["data"]["tunnels"][0]["name"] == "he"
        assert event.data["data"]["health"]["status"] == "ok"
        last = int(event.id)
        for state, word in (DOWN, "down"), (UP, "up"):
            server.command("event %d" % state)
            event = s.until(lambda e: e.name != "log")
            assert event.name == "tunnel"
            assert int(event.id) == event.data["id"] == last + 1
            assert event.data["data"]["to"] == word
            last += 1
            schema = contract.document()["components"]["schemas"]["Event"]
            assert contract.schema_fault(schema, event.data) is None


@pytest.mark.parametrize("query,levels", [
    ("", [0, 1, 2]), ("?level=warn", [0, 1]), ("?level=debug", [0, 1, 2, 3])])
def test_log_events(server, query, levels):
    """Records of the level that was asked for, as /logs has them."""
    with follow(server, target="/events" + query) as s:
        s.next()
        for level in range(4):
            server.command("log %d record %d" % (level, level))
        for level in levels:
            event = s.until(lambda e: e.name == "log")
            assert event.id is None and event.data["id"] is None
            assert event.data["data"]["message"] == "record %d" % level
            schema = contract.document()["components"]["schemas"]["LogEntry"]
            assert contract.schema_fault(schema, event.data["data"]) is None
    with server.client() as c:
        assert c.get("/events?level=loud").status == 400


def test_head_is_no_stream(server):
    with server.client() as c:
        for _ in range(STREAMS + 1):
            c.send(("HEAD /events HTTP/1.1\r\nHost: %s\r\n\r\n"
                    % server.host).encode())
            reply = c.reply("HEAD")
            assert reply.status == 200
            assert reply.fields["Content-Type"] == "text/event-stream"
            assert reply.fields["Transfer-Encoding"] == "chunked"
        assert c.get("/health").status == 200


def test_old_http(server):
    """HTTP/1.0 knows no chunks: the end is that of the connection."""
    with follow(server, version="HTTP/1.0") as s:
        assert s.fields["Connection"] == "close"
        assert "Transfer-Encoding" not in s.fields
        assert s.next().name == "snapshot"
        turn(server)
        assert s.until(lambda e: e.name == "tunnel")
    with follow(server, "Connection: close") as s:
        assert s.fields["Connection"] == "close"
        assert s.next().name == "snapshot"


@pytest.mark.parametrize("missed", [0, 1, 5, KEPT])
def test_resume(server, missed):
    with follow(server) as s:
        s.next()
        turn(server)
        last = int(s.until(lambda e: e.name == "tunnel").id)
    turn(server, missed)
    with follow(server, "Last-Event-ID: %d" % last) as s:
        event = s.next()
        # its id would be above those that follow
        assert event.name == "snapshot" and event.id is None
        assert event.data["id"] == last + missed
        for n in range(missed):
            assert int(s.next().id) == last + n + 1
        turn(server)
        assert int(s.until(lambda e: e.name != "log").id) == last + missed + 1


def test_resume_after_too_much(server):
    with follow(server) as s:
        first = int(s.next().id)
    turn(server, KEPT + 44)
    with follow(server, "Last-Event-ID: %d" % (first + 1)) as s:
        assert s.next().name == "snapshot"
        for n in range(KEPT):
            assert int(s.next().id) == first + 45 + n
        with pytest.raises(TimeoutError):
            s.next(0.2)


@pytest.mark.parametrize("value", [
    "", "x", "-1", "+1", "1.0", "0x10", "1 2", "18446744073709551616",
    "99999999999999999999999", "9" * 19, "1e3", "\xff", "1" * 5000, "7,8"])
def test_unknown_ids(server, value):
    """Garbage, the future and another run: as if there was none."""
    turn(server, 3)
    with server.client() as c:
        sock = c.sock
        sock.sendall(("GET /events HTTP/1.1\r\nHost: %s\r\nLast-Event-ID: %s"
                      "\r\n\r\n" % (server.host, value)).encode("latin-1"))
        text = b""
        while b"snapshot" not in text:
            text += sock.recv(65536)
        assert text.startswith(b"HTTP/1.1 200 ")
        assert b"\nid: " in text
        turn(server)
        while b"event: tunnel" not in text:
            text += sock.recv(65536)
        assert text.count(b"event: tunnel") == 1


def test_sixty_four_streams(server):
    """One more is told to come back; none is closed for another's sake."""
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(follow(server))
                   for _ in range(STREAMS)]
        with server.client() as c:
            reply = c.get("/events")
            assert reply.status == 503
            assert int(reply.fields["Retry-After"]) > 0
            assert "64" in reply.json()["detail"]
        # idle connections give way, streams do not
        clients = [stack.enter_context(server.client()) for _ in range(300)]
        with server.client() as c:
            assert c.get("/health").status == 200
        assert clients
        turn(server)
        for s in streams:
            assert s.next().name == "snapshot"
            assert s.until(lambda e: e.name == "tunnel")
    wait_until(lambda: server.fds() < 40)
    with follow(server) as s:
        assert s.next().name == "snapshot"


def test_who_leaves_makes_room(server):
    for _ in range(3):
        streams = [follow(server) for _ in range(STREAMS)]
        for s in streams:
            s.sock.close()
        wait_until(lambda: server.fds() < 40)
    # half closed is gone as well: nobody reads events that way
    s = follow(server)
    s.next()
    s.sock.shutdown(socket.SHUT_WR)
    with pytest.raises(EOFError):
        s.next()


def test_request_behind_a_stream(server):
    """It is not answered, and too much of that ends the stream."""
    with follow(server) as s:
        assert s.next().name == "snapshot"
        s.sock.sendall(("GET /health HTTP/1.1\r\nHost: %s\r\n\r\n"
                        % server.host).encode())
        turn(server)
        assert s.until(lambda e: e.name == "tunnel")
        with pytest.raises((EOFError, ConnectionError)):
            while True:
                s.sock.sendall(b"x" * 65536)


@pytest.mark.plain          # a sanitizer keeps what is freed for a while
def test_slow_reader_is_dropped(server):
    """And costs no more than what it may leave unread."""
    before = server.pss()
    with follow(server) as s, follow(server) as good:
        s.next(), good.next()
        fds = server.fds()
        for _ in range(100):        # the kernel takes some megabytes
            turn(server, 400)
            for _ in range(400):
                good.until(lambda e: e.name == "tunnel")
            if server.fds() < fds:
                break
        assert server.fds() == fds - 1
        assert server.pss() - before < 4096
        assert server.answers()
        turn(server)
        assert good.until(lambda e: e.name == "tunnel")


@pytest.mark.slow
def test_comment(start):
    """Every 15 seconds, so that nobody takes the connection for dead."""
    server = start()
    with follow(server) as s:
        s.next()
        begin = time.monotonic()
        with pytest.raises(TimeoutError):
            s.until(lambda e: False, 16)
        assert s.comments == 1 and time.monotonic() - begin > 14


def test_token(start):
    server = start("-t", "s3cret")
    with server.client() as c:
        assert c.get("/events").status == 401
    with follow(server, "Authorization: Bearer s3cret") as s:
        assert s.status == 200
        assert s.next().name == "snapshot"
