"""The prober as a process: the test is its parent, its engine, and its targets.

    client ns                         far ns
    t0 2001:db8:1::2/64 ------------- t0 2001:db8:1::1, ::11, ::12

The far side's kernel answers echoes, or (held) the test does so by hand.
"""

import collections
import ctypes
import errno
import pathlib
import select
import socket
import struct
import time

import pytest

import gw
from child import Child

CLIENT = "2001:db8:1::2"
TARGETS = ["2001:db8:1::1", "2001:db8:1::11", "2001:db8:1::12"]
TUNNEL = 7
REPLY, TIMEOUT, ERROR, LATE = range(4)
UNKNOWN = 0xffffffff
ECHO_REQUEST, ECHO_REPLY = 128, 129
ECHO_LEN = 40
SO_TIMESTAMPNS, SO_LOCK_FILTER, SO_ATTACH_FILTER = 35, 44, 26
IPV6_RECVERR, ICMP6_FILTER = 25, 1
MS = gw.SLOW / 1000

Result = collections.namedtuple("Result", "outcome target error burst rtt_us "
                                "sent lost avg_us p95_us jitter_us time")


def packed(address):
    return socket.inet_pton(socket.AF_INET6, address)


class Net:
    def __init__(self):
        self.client = gw.Namespace("pc")
        self.far = gw.Namespace("pf")
        self.wire()
        self.raw = self.far.socket(socket.AF_INET6, socket.SOCK_RAW,
                                   socket.IPPROTO_ICMPV6)
        self.raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        # pass echo requests alone
        self.raw.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, struct.pack(
            "=8I", *[0xffffffff & ~(1 if word == 4 else 0)
                     for word in range(8)]))
        self.hold(False)

    def wire(self):
        self.client.ip("link add t0 type veth peer name t0 netns " +
                       self.far.name)
        for ns, addresses in (self.client, [CLIENT]), (self.far, TARGETS):
            ns.ip("link set t0 up")
            for address in addresses:
                ns.ip("addr add %s/64 dev t0 nodad" % address)
        # so that the first probe does not wait for a neighbour
        for target in TARGETS:
            self.client.run("ping", "-6", "-c1", "-W1", "-I", "t0", target,
                            check=False)

    def rewire(self):
        self.client.ip("link del t0")
        self.wire()

    def hold(self, on=True):
        """The far kernel answers no more."""
        self.far.sysctl("ipv6/icmp/echo_ignore_all", int(on))
        self.requests(0)

    def requests(self, seconds, count=1000):
        """Echo requests that come within that time: (data, target)."""
        end = time.monotonic() + seconds
        out = []
        while len(out) < count and select.select(
                [self.raw], [], [], max(0, end - time.monotonic()))[0]:
            data, control, _, _ = self.raw.recvmsg(2000, 256)
            out.append((data, socket.inet_ntop(
                socket.AF_INET6, control[0][2][:16])))
        return out

    def answer(self, data, source, kind=ECHO_REPLY):
        data = bytes([kind, 0, 0, 0]) + data[4:]
        self.raw.sendmsg([data], [(
            socket.IPPROTO_IPV6, socket.IPV6_PKTINFO,
            packed(source) + struct.pack("=I", 0))], 0, (CLIENT, 0))

    def socket(self):
        """As gatewayd/prober/icmp6.h wants it from the parent."""
        s = self.client.socket(socket.AF_INET6, socket.SOCK_RAW,
                               socket.IPPROTO_ICMPV6)
        words = [0xffffffff] * 8
        words[ECHO_REPLY >> 5] &= ~(1 << (ECHO_REPLY & 31))
        s.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER,
                     struct.pack("=8I", *words))
        program = [(0x80, 0, 0, 0), (0x15, 0, 3, ECHO_LEN), (0x30, 0, 0, 0),
                   (0x15, 0, 1, ECHO_REPLY), (0x06, 0, 0, 0xffffffff),
                   (0x06, 0, 0, 0)]
        code = ctypes.create_string_buffer(
            b"".join(struct.pack("=HBBI", *line) for line in program))
        s.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack(
            "@HP", len(program), ctypes.addressof(code)))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"t0\0")
        s.bind((CLIENT, 0))
        s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        s.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        s.setsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER, 1)
        s.setblocking(False)
        return s

    def close(self):
        self.raw.close()
        self.client.close()
        self.far.close()


class Prober(Child):
    def __init__(self, net):
        self.net = net
        super().__init__("prober", net.client, peers=("engine",))

    def sock(self, tunnel=TUNNEL):
        with self.net.socket() as s:
            self.send("PROBE_SOCK", tunnel, packed(CLIENT) + struct.pack(
                "=I", self.net.client.ifindex("t0")), fd=s.fileno())

    def set(self, interval=500, window=60000, targets=TARGETS, tunnel=TUNNEL):
        self.send("PROBE_SET", tunnel, struct.pack(
            "=III", interval, window, len(targets)) + b"".join(
                packed(t) for t in targets).ljust(8 * 16, b"\0"), to="engine")

    def burst(self, tunnel=TUNNEL):
        self.send("PROBE_BURST", tunnel, struct.pack("=II", 3, 50),
                  to="engine")

    def delete(self, tunnel=TUNNEL):
        self.send("PROBE_DEL", tunnel, to="engine")

    def result(self, seconds=1):
        """The next result, or None."""
        message = self.receive("engine", seconds * gw.SLOW)
        if message is None:
            return None
        assert message[0] == "PROBE_RESULT" and message[1] == TUNNEL
        return Result(*struct.unpack("=10I8xQ", message[2]))

    def results(self, seconds):
        end = time.monotonic() + seconds
        out = []
        while (left := end - time.monotonic()) > 0:
            if (r := self.result(left / gw.SLOW)) is not None:
                out.append(r)
        return out

    def begin(self, **kwargs):
        """Socket, set, and the answers to the first probes."""
        self.sock()
        self.set(**kwargs)
        n = len(kwargs.get("targets", TARGETS))
        first = [self.result() for _ in range(n)]
        assert [r.outcome for r in first] == [REPLY] * n
        return first

    def quiet(self, seconds=0.2):
        assert self.results(seconds) == []

    def descriptors(self):
        return len(list(pathlib.Path("/proc/%d/fd" % self.pid).iterdir()))


@pytest.fixture(scope="module")
def net():
    gw.ensure_users()
    net = Net()
    yield net
    net.close()


@pytest.fixture
def prober(net):
    net.hold(False)
    prober = Prober(net)
    yield prober
    prober.close()


LONG = dict(interval=60000)     # nothing but the first probes and bursts


@pytest.mark.parametrize("order", ["socket first", "set first"])
def test_first_probes(prober, order):
    """All targets are asked at once, whichever message comes first."""
    start = time.monotonic()
    if order == "socket first":
        prober.sock()
        prober.set(**LONG)
    else:
        prober.set(**LONG)
        prober.sock()
    first = prober.result()
    took = time.monotonic() - start
    assert first.outcome == REPLY and first.burst == 0
    assert took < 100 * MS, "an answer after %.1f ms" % (took * 1000)
    assert 0 < first.rtt_us < 20000 * gw.SLOW
    rest = [prober.result(), prober.result()]
    assert {r.target for r in [first, *rest]} == {0, 1, 2}
    assert [r.sent for r in [first, *rest]] == [1, 2, 3]
    assert rest[1].lost == 0 and rest[1].avg_us < 20000 * gw.SLOW
    assert rest[1].jitter_us == UNKNOWN, "three targets: nothing to compare"
    assert abs(rest[1].time - time.time()) < 3
    prober.quiet()


def test_rotation(prober):
    """One target each interval in turn, 10 % more or less."""
    prober.begin(interval=100)
    start = time.monotonic()
    results = [prober.result() for _ in range(12)]
    took = time.monotonic() - start
    turns = [r.target for r in results]
    assert turns == [(turns[0] + i) % 3 for i in range(12)]
    assert 12 * 0.09 < took < 12 * 0.11 + 0.1 * gw.SLOW
    assert results[-1].sent == 15 and results[-1].jitter_us != UNKNOWN


def test_new_interval_keeps_the_window(prober):
    prober.begin(**LONG)
    prober.set(interval=100)
    assert prober.result().sent == 4, "the tick is due by the new interval"
    prober.set(interval=60000)
    prober.quiet(0.3)
    prober.set(interval=50)
    assert prober.result().sent == 5


def test_other_targets_start_anew(prober, net):
    prober.begin(**LONG)
    prober.set(targets=TARGETS[1:], **LONG)
    first = prober.result()
    assert first.sent == 1 and first.outcome == REPLY
    assert {first.target, prober.result().target} == {0, 1}


def test_burst(prober, net):
    prober.begin(**LONG)
    start = time.monotonic()
    prober.burst()
    results = [prober.result() for _ in range(9)]
    took = time.monotonic() - start
    assert all(r.burst and r.outcome == REPLY for r in results)
    assert collections.Counter(r.target for r in results) == {0: 3, 1: 3, 2: 3}
    assert 0.1 <= took < 0.1 + 60 * MS, "three rounds in %.3f s" % took
    # it samples bad moments: the window does not count it
    assert results[-1].sent == 3
    prober.quiet()


def test_timeout_adapts_and_late(prober, net):
    """1 s at first, 100 ms once the delay is known; late answers count."""
    net.hold()
    prober.sock()
    prober.set(targets=TARGETS[:1], **LONG)
    start = time.monotonic()
    first = prober.result(2)
    assert first.outcome == TIMEOUT and first.lost == 1
    assert 1.0 <= time.monotonic() - start < 1.0 + 50 * MS
    request, target = net.requests(1, 1)[0]
    net.answer(request, target)
    late = prober.result()
    assert late.outcome == LATE and late.rtt_us > 1000000
    assert (late.sent, late.lost) == (1, 0), "no longer lost"
    net.answer(request, target)
    prober.quiet()

    net.hold(False)
    prober.set(interval=50, targets=TARGETS[:1])
    for _ in range(40):
        prober.result()
    prober.set(interval=60000, targets=TARGETS[:1])
    net.hold()
    prober.results(0.1)
    prober.burst()
    start = time.monotonic()
    assert prober.result().outcome == TIMEOUT
    took = time.monotonic() - start
    assert 0.1 <= took < 0.1 + 50 * MS, "gave up after %.3f s" % took


def flip(data, byte, bit=1):
    return data[:byte] + bytes([data[byte] ^ bit]) + data[byte + 1:]


def test_forged_answers(prober, net):
    net.hold()
    prober.sock()
    prober.set(targets=TARGETS[:2], **LONG)
    requests = {target: data for data, target in net.requests(1, 2)}
    assert set(requests) == set(TARGETS[:2])
    one, two = requests[TARGETS[0]], requests[TARGETS[1]]
    assert len(one) == ECHO_LEN and one[8:] != two[8:]
    for byte in range(4, ECHO_LEN):
        net.answer(flip(one, byte), TARGETS[0])
    net.answer(one, TARGETS[2])                 # another host
    net.answer(two, TARGETS[0])                 # another target's
    net.answer(one[:-1], TARGETS[0])
    net.answer(one + b"\0", TARGETS[0])
    net.answer(one, TARGETS[0], ECHO_REQUEST)
    prober.quiet()
    net.answer(one, TARGETS[0])
    assert prober.result().outcome == REPLY
    net.answer(one, TARGETS[0])                 # twice
    prober.quiet()
    net.answer(two, TARGETS[1])
    assert prober.result().outcome == REPLY


def test_two_tunnels_do_not_answer_for_each_other(prober, net):
    net.hold()
    prober.sock()
    prober.set(targets=TARGETS[:1], **LONG)
    prober.sock(tunnel=TUNNEL + 1)
    (request, target), = net.requests(1, 1)
    # the kernel gives each of the two sockets a copy
    net.answer(request, target)
    assert prober.result().outcome == REPLY
    prober.quiet()


def test_unreachable(prober, net):
    """A router's word is a result at once."""
    prober.begin(**LONG)
    net.far.run("nft", "add table inet t; add chain inet t in "
                "{ type filter hook input priority 0; }; "
                "add rule inet t in ip6 daddr %s icmpv6 type echo-request "
                "reject with icmpv6 type admin-prohibited" % TARGETS[0])
    try:
        prober.burst()
        results = [prober.result() for _ in range(9)]
    finally:
        net.far.run("nft", "delete table inet t")
    errors = [r for r in results if r.outcome == ERROR]
    assert {(r.target, r.error) for r in errors} == {(0, errno.EACCES)}
    assert len(errors) == 3
    assert all(r.outcome == REPLY for r in results if r.target != 0)


def test_forged_error(prober, net):
    """An ICMPv6 error that does not quote our tag is no error."""
    net.hold()
    prober.sock()
    prober.set(targets=TARGETS[:1], **LONG)
    (request, target), = net.requests(1, 1)
    for quoted in flip(request, ECHO_LEN - 1), flip(request, 20), request:
        inner = gw.ipv6_header(CLIENT, target, quoted)
        net.answer(struct.pack("!BBHI", 1, 0, 0, 0) + inner, target, kind=1)
        if quoted != request:
            prober.quiet(0.1)
    error = prober.result()
    assert (error.outcome, error.error) == (ERROR, errno.ENETUNREACH)


def test_interface_down(prober, net):
    """A probe that cannot be sent is a result at once."""
    prober.begin(**LONG)
    net.client.ip("link set t0 down")
    try:
        start = time.monotonic()
        prober.burst()
        first = prober.result()
        assert first.outcome == ERROR and first.error != 0
        assert time.monotonic() - start < 20 * MS
        prober.results(0.3)
    finally:
        net.rewire()


def test_new_interface(prober, net):
    """A new socket goes on with the window of the old one."""
    prober.begin(**LONG)
    fds = prober.descriptors()
    net.rewire()
    prober.sock()
    results = [prober.result() for _ in range(3)]
    assert [r.outcome for r in results] == [REPLY] * 3
    assert results[-1].sent == 6
    assert prober.descriptors() == fds


def test_delete(prober, net):
    prober.begin(interval=50)
    prober.delete()
    prober.results(0.1)
    prober.quiet(0.3)
    prober.burst()
    prober.delete(tunnel=99)
    prober.burst(tunnel=99)
    prober.quiet()
    # the socket may have come before the set that follows
    prober.set(**LONG)
    assert prober.result().outcome == REPLY


def test_removed_tunnels_leave_no_descriptors(prober, net):
    before = prober.descriptors()
    for tunnel in range(100, 120):
        prober.sock(tunnel=tunnel)
    gw.wait_for(lambda: prober.descriptors() == before + 20, 2 * gw.SLOW)
    net.rewire()
    time.sleep(1.1)             # it looks at most once a second
    prober.delete(tunnel=100)
    gw.wait_for(lambda: prober.descriptors() == before, 2 * gw.SLOW)


def test_silent_target_is_probed_with_the_next(prober, net):
    """A dead target must not make the others' turns rarer."""
    dead = "2001:db8:1::dead"
    net.client.ip("neigh replace %s lladdr 02:00:00:00:00:01 dev t0" % dead)
    prober.sock()
    prober.set(interval=100, targets=[dead, TARGETS[0]])
    prober.results(4)
    counts = collections.Counter(r.target for r in prober.results(2)
                                 if r.outcome == REPLY)
    assert counts[1] >= 16, "the live target was asked %d times" % counts[1]


def test_idle_process_sleeps(prober):
    prober.sock()
    time.sleep(0.2)

    def switches():
        status = pathlib.Path("/proc/%d/status" % prober.pid).read_text()
        return int(status.split("voluntary_ctxt_switches:")[1].split()[0])

    before = switches()
    time.sleep(1)
    assert switches() == before


def test_cost_of_a_probe(prober):
    """80 us of processor time for a probe and its answer, on a machine that
    does nothing else: a busy one has cold caches."""
    def used_us():
        path = pathlib.Path("/proc/%d/schedstat" % prober.pid)
        return int(path.read_text().split()[0]) / 1000

    # fast, so that sleeping and cold caches do not count
    prober.begin(interval=1, window=120)
    before = used_us()
    results = prober.results(2)
    cost = (used_us() - before) / len(results)
    print("%.1f us for each of %d probes" % (cost, len(results)))
    assert cost < 3 * 80 * gw.SLOW
