"""Failover from and to WireGuard tunnels, as test_failover.py has it for 6in4:
in the guest the kernel's driver, on the host wireguard-go."""

import random
import time

import pytest

import gw
import multilab
import rtmon

pytestmark = pytest.mark.both

ADDED = 0.05 * (gw.SLOW - 1)    # what sanitizers or emulation take
BLACK_HOLE = 0.9 + ADDED
LOCAL = 0.05 * min(gw.SLOW, 5)


@pytest.fixture(scope="module")
def lab():
    lab = multilab.Lab([multilab.WireGuard, multilab.WireGuard, multilab.Way])
    yield lab
    lab.close()


def moved(lab, event, from_way, to_way):
    """Seconds from event() to the default through to_way, where new
    connections then are answered."""
    with lab.watch() as watch:
        time.sleep(0.5 + random.random())
        start = time.monotonic()
        event()
        when = watch.monitor.wait_default(to_way.iface, start, 5)
        time.sleep(0.5)
        watch.stop()
        assert watch.flow["source"] == from_way.address
        assert [name for _, name in watch.monitor.defaults(start)] == [
            to_way.iface]
        assert {tuple(c[1:3]) for c in
                watch.between(when + 0.02 * gw.SLOW)} == {
            (to_way.address, None)}
    return when - start


def test_black_hole_and_failback(daemon, lab):
    """From one WireGuard tunnel to the other, on to 6in4, and all back."""
    daemon.up()
    assert lab.ours() == [lab.a.iface]
    for dead, alive in (lab.a, lab.b), (lab.b, lab.c):
        assert moved(lab, dead.broker.drop, dead, alive) <= BLACK_HOLE
        assert "no answer" in daemon.reason(dead.name)
    with lab.watch() as watch:
        lab.a.broker.drop(False)
        watch.monitor.wait_default(lab.a.iface, 0, 10 * gw.SLOW)
        time.sleep(0.5)
        watch.stop()
        assert watch.flow["source"] == lab.c.address
        assert watch.flow["error"] is None
        assert watch.flow["gap"] < 0.3 * gw.SLOW
        assert not [c for c in watch.connections if c[2]]


def test_server_refuses(daemon, lab):
    """Its port is closed.  The refusal quotes nothing that proves who sent
    it, so it is asked at once, and its silence decides."""
    daemon.up()
    took = []
    while len(took) < 3 and min(took, default=1) > 0.4 + ADDED:
        gw.wait_for(lambda: lab.ours() == [lab.a.iface], 10 * gw.SLOW, "a")
        took.append(moved(lab, lab.a.broker.refuse, lab.a, lab.b))
        lab.a.broker.refuse(False)
    print("refused", took)
    assert min(took) <= 0.4 + ADDED, took


def test_interface_deleted(daemon, lab):
    daemon.up()
    with lab.watch() as watch:
        time.sleep(0.3)
        asked = time.monotonic()
        lab.client.ip("link del " + lab.a.iface)
        start = watch.monitor.first(asked)
        assert watch.monitor.wait_default(
            (lab.a.iface, lab.b.iface), start, 3) - start <= LOCAL
    daemon.wait_state("up", 20, "a")


@pytest.mark.vm
def test_without_peer(daemon, lab):
    """The kernel refuses the first probe, and that is enough."""
    daemon.up()
    took = []
    while len(took) < 3 and min(took, default=LOCAL + 1) > LOCAL:
        gw.wait_for(lambda: lab.ours() == [lab.a.iface], 10 * gw.SLOW, "a")
        with rtmon.Monitor(lab.client) as monitor, rtmon.Capture(
                lab.client, lab.a.iface) as capture:
            lab.client.run("wg", "set", lab.a.iface, "peer",
                           lab.a.broker.key.public, "remove")
            start = time.monotonic()
            when = monitor.wait_default(lab.b.iface, start, 3)
            probes = [p.time for p in capture.read()
                      if p.out and p.time >= start]
            took.append(when - probes[0])
    print("without peer", took)
    assert min(took) <= LOCAL, took
