"""A 6in4 tunnel in the kernel: made, kept, followed.

With the driver that the kernel here has: on a host without sit, userspace.
"""

import signal
import subprocess
import time

import pytest

import gw
import procfs
from box import (EXTERNAL, FOLLOW, ONLINK, REPAIR, SECOND, SECTION, SOURCE,
                 Monitor, address, link, routes, stands, sysctl)


def test_bring_up(box, kernel_sit):
    d = box.start("present")
    assert stands(box, plain=False)
    there, addr = link(box), address(box)[0]
    assert there["linkinfo"]["info_kind"] == ("sit" if kernel_sit else "tun")
    assert there["inet6_addr_gen_mode"] == "none"
    if kernel_sit:
        data = there["linkinfo"]["info_data"]
        assert (data["local"], data["remote"], data["ttl"],
                data["pmtudisc"]) == (gw.CLIENT4, gw.BROKER4, 255, True)
    assert addr["noprefixroute"] and addr["nodad"]
    assert addr["prefixlen"] == 64
    assert [sysctl(box, k) for k in ("accept_ra", "autoconf")] == ["0", "0"]
    word, fields = d.state()
    assert word == "ready"
    assert fields["driver"] == ("kernel" if kernel_sit else "userspace")
    assert (fields["local"], fields["remote"]) == (gw.CLIENT4, gw.BROKER4)
    assert fields["address"] == gw.CLIENT6 + "/64"
    assert fields["ifindex"] == str(there["ifindex"])
    assert fields["default"] == "0" and fields["mtu"] == "1480"
    assert d.log().count("no sit driver") == (0 if kernel_sit else 1)
    assert "configuration carried out: 1 tunnels in " in d.log()


def test_sockets_come_before_the_state(box, kernel_sit):
    d = box.start("present")
    kinds = [line.split()[0] for line in d.lines if line != "ok"]
    assert kinds == ["path"] + ([] if kernel_sit else [
        "encap_set", "encap_tun", "encap_raw"]) + ["probe", "state"]


def path(local, remote, protocol=41):
    return "path he local=%s remote=%s protocol=%d port=0" % (
        local, remote, protocol)


def test_outer_path_is_told(box):
    """Which ICMPv4 errors are about it: once, on a change, and no more."""
    d = box.start("active")
    d.tell("want he present")
    box.ns.ip("link set he0 mtu 1400")
    box.ns.ip("addr del %s/24 dev wan" % gw.CLIENT4)
    box.ns.ip("addr add 192.0.2.77/24 dev wan")
    box.ns.ip("route replace default via " + gw.ROUTER4)
    d.wait("^path he local=192.0.2.77 ")
    d.tell("conf %s" % box.conf({"he": dict(SECTION, local_ipv4="any")}))
    d.wait("^path he local=0.0.0.0 ")
    d.tell("want he absent")
    paths = [line for line in d.lines if line.startswith("path")]
    assert paths == [path(gw.CLIENT4, gw.BROKER4),
                     path("192.0.2.77", gw.BROKER4),
                     path("0.0.0.0", gw.BROKER4),
                     path("0.0.0.0", "0.0.0.0", 0)]


def test_active_and_back(box, kernel_sit):
    d = box.start("active")
    assert stands(box)
    assert d.state()[1]["default"] == "1"
    d.tell("want he present")
    assert stands(box, plain=False)
    assert d.state()[1]["default"] == "0"
    d.tell("want he absent")
    assert link(box) is None
    assert d.state()[0] == "absent"
    assert ("encap_del he" in d.lines) == (not kernel_sit)
    assert not d.logged("repaired")


def test_wanted_twice_changes_nothing(box):
    d = box.start("active")
    time.sleep(0.1 * gw.SLOW)
    with Monitor(box.ns) as monitor:
        d.tell("want he active")
    assert monitor.text == ""
    assert d.state()[0] == "ready"


def test_no_echo_causes_a_repair(box):
    d = box.start("active")
    time.sleep(0.5 * gw.SLOW)
    assert not d.logged("repaired")
    assert len([x for x in d.lines if x.startswith("state")]) == 1


FAULTS = {
    "deleted": ["link del he0"],
    "down": ["link set he0 down"],
    "address": ["-6 addr flush dev he0"],
    "lifetime": ["-6 addr change %s/64 dev he0 preferred_lft 0 valid_lft 60"
                 % gw.CLIENT6],
    "deprecated": ["-6 addr change %s/64 dev he0 nodad noprefixroute "
                   "preferred_lft 0 valid_lft forever" % gw.CLIENT6],
    "routes": ["-6 route flush dev he0"],
    "source-route": ["-6 route del default from %s/64 dev he0" % gw.PREFIX],
    "plain-route": ["-6 route del default dev he0 metric 2048 proto 201"],
    "replaced": ["link add other type veth peer name other2",
                 "link set other up",
                 "-6 route replace default dev other metric 2048 proto 201"],
    "mtu": ["link set he0 mtu 1400"],
    "alias": ["link set he0 alias mine"],
    "name": ["link set he0 down", "link set he0 name he9"],
    "genmode": ["link set he0 addrgenmode eui64"],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_put_right(box, fault):
    """Within 100 ms and logged; the best of three, since others run too."""
    d = box.start("active")
    took = []
    for n in range(3):
        time.sleep(0.05 * gw.SLOW)
        index, there = link(box)["ifindex"], d.log().count("repaired: ")
        # not between two commands of one fault
        d.process.send_signal(signal.SIGSTOP)
        for command in FAULTS[fault]:
            box.ns.ip(command)
        d.process.send_signal(signal.SIGCONT)
        took.append(gw.wait_for(
            lambda: d.log().count("repaired: ") > there, 2 * gw.SLOW,
            "the log line", 0.001))
        gw.wait_for(lambda: stands(box), 0.2 + 0.3 * gw.SLOW, "the repair")
        if fault != "deleted":
            assert link(box)["ifindex"] == index
        else:
            # the prober gets a socket on the new interface
            d.wait("^probe he ifindex=%d " % link(box)["ifindex"])
        box.ns.ip("link del other", check=False)
    assert min(took) < REPAIR, took
    time.sleep(0.1 * gw.SLOW)
    assert stands(box) and d.state()[0] == "ready"


def test_disable_ipv6_is_undone(box):
    d = box.start("active")
    box.ns.sysctl("ipv6/conf/he0/disable_ipv6", 1)
    gw.wait_for(lambda: d.logged("repaired: "), REPAIR, "the repair", 0.001)
    gw.wait_for(lambda: stands(box), 0.3 * gw.SLOW, "the repair")
    assert sysctl(box, "disable_ipv6") == "0"


def test_disable_ipv6_by_default(box):
    for name in "default", "all":
        box.ns.sysctl("ipv6/conf/%s/disable_ipv6" % name, 1)
    d = box.start("active")
    assert stands(box)
    assert d.logged("net.ipv6.conf.he0.disable_ipv6 to 0")


def test_read_only_sysctl_is_named(box):
    """As in a container: what cannot be written is named, with a remedy."""
    box.ns.sysctl("ipv6/conf/default/disable_ipv6", 1)
    d = box.linkd("unshare", "-m", "sh", "-c",
                  'mount --bind /proc/sys /proc/sys && '
                  'mount -o remount,ro,bind /proc/sys && exec "$0"')
    d.tell("conf %s" % box.conf())
    d.tell("want he present")
    word, fields = d.state()
    assert word == "error"
    assert "net.ipv6.conf.he0.disable_ipv6" in fields["reason"]
    assert "Read-only file system" in fields["reason"]
    assert "default.disable_ipv6=0" in fields["reason"]
    assert int(fields["retry"]) >= 1
    # the retry comes by itself
    box.ns.sysctl("ipv6/conf/he0/disable_ipv6", 0)
    d.wait_state("ready")


def test_repairs_that_do_not_last_slow_down(box):
    d = box.start("active")
    end = time.monotonic() + 10 * gw.SLOW
    while not d.logged("again and again"):
        assert time.monotonic() < end
        box.ns.ip("-6 addr flush dev he0")
        time.sleep(0.03)
    box.ns.ip("-6 addr flush dev he0")
    time.sleep(0.3)
    if gw.SLOW == 1:
        assert not stands(box)
    gw.wait_for(lambda: stands(box), 1.5 * gw.SLOW, "the repair")


def test_foreign_interface(box):
    box.ns.ip("link add he0 type veth peer name x0")
    box.ns.ip("link set he0 alias theirs mtu 1300")
    before = link(box)
    d = box.start("active")
    word, fields = d.state()
    assert word == "error"
    for text in ("he0 is not ours", "veth", '"theirs"',
                 "ifindex %d" % before["ifindex"], "delete or rename it"):
        assert text in fields["reason"]
    assert link(box) == before
    d.tell("want he absent")
    assert link(box) == before
    d.tell("want he active")
    assert link(box) == before
    # gone, or renamed: that is noticed
    start = len(d.lines)
    box.ns.ip("link set he0 name he7")
    d.wait_state("ready", start=start)
    assert stands(box) and link(box, "he7")["mtu"] == 1300
    assert fields["retry"] == "0"


def test_foreign_default_of_our_metric(box):
    box.ns.ip("-6 addr add 2001:db8:aa::1/64 dev wan nodad")
    foreign = "default via 2001:db8:aa::2 dev wan proto static metric 2048"
    box.ns.ip("-6 route add " + foreign)
    d = box.start("active")
    word, fields = d.state()
    assert word == "error" and fields["default"] == "0"
    for text in "static", "by wan", "metric 2048", "route_metric":
        assert text in fields["reason"]
    assert foreign in box.ns.ip("-6 route show")
    start = len(d.lines)
    box.ns.ip("-6 route del " + foreign)
    d.wait_state("ready", start=start)
    assert stands(box)


def test_foreign_source_route(box):
    box.ns.ip("-6 route add default from %s/64 dev wan metric 2048 "
              "proto static" % gw.PREFIX)
    d = box.start("present")
    word, fields = d.state()
    assert word == "error" and "by wan" in fields["reason"]
    start = len(d.lines)
    box.ns.ip("-6 route flush dev wan proto static")
    d.wait_state("ready", start=start, seconds=10 * gw.SLOW)


def test_default_route_no(box):
    d = box.start("active", default_route="no")
    assert stands(box, plain=False, preferred=True)
    assert d.state()[1]["default"] == "0" and d.state()[0] == "ready"


def test_default_route_if_none(box):
    box.ns.ip("-6 addr add 2001:db8:aa::1/64 dev wan nodad")
    native = "default via 2001:db8:aa::2 dev wan proto ra metric 1024"
    box.ns.ip("-6 route add " + native)
    d = box.start("active", default_route="if-none")
    assert stands(box, plain=False, preferred=True)
    assert d.state()[0] == "ready"
    box.ns.ip("-6 route del " + native)
    gw.wait_for(lambda: stands(box), FOLLOW, "the default")
    gw.wait_for(lambda: d.state()[1]["default"] == "1", FOLLOW, "the state")
    box.ns.ip("-6 route add " + native)
    gw.wait_for(lambda: stands(box, plain=False, preferred=True), FOLLOW,
                "its removal")
    gw.wait_for(lambda: d.state()[1]["default"] == "0", FOLLOW, "the state")


def pair(box):
    """Where the tunnel's outer packets come from."""
    return link(box)["linkinfo"].get("info_data", {}).get("local")


def test_wan_address_change(box, kernel_sit):
    """As a DHCP client does it; the best of three, since others run too."""
    d = box.start("active")
    index, table, took = link(box)["ifindex"], routes(box), []
    for old, new in (2, 77), (77, 78), (78, 79):
        old, new = "192.0.2.%d" % old, "192.0.2.%d" % new
        time.sleep(0.05 * gw.SLOW)
        start = len(d.lines)
        with Monitor(box.ns) as monitor:
            begin = time.monotonic()
            box.ns.run("sh", "-c", "ip addr del %s/24 dev wan && "
                       "ip addr add %s/24 dev wan && "
                       "ip route add default via %s" % (old, new, gw.ROUTER4))
            d.wait("^state he ready .* local=%s " % new, start)
            took.append(time.monotonic() - begin)
        assert link(box)["ifindex"] == index and routes(box) == table
        assert not [x for x in monitor.text.splitlines()
                    if x.startswith("Deleted") and "he0" in x], monitor.text
        if kernel_sit:
            assert pair(box) == new
            assert link(box)["linkinfo"]["info_data"]["ttl"] == 255
        else:
            d.wait("^encap_set he local=%s " % new, start)
            d.wait("^encap_raw he local=%s device=-$" % new, start)
    assert min(took) < FOLLOW, took
    assert stands(box) and not d.logged("repaired")


def test_wan_lost_and_back(box):
    d = box.start("active")
    index, took = link(box)["ifindex"], []
    for _ in range(3):
        begin, start = time.monotonic(), len(d.lines)
        box.ns.ip("route del default")
        lost = d.wait_state("wait_wan", start=start)
        took.append(time.monotonic() - begin)
        assert "no IPv4 route to the endpoint 198.51.100.1" in (
            d.state()[1]["reason"])
        assert stands(box)          # the interface stays in place
        begin = time.monotonic()
        box.ns.ip("route add default via " + gw.ROUTER4)
        back = d.wait_state("ready", start=lost)
        took.append(time.monotonic() - begin)
        assert link(box)["ifindex"] == index and stands(box)
        # the prober may have dropped its socket meanwhile
        assert d.wait("^probe he ", lost)[0] < back
    assert min(took[0::2]) < FOLLOW and min(took[1::2]) < FOLLOW, took


@pytest.mark.parametrize("how,text", [
    (["wan down"], "no IPv4 route"), (["far down"], "has no carrier")])
def test_wan_link_down(box, how, text):
    d = box.start("active")
    (box.ns if how == ["wan down"] else box.far).ip("link set wan down")
    # the kernel itself takes up to a second to tell of a carrier
    d.wait_state("wait_wan", seconds=1.0 + FOLLOW)
    assert text in d.state()[1]["reason"]
    start = len(d.lines)
    box.far.ip("link set wan up")
    box.ns.ip("link set wan up")
    box.ns.ip("route replace default via " + gw.ROUTER4)
    d.wait_state("ready", start=start)


def test_no_wan_at_start(box):
    box.ns.ip("route del default")
    d = box.start("present")
    assert d.state()[0] == "wait_wan" and link(box) is None
    box.ns.ip("route add default via " + gw.ROUTER4)
    d.wait_state("ready", seconds=FOLLOW + 0.1)


def test_mtu_follows_the_wan(box):
    d = box.start("active")
    box.ns.ip("link set wan mtu 1400")
    gw.wait_for(lambda: link(box)["mtu"] == 1380, FOLLOW, "the MTU")
    box.ns.ip("link set wan mtu 1290")      # the floor
    gw.wait_for(lambda: link(box)["mtu"] == 1280, FOLLOW, "the MTU")
    box.ns.ip("route replace default via %s mtu 1350" % gw.ROUTER4)
    box.ns.ip("link set wan mtu 1500")
    gw.wait_for(lambda: link(box)["mtu"] == 1330, 2 * FOLLOW, "the MTU")
    assert not d.logged("repaired")


def test_configured_mtu_ttl_and_local(box, kernel_sit):
    box.ns.ip("addr add 192.0.2.9/24 dev wan")
    d = box.start("present", tunnels={"he": dict(
        SECTION, mtu=1300, ttl=64, local_ipv4="192.0.2.9")})
    assert link(box)["mtu"] == 1300
    assert d.state()[1]["local"] == "192.0.2.9"
    if kernel_sit:
        data = link(box)["linkinfo"]["info_data"]
        assert (data["ttl"], data["local"]) == (64, "192.0.2.9")
    start = len(d.lines)
    box.ns.ip("addr del 192.0.2.9/24 dev wan")
    d.wait_state("wait_wan", start=start)
    assert "local_ipv4 192.0.2.9 is not an address" in d.state()[1]["reason"]


def test_local_any(box, kernel_sit):
    d = box.start("present", tunnels={"he": dict(SECTION, local_ipv4="any")})
    assert d.state()[0] == "ready"
    if kernel_sit:
        assert pair(box) in (None, "any", "0.0.0.0")
    else:
        d.wait("^encap_set he local=0.0.0.0 remote=198.51.100.1 ")


@pytest.mark.parametrize("command,text", [
    ("addr add 198.51.100.1/32 dev lo", "an address of this machine"),
    ("addr add 198.51.100.1/24 dev wan brd 198.51.100.1", "of this machine"),
    ("route add 198.51.100.1 dev he1", "into the tunnel b"),
])
def test_endpoint_that_cannot_be(box, kernel_sit, command, text):
    d = box.linkd()
    d.tell("conf %s" % box.conf({"he": SECTION, "b": SECOND}))
    d.tell("want b present")
    box.ns.ip(command)
    d.tell("want he present")
    word, fields = d.state()
    assert word == "error"
    if not (kernel_sit and "he1" in command):
        assert text in fields["reason"]
    assert gw.BROKER4 in fields["reason"] and link(box) is None


def test_storm_of_events(box):
    """Lost events mean that everything is compared anew."""
    d = box.start("active")
    d.tell("buffer 2304")
    batch = "".join("addr add 203.0.113.%d/32 dev wan\n"
                    "addr del 203.0.113.%d/32 dev wan\n" % (i, i)
                    for i in range(1, 200))

    def storm():
        subprocess.run(box.ns.argv("ip", "-batch", "-"), input=batch,
                       text=True)

    with gw.meanwhile(storm):
        for _ in range(3):
            box.ns.ip("-6 addr flush dev he0")
            box.ns.ip("-6 route flush dev he0")
            gw.wait_for(lambda: stands(box), 1.3 * gw.SLOW, "the repair")
    assert d.logged("dropped netlink events")
    gw.wait_for(lambda: d.state()[0] == "ready", 2 * gw.SLOW, "the end of it")


def test_stopped_process_catches_up(box):
    """More events than the buffer holds, while nobody reads."""
    d = box.start("active")
    d.process.send_signal(signal.SIGSTOP)
    box.ns.ip("-6 addr flush dev he0")
    subprocess.run(box.ns.argv("ip", "-batch", "-"), text=True, check=True,
                   input="".join("addr add 203.0.113.%d/32 dev wan\n"
                                 "addr del 203.0.113.%d/32 dev wan\n"
                                 % (i % 250 + 1, i % 250 + 1)
                                 for i in range(3000)))
    d.process.send_signal(signal.SIGCONT)
    gw.wait_for(lambda: stands(box), 1.0 * gw.SLOW, "the repair")


def test_route_churn_costs_nothing(box):
    """A BGP router's routes are dropped before they wake us."""
    d = box.start("active")
    box.ns.ip("-6 addr add 2001:db8:aa::1/64 dev wan nodad")
    time.sleep(0.3 * gw.SLOW)
    before = procfs.switches(d.pid)
    lines = "".join("route %s 2001:db8:f%03x::/48 dev wan proto bgp\n"
                    % (verb, i) for verb in ("add", "del")
                    for i in range(1000))
    subprocess.run(box.ns.argv("ip", "-6", "-batch", "-"), input=lines,
                   text=True, check=True)
    assert procfs.switches(d.pid) - before < 20


def test_sample(box):
    d = box.start("present")
    assert d.tell("sample he") == ["sample he 0 0 0 0 handshake=0"]
    d.tell("want he absent")
    assert d.tell("sample he") == ["sample he none"]


def test_routed_prefixes(box):
    d = box.start("present", tunnels={"he": dict(
        SECTION, routed_prefix="2001:db8:5555::/48, 2001:db8:6666::/64")})
    assert set(routes(box)) == {
        ONLINK, SOURCE,
        "default from 2001:db8:5555::/48 metric 2048 advmss 1420",
        "default from 2001:db8:6666::/64 metric 2048 advmss 1420"}
    assert d.state()[0] == "ready"


@pytest.mark.slow
def test_64_tunnels(box):
    tunnels = {"t%d" % i: dict(
        SECTION, iface="he%d" % i, endpoint_ipv4="198.51.100.%d" % (i + 1),
        v6_prefix="2001:db8:1234:%x::2" % i) for i in range(64)}
    d = box.linkd()
    d.tell("conf %s" % box.conf(tunnels))
    for name in tunnels:
        d.tell("want %s present" % name)
    for i, name in enumerate(tunnels):
        assert d.state(name)[0] == "ready"
        assert len(routes(box, "he%d" % i)) == 2
    assert d.logged("configuration carried out: 64 tunnels")
    d.send("shutdown remove")
    d.process.wait(timeout=30)
    assert not [x for x in box.ns.json("link show")
                if x["ifname"].startswith("he")]


def test_driver_kernel_without_sit(box, kernel_sit):
    d = box.start("present", tunnels={"he": dict(SECTION, driver="kernel")})
    word, fields = d.state()
    if kernel_sit:
        assert word == "ready" and fields["driver"] == "kernel"
        return
    assert word == "error" and "modprobe sit" in fields["reason"]
    assert int(fields["retry"]) >= 1 and link(box) is None


def test_driver_userspace(box):
    d = box.start("active", tunnels={"he": dict(SECTION, driver="userspace")})
    assert d.state()[1]["driver"] == "userspace"
    assert stands(box)
    assert link(box)["linkinfo"]["info_kind"] == "tun"
    assert link(box)["linkinfo"]["info_data"]["persist"]


def test_external_is_only_watched(box):
    box.ns.ip("tuntap add tun0 mode tun")
    d = box.linkd()
    d.tell("conf %s" % box.conf({"ext": dict(
        EXTERNAL, gateway_v6="2001:db8:e::1")}))
    d.tell("want ext active")
    assert d.state("ext")[0] == "down"
    assert "is down" in d.state("ext")[1]["reason"]
    box.ns.ip("link del tun0")
    gw.wait_for(lambda: "no interface" in d.state("ext")[1]["reason"],
                FOLLOW, "the state")
    box.ns.ip("link add tun0 type veth peer name tun1")
    box.ns.ip("link set tun1 up")
    box.ns.ip("link set tun0 up")
    gw.wait_for(lambda: "neither the address" in
                d.state("ext")[1]["reason"], FOLLOW, "the state")
    before = link(box, "tun0")
    start = len(d.lines)
    box.ns.ip("-6 addr add 2001:db8:e::2/64 dev tun0 nodad")
    i = d.wait_state("ready", "ext", FOLLOW, start)
    assert d.wait("^probe ext .*source=2001:db8:e::2", start)[0] < i
    via = " via 2001:db8:e::1"
    assert set(routes(box, "tun0")) == {
        "default%s src 2001:db8:e::2 metric 2048 advmss 1440" % via,
        "default from 2001:db8:e::/64%s metric 2048 advmss 1440" % via}
    assert link(box, "tun0") == before      # accept_ra and all: not ours
    # another address in the prefix will do
    start = len(d.lines)
    box.ns.ip("-6 addr add 2001:db8:e::7/64 dev tun0 nodad")
    box.ns.ip("-6 addr del 2001:db8:e::2/64 dev tun0")
    d.wait("^state ext ready .*address=2001:db8:e::7/64 ", start)
    box.ns.ip("-6 addr flush dev tun0 scope global")
    d.wait_state("down", "ext", start=start)
    d.tell("want ext absent")
    assert link(box, "tun0") == before and routes(box, "tun0") == []


def test_name_of_the_endpoint(box):
    name = dict(SECTION, endpoint_ipv4="broker.example.net")
    d = box.start("present", tunnels={"he": name})
    assert d.state()[0] == "wait_dns" and "resolve he broker.example.net" in (
        d.lines)
    start = len(d.lines)
    d.tell("resolved he")                   # it failed: asked again later
    assert "Domain name not found" in d.state()[1]["reason"]
    d.wait("^resolve he ", start, 3)
    d.tell("resolved he 127.0.0.1 224.0.0.1")
    assert d.state()[0] == "wait_dns"       # none of these is a server
    d.wait("^resolve he ", len(d.lines) - 1, 5)
    d.tell("resolved he 127.0.0.1 198.51.100.7 198.51.100.1")
    assert d.state()[1]["remote"] == "198.51.100.7"
    index = link(box)["ifindex"]
    start = len(d.lines)
    d.tell("refresh he")                    # at most once in 5 s
    assert not [x for x in d.lines[start:] if x.startswith("resolve")]
    time.sleep(5.1)
    d.tell("refresh he")
    d.wait("^resolve he ", start, 1)
    d.tell("resolved he 198.51.100.1 198.51.100.7")
    assert d.state()[1]["remote"] == "198.51.100.7"     # still one of them
    time.sleep(5.1)
    d.tell("refresh he")
    d.tell("resolved he")                   # the last good one is kept
    assert d.state()[0] == "ready"
    time.sleep(5.1)
    d.tell("refresh he")
    d.tell("resolved he 198.51.100.1")
    assert d.state()[1]["remote"] == "198.51.100.1"
    assert d.state()[0] == "ready" and link(box)["ifindex"] == index


def test_answer_for_a_former_name(box):
    """It comes late, when another name is being looked up."""
    d = box.start("present", tunnels={"he": dict(
        SECTION, endpoint_ipv4="old.example.net")})
    d.tell("conf %s" % box.conf({"he": dict(
        SECTION, endpoint_ipv4="new.example.net")}))
    assert d.lines.count("resolve he new.example.net") == 1
    d.tell("resolved he@old.example.net 198.51.100.1")
    assert d.state()[0] == "wait_dns"
    d.tell("resolved he 198.51.100.2")
    assert d.state()[1]["remote"] == "198.51.100.2"


def test_prefix_on_another_interface_too(box):
    """As the kernel's own on-link routes: side by side."""
    box.ns.ip("-6 addr add %s7/64 dev wan nodad" % gw.PREFIX)
    box.start("active")
    assert stands(box)
    assert gw.PREFIX + "/64" in box.ns.ip("-6 route show dev wan")
