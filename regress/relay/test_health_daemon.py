"""IPv6 that fails again and again goes second, until the way there is another
one: the daemon's, whose IPv4 line and tunnels change below it."""

import itertools

import pytest

import gw
import multilab
from daemonlab import A, AAAA, GOOD4, GOOD6, Lab, Socks
from relaylab import exactly

# three /48s; a tunnel's far end says that it has no route there
NOWHERE = ["2001:db8:bad%d::1" % n for n in range(3)]
NEW = itertools.count()
(WAN, GATEWAY), (WAN2, _) = (multilab.WANS[name] for name in ("wan", "wan2"))
RENEWED = "192.0.2.77"


@pytest.fixture(scope="module")
def lab():
    lab = Lab(2)
    for way in lab.ways:
        way.ns.sysctl("ipv6/icmp/ratelimit", 0)
    zone = {"well": GOOD6, **{"nowhere%d" % n: address
                              for n, address in enumerate(NOWHERE)}}
    for name, six in zone.items():
        lab.dns.zone[name + ".example"] = {AAAA: (0, [six]), A: (0, [GOOD4])}
    yield lab
    lab.close()


def family(lab, name):
    """Of the next connection to a host with addresses of both."""
    s, code, _ = Socks(lab).connect("n%d.%s.example" % (next(NEW), name))
    with s:
        assert code == 0
        return int(exactly(s, 1))


def ipv6_goes_first(lab):
    """Soon: the relay may hear of a way a moment after the others."""
    gw.wait_for(lambda: family(lab, "well") == 6, 3 * gw.SLOW, "IPv6")


def health(daemon, name):
    return {tunnel["name"]: tunnel["health"] for tunnel in
            daemon.get("/relay").json()["tunnels"]}[name]


def renew_address(lab, daemon):
    lab.client.batch("addr del %s/24 dev wan" % WAN,
                     "addr add %s/24 dev wan" % RENEWED,
                     "route replace default via %s dev wan metric 300" %
                     GATEWAY)
    follow(lab, daemon, RENEWED)


def move_default_route(lab, daemon):
    lab.client.ip("route del default dev wan")
    follow(lab, daemon, WAN2)


def follow(lab, daemon, address):
    lab.a.broker.client(address)
    gw.wait_for(lambda: daemon.tunnel("a")["detail"]["endpoint_local"] ==
                address, 5 * gw.SLOW, "the other way")
    daemon.wait_state("up", name="a")


def fail_over_and_back(lab, daemon):
    daemon.ctl("tunnel", "b", "up", "-W")
    lab.a.broker.drop()
    gw.wait_for(lambda: daemon.active() == "b", 5 * gw.SLOW, "the other one")
    ipv6_goes_first(lab)
    lab.a.broker.drop(False)
    gw.wait_for(lambda: daemon.active() == "a", 10 * gw.SLOW, "it is back")


@pytest.mark.parametrize("event", [renew_address, move_default_route,
                                   fail_over_and_back])
def test_another_way_is_tried_at_once(daemon, lab, event):
    daemon.up()
    daemon.ctl("tunnel", "b", "down", "-W")
    ipv6_goes_first(lab)
    # a busy machine may not hear in time that it is no way
    nowhere = itertools.cycle(range(len(NOWHERE)))
    gw.wait_for(lambda: family(lab, "nowhere%d" % next(nowhere)) == 4 and
                health(daemon, "a") == "bad", 10 * gw.SLOW, "IPv4")
    assert family(lab, "well") == 4
    event(lab, daemon)
    ipv6_goes_first(lab)
    gw.wait_for(lambda: health(daemon, "a") == "good", 5 * gw.SLOW, "IPv6")
    assert daemon.log().count("IPv4 goes first") == 1
    assert daemon.log().count("this tunnel has another path") == 1
