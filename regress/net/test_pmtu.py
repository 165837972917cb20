"""The search for the path MTU: the process itself, then over real tunnels.

The picture is in probelab.py; the wire takes 9000 bytes, and the test answers
by hand.
"""

import pathlib
import random
import re
import socket
import struct
import threading
import time

import pytest

import gw
from broker import checksum
from probelab import (
    CLIENT, ECHO_LEN, ERROR, IPV6_HEADER, LONG, MS, REPLY, TARGETS, Mtu,
    Result)

TOO_BIG = 2
STEP = 8
WIRE = 9000


@pytest.fixture(scope="module")
def wide(net):
    for ns in net.client, net.far:
        ns.ip("link set t0 mtu %d" % WIRE)
    return net


@pytest.fixture
def steady(prober, wide):
    """A prober that knows the delay, and answers that the test gives."""
    prober.sock()
    prober.set(interval=20, targets=TARGETS[:2])
    for _ in range(40):
        prober.result()
    prober.set(targets=TARGETS[:2], **LONG)
    prober.results(0.1)
    wide.hold()
    return prober


def too_big(net, data, target, mtu):
    """Packet Too Big about it, from there, with as much as is usual."""
    quoted = gw.ipv6_header(CLIENT, target, data)[:1232]
    net.answer(struct.pack("!BBHI", TOO_BIG, 0, 0, mtu) + quoted, target,
               kind=TOO_BIG)


def serve(prober, net, limit, says=None, loss=0, only=None, seconds=20):
    """Answers until there is a result; that, and the requests' sizes."""
    rng = random.Random(limit)
    sizes = []
    end = time.monotonic() + seconds * gw.SLOW
    while time.monotonic() < end:
        for data, target in net.requests(0.002):
            size = len(data) + IPV6_HEADER
            if len(data) == ECHO_LEN:
                net.answer(data, target)
                continue
            sizes.append(size)
            if only and target != only or rng.random() < loss:
                continue
            if size <= limit:
                net.answer(data, target)
            elif says:
                says(data, target)
        message = prober.message(0)
        if isinstance(message, Mtu):
            return message, sizes
        assert message is None or message.outcome == REPLY
    raise AssertionError("no result; requests of %s" % sizes)


@pytest.mark.parametrize("limit", [1280, 1281, 1400, 1472, 1479, 1480])
def test_black_hole(steady, net, limit):
    steady.pmtu(1480)
    result, sizes = serve(steady, net, limit)
    assert result.max == 1480 and not result.told
    assert limit - STEP < result.mtu <= limit
    assert sizes[:2] == [1280, 1480] and len(sizes) <= 25
    if limit == 1480:
        assert result == Mtu(1480, 1480, 0) and len(sizes) == 2


@pytest.mark.parametrize("limit", [1280, 1472, 8999])
def test_told(steady, net, limit):
    """Exactly, after four probes."""
    steady.pmtu(WIRE)
    result, sizes = serve(steady, net, limit,
                          lambda data, to: too_big(net, data, to, limit))
    assert result == Mtu(limit, WIRE, 1)
    assert len(sizes) <= 4


@pytest.mark.slow
def test_jumbo(steady, net):
    steady.pmtu(WIRE)
    result, sizes = serve(steady, net, 4321)
    assert 4321 - STEP < result.mtu <= 4321 and len(sizes) <= 40


@pytest.mark.slow
def test_losses(steady, net):
    """Twenty in a hundred do not lower it."""
    for limit in 1480, 1400:
        steady.pmtu(1480)
        result, _ = serve(steady, net, limit, loss=0.2)
        assert limit - STEP < result.mtu <= limit


def test_next_target(steady, net):
    """If the first answers nothing that large."""
    steady.pmtu(1480)
    result, sizes = serve(steady, net, 1480, only=TARGETS[1])
    assert result == Mtu(1480, 1480, 0)
    assert sizes == [1280] * 4 + [1480]


@pytest.mark.slow
def test_nobody_answers(steady, net):
    steady.pmtu(1480)
    result, sizes = serve(steady, net, 0)
    assert result == Mtu(0, 1480, 0) and sizes == [1280] * 6


def forgeries(net, data, target):
    """What may not lower it."""
    for mtu in 0, 68, 1279, len(data) + IPV6_HEADER, 65535:
        too_big(net, data, target, mtu)
    for byte in 4, 6, 11, 15, ECHO_LEN - 1:
        bad = data[:byte] + bytes([data[byte] ^ 1]) + data[byte + 1:]
        too_big(net, bad, target, 1300)
    too_big(net, data[:ECHO_LEN - 1], target, 1300)
    too_big(net, data, TARGETS[2], 1300)


@pytest.mark.slow
def test_forged_too_big(steady, net):
    """Believed is what quotes our probe, downwards, and from 1280 on."""
    steady.pmtu(1480)
    result, sizes = serve(steady, net, 1400,
                          lambda data, to: forgeries(net, data, to))
    assert not result.told and 1400 - STEP < result.mtu <= 1400
    # all three tries of the largest were made
    assert sizes[:4] == [1280] + [1480] * 3


def test_answers_must_be_as_long(steady, net):
    """Some targets cut long answers."""
    steady.pmtu(1480)
    end = time.monotonic() + 10 * gw.SLOW
    result = None
    while result is None and time.monotonic() < end:
        for data, target in net.requests(0.002):
            net.answer(data[:-1] if len(data) == 1440 else data, target)
        result = steady.message(0)
    assert 1480 - STEP <= result.mtu < 1480


@pytest.mark.slow
def test_large_probes_are_a_world_of_their_own(steady, net):
    """No result, no loss, no delay of theirs is told as a probe's."""
    steady.burst()
    before = serve_burst(steady, net)
    steady.pmtu(1480)
    serve(steady, net, 1300)            # many are lost
    steady.burst()
    after = serve_burst(steady, net)
    assert (after.sent, after.lost) == (before.sent, before.lost)
    assert (after.avg_us, after.p95_us) == (before.avg_us, before.p95_us)
    steady.quiet()


def serve_burst(prober, net):
    """The last of six results."""
    results = []
    while len(results) < 6:
        for data, target in net.requests(0.002):
            net.answer(data, target)
        message = prober.message(0)
        if message is not None:
            assert isinstance(message, Result) and message.outcome == REPLY
            results.append(message)
    return results[-1]


@pytest.mark.slow
def test_probes_go_on(prober, wide):
    """A pending "too big" does not keep a probe from being sent."""
    prober.begin(interval=20, targets=TARGETS[:1])
    wide.hold()
    prober.pmtu(1480)
    seen = 0
    end = time.monotonic() + 3
    results = []
    while time.monotonic() < end:
        for data, target in wide.requests(0.002):
            if len(data) > 1240:
                seen += 1
                too_big(wide, data, target, 1400 if seen > 1 else 1480)
            elif len(data) == 1240 or len(data) == ECHO_LEN:
                wide.answer(data, target)
        while (message := prober.message(0)) is not None:
            results.append(message)
    small = [m for m in results if isinstance(m, Result)]
    assert seen >= 1 and len(small) > 50 / gw.SLOW
    assert ERROR not in {m.outcome for m in small}
    assert sum(m.outcome == REPLY for m in small) >= 0.95 * len(small)


ABORTS = {
    "deleted": lambda p: p.delete(),
    "targets": lambda p: p.set(targets=TARGETS[1:], **LONG),
    "socket": lambda p: p.sock(),
}


@pytest.mark.parametrize("why", ABORTS)
def test_abort(steady, net, why):
    """Nothing more is sent, and no result comes."""
    steady.pmtu(1480)
    assert len(net.requests(1, 1)[0][0]) == 1240
    ABORTS[why](steady)
    time.sleep(0.05)
    net.requests(0)
    sent = net.requests(1)
    assert all(len(data) == ECHO_LEN for data, _ in sent)
    assert not any(isinstance(m, Mtu) for m in steady.messages(0.2))


def test_start_again(steady, net):
    """A new search takes the place of the old one."""
    steady.pmtu(1480)
    net.requests(1, 1)
    steady.pmtu(1500)
    result, sizes = serve(steady, net, 1500)
    assert result == Mtu(1500, 1500, 0)
    assert not any(isinstance(m, Mtu) for m in steady.messages(0.5))


def test_interface_is_smaller(steady, net):
    """Said by our own kernel before anything is sent."""
    net.client.ip("link set t0 mtu 1450")
    try:
        steady.pmtu(1480)
        result, sizes = serve(steady, net, WIRE)
        assert result == Mtu(1450, 1480, 1)
        assert max(sizes) == 1450
    finally:
        net.client.ip("link set t0 mtu %d" % WIRE)


def test_limit_of_ipv6_does_not_bind(steady, net):
    """What the parent lowers when a black hole was found, and what the
    kernel has learned of the path, does not keep it from looking again."""
    net.client.sysctl("ipv6/conf/t0/mtu", 1280)
    try:
        steady.pmtu(1480)
        result, _ = serve(steady, net, WIRE)
        assert result == Mtu(1480, 1480, 0)
    finally:
        net.client.sysctl("ipv6/conf/t0/mtu", WIRE)


def test_no_search_no_tunnel(prober):
    prober.pmtu(tunnel=99)
    prober.sock()
    prober.pmtu()
    prober.set(**LONG)
    assert all(prober.result().outcome == REPLY for _ in TARGETS)
    prober.quiet()
    assert prober.process.poll() is None


@pytest.mark.slow
def test_time(steady, net):
    """One at a time; a lost one costs twice the time-out."""
    start = time.monotonic()
    steady.pmtu(1480)
    serve(steady, net, 1480)
    assert time.monotonic() - start < 100 * MS
    start = time.monotonic()
    steady.pmtu(1480)
    _, sizes = serve(steady, net, 1400)
    took = time.monotonic() - start
    assert took < len(sizes) * 0.21 + 200 * MS


class Narrow:
    """A hop on the outer path that takes no packets above a size, in either
    direction: silently, or with ICMPv4 "fragmentation needed"."""

    def __init__(self, lab, size, tells):
        self.ns = lab.broker_ns
        self.size = size
        for name, hook in ("in", "prerouting"), ("out", "postrouting"):
            self.ns.run("nft", "add table ip narrow; add chain ip narrow %s "
                        "{ type filter hook %s priority 0; }; add rule ip "
                        "narrow %s ip length > %d counter drop" % (
                            name, hook, name, size))
        self.told = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.tell)
        self.wire = self.ns.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                   socket.htons(0x0800))
        self.icmp = self.ns.socket(socket.AF_INET, socket.SOCK_RAW,
                                   socket.IPPROTO_ICMP)
        if tells:
            self.icmp.bind((gw.ROUTER4, 0))
            self.thread.start()

    def tell(self):
        self.wire.settimeout(0.05)
        while not self.stop.is_set():
            try:
                packet, origin = self.wire.recvfrom(2048)
            except TimeoutError:
                continue
            if (origin[0] != "wan" or origin[2] == socket.PACKET_OUTGOING or
                    len(packet) <= self.size):
                continue
            body = struct.pack("!BBHHH", 3, 4, 0, 0, self.size) + packet[:28]
            body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
            self.icmp.sendto(body, (gw.CLIENT4, 0))
            self.told += 1

    def dropped(self):
        out = self.ns.run("nft", "list", "table", "ip", "narrow").stdout
        return sum(int(n) for n in re.findall(r"packets (\d+)", out))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop.set()
        if self.thread.ident:
            self.thread.join()
        self.wire.close()
        self.icmp.close()
        self.ns.run("nft", "delete", "table", "ip", "narrow")


def searched(daemon, low, high):
    """Waits for a path MTU in that range; the tunnel's detail."""
    gw.wait_for(lambda: low <= (daemon.tunnel()["detail"]["pmtu"] or 0) <=
                high, 20 * max(1, gw.SLOW / 3), "a path MTU of %d" % high)
    return daemon.tunnel()["detail"]


def test_daemon_whole_path(running, lab):
    """As large as the tunnel: nothing to report."""
    assert searched(running, 1480, 1480)["black_hole"] is False


@pytest.mark.both
def test_daemon_black_hole(daemon, lab):
    """A hop that drops large packets and says nothing, then one that does
    not."""
    with Narrow(lab, 1420, tells=False) as hop:
        daemon.up()
        detail = searched(daemon, 1400 - STEP + 1, 1400)
        assert detail["black_hole"] is True
        assert 3 <= hop.dropped() <= 40
        # no smaller verdict for all that
        assert daemon.state() == "up"
    daemon.ctl("tunnel", "he", "restart")
    assert searched(daemon, 1480, 1480)["black_hole"] is False


@pytest.mark.both
def test_daemon_is_told(daemon, lab):
    """The kernel's sit, and encap, turn "fragmentation needed" into "packet
    too big" for who sends next: exact, and no black hole."""
    with Narrow(lab, 1420, tells=True) as hop:
        daemon.up()
        detail = searched(daemon, 1400, 1400)
        assert detail["black_hole"] is False
        assert hop.told > 0
        assert daemon.state() == "up"


def limit(lab):
    """The largest IPv6 packet that the kernel sends through the tunnel."""
    return int(lab.client.call(lambda: pathlib.Path(
        "/proc/sys/net/ipv6/conf/he0/mtu").read_text()))


@pytest.mark.both
@pytest.mark.parametrize("tells", [False, True], ids=["silent", "told"])
def test_daemon_lowers_the_mtu_and_raises_it(daemon, lab, tells):
    """What is in force, what is said of it, TCP in between, and the way back
    when the WAN is another one."""
    text = "".join("line %d\n" % i for i in range(50000))
    url = lab.web(text)
    with Narrow(lab, 1420, tells) as hop:
        daemon.up()
        pmtu = searched(daemon, 1400 - STEP + 1, 1400)["pmtu"]
        gw.wait_for(lambda: limit(lab) == pmtu, 5 * gw.SLOW, "the limit")
        gw.wait_for(lambda: daemon.tunnel()["detail"]["mtu"] == pmtu,
                    5 * gw.SLOW, "the MTU")
        detail = daemon.tunnel()["detail"]
        assert detail["mtu_max"] == 1480
        assert detail["black_hole"] is not tells
        assert daemon.logged("packets above %d bytes %s" % (
            pmtu, "are too big for the way" if tells else "vanish"))
        seen = "packets above %d bytes vanish on the way; MTU lowered" % pmtu
        assert (seen in daemon.ctl("status").stdout) is not tells
        dropped = hop.dropped()
        assert lab.client.run("curl", "-sS", "-f", "-g", "-m",
                              int(20 * gw.SLOW), url).stdout == text
        assert hop.dropped() == dropped, "TCP learned it from the route"
    mark = daemon.log_mark()
    lab.wan_address("192.0.2.77", old=gw.CLIENT4)
    assert searched(daemon, 1480, 1480)["black_hole"] is False
    gw.wait_for(lambda: limit(lab) == 1480, 5 * gw.SLOW, "no limit")
    assert daemon.logged("packets of 1480 bytes get through again", mark)
    assert "vanish" not in daemon.ctl("status").stdout
