"""Deadlines, limits and hostile clients: nobody is kept from being served."""

import contextlib
import signal
import socket
import threading
import time

import gw
import procfs
import pytest

from rawhttp import deadlines, wait_until

GET = "GET /health HTTP/1.1\r\nHost: %s\r\n"
SLACK = 0.5 * max(1, gw.SLOW)


def drip(client, data, interval):
    """Sends byte by byte until the server has had enough; seconds it took."""
    start = time.monotonic()
    client.sock.settimeout(interval)
    for byte in data:
        try:
            client.sock.send(bytes([byte]))
            if client.more() is not None:
                break           # an answer, or the end
        except socket.timeout:
            continue
        except (BrokenPipeError, ConnectionResetError):
            break
    client.sock.settimeout(10)
    return time.monotonic() - start


@contextlib.contextmanager
def many(server, count, timeout=15):
    clients = []
    try:
        for _ in range(count):
            clients.append(server.client(timeout=timeout))
        yield clients
    finally:
        for c in clients:
            c.sock.close()


def test_head_deadline_is_absolute(start):
    """A byte now and then does not prolong it, neither does a request."""
    server = start("-m", deadlines(head=1))
    with server.client() as c:
        for _ in range(3):
            assert c.get("/health").status == 200
        took = drip(c, (GET % server.host).encode() + b"X: y\r\n" * 400, 0.05)
        reply = c.reply()
        assert reply.status == 408
        assert reply.fields["Connection"] == "close"
        assert c.closed()
    assert 0.9 < took < 1 + SLACK


def test_head_deadline_starts_with_each_request(start):
    """A request that comes in two halves, many times over."""
    server = start("-m", deadlines(head=0.6))
    half = (GET % server.host).encode()
    with server.client() as c:
        c.send(half)
        for _ in range(5):
            time.sleep(0.25)
            c.send(b"\r\n" + half)
            assert c.reply().status == 200


def test_body_deadline_is_absolute(start):
    server = start("-m", deadlines(body=1))
    with server.client() as c:
        c.send((GET % server.host + "Content-Length: 5000\r\n\r\n").encode())
        took = drip(c, b"x" * 400, 0.05)
        reply = c.reply()
        assert reply.status == 408
        assert reply.json()["instance"] == "/health"
        assert c.closed()
    assert 0.9 < took < 1 + SLACK


def test_idle_deadline(start):
    server = start("-m", deadlines(idle=1))
    with server.client() as fresh, server.client() as used:
        start_at = time.monotonic()
        time.sleep(0.5)
        assert used.get("/health").status == 200
        assert fresh.closed()
        assert 0.9 < time.monotonic() - start_at < 1 + SLACK
        assert used.closed()
        assert 1.4 < time.monotonic() - start_at < 1.5 + SLACK


@pytest.mark.slow
def test_the_real_head_deadline(start):
    """10 seconds as shipped, one byte every half second."""
    server = start()
    with server.client() as c:
        took = drip(c, (GET % server.host).encode() + b"X: y\r\n" * 10, 0.5)
        assert c.reply().status == 408
    assert 9.9 < took < 11 + SLACK


@pytest.mark.slow
def test_the_real_body_deadline(start):
    server = start()
    with server.client() as c:
        c.send((GET % server.host + "Content-Length: 5000\r\n\r\n").encode())
        took = drip(c, b"x" * 100, 0.5)
        assert c.reply().status == 408
    assert 9.9 < took < 11 + SLACK


def stuff(server, client):
    """Asks for more than anybody reads; the bytes the server took in."""
    raw = ("GET /tunnels HTTP/1.1\r\nHost: %s\r\n\r\n"
           % server.host).encode() * 100
    sent = 0
    client.sock.settimeout(0.5)
    with contextlib.suppress(socket.timeout):
        for _ in range(100000):
            sent += client.sock.send(raw)
    return sent


def test_write_stall(start):
    """Who does not read is cut off; who reads slowly is not."""
    server = start("-n", "2000", "-m", deadlines(write=1))
    with server.client() as stalled, server.client() as slow:
        body = slow.get("/tunnels").body
        fds = server.fds()
        raw = "GET /tunnels HTTP/1.1\r\nHost: %s\r\n\r\n" % server.host
        for c in stalled, slow:
            c.send(raw.encode() * 60)       # more than sockets hold
        begun = time.monotonic()
        slow.sock.settimeout(5)
        while time.monotonic() - begun < 2.5:
            slow.buf += slow.sock.recv(300000)
            time.sleep(0.3)
        assert server.fds() == fds - 1
        assert slow.reply().body == body
    assert server.answers()


@pytest.mark.plain          # a sanitizer keeps what is freed for a while
def test_output_is_capped(start):
    """A pipeline nobody reads stops being read: memory stays small."""
    server = start("-n", "400")
    before = procfs.rss_kb(server.p.pid)
    with many(server, 50) as clients:
        sent = [stuff(server, c) for c in clients[:5]]
        raw = ("GET /tunnels HTTP/1.1\r\nHost: %s\r\n\r\n"
               % server.host).encode() * 20
        for c in clients[5:]:
            c.sock.settimeout(0.1)
            with contextlib.suppress(socket.timeout):
                for _ in range(50):
                    c.sock.send(raw)
        assert server.answers()
        # not the documents
        assert procfs.rss_kb(server.p.pid) - before < 50 * 400
    assert max(sent) < 16 << 20


def test_thousand_connections(start):
    """The oldest idle ones give way, and /health keeps answering."""
    server = start()
    before = server.fds()
    with many(server, 1000) as clients:
        for c in clients[-200:]:
            assert c.get("/health").status == 200
        assert server.answers()
        assert server.fds() <= before + 256
        assert all(c.closed() for c in clients[:700])
    wait_until(lambda: server.fds() == before)


def test_the_oldest_idle_one_is_shed(start):
    server = start("-c", "4")
    with many(server, 4) as (a, b, c, d):
        time.sleep(0.1)
        assert a.get("/health").status == 200       # b is the oldest now
        with server.client() as e:
            assert e.get("/health").status == 200
            assert b.closed()
            for c in a, c, d, e:
                assert c.get("/health").status == 200


def test_busy_ones_are_not_shed(start):
    """256 requests under way: the next client is told when to come back."""
    server = start("-c", "8")
    with many(server, 8) as clients:
        for c in clients:
            c.send((GET % server.host).encode())
        time.sleep(0.2)
        for _ in range(20):
            with server.client() as c:
                c.send((GET % server.host + "\r\n").encode())
                reply = c.reply()
                assert reply.status == 503
                assert int(reply.fields["Retry-After"]) > 0
                assert reply.fields["Connection"] == "close"
                assert reply.fields["Content-Type"] == (
                    "application/problem+json")
        for c in clients:
            c.send(b"\r\n")
            assert c.reply().status == 200
    assert server.answers()


def test_a_burst_is_not_taken_for_idle(start):
    """Connections whose request is not read yet do not shed each other."""
    server = start("-c", "16")
    raw = (GET % server.host + "\r\n").encode()
    with many(server, 16) as clients:
        assert all(c.get("/health").status == 200 for c in clients)
        server.p.send_signal(signal.SIGSTOP)
        with many(server, 40) as burst:
            for c in burst:
                c.send(raw)
            server.p.send_signal(signal.SIGCONT)
            statuses = [c.reply().status for c in burst]
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= 16


def test_limit_counts_both_listeners(start):
    server = start("-c", "4")
    with many(server, 4) as clients:
        server.use_unix = True
        with server.client() as c:
            assert c.get("/health").status == 200
            assert clients[0].closed()


def test_no_descriptors(start):
    """At EMFILE idle connections give way, as at the limit of ours."""
    server = start(nofile=40)
    with many(server, 200, timeout=5) as clients:
        assert server.answers()
        assert clients[-1].get("/health").status == 200
    assert server.answers()


def test_no_descriptors_and_nobody_idle(start):
    """Accepting pauses without spinning, and goes on by itself."""
    server = start(nofile=30)
    busy = []
    try:
        for _ in range(60):
            busy.append(server.client())
            busy[-1].send((GET % server.host).encode())
        time.sleep(0.3)
        cpu = server.cpu()
        time.sleep(2)
        assert server.cpu() - cpu < 0.05 * max(1, gw.SLOW)
        busy[0].send(b"\r\n")
        assert busy[0].reply().status == 200
    finally:
        for c in busy:
            c.sock.close()
    wait_until(server.answers)
    assert "trying again" in server.log.read_text()


def test_no_work_while_idle(start):
    """Neither with connections nor without is there anything to do."""
    server = start()
    assert server.answers()
    time.sleep(0.2)
    before = procfs.switches(server.p.pid)
    time.sleep(2)
    assert procfs.switches(server.p.pid) == before
    with many(server, 50):
        time.sleep(0.2)
        before = procfs.switches(server.p.pid)
        time.sleep(2)
        assert procfs.switches(server.p.pid) - before <= 1


def test_reply_survives_unread_input(start):
    """413 reaches a client that sends its whole body all the same."""
    server = start()
    for size in 100000, 900000:
        with server.client() as c:
            c.send((GET % server.host +
                    "Content-Length: %d\r\n\r\n" % size).encode())
            c.send(b"x" * size)
            assert c.reply().status == 413
            assert c.closed()


def test_endless_upload(start):
    """Lingering has its limits, in bytes and in time."""
    server = start("-m", deadlines(linger=0.5))
    fds = server.fds()
    with server.client() as c:
        c.send((GET % server.host + "Content-Length: 99999999\r\n\r\n")
               .encode())
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for _ in range(1000):
                c.send(b"x" * 65536)
    with server.client() as c:
        c.send(b"\r\n\r\n")
        assert c.reply().status == 400
        wait_until(lambda: server.fds() <= fds)


def test_descriptors_do_not_leak(start):
    """Every way a connection can end, many times over."""
    server = start("-m", deadlines(head=0.2, idle=0.2, linger=0.2))
    before = server.fds()
    endings = [b"", b"GET", b"\0", b"GET /health HTTP/1.1\r\n\r\n",
               (GET % server.host + "\r\n").encode(),
               (GET % server.host + "Connection: close\r\n\r\n").encode(),
               (GET % server.host + "Content-Length: 9\r\n\r\nx").encode()]
    for n in range(30):
        for raw in endings:
            with server.client() as c:
                c.send(raw)
                if n % 3 == 0:
                    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                      b"\1\0\0\0\0\0\0\0")
                elif n % 3 == 1:
                    with contextlib.suppress(OSError):  # closed already
                        c.sock.shutdown(socket.SHUT_WR)
    wait_until(lambda: server.fds() == before)


def test_many_at_once(start):
    """Eight clients, all kinds of requests, every reply the right one."""
    server = start()
    failed = []

    def client():
        try:
            with server.client() as c:
                for n in range(300):
                    target = ("/health", "/tunnels/he", "/nope?%d" % n)[n % 3]
                    reply = c.get(target)
                    assert reply.status == (404 if n % 3 == 2 else 200)
                    if n % 3 == 1:
                        assert reply.json()["name"] == "he"
        except Exception as e:
            failed.append(e)

    threads = [threading.Thread(target=client) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed
