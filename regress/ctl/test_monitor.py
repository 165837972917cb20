"""gatewayctl monitor, and clients that monitor and mean harm."""

import json
import os
import pty
import re
import select
import struct
import subprocess
import time

import pytest

import gw
from ctlserver import NOBODY, Client

MONITORS = 16               # of the clients at most
UNREAD = 256 * 1024
# common/wire_status.h, common/wire_ctl.h
LASTING = 7                 # EVENTS_LASTING
UP, DEGRADED, SUSPECT, DOWN, RECOVERING = 5, 6, 7, 8, 9
STANDBY, ACTIVE, DRAINING = 0, 1, 2


class Monitor(Client):
    """A client that has asked for events; reads lines of JSON."""

    def __init__(self, server, uid=0, kinds=LASTING):
        super().__init__(server, uid)
        self.buf = b""
        self.send("CTL_MONITOR", struct.pack("=II", kinds, 0), number=7)

    def more(self):
        kind, number, data = self.receive()
        assert (kind, number) == ("CTL_DATA", 7), data
        self.buf += data

    def line(self):
        while b"\n" not in self.buf:
            self.more()
        line, self.buf = self.buf.split(b"\n", 1)
        return line + b"\n"

    def event(self):
        return json.loads(self.line())

    def silent(self):
        return not self.buf and not select.select([self.sock], [], [], 0.2)[0]


class Ctl:
    """A gatewayctl monitor under way; reads its lines."""

    def __init__(self, server, *args):
        self.process = subprocess.Popen(
            [server.ctl_program, "-s", server.path, *args, "monitor"],
            env={**os.environ, "TZ": "UTC"}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def line(self):
        return self.process.stdout.readline()

    def lines(self, n):
        return [self.line() for _ in range(n)]

    def close(self):
        self.process.kill()
        self.process.wait(5)
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def ctl(server):
    """ctl(*options): every monitor is stopped at the end."""
    started = []

    def start(*args):
        started.append(Ctl(server, *args))
        return started[-1]

    yield start
    for one in started:
        one.close()


def without_time(line):
    return re.sub(r"^\d\d:\d\d:\d\d ", "", line)


# --- what is said

def test_snapshot(server):
    """How things are, before anything that happens."""
    m = Monitor(server)
    line = m.line()
    snapshot = json.loads(line)
    assert list(snapshot) == ["id", "time", "event", "data"]
    assert snapshot["event"] == "snapshot"
    assert abs(snapshot["time"] - time.time()) < 10
    c = Client(server)
    c.show("/health")
    assert snapshot["data"]["health"] == json.loads(c.answer()[0])
    for row in snapshot["data"]["tunnels"]:
        assert list(row) == ["name", "state", "role", "reason", "since"]
        c.show("/tunnels/" + row["name"])
        detail = json.loads(c.answer()[0])["detail"]
        assert row == {"name": row["name"], **{
            k: detail[k] for k in ("state", "role", "reason", "since")}}
    assert [r["name"] for r in snapshot["data"]["tunnels"]][:3] == [
        "he", "slowed", "quiet"]
    # compact, and one line
    assert line == json.dumps(snapshot, separators=(",", ":")).replace(
        "\\u001b", "\\u001B").encode() + b"\n"
    m.close()
    c.close()


def test_events(server):
    """Each is rendered once, and reaches everybody who monitors."""
    m, other = Monitor(server), Monitor(server, NOBODY)
    last = m.event()["id"]
    assert other.event()["id"] == last

    def expect(kind, **data):
        nonlocal last
        last += 1
        line = m.line()
        assert other.line() == line
        event = json.loads(line)
        assert list(event) == ["id", "time", "event", "data"]
        assert abs(event.pop("time") - time.time()) < 10
        assert event == {"id": last, "event": kind, "data": data}
        assert list(event["data"]) == list(data)

    server.command("tunnel he %d %d no answer from 3 of 3 targets"
                   % (DOWN, ACTIVE))
    expect("tunnel", name="he", **{"from": "up"}, to="down",
           reason="no answer from 3 of 3 targets", role="active")
    # another reason, or nothing at all, is no event
    server.command("tunnel he %d %d still no answer" % (DOWN, ACTIVE))
    server.command("tunnel he %d %d still no answer" % (DOWN, ACTIVE))
    assert m.silent()
    # another role is one
    server.command("tunnel he %d %d still no answer" % (DOWN, DRAINING))
    expect("tunnel", name="he", **{"from": "down"}, to="down",
           reason="still no answer", role="draining")
    server.command("tunnel slowed %d %d" % (UP, ACTIVE))
    expect("tunnel", name="slowed", **{"from": "degraded"}, to="up",
           reason=None, role="active")
    server.command("failover he slowed he is down")
    expect("failover", **{"from": "he"}, to="slowed", reason="he is down")
    server.command("failover slowed - none is left")
    expect("failover", **{"from": "slowed"}, to=None, reason="none is left")
    server.command("health 3")
    expect("health", status="down", v6_reachable=False, v6_latency_ms=None,
           active_tunnels=2, last_check=json.loads(
               server.ctl("-j", "show", "health").stdout)["last_check"])
    server.command("health 3")
    assert m.silent()
    server.command("gone quiet")
    expect("tunnel", name="quiet", **{"from": "down"}, to=None,
           reason="it is no longer in the configuration", role=None)
    m.close()
    other.close()


def test_text(server, ctl):
    p = ctl()
    first = p.lines(11)
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in first)
    assert [without_time(line) for line in first[:5]] == [
        "health  ok: IPv6 answers in 24 ms\n",
        "default he\n",
        "he      up, active\n",
        "slowed  degraded, standby: 12 % of the probes are lost\n",
        "quiet   down, standby: no answer from any target\n"]
    # nothing it is told drives the terminal
    assert without_time(first[9]) == (
        "wg      error, standby: this version cannot run?[31m wireguard "
        "tunnels\n")
    for command, line in (
            # a suspicion is nothing yet, and one that passed never was
            ("tunnel he %d %d 1 probe" % (SUSPECT, ACTIVE), None),
            ("tunnel he %d %d" % (UP, ACTIVE), None),
            ("tunnel he %d %d 1 probe" % (SUSPECT, ACTIVE), None),
            ("tunnel he %d %d no answer from 3 of 3 targets for 640 ms"
             % (DOWN, ACTIVE),
             "he      up -> down: no answer from 3 of 3 targets for 640 ms"),
            ("failover he slowed he is down",
             "default he -> slowed: he is down"),
            # the line on the default route has told it
            ("tunnel he %d %d no answer" % (DOWN, DRAINING), None),
            ("tunnel slowed %d %d 12 %% of the probes are lost"
             % (DEGRADED, ACTIVE), None),
            ("health 2", "health  ok -> degraded: IPv6 answers in 24 ms"),
            ("tunnel he %d %d" % (RECOVERING, STANDBY),
             "he      down -> recovering"),
            ("failover slowed - slowed is gone",
             "default slowed -> none: slowed is gone"),
            ("health 3", "health  degraded -> down: no answer over IPv6"),
            ("gone slowed",
             "slowed  gone: it is no longer in the configuration"),
            ("tunnel he %d %d" % (UP, STANDBY), "he      recovering -> up"),
            ("failover - he he answers", "default none -> he: he answers"),
    ):
        server.command(command)
        if line is not None:
            assert without_time(p.line()) == line + "\n"


@pytest.mark.parametrize("server", [("-n", "11")], indirect=True)
def test_text_is_aligned(server, ctl):
    """By the longest name that there is."""
    column = len("12:00:00 tunnel-number-10 ")
    for line in ctl().lines(22):
        assert line[column - 1] == " " and line[column] != " "


def test_time_is_local(server):
    env = {**os.environ, "TZ": "XYZ-5:30"}
    p = subprocess.Popen([server.ctl_program, "-s", server.path, "monitor"],
                         env=env, stdout=subprocess.PIPE, text=True)
    said = p.stdout.readline()[:5]
    now = time.time() + 5.5 * 3600
    assert said in [time.strftime("%H:%M", time.gmtime(now - ago))
                    for ago in (0, 30)]
    p.kill()
    p.wait()
    p.stdout.close()


def test_json(server, ctl):
    """-j: the events as they are, one JSON object a line, suspicions and
    all."""
    p, m = ctl("-j"), Monitor(server)
    assert json.loads(p.line())["event"] == "snapshot"
    m.line()
    for command in ("tunnel he %d %d 1 probe" % (SUSPECT, ACTIVE),
                    "tunnel he %d %d" % (UP, ACTIVE), "health 3",
                    "failover he - because"):
        server.command(command)
        assert p.line().encode() == m.line()
    m.close()


def test_colour(server):
    """On a terminal only; the words are the same."""
    master, slave = pty.openpty()
    env = {"PATH": os.environ["PATH"], "TERM": "xterm"}
    p = subprocess.Popen([server.ctl_program, "-s", server.path, "monitor"],
                         stdout=slave, env=env)
    os.close(slave)
    out = b""
    while b"off " not in out:
        out += os.read(master, 65536)
    server.command("tunnel he %d %d dark" % (DOWN, ACTIVE))
    while b"dark" not in out:
        out += os.read(master, 65536)
    assert b"\033[32mup\033[0m -> \033[31mdown\033[0m: dark" in out
    p.kill()
    p.wait()
    os.close(master)


# --- how it ends

def test_ctrl_c(server):
    """From a terminal: at once, and the daemon is rid of the client."""
    fds = server.fds()
    pid, master = pty.fork()
    if pid == 0:
        os.execv(server.ctl_program, ["gatewayctl", "-s", str(server.path),
                                      "monitor"])
    out = b""
    while b"disabled, standby" not in out:
        out += os.read(master, 65536)
    assert server.fds() == fds + 1
    os.write(master, b"\x03")
    gw.wait_for(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, 5, "its end")
    os.close(master)
    gw.wait_for(lambda: server.fds() == fds, 5, "descriptors")
    server.alive()


@pytest.mark.parametrize("options", [(), ("-j",)])
def test_daemon_leaves(server, ctl, options):
    p = ctl(*options)
    assert p.line()
    server.process.kill()
    assert p.process.wait(5) == 3
    assert "closed the connection" in p.process.stderr.read()


def test_no_daemon(server):
    p = server.ctl("-s", str(server.dir / "none"), "monitor")
    assert p.returncode == 3 and "not running" in p.stderr


def test_reader_leaves(server, ctl):
    """Quietly, and although nothing happens that could be written."""
    p = ctl()
    p.line()
    p.process.stdout.close()
    assert p.process.wait(5) == 0
    assert p.process.stderr.read() == ""
    with open("/dev/full", "w") as full:
        p = subprocess.run([server.ctl_program, "-s", server.path, "monitor"],
                           stdout=full, stderr=subprocess.PIPE, text=True,
                           timeout=5)
    assert p.returncode == 1 and "No space left" in p.stderr


def test_lines_come_at_once(server, ctl):
    """Through a pipe as well: nothing waits in a buffer."""
    p = ctl("-j")
    p.line()
    for state in (DOWN, UP) * 3:
        server.command("tunnel he %d %d" % (state, ACTIVE))
        assert select.select([p.process.stdout], [], [], 5)[0]
        p.line()


# --- how many

def test_seventeenth(server):
    monitors = [Monitor(server) for _ in range(MONITORS)]
    for m in monitors:
        m.line()
    p = server.ctl("monitor")
    assert (p.returncode, p.stdout) == (1, "")
    assert "16 clients monitor already" in p.stderr
    # other requests are answered as ever, and a place that is given up is free
    server.alive()
    monitors.pop().close()
    m = Monitor(server)
    m.line()
    for m in monitors + [m]:
        m.close()
    server.alive()


def test_place_for_root(server):
    monitors = [Monitor(server, NOBODY) for _ in range(MONITORS - 1)]
    for m in monitors:
        m.line()
    refused = Monitor(server, NOBODY)
    kind, _, data = refused.receive()
    assert kind == "CTL_RESULT" and b"15 clients monitor already" in data
    root = Monitor(server)
    assert root.event()["event"] == "snapshot"
    for m in monitors + [refused, root]:
        m.close()


def test_not_shed(server):
    """However long nothing happens, and whoever else comes."""
    monitors = [Monitor(server, NOBODY) for _ in range(MONITORS - 1)]
    for m in monitors:
        m.line()
    clients = [Client(server, NOBODY) for _ in range(500)]
    server.alive()
    server.command("health 3")
    for m in monitors:
        assert m.event()["event"] == "health"
    server.command("health 1")
    for c in clients + monitors:
        c.close()


def test_anybody_may(server):
    p = subprocess.Popen(
        [server.ctl_program, "-s", server.path, "-j", "monitor"],
        stdout=subprocess.PIPE, user=NOBODY, group=NOBODY, extra_groups=[])
    assert json.loads(p.stdout.readline())["event"] == "snapshot"
    p.kill()
    p.wait()
    p.stdout.close()


def test_asked_twice(server):
    m = Monitor(server)
    m.line()
    m.send("CTL_MONITOR", struct.pack("=II", LASTING, 0), number=8)
    assert m.closed()
    m.close()
    server.alive()


def test_other_requests_meanwhile(server):
    m = Monitor(server)
    m.line()
    m.show("/health", 9)
    assert m.receive()[:2] == ("CTL_DATA", 9)
    assert m.receive()[:2] == ("CTL_RESULT", 9)
    server.command("health 3")
    assert m.event()["event"] == "health"
    m.close()


# --- who does not read

def test_never_reads(server):
    """It is dropped at the limit, in bounded memory, and holds up nobody."""
    deaf, reader = Monitor(server, NOBODY), Monitor(server)
    last = reader.event()["id"]
    fds, rss = server.fds(), server.rss()
    told = 0
    state = DOWN
    while server.fds() == fds:
        state = UP if state == DOWN else DOWN
        server.command("storm %d" % state)
        for _ in range(9):
            line = reader.line()
            told += len(line)
            last += 1
            assert json.loads(line)["id"] == last
        assert told < 4 * UNREAD, "it is not dropped"
    assert UNREAD < told
    assert server.rss() < rss + 4 * UNREAD or gw.SLOW > 1
    deaf.close()
    reader.close()
    server.alive()


@pytest.mark.parametrize("server", [("-n", "4096")], indirect=True)
def test_large_snapshot(server):
    """A snapshot above the limit is no reason to be dropped by what follows,
    though all tunnels fail at once."""
    m = Monitor(server)
    m.more()
    server.command("health 3")
    server.command("storm %d" % DOWN)
    line = m.line()
    assert len(line) > UNREAD
    assert len(json.loads(line)["data"]["tunnels"]) == 4096 + 9
    assert m.event()["event"] == "health"
    for _ in range(4096 + 9 - 1):       # "quiet" was down before
        assert m.event()["data"]["to"] == "down"
    assert m.silent()
    m.close()


@pytest.mark.parametrize("server, tunnels", [
    (("-n", "1000"), 1009), (("-n", "4096"), 4105)], indirect=["server"])
def test_storm(server, tunnels):
    """Every tunnel changes its state at once; all of it is told, and it
    takes milliseconds: 100 for 1,000 would be too many."""
    monitors = [Monitor(server) for _ in range(4)]
    for m in monitors:
        m.line()
    # "quiet" was down before
    for state, changes in (DOWN, tunnels - 1), (UP, tunnels):
        milliseconds, = server.command("storm %d" % state)
        assert float(milliseconds) < tunnels / 10 * gw.SLOW
        for m in monitors:
            names = {m.event()["data"]["name"] for _ in range(changes)}
            assert len(names) == changes
    for m in monitors:
        m.close()


@pytest.mark.parametrize("server", [("-n", "1000")], indirect=True)
def test_many_tunnels_text(server, ctl):
    p = ctl()
    assert len(p.lines(1011)) == 1011
    server.command("tunnel tunnel-number-999 %d %d gone" % (DOWN, STANDBY))
    assert without_time(p.line()) == "tunnel-number-999 up -> down: gone\n"
