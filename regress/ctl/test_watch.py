"""gatewayctl -w and -W: what is shown again, and what is waited for."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pytest

import gw
import procfs
from ctlserver import Client

# common/wire_status.h
DISABLED, UP, DEGRADED, DOWN, ERROR = 0, 5, 6, 8, 10
STANDBY, ACTIVE = 0, 1


@pytest.fixture
def ctl(server):
    """ctl(*args): a gatewayctl under way, stopped at the end."""
    started = []

    def start(*args):
        started.append(subprocess.Popen(
            [server.ctl_program, "-s", server.path, *args], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        return started[-1]

    yield start
    for p in started:
        p.kill()
        p.wait(5)
        p.stdout.close()
        p.stderr.close()


def document(server, target):
    client = Client(server)
    client.show(target)
    data, code, _ = client.answer()
    client.close()
    assert code == 0
    return data.decode()


def silent(p, seconds=0.4):
    return not select.select([p.stdout], [], [], seconds)[0]


# --- -w

@pytest.mark.parametrize("words, target", [
    (["status"], "/health"), (["show", "health"], "/health"),
    (["show", "tunnels"], "/tunnels"), (["show", "tunnels", "he"],
                                        "/tunnels/he"),
    (["show", "addresses"], "/v6/address")])
def test_documents(server, ctl, words, target):
    """A line for each change, and it is the document as it is then."""
    p = ctl("-j", "-w0", *words)
    assert p.stdout.readline() == document(server, target)
    for health, state in (3, DOWN), (1, UP):
        server.command("health %d" % health)
        server.command("tunnel he %d %d why" % (state, ACTIVE))
        now, last = document(server, target), None
        # one line, or one for each of the two changes
        for _ in range(2):
            if last != now:
                last = p.stdout.readline()
        assert last == now
    # what another document shows is nothing new here
    server.command("tunnel off %d %d" % (DISABLED, ACTIVE))
    if target in ("/health", "/tunnels/he"):
        assert silent(p)


def test_text(server, ctl):
    p = ctl("-w0", "show", "tunnels")
    for state in "up", "down":
        lines = []
        while not lines or not lines[-1].startswith("off "):
            lines.append(p.stdout.readline())
        # one empty line between two of them
        assert (lines[0] == "\n") == (state == "down")
        table = [line.split() for line in lines if line != "\n"]
        assert len(table) == 10 and table[1][:3] == ["he", "he_6in4", state]
        server.command("tunnel he %d %d" % (DOWN, ACTIVE))


def test_counted(server, ctl):
    """What changes without an event is looked at again, and shown if new."""
    p = ctl("-j", "-w0", "show", "relay")
    assert p.stdout.readline() == document(server, "/relay")
    assert silent(p)
    server.command("relay")
    assert p.stdout.readline() == document(server, "/relay")
    assert silent(p)


def test_together(server, ctl):
    """What happens at once is shown once."""
    p = ctl("-j", "-w0", "show", "tunnels")
    p.stdout.readline()
    server.command("storm %d" % DOWN)
    rows = json.loads(p.stdout.readline())["tunnels"]
    assert {row["state"] for row in rows} == {"down"}
    assert silent(p)


@pytest.mark.slow
def test_seconds(server, ctl):
    """At once after a quiet time, and then not again too soon."""
    p = ctl("-j", "show", "tunnels", "-w", "2")
    p.stdout.readline()
    time.sleep(2.1)
    times = []
    for state in DOWN, UP:
        server.command("tunnel he %d %d" % (state, ACTIVE))
        times.append(time.monotonic())
        p.stdout.readline()
        times.append(time.monotonic())
    assert times[1] - times[0] < 1 * max(1, gw.SLOW)
    assert times[3] - times[1] > 1


def test_nothing_happens(server, ctl):
    """No look without a reason."""
    p = ctl("-w0", "status")
    p.stdout.readline()
    time.sleep(0.5)
    before = procfs.switches(p.pid)
    time.sleep(1)
    # it may just have begun to wait
    assert procfs.switches(p.pid) <= before + 1


class Terminal:
    def __init__(self, *argv):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(argv[0], [str(a) for a in argv], {
                "PATH": os.environ["PATH"], "TERM": "xterm"})

    def read_until(self, wanted):
        """What comes, until wanted(all of it)."""
        out = ""
        while not wanted(out):
            out += os.read(self.fd, 65536).decode()
        return out

    def resize(self, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack("=4H", 24, columns, 0, 0))

    def status(self):
        """How it ended."""
        status = []

        def ended():
            pid, code = os.waitpid(self.pid, os.WNOHANG)
            status.append(code)
            return pid == self.pid

        gw.wait_for(ended, 5 * max(1, gw.SLOW), "its end")
        os.close(self.fd)
        return status[-1]


def test_terminal(server):
    """Drawn from the top, again when something happens, and again when the
    window has another size; Ctrl-C ends it."""
    fds = server.fds()
    t = Terminal("/bin/sh", "-c", "trap : INT; %s -s %s -w0 show tunnels; "
                 "echo ended: $?" % (server.ctl_program, server.path))
    t.resize(80)

    def blocks(out):
        """Each whole one, with neither colour nor what draws it."""
        return [re.sub(r"\033\[\d*m", "", block).split("\r\n")
                for block in out.split("\033[H\033[J")[1:]
                if "\noff " in block]

    assert t.read_until(blocks).startswith("\033[H\033[J")
    server.command("tunnel he %d %d" % (DOWN, ACTIVE))
    t.read_until(lambda out: any(
        re.match("he .* down ", block[1]) for block in blocks(out)))
    t.resize(30)
    t.read_until(lambda out: any(
        max(map(len, block)) <= 30 for block in blocks(out)))
    os.write(t.fd, b"\x03")
    t.read_until(lambda out: "ended: 130" in out)
    assert t.status() == 0
    gw.wait_for(lambda: server.fds() == fds, 5, "descriptors")


def test_reader_leaves(server, ctl):
    p = ctl("-w", "status")
    p.stdout.readline()
    p.stdout.close()
    assert p.wait(20) == 0
    assert p.stderr.read() == ""


def test_daemon_leaves(server, ctl):
    p = ctl("-w", "status")
    p.stdout.readline()
    server.process.kill()
    assert p.wait(20) == 3
    assert "closed the connection" in p.stderr.read()


def test_object_leaves(server, ctl):
    p = ctl("-w0", "show", "tunnels", "slowed")
    p.stdout.readline()
    server.command("gone slowed")
    assert p.wait(20) == 4
    assert 'no tunnel "slowed"' in p.stderr.read()


# --- -W

@pytest.mark.parametrize("verb, happens, said", [
    ("up", ["tunnel back %d %d" % (UP, STANDBY)], "up, standby"),
    ("restart", ["tunnel back 3 0 set up", "tunnel back 4 0 asked",
                 "tunnel back %d %d" % (DEGRADED, STANDBY)],
     "degraded, standby"),
    ("down", ["tunnel back %d %d" % (DISABLED, STANDBY)],
     "disabled, standby"),
    ("prefer", ["tunnel back %d %d" % (UP, STANDBY),
                "tunnel back %d %d" % (UP, ACTIVE)], "up, active"),
])
def test_wait(server, ctl, verb, happens, said):
    p = ctl("tunnel", "back", verb, "-W")
    assert server.said().startswith("admin 7")
    for command in happens:
        assert silent(p, 0.1)
        server.command(command)
    assert p.wait(20) == 0
    assert p.stdout.read() == "tunnel back: %s\n" % said
    assert p.stderr.read() == ""


def test_wait_for_nothing(server):
    """It is so already."""
    for words, said in ((["he", "up"], "up, active"),
                        (["slowed", "up"], "degraded, standby"),
                        (["he", "unprefer"], "up, active"),
                        (["he", "prefer"], "up, active")):
        p = server.ctl("tunnel", *words, "--wait")
        assert (p.returncode, p.stdout) == (
            0, "tunnel %s: %s\n" % (words[0], said))
    assert server.ctl("-j", "tunnel", "he", "up", "-W").stdout == ""


def test_wait_fails(server, ctl):
    p = server.ctl("tunnel", "back", "up", "-W", "1")
    assert (p.returncode, p.stdout) == (6, "")
    assert p.stderr == ("gatewayctl: tunnel back: recovering, draining after "
                        "1 s: held down for 30 s\n")
    for happens, why in ((
            "tunnel back %d %d no sit\x1b module" % (ERROR, STANDBY),
            "tunnel back: error: no sit? module"), (
            "gone back", "tunnel back: gone: it is no longer")):
        server.command("tunnel back 9 0 held down")
        p = ctl("tunnel", "back", "restart", "--wait=9")
        server.said()
        server.command(happens)
        assert p.wait(20) == 1
        assert why in p.stderr.read()
    # what is refused is not waited for
    assert server.ctl("tunnel", "quiet", "up", "-W").returncode == 5
    assert server.ctl("tunnel", "nix", "up", "-W").returncode == 4


@pytest.mark.parametrize("args, text", [
    (["-w", "monitor"], "--watch is for status and show"),
    (["tunnel", "he", "up", "-w"], "--watch is for"),
    (["check", "-w"], "--watch is for"),
    (["status", "--wait=3"], "--wait is for tunnel"),
    (["-wx", "status"], "x: not 0 to 86400 seconds"),
    (["tunnel", "he", "up", "-W", "86401"], "86401: not 0 to"),
])
def test_usage(server, args, text):
    p = server.ctl(*args)
    assert p.returncode == 2
    assert text in p.stderr and not p.stdout
