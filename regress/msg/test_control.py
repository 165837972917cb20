"""A hostile gatewayctl against the real daemon: it loses its connection, and
nobody else notices."""

import contextlib
import random
import select
import socket

import pytest

import gw
import hostile
import procfs
from hostile import record, send


def connect(daemon):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.settimeout(5 * gw.SLOW)
    sock.connect(str(daemon.run_dir / "gatewayd.sock"))
    return sock


def closed(sock):
    """Whether the other end hangs up; what it still says is read."""
    with contextlib.suppress(ConnectionResetError):
        while sock.recv(65536):
            pass
    return True


def attacks():
    may = hostile.allowed("gatewayctl", "frontend")
    for m in may:
        for what, data, fds, _ in hostile.mutations(m):
            yield m.name + "-" + what, data, fds
        if m.max > 4:
            yield m.name + "-no-NUL", record(m.number, b"/" * m.max), []
            yield m.name + "-ones", record(m.number, b"\xff" * m.max), []
    for m in hostile.messages():
        if m not in may:
            yield m.name, record(m.number, bytes(m.min)), \
                [0] if m.fd else []
    yield "unknown", record(len(hostile.messages())), []
    yield "unknown-max", record(0xffffffff), []
    yield "no-header", b"1234567", []
    yield "empty", b"", []
    yield "huge", bytes(60000), []
    yield "two-fds", record(may[0].number, bytes(may[0].max)), [0, 0]
    yield "many-fds", record(may[0].number, bytes(may[0].max)), [0] * 100


def frontend_fds(daemon):
    return procfs.count_descriptors(daemon.children()["frontend"])


def test_hostile_client(running):
    before = frontend_fds(running)
    with connect(running) as bystander:
        for name, data, fds in attacks():
            with connect(running) as sock:
                send(sock, data, fds)
                assert closed(sock), name
        show = hostile.message("CTL_SHOW")
        send(bystander, record(show.number, b"/health".ljust(show.max, b"\0"),
                               5))
        kind, ident = hostile.HEADER.unpack_from(bystander.recv(65536))
        assert (kind, ident) == (hostile.message("CTL_DATA").number, 5)
    # an HTTP connection of the start may have been among them
    gw.wait_for(lambda: frontend_fds(running) <= before, 5 * gw.SLOW,
                "the frontend's descriptors")
    assert running.state() == "up"


@pytest.mark.slow
def test_random_records(running):
    """Valid headers, random contents; nobody here may change anything."""
    dice = random.Random(41)
    children = running.children()
    may = hostile.allowed("gatewayctl", "frontend")
    for _ in range(500):
        m = dice.choice(may)
        size = m.max if dice.random() < 0.8 else dice.randrange(300)
        with connect(running) as sock:
            if m.name == "CTL_RELOAD" or m.name == "CTL_LOG":
                continue        # root may
            send(sock, record(m.number, dice.randbytes(size),
                              dice.randrange(2**32)))
            assert select.select([sock], [], [], 5 * gw.SLOW)[0]
    assert running.children() == children
    assert running.state() == "up"
