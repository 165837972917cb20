"""What the active tunnel has: the plain default and a preferred address.

Two tunnels, he by he0 and b by he1; the engine's part is played here.
"""

import random
import re
import signal
import socket
import time

import pytest

import gw
from box import (EXTERNAL, FOLLOW, FOREVER, OTHER6, SECOND, SECTION, Monitor,
                 address, lifetimes, plain_defaults, stands)

BOTH = {"he": SECTION, "b": SECOND}
DEVICES = {"he": ("he0", gw.CLIENT6), "b": ("he1", OTHER6)}
SWITCH_MS = 2.0 * gw.SLOW   # route and two lifetimes
FAR6 = "2001:db8:ffff::1"   # somewhere in the Internet


def both(box, **conf):
    """he is the active one of two."""
    d = box.linkd()
    d.tell("conf %s" % box.conf(BOTH, **conf))
    d.tell("want b present")
    d.tell("want he active")
    return d


def plain(name, metric=2048):
    return "default dev %s src %s metric %u advmss 1420 pref medium" % (
        *DEVICES[name], metric)


def chosen(box):
    """Whose are the plain default and the preferred address; else None."""
    for name, (device, source) in DEVICES.items():
        other_device, other = DEVICES["b" if name == "he" else "he"]
        if (plain_defaults(box) == [plain(name)] and
                lifetimes(box, device) == {source: FOREVER} and
                lifetimes(box, other_device) == {other: 0}):
            return name
    return None


@pytest.mark.both
def test_switch(box):
    """One change of the default, one of each lifetime; the rest stays."""
    d = both(box)
    assert chosen(box) == "he"
    time.sleep(0.1 * gw.SLOW)
    with Monitor(box.ns) as monitor:
        d.tell("want b active")
        assert chosen(box) == "b"
        assert d.state("b")[1]["default"] == "1"
        assert d.state("b")[1]["want"] == "2"
        d.tell("want he present")
    assert chosen(box) == "b" and stands(box, plain=False)
    assert d.state()[1]["default"] == "0"
    changes = [x for x in monitor.text.splitlines() if x[:1].isalnum() and
               not x.startswith("Deleted")]
    assert "Deleted" not in monitor.text, monitor.text
    assert [x.split(" dev ")[0].split()[-1] for x in changes
            if "proto 201" in x.split("pref")[0] and "default" in x] == [
        "default"], monitor.text
    inet6 = [x.split()[1:4] for x in changes if "inet6" in x]
    assert [x[0] for x in inet6] == ["he1", "he0"], monitor.text
    assert re.search(r"the IPv6 default route is by he1, source %s, metric "
                     r"2048, in \d+\.\d\d ms" % OTHER6, d.log())
    assert not d.logged("repaired")


def test_switch_is_quick(box):
    d = both(box)
    mark = len(d.log())
    for _ in range(20):
        for new, old in ("b", "he"), ("he", "b"):
            d.tell("want %s active" % new)
            assert chosen(box) == new
            d.tell("want %s present" % old)
    took = sorted(float(x) for x in re.findall(r"2048, in (\d+\.\d\d) ms",
                                               d.log()[mark:]))
    assert len(took) == 40
    assert took[len(took) // 2] <= SWITCH_MS, took
    assert not d.logged("repaired")


def test_check_after_the_switch(box):
    """What was wrong besides is found although the switch did not look."""
    d = both(box)
    path = "/proc/sys/net/ipv6/conf/he1/accept_ra"
    box.ns.run("sh", "-c", "echo 1 > " + path)     # which causes no event
    d.tell("want b active")
    gw.wait_for(lambda: box.ns.run("cat", path).stdout == "0\n", FOLLOW,
                "the check")


@pytest.mark.parametrize("fault", [
    "link del he1", "-6 addr flush dev he1", "link set he1 down",
    "-6 route flush dev he1", "-6 addr flush dev he0", "link del he0"])
def test_switch_while_something_is_wrong(box, fault):
    """Both are to be seen in the same wake-up."""
    d = both(box)
    d.process.send_signal(signal.SIGSTOP)
    box.ns.ip(fault)
    start = d.send("want b active\nwant he present")
    d.process.send_signal(signal.SIGCONT)
    d.wait("^state b ready want=2 .*default=1", start)
    gw.wait_for(lambda: chosen(box) == "b", FOLLOW, "the switch")
    assert d.state("b")[0] == "ready"
    gw.wait_for(lambda: stands(box, plain=False), FOLLOW, "the other one")


def test_switch_to_one_that_is_not_ready(box):
    """The old default stays until the old one is told to go."""
    d = box.linkd()
    d.tell("conf %s" % box.conf({"he": SECTION, "b": dict(
        SECOND, endpoint_ipv4="broker.example.net")}))
    d.tell("want he active")
    d.tell("want b active")
    assert d.state("b")[0] == "wait_dns"
    assert plain_defaults(box)[0].startswith("default dev he0")
    d.tell("want he present")
    assert plain_defaults(box) == []
    d.tell("resolved b 198.51.100.2")
    assert d.state("b")[0] == "ready" and chosen(box) == "b"


def test_no_active_tunnel(box):
    d = both(box)
    d.tell("want he present")
    assert plain_defaults(box) == []
    assert lifetimes(box, "he0") == {gw.CLIENT6: 0}
    assert lifetimes(box, "he1") == {OTHER6: 0}


def test_no_active_tunnel_and_no_wan(box):
    """What must not be there goes although the rest cannot be done."""
    d = both(box)
    start = len(d.lines)
    box.ns.ip("route del default")
    d.wait_state("wait_wan", start=start)
    assert chosen(box) == "he"
    d.tell("want he present")
    assert plain_defaults(box) == []
    assert lifetimes(box, "he0") == {gw.CLIENT6: 0}
    assert d.state()[0] == "wait_wan"
    d.crash()
    # the same at the next start, with what a crash may leave
    box.ns.ip("-6 addr change %s/64 dev he0 nodad noprefixroute" % gw.CLIENT6)
    box.ns.ip("-6 route add default dev he0 metric 2048 proto 201")
    d = both(box)
    d.tell("want he present")
    assert plain_defaults(box) == []
    assert lifetimes(box, "he0") == {gw.CLIENT6: 0}


STEPS = [
    "-6 route replace default dev he1 src %s metric 2048 proto 201" % OTHER6,
    "-6 addr change %s/64 dev he1 nodad noprefixroute preferred_lft forever "
    "valid_lft forever" % OTHER6,
    "-6 addr change %s/64 dev he0 nodad noprefixroute preferred_lft 0 "
    "valid_lft forever" % gw.CLIENT6,
]


@pytest.mark.parametrize("winner", ["he", "b"])
@pytest.mark.parametrize("steps", range(len(STEPS) + 1))
def test_killed_during_a_switch(box, steps, winner):
    """After each step of it; whoever is made active then."""
    d = both(box)
    d.crash()
    for step in STEPS[:steps]:
        box.ns.ip(step)
    before = plain_defaults(box)
    assert len(before) == 1
    d = box.linkd()
    with Monitor(box.ns) as monitor:
        d.tell("conf %s" % box.conf(BOTH))
        assert d.tell("default he") == ["default he %d" % (steps == 0)]
        assert d.tell("default b") == ["default b %d" % (steps > 0)]
        d.tell("want %s active" % winner)
        d.tell("want %s present" % ("b" if winner == "he" else "he"))
    assert chosen(box) == winner
    assert not [x for x in monitor.text.splitlines() if "Deleted" in x and
                "default" in x], monitor.text
    assert not d.logged("repaired")


def test_killed_at_any_moment(box):
    for _ in range(12):
        d = both(box)
        d.send("\n".join("want %s active\nwant %s present" % names
                         for names in [("b", "he"), ("he", "b")] * 100))
        time.sleep(random.uniform(0, 0.03 * gw.SLOW))
        d.crash()
        assert len(plain_defaults(box)) == 1
    d = both(box)
    assert chosen(box) == "he" and stands(box)


STALE = {
    "same interface": ["-6 route add %s" % plain("he", 3000)],
    "the other's": ["-6 route add %s" % plain("b", 77)],
    "all": ["-6 route add %s" % plain("he", 3000),
            "-6 route add %s" % plain("b", 3001),
            "-6 route add %s" % plain("b", 1)],
}


@pytest.mark.parametrize("stale", STALE)
def test_stale_defaults_are_removed_at_adoption(box, stale):
    d = both(box)
    d.crash()
    for route in STALE[stale]:
        box.ns.ip(route + " proto 201")
    d = box.linkd()
    d.tell("conf %s" % box.conf(BOTH))
    d.tell("want he active")
    assert len(plain_defaults(box)) == 1
    d.tell("want b present")
    assert chosen(box) == "he"


def test_one_default_after_a_new_metric(box):
    """Even if the old one's tunnel cannot follow: its WAN is gone."""
    box.external()
    d = box.linkd()
    tunnels = {"he": SECTION, "ext": EXTERNAL}
    d.tell("conf %s" % box.conf(tunnels))
    d.tell("want he active")
    d.tell("want ext present")
    start = len(d.lines)
    box.ns.ip("route del default")
    d.wait_state("wait_wan", start=start)
    d.tell("conf %s" % box.conf(tunnels, route_metric=3000))
    assert len(plain_defaults(box)) == 1
    d.tell("want ext active")
    assert len(plain_defaults(box)) == 1
    assert "dev tun0" in plain_defaults(box)[0]
    assert "metric 3000" in plain_defaults(box)[0]
    d.tell("want he present")
    assert len(plain_defaults(box)) == 1


def test_external_addresses_are_never_changed(box):
    box.external("preferred_lft 5000 valid_lft forever")
    before = address(box, "tun0")[0]
    d = box.linkd()
    d.tell("conf %s" % box.conf({"he": SECTION, "ext": EXTERNAL}))
    d.tell("want he active")
    d.tell("want ext present")
    for new, old in ("ext", "he"), ("he", "ext"):
        d.tell("want %s active" % new)
        d.tell("want %s present" % old)
        assert lifetimes(box) == {gw.CLIENT6: FOREVER if new == "he" else 0}
        now = address(box, "tun0")[0]
        assert now["preferred_life_time"] > before["preferred_life_time"] - 60
        assert "protocol" not in now and "nodad" in now
        assert len(plain_defaults(box)) == 1
    assert not d.logged("repaired")


@pytest.mark.parametrize("modes", ["proxy", "socks5", "proxy, socks5"])
def test_other_exposure_gets_nothing(box, modes):
    d = both(box, more={"exposure": {"mode": modes}})
    assert d.state()[0] == "ready"
    for name in "he", "b":
        d.tell("want %s active" % name)
        assert plain_defaults(box) == []
        assert lifetimes(box, "he0") == {gw.CLIENT6: 0}
        assert lifetimes(box, "he1") == {OTHER6: 0}
    # a reload changes it, in both directions
    d.tell("want he present")
    d.tell("conf %s" % box.conf(BOTH))
    assert chosen(box) == "b"
    d.tell("conf %s" % box.conf(BOTH, more={"exposure": {"mode": modes}}))
    assert plain_defaults(box) == []
    assert lifetimes(box, "he1") == {OTHER6: 0}
    assert not d.logged("repaired")


def source_of_new(box):
    """The address of a flow that binds none."""
    s = box.ns.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with s:
        s.connect((FAR6, 9))
        return s.getsockname()[0]


def sniffer(box, device):
    """A socket that gets what leaves by a device."""
    s = box.ns.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    s.bind((device, 3))     # ETH_P_ALL
    s.settimeout(0.3 * gw.SLOW)
    return s


def left(s, source):
    """How many packets of that source left since the last call."""
    n = 0
    while True:
        try:
            n += s.recv(2048)[8:24] == socket.inet_pton(
                socket.AF_INET6, source)
        except socket.timeout:
            return n


@pytest.mark.both
def test_flows(box):
    """New ones go by the new tunnel, established ones drain on theirs."""
    d = both(box)
    assert source_of_new(box) == gw.CLIENT6
    old = box.ns.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with old:
        old.connect((FAR6, 9))
        d.tell("want b active")
        d.tell("want he present")
        assert source_of_new(box) == OTHER6
        with sniffer(box, "he0") as he0, sniffer(box, "he1") as he1:
            for _ in range(5):
                old.send(b"x")
            assert left(he0, gw.CLIENT6) == 5
            assert left(he1, gw.CLIENT6) == 0
    d.tell("want he active")
    d.tell("want b present")
    assert source_of_new(box) == gw.CLIENT6


def test_native_default_stays_in_front(box):
    box.ns.ip("-6 addr add 2001:db8:aa::1/64 dev wan nodad")
    native = "default via 2001:db8:aa::2 dev wan proto ra metric 1024"
    box.ns.ip("-6 route add " + native)
    d = both(box)
    for new, old in ("b", "he"), ("he", "b"):
        d.tell("want %s active" % new)
        d.tell("want %s present" % old)
        assert chosen(box) == new
        assert native in box.ns.ip("-6 route show")
        assert " dev wan " in box.ns.ip("-6 route get " + FAR6)
        # nor does it take packets from the tunnels' addresses
        assert " dev %s " % DEVICES[new][0] in box.ns.ip(
            "-6 route get %s from %s" % (FAR6, DEVICES[new][1]))
    box.ns.ip("-6 route del " + native)
    assert " dev he0 " in box.ns.ip("-6 route get " + FAR6)


def test_foreign_default_of_the_same_metric_at_a_switch(box):
    """It is not replaced; the tunnel says whose it is."""
    d = both(box)
    box.ns.ip("-6 addr add 2001:db8:aa::1/64 dev wan nodad")
    foreign = "default via 2001:db8:aa::2 dev wan proto static metric 2048"
    box.ns.ip("-6 route append " + foreign)
    d.tell("want b active")
    assert d.state("b")[0] == "error"
    for text in "static", "by wan", "metric 2048", "route_metric":
        assert text in d.state("b")[1]["reason"]
    d.tell("want he present")
    assert foreign in box.ns.ip("-6 route show")
    start = len(d.lines)
    box.ns.ip("-6 route del " + foreign)
    d.wait_state("ready", "b", start=start)
    assert chosen(box) == "b"


def test_what_is_foreign_stays(box):
    """Addresses on our interface, routes by it, source-specific defaults."""
    d = both(box)
    for command in (
            "-6 addr add 2001:db8:77::7/64 dev he0 nodad",
            "-6 addr add 2001:db8:78::7/64 dev he1 nodad preferred_lft 900 "
            "valid_lft forever",
            "-6 route add 2001:db8:79::/48 dev he0 proto static",
            "-6 route add default dev he0 metric 4000 proto static",
            "-6 addr add 2001:db8:aa::1/64 dev wan nodad",
            "-6 route add default from 2001:db8:aa::/64 via 2001:db8:aa::2 "
            "dev wan metric 2048 proto static",
            "-6 route add default dev wan metric 99 proto 201"):
        box.ns.ip(command)

    def foreign():
        lines = box.ns.ip("-6 route show").splitlines()
        return [x.replace(" linkdown", "") for x in lines if
                "static" in x or "metric 99" in x or "2001:db8:7" in x]

    before = foreign()
    assert len(before) == 6
    for new, old in ("b", "he"), ("he", "b"):
        d.tell("want %s active" % new)
        d.tell("want %s present" % old)
    d.tell("conf %s" % box.conf(BOTH, route_metric=3000))
    d.tell("conf %s" % box.conf(BOTH))
    d.crash()
    d = both(box)
    # an own number on a strange interface is taken for a leftover at start
    assert foreign() == [x for x in before if "metric 99" not in x]
    assert lifetimes(box)["2001:db8:77::7"] == FOREVER
    assert 800 < lifetimes(box, "he1")["2001:db8:78::7"] <= 900
