"""A known sequence of connections gives exactly these numbers."""

import time

import gw
from relaylab import (GOOD4, GOOD6, PORT, REFUSES4, REFUSES6, SILENT6,
                      exactly)

IPV6, IPV4, UPSTREAM = range(3)
REFUSED, UNREACHABLE, TIMEOUT, RACE, DENIED = range(5)
POSITIVE, NEGATIVE, FAILED, LATE = range(4)
OWNER, LIMIT, MALFORMED, METHOD, COMMAND = range(5)
OTHERS = 0xffffffff


def fetch(relay, host, data=b"0123456789"):
    """Sends data over the relay and reads it back, and one byte more."""
    s, code, _ = relay.connect(host, data=data)
    with s:
        assert code == 0
        assert exactly(s, len(data) + 1)[1:] == data
    gw.wait_for(lambda: relay.count() == 0, 5 * gw.SLOW, "the end")


def numbers(counts):
    return {k: v for k, v in counts.items() if k not in ("connect",)}


def counts(attempts=0, wins=0, rx=0, tx=0, sessions=0, **losses):
    lost = [0] * 5
    for name, n in losses.items():
        lost[globals()[name]] = n
    return {"sessions": sessions, "attempts": attempts, "wins": wins,
            "rx": rx, "tx": tx, "losses": lost}


def test_sequence(relay):
    relay.host("both.example", [GOOD6], [GOOD4])
    relay.host("four.example", [], [GOOD4])
    relay.host("slow6.example", [SILENT6[0]], [GOOD4])
    relay.host("refuses.example", [REFUSES6], [REFUSES4])
    before = relay.stats()
    assert not before["users"] and before["reports"] == 0
    fetch(relay, "both.example")            # IPv6; A was known as well
    fetch(relay, "four.example")            # IPv4
    fetch(relay, "slow6.example", b"x")     # IPv6 lost the race
    s, code, _ = relay.connect("refuses.example")
    s.close()
    assert code == 5
    s, code, _ = relay.connect("127.0.0.1")     # our rules
    s.close()
    assert code == 2
    found = relay.stats()
    six, four, upstream = map(numbers, found["ways"])
    assert six == counts(3, 1, 11, 10, RACE=1, REFUSED=1)
    assert four == counts(4, 2, 13, 11, REFUSED=1, DENIED=1)
    assert upstream == counts()
    assert numbers(found["tunnels"]["he"]) == six
    for way, wins in zip(found["ways"], (1, 2, 0)):
        assert sum(way["connect"]) == wins
    user, = found["users"]
    assert (user["uid"], user["sessions"], user["half_open"]) == (1000, 0, 0)
    assert user["wins"] == [1, 2, 0]
    assert (user["rx"], user["tx"]) == (24, 21)
    assert user["limited"] == [0] * 6
    # each name twice; "four.example" has no AAAA
    assert found["answers"] == [7, 1, 0, 0]
    assert sum(found["refused"]) == 0


def test_sessions_and_bytes_while_they_run(relay):
    s, code, _ = relay.connect(GOOD6)
    half = relay.socket()
    with s, half:
        s.sendall(b"a" * 1000)
        assert len(exactly(s, 1001)) == 1001
        gw.wait_for(lambda: relay.stats()["users"][0]["half_open"] == 1,
                    5 * gw.SLOW, "the second client")
        found = relay.stats()
        assert numbers(found["ways"][IPV6]) == counts(
            1, 1, 1001, 1000, sessions=1)
        assert found["users"][0]["sessions"] == 1
    gw.wait_for(lambda: relay.stats()["users"][0]["half_open"] == 0,
                5 * gw.SLOW, "its end")
    gw.wait_for(lambda: relay.stats()["ways"][IPV6]["sessions"] == 0,
                5 * gw.SLOW, "the end")


def test_late_answer(relay):
    """The connection did not wait for it."""
    relay.host("a.example", [GOOD6], [GOOD4], four_ms=2000)
    fetch(relay, "a.example")
    assert relay.stats()["answers"] == [1, 0, 0, 1]


def test_refusals(relay):
    for data in (b"\4\1", b"\5\1\2", b"\5\1\0\5\2\0\1\1\2\3\4\0\1"):
        with relay.socket() as s:
            s.sendall(data)
            s.recv(64)
            s.recv(64)
    gw.wait_for(lambda: sum(relay.stats()["refused"]) == 3, 5 * gw.SLOW,
                "three refusals")
    refused = relay.stats()["refused"]
    assert [refused[n] for n in (MALFORMED, METHOD, COMMAND)] == [1, 1, 1]


def test_users(relay):
    """The busiest first; those who are too many for the list are one."""
    for uid, n in (1001, 1), (1002, 3), (1003, 2), (1004, 1):
        relay.tell("uid %d" % uid)
        for _ in range(n):
            fetch(relay, GOOD6, b"1234")
    users = relay.stats()["users"]
    assert [u["uid"] for u in users] == [1002, 1003, OTHERS]
    assert [u["wins"][IPV6] for u in users] == [3, 2, 2]
    assert [u["tx"] for u in users] == [12, 8, 8]


def test_told_once_a_second(relay):
    """However much happens; and when nothing does nobody is told."""
    start = time.monotonic()
    s, _, _ = relay.connect(GOOD6)
    with s:
        while time.monotonic() - start < 1.5:
            s.sendall(b"a" * 100)
            exactly(s, 100)
        took = time.monotonic() - start
        assert 2 <= relay.stats()["reports"] <= 1 + took
    time.sleep(1.1)
    quiet = relay.stats()["reports"]
    time.sleep(1.5)
    assert relay.stats()["reports"] == quiet


def test_a_trace_is_no_connection(relay):
    relay.host("a.example", [GOOD6], [GOOD4])
    relay.process.stdin.write("trace a.example %d policy\n" % PORT)
    relay.process.stdin.flush()
    while not relay.process.stdout.readline().startswith("end"):
        pass
    found = relay.stats()
    assert [numbers(way) for way in found["ways"]] == [counts()] * 3
    assert sum(found["answers"]) == 0
