"""What a compromised process could send, and how to send it as that process.

messages.def comes from the program messages, so that a new line is tested
from the day it is written.
"""

import array
import collections
import functools
import socket

import gw
from child import HEADER, PROCS

Message = collections.namedtuple("Message", "name number senders receivers "
                                 "min max fd")
CTL = len(PROCS)


@functools.lru_cache(maxsize=None)
def messages():
    lines = gw.sh(gw.BUILD / "regress/msg/messages").stdout.splitlines()
    return [Message(fields[0], number, *map(int, fields[1:]))
            for number, fields in enumerate(map(str.split, lines))]


def message(name):
    return next(m for m in messages() if m.name == name)


def allowed(sender, receiver):
    """All that this process may send to that one, by name or number."""
    return [m for m in messages() if m.senders >> number(sender) & 1 and
            m.receivers >> number(receiver) & 1]


def number(proc):
    return CTL if proc == "gatewayctl" else PROCS.index(proc)


def record(kind, payload=b"", ident=0):
    return HEADER.pack(kind, ident) + payload


def send(sock, data, fds=()):
    control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                array.array("i", fds))] if fds else []
    sock.sendmsg([data], control)


def mutations(m):
    """(what, record, descriptors, what the receiver says) for one message."""
    fds = [0] if m.fd else []
    if m.min > 0:
        yield "short", record(m.number, bytes(m.min - 1)), fds, "too short"
    yield "long", record(m.number, bytes(m.max + 1)), fds, "too long"
    if m.fd:
        yield "no-fd", record(m.number, bytes(m.min)), [], "no descriptor"
        yield "two-fds", record(m.number, bytes(m.min)), [0, 0], \
            "Bad message"
    else:
        yield "fd", record(m.number, bytes(m.min)), [0], \
            ("unexpected descriptor", "Bad message")
