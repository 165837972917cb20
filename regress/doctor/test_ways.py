"""gatewayctl doctor: routes of other programs, and what is on the way."""

import pytest

import gw


@pytest.fixture
def foreign(place):
    """A report while there is a default route of somebody else."""
    def report(metric, proto):
        route = "default via 2001:db8:96::99 dev wan metric %d proto %s" % (
            metric, proto)
        place.ns.ip("-6 route add " + route)
        try:
            return place.report()
        finally:
            place.ns.ip("-6 route del " + route)

    # nobody to ask natively, which would take its time
    place.daemon.configure({"health": {"targets": "gateway"}})
    place.ns.ip("addr add 2001:db8:96::1/64 dev wan nodad")
    return report


def test_foreign_default_preferred(foreign):
    check = foreign(100, "dhcp").one("route.foreign", "ok")
    assert "native IPv6 is preferred" in check["summary"]
    assert "metric 100, from a DHCP client" in check["evidence"]
    assert "route_metric below 100" in check["remedy"]


def test_foreign_default_in_the_way(foreign):
    check = foreign(2048, "ra").one("route.foreign", "fail")
    assert "router advertisement" in check["evidence"]
    assert "route_metric" in check["remedy"]
    assert "accept_ra" in check["remedy"]       # how it comes about


def test_foreign_default_without_address(place):
    """As routers announce themselves whose provider gives no prefix."""
    route = "default via fe80::1 dev wan metric 100 proto ra"
    place.ns.ip("-6 route add " + route)
    try:
        check = place.report().one("route.foreign", "warn")
    finally:
        place.ns.ip("-6 route del " + route)
    assert "by wan, where there is no IPv6 address" in check["summary"]
    assert "route_metric below 100" in check["remedy"]


@pytest.mark.slow
def test_native_does_not_work(place, foreign):
    place.daemon.configure({"health": {"targets": gw.INTERNET6[0]}})
    report = foreign(5000, "77")
    check = report.one("route.foreign", "ok")
    assert "a tunnel is preferred" in check["summary"]
    assert "a program with route protocol 77" in check["evidence"]
    check = report.one("reach.native", "fail")
    assert "from 2001:db8:96::1: " in check["evidence"]


def test_default_refuses(place):
    place.ns.ip("-6 route add unreachable default metric 50")
    check = place.report().one("route.default", "fail")
    place.ns.ip("-6 route del unreachable default metric 50")
    assert "ip -6 route del unreachable default metric 50" in check["remedy"]


@pytest.mark.slow
def test_tunnel_silent(healthy):
    """The broker forgets the tunnel; its link and routes stay."""
    healthy.lab.broker.drop()
    report = healthy.report()
    check = report.one("reach.tunnel", "fail")
    assert "from %s: ICMPv6: " % gw.CLIENT6 in check["evidence"]
    assert "protocol 41" in check["remedy"]
    assert report.status("mtu.path") == ["skip"]


def only(healthy, rule):
    """A report while that rule of nftables drops on the broker's side."""
    run = healthy.lab.broker_ns.run
    run("nft", "add table inet some; add chain inet some f "
        "{ type filter hook forward priority 0; }; add chain inet some i "
        "{ type filter hook input priority 0; }; "
        "add rule inet some f %s; add rule inet some i %s" % (rule, rule))
    try:
        return healthy.report()
    finally:
        run("nft", "delete table inet some")


@pytest.mark.slow
def test_pings_only(healthy):
    check = only(healthy, "meta l4proto { tcp, udp } drop").one(
        "reach.tunnel", "warn")
    assert "TCP: no answer" in check["evidence"]
    assert "firewall" in check["remedy"]


@pytest.mark.slow
def test_no_pings(healthy):
    check = only(healthy, "icmpv6 type echo-request drop").one(
        "reach.tunnel", "warn")
    assert "pings do not" in check["summary"]
    assert "ICMPv6: no answer" in check["evidence"]


@pytest.mark.slow
def test_black_hole(healthy):
    """Large packets vanish, and nobody says so."""
    healthy.lab.broker.narrow(1400)
    check = healthy.report().one("mtu.path", "warn")
    assert "one of 1480 bytes is not" in check["evidence"]
    assert "mtu = auto" in check["remedy"]


@pytest.fixture
def device(place):
    """he0 without a daemon that would put it right."""
    place.ns.ip("tuntap add he0 mode tun")
    yield "link set he0 up mtu %d"
    place.ns.ip("link del he0")


def test_mtu_too_large(place, device):
    place.ns.ip(device % 1480)
    place.ns.ip("link set wan mtu 1400")
    check = place.report().one("mtu.interface", "warn")
    assert check["evidence"].startswith("MTU 1480 and 20 bytes")
    assert "mtu = 1380" in check["remedy"]


def test_mtu_too_small(place, device):
    place.ns.ip(device % 1000)
    report = place.report()
    check = report.one("mtu.interface", "fail")
    assert "1000 bytes; IPv6 needs 1280" in check["evidence"]
    assert "ip link set dev he0 mtu 1280" in check["remedy"]
    # and the kernel took IPv6 off it
    assert "does not show it" in report.one("address.tunnel",
                                            "fail")["evidence"]
