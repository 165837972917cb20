"""A 6in4 tunnel in the kernel when a reload or another daemon finds it."""

import time

import pytest

import gw
from box import (EXTERNAL, ONLINK, PLAIN, SECTION, SOURCE, Monitor, address,
                 link, routes, stands)


def test_reload_leaves_unchanged_tunnels_alone(box):
    d = box.start("active")
    time.sleep(0.1 * gw.SLOW)
    other = dict(SECTION, iface="he1", endpoint_ipv4="198.51.100.2",
                 v6_prefix="2001:db8:1234:9999::2")
    with Monitor(box.ns) as monitor:
        for tunnels in None, {"he": SECTION, "b": other}, None:
            d.tell("conf %s" % box.conf(tunnels))
    assert monitor.text == ""


@pytest.mark.parametrize("keys,check", [
    ({"mtu": 1300}, lambda box: link(box)["mtu"] == 1300),
    ({"v6_prefix": "2001:db8:77::2"}, lambda box: [
        a["local"] for a in address(box)] == ["2001:db8:77::2"] and
        all("1234" not in x for x in routes(box))),
    ({"prefix_len": 48}, lambda box: address(box)[0]["prefixlen"] == 48 and
        "2001:db8:1234::/48 metric 256" in routes(box)),
    ({"endpoint_ipv4": "198.51.100.9"}, lambda box: True),
    ({"routed_prefix": "2001:db8:5555::/48"}, lambda box:
        SOURCE.replace(gw.PREFIX + "/64", "2001:db8:5555::/48")
        in routes(box)),
])
def test_reload_changes_in_place(box, keys, check):
    d = box.start("active")
    index = link(box)["ifindex"]
    d.tell("conf %s" % box.conf({"he": dict(SECTION, **keys)}))
    assert check(box) and link(box)["ifindex"] == index
    word, fields = d.state()
    assert word == "ready" and fields["default"] == "1"
    assert fields["remote"] == keys.get("endpoint_ipv4", gw.BROKER4)
    assert not d.logged("repaired")


def test_reload_metric(box):
    """The new default is there before the old one goes."""
    d = box.start("active")
    with Monitor(box.ns) as monitor:
        d.tell("conf %s" % box.conf(route_metric=3000))
    assert routes(box) == sorted(
        x.replace("2048", "3000") for x in [ONLINK, SOURCE, PLAIN])
    plain = [x for x in monitor.text.splitlines() if " src " in x]
    assert len(plain) == 2 and not plain[0].startswith("Deleted")
    assert plain[1].startswith("Deleted")


def test_reload_names_and_removal(box):
    d = box.start("active")
    d.tell("conf %s" % box.conf({"he": dict(SECTION, iface="he5")}))
    assert link(box) is None and link(box, "he5")["mtu"] == 1480
    other = dict(SECTION, iface="he5", v6_prefix="2001:db8:1234:9999::2")
    d.tell("conf %s" % box.conf({"b": other}))
    assert link(box, "he5") is None
    d.tell("want b active")
    assert link(box, "he5")["ifalias"] == "gatewayd:b"


def test_reload_swaps_two_tunnels(box):
    one = dict(SECTION)
    two = dict(SECTION, iface="he1", endpoint_ipv4="198.51.100.2",
               v6_prefix="2001:db8:1234:9999::2")
    d = box.linkd()
    d.tell("conf %s" % box.conf({"he": one, "b": two}))
    d.tell("want he present")
    d.tell("want b present")
    d.tell("conf %s" % box.conf({
        "he": dict(one, endpoint_ipv4="198.51.100.2"),
        "b": dict(two, endpoint_ipv4="198.51.100.1")}))
    for name, remote in ("he", "198.51.100.2"), ("b", "198.51.100.1"):
        gw.wait_for(lambda: d.state(name)[0] == "ready" and
                    d.state(name)[1]["remote"] == remote, 3 * gw.SLOW,
                    "the swap")


def test_adoption_after_a_crash(box, kernel_sit):
    d = box.start("active")
    time.sleep(0.1 * gw.SLOW)       # the kernel is done with the address
    before, table = link(box), routes(box)
    d.crash()
    assert routes(box) == table
    with Monitor(box.ns) as monitor:
        d = box.linkd()
        d.tell("conf %s" % box.conf())
        assert d.tell("default he") == ["default he 1"]
        d.tell("want he active")
    assert d.state()[0] == "ready" and d.logged("took over he0")
    assert link(box)["ifindex"] == before["ifindex"]
    assert routes(box) == table
    # a TUN device tells that it has a process again
    lines = [x for x in monitor.text.splitlines() if kernel_sit or
             "Deleted" in x or "proto 201" in x or "inet6" in x]
    assert lines == []


def test_leftovers_of_a_crash_are_removed(box):
    d = box.start("active")
    box.ns.ip("link add keep type veth peer name keep2")
    box.ns.ip("link set keep up")
    box.ns.ip("-6 route add default from 2001:db8:9::/64 dev keep proto 201")
    box.ns.ip("-6 route add default dev keep metric 77 proto static")
    d.crash()
    d = box.linkd()
    d.tell("conf %s" % box.conf({"ext": EXTERNAL}))
    assert link(box) is None
    assert routes(box, "keep") == []
    assert "metric 77" in box.ns.ip("-6 route show dev keep")


@pytest.mark.parametrize("how", ["keep", "remove"])
def test_shutdown(box, how):
    d = box.start("active")
    d.send("shutdown " + how)
    assert d.process.wait(timeout=10) == 0
    if how == "remove":
        assert link(box) is None
    else:
        assert stands(box)


def test_bad_kernel_messages_are_refused_to_others(box):
    """A process of the same namespace may write to our netlink port."""
    d = box.start("active")

    def forge():
        import socket
        import struct
        ports = [int(line.split()[2]) for line in box.ns.proc(
            "netlink").splitlines()[1:] if line.split()[1] == "0"]
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        gone = struct.pack("=IHHIIBxHiII", 32, 17, 0, 0, 0, 0, 0,
                           link(box)["ifindex"], 0, 0)
        sent = 0
        for port in ports:
            try:
                sent += s.sendto(gone, (port, 0)) > 0
            except OSError:
                pass
        return sent + 1

    assert box.ns.call(forge)
    time.sleep(0.1 * gw.SLOW)
    assert stands(box) and not d.logged("repaired")
