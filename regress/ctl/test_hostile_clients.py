"""The control server against clients that mean harm."""

import os
import signal
import socket
import struct
import time

import pytest

import gw
import procfs
from ctlserver import CLIENTS, GROUP, NOBODY, TYPES, Client, Server


def hostile_records():
    show = struct.pack("=II", TYPES["CTL_SHOW"], 1)
    yield "empty", b""
    yield "half a header", show[:7]
    yield "short", show + b"/health\0"
    yield "long", show + b"/health".ljust(257, b"\0")
    yield "no NUL", show + b"/" * 256
    yield "huge", show + b"x" * 60000
    yield "unknown", struct.pack("=II", 9999, 1)
    yield "level", struct.pack("=IIII", TYPES["CTL_LOG"], 1, 4, 1)
    yield "process", struct.pack("=IIII", TYPES["CTL_LOG"], 1, 3, 99)
    yield "verb", struct.pack("=III36s", TYPES["CTL_TUNNEL"], 1, 5, b"he")
    monitor = struct.pack("=II", TYPES["CTL_MONITOR"], 1)
    yield "short monitor", monitor + struct.pack("=I", 7)
    yield "no kinds", monitor + struct.pack("=II", 0, 0)
    yield "unknown kind", monitor + struct.pack("=II", 32, 0)
    yield "monitor level", monitor + struct.pack("=II", 7, 4)
    yield "name", struct.pack("=III36s", TYPES["CTL_TUNNEL"], 1, 0, b"x" * 36)
    for name, number in TYPES.items():
        if not name.startswith("CTL_") or name in ("CTL_DATA", "CTL_RESULT"):
            yield name, struct.pack("=II", number, 1) + bytes(4)


@pytest.mark.parametrize("record", [
    pytest.param(r, id=n.replace(" ", "-")) for n, r in hostile_records()])
def test_wrong_message(server, record):
    """It costs the sender its connection and nobody else anything."""
    other = Client(server)
    wrong = Client(server, NOBODY)
    wrong.sock.send(record)
    assert wrong.closed()
    other.show("/health")
    assert other.answer()[1] == 0
    other.close()
    wrong.close()


def test_descriptor_is_refused(server):
    fds = server.fds()
    client = Client(server, NOBODY)
    message = struct.pack("=II256s", TYPES["CTL_SHOW"], 1, b"/health")
    socket.send_fds(client.sock, [message], [0])
    assert client.closed()
    client.close()
    gw.wait_for(lambda: server.fds() == fds, 5, "descriptors")


def test_thousand_connections(server):
    fds = server.fds()
    clients = [Client(server, NOBODY) for _ in range(1000)]
    server.alive()
    assert server.fds() <= fds + CLIENTS
    # the last ones are there, the first were shed
    clients[-1].show("/health")
    assert clients[-1].answer()[1] == 0
    assert clients[0].closed()
    assert server.ctl("tunnel", "he", "up").returncode == 0
    for client in clients:
        client.close()
    gw.wait_for(lambda: server.fds() == fds, 10, "descriptors")


def test_place_for_root(server):
    """Others cannot take root's place, nor push root's clients out."""
    root = Client(server)
    root.show("/health")
    assert root.answer()[1] == 0
    clients = [Client(server, NOBODY) for _ in range(200)]
    server.alive()
    root.show("/health")
    assert root.answer()[1] == 0
    for client in clients + [root]:
        client.close()


@pytest.mark.parametrize("server", [("-g", str(GROUP))], indirect=True)
def test_waiting_clients(server):
    """Requests in flight hold their places, but root's stays free."""
    os.setegid(GROUP)
    try:
        clients = [Client(server, NOBODY) for _ in range(CLIENTS)]
    finally:
        os.setegid(0)
    for client in clients:
        try:
            client.send("CTL_TUNNEL", struct.pack("=I36s", 0, b"wg"))
        except (ConnectionResetError, BrokenPipeError):
            pass
    p = server.ctl("-j", "show", "health")
    assert p.returncode == 0, p.stderr
    for client in clients:
        client.close()
    server.alive()


@pytest.mark.slow
@pytest.mark.parametrize("server", [("-n", "4000")], indirect=True)
def test_never_reads(server):
    """A client that asks and does not read is dropped, in bounded memory."""
    client = Client(server, NOBODY)
    client.sock.setblocking(False)
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                client.show("/tunnels")
            except BlockingIOError:
                time.sleep(0.01)
    server.alive()
    assert server.rss() < 64 << 20 or gw.SLOW > 1
    client.close()


def test_client_leaves_its_request(server):
    client = Client(server)
    client.send("CTL_TUNNEL", struct.pack("=I36s", 0, b"slowed"))
    client.send("CTL_TUNNEL", struct.pack("=I36s", 0, b"wg"))
    client.close()
    assert server.said() == "admin 2 0"
    server.alive()


def test_one_request_at_a_time(server):
    client = Client(server)
    for number in (1, 2):
        client.send("CTL_TUNNEL", struct.pack("=I36s", 0, b"wg"), number)
    kind, number, payload = client.receive()
    assert (kind, number) == ("CTL_RESULT", 2)
    assert b"not answered yet" in payload
    # reading goes on meanwhile
    client.show("/health", 3)
    assert client.receive()[:2] == ("CTL_DATA", 3)
    client.close()


def test_numbers_are_the_clients_own(server):
    """Two clients with the same number each get their own answer."""
    a, b = Client(server), Client(server)
    a.send("CTL_TUNNEL", struct.pack("=I36s", 0, b"he"), 7)
    b.send("CTL_TUNNEL", struct.pack("=I36s", 1, b"slowed"), 7)
    assert a.answer()[2] == "tunnel he: already up"
    assert b.answer()[2] == "tunnel slowed: taken down"
    a.close()
    b.close()


@pytest.mark.slow
def test_no_descriptors_left():
    """A full table pauses accept(2) and is over when there is room."""
    server = Server(nofile=24)
    clients = [Client(server, NOBODY) for _ in range(40)]
    time.sleep(0.3)
    time.sleep(1)
    assert procfs.cpu(server.process.pid) < 0.8, "it spins"
    for client in clients:
        client.close()
    gw.wait_for(lambda: server.ctl("status").returncode == 0, 10)
    server.close()


@pytest.mark.slow
def test_stopped_server():
    """gatewayctl is not stuck by a daemon that is."""
    server = Server()
    server.process.send_signal(signal.SIGSTOP)
    start = time.monotonic()
    p = server.ctl("status")
    assert p.returncode == 6
    assert 9 < time.monotonic() - start < 15
    server.process.send_signal(signal.SIGCONT)
    server.alive()
    server.close()
