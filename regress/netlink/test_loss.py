"""What breaks at this end is told, or put right, at once.

Times are from the command that breaks it to the report; the best of some,
since others run too.
"""

import signal
import time

import pytest

import gw
from box import EXTERNAL, FOLLOW, Batch, Events, link, stands

REPORT = 0.02 * gw.SLOW     # cause to report
REPAIRED = 0.05 * gw.SLOW   # cause to all in place
TRIES = 2 if gw.IN_GUEST else 5


def causes(table, *both):
    """The parameters; those named run in the guest as well."""
    return [pytest.param(x, marks=pytest.mark.both) if x in both else x
            for x in table]


def timed(d, batch, commands, pattern):
    """Seconds from the commands to a line."""
    start = len(d.lines)
    begin = batch.do(*commands)
    i, _ = d.wait(pattern, start)
    return d.times[i] - begin


WAN_BACK = ["link add wan type veth peer name wire", "link set wire up",
            "link set wan up", "addr replace %s/24 dev wan" % gw.CLIENT4,
            "route replace default via " + gw.ROUTER4]
WAN_CAUSES = {
    "route": (["route del default"], "no IPv4 route"),
    "address": (["addr del %s/24 dev wan" % gw.CLIENT4], "no IPv4 route"),
    "interface down": (["link set wan down"], "no IPv4 route"),
    "interface deleted": (["link del wan"], "no IPv4 route"),
    "unreachable": (["route replace unreachable default"], "no IPv4 route"),
    "rule": (["rule add to %s unreachable pref 5" % gw.BROKER4],
             "no IPv4 route"),
}


@pytest.mark.parametrize("cause", causes(WAN_CAUSES, "route"))
def test_wan_lost(box, cause):
    """The interface, its address and its routes stay as they are."""
    commands, text = WAN_CAUSES[cause]
    d = box.start("active")
    index, took = link(box)["ifindex"], []
    with Batch(box.ns) as batch:
        for _ in range(TRIES):
            took.append(timed(d, batch, commands, "^state he wait_wan "))
            assert text in d.state()[1]["reason"]
            assert d.state()[1]["default"] == "1"
            assert stands(box) and link(box)["ifindex"] == index
            start = len(d.lines)
            batch.do("rule del pref 5", "route del unreachable default",
                     *WAN_BACK)
            d.wait_state("ready", start=start)
            time.sleep(0.25 * gw.SLOW)
    assert min(took) <= REPORT, took
    assert not d.logged("repaired")


def test_wan_carrier_lost(box):
    """As soon as the kernel tells; for some drivers that takes a second."""
    d = box.start("active")
    with Batch(box.far) as batch:
        took = timed(d, batch, ["link set wan down"], "^state he wait_wan ")
    assert "has no carrier" in d.state()[1]["reason"]
    assert took < 1.0 + REPORT


def test_another_way_is_not_a_loss(box):
    """It is followed when things have settled, without a word before."""
    box.ns.ip("addr add 192.0.2.50/24 dev wan")
    d = box.start("active")
    with Batch(box.ns) as batch:
        took = timed(d, batch, [
            "route replace default via %s src 192.0.2.50" % gw.ROUTER4],
            "^state he ready .* local=192.0.2.50 ")
        assert took > 0.15
        # as a DHCP client does it, but quickly
        time.sleep(0.3 * gw.SLOW)
        took = timed(d, batch, [
            "route del default", "addr del 192.0.2.50/24 dev wan",
            "addr add 192.0.2.51/24 dev wan",
            "route add default via %s src 192.0.2.51" % gw.ROUTER4],
            "^state he ready .* local=192.0.2.51 ")
    if gw.SLOW == 1:
        assert not [x for x in d.lines if "wait_wan" in x]


EXTERNAL_BACK = ["link add tun0 type veth peer name tun1", "link set tun1 up",
                 "link set tun0 up",
                 "addr add 2001:db8:e::2/64 dev tun0 nodad"]
EXTERNAL_CAUSES = {
    "down": (["link set tun0 down"], "is down"),
    "deleted": (["link del tun0"], "no interface"),
    "carrier": (["link set tun1 down"], "no carrier"),
    "address": (["addr del 2001:db8:e::2/64 dev tun0"],
                "neither the address"),
}


@pytest.mark.parametrize("cause", EXTERNAL_CAUSES)
def test_external_lost(box, cause):
    commands, text = EXTERNAL_CAUSES[cause]
    for command in EXTERNAL_BACK:
        box.ns.ip("-6 " + command)
    d = box.linkd()
    d.tell("conf %s" % box.conf({"ext": EXTERNAL}))
    d.tell("want ext active")
    took = []
    with Batch(box.ns, "-6") as batch:
        for _ in range(TRIES):
            assert d.state("ext")[0] == "ready"
            took.append(timed(d, batch, commands, "^state ext down "))
            # a slow kernel takes the address away some time before the rest
            gw.wait_for(lambda: text in d.state("ext")[1]["reason"], FOLLOW,
                        text)
            start = len(d.lines)
            batch.do("link del tun0", *EXTERNAL_BACK)
            d.wait("^state ext ready ", start)
    assert min(took) <= REPORT, took


REPAIRS = {
    "address": (["addr flush dev he0"], Events.NEWROUTE),
    "default": (["route del default dev he0 metric 2048 proto 201"],
                Events.NEWROUTE),
    "lifetime": (["addr change %s/64 dev he0 nodad noprefixroute "
                  "preferred_lft 0 valid_lft forever" % gw.CLIENT6],
                 Events.NEWADDR),
    "down": (["link set he0 down"], Events.NEWROUTE),
    "deleted": (["link del he0"], Events.NEWROUTE),
}


@pytest.mark.parametrize("cause", causes(REPAIRS, "deleted"))
def test_repaired_at_once(box, cause):
    """All that the active tunnel needs is there again."""
    commands, last = REPAIRS[cause]
    d = box.start("active")
    took = []
    with Batch(box.ns, "-6") as batch, Events(box.ns) as events:
        for _ in range(TRIES):
            time.sleep(0.1 * gw.SLOW)
            events.drain()
            begin = batch.do(*commands)
            if last == Events.NEWADDR:      # the first one is the change
                events.wait(last)
            end = events.wait(last)
            while not stands(box):
                end = events.wait(last)
            took.append(end - begin)
    assert min(took) <= REPAIRED, took
    assert d.log().count("repaired: ") >= TRIES
    assert d.state()[0] == "ready"


@pytest.mark.parametrize("cause", ["interface", "default"])
def test_what_cannot_be_repaired_is_told_at_once(box, cause):
    """Not by a later run: others have to take over."""
    native = "via 2001:db8:aa::2 dev wan proto static metric 2048"
    commands, back, text = {
        "interface": (["link del he0", "link add he0 type veth peer name he9"],
                      "link del he0", "he0 is not ours"),
        "default": (["-6 route replace default " + native],
                    "-6 route del default " + native, "by wan"),
    }[cause]
    box.ns.ip("-6 addr add 2001:db8:aa::1/64 dev wan nodad")
    d = box.start("active")
    took = []
    for _ in range(TRIES):
        # from the moment at which it can see all of it
        d.process.send_signal(signal.SIGSTOP)
        for command in commands:
            box.ns.ip(command)
        start = len(d.lines)
        begin = time.monotonic()
        d.process.send_signal(signal.SIGCONT)
        i, _ = d.wait("^state he error ", start)
        took.append(d.times[i] - begin)
        assert text in d.state()[1]["reason"]
        start = len(d.lines)
        box.ns.ip(back)
        d.wait_state("ready", start=start)
    assert min(took) <= REPORT, took
