"""Without "kernel" in [exposure] mode nobody but the relay and root leaves by
the tunnels: the rules, and what programs of each user get."""

import errno
import pwd
import re
import signal
import socket
import time

import pytest

import gw
from box import EXTERNAL, OTHER6, REPAIR, SECOND, SECTION, Monitor

FAR = "2001:db8:ffff::2"    # somewhere on the Internet
USER = 20001
NET = gw.PREFIX + "/64"
LAN = "2001:db8:5555::"
BOUND = gw.CLIENT6


def relay_uid():
    gw.ensure_users()
    return pwd.getpwnam("_gwrelay").pw_uid


def mode(value, **more):
    return {"more": {"exposure": {"mode": value}}, **more}


def reach(box, uid, source=None, to=FAR):
    """The address that a program of that user gets, or an errno."""
    def ask():
        gw.libc.setfsuid(uid)
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            try:
                if source:
                    s.bind((source, 0))
                s.connect((to, 9))
            except OSError as e:
                return e.errno
            return s.getsockname()[0]

    return box.ns.call(ask)


def rules(box):
    """Ours, as ip(8) shows them."""
    lines = box.ns.ip("-6 rule show").splitlines()
    return [re.sub(r"\s+", " ", line).strip() for line in lines
            if re.match(r"201\d\d:", line)]


def fence(*prefixes):
    """The rules for these prefixes, in the order of their priorities."""
    passes = ["20100: from all uidrange %d-%d goto 20103 proto 201" % (
        uid, uid) for uid in (0, relay_uid())]
    return passes + [rule % prefix for rule in (
        "20101: from %s iif lo lookup main suppress_prefixlength 0 proto 201",
        "20102: from %s iif lo unreachable proto 201") for prefix in prefixes
    ] + ["20103: from all nop proto 201"]


def same(found, wanted):
    """Of one priority, in any order."""
    return sorted(found) == sorted(wanted)


@pytest.mark.both
def test_who_leaves_by_the_tunnel(box):
    box.start("active", **mode("socks5"))
    assert same(rules(box), fence(NET))
    for source in None, BOUND:
        for uid in 0, relay_uid():
            assert reach(box, uid, source) == BOUND
        for uid in USER, 65534, pwd.getpwnam("_gatewayd").pw_uid:
            assert reach(box, uid, source) == errno.ENETUNREACH
    # the broker's end is on the link: that is no default route
    assert reach(box, USER, None, gw.BROKER6) == BOUND


@pytest.mark.parametrize("value,fenced", [
    ("kernel", False), ("kernel, socks5", False), ("proxy, kernel", False),
    ("proxy", True), ("proxy, socks5", True),
])
def test_modes(box, value, fenced):
    box.start("active", **mode(value))
    assert same(rules(box), fence(NET) if fenced else [])
    assert reach(box, USER) == (errno.ENETUNREACH if fenced else BOUND)


def test_reload_of_mode(box):
    """There and back; what did not change is not touched."""
    d = box.start("active")
    for value, found in (("socks5", errno.ENETUNREACH), ("kernel", BOUND),
                         ("proxy", errno.ENETUNREACH)):
        d.tell("conf %s" % box.conf(**mode(value)))
        assert reach(box, USER) == found
    with Monitor(box.ns) as monitor:
        d.tell("conf %s" % box.conf(**mode("socks5")))
    assert monitor.text == "" and not d.logged("repaired")


def test_reload_of_prefixes(box):
    d = box.start("active", **mode("socks5"))
    routed = dict(SECTION, routed_prefix=LAN + "/48")
    d.tell("conf %s" % box.conf({"he": routed, "b": SECOND},
                                **mode("socks5")))
    assert same(rules(box), fence(NET, LAN + "/48", OTHER6[:-1] + "/64"))
    d.tell("conf %s" % box.conf({"b": SECOND}, **mode("socks5")))
    assert same(rules(box), fence(OTHER6[:-1] + "/64"))
    assert not d.logged("repaired")


def test_routed_prefix(box):
    """The neighbours stay in reach, and what is forwarded passes."""
    box.ns.ip("link add lan type veth peer name lan0")
    for line in ("link set lan0 up", "link set lan up",
                 "-6 addr add %s1/64 dev lan nodad" % LAN):
        box.ns.ip(line)
    box.start("active", tunnels={
        "he": dict(SECTION, routed_prefix=LAN + "/48")}, **mode("socks5"))
    own, neighbour = LAN + "1", LAN + "9"
    assert reach(box, USER, own, neighbour) == own
    assert reach(box, USER, None, neighbour) == own
    assert reach(box, USER, own) == errno.ENETUNREACH
    assert reach(box, USER) == errno.ENETUNREACH
    assert reach(box, relay_uid(), own) == own
    box.ns.sysctl("ipv6/conf/all/forwarding", 1)
    got = box.ns.ip("-6 route get %s from %s iif lan" % (FAR, neighbour))
    assert "dev he0" in got


def test_external_tunnel_is_not_ours(box):
    """What others made is for whatever they made it."""
    box.external()
    d = box.linkd()
    d.tell("conf %s" % box.conf({"ext": EXTERNAL}, **mode("socks5")))
    d.tell("want ext active")
    assert rules(box) == []


@pytest.mark.parametrize("which", range(5))
def test_deleted_rule_comes_back(box, which):
    d = box.start("active", **mode("socks5"))
    time.sleep(0.1 * gw.SLOW)
    rule = fence(NET)[which].replace(":", " ", 1).split(" from ", 1)
    box.ns.ip("-6 rule del pref %s from %s" % tuple(rule))
    gw.wait_for(lambda: same(rules(box), fence(NET)), REPAIR + 0.05, "all")
    assert d.logged("repaired: 1 IPv6 rules")
    assert reach(box, relay_uid()) == BOUND
    assert reach(box, USER) == errno.ENETUNREACH


def test_somebody_flushes_again_and_again(box):
    """Once a second must do; and nothing of others' is touched."""
    d = box.start("active", **mode("socks5"))
    other = "pref 20101 from 2001:db8:9::/64 lookup 77"
    box.ns.ip("-6 rule add " + other)
    for _ in range(10):
        box.ns.ip("-6 rule flush protocol 201")
        time.sleep(0.1)
    gw.wait_for(lambda: same([r for r in rules(box) if "proto 201" in r],
                             fence(NET)), 1.5 * gw.SLOW, "all")
    assert d.log().count("repaired: ") <= 3
    assert [r for r in rules(box) if "proto 201" not in r] == [
        "20101: from 2001:db8:9::/64 lookup 77"]


def test_a_rule_too_many(box):
    d = box.start("active", **mode("socks5"))
    box.ns.ip("-6 rule add pref 20105 from %s unreachable protocol 201" % NET)
    gw.wait_for(lambda: same(rules(box), fence(NET)), REPAIR + 0.05, "none")
    assert d.logged("repaired: 1 IPv6 rules")


def test_restart(box):
    """What a crash left is taken over, or taken away."""
    d = box.start("active", **mode("socks5"))
    d.crash()
    assert same(rules(box), fence(NET))
    with Monitor(box.ns) as monitor:
        d = box.start("active", **mode("socks5"))
    assert "uidrange" not in monitor.text
    d.crash()
    d = box.linkd()
    d.tell("conf %s" % box.conf({"b": SECOND}, **mode("socks5")))
    assert same(rules(box), fence(OTHER6[:-1] + "/64"))
    d.crash()
    box.start("active")
    assert rules(box) == [] and reach(box, USER) == BOUND


def test_no_user_any_more(box):
    """Nothing is opened for that."""
    d = box.start("active", **mode("socks5"))
    d.tell("conf %s" % box.conf(**mode("socks5", relay_user="gwnobody")))
    assert d.logged("there is no user gwnobody any more")
    assert same(rules(box), fence(NET)) and d.state()[0] == "ready"


def test_lost_events(box):
    """A rule goes while the buffer of events is full."""
    d = box.start("active", **mode("socks5"))
    d.tell("buffer 2304")
    d.process.send_signal(signal.SIGSTOP)
    box.ns.batch(*["addr %s 203.0.113.1/32 dev wan" % verb
                   for _ in range(50) for verb in ("add", "del")])
    box.ns.ip("-6 rule flush protocol 201")
    d.process.send_signal(signal.SIGCONT)
    gw.wait_for(lambda: same(rules(box), fence(NET)), 1.5 * gw.SLOW, "all")
    assert d.logged("dropped netlink events")


@pytest.mark.parametrize("how", ["keep", "remove"])
def test_end(box, how):
    """Tunnels that stay are not open to everybody then."""
    d = box.start("active", **mode("socks5"))
    d.tell("shutdown " + how)
    assert same(rules(box), fence(NET) if how == "keep" else [])
