"""Hostile clients: others are served as fast as before, and the memory they
took is given back."""

import contextlib
import resource
import threading
import time

import gw
import pytest

P99 = 0.005
GROWN_KB, LEFT_KB = 8192, 2048
BOMBS = [b"[" * 65536, b"[{}" + b",{}" * 21000 + b"]",
         b'{"a":' * 13000 + b"1", b"[" + b"0," * 32000 + b"0]"]


class Hostile:
    """Runs a client's step over and over until the measurement is done."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.stop = threading.Event()
        self.stack = contextlib.ExitStack()

    def connect(self):
        return self.stack.enter_context(
            contextlib.closing(self.daemon.connect()))

    def run(self, step):
        def forever():
            while not self.stop.is_set():
                step()
        thread = threading.Thread(target=forever)
        thread.start()
        self.stack.callback(thread.join)
        self.stack.callback(self.stop.set)

    def send(self, sock, data):
        """As much as is taken; False if the server has had enough."""
        try:
            sock.sendall(data)
            return True
        except OSError:
            return False


def drip(hostile):
    """One byte a second, of a head, of a body and behind a stream."""
    socks = [hostile.connect() for _ in range(3)]
    for sock, start in zip(socks, (
            b"", b"POST /config/reload HTTP/1.1\r\nHost: localhost:8642\r\n"
            b"Content-Length: 65536\r\n\r\n",
            b"GET /events HTTP/1.1\r\nHost: localhost:8642\r\n\r\n")):
        sock.sendall(start)

    def step():
        for sock in socks:
            hostile.send(sock, b"G")
        hostile.stop.wait(1)
    hostile.run(step)


def never_read(hostile):
    """Asks for documents and events, and reads nothing."""
    sock, stream = hostile.connect(), hostile.connect()
    stream.sendall(b"GET /events HTTP/1.1\r\nHost: localhost:8642\r\n\r\n")
    sock.setblocking(False)
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: localhost:8642\r\n\r\n" * 50

    def step():
        hostile.send(sock, ask)
        hostile.stop.wait(0.01)
    hostile.run(step)


def ten_thousand(hostile):
    """Connections, as many as there can be descriptors for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(10000, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 200), hard))
    for _ in range(count):
        hostile.connect()


def no_newline(hostile):
    """64 MiB that are no line, over and over."""
    def step():
        with contextlib.closing(hostile.daemon.connect()) as sock:
            for _ in range(64):
                if hostile.stop.is_set() or \
                        not hostile.send(sock, b"x" * (1 << 20)):
                    break
        hostile.stop.wait(0.01)
    hostile.run(step)


def bombs(hostile):
    """JSON that is small to send and large to hold."""
    def step():
        for body in BOMBS:
            with contextlib.closing(hostile.daemon.connect()) as sock:
                hostile.send(sock, b"POST /tunnels/he/up HTTP/1.1\r\nHost: "
                             b"localhost:8642\r\nContent-Type: application/"
                             b"json\r\nContent-Length: %d\r\n\r\n%s"
                             % (len(body), body))
                with contextlib.suppress(OSError):
                    sock.recv(4096)
            hostile.stop.wait(0.005)
    hostile.run(step)


def health_p99(daemon, count=400):
    """Of somebody who asks a hundred times a second, one connection each."""
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        sock = daemon.connect()
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost:8642\r\n"
                     b"Connection: close\r\n\r\n")
        answer = sock.recv(4096)
        times.append(time.perf_counter() - begin)
        sock.close()
        assert answer.startswith(b"HTTP/1.1 200 ")
        time.sleep(0.002)
    return sorted(times)[count * 99 // 100]


@pytest.mark.plain          # a sanitizer keeps what is freed for a while
@pytest.mark.parametrize("attack", [drip, never_read, ten_thousand,
                                    no_newline, bombs])
def test_hostile(running, attack):
    pid = running.children()["frontend"]
    # what this machine can do, with whatever else it does
    quiet = max(health_p99(running) for _ in range(2))
    limit = max(P99 * gw.SLOW, 5 * quiet)
    before = gw.pss_kb(pid)
    hostile = Hostile(running)
    with hostile.stack:
        attack(hostile)
        time.sleep(0.2)
        # the machine may be busy with something else for a while
        p99s = []
        while not p99s or (min(p99s) >= limit and len(p99s) < 4):
            p99s.append(health_p99(running))
        grown = gw.pss_kb(pid) - before
    print("%s: p99 %.2f ms (quiet %.2f ms), PSS +%d kB" % (
        attack.__name__, min(p99s) * 1000, quiet * 1000, grown))
    assert min(p99s) < limit
    assert grown < GROWN_KB
    gw.wait_for(lambda: gw.pss_kb(pid) - before < LEFT_KB, 20 * gw.SLOW,
                "the memory to be given back")
    assert running.state() == "up"
