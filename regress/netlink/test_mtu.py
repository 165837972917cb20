"""The limit of IPv6 packets that probing found, and advmss."""

import socket

import pytest

import gw
from box import (EXTERNAL, FOLLOW, ONLINK, REPAIR, SECTION, Batch, Monitor,
                 link, routes, stands, sysctl)

FAR6 = "2001:db8:ffff::1"
PROBE = 3                   # IPV6_PMTUDISC_PROBE


def limited(box, mtu, device_mtu=1480, plain=True):
    """The IPv6 MTU is so, and the routes say what follows for TCP."""
    tail = " metric 2048 advmss %d" % (mtu - 60)
    return (sysctl(box, "mtu") == str(mtu) and
            link(box)["mtu"] == device_mtu and routes(box) == sorted(
        [ONLINK, "default from %s/64%s" % (gw.PREFIX, tail)] +
        ["default src %s%s" % (gw.CLIENT6, tail)] * plain))


def told(d):
    fields = d.state()[1]
    return int(fields["mtu"]), int(fields["mtu_max"])


@pytest.mark.both
def test_limit_and_back(box):
    """In place: no default goes away, not even for a moment."""
    d = box.start("active")
    assert limited(box, 1480) and told(d) == (1480, 1480)
    for limit, mtu in (1400, 1400), (1280, 1280), (1481, 1480), (0, 1480):
        with Monitor(box.ns) as monitor:
            d.tell("want he active mtu %d" % limit)
        assert "Deleted" not in monitor.text, monitor.text
        assert limited(box, mtu) and told(d) == (mtu, 1480)
        assert d.state()[0] == "ready" and d.state()[1]["default"] == "1"
    assert not d.logged("repaired")


def test_standby_is_limited_too(box):
    d = box.start("present")
    d.tell("want he present mtu 1400")
    assert limited(box, 1400, plain=False)
    d.tell("want he active mtu 1400")
    assert limited(box, 1400)
    d.tell("want he active")
    assert limited(box, 1480)
    assert not d.logged("repaired")


def test_same_limit_again_changes_nothing(box):
    d = box.start("active")
    d.tell("want he active mtu 1400")
    with Monitor(box.ns) as monitor:
        d.tell("want he active mtu 1400")
    assert monitor.text == ""


def test_what_the_limit_does(box):
    """Packets are held to it, larger probes still go out."""
    d = box.start("active")
    d.tell("want he active mtu 1400")
    with box.ns.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DONTFRAG, 1)
        s.connect((FAR6, 9))
        assert s.send(bytes(1400 - 48)) == 1352
        with pytest.raises(OSError, match="too long"):
            s.send(bytes(1401 - 48))
        s.setsockopt(socket.IPPROTO_IPV6, 23, PROBE)    # IPV6_MTU_DISCOVER
        assert s.send(bytes(1480 - 48)) == 1432
        with pytest.raises(OSError, match="too long"):
            s.send(bytes(1481 - 48))


def mss_of_syn(box):
    """The MSS option of a connection that is tried."""
    with box.ns.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as tap, \
            box.ns.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
        tap.bind(("he0", 3))        # ETH_P_ALL
        tap.settimeout(5 * gw.SLOW)
        s.setblocking(False)
        s.connect_ex((FAR6, 80))
        while True:
            packet = tap.recv(2048)
            if packet[6] == socket.IPPROTO_TCP:
                assert packet[60] == 2      # the first option: MSS
                return int.from_bytes(packet[62:64], "big")


def test_advmss_of_a_new_connection(box):
    d = box.start("active")
    assert mss_of_syn(box) == 1420
    d.tell("want he active mtu 1300")
    assert mss_of_syn(box) == 1240


def test_put_right(box):
    """The interface's MTU resets it, and so may somebody else."""
    d = box.start("active")
    d.tell("want he active mtu 1400")
    for mtu in 1450, 1500, 1300:
        box.ns.ip("link set he0 mtu %d" % mtu)
        gw.wait_for(lambda: limited(box, 1400), REPAIR + FOLLOW, "the MTU")
    assert d.log().count("its MTU was ") == 3
    # there and back, before anybody looks
    with Batch(box.ns) as batch:
        batch.do("link set he0 mtu 1450", "link set he0 mtu 1480")
    gw.wait_for(lambda: limited(box, 1400), REPAIR + FOLLOW, "the MTU")
    for fault in ["link set he0 down"], ["link set he0 down",
                                         "link set he0 up"]:
        with Batch(box.ns) as batch:
            batch.do(*fault)
        gw.wait_for(lambda: limited(box, 1400), REPAIR + FOLLOW, "the MTU")
    # the kernel tells nobody of this one: it is found at the next run
    for key in "mtu 1350", "advmss 1111":
        if key.startswith("mtu"):
            box.ns.sysctl("ipv6/conf/he0/mtu", 1350)
            box.ns.ip("link set he0 alias x")
        else:
            box.ns.ip("-6 route change default from %s/64 dev he0 metric 2048 "
                      "proto 201 advmss 1111" % gw.PREFIX)
        gw.wait_for(lambda: limited(box, 1400), REPAIR + FOLLOW, key)
    assert d.logged("the IPv6 MTU of he0 was 1350")
    assert d.logged("the route default from %s/64 by he0 was changed" %
                    gw.PREFIX)
    # and without a limit
    d.tell("want he active")
    box.ns.sysctl("ipv6/conf/he0/mtu", 1350)
    box.ns.ip("link set he0 alias x")
    gw.wait_for(lambda: stands(box), REPAIR + FOLLOW, "the MTU")


def test_limit_and_the_wan(box):
    """Never above what the WAN carries; advmss follows that as well."""
    d = box.start("active")
    d.tell("want he active mtu 1400")
    for wan, mtu in (1400, 1380), (1410, 1390), (1500, 1400):
        box.ns.ip("link set wan mtu %d" % wan)
        gw.wait_for(lambda: limited(box, mtu, min(1480, wan - 20)), FOLLOW,
                    "the MTU")
        gw.wait_for(lambda: told(d) == (mtu, min(1480, wan - 20)), FOLLOW,
                    "the report")
    d.tell("want he active")
    assert limited(box, 1480)
    assert not d.logged("repaired")


def test_configured_mtu_has_no_limit(box):
    fixed = {"he": dict(SECTION, mtu=1450)}
    d = box.start("active", tunnels=fixed)
    d.tell("want he active mtu 1300")
    assert limited(box, 1450, 1450) and told(d) == (1450, 1450)
    # a reload to auto and back
    d.tell("conf %s" % box.conf())
    assert limited(box, 1300) and told(d) == (1300, 1480)
    d.tell("conf %s" % box.conf(fixed))
    assert limited(box, 1450, 1450)
    assert not d.logged("repaired")


def test_limit_stays_over_refresh_and_reload(box):
    d = box.start("active")
    d.tell("want he active mtu 1400")
    d.tell("refresh he")
    d.tell("conf %s" % box.conf({"he": dict(SECTION, ttl=64)}))
    assert limited(box, 1400)
    d.tell("conf %s" % box.conf({"he": dict(SECTION, iface="he7")}))
    assert sysctl(box, "mtu", "he7") == "1400"
    assert told(d) == (1400, 1480)


def test_limit_of_a_dead_daemon(box):
    """The next one knows of none until it is told."""
    d = box.start("active")
    d.tell("want he active mtu 1400")
    d.crash()
    d = box.start("active")
    assert limited(box, 1480) and told(d) == (1480, 1480)
    assert not d.logged("repaired")


def test_external_is_never_limited(box):
    box.external()
    d = box.linkd()
    d.tell("conf %s" % box.conf({"ext": EXTERNAL}))
    d.tell("want ext active mtu 1300")

    def advmss(mtu):
        return sorted(x.split(" advmss ")[1] for x in routes(
            box, "tun0")) == [str(mtu - 60)] * 2

    assert sysctl(box, "mtu", "tun0") == "1500" and advmss(1500)
    # its owner's changes are followed
    box.ns.ip("link set tun0 mtu 1420")
    gw.wait_for(lambda: advmss(1420), FOLLOW, "the routes")
    box.ns.sysctl("ipv6/conf/tun0/mtu", 1350)
    box.ns.ip("link set tun0 alias x")
    gw.wait_for(lambda: advmss(1350), FOLLOW, "the routes")
    assert sysctl(box, "mtu", "tun0") == "1350"
    assert d.state("ext")[1]["mtu"] == "1350"
    assert d.state("ext")[1]["mtu_max"] == "1420"


def test_read_only_sysctl(box):
    """The limit cannot be set; the tunnel works and says what is in force."""
    d = box.linkd("unshare", "-m", "sh", "-c",
                  'mount --bind /proc/sys /proc/sys && '
                  'mount -o remount,ro,bind /proc/sys && exec "$0"')
    d.tell("conf %s" % box.conf())
    d.tell("want he active")
    d.tell("want he active mtu 1400")
    assert d.state()[0] == "ready" and told(d) == (1480, 1480)
    assert limited(box, 1480)
    assert d.logged("cannot set net.ipv6.conf.he0.mtu to 1400: Read-only")
