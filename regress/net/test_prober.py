"""Probes: sent, timed, answered, lost.  The picture is in probelab.py."""

import collections
import errno
import re
import struct
import time

import pytest

import gw
import procfs
from probelab import (
    CLIENT, ECHO_LEN, ECHO_REQUEST, ERROR, LATE, LONG, MS, REPLY, TARGETS,
    TIMEOUT, TUNNEL, UNKNOWN, Flood)


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


def not_believed(prober):
    """{kind: number} of the first line about that in the log."""
    gw.wait_for(lambda: "not believed" in prober.logged(), 3 * gw.SLOW)
    line = re.search('t0: not believed: ([^"]*)', prober.logged()).group(1)
    return {kind: int(number) for number, kind in
            (part.split(" ", 1) for part in line.split(", "))}


def test_forged_answers(prober, net):
    """None is taken, each is counted by its kind."""
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
    told = not_believed(prober)
    assert told == {"answers with a wrong hash": ECHO_LEN - 6,
                    "answers from a wrong source": 2,
                    "answers that came before": 1,
                    "answers to no probe": 2}
    assert "level=warn" in prober.logged()
    for _ in range(10):
        net.answer(one, TARGETS[0])
    time.sleep(1.1)
    assert prober.logged().count("not believed") == 1, "once a minute"


def test_answers_to_other_programs_are_no_news(prober, net):
    """Somebody pings through the tunnel, with packets of our size."""
    prober.begin(**LONG)
    assert net.client.ping(TARGETS[0], "-s", ECHO_LEN - 8)
    prober.quiet(1.2)
    assert not_believed(prober) == {"answers to no probe": 1}
    assert "level=debug" in re.search(".*not believed.*",
                                      prober.logged()).group()


def test_answer_that_is_too_late(prober, net):
    net.hold()
    prober.sock()
    prober.set(targets=TARGETS[:1], **LONG)
    request, target = net.requests(1, 1)[0]
    assert prober.result(2).outcome == TIMEOUT
    time.sleep(5)
    net.answer(request, target)
    prober.quiet()
    assert not_believed(prober) == {"answers that came too late": 1}


def test_flood_of_forged_answers(prober, net):
    """10,000 a second of whoever has seen a probe: none is taken, all are
    counted, and the probes go on as if nothing were."""
    prober.begin(interval=50)
    data, _ = net.requests(1, 1)[0]
    packets = [b"\x81\0\0\0" + bad[4:] for bad in (
        flip(data, ECHO_LEN - 1), flip(data, 20), flip(data, 5), data)]
    before = prober.cpu()
    flood = Flood(net.far, TARGETS[0], CLIENT, 10000, packets)
    results = prober.results(3.2)
    used = prober.cpu() - before
    sent = flood.sent()
    answered = [r for r in results if r.outcome == REPLY]
    print("%d forged answers, %d of %d probes answered, %.1f %% of a "
          "processor" % (sent, len(answered), len(results), used / 3.2 * 100))
    assert sent > 10000
    assert ERROR not in {r.outcome for r in results}
    assert len(answered) > 40 / min(gw.SLOW, 2)
    assert len(answered) >= 0.95 * len(results)
    assert prober.logged().count("not believed") == 1, "once a minute"
    told = not_believed(prober)
    # and the true answer, over and over, by its age
    assert set(told) >= {"answers with a wrong hash", "answers to no probe"}
    assert used / 3.2 < 0.25 * gw.SLOW


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
    assert not_believed(prober) == {"answers to probes of another tunnel": 1}


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
    before = procfs.switches(prober.pid)
    time.sleep(1)
    assert procfs.switches(prober.pid) == before


def test_cost_of_a_probe(prober):
    """80 us of processor time for a probe and its answer, on a machine that
    does nothing else: a busy one has cold caches."""
    # fast, so that sleeping and cold caches do not count
    prober.begin(interval=1, window=120)
    before = prober.cpu()
    results = prober.results(2)
    cost = (prober.cpu() - before) * 1e6 / len(results)
    print("%.1f us for each of %d probes" % (cost, len(results)))
    assert cost < 3 * 80 * gw.SLOW
