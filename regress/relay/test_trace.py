"""Traces in the relay: what is told of a connection is what happened."""

import errno
import types

import pytest

import gw
from relaylab import (GOOD4, GOOD6, PORT, PROHIBITS6, REFUSES4, REFUSES6,
                      SILENT4, SILENT6, SOURCE4, SOURCE6, VERSION)
from test_upstream import BOUND, via

MARGIN = 15 * gw.SLOW
NEVER = -1
NOT_ASKED, UNANSWERED, ANSWERED = range(3)
WAITED, OVERTAKEN, CONNECTED, FAILED, DENIED = range(5)
OK, NOT, TIMEOUT = range(3)
ENOTFOUND = 4


def number(fields):
    return [int(f) if f.isdigit() else f for f in fields]


def order(relay, host, families="policy"):
    relay.process.stdin.write("trace %s %d %s\n" % (host, PORT, families))
    relay.process.stdin.flush()


def trace(relay, host="a.example", families="policy"):
    order(relay, host, families)
    return read(relay)


def read(relay):
    """What relayd prints of one, by name."""
    t = types.SimpleNamespace(queries={}, attempts=[])
    while True:
        line = relay.process.stdout.readline().rstrip("\n")
        kind, *fields = number(line.split("\t"))
        if kind == "query":
            t.queries[fields[0]] = types.SimpleNamespace(
                asked=fields[1], ms=fields[2], error=fields[3],
                ttl=fields[4], records=fields[5:])
        elif kind == "attempt":
            t.attempts.append(types.SimpleNamespace(
                addr=fields[0], state=fields[1], start=fields[2],
                ms=fields[3], error=fields[4], why=fields[5]))
        else:
            assert kind == "end"
            (t.result, t.ms, t.policy, t.first, t.upstream, t.tunnel,
             t.rule, t.reason, t.source) = fields
            return t


def story(t):
    return [(a.addr, a.state) for a in t.attempts]


def near(ms, want):
    return want - 2 <= ms <= want + MARGIN


STORIES = {
    # name: (AAAA, its ms, A, its ms), [(address, state, start)]
    "all is well": (([GOOD6], 0, [GOOD4], 0),
                    [(GOOD6, CONNECTED, 0), (GOOD4, WAITED, 0)]),
    "black-holed": ((SILENT6[:1], 0, [GOOD4], 0),
                    [(SILENT6[0], OVERTAKEN, 0), (GOOD4, CONNECTED, 250)]),
    "three black holes": ((SILENT6, 0, [GOOD4], 0),
                          [(SILENT6[0], OVERTAKEN, 0),
                           (GOOD4, CONNECTED, 250),
                           (SILENT6[1], WAITED, 0),
                           (SILENT6[2], WAITED, 0)]),
    "refused": (([REFUSES6], 0, [GOOD4], 0),
                [(REFUSES6, FAILED, 0), (GOOD4, CONNECTED, 0)]),
    "AAAA late": (([GOOD6], 200, [SILENT4], 0),
                  [(SILENT4, OVERTAKEN, 50), (GOOD6, CONNECTED, 300)]),
    "AAAA never": (([GOOD6], NEVER, [GOOD4], 0), [(GOOD4, CONNECTED, 50)]),
    "the second AAAA": (([SILENT6[0], GOOD6], 0, [SILENT4], 0),
                        [(SILENT6[0], OVERTAKEN, 0),
                         (SILENT4, OVERTAKEN, 250),
                         (GOOD6, CONNECTED, 500)]),
}


@pytest.mark.parametrize("case", STORIES)
def test_stories(relay, case):
    (six, six_ms, four, four_ms), want = STORIES[case]
    relay.host("a.example", six, four, six_ms, four_ms)
    for _ in range(3):
        t = trace(relay)
        assert (t.result, t.reason) == (OK, "")
        assert story(t) == [(a, state) for a, state, _ in want]
        won = next(a for a in t.attempts if a.state == CONNECTED)
        assert near(t.ms, won.start + won.ms) and t.tunnel == "he"
        assert t.source == (SOURCE6 if ":" in won.addr else SOURCE4)
        for a in t.attempts:
            if a.state == OVERTAKEN:
                assert a.start + a.ms == t.ms
        if all(near(a.start, start) for a, (_, _, start)
               in zip(t.attempts, want)):
            break
    else:
        pytest.fail("%s: %s" % (case, t.attempts))
    assert [a.error for a in t.attempts if a.state == FAILED] == \
        [errno.ECONNREFUSED] * (case == "refused")


def test_queries(relay):
    relay.host("a.example", [SILENT6[0], GOOD6], [GOOD4], 30, 5)
    t = trace(relay)
    six, four = t.queries[6], t.queries[4]
    assert near(six.ms, 30) and near(four.ms, 5)
    # in the order of the answer
    assert (six.asked, six.error, six.ttl, six.records) == \
        (ANSWERED, 0, 60, [SILENT6[0], GOOD6])
    assert (four.asked, four.records) == (ANSWERED, [GOOD4])
    relay.host("b.example", [], [GOOD4])
    t = trace(relay, "b.example")
    assert (t.queries[6].error, t.queries[6].records) == (ENOTFOUND, [])
    relay.host("c.example", [GOOD6], [GOOD4], four_ms=NEVER)
    t = trace(relay, "c.example")
    assert t.queries[4].asked == UNANSWERED
    # addresses are not asked for
    assert trace(relay, GOOD6).queries == {}


def test_failures(relay):
    relay.host("refuses.example", [REFUSES6], [REFUSES4])
    relay.host("none.example")
    for host, reason, states in (
            ("refuses.example", "no address could be connected to",
             [FAILED, FAILED]),
            ("none.example", "no address to try", []),
            ("a..example", "the name has an empty label", []),
            (REFUSES4, "no address could be connected to", [FAILED])):
        t = trace(relay, host)
        assert (t.result, t.reason) == (NOT, reason)
        assert [a.state for a in t.attempts] == states


def test_prohibited(relay):
    relay.host("a.example", [PROHIBITS6], [GOOD4])
    first, second = trace(relay).attempts
    assert (second.addr, second.state) == (GOOD4, CONNECTED)
    assert first.state == OVERTAKEN or first.error == errno.EACCES


def test_rules(relay):
    relay.tell("rule *.six.example ipv6 via he")
    relay.tell("rule *.four.example prefer-ipv4")
    relay.tell("deny 2001:db8:2::/48")
    relay.host("a.six.example", [GOOD6], [GOOD4])
    relay.host("a.four.example", [GOOD6], [GOOD4])
    relay.host("denied.example", [SILENT6[1]], [GOOD4])
    t = trace(relay, "a.six.example")
    assert (t.rule, story(t)) == ("*.six.example ipv6 via he",
                                  [(GOOD6, CONNECTED)])
    assert t.queries[4].asked == NOT_ASKED
    t = trace(relay, "a.four.example")
    assert (t.rule, t.first) == ("*.four.example prefer-ipv4", 4)
    assert story(t) == [(GOOD4, CONNECTED), (GOOD6, WAITED)]
    t = trace(relay, "denied.example")
    assert story(t) == [(SILENT6[1], DENIED), (GOOD4, CONNECTED)]
    assert t.attempts[0].why == "deny = 2001:db8:2::/48"
    t = trace(relay, "127.0.0.1")
    assert (t.result, t.reason) == (NOT, "the rules refuse all addresses")
    assert t.attempts[0].why == "a loopback address"


def test_one_family(relay):
    relay.host("a.example", [GOOD6], [GOOD4])
    relay.host("only4.example", [], [GOOD4])
    for families, addr in ("ipv6", GOOD6), ("ipv4", GOOD4):
        t = trace(relay, "a.example", families)
        assert story(t) == [(addr, CONNECTED)]
    assert trace(relay, "only4.example", "ipv6").result == NOT


def test_no_tunnel(relay):
    relay.host("a.example", [GOOD6], [GOOD4])
    relay.tell("way he none 1")
    t = trace(relay)
    assert (t.queries[6].asked, story(t), t.tunnel) == \
        (NOT_ASKED, [(GOOD4, CONNECTED)], "")
    for host in GOOD6, "a.example":
        relay.tell("family ipv6")
        t = trace(relay, host)
        assert (t.result, t.reason) == (NOT, "IPv6 has no tunnel")
    # nor one whose address is gone: there is no route from it
    relay.tell("family auto")
    relay.tell("way he 2001:db8:9::9 1")
    t = trace(relay)
    assert (t.queries[6].asked, story(t)) == \
        (NOT_ASKED, [(GOOD4, CONNECTED)])


def test_no_ipv4(relay, lab):
    relay.host("a.example", [GOOD6], [GOOD4])
    lab.ns.ip("addr del %s/24 dev wan" % SOURCE4)
    try:
        t = trace(relay)
        assert (t.queries[4].asked, story(t)) == \
            (NOT_ASKED, [(GOOD6, CONNECTED)])
        # a rule may mean a net near by: what has no other way is asked for
        relay.tell("family ipv4")
        t = trace(relay)
        assert t.queries[4].asked == ANSWERED
        assert [a.error for a in t.attempts] == [errno.ENETUNREACH]
    finally:
        lab.ns.ip("addr add %s/24 dev wan" % SOURCE4)


@pytest.mark.slow
def test_health(relay):
    """IPv6 that loses after a second, to three sites, one behind the other,
    goes second until the routes change."""
    firsts = []
    for addr in [*SILENT6, SILENT6[0]]:
        relay.host("late.example", [addr], [GOOD4], 0, 1200)
        firsts.append(trace(relay, "late.example").first)
    assert firsts == [6, 6, 6, 4]
    relay.tell("way he %s 1" % SOURCE6)
    assert trace(relay, "late.example").first == 6


@pytest.mark.slow
def test_one_family_is_aside(relay):
    """Who looks at one family alone looks at dead hosts on purpose."""
    for addr in SILENT6:
        order(relay, addr, "ipv6")
    for _ in SILENT6:
        t = read(relay)
        assert (t.result, t.reason) == (TIMEOUT, "nothing answered in time")
        assert 15000 <= t.ms < 15000 + 1000 * gw.SLOW
    relay.host("a.example", [GOOD6], [GOOD4])
    assert trace(relay).first == 6


@pytest.mark.parametrize("code,reason", [
    (0, ""), (2, "the upstream server does not allow it"),
    (4, "the upstream server does not reach the host"),
    (5, "the host refuses, says the upstream server"),
    (1, "the upstream server fails")])
def test_upstream(relay, lab, code, reason):
    """Attempts are those to the server, which does the rest."""
    with via(lab, relay, answer=bytes([VERSION, code, 0]) + BOUND):
        t = trace(relay, "a.example")
        assert (t.upstream, t.rule) == (1, "* any via upstream")
        assert story(t) == [("127.0.0.1", CONNECTED)]
        assert (t.result, t.reason) == (OK if code == 0 else NOT, reason)
        assert t.queries == {}
        if code == 0:
            assert t.source == "192.0.2.9"
        relay.tell("deny a.example")
        t = trace(relay, "a.example")
        assert (t.reason, story(t)) == ("the rules refuse the host", [])
    relay.tell("upstream 127.0.0.1:9")
    t = trace(relay, "b.example")
    assert (t.reason, story(t)) == ("the upstream server is not reached",
                                    [("127.0.0.1", FAILED)])


def test_limits(relay):
    """At most eight at once."""
    relay.host("never.example", six_ms=NEVER, four_ms=NEVER)
    for _ in range(8):
        order(relay, "never.example")
    t = trace(relay)
    assert (t.result, t.reason) == \
        (NOT, "as many traces as there may be are under way")
