"""ICMPv4 errors about the outer path: proofs, hints, forgeries, floods.

The picture is in probelab.py.  Probes are quoted as if they had gone out in
protocol 41 to 198.51.100.1.
"""

import errno
import re
import time

import pytest

import gw
import probelab
import procfs
from probelab import (
    ANY4, CLIENT, CLIENT4, ECHO_LEN, ENDPOINT4, ERROR, FAR4, LONG, MS,
    NEEDFRAG, OTHER4, REPLY, TARGETS, TIME_EXCEEDED, TUNNEL, UNREACH, Hint,
    Result, error4, outer)

UDP = 17


@pytest.fixture
def waiting(prober, net):
    """A prober with two probes under way, and these as IPv6 packets."""
    net.hold()
    prober.icmp4()
    prober.path()
    prober.sock()
    prober.set(targets=TARGETS[:2], **LONG)
    requests = net.requests(1, 2)
    assert len(requests) == 2
    return [gw.ipv6_header(CLIENT, target, data)
            for data, target in sorted(requests, key=lambda r: r[1])]


def flip(data, byte, bit=1):
    return data[:byte] + bytes([data[byte] ^ bit]) + data[byte + 1:]


def quiet(prober, seconds=0.15):
    assert prober.messages(seconds) == []


@pytest.mark.parametrize("kind, code, error", [
    (UNREACH, 2, errno.ECONNREFUSED), (UNREACH, 3, errno.ECONNREFUSED),
    (UNREACH, 13, errno.EACCES), (UNREACH, 1, errno.EHOSTUNREACH),
    (UNREACH, 0, errno.ENETUNREACH), (TIME_EXCEEDED, 0, errno.EHOSTUNREACH)])
def test_proven(prober, net, waiting, kind, code, error):
    """An error that quotes the whole probe: it is lost at once."""
    start = time.monotonic()
    net.refuse(outer(waiting[0]), kind=kind, code=code)
    first = prober.result()
    took = time.monotonic() - start
    assert (first.outcome, first.target, first.error, first.refuser) == (
        ERROR, 0, error, ENDPOINT4)
    assert first.lost == 1 and took < 20 * MS, "after %.1f ms" % (took * 1000)
    quiet(prober)


def test_proven_by_a_router(prober, net, waiting):
    """Whoever sends it: who knows the tag has seen the probe."""
    net.refuse(outer(waiting[1]), source=FAR4, code=1)
    result = prober.result()
    assert (result.target, result.refuser) == (1, FAR4)


def test_padding_is_no_harm(prober, net, waiting):
    """RFC 4884 pads the quote to 128 bytes, for extensions behind it."""
    net.refuse(outer(waiting[0]) + bytes(28) + b"\x20\0\0\0")
    assert prober.result().refuser == ENDPOINT4


def test_local_any(prober, net, waiting):
    prober.path(local=ANY4)
    time.sleep(0.05)
    net.refuse(outer(waiting[0]))
    assert prober.result().refuser == ENDPOINT4


def test_told_once(prober, net, waiting):
    """The same again proves nothing any more."""
    net.refuse(outer(waiting[0]))
    assert prober.result().outcome == ERROR
    net.refuse(outer(waiting[0]))
    assert prober.message() == Hint(ENDPOINT4, UNREACH, 2)
    net.refuse(outer(waiting[1]))
    assert prober.result().target == 1


@pytest.mark.parametrize("cut", [20, 28, 20 + 40, 20 + 40 + ECHO_LEN - 1])
def test_short_quote_is_a_hint(prober, net, waiting, cut):
    net.refuse(outer(waiting[0])[:cut], source=OTHER4, code=13)
    assert prober.message() == Hint(OTHER4, UNREACH, 13)
    quiet(prober)


def test_forged_quotes_are_hints(prober, net, waiting):
    """With any bit of tag, number, target or tunnel flipped."""
    at = 20 + 40
    for byte in [20 + 24, at + 4, at + 6, *range(at + 8, at + ECHO_LEN)]:
        net.refuse(flip(outer(waiting[0]), byte))
    # another target's; and application traffic
    net.refuse(outer(waiting[0][:24] + waiting[1][24:40] + waiting[0][40:]))
    net.refuse(outer(gw.ipv6_header(CLIENT, TARGETS[0], bytes(60), 6)))
    got = prober.messages(0.3)
    assert got and all(m == Hint(ENDPOINT4, UNREACH, 2) for m in got)
    net.refuse(outer(waiting[0]))
    assert prober.result().outcome == ERROR


def test_other_paths_are_none_of_ours(prober, net, waiting):
    packet = waiting[0]
    net.refuse(outer(packet, to=OTHER4))
    net.refuse(outer(packet, source="192.0.2.3"))
    net.refuse(outer(packet, protocol=UDP))
    net.refuse(outer(packet, protocol=4))
    net.refuse(outer(packet), code=NEEDFRAG)
    net.refuse(outer(packet), kind=5)
    net.refuse(outer(packet)[:19])
    quiet(prober)
    prober.path(remote=ANY4)
    time.sleep(0.05)
    net.refuse(outer(packet))
    quiet(prober)
    # a new path, which the engine's set does not touch
    prober.path(remote=OTHER4)
    time.sleep(0.05)
    net.refuse(outer(packet, to=OTHER4))
    assert prober.result().outcome == ERROR


def test_another_tunnel_of_the_same_server(prober, net, waiting):
    """The proof decides whose it is; a hint is for all that it may be."""
    prober.path(tunnel=TUNNEL - 1)
    prober.set(tunnel=TUNNEL - 1, targets=TARGETS[:1], **LONG)
    time.sleep(0.05)
    net.refuse(outer(waiting[0]))
    messages = prober.receive_all("engine", 0.2)
    assert {(m[0], m[1]) for m in messages} == {
        ("PROBE_RESULT", TUNNEL), ("PROBE_HINT", TUNNEL - 1)}


def test_wireguard(prober, net, waiting):
    """Encrypted: never more than a hint, and for that port only."""
    prober.path(protocol=UDP, port=51820)
    time.sleep(0.05)
    payload = bytes([0xc0, 0, 0xca, 0x6c, 0, 0, 0, 0]) + bytes(60)
    net.refuse(outer(payload, protocol=UDP), code=3)
    assert prober.message() == Hint(ENDPOINT4, UNREACH, 3)
    time.sleep(0.1)
    net.refuse(outer(flip(payload, 3), protocol=UDP), code=3)
    net.refuse(outer(payload[:7], protocol=UDP), code=3)
    net.refuse(outer(payload), code=3)
    quiet(prober)


def test_hints_are_few(prober, net, waiting):
    """One in 100 ms; what is left out is counted and logged."""
    start = time.monotonic()
    for _ in range(300):
        net.refuse(outer(b"12345678"))
    got = prober.messages(0.25)
    took = time.monotonic() - start
    assert 1 <= len(got) <= took / 0.1 + 1
    gw.wait_for(lambda: "prove nothing" in prober.logged(), 2 * gw.SLOW)
    match = re.search(r"t0: not believed: (\d+) ICMPv4 errors that prove "
                      "nothing", prober.logged())
    # what came while it did not read may be lost
    assert 100 <= int(match.group(1)) <= 300
    for _ in range(20):
        net.refuse(outer(b"12345678"))
    time.sleep(1.2)
    assert prober.logged().count("prove nothing") == 1, "once a minute"


def test_flood(prober, net):
    """Forged errors, 10,000 a second, while probes are answered."""
    prober.icmp4()
    prober.path()
    prober.begin(interval=50)
    forged = gw.ipv6_header(CLIENT, TARGETS[0], bytes(ECHO_LEN))
    packets = [error4(outer(forged)), error4(outer(b"12345678"), code=13),
               error4(outer(forged), kind=TIME_EXCEEDED, code=0)]
    before = prober.cpu()
    flood = probelab.Flood(net.far, ENDPOINT4, CLIENT4, 10000, packets)
    got = prober.messages(3.2)
    used = prober.cpu() - before
    sent = flood.sent()
    hints = [m for m in got if isinstance(m, Hint)]
    results = [m for m in got if isinstance(m, Result)]
    print("%d forged errors, %d hints, %d results, %.1f %% of a processor" % (
        sent, len(hints), len(results), used / 3.2 * 100))
    assert sent > 10000
    assert ERROR not in {r.outcome for r in results}
    answered = [r for r in results if r.outcome == REPLY]
    assert len(answered) > 40 / min(gw.SLOW, 2)
    assert len(answered) >= 0.95 * len(results)
    assert 1 <= len(hints) <= 34
    assert used / 3.2 < 0.15 * gw.SLOW


def test_proof_in_a_flood(prober, net, waiting):
    """It waits its turn, at most until the next window."""
    def flood():
        net.refuse(outer(b"12345678"), source=OTHER4)

    with gw.meanwhile(flood, 0.0002):
        time.sleep(0.2)
        for _ in range(20):
            net.refuse(outer(waiting[0]))
            time.sleep(0.01)
        results = [m for m in prober.messages(0.3) if isinstance(m, Result)]
    assert [(r.outcome, r.refuser) for r in results] == [(ERROR, ENDPOINT4)]


def test_no_path_no_wake_up(prober, net):
    """Other programs' errors do not wake it up while no path is known."""
    prober.icmp4()
    time.sleep(0.2)
    before = procfs.switches(prober.pid)
    for _ in range(50):
        net.refuse(outer(b"12345678", protocol=UDP))
    time.sleep(0.2)
    assert procfs.switches(prober.pid) == before


def test_path_outlives_the_set(prober, net):
    """The parent's path and the engine's set come by different pipes."""
    net.hold()
    prober.icmp4()
    prober.path()
    time.sleep(1.1)             # it looks at most once a second
    prober.sock(tunnel=TUNNEL + 1)
    prober.sock()
    prober.set(targets=TARGETS[:1], **LONG)
    (data, target), = net.requests(1, 1)
    net.refuse(outer(gw.ipv6_header(CLIENT, target, data)))
    assert prober.result().refuser == ENDPOINT4


@pytest.mark.host
@pytest.mark.both
def test_forged_errors_move_nothing(running, lab):
    """As anybody may send who knows both addresses.  The kernel's sit repeats
    those with a short quote to whoever sends next, as ICMPv6 errors that
    quote his packet, and sends it all the same."""
    time.sleep(0.5)
    mark = running.log_mark()
    quotes = [outer(inner, source=gw.CLIENT4, to=gw.BROKER4) for inner in (
        bytes(8), gw.ipv6_header(gw.CLIENT6, gw.BROKER6, bytes(40)))]
    packets = [error4(quote, code=code) for quote in quotes
               for code in (1, 2, 13)]
    sent = probelab.Flood(lab.broker_ns, gw.BROKER4, gw.CLIENT4,
                          1000 / gw.SLOW, packets).sent()
    # what it counted is repeated when it is over, too
    time.sleep(2)
    assert sent > 1000 / gw.SLOW
    # a busy machine may be late with an answer or two
    assert running.state() in ("up", "degraded")
    assert not running.logged("-> down", mark)
    assert running.logged("ICMPv4 errors that prove nothing", mark)
