"""wan = IFACE: a tunnel keeps to one of two uplinks."""

import time

import pytest

import gw
import wgbox
import wgbroker
from box import FOLLOW, REPAIR, SECTION, link
from wgbox import ENDPOINT

WAN2, ROUTER2 = "203.0.113.2", "203.0.113.1"
HOST = "%s via %s dev wan2" % (ENDPOINT, ROUTER2)


def uplink(box):
    """The second one, which nothing goes by of itself."""
    box.ns.ip("link add wan2 type veth peer name wan2 netns " + box.far.name)
    for ns in box.ns, box.far:
        ns.ip("link set wan2 addrgenmode none")
        ns.ip("link set wan2 up")
    box.far.ip("addr add %s/24 dev wan2" % ROUTER2)
    box.ns.ip("addr add %s/24 dev wan2" % WAN2)
    box.ns.ip("route add default via %s metric 200" % ROUTER2)


def host_routes(box):
    """Ours to hosts, as ip(8) prints them."""
    out = box.ns.ip("-4 route show proto " + gw.PROTO)
    return sorted(line.strip() for line in out.splitlines())


def follows(box, *routes):
    gw.wait_for(lambda: host_routes(box) == sorted(routes), FOLLOW,
                "the host routes")


class Six:
    """6in4, by whichever driver there is."""

    name = "he"

    def __init__(self, box, kernel):
        self.box = box
        self.kernel = kernel

    def conf(self, wan, **keys):
        return self.box.conf({"he": dict(SECTION, wan=wan, **keys)})

    def begin(self, wan):
        d = self.box.linkd()
        d.tell("conf %s" % self.conf(wan))
        d.tell("want he active")
        return d

    def kept(self, d, wan):
        """Bound to that uplink, or to none."""
        if self.kernel:
            return link(self.box)["linkinfo"]["info_data"].get("link") == wan
        return [x for x in d.lines if x.startswith("encap_raw ")][-1].endswith(
            "device=%s" % (wan or "-"))


class Wg:
    """WireGuard, by whichever driver there is."""

    name = "wg"

    def __init__(self, box):
        self.box = box
        box.file()

    def conf(self, wan, **keys):
        return self.box.wg_conf(wan=wan, **keys)

    def begin(self, wan):
        return self.box.begin(wan=wan)

    def kept(self, d, wan):
        return host_routes(self.box) == ([HOST] if wan == "wan2" else [
            "%s via %s dev wan" % (ENDPOINT, gw.ROUTER4)] if wan else [])


@pytest.fixture(params=["6in4", "wireguard"])
def pin(request, tmp_path, kernel_sit, kernel_wg):
    """A tunnel that is to be held to an uplink."""
    box = wgbox.Box(tmp_path, kernel_wg)
    try:
        uplink(box)
        yield Six(box, kernel_sit) if request.param == "6in4" else Wg(box)
    finally:
        box.close()


@pytest.fixture
def wg(wg):
    uplink(wg)
    wg.file()
    return wg


@pytest.mark.both
def test_held_and_let_go(pin):
    d = pin.begin("wan2")
    d.wait_state("ready", pin.name)
    fields = d.state(pin.name)[1]
    assert (fields["local"], fields["remote"]) == (WAN2, ENDPOINT)
    assert pin.kept(d, "wan2")
    index = fields["ifindex"]
    for wan, local in ("wan", gw.CLIENT4), ("", gw.CLIENT4), ("wan2", WAN2):
        d.tell("conf %s" % pin.conf(wan))
        word, fields = d.state(pin.name)
        assert (word, fields["local"]) == ("ready", local)
        assert pin.kept(d, wan or None), wan
        assert fields["ifindex"] == index
    assert not d.logged("repaired")
    d.tell("want %s absent" % pin.name)
    assert host_routes(pin.box) == []


def test_the_default_is_not_followed(pin):
    d = pin.begin("wan2")
    d.wait_state("ready", pin.name)
    start = len(d.lines)
    pin.box.ns.ip("route del default via " + gw.ROUTER4)
    time.sleep(FOLLOW)
    pin.box.ns.ip("route add default via " + gw.ROUTER4)
    time.sleep(FOLLOW)
    assert not [x for x in d.lines[start:] if x.startswith("state")]
    assert pin.kept(d, "wan2")


def test_uplink_missing_down_and_up(pin):
    d = pin.begin("wan3")
    word, fields = d.state(pin.name)
    assert word == "wait_wan"
    assert fields["reason"] == "wan = wan3: there is no such interface."
    ns = pin.box.ns
    ns.ip("link set wan2 down")
    ns.ip("link set wan2 name wan3")
    gw.wait_for(lambda: d.state(pin.name)[1]["reason"] ==
                "wan = wan3 is down.", FOLLOW, "the reason")
    start = len(d.lines)
    ns.ip("link set wan3 up")
    ns.ip("route add default via %s metric 200" % ROUTER2)
    d.wait_state("ready", pin.name, start=start)
    # and gone again: that is known at once
    took = []
    for _ in range(3):
        begin, start = time.monotonic(), len(d.lines)
        ns.ip("link set wan3 down")
        d.wait_state("wait_wan", pin.name, start=start)
        took.append(time.monotonic() - begin)
        assert "wan = wan3" in d.state(pin.name)[1]["reason"]
        start = len(d.lines)
        ns.ip("link set wan3 up")
        ns.ip("route add default via %s metric 200" % ROUTER2)
        d.wait_state("ready", pin.name, start=start)
        assert pin.kept(d, "wan3") or host_routes(pin.box) == [
            HOST.replace("wan2", "wan3")]
    assert min(took) < 0.05 * gw.SLOW, took


def test_uplink_without_a_route(pin):
    """The kernel would take the endpoint for a neighbour."""
    pin.box.ns.ip("route del default via " + ROUTER2)
    d = pin.begin("wan2")
    word, fields = d.state(pin.name)
    assert word == "wait_wan"
    assert fields["reason"] == ("There is no IPv4 route to the endpoint %s "
                                "by wan = wan2." % ENDPOINT)
    start = len(d.lines)
    pin.box.ns.ip("route add default via %s metric 200" % ROUTER2)
    d.wait_state("ready", pin.name, start=start)
    assert pin.kept(d, "wan2")


@pytest.mark.vm
def test_device_of_sit_is_put_right(box):
    uplink(box)
    d = Six(box, True).begin("wan2")
    box.ns.ip("link set he0 type sit local %s remote %s ttl 255 dev wan" % (
        WAN2, ENDPOINT))
    gw.wait_for(lambda: d.logged("its device was changed"), REPAIR,
                "the repair", 0.001)
    gw.wait_for(lambda: Six(box, True).kept(d, "wan2"), FOLLOW, "the device")
    # the pair of addresses is another one with another device
    d.tell("want he absent")
    box.ns.ip("link add theirs type sit local %s remote %s dev wan2" % (
        WAN2, ENDPOINT))
    d.tell("want he active")
    assert "theirs" in d.state()[1]["reason"]
    start = len(d.lines)
    box.ns.ip("link del theirs")
    box.ns.ip("link add theirs type sit local %s remote %s" % (
        WAN2, ENDPOINT))
    d.wait_state("ready", start=start)


@pytest.mark.both
def test_packets_keep_to_it(wg):
    wg.ready(wan="wan2")
    assert wg.ping()
    assert wg.broker.endpoint().startswith(WAN2 + ":")


def test_gateway_changes(wg):
    wg.far.ip("addr add 203.0.113.9/24 dev wan2")
    d = wg.ready(wan="wan2")
    wg.ns.ip("route replace default via 203.0.113.9 metric 200")
    follows(wg, HOST.replace(ROUTER2, "203.0.113.9"))
    # a closer one goes before it
    wg.ns.ip("route add 198.51.100.0/24 via %s metric 300" % ROUTER2)
    follows(wg, HOST)
    wg.ns.ip("route del 198.51.100.0/24")
    follows(wg, HOST.replace(ROUTER2, "203.0.113.9"))
    wg.ns.ip("route replace 198.51.100.0/24 dev wan2")
    follows(wg, "%s dev wan2 scope link" % ENDPOINT)
    assert d.state("wg")[0] == "ready" and not d.logged("repaired")


def test_several_next_hops(wg):
    wg.ns.ip("route del default via " + ROUTER2)
    wg.ns.ip("route replace default nexthop via %s dev wan "
             "nexthop via %s dev wan2" % (gw.ROUTER4, ROUTER2))
    wg.ready(wan="wan2")
    assert host_routes(wg) == [HOST]


def test_host_route_deleted(wg):
    d = wg.ready(wan="wan2")
    took = []
    for n in range(3):
        time.sleep(0.05 * gw.SLOW)
        wg.ns.ip("route del %s proto %s" % (ENDPOINT, gw.PROTO))
        took.append(gw.wait_for(lambda: d.log().count("repaired: ") == n + 1,
                                2 * gw.SLOW, "the log line", 0.001))
        follows(wg, HOST)
    assert min(took) < REPAIR, took
    assert d.logged("the route to %s by wan2 was missing" % ENDPOINT)


def test_foreign_host_route(wg):
    foreign = "%s via %s dev wan proto static" % (ENDPOINT, gw.ROUTER4)
    wg.ns.ip("route add " + foreign)
    d = wg.begin(wan="wan2")
    word, fields = d.state("wg")
    assert word == "error"
    for text in "(static)", ENDPOINT, "by wan,", "wan = wan2":
        assert text in fields["reason"]
    d.tell("want wg absent")
    d.tell("want wg active")
    assert foreign in wg.ns.ip("route show") and host_routes(wg) == []
    start = len(d.lines)
    wg.ns.ip("route del " + foreign)
    d.wait_state("ready", "wg", start=start)
    assert host_routes(wg) == [HOST]


def test_foreign_host_route_that_agrees(wg):
    foreign = HOST + " proto static"
    wg.ns.ip("route add " + foreign)
    d = wg.ready(wan="wan2")
    assert host_routes(wg) == []
    d.tell("want wg absent")
    assert foreign in wg.ns.ip("route show")
    start = len(d.lines)
    d.tell("want wg active")
    d.wait_state("ready", "wg", start=start)
    wg.ns.ip("route del " + foreign)
    follows(wg, HOST)


def test_foreign_route_that_refuses(wg):
    wg.ns.ip("route add blackhole %s proto static" % ENDPOINT)
    d = wg.begin(wan="wan2")
    word, fields = d.state("wg")
    assert word == "error" and ENDPOINT in fields["reason"]
    assert "blackhole " + ENDPOINT in wg.ns.ip("route show")
    start = len(d.lines)
    wg.ns.ip("route del blackhole " + ENDPOINT)
    d.wait_state("ready", "wg", start=start)


def two(wg, one, other):
    """Two tunnels to the same endpoint, by these uplinks."""
    second = wg.dir / "wg2.conf"
    second.write_text(wgbroker.section("Interface", {
        "PrivateKey": wgbroker.Key().private,
        "Address": "2001:db8:1234:9999::2/64"}) + wg.broker.peer(ENDPOINT))
    second.chmod(0o600)
    wg.iface2 = getattr(wg, "iface2", None) or wgbroker.unique()
    return wg.conf({
        "wg": wg.section(wan=one),
        "b": dict({"type": "wireguard", "iface": wg.iface2, "conf": second},
                  wan=other)})


def test_pins_that_contradict(wg):
    d = wg.linkd()
    d.tell("conf %s" % two(wg, "wan2", "wan"))
    for name in "wg", "b":
        d.tell("want %s present" % name)
    d.wait_state("ready", "wg")
    d.wait_state("error", "b")
    reason = d.state("b")[1]["reason"]
    for text in ("b is held to wan ", "wg to wan2", ENDPOINT):
        assert text in reason
    assert host_routes(wg) == [HOST]
    start = len(d.lines)
    d.tell("want wg absent")
    d.wait_state("ready", "b", start=start)
    follows(wg, "%s via %s dev wan" % (ENDPOINT, gw.ROUTER4))


def test_pins_that_agree(wg):
    d = wg.linkd()
    d.tell("conf %s" % two(wg, "wan2", "wan2"))
    for name in "wg", "b":
        d.tell("want %s present" % name)
        d.wait_state("ready", name)
    assert host_routes(wg) == [HOST]
    d.tell("want wg absent")
    assert host_routes(wg) == [HOST]
    d.tell("conf %s" % two(wg, "wan2", ""))
    follows(wg)


def test_every_endpoint_is_held(wg):
    wg.file(wg.broker.peer("one.example.net"), wgbroker.section("Peer", {
        "PublicKey": wgbroker.Key().public, "AllowedIPs": "2001:db8:7::/48",
        "Endpoint": "192.0.2.200:7"}), wgbroker.section("Peer", {
            "PublicKey": wgbroker.Key().public, "Endpoint": "127.0.0.1:9",
            "AllowedIPs": "2001:db8:8::/48"}))
    d = wg.begin(wan="wan2")
    d.wait_state("ready", "wg")
    other = HOST.replace(ENDPOINT, "192.0.2.200")
    assert host_routes(wg) == [other]
    d.tell("resolved wg " + ENDPOINT)
    follows(wg, HOST, other)
    time.sleep(5.1)
    d.tell("refresh wg")
    d.tell("resolved wg 198.51.100.2")
    follows(wg, HOST.replace(ENDPOINT, "198.51.100.2"), other)


@pytest.mark.parametrize("how", ["keep", "remove"])
def test_shutdown(wg, how):
    d = wg.ready(wan="wan2")
    d.send("shutdown " + how)
    assert d.process.wait(timeout=10 * gw.SLOW) == 0
    assert host_routes(wg) == ([HOST] if how == "keep" else [])


def test_adoption_and_leftovers(wg):
    d = wg.ready(wan="wan2")
    d.crash()
    # of an uplink and of a host that nobody needs any more
    wg.ns.ip("route add 198.51.100.77 via %s proto %s" % (
        ROUTER2, gw.PROTO))
    d = wg.linkd()
    d.tell("conf %s" % wg.wg_conf(wan="wan2"))
    assert host_routes(wg) == [HOST]
    d.tell("want wg active")
    d.wait_state("ready", "wg", 10 * gw.SLOW)
    assert host_routes(wg) == [HOST] and not d.logged("repaired")
    d.crash()
    d = wg.linkd()
    d.tell("conf %s" % wg.wg_conf())
    assert host_routes(wg) == []
    assert d.logged("deleted the route to %s" % ENDPOINT)


def test_loopback_endpoint(wg):
    """A program of this host carries the packets on."""
    wg.file(wg.broker.peer("127.0.0.1"))
    d = wg.ready(wan="wan2")
    assert host_routes(wg) == [] and wg.link()["mtu"] == 1440
    assert d.state("wg")[1]["remote"] == "127.0.0.1"
