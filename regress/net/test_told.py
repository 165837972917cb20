"""What gatewayctl monitor, status and prefer say of a whole daemon with two
ways; regress/ctl has all that needs no engine."""

import json
import os
import select
import subprocess
import time

import pytest

import gw
import multilab
import rtmon


@pytest.fixture(scope="module")
def lab():
    lab = multilab.Lab(2)
    yield lab
    lab.close()


class Monitor:
    """gatewayctl -j monitor; its events, each with when it came."""

    def __init__(self, daemon):
        self.process = subprocess.Popen(
            daemon.ns.argv(gw.GATEWAYCTL, "-j", "-s",
                           daemon.run_dir / "gatewayd.sock", "monitor"),
            stdout=subprocess.PIPE)
        self.buf = b""
        self.last = self.event("snapshot")["id"]

    def line(self, end):
        """The next one, or None at that time or when it ended."""
        out = self.process.stdout
        while b"\n" not in self.buf:
            if not select.select([out], [], [], max(
                    0, end - time.monotonic()))[0]:
                return None
            data = os.read(out.fileno(), 65536)
            if not data:
                return None
            self.buf += data
        line, self.buf = self.buf.split(b"\n", 1)
        return line

    def event(self, kind, seconds=5, **data):
        """The next of that kind with these members."""
        end = time.monotonic() + seconds * gw.SLOW
        while line := self.line(end):
            event = json.loads(line)
            event["came"] = time.monotonic()
            if kind != "snapshot":
                self.last += 1
                assert event["id"] == self.last
            if event["event"] == kind and data.items() <= event["data"].items():
                return event
        raise AssertionError("no event %s %s" % (kind, data))

    def close(self):
        self.process.kill()
        self.process.wait(5)
        self.process.stdout.close()


@pytest.fixture
def monitor(daemon):
    """A daemon whose tunnels are up, a being the active one, and a monitor."""
    daemon.configure({"health": {"hold_down": "30s..30s"}})
    daemon.up()
    gw.wait_for(lambda: daemon.active() == "a", 5 * gw.SLOW, "a")
    monitor = Monitor(daemon)
    yield monitor
    monitor.close()


def test_failover(daemon, lab, monitor):
    """As soon as the route has moved, and the same everywhere."""
    before = {name: daemon.tunnel(name)["detail"]["switches"]
              for name in "ab"}
    with rtmon.Monitor(lab.client) as routes:
        start = time.monotonic()
        lab.a.broker.drop()
        moved = routes.wait_default("b0", start, 3)
        # the reason comes before what it brought about
        monitor.event("tunnel", name="a", to="down")
        failover = monitor.event("failover")
        assert failover["came"] - moved < 0.1 * gw.SLOW
    assert failover["data"]["from"] == "a" and failover["data"]["to"] == "b"
    assert failover["data"]["reason"].startswith("a is down: no answer from")
    gw.wait_for(lambda: daemon.role("a") == "standby", 2 * gw.SLOW, "standby")
    a, b = daemon.tunnel("a")["detail"], daemon.tunnel("b")["detail"]
    assert a["last_failover"] == b["last_failover"] == {
        "time": failover["time"], **failover["data"]}
    assert (b["role"], b["switches"], a["switches"]) == (
        "active", before["b"] + 1, before["a"])
    assert a["transitions"][0]["to"] == "down"
    assert a["transitions"][0]["reason"] == a["reason"]
    assert daemon.get("/health").json()["active_tunnels"] == 1
    status = daemon.ctl("status").stdout.splitlines()
    assert status[1] == "active  b on b0, %s" % lab.b.address
    assert status[2].endswith(" s, after a: " + failover["data"]["reason"])
    # it answers again, and is held down
    lab.a.broker.drop(False)
    monitor.event("tunnel", name="a", to="recovering", role="standby")
    held = daemon.tunnel("a")["detail"]
    assert 20 < held["hold_until"] - time.time() <= 31
    assert "\n    it may carry traffic again in " in daemon.ctl(
        "status").stdout


def test_prefer(daemon, lab, monitor):
    def told(verb, words):
        assert daemon.ctl("tunnel", "b", verb).stdout == \
            "tunnel b: %s\n" % words

    told("unprefer", "not preferred anyway")
    told("prefer", "preferred from now on")
    monitor.event("tunnel", name="b", role="active")
    monitor.event("failover", **{"from": "a"}, to="b",
                  reason="b is preferred by an operator")
    told("prefer", "already preferred")
    assert daemon.tunnel("b")["detail"]["preferred"] is True
    assert daemon.tunnel("a")["detail"]["preferred"] is False
    assert daemon.tunnel("a")["detail"]["role"] == "draining"
    roles = [line.split()[3:5] for line in
             daemon.ctl("status").stdout.splitlines()
             if line.startswith(("a ", "b "))]
    assert roles == [["draining", "a0"], ["active,", "preferred"]]
    told("unprefer", "no longer preferred")
    monitor.event("failover", to="a")
    assert daemon.tunnel("b")["detail"]["preferred"] is False


def test_prefer_disabled(daemon):
    daemon.configure({"tunnel.b": {"enabled": "false"}})
    daemon.start()
    p = daemon.ctl("tunnel", "b", "prefer", check=False)
    assert p.returncode == 1 and "enabled = false" in p.stdout
    p = daemon.ctl("tunnel", "nix", "prefer", check=False)
    assert p.returncode == 4


def test_reload(daemon, monitor):
    """Who goes and who comes is told."""
    section = daemon.conf["tunnel.b"]
    daemon.configure({"tunnel.b": None})
    daemon.ctl("reload")
    monitor.event("tunnel", name="b", to=None, role=None)
    daemon.configure({"tunnel.b": section})
    daemon.ctl("reload")
    monitor.event("tunnel", **{"from": None}, name="b")
    monitor.event("tunnel", name="b", to="up")


def test_all_is_lost(daemon, lab, monitor):
    lab.a.broker.drop()
    lab.b.broker.drop()
    monitor.event("failover", to=None)
    event = monitor.event("health", status="down", v6_reachable=False)
    assert event["data"] == {**daemon.get("/health").json(),
                             "last_check": event["data"]["last_check"]}
    lab.b.broker.drop(False)
    monitor.event("failover", 10, **{"from": None}, to="b")
    monitor.event("health", status="ok")


def test_stop(daemon, monitor):
    daemon.stop()
    while monitor.line(time.monotonic() + 5):
        pass
    assert monitor.process.wait(5) == 3


def test_thousand(daemon):
    """Status of them all in a moment, and a monitor that knows them."""
    tunnels = 1000
    daemon.configure({"core": {"log_level": "info"}, "tunnel.a": None,
                      "tunnel.b": None, **{
        "tunnel.x%d" % n: {"type": "external", "iface": "x%d" % n,
                           "v6_prefix": "2001:db8:%x::1" % n}
        for n in range(tunnels)}})
    daemon.start()
    gw.wait_for(lambda: daemon.state("x%d" % (tunnels - 1)) == "down",
                10 * gw.SLOW, "a verdict on the last one")
    took = []
    for _ in range(3):
        start = time.monotonic()
        status = daemon.ctl("status", check=False).stdout
        took.append(time.monotonic() - start)
        assert status.count("  external  down") == tunnels
    assert min(took) < 1 * gw.SLOW
    monitor = Monitor(daemon)
    daemon.configure({"tunnel.x7": None})
    daemon.ctl("reload")
    monitor.event("tunnel", name="x7", to=None)
    monitor.close()
    assert daemon.alive()
