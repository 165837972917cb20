"""Nonsense from the parent or a peer, against each child's real code.

The test is the child's parent and its peers.  A message that messages.def
does not allow ends the child with status 1 and a line that says why; contents
that nobody honest would send end it likewise or are of no account, and never
crash it.
"""

import contextlib
import random
import subprocess

import pytest

import gw
import hostile
from child import Child, PROCS
from hostile import record, send

PEERS = {"engine": ("frontend", "prober", "relay"),
         "frontend": ("engine", "doctor", "relay"),
         "prober": ("engine",), "encap": (), "resolver": ("relay",),
         "launcher": (), "doctor": ("frontend",),
         "relay": ("engine", "frontend", "resolver")}
USERS = {"resolver": "_gwrelay", "launcher": "_gwlaunch",
         "doctor": "_gwrelay", "relay": "_gwrelay"}
PIPES = [(role, sender) for role in gw.CHILDREN
         for sender in ("parent",) + PEERS[role]]


@contextlib.contextmanager
def started(ns, role):
    """A child after STARTUP; what became of it is the test's business."""
    child = Child(role, ns, peers=PEERS[role],
                  user=USERS.get(role, "_gatewayd"))
    try:
        yield child
    finally:
        if child.process.poll() is None:
            child.process.kill()
            child.process.wait()
        for pipe in child.pipes.values():
            pipe.close()
        child.dir.cleanup()
        child.log.close()


def status_of(child, seconds=5):
    """Its exit status, None while it lives; a crash fails the test."""
    try:
        status = child.process.wait(timeout=seconds * gw.SLOW)
    except subprocess.TimeoutExpired:
        return None
    log = child.logged()
    assert status in (0, 1), "status %d\n%s" % (status, log)
    assert "Sanitizer" not in log and "runtime error" not in log, log
    return status


def wrong():
    for role, sender in PIPES:
        may = hostile.allowed(sender, role)
        for m in may:
            for what, data, fds, why in hostile.mutations(m):
                yield role, sender, m.name + "-" + what, data, fds, why
        for m in hostile.messages():
            if m not in may:
                yield (role, sender, m.name, record(m.number, bytes(m.min)),
                       [], "not allowed")
        yield (role, sender, "unknown", record(len(hostile.messages())), [],
               "unknown type")
        yield role, sender, "no-header", b"1234567", [], "Bad message"


def wrong_on(role, sender):
    return [case[2:] for case in wrong() if case[:2] == (role, sender)]


@pytest.fixture(scope="module")
def ns():
    gw.ensure_users()
    namespace = gw.Namespace("m")
    yield namespace
    namespace.close()


@pytest.mark.slow
@pytest.mark.parametrize("role,sender", PIPES)
def test_wrong_message(ns, role, sender):
    """Each of them alone, as its sender."""
    cases = wrong_on(role, sender)
    assert len(cases) > len(hostile.messages())
    # every way to break an allowed message, and a few of the others
    foreign = [case for case in cases if case[3] == "not allowed"]
    chosen = [case for case in cases if case not in foreign] + foreign[::6]
    for what, data, fds, why in chosen:
        with started(ns, role) as child:
            send(child.pipes[sender], data, fds)
            assert status_of(child) == 1, (what, child.logged())
            log = child.logged()
            whys = (why,) if isinstance(why, str) else why
            if fds:     # before anybody looks at it; EMFILE in the engine
                whys += ("Bad message", "Too many open files")
            assert any(w in log for w in whys), (what, log)
            assert sender in log, (what, log)


def payloads(m, dice):
    """Contents of the right size that no honest sender would choose."""
    sizes = sorted({m.min, m.max})
    for size in sizes:
        yield bytes(size)
        yield b"\xff" * size
        yield b"A" * size
        for _ in range(4):
            yield dice.randbytes(size)


@pytest.mark.slow
@pytest.mark.parametrize("role,sender", PIPES)
def test_nonsense_contents(ns, role, sender):
    """It may end, with status 1 and a reason; it may not crash or hang."""
    dice = random.Random(role + sender)
    for m in hostile.allowed(sender, role):
        for payload in payloads(m, dice):
            with started(ns, role) as child:
                with contextlib.suppress(ConnectionError):
                    for ident in 0, 1, 0xffffffff:
                        send(child.pipes[sender],
                             record(m.number, payload, ident),
                             [0] if m.fd else [])
                child.pipes["parent"].close()
                status = status_of(child)
                assert status is not None, "%s hangs\n%s" % (
                    m.name, child.logged())
                assert status == 0 or "level=error" in child.logged(), m.name


@pytest.mark.parametrize("role", gw.CHILDREN)
def test_lost_parent(ns, role):
    """After STARTUP the end of the pipe is a stop, before it a failure."""
    with started(ns, role) as child:
        child.pipes["parent"].close()
        assert status_of(child) == 0
        assert child.logged().count("\n") == 0


@pytest.mark.parametrize("role,peer", [
    (role, peer) for role in gw.CHILDREN for peer in PEERS[role]])
def test_lost_peer(ns, role, peer):
    """The parent will end everything: until then nothing happens."""
    with started(ns, role) as child:
        child.pipes[peer].close()
        assert status_of(child, 0.2) is None
        child.pipes["parent"].close()
        assert status_of(child) == 0


@pytest.mark.parametrize("role,sender", PIPES)
def test_garbage_stream(ns, role, sender):
    """Records of random bytes, until it has had enough."""
    dice = random.Random(role)
    with started(ns, role) as child:
        with contextlib.suppress(OSError):
            for _ in range(200):
                child.pipes[sender].send(dice.randbytes(dice.randrange(1, 64)))
        assert status_of(child) == 1
        assert "level=error" in child.logged()


def test_every_pipe_is_tested():
    """A new pipe between processes in messages.def needs a line above."""
    known = set(PIPES)
    for m in hostile.messages():
        for sender in PROCS:
            for receiver in gw.CHILDREN:
                if m in hostile.allowed(sender, receiver):
                    assert (receiver, sender) in known
