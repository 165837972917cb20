"""Which tunnel is the active one: modes, the operator's choice, what other
programs have, and what a restart remembers."""

import errno
import re
import socket
import time

import pytest

import gw
import multilab
import rtmon

SOON = 0.5 * gw.SLOW



@pytest.fixture(scope="module")
def lab(ways):
    return ways


def quiet(watch):
    """Nothing was lost, by old flow or new connection."""
    flow = watch.flow
    assert flow["error"] is None and flow["wrong"] == 0, flow
    assert flow["received"] == flow["sent"], flow
    assert flow["gap"] < 0.2 * gw.SLOW, flow
    assert not [c for c in watch.connections if c[2]]


def moved(watch, start):
    return [name for _, name in watch.monitor.defaults(start)]


def test_operators_choice(daemon, lab):
    """The default moves at once and without loss; new connections follow it,
    the old flow ends where it began.  And back."""
    daemon.up()
    with lab.watch() as watch:
        time.sleep(0.3)             # the first connections are made
        start = time.monotonic()
        daemon.ctl("tunnel", "c", "prefer")
        when = watch.monitor.wait_default("c0", start, 2)
        assert when - start < SOON
        time.sleep(0.5)
        watch.stop()
        assert moved(watch, start) == ["c0"]
        quiet(watch)
        assert watch.flow["source"] == lab.a.address
        assert {c[1] for c in watch.between(0, start)} == {lab.a.address}
        assert {c[1] for c in watch.between(when + 0.02 * gw.SLOW)} == {
            lab.c.address}
        assert daemon.role("a") == "draining"
        assert "preferred" in daemon.ctl("status").stdout
    # a better one has no say against it, only its own death has
    lab.c.broker.drop()
    gw.wait_for(lambda: lab.ours() == ["a0"], 3, "the choice died")
    lab.c.broker.drop(False)
    gw.wait_for(lambda: lab.ours() == ["c0"], 5, "and came back")
    daemon.ctl("tunnel", "c", "unprefer")
    gw.wait_for(lambda: lab.ours() == ["a0"], SOON, "its end")


def test_preempt_no(daemon, lab):
    daemon.configure({"failover": {"preempt": "no"}})
    daemon.start()
    daemon.wait_state("up", name="c")
    active = daemon.active()
    way = {way.name: way for way in lab.ways}[active]
    way.broker.drop()
    gw.wait_for(lambda: lab.ours() not in ([], [way.iface]), 3, "failover")
    after = lab.ours()
    with rtmon.Monitor(lab.client) as monitor:
        start = time.monotonic()
        way.broker.drop(False)
        daemon.wait_state("up", name=way.name)
        time.sleep(1)
        assert monitor.defaults(start) == [] and lab.ours() == after
    daemon.ctl("tunnel", active, "prefer")
    gw.wait_for(lambda: lab.ours() == [way.iface], SOON, "the choice")


def test_mode_manual(daemon, lab):
    """The chosen one and no other, dead or alive."""
    daemon.configure({"failover": {"mode": "manual"}})
    daemon.up()
    daemon.ctl("tunnel", "b", "prefer")
    gw.wait_for(lambda: lab.ours() == ["b0"], SOON, "the choice")
    lab.b.broker.drop()
    gw.wait_for(lambda: lab.ours() == [], 3, "no default")
    time.sleep(1)
    assert lab.ours() == []
    assert daemon.get("/health").json()["status"] == "down"
    # what has a source of its own can still leave
    assert lab.client.ping(gw.INTERNET6[0], "-I", lab.a.address)
    lab.b.broker.drop(False)
    gw.wait_for(lambda: lab.ours() == ["b0"], 5, "the chosen one again")


@pytest.mark.slow
def test_mode_latency(daemon, lab):
    """A way faster by less than the margin changes nothing; by more, and for
    long enough, it does."""
    hold = 2
    daemon.configure({
        "failover": {"mode": "latency", "switch_margin": "30% 20ms 2s"},
        "health": {"window": "2s", "interval": "100ms",
                   "standby_interval": "100ms"}})
    delays = {"a": 40, "b": 50, "c": 60}
    for name, ms in delays.items():
        getattr(lab, name).broker.delay(ms)
    daemon.up()
    active = getattr(lab, daemon.active())
    others = [way for way in lab.ways if way is not active]
    with lab.watch() as watch:
        start = time.monotonic()
        others[0].broker.delay(delays[active.name] - 12)
        time.sleep(2 * hold + 1)
        assert watch.monitor.defaults(start) == []
        start = time.monotonic()
        active.broker.delay(120)
        when = watch.monitor.wait_default(others[0].iface, start, 10)
        assert when - start >= hold
        time.sleep(1.5)
        watch.stop()
        assert moved(watch, start) == [others[0].iface]
        assert watch.flow["error"] is None
        assert not [c for c in watch.connections if c[2]]


def snapshot(ns):
    """Routes and addresses of others, lifetimes left out."""
    routes = [line for line in ns.ip("-6 route show table all").splitlines()
              if "proto 201" not in line and "a0" not in line and
              "b0" not in line and "c0" not in line]
    addresses = re.findall(r"inet6? \S+", ns.ip("addr show dev wan") +
                           ns.ip("addr show dev native"))
    return sorted(routes), sorted(addresses)


def test_native_default_stays_in_front(daemon, lab):
    """And routes and addresses of others are as they were."""
    c = lab.client
    lab.external("native", "2001:db8:200::")
    c.ip("-6 route add default dev native metric 1024 proto static")
    c.ip("-6 route add 2001:db8:eeee::/48 dev native metric 7 proto 99")
    c.ip("-6 route add default dev native metric 4096 proto 99")
    before = snapshot(c)
    daemon.up()
    with lab.watch() as watch:
        start = time.monotonic()
        lab.a.broker.drop()
        watch.monitor.wait_default("b0", start, 3)
        time.sleep(0.3)
        watch.stop()
        # the native way carries all that does not say otherwise
        assert {c[1] for c in watch.connections} == {"2001:db8:200::2"}
        quiet(watch)
    assert snapshot(c) == before
    daemon.stop()
    assert snapshot(c) == before and lab.ours() == []


def test_external_takes_part(daemon, lab):
    """An interface of somebody else: chosen, left, and never changed."""
    c = lab.client
    ext = lab.external("ext0", "2001:db8:201::")
    daemon.configure({"tunnel.ext": {
        "type": "external", "iface": "ext0", "gateway_v6": ext.gateway,
        "priority": 0}})
    daemon.up()
    gw.wait_for(lambda: lab.ours() == ["ext0"], 3 * gw.SLOW, "the external")
    before = c.json("-d link show dev ext0")
    with lab.watch() as watch:
        assert watch.stop().flow["source"] == ext.address
    with lab.watch() as watch:
        start = time.monotonic()
        ext.drop()
        when = watch.monitor.wait_default("a0", start, 3)
        assert when - start <= 0.9 + 0.05 * (gw.SLOW - 1)
        time.sleep(0.3)
        watch.stop()
        assert {c[1:3] == [lab.a.address, None]
                for c in watch.between(when + 0.02 * gw.SLOW)} == {True}
    ext.drop(False)
    gw.wait_for(lambda: lab.ours() == ["ext0"], 5 * gw.SLOW, "and back")
    # its owner takes it away
    with rtmon.Monitor(c) as monitor:
        asked = time.monotonic()
        c.ip("link set ext0 down")
        start = monitor.first(asked)
        assert monitor.wait_default("a0", start, 3) - start <= 0.05 * gw.SLOW
    c.ip("link set ext0 up")
    daemon.stop()
    after = c.json("-d link show dev ext0")
    for link in before + after:
        link.pop("stats64", None)
    assert after == before


@pytest.mark.parametrize("flows", ["drain", "unreachable", pytest.param(
    "reset", marks=pytest.mark.both)])
def test_flows_of_a_dead_way(daemon, lab, flows):
    daemon.configure({"failover": {"flows": flows}})
    daemon.up()
    c = lab.client
    c.run("ss", "-tn")          # loads the module that reset needs
    with lab.watch() as watch:
        time.sleep(0.5)
        start = time.monotonic()
        lab.a.broker.drop()
        when = watch.monitor.wait_default("b0", start, 3)
        time.sleep(0.3)
        refused = c.call(lambda: connect_from(lab.a.address))
        lab.a.broker.drop(False)
        gw.wait_for(lambda: lab.ours() == ["a0"], 5 * gw.SLOW, "failback")
        time.sleep(1.5)         # a retransmission is due
        watch.stop()
        flow = watch.flow
        assert flow["source"] == lab.a.address
        if flows == "reset":
            assert flow["error"] == "ECONNABORTED"
            assert flow["ended"] - when < 0.1 * gw.SLOW
        else:
            assert flow["error"] is None and flow["wrong"] == 0
        assert (refused in (errno.EHOSTUNREACH, errno.ENETUNREACH)) == (
            flows == "unreachable"), refused
    # as it was
    assert c.call(lambda: connect_from(lab.a.address)) == 0
    # and a switch for another reason harms none of them
    with lab.watch() as watch:
        start = time.monotonic()
        daemon.ctl("tunnel", "b", "prefer")
        watch.monitor.wait_default("b0", start, 2)
        time.sleep(0.5)
        watch.stop()
        assert watch.flow["source"] == lab.a.address
        quiet(watch)


def connect_from(address):
    """Status of a TCP connection from there; EAGAIN: no answer."""
    with socket.socket(socket.AF_INET6) as sock:
        sock.settimeout(0.5 * gw.SLOW)
        sock.bind((address, 0))
        try:
            return sock.connect_ex((gw.WEB6, multilab.PORT))
        except TimeoutError:
            return errno.EAGAIN
