"""What a start finds and puts right: a daemon killed in the middle of a
switch, and what was decided before it was stopped."""

import random
import signal
import subprocess
import time

import pytest

import gw
import rtmon

FOREVER = rtmon.FOREVER
RUNS = 3 if gw.IN_GUEST else 10


@pytest.fixture(scope="module")
def lab(ways):
    return ways


def preferred(ns, way):
    """The seconds for which its address is preferred, or None."""
    for link in ns.json("-6 addr show dev " + way.iface):
        for address in link["addr_info"]:
            if address["local"] == way.address:
                return address["preferred_life_time"]
    return None


def right(lab, active):
    """One plain default, and the address that new connections take."""
    c = lab.client
    sources = [route["dev"] for route in c.json("-6 route show default")
               if route.get("from", "").startswith("2001:db8:1")]
    return lab.ours() == [active.iface] and all(
        preferred(c, way) == (FOREVER if way is active else 0)
        for way in lab.ways) and sorted(sources) == sorted(
        way.iface for way in lab.ways)


def kill(daemon):
    daemon.signal(signal.SIGKILL)
    daemon.process.wait(timeout=5 * gw.SLOW)


@pytest.mark.host
@pytest.mark.both
@pytest.mark.slow
def test_killed_during_a_switch(daemon, lab):
    """At random moments around it; by turns the operator's choice moves, and
    the active way dies."""
    chance = random.Random(3)
    for run in range(RUNS):
        lab.a.broker.drop(False)
        daemon.up()
        gw.wait_for(lambda: right(lab, lab.a), 5 * gw.SLOW, "all as it was")
        with rtmon.Monitor(lab.client) as monitor:
            start = time.monotonic()
            if run % 2:
                # a switch takes a millisecond or two
                asking = daemon.ns.call(lambda: prefer(daemon, "b"))
                time.sleep(chance.uniform(0.002, 0.012) * min(gw.SLOW, 5))
            else:
                lab.a.broker.drop()
                monitor.wait_default("b0", start, 3)
                time.sleep(chance.uniform(0, 0.002))
            kill(daemon)
            if run % 2:
                asking.wait(timeout=5 * gw.SLOW)
        lab.a.broker.drop()
        daemon.start()
        gw.wait_for(lambda: right(lab, lab.b), 5 * gw.SLOW,
                    "all put right in run %d" % run)
        with lab.watch() as watch:
            time.sleep(0.2)
            watch.stop()
            assert {tuple(c[1:3]) for c in watch.connections} == {
                (lab.b.address, None)}
        daemon.ctl("tunnel", "b", "unprefer")
        daemon.stop()


def prefer(daemon, name):
    return subprocess.Popen(
        [gw.GATEWAYCTL, "-s", daemon.run_dir / "gatewayd.sock", "tunnel",
         name, "prefer"], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)


PLAIN = "-6 route %s default dev %s src %s metric %d proto 201"
LIFETIME = "-6 addr change %s/64 dev %s preferred_lft %s valid_lft forever"
HALVES = {
    "route alone": lambda a, b: [
        PLAIN % ("replace", b.iface, b.address, 2048)],
    "lifetimes alone": lambda a, b: [
        LIFETIME % (b.address, b.iface, "forever"),
        LIFETIME % (a.address, a.iface, "0")],
    "two defaults": lambda a, b: [
        PLAIN % ("append", b.iface, b.address, 2048)],
    "another metric": lambda a, b: [
        PLAIN % ("add", b.iface, b.address, 2000)],
    "no default": lambda a, b: ["-6 route del default dev %s metric 2048" %
                                a.iface],
    "flows refused": lambda a, b: [
        "-6 route replace unreachable default from %s/64 metric 2048 "
        "proto 201" %
        a.prefix],
}


@pytest.mark.parametrize("half", HALVES)
def test_half_a_switch_is_put_right(daemon, lab, half):
    """What a crash between any two of its steps leaves behind."""
    daemon.up()
    gw.wait_for(lambda: right(lab, lab.a), 5 * gw.SLOW, "the start")
    kill(daemon)
    for line in HALVES[half](lab.a, lab.b):
        lab.client.ip(line)
    daemon.up()
    gw.wait_for(lambda: right(lab, lab.a), 5 * gw.SLOW, "all put right")
    assert "unreachable" not in lab.client.ip("-6 route show proto 201")
    assert lab.client.ping(gw.INTERNET6[0], "-I", lab.a.address)


def test_way_that_died_meanwhile(daemon, lab):
    """The kernel's default is kept for a verdict, but not for long."""
    daemon.up()
    kill(daemon)
    lab.a.broker.drop()
    with rtmon.Monitor(lab.client) as monitor:
        start = time.monotonic()
        daemon.start()
        assert monitor.wait_default("b0", start, 5) - start < 2 * gw.SLOW
    assert "a is probing" in daemon.log()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_choice_survives(daemon, lab, end):
    daemon.up()
    daemon.ctl("tunnel", "c", "prefer")
    gw.wait_for(lambda: right(lab, lab.c), 5 * gw.SLOW, "the choice")
    time.sleep(1.5)             # the state is written a second later
    daemon.stop() if end == "stop" else kill(daemon)
    daemon.up()
    gw.wait_for(lambda: right(lab, lab.c), 5 * gw.SLOW, "it still holds")
    time.sleep(0.5)
    assert right(lab, lab.c)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_hold_down_survives(daemon, lab, end):
    """A new start is no amnesty for a line that fails."""
    daemon.configure({"health": {"hold_down": "6s..60s",
                                 "down_interval": "200ms"}})
    daemon.up()
    lab.a.broker.drop()
    gw.wait_for(lambda: lab.ours() == ["b0"], 3, "failover")
    time.sleep(1.5)
    daemon.stop() if end == "stop" else kill(daemon)
    lab.a.broker.drop(False)
    start = time.monotonic()
    daemon.start()
    gw.wait_for(lambda: "held back" in daemon.reason("a"), 4 * gw.SLOW,
                "hold-down")
    gw.wait_for(lambda: lab.ours() == ["a0"], 9 + 3 * gw.SLOW, "failback")
    assert time.monotonic() - start >= 6
