"""[failover] flows: what becomes of the flows of a tunnel that is lost."""

import contextlib
import errno
import re
import resource
import socket
import struct
import time

import pytest

import gw
from box import (EXTERNAL, FOLLOW, FOREVER, OTHER6, REPAIR, SECOND, SECTION,
                 Monitor, lifetimes, plain_defaults)

FAR6 = "2001:db8:ffff::1"   # on the far side of the external tunnel
NEAR6 = EXTERNAL["v6_prefix"]
PREFIX = "2001:db8:e::/64"


class Flows:
    """Two tunnels; the external one leads to the other namespace."""

    def __init__(self, box, flows, routed=None, **core):
        self.box = box
        for ns in box.ns, box.far:
            ns.sysctl("ipv6/conf/default/accept_dad", 0)
        box.ns.ip("link add tun0 type veth peer name tun0 netns " +
                  box.far.name)
        for ns in box.ns, box.far:
            ns.ip("link set tun0 up")
        box.ns.ip("-6 addr add %s/64 dev tun0 nodad" % NEAR6)
        box.far.ip("-6 addr add 2001:db8:e::1/64 dev tun0 nodad")
        box.far.ip("-6 addr add %s/128 dev lo nodad" % FAR6)
        box.far.ip("-6 route add 2001:db8:e000::/36 via " + NEAR6)
        self.sink = box.far.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.sink.bind(("::", 9))
        external = dict(EXTERNAL, gateway_v6="2001:db8:e::1")
        if routed:
            external["routed_prefix"] = routed
        self.tunnels = {"ext": external, "b": SECOND}
        self.core = core
        self.d = box.linkd()
        self.conf(flows)
        for want in "ext active", "b present":
            self.d.tell("want " + want)
        assert self.d.state("ext")[0] == "ready"

    def conf(self, flows, **core):
        self.d.tell("conf %s" % self.box.conf(
            self.tunnels, more={"failover": {"flows": flows}},
            **{**self.core, **core}))

    def lose(self):
        self.d.tell("want b active")
        self.d.tell("want ext present lost")

    def find(self):
        self.d.tell("want ext active")
        self.d.tell("want b present")

    def tcp(self, source=NEAR6, port=7777):
        """An established connection: (ours, theirs)."""
        listener = self.box.far.socket(socket.AF_INET6, socket.SOCK_STREAM)
        with listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("::", port))
            listener.listen()
            s = self.box.ns.socket(socket.AF_INET6, socket.SOCK_STREAM)
            s.settimeout(5 * gw.SLOW)
            s.bind((source, 0))
            s.connect((FAR6, port))
            other = listener.accept()[0]
            other.settimeout(5 * gw.SLOW)
            return s, other

    def udp(self, source=NEAR6):
        s = self.box.ns.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.bind((source, 0))
        s.connect((FAR6, 9))
        return s


def rejects(box):
    lines = box.ns.ip("-6 route show type unreachable proto " + gw.PROTO)
    return sorted(" ".join(x) for x in re.findall(
        r"^unreachable (default from \S+) .*(metric \d+)", lines, re.M))


def reject(prefix, metric=2047):
    return "default from %s metric %d" % (prefix, metric)


def refused(call):
    with pytest.raises(OSError) as e:
        call()
    return e.value.errno


@pytest.mark.parametrize("flows", ["drain", "unreachable", "reset"])
def test_switch_without_a_death(box, flows):
    """Whatever is configured: established flows survive it."""
    f = Flows(box, flows)
    s, other = f.tcp()
    u = f.udp()
    with s, other, u:
        f.d.tell("want b active")
        f.d.tell("want ext present")
        time.sleep(0.1 * gw.SLOW)
        s.send(b"there")
        assert other.recv(10) == b"there"
        other.send(b"back")
        assert s.recv(10) == b"back"
        u.send(b"x")
    assert rejects(box) == []


def test_drain(box):
    f = Flows(box, "drain")
    s, other = f.tcp()
    with s, other:
        f.lose()
        time.sleep(0.1 * gw.SLOW)
        s.send(b"there")
        assert other.recv(10) == b"there"
    assert rejects(box) == []


def probe(box, source=NEAR6, device="tun0"):
    """As the prober's socket does it; nonzero if the answer is there."""
    s = box.ns.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    with s:
        s.settimeout(1 * gw.SLOW)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
                     device.encode() + b"\0")
        s.bind((source, 0))
        s.sendto(struct.pack("!BBHHH", 128, 0, 0, 7, 7), (FAR6, 0))
        while True:
            try:
                if s.recv(100)[0] == 129:
                    return True
            except socket.timeout:
                return False


def test_unreachable(box):
    """Refused at once, but for probes; and as before when it is back."""
    f = Flows(box, "unreachable")
    s, other = f.tcp()
    u = f.udp()
    with s, other, u:
        u.send(b"x")
        f.lose()
        assert rejects(box) == [reject(PREFIX)]
        assert refused(lambda: u.send(b"x")) == errno.EHOSTUNREACH
        assert refused(f.tcp) == errno.EHOSTUNREACH
        assert probe(box)
        # established TCP waits, as TCP does
        s.send(b"there")
        other.settimeout(0.2)
        with pytest.raises(socket.timeout):
            other.recv(10)
        other.settimeout(5 * gw.SLOW)
        f.find()
        assert rejects(box) == []
        u.send(b"x")
        assert other.recv(10) == b"there"
    assert not f.d.logged("repaired")


def test_unreachable_to_hosts_behind_us(box):
    """They are told by ICMPv6, so that they need not wait either."""
    f = Flows(box, "unreachable", routed="2001:db8:e001::/48")
    lan = gw.Namespace("h")
    try:
        lan.sysctl("ipv6/conf/default/accept_dad", 0)
        box.ns.ip("link add lan type veth peer name lan netns " + lan.name)
        for ns, host in (box.ns, 1), (lan, 2):
            ns.ip("link set lan up")
            ns.ip("-6 addr add 2001:db8:e001::%d/64 dev lan nodad" % host)
        lan.ip("-6 route add default via 2001:db8:e001::1")
        box.ns.sysctl("ipv6/conf/all/forwarding", 1)
        assert lan.ping(FAR6)
        f.lose()
        assert rejects(box) == [reject("2001:db8:e001::/48"), reject(PREFIX)]
        out = lan.run("ping", "-6", "-n", "-c1", "-W5", FAR6, check=False)
        assert "Destination unreachable" in out.stdout
        f.find()
        assert lan.ping(FAR6)
    finally:
        lan.close()


@pytest.mark.parametrize("metric,source,refuse", [
    (1, 2, 1), (2, 2, 1), (4294967295, 4294967295, 4294967294)])
def test_unreachable_at_the_ends_of_metric(box, metric, source, refuse):
    f = Flows(box, "unreachable", route_metric=metric)
    lines = box.ns.ip("-6 route show dev tun0 proto " + gw.PROTO)
    assert "from %s via 2001:db8:e::1 metric %d " % (PREFIX, source) in lines
    assert "src %s metric %d " % (NEAR6, metric) in lines
    f.lose()
    assert rejects(box) == [reject(PREFIX, refuse)]
    assert probe(box)
    f.find()
    assert rejects(box) == []


def test_unreachable_is_kept_and_followed(box):
    f = Flows(box, "unreachable", routed="2001:db8:e001::/48")
    both = [reject("2001:db8:e001::/48"), reject(PREFIX)]
    f.lose()
    assert rejects(box) == both
    # somebody takes them away
    box.ns.ip("-6 route flush type unreachable")
    gw.wait_for(lambda: rejects(box) == both, REPAIR + FOLLOW, "the repair")
    assert f.d.logged("repaired: the route unreachable default from " + PREFIX)
    # another metric, other prefixes, another word for flows
    with Monitor(box.ns) as monitor:
        f.d.tell("want ext present lost")
    assert monitor.text == ""
    f.conf("unreachable", route_metric=3000)
    assert rejects(box) == [x.replace("2047", "2999") for x in both]
    del f.tunnels["ext"]["routed_prefix"]
    f.conf("unreachable")
    assert rejects(box) == [reject(PREFIX)]
    f.conf("drain")
    assert rejects(box) == []
    f.conf("unreachable")
    assert rejects(box) == [reject(PREFIX)]
    # the interface goes: its flows are lost all the same
    start = len(f.d.lines)
    box.ns.ip("link del tun0")
    f.d.wait_state("down", "ext", start=start)
    assert rejects(box) == [reject(PREFIX)]
    f.d.tell("want ext absent")
    assert rejects(box) == []
    f.d.tell("want ext present lost")
    assert rejects(box) == [reject(PREFIX)]
    del f.tunnels["ext"]
    f.conf("unreachable")
    assert rejects(box) == []


def test_unreachable_of_one_of_our_own(box):
    """Also while there is no way to its endpoint."""
    d = box.linkd()
    conf = box.conf({"he": SECTION, "b": SECOND},
                    more={"failover": {"flows": "unreachable"}})
    d.tell("conf %s" % conf)
    for want in "he active", "b present", "b active", "he present lost":
        d.tell("want " + want)
    wanted = [reject(gw.PREFIX + "/64")]
    assert rejects(box) == wanted
    assert lifetimes(box) == {gw.CLIENT6: 0}
    start = len(d.lines)
    box.ns.ip("route del default")
    d.wait_state("wait_wan", start=start)
    assert rejects(box) == wanted
    d.tell("want he present")
    assert rejects(box) == [] and d.state()[0] == "wait_wan"
    d.tell("want he present lost")
    assert rejects(box) == wanted
    # made the active one again: nothing refuses its packets
    start = len(d.lines)
    box.ns.ip("route add default via " + gw.ROUTER4)
    d.wait_state("ready", start=start)
    d.tell("want he active")
    assert rejects(box) == [] and lifetimes(box) == {gw.CLIENT6: FOREVER}
    assert lifetimes(box, "he1") == {OTHER6: 0}
    assert len(plain_defaults(box)) == 1


@pytest.mark.parametrize("end", ["crash", "keep", "remove"])
def test_nothing_refuses_after_the_end(box, end):
    """The next start knows of no verdict yet."""
    f = Flows(box, "unreachable", routed="2001:db8:e001::/48")
    box.ns.ip("-6 route add unreachable default from 2001:db8:f::/64 "
              "metric 2047 proto static")
    f.lose()
    if end != "crash":
        f.d.send("shutdown " + end)
        assert f.d.process.wait(timeout=10) == 0
    else:
        f.d.crash()
        assert len(rejects(box)) == 2
        d = box.linkd()
        d.tell("conf %s" % box.conf(f.tunnels))
    assert rejects(box) == []
    assert "2001:db8:f::/64" in box.ns.ip("-6 route show type unreachable")


def closed(s):
    """What its owner sees."""
    s.settimeout(5 * gw.SLOW)
    return refused(lambda: s.recv(1))


def test_reset(box):
    """What has a source address of the tunnel, once, and nothing else."""
    f = Flows(box, "reset", routed="2001:db8:e001::/48")
    box.ns.ip("-6 addr add 2001:db8:e001::5/128 dev lo nodad")
    box.ns.ip("-6 addr add 2001:db8:e999::5/128 dev lo nodad")
    box.ns.ip("-6 route add %s via 2001:db8:e::1" % FAR6)
    listener = box.ns.socket(socket.AF_INET6, socket.SOCK_STREAM)
    with contextlib.ExitStack() as stack:
        stack.enter_context(listener)
        listener.bind((NEAR6, 0))
        listener.listen()
        mine, routed, foreign = (
            f.tcp(source, 7000 + i) for i, source in enumerate(
                [NEAR6, "2001:db8:e001::5", "2001:db8:e999::5"]))
        udp, foreign_udp = f.udp(), f.udp("2001:db8:e999::5")
        for s in *mine, *routed, *foreign, udp, foreign_udp:
            stack.enter_context(s)
        f.lose()
        for s in mine[0], routed[0], udp:
            assert closed(s) == errno.ECONNABORTED
        foreign[0].send(b"there")
        assert foreign[1].recv(10) == b"there"
        foreign_udp.send(b"x")
        # the listener lives, and what begins now is let be
        late = f.tcp()
        client = f.box.far.socket(socket.AF_INET6, socket.SOCK_STREAM)
        for s in *late, client:
            stack.enter_context(s)
        client.settimeout(5 * gw.SLOW)
        client.connect(listener.getsockname()[:2])
        f.d.tell("want ext present lost")
        box.ns.ip("link set tun0 alias x")      # a run for another reason
        time.sleep(0.2 * gw.SLOW)
        late[0].send(b"there")
        assert late[1].recv(10) == b"there"
        # back, and lost again
        f.find()
        f.lose()
        assert closed(late[0]) == errno.ECONNABORTED
    assert rejects(box) == []
    assert f.d.logged("flows with a source address in " + PREFIX)


def test_reset_although_the_interface_is_gone(box):
    f = Flows(box, "reset")
    s, other = f.tcp()
    with s, other:
        start = len(f.d.lines)
        box.ns.ip("link del tun0")
        f.d.wait_state("down", "ext", start=start)
        f.lose()
        assert closed(s) == errno.ECONNABORTED


@pytest.mark.slow
def test_reset_of_many(box):
    """All of them; meanwhile the parent still answers."""
    f = Flows(box, "reset")
    many = 1500
    listener = box.far.socket(socket.AF_INET6, socket.SOCK_STREAM)

    def connect():
        """One thread inside for all of them."""
        sockets = []
        for _ in range(many):
            s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
            s.bind((NEAR6, 0))
            s.connect((FAR6, 7777))
            sockets.append(s)
        return sockets

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE,
                       (soft, hard))
        stack.enter_context(listener)
        listener.bind(("::", 7777))
        listener.listen(many)
        sockets = box.ns.call(connect)
        for s in sockets:
            stack.enter_context(s)
        f.d.send("want b active\nwant ext present lost")
        begin = time.monotonic()
        f.d.tell("sample b")
        assert time.monotonic() - begin < 0.1 * gw.SLOW
        gw.wait_for(lambda: f.d.logged("closed %d flows" % many),
                    10 * gw.SLOW, "all of them")
        for s in sockets:
            assert closed(s) == errno.ECONNABORTED
