"""User and password (RFC 1929)."""

import socket
import time

import pytest

import gw
from relaylab import GOOD6, Relay, closed, exactly, reply, request

BOB, EVE = b"bob", b"eve"
USERS = "users bob:secret eve:%s a:%s" % ("x:y" * 20, "p" * 255)
TRIES = 5
FIRST = 1 << 31                         # the number of the first user


@pytest.fixture
def relay(lab):
    relay = Relay(lab, "-a")
    relay.tell(USERS)
    yield relay
    relay.close()


def login(user, password):
    return (b"\1" + bytes([len(user)]) + user + bytes([len(password)]) +
            password)


def log_in(relay, user, password):
    """(the client, what the server answers)."""
    s = relay.socket()
    s.sendall(b"\5\1\2")
    assert exactly(s, 2) == b"\5\2"
    s.sendall(login(user, password))
    return s, exactly(s, 2)


def refused(relay, user, password):
    s, answer = log_in(relay, user, password)
    with s:
        return answer == b"\1\1" and closed(s)


@pytest.mark.parametrize("user,password", [
    (BOB, b"secret"), (EVE, b"x:y" * 20), (b"a", b"p" * 255)])
def test_right(relay, user, password):
    s, answer = log_in(relay, user, password)
    with s:
        assert answer == b"\1\0"
        s.sendall(request(GOOD6))
        assert reply(s)[0] == 0 and exactly(s, 1) == b"6"


def test_all_in_one_piece(relay):
    with relay.socket() as s:
        s.sendall(b"\5\2\0\2" + login(BOB, b"secret") + request(GOOD6) +
                  b"hello")
        assert exactly(s, 4) == b"\5\2\1\0" and reply(s)[0] == 0
        assert exactly(s, 6) == b"6hello"


def test_byte_by_byte(relay):
    with relay.socket() as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"\5\1\2" + login(BOB, b"secret") + request(GOOD6):
            s.sendall(bytes([byte]))
            time.sleep(0.002)
        assert exactly(s, 4) == b"\5\2\1\0" and reply(s)[0] == 0


@pytest.mark.parametrize("user,password", [
    (BOB, b"Secret"), (BOB, b"secret "), (BOB, b""), (BOB, b"secre"),
    (BOB, b"s" * 255), (b"nobody", b"secret"), (b"BOB", b"secret"),
    (b"bo", b"secret"), (EVE, b"secret"), (b"u" * 255, b"p")])
def test_wrong(relay, user, password):
    """One answer, and the end."""
    assert refused(relay, user, password)
    assert relay.refused("login") == 1
    gw.wait_for(lambda: relay.count() == 0, 2 * gw.SLOW, "its end")


@pytest.mark.parametrize("sent", [
    b"\2\3bob\6secret", b"\1\0\6secret", b"\1\4bo\0b\6secret",
    b"\1\3bob\7secret\0", request(GOOD6)])
def test_malformed(relay, sent):
    with relay.socket() as s:
        s.sendall(b"\5\1\2" + sent)
        assert exactly(s, 2) == b"\5\2" and closed(s)
    assert relay.refused("login") == 0


def test_not_without(relay):
    """No fall-back to no authentication."""
    for methods in b"\0", b"\0\1", b"\1\x80":
        with relay.socket() as s:
            s.sendall(b"\5" + bytes([len(methods)]) + methods +
                      request(GOOD6))
            assert exactly(s, 2) == b"\5\xff" and closed(s)


def test_nobody_may(lab):
    relay = Relay(lab, "-a")
    assert refused(relay, BOB, b"secret") and refused(relay, BOB, b"")
    relay.close()


def test_reload(relay):
    """Who is gone stays connected and cannot come again."""
    s, answer = log_in(relay, BOB, b"secret")
    with s:
        relay.tell("users eve:other")
        s.sendall(request(GOOD6))
        assert reply(s)[0] == 0 and exactly(s, 1) == b"6"
        assert refused(relay, BOB, b"secret")
        assert refused(relay, EVE, b"x:y" * 20)
        t, answer = log_in(relay, EVE, b"other")
        t.close()
        assert answer == b"\1\0"


def test_guessing(relay):
    """After some wrong ones the right one is wrong, too, for this client."""
    relay.tell("uid 1001")
    for _ in range(TRIES):
        assert refused(relay, BOB, b"guess")
    assert refused(relay, BOB, b"secret")
    assert (relay.refused("login"), relay.refused("guess")) == (TRIES, 1)
    relay.tell("uid 1002")
    s, answer = log_in(relay, BOB, b"secret")
    s.close()
    assert answer == b"\1\0"


def users(relay):
    return {u["uid"]: u for u in relay.stats()["users"]}


def test_whose_it_is(relay):
    """A session counts as its user's, by the same number after a reload."""
    for round in range(2):
        relay.tell("uid 1000")
        s, _ = log_in(relay, BOB, b"secret")
        with s:
            s.sendall(request(GOOD6))
            assert reply(s)[0] == 0
            found = users(relay)
            assert found[1000]["sessions"] == found[1000]["half_open"] == 0
            named = [uid for uid in found if uid >= FIRST]
            assert len(named) == 1 and found[named[0]]["sessions"] == 1
            assert found[named[0]]["wins"][0] == round + 1
        relay.tell("users zoe:1 bob:secret")
        gw.wait_for(lambda: users(relay)[named[0]]["sessions"] == 0,
                    2 * gw.SLOW, "its end")
