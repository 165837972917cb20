"""A compromised child against the real parent.

The test takes a copy of the child's end of its pipe (pidfd_getfd) and sends
as that child.  Whatever no honest child sends ends the daemon: with a line
that names child and message, with its sockets removed, and with the tunnel's
interface left alone.
"""

import contextlib
import os
import signal
import socket
import struct
import time

import pytest

import gw
import hostile
from child import FD, PROCS, steal
from hostile import message, record, send
from inject import Inject

UNKNOWN = 0xffffffff


def forgeries():
    """(child, case, record, descriptors, what the log must hold)"""
    for role in gw.CHILDREN:
        honest = hostile.allowed(role, "parent")
        for m in honest:
            for what, data, fds, why in hostile.mutations(m):
                yield role, m.name + "-" + what, data, fds, (
                    "Bad message" if fds else
                    "message %d (%s): %s" % (m.number, m.name, why))
        for m in hostile.messages():
            if m not in honest and m.name in FOREIGN:
                yield role, m.name, record(m.number, bytes(m.min)), [], (
                    "(%s): not allowed" % m.name)
        for kind in len(hostile.messages()), UNKNOWN:
            yield role, "unknown-%x" % kind, record(kind), [], (
                "message %u (?): unknown type" % kind)
        yield role, "no-header", b"1234567", [], "Bad message"
        yield role, "huge", record(0, bytes(40000)), [], "Bad message"


# another role's requests, the parent's own, and gatewayctl's
FOREIGN = ("WANT", "ADMIN", "RESOLVED", "STARTUP", "PROBE_RESULT",
           "CTL_TUNNEL", "LAUNCH_TUN", "LAUNCH_EXITED")


def log_record(level, proc, tunnel, text):
    return struct.pack("=QIII36s", 0, level, proc, 0, tunnel) + text


def lies():
    """What messages.def lets through and the parent's configuration not."""
    def number(*values):
        return struct.pack("=%dI" % len(values), *values)

    def resolved(count, reason=b""):
        return number(1, 0, 60, count) + bytes(32) + reason.ljust(160, b"\0")

    def listen(tunnel, port=7000, protocol=socket.IPPROTO_TCP, kind=0):
        return struct.pack("=IHBB", tunnel, port, protocol, kind)

    def logged(level=2, proc=0, tunnel=b"", text=b"x"):
        return log_record(level, proc, tunnel, text)

    for role, name, ident, payload, why in (
            ("engine", "WANT", 1, number(0, 0, 0), "never a tunnel 1"),
            ("engine", "WANT", UNKNOWN, number(2, 0, 0), "never a tunnel"),
            ("engine", "WANT", 0, number(3, 0, 0), "no state 3"),
            ("engine", "WANT", 0, number(UNKNOWN, 0, 0), "no state"),
            ("engine", "WANT", 0, number(1, 0, 2), "no state"),
            ("engine", "WANT", 0, number(1, 1279, 0), "no MTU 1279"),
            ("engine", "WANT", 0, number(1, 65536, 0), "no MTU 65536"),
            ("engine", "REFRESH", 7, b"", "never a tunnel 7"),
            ("engine", "SAMPLE", 7, b"", "never a tunnel 7"),
            ("engine", "SETTLED", 0, b"", "nobody asked"),
            ("relay", "SETTLED", 0, b"", "nobody asked"),
            ("frontend", "ADMIN", 1, number(9, 0), "never a tunnel 9"),
            ("engine", "STATE_BAD", 0, b"", "nothing was sent"),
            ("frontend", "ADMIN", 1, number(0, 5), "no verb 5"),
            ("frontend", "SET_LEVEL", 0, number(4, 0), "no level 4"),
            ("frontend", "SET_LEVEL", 0, number(1, 99), "no process 99"),
            ("prober", "LOG", 0, logged(level=4), "malformed"),
            ("prober", "LOG", 0, logged(proc=UNKNOWN), "malformed"),
            ("prober", "LOG", 0, logged(tunnel=b"x" * 33), "malformed"),
            ("prober", "LOG", 0, logged(text=b"a\0b"), "malformed"),
            ("resolver", "RESOLVED", 5, resolved(1), "never a tunnel 5"),
            ("resolver", "RESOLVED", 0, resolved(9), "malformed"),
            ("resolver", "RESOLVED", 0, resolved(0, b"x" * 160),
             "malformed"),
            ("launcher", "LAUNCH_EXITED", 1, number(2, 0), "never a tunnel 1"),
            ("launcher", "LAUNCH_EXITED", 0, number(3, 0), "no end 3"),
            ("relay", "LISTEN", 1, listen(9), "never a tunnel 9"),
            ("relay", "LISTEN", 1, listen(UNKNOWN), "never a tunnel"),
            ("relay", "LISTEN", 1, listen(1, kind=1), "never a tunnel 1"),
            ("relay", "LISTEN", 1, listen(0, port=0), "malformed"),
            ("relay", "LISTEN", 1, listen(0, protocol=132), "malformed"),
            ("relay", "LISTEN", 1, listen(0, kind=2), "malformed"),
            ("relay", "PORTS_BAD", 0, b"", "nothing was sent")):
        yield role, name, ident, payload, why
    for role in gw.CHILDREN:
        yield role, "STARTUP_DONE", 0, b"", "twice"


def ends(daemon, role, why, seconds=3):
    assert daemon.wait_exit(seconds) == 1, daemon.log()
    assert daemon.logged("%s broke the rules" % role) or \
        daemon.logged("%s: %s" % (role, why)), daemon.log()
    assert daemon.logged(why), daemon.log()
    assert daemon.logged("the kernel's tunnels stay")
    assert not (daemon.run_dir / "gatewayd.sock").exists()
    assert daemon.ns.ifindex("he0") is not None


@pytest.fixture
def victim(lab, request):
    """A daemon that has started; each test is its last."""
    lab.reset()
    daemon = lab.daemon()
    daemon.start()
    daemon.wait_log("ready; ")      # of all children, not the frontend alone
    gw.wait_for(lambda: daemon.ns.ifindex("he0"), 5 * gw.SLOW, "he0")
    yield daemon
    daemon.close()


def cases():
    try:
        return list(forgeries())
    except (AssertionError, FileNotFoundError):
        return []       # not built: test_table says so


def test_table():
    assert [m.name for m in hostile.messages()]
    assert len(cases()) > 60


@pytest.mark.slow
@pytest.mark.parametrize("role,data,fds,why", [
    pytest.param(*case[:1], *case[2:], id="%s-%s" % case[:2])
    for case in cases()])
def test_forged(victim, role, data, fds, why):
    with steal(victim.children()[role]) as pipe:
        send(pipe, data, fds)
        ends(victim, role, why)


@pytest.mark.parametrize("role,name,ident,payload,why", [
    pytest.param(*case, id="%s-%s-%s" % (case[0], case[1],
                                         case[4].replace(" ", "-")))
    for case in lies()])
def test_lie(victim, role, name, ident, payload, why):
    with steal(victim.children()[role]) as pipe:
        send(pipe, record(message(name).number, payload, ident))
        ends(victim, role, "%s: " % name)
        assert victim.logged("%s broke the rules: %s: " % (role, name))
        assert victim.logged(why)


@pytest.mark.parametrize("role,name,limit", [
    ("engine", "STATE_SAVE", 2097152), ("relay", "PORTS_SAVE", 262144)])
def test_state_without_end(victim, role, name, limit):
    """Pieces of state, and never the last: the parent does not keep them."""
    piece = record(message(name).number, bytes(message(name).max))
    sent = 0
    with steal(victim.children()[role]) as pipe:
        while victim.alive() and sent < 64 << 20:
            try:
                sent += pipe.send(piece)
            except BlockingIOError:
                time.sleep(0.001)
            except (BrokenPipeError, ConnectionResetError):
                break
        ends(victim, role, "%s: more than %d bytes" % (name, limit))


@pytest.mark.parametrize("fds", [2, 10])
def test_descriptors_do_not_stay(running, fds):
    """More of them than any message has: closed, and the end."""
    with steal(running.children()["engine"]) as pipe:
        send(pipe, record(message("REFRESH").number), [0] * fds)
        ends(running, "engine", "engine broke the rules")


def test_closed_pipe(victim):
    """A child that hangs up and lives on is noticed as well."""
    pid = victim.children()["prober"]
    with Inject(pid) as process:
        assert process.call("close", FD) == 0
    try:
        # the parent waits for it in vain: it may not kill
        ends(victim, "prober", "closed its pipe and lives on", seconds=10)
    finally:
        # it may have ended by itself: nothing it writes arrives any more
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def entries(daemon, query):
    return daemon.get("/logs?" + query).json()["entries"]


def test_log_is_stamped(running):
    """A record's process and time are the parent's word."""
    since = running.get("/logs").json()["next"]
    number = message("LOG").number
    children = running.children()
    for role in set(gw.CHILDREN) - {"frontend"}:
        with steal(children[role]) as pipe:
            send(pipe, record(number, log_record(0, 0, b"he", b"by " +
                                                 role.encode())))
    query = "level=error&since=%d" % since
    gw.wait_for(lambda: len(entries(running, query)) == len(children) - 1,
                5 * gw.SLOW, "the records")
    found = entries(running, query)
    assert {e["process"]: e["message"] for e in found} == {
        role: "by " + role for role in gw.CHILDREN if role != "frontend"}
    assert all(e["tunnel"] == "he" and abs(e["time"] - time.time()) < 60
               for e in found)
    # stderr has what each process writes there itself
    assert not running.logged("by prober")


def test_log_flood(running):
    """A child that does nothing but log: everybody else goes on."""
    piece = record(message("LOG").number,
                   log_record(0, 0, b"", b"x" * 1000))
    children = running.children()
    with steal(children["resolver"]) as pipe:
        end = time.monotonic() + 2
        while time.monotonic() < end:
            try:
                pipe.send(piece)
            except BlockingIOError:
                time.sleep(0.001)
        assert running.get("/health").status == 200
    assert running.state() == "up"
    assert running.children() == children
    found = entries(running, "limit=1000")
    assert len(found) < 300 and len(str(found)) < 300 * 1024


def test_honest_but_odd(running):
    """What may be sent at any time does no harm, however often it comes."""
    children = running.children()
    he0 = running.ns.ifindex("he0")
    with steal(children["engine"]) as engine, \
            steal(children["frontend"]) as frontend, \
            steal(children["resolver"]) as resolver:
        for _ in range(50):
            for name in "REFRESH", "SAMPLE", "RECONF_READY":
                engine.send(record(message(name).number))
            engine.send(record(message("WANT").number,
                               struct.pack("=III", 2, 0, 0)))
            frontend.send(record(message("RECONF_READY").number))
            frontend.send(record(message("RELOAD").number, b"", 77))
            # nobody asked, and the endpoint is no name at all
            resolver.send(record(message("RESOLVED").number, struct.pack(
                "=IIII4s28s160s", 1, 0, 1, 1, bytes([203, 0, 113, 66]), b"",
                b"")))
            time.sleep(0.002)
    gw.wait_for(lambda: running.state() == "up", 10 * gw.SLOW, "up")
    assert running.children() == children
    assert running.ns.ifindex("he0") == he0
    assert running.tunnel()["detail"]["endpoint_remote"] == gw.BROKER4
    assert running.ns.ping(gw.BROKER6)


def test_want_absent_is_within_its_rights(running):
    """A hostile engine can take its own tunnels down, and no more; the honest
    one beside it here wants the tunnel back at once."""
    he0 = running.ns.ifindex("he0")
    with steal(running.children()["engine"]) as engine:
        engine.send(record(message("WANT").number,
                           struct.pack("=III", 0, 0, 0)))
        gw.wait_for(lambda: running.ns.ifindex("he0") != he0, 5 * gw.SLOW)
    assert running.ns.ifindex("wan") is not None
    assert set(running.children()) == set(PROCS) - {"parent"}
