"""WireGuard in the link layer, with the driver that the kernel here has: on a
host without the module, wireguard-go."""

import socket
import time

import pytest

import gw
import wgbroker
from box import FOLLOW, Monitor
from wgbox import ENDPOINT, MTU, SECOND

pytestmark = pytest.mark.both


def test_bring_up(wg):
    wg.file()
    d = wg.ready("present")
    there = wg.link()
    assert there["linkinfo"]["info_kind"] == (
        "wireguard" if wg.kernel else "tun")
    assert there["mtu"] == MTU and there["ifalias"] == "gatewayd:wg"
    assert there["inet6_addr_gen_mode"] == "none"
    fields = d.state("wg")[1]
    assert fields["driver"] == wg.driver and fields["mtu"] == str(MTU)
    assert (fields["local"], fields["remote"]) == (gw.CLIENT4, ENDPOINT)
    assert fields["address"] == gw.CLIENT6 + "/64"
    assert "path wg local=%s remote=%s protocol=17 port=%d" % (
        gw.CLIENT4, ENDPOINT, wgbroker.PORT) in d.lines
    d.tell("want wg active")
    assert wg.stands()
    assert wg.show("allowed-ips") == [[wg.broker.key.public, "::/0"]]
    assert not d.logged("repaired")
    d.tell("want wg absent")
    assert wg.link() is None and d.state("wg")[0] == "absent"
    if not wg.kernel:
        d.wait("^launch_exited wg$")
        assert not (wgbroker.RUN / (wg.iface + ".sock")).exists()


def test_traffic_and_handshake(wg):
    wg.file()
    d = wg.ready()
    assert d.tell("sample wg")[-1].endswith("handshake=0")
    before = int(time.time())
    assert wg.ping()
    received, sent = wg.broker.transfer()
    assert received > 0 and sent > 0

    def handshake():
        line = d.tell("sample wg")[-1]
        return int(line.split("handshake=")[1])

    # wireguard-go's answer is that of the question before
    gw.wait_for(lambda: handshake() > 0, 2 * gw.SLOW, "the handshake")
    assert before - 1 <= handshake() <= time.time() + 1
    # both have made the same one
    assert abs(handshake() - wg.broker.handshake()) <= 1 * gw.SLOW


def test_no_module(wg):
    wg.file()
    if wg.kernel:
        d = wg.ready(driver="userspace")
        assert d.state("wg")[1]["driver"] == "userspace"
        return
    d = wg.begin(driver="kernel")
    word, fields = d.state("wg")
    assert word == "error" and "modprobe wireguard" in fields["reason"]
    assert int(fields["retry"]) >= 1 and wg.link() is None
    d.tell("conf %s" % wg.wg_conf(driver="auto"))
    d.wait_state("ready", "wg")
    assert d.logged("no wireguard driver")


@pytest.mark.vm
def test_change_of_the_driver(wg):
    """Kernel, userspace, and back; auto keeps what it finds."""
    wg.file()
    d = wg.ready()
    for driver, kind in [("userspace", "tun"), ("auto", "tun"),
                         ("kernel", "wireguard"), ("auto", "wireguard")]:
        d.tell("conf %s" % wg.wg_conf(driver=driver))
        gw.wait_for(lambda: d.state("wg")[0] == "ready" and
                    wg.link()["linkinfo"]["info_kind"] == kind and
                    wg.stands(), 5 * gw.SLOW, driver)
        assert wg.ping(count=3), driver


FAULTS = {
    "deleted": "link del DEV",
    "down": "link set DEV down",
    "address": "-6 addr flush dev DEV",
    "routes": "-6 route flush dev DEV",
    "mtu": "link set DEV mtu 1300",
    "alias": "link set DEV alias mine",
}
IN_GUEST_TOO = "deleted", "routes"


@pytest.mark.parametrize("fault", [
    pytest.param(fault, marks=[pytest.mark.host] * (fault not in IN_GUEST_TOO))
    for fault in FAULTS])
def test_put_right(wg, fault):
    wg.file()
    d = wg.ready()
    assert wg.ping()
    index = wg.link()["ifindex"]
    wg.ns.ip(FAULTS[fault].replace("DEV", wg.iface))
    gw.wait_for(lambda: d.logged("repaired: "), 2 * gw.SLOW, "the log line",
                0.001)
    gw.wait_for(wg.stands, 3 * gw.SLOW, "the repair")
    assert (wg.link()["ifindex"] == index) == (fault != "deleted")
    d.wait_state("ready", "wg")
    # a server answers one handshake of a peer in 5 s at most
    assert wg.ping(count=3)


@pytest.mark.host
def test_foreign_interface(wg):
    wg.ns.ip("link add %s type veth peer name x0" % wg.iface)
    before = wg.link()
    wg.file()
    d = wg.begin()
    word, fields = d.state("wg")
    assert word == "error" and "is not ours (veth" in fields["reason"]
    d.tell("want wg absent")
    assert wg.link() == before
    d.tell("want wg active")
    start = len(d.lines)
    wg.ns.ip("link del " + wg.iface)
    d.wait_state("ready", "wg", start=start)
    assert wg.stands()


def test_file_settings(wg):
    psk = wgbroker.preshared()
    wg.broker.psk = psk
    wg.broker.setconf()
    wg.file(wg.broker.peer(ENDPOINT, PersistentKeepalive=17,
                           AllowedIPs="::/0, 192.0.2.0/25"),
            ListenPort=4711, FwMark="0x2a", MTU=1350)
    d = wg.ready()
    assert wg.stands(1350)
    assert wg.show("listen-port") == [["4711"]]
    assert wg.show("fwmark") == [["0x2a"]]
    key = wg.broker.key.public
    assert wg.show("persistent-keepalive") == [[key, "17"]]
    assert wg.show("preshared-keys") == [[key, psk]]
    assert [sorted(x) for x in wg.show("allowed-ips")] == [
        sorted([key, "192.0.2.0/25", "::/0"])]
    assert wg.ping()
    # AllowedIPs filter; they are no routes
    assert "192.0.2.0/25" not in wg.ns.ip("route show")
    # the section goes before the file
    d.tell("conf %s" % wg.wg_conf(mtu=1290))
    gw.wait_for(lambda: wg.stands(1290), FOLLOW, "the MTU")


def test_mtu_follows_the_wan(wg):
    wg.file()
    d = wg.ready()
    wg.ns.ip("link set wan mtu 1400")
    gw.wait_for(lambda: wg.stands(1340), FOLLOW, "the MTU")
    wg.ns.ip("link set wan mtu 1300")       # the floor
    gw.wait_for(lambda: wg.stands(1280), FOLLOW, "the MTU")
    wg.ns.ip("link set wan mtu 9000")       # the ceiling
    gw.wait_for(wg.stands, FOLLOW, "the MTU")
    assert not d.logged("repaired")


def test_wan_address_change(wg):
    """In place: the session goes on from the new address."""
    wg.file()
    d = wg.ready()
    assert wg.ping()
    index, handshake = wg.link()["ifindex"], wg.broker.handshake()
    # the old one stays: only the source of the route changes
    wg.ns.ip("addr add 192.0.2.77/24 dev wan")
    start = len(d.lines)
    wg.ns.ip("route replace default via %s src 192.0.2.77" % gw.ROUTER4)
    wg.ns.ip("route replace %s/32 via %s src 192.0.2.77" % (
        ENDPOINT, gw.ROUTER4))
    d.wait("^state wg ready .* local=192.0.2.77 ", start)
    d.wait("^path wg local=192.0.2.77 ", start)
    assert wg.ping()
    if wg.kernel:
        assert wg.broker.endpoint().startswith("192.0.2.77:")
    assert wg.broker.handshake() == handshake
    assert wg.link()["ifindex"] == index and wg.stands()
    assert not d.logged("repaired")


@pytest.mark.host
def test_wan_lost_and_back(wg):
    wg.file()
    d = wg.ready()
    wg.ns.ip("route del default")
    d.wait_state("wait_wan", "wg", FOLLOW)
    assert wg.link() is not None
    start = len(d.lines)
    wg.ns.ip("route add default via " + gw.ROUTER4)
    d.wait_state("ready", "wg", start=start)
    assert wg.stands() and wg.ping()


def test_names(wg):
    """The first peer with an address will do; the others follow."""
    other = wgbroker.Key()
    wg.file(wg.broker.peer("one.example.net"),
            wgbroker.section("Peer", {
                "PublicKey": other.public, "AllowedIPs": "2001:db8:7::/48",
                "Endpoint": "two.example.net:7"}))
    d = wg.begin()
    word, fields = d.state("wg")
    assert word == "wait_dns" and "one.example.net" in fields["reason"]
    assert [x for x in d.lines if x.startswith("resolve")] == [
        "resolve wg one.example.net", "resolve wg two.example.net"]
    start = len(d.lines)
    d.tell("resolved wg@one.example.net")
    word, fields = d.state("wg")
    assert word == "wait_dns" and "Cannot look up one" in fields["reason"]
    d.wait("^resolve wg one.example.net", start, 3 * gw.SLOW)
    d.tell("resolved wg@two.example.net 203.0.113.9")
    d.wait_state("ready", "wg")
    assert d.state("wg")[1]["remote"] == "203.0.113.9"
    d.tell("resolved wg@one.example.net %s" % ENDPOINT)
    gw.wait_for(lambda: d.state("wg")[1]["remote"] == ENDPOINT, FOLLOW,
                "the first one")
    endpoints = dict(wg.show("endpoints"))
    assert endpoints == {wg.broker.key.public: ENDPOINT + ":51820",
                         other.public: "203.0.113.9:7"}
    assert wg.ping()
    # the other one moves: this one's session is not touched
    index, handshake = wg.link()["ifindex"], wg.broker.handshake()
    time.sleep(5.1)
    start = len(d.lines)
    wg.ns.ip("link set wan mtu 1400")       # a change of the WAN asks again
    d.wait("^resolve wg two.example.net", start)
    d.tell("resolved wg@one.example.net %s" % ENDPOINT)
    d.tell("resolved wg@two.example.net 203.0.113.10")
    gw.wait_for(lambda: dict(wg.show("endpoints"))[other.public] ==
                "203.0.113.10:7", FOLLOW, "its endpoint")
    assert wg.ping() and wg.broker.handshake() == handshake
    assert wg.link()["ifindex"] == index
    assert d.state("wg")[0] == "ready" and not d.logged("repaired")


@pytest.mark.host
def test_many_names(wg):
    """No more than 16 look-ups at a time."""
    wg.file(*[wgbroker.section("Peer", {
        "PublicKey": wgbroker.number_key(i), "Endpoint": "p%d.example:7" % i,
        "AllowedIPs": "2001:db8:%x::/48" % (i + 1)}) for i in range(40)])
    d = wg.begin()

    def asked():
        return [x.split()[2] for x in d.lines if x.startswith("resolve ")]

    assert asked() == ["p%d.example" % i for i in range(16)]
    d.tell("resolved wg@p3.example 203.0.113.3")
    d.wait_state("ready", "wg")
    d.tell("resolved wg@p5.example")
    assert asked()[16:] == ["p16.example", "p17.example"]
    for i in range(40):
        if i not in (3, 5):
            d.tell("resolved wg@p%d.example 203.0.113.%d" % (i, i))
    gw.wait_for(lambda: asked().count("p5.example") == 2, 5 * gw.SLOW,
                "another question")
    d.tell("resolved wg@p5.example 203.0.113.5")
    gw.wait_for(lambda: dict(wg.show("endpoints")) == {
        wgbroker.number_key(i): "203.0.113.%d:7" % i for i in range(40)},
        5 * gw.SLOW, "all endpoints")


@pytest.mark.vm
def test_port_of_another_program(wg):
    """Only the kernel says so; wireguard-go does it in its log."""
    wg.file(wg.broker.peer(ENDPOINT), ListenPort=4711)
    with wg.ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("0.0.0.0", 4711))
        d = wg.begin()
        word, fields = d.state("wg")
        assert word == "error"
        for text in "UDP port 4711", "ListenPort", "wg.conf":
            assert text in fields["reason"]
    d.wait_state("ready", "wg", 10 * gw.SLOW)
    assert wg.ping()


@pytest.mark.host
def test_name_that_moves(wg):
    wg.file(wg.broker.peer("one.example.net"))
    d = wg.begin()
    d.tell("resolved wg %s" % ENDPOINT)
    d.wait_state("ready", "wg")
    assert wg.ping()
    index = wg.link()["ifindex"]
    time.sleep(5.1)
    d.tell("refresh wg")
    d.tell("resolved wg %s" % SECOND)
    gw.wait_for(lambda: d.state("wg")[1]["remote"] == SECOND, FOLLOW,
                "the new address")
    gw.wait_for(lambda: wg.show("endpoints")[0][1] == SECOND + ":51820",
                FOLLOW, "the endpoint")
    assert wg.ping() and wg.link()["ifindex"] == index
    d.wait("^path wg local=%s remote=%s " % (gw.CLIENT4, SECOND))


@pytest.mark.host
def test_last_good_address(wg):
    """A start without DNS."""
    wg.file(wg.broker.peer("one.example.net"))
    d = wg.begin()
    d.tell("resolved wg %s" % ENDPOINT)
    d.wait_state("ready", "wg")
    d.send("shutdown remove")
    assert d.process.wait(timeout=10 * gw.SLOW) == 0
    d = wg.ready()
    assert "resolve wg one.example.net" in d.lines
    assert d.state("wg")[1]["remote"] == ENDPOINT and wg.ping()
    start = len(d.lines)
    d.tell("resolved wg")
    d.wait("^resolve wg one.example.net", start, 3 * gw.SLOW)
    assert d.state("wg")[0] == "ready"


def test_refresh_puts_peers_right(wg):
    wg.file()
    d = wg.ready()
    assert wg.ping()
    key = wg.broker.key.public
    for args in (["peer", key, "remove"],
                 ["peer", wgbroker.Key().public, "allowed-ips", "::/0"],
                 ["peer", key, "endpoint", "203.0.113.1:9"]):
        wg.set(*args)
        d.tell("refresh wg")
        gw.wait_for(lambda: wg.show("allowed-ips") == [[key, "::/0"]] and
                    wg.show("endpoints") == [[key, ENDPOINT + ":51820"]],
                    3 * gw.SLOW, "the repair")
        assert wg.ping(count=3)
    if wg.kernel:
        assert d.logged("a peer was missing")
    assert d.state("wg")[0] == "ready"


def test_reload(wg):
    """What did not change is not touched, what did is changed in place."""
    wg.file()
    d = wg.ready()
    assert wg.ping()
    index, handshake = wg.link()["ifindex"], wg.broker.handshake()
    time.sleep(0.1 * gw.SLOW)
    with Monitor(wg.ns) as monitor:
        d.tell("conf %s" % wg.wg_conf())
    assert monitor.text == ""
    assert wg.ping() and wg.broker.handshake() == handshake
    other = wgbroker.Key()
    wg.file(wg.broker.peer(ENDPOINT, PersistentKeepalive=9),
            wgbroker.section("Peer", {
                "PublicKey": other.public, "AllowedIPs": "2001:db8:7::/48",
                "Endpoint": "203.0.113.9:7"}))
    d.tell("conf %s" % wg.wg_conf())
    gw.wait_for(lambda: len(wg.show("peers")) == 2, FOLLOW, "the peer")
    assert dict(wg.show("persistent-keepalive"))[
        wg.broker.key.public] == "9"
    assert wg.ping() and wg.link()["ifindex"] == index
    if wg.kernel:
        assert wg.broker.handshake() == handshake
    assert not d.logged("repaired")
    wg.file(wg.broker.peer(SECOND))
    d.tell("conf %s" % wg.wg_conf())
    gw.wait_for(lambda: wg.show("endpoints") == [
        [wg.broker.key.public, SECOND + ":51820"]], FOLLOW, "the endpoint")
    assert wg.ping() and wg.link()["ifindex"] == index


def test_peers_that_speak_first(wg):
    """No Endpoint anywhere: there is no way to follow."""
    wg.ns.ip("route del default")
    wg.file(wgbroker.section("Peer", {
        "PublicKey": wg.broker.key.public, "AllowedIPs": "::/0"}),
        ListenPort=4711)
    d = wg.ready()
    assert wg.link()["mtu"] == 1420
    wg.broker.wg("set", "peer", wg.key.public, "endpoint",
                 gw.CLIENT4 + ":4711", "persistent-keepalive", "1")
    gw.wait_for(lambda: wg.broker.handshake() > 0, 10 * gw.SLOW,
                "the handshake")
    assert wg.ping()
    assert d.state("wg")[1]["remote"] == "0.0.0.0"


def test_many_peers(wg):
    """More than fits into one message, both to and from the kernel."""
    keys = [wgbroker.number_key(i) for i in range(1500)]
    ranges = {key: ["2001:db8:%x:%x::/64" % (i, j) for j in range(1, 5)]
              for i, key in enumerate(keys)}
    peers = [wg.broker.peer(ENDPOINT)] + [
        wgbroker.section("Peer", {
            "PublicKey": key, "AllowedIPs": ", ".join(ranges[key]),
            "Endpoint": "203.0.113.%d:%d" % (i % 250 + 1, i + 1)})
        for i, key in enumerate(keys)]
    wg.file(*peers)
    d = wg.begin()
    d.wait_state("ready", "wg", 20 * gw.SLOW)
    there = {line[0]: sorted(line[1:]) for line in wg.show("allowed-ips")}
    assert there.pop(wg.broker.key.public) == ["::/0"]
    assert there == {key: sorted(ranges[key]) for key in keys}
    assert wg.ping()
    # one of them goes, one is changed, the rest is left alone
    wg.set("peer", keys[700], "remove")
    wg.set("peer", keys[1400], "allowed-ips", "2001:db8:99::/48")
    handshake = wg.broker.handshake()
    d.tell("refresh wg")
    gw.wait_for(lambda: {line[0]: sorted(line[1:])
                         for line in wg.show("allowed-ips")} ==
                dict(there, **{wg.broker.key.public: ["::/0"]}),
                10 * gw.SLOW, "the repair")
    assert wg.ping()
    if wg.kernel:
        assert wg.broker.handshake() == handshake


def test_adoption(wg):
    wg.file(wg.broker.peer(ENDPOINT), ListenPort=4711)
    d = wg.ready()
    assert wg.ping()
    before, handshake = wg.link(), wg.broker.handshake()
    d.crash()
    flood = gw.Flood(wg.ns, gw.BROKER6, 0.01 * gw.SLOW)
    try:
        time.sleep(0.2)
        with Monitor(wg.ns) as monitor:
            d = wg.linkd()
            d.tell("conf %s" % wg.wg_conf())
            assert d.tell("default wg") == ["default wg 1"]
            d.tell("want wg active")
            d.wait_state("ready", "wg", 10 * gw.SLOW)
    finally:
        result = flood.stop()
    assert wg.link()["ifindex"] == before["ifindex"] and wg.stands()
    assert d.logged("took over " + wg.iface) and not d.logged("repaired")
    if wg.kernel:
        assert result["lost"] == [], result
        assert wg.broker.handshake() == handshake
        assert monitor.text == ""
    assert wg.ping()


def test_adoption_of_a_changed_file(wg):
    """What the file says now is put in place, and only what differs."""
    other = wgbroker.Key()
    wg.file(wg.broker.peer(ENDPOINT), wgbroker.section("Peer", {
        "PublicKey": other.public, "AllowedIPs": "2001:db8:7::/48"}))
    d = wg.ready()
    assert wg.ping()
    handshake = wg.broker.handshake()
    d.crash()
    wg.file(wg.broker.peer(ENDPOINT, AllowedIPs="::/0, 192.0.2.0/24"))
    d = wg.ready()
    assert [sorted(x) for x in wg.show("allowed-ips")] == [
        sorted([wg.broker.key.public, "192.0.2.0/24", "::/0"])]
    assert wg.ping()
    if wg.kernel:
        assert wg.broker.handshake() == handshake


@pytest.mark.host
def test_leftovers_are_removed(wg):
    wg.file()
    d = wg.ready()
    d.crash()
    d = wg.linkd()
    d.tell("conf %s" % wg.conf())
    assert wg.link() is None


@pytest.mark.parametrize("how", ["keep", "remove"])
def test_shutdown(wg, how):
    wg.file()
    d = wg.ready()
    d.send("shutdown " + how)
    assert d.process.wait(timeout=10 * gw.SLOW) == 0
    assert wg.stands() if how == "keep" else wg.link() is None
    assert not (wgbroker.RUN / (wg.iface + ".sock")).exists()
