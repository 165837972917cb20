"""Another SOCKS5 server behind the relay: one that behaves, and others."""

import contextlib
import pathlib
import re
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest

import gw
from relaylab import (GOOD4, GOOD6, SOURCE6, UDP, Relay, closed, exactly,
                      reply, request)

ONION = "expyuzz4wqqyqhjn.onion"
SUCCEEDED, FAILURE, DENIED, HOST = 0, 1, 2, 4
# losses, in their order
REFUSED, UNREACHABLE, TIMEOUT, _RACE, DENIED_HERE = range(5)
BOUND = b"\1\xc0\0\2\x09\x1f\x90"       # 192.0.2.9:8080
OK = b"\5\0\0" + BOUND


class Upstream(threading.Thread):
    """Answers each message by the next of its texts; what clients said is in
    seen, by connection.  After the last answer it sends back what it gets."""

    def __init__(self, ns, method=b"\5\2", status=b"\1\0", answer=OK,
                 host="127.0.0.1", drip=False):
        super().__init__(daemon=True)
        self.texts = method, status, answer
        self.drip, self.seen, self.closed = drip, [], 0
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = ns.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        self.place = ("[%s]:%d" if ":" in host else "%s:%d") % (
            host, self.port)
        self.start()

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,),
                             daemon=True).start()

    def say(self, s, data):
        for piece in ([data[i:i + 1] for i in range(len(data))]
                      if self.drip else [data]):
            s.sendall(piece)
            if self.drip:
                time.sleep(0.005)

    def serve(self, s):
        seen = []
        self.seen.append(seen)
        method, status, answer = self.texts
        with s, contextlib.suppress(OSError, IndexError):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            head = exactly(s, 2)
            seen.append(head + exactly(s, head[1]))
            self.say(s, method)
            if method == b"\5\2":
                head = exactly(s, 2)
                user = exactly(s, head[1])
                password = exactly(s, exactly(s, 1)[0])
                seen.append((user, password))
                self.say(s, status)
            head = exactly(s, 5)
            rest = {1: 5, 3: head[4] + 2, 4: 17}[head[3]]
            seen.append(head + exactly(s, rest))
            self.say(s, answer)
            while data := s.recv(65536):
                s.sendall(data)
        self.closed += 1

    def requests(self):
        return [seen[-1] for seen in self.seen if seen]


@pytest.fixture
def upstream(lab, relay):
    with via(lab, relay) as up:
        yield up


@contextlib.contextmanager
def via(lab, relay, **kwargs):
    up = Upstream(lab.ns, **kwargs)
    relay.tell("upstream " + up.place)
    relay.tell("rule * any via upstream")
    yield up
    up.listener.shutdown(socket.SHUT_RDWR)
    up.listener.close()


def upstats(relay):
    return relay.stats()["ways"][2]


def bad(relay):
    return relay.refused("upstream")


def nothing_direct(relay):
    """Neither a question nor an attempt of our own."""
    return relay.tell("lookups") == "0" and not any(
        relay.stats()["ways"][i]["attempts"] for i in range(2))


@pytest.mark.parametrize("host", [
    ONION, "good.example", "good.example.", "a_b.example", GOOD4, GOOD6])
def test_passed_on(relay, upstream, host):
    """A name as a name, and nobody asks the DNS."""
    relay.host("good.example", [GOOD6], [GOOD4])
    s, code, _ = relay.connect(host, 8080)
    with s:
        assert code == SUCCEEDED
        s.sendall(b"hello")
        assert exactly(s, 5) == b"hello"
    assert upstream.requests() == [request(host.rstrip("."), 8080)]
    assert nothing_direct(relay)
    gw.wait_for(lambda: upstats(relay)["sessions"] == 0, 2 * gw.SLOW,
                "its end")
    stats = upstats(relay)
    assert (stats["attempts"], stats["wins"], stats["rx"], stats["tx"]) == (
        1, 1, 5, 5) and not any(stats["losses"])


def test_only_what_the_rule_says(lab, relay):
    up = Upstream(lab.ns)
    relay.tell("upstream " + up.place)
    relay.tell("rule *.onion any via upstream")
    relay.host("good.example", [GOOD6], [GOOD4])
    s, code, _ = relay.connect("good.example")
    with s:
        assert code == SUCCEEDED and exactly(s, 1) == b"6"
    assert up.seen == []
    s, code, _ = relay.connect("www." + ONION)
    s.close()
    assert code == SUCCEEDED and up.requests() == [request("www." + ONION)]


def test_credentials(lab, relay):
    """One's own are the same each time, and nobody else's."""
    seen = {}
    for other in False, True:
        with contextlib.ExitStack() as stack:
            up = stack.enter_context(via(lab, relay))
            if other:           # after a restart they are new
                relay2 = stack.enter_context(
                    contextlib.closing(Relay(lab)))
                relay2.tell("upstream " + up.place)
                relay2.tell("rule * any via upstream")
            for uid in 0, 1000, 1001, 4294967294, 1000:
                r = relay2 if other else relay
                r.tell("uid %d" % uid)
                s, code, _ = r.connect(ONION)
                s.close()
                assert code == SUCCEEDED
                user, password = up.seen[-1][1]
                assert user == b"gw-%d" % uid
                assert seen.setdefault((other, uid), password) == password
                assert len(password) == 32
            assert {tuple(s[0]) for s in up.seen} == {tuple(b"\5\2\2\0")}
    assert len(set(seen.values())) == 8


def test_no_password_asked(lab, relay):
    """It works, but nobody is kept apart (a warning says so)."""
    with via(lab, relay, method=b"\5\0") as up:
        s, code, _ = relay.connect(ONION)
        with s:
            assert code == SUCCEEDED
            s.sendall(b"hello")
            assert exactly(s, 5) == b"hello"
        assert up.seen == [[b"\5\2\2\0", request(ONION)]]


@pytest.mark.parametrize("drip", [False, True])
@pytest.mark.parametrize("bound,want", [
    (BOUND, ("192.0.2.9", 8080)),
    (b"\4" + socket.inet_pton(socket.AF_INET6, GOOD6) + b"\x1f\x90",
     (GOOD6, 8080)),
    (b"\3\x0cexit.example\x1f\x90", ("0.0.0.0", 0)),
    (b"\1\0\0\0\0\0\0", ("0.0.0.0", 0)),
])
def test_data_behind_the_answer(lab, relay, bound, want, drip):
    """They are the target's, however they come."""
    with via(lab, relay, answer=b"\5\0\0" + bound + b"220 ready\r\n",
             drip=drip), relay.socket() as s:
        s.sendall(b"\5\1\0" + request(ONION) + b"EHLO")
        assert exactly(s, 2) == b"\5\0" and reply(s) == (0, want)
        assert exactly(s, 15) == b"220 ready\r\nEHLO"
        s.shutdown(socket.SHUT_WR)
        assert s.recv(1) == b""


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 7, 8, 0xf0, 0xff])
def test_its_codes_are_passed_on(lab, relay, code):
    with via(lab, relay, answer=bytes([5, code, 0]) + BOUND + b"more") as up:
        s, got, _ = relay.connect(ONION)
        with s:
            assert got == code and closed(s)
        gw.wait_for(lambda: up.closed == 1, 2 * gw.SLOW, "its end")
    want = {5: REFUSED, 2: DENIED_HERE}.get(code, UNREACHABLE)
    assert upstats(relay)["losses"][want] == 1 and nothing_direct(relay)
    assert bad(relay) == 0


LIES = {
    "SOCKS4": (b"\4\2", b"", b""),
    "HTTP": (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b""),
    "no method": (b"\5\xff", b"", b""),
    "GSSAPI": (b"\5\1", b"", b""),
    "an unknown method": (b"\5\x80", b"", b""),
    "an end instead of a method": (b"\5", None, None),
    "the login refused": (b"\5\2", b"\1\1", b""),
    "the login's version": (b"\5\2", b"\5\0", b""),
    "the answer's version": (b"\5\2", b"\1\0", b"\4\0\0" + BOUND),
    "ATYP 9": (b"\5\2", b"\1\0", b"\5\0\0\x09" + bytes(300)),
    "ATYP 0": (b"\5\2", b"\1\0", b"\5\0\0\0" + bytes(300)),
    "ATYP 9 and a code": (b"\5\2", b"\1\0", b"\5\5\0\x09"),
    "an empty name": (b"\5\2", b"\1\0", b"\5\0\0\3\0\0\x50"),
    "a NUL in a name": (b"\5\2", b"\1\0", b"\5\0\0\3\3a\0b\0\x50"),
    "a name of 255": (b"\5\2", b"\1\0", b"\5\0\0\3\xff" + b"\xff" * 257),
    "an end in a name of 255": (b"\5\2", b"\1\0", b"\5\0\0\3\xffabc"),
    "an end in the answer": (b"\5\2", b"\1\0", b"\5\0\0\1\x7f"),
    "no answer at all": (b"\5\2", b"\1\0", b""),
}


class Liar(Upstream):
    def serve(self, s):
        """Says it all without listening, and ends."""
        self.seen.append([])
        with s, contextlib.suppress(OSError):
            for text in self.texts:
                if text is None:
                    break
                exactly(s, 1)
                s.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    s.recv(1000)
                s.setblocking(True)
                self.say(s, text)
                if not text:
                    break
            s.shutdown(socket.SHUT_WR)
            while s.recv(1000):
                pass


@pytest.mark.parametrize("what", LIES)
def test_lies(lab, relay, what):
    """The attempt ends with 01, and nothing goes another way."""
    method, status, answer = LIES[what]
    relay.host("good.example", [GOOD6], [GOOD4])
    liar = Liar(lab.ns, method, status, answer)
    relay.tell("upstream " + liar.place)
    relay.tell("rule * any via upstream")
    s, code, seconds = relay.connect("good.example")
    with s:
        assert code == FAILURE and closed(s) and seconds < gw.SLOW
    assert len(liar.seen) == 1 and bad(relay) == 1
    assert upstats(relay)["losses"][UNREACHABLE] == 1
    assert nothing_direct(relay)
    assert relay.count() == 0
    liar.listener.close()


def test_reset(lab, relay):
    """It goes away while it is asked."""
    listener = lab.ns.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    relay.tell("upstream 127.0.0.1:%d" % listener.getsockname()[1])
    relay.tell("rule * any via upstream")

    def reset():
        s, _ = listener.accept()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack("ii", 1, 0))
        s.close()

    threading.Thread(target=reset, daemon=True).start()
    s, code, _ = relay.connect(ONION)
    with s, listener:
        assert code == FAILURE and closed(s)
    assert nothing_direct(relay)


@pytest.mark.parametrize("place", [
    "127.0.0.1:9", "[::1]:9", "%s:9" % GOOD4, "none", "nowhere.example:9050"])
def test_dead(relay, place):
    """Never directly, also where that would work."""
    relay.host("good.example", [GOOD6], [GOOD4])
    relay.tell("rule * any via upstream")
    relay.tell("upstream " + place)
    for host in "good.example", GOOD4, GOOD6, ONION:
        s, code, _ = relay.connect(host)
        with s:
            assert code == FAILURE and closed(s), host
    if "example" not in place:
        assert nothing_direct(relay)
    assert upstats(relay)["losses"][
        DENIED_HERE if place == "none" else UNREACHABLE] == 4


def test_it_comes_back(lab, relay):
    relay.tell("rule * any via upstream")
    relay.tell("upstream 127.0.0.1:9")
    assert relay.connect(ONION)[1] == FAILURE
    with via(lab, relay):
        assert relay.connect(ONION)[1] == SUCCEEDED


def test_its_name_is_ours_to_ask(lab, relay):
    """Names of the operator's are looked up, those of clients are not."""
    with via(lab, relay, host="::1") as up:
        relay.host("tor.example", ["::1"], [])
        relay.tell("upstream tor.example:%d" % up.port)
        s, code, _ = relay.connect(ONION)
        s.close()
        assert code == SUCCEEDED and up.requests() == [request(ONION)]
        assert relay.tell("lookups") == "2"


@pytest.mark.parametrize("way", [False, True])
def test_over_ipv6(lab, way):
    """To the upstream the tunnel's address has nothing to say."""
    relay = Relay(lab, way=way)
    with via(lab, relay, host="::1"):
        s, code, _ = relay.connect(ONION)
        s.close()
        assert code == SUCCEEDED
    relay.close()


@pytest.mark.parametrize("host", [
    "127.0.0.1", "0.0.0.0", "10.1.2.3", "192.168.1.1", "172.16.0.1",
    "100.64.0.1", "169.254.1.1", "224.0.0.1", "::1", "::", "fe80::1",
    "fd00::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::10.0.0.1", SOURCE6,
    "localhost", "LOCALHOST.", "a.localhost", "a.bad.example"])
def test_not_there(relay, upstream, host):
    relay.tell("own " + SOURCE6)
    relay.tell("deny .bad.example")
    s, code, _ = relay.connect(host)
    with s:
        assert code == DENIED and closed(s)
    assert upstream.seen == [] and upstats(relay)["losses"][DENIED_HERE] == 1


def test_allowed(relay, upstream):
    for text in "10.0.0.0/8", "[::1]:80", ".localhost":
        relay.tell("allow " + text)
    for host in "10.1.2.3", "::1", "localhost":
        s, code, _ = relay.connect(host)
        s.close()
        assert code == SUCCEEDED and upstream.seen[-1][-1] == request(host)


@pytest.mark.parametrize("method,status,drip", [
    (b"", b"", False), (b"\5\2", b"", False), (b"\5\2", b"\1", True)])
def test_time_out(lab, method, status, drip):
    """Bytes do not buy time: it is counted from the start."""
    relay = Relay(lab, "-t", "600")
    with via(lab, relay, method=method, status=status, drip=drip) as up:
        s, code, seconds = relay.connect(ONION)
        with s:
            assert code == FAILURE and closed(s)
        assert 0.59 < seconds < 0.6 + gw.SLOW
        gw.wait_for(lambda: up.closed == 1, 2 * gw.SLOW, "its end")
    assert upstats(relay)["losses"][TIMEOUT] == 1 and nothing_direct(relay)
    relay.close()


def test_the_answer_has_more_time(lab):
    """A way to an onion service takes longer than one to a host."""
    relay = Relay(lab, "-t", "300")
    with via(lab, relay, answer=b"") as up, relay.socket() as s:
        s.sendall(b"\5\1\0" + request(ONION))
        assert exactly(s, 2) == b"\5\0"
        gw.wait_for(lambda: up.requests() == [request(ONION)],
                    2 * gw.SLOW, "the request")
        s.settimeout(0.8)
        with pytest.raises(socket.timeout):
            s.recv(1)
    relay.close()


def test_client_goes_away(lab, relay):
    """While the upstream is asked: its answer finds nobody."""
    with via(lab, relay, drip=True) as up:
        with relay.socket() as s:
            s.sendall(b"\5\1\0" + request(ONION))
            gw.wait_for(lambda: up.seen, 2 * gw.SLOW, "its connection")
        gw.wait_for(lambda: up.closed == 1, 2 * gw.SLOW, "its end")
    assert relay.count() == 0


@pytest.mark.parametrize("rules,code", [
    (["* any via upstream"], DENIED),
    (["*.onion any via upstream", "* auto via upstream"], DENIED),
    (["*.onion any via upstream"], SUCCEEDED),
    (["192.0.2.0/24 ipv4", "* any via upstream"], SUCCEEDED)])
def test_udp(lab, relay, rules, code):
    """Not where nothing may go past the upstream."""
    for rule in rules:
        relay.tell("rule " + rule)
    with relay.socket() as s:
        s.sendall(b"\5\1\0" + request("0.0.0.0", 0, UDP))
        assert exactly(s, 2) == b"\5\0" and reply(s)[0] == code


@pytest.fixture(scope="module")
def tor(lab):
    """The real one, which reaches nobody here: its SOCKS and control ports."""
    with tempfile.TemporaryDirectory(prefix="gwtor") as name:
        torrc = pathlib.Path(name) / "torrc"
        torrc.write_text(
            "DataDirectory %s/data\nSocksPort 127.0.0.1:9050 ExtendedErrors\n"
            "ControlPort 127.0.0.1:9051\nCookieAuthentication 0\n"
            "Log err stderr\nSocksTimeout 3\n" % name)
        process = subprocess.Popen(lab.ns.argv("tor", "-f", str(torrc),
                                               "--quiet"))
        for port in 9050, 9051:
            gw.wait_for(lambda: listens(lab, port), 30 * gw.SLOW, "tor")
        with lab.ns.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            s.settimeout(10 * gw.SLOW)
            s.connect(("127.0.0.1", 9051))
            yield s
        process.terminate()
        process.wait()


def listens(lab, port):
    with lab.ns.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def lines(s, last):
    """What the control port says, until a line has last in it."""
    data = b""
    while not (data.endswith(b"\r\n") and last in data.split(b"\r\n")[-2]):
        got = s.recv(65536)
        assert got, data
        data += got
    return data.decode().splitlines()


def test_tor(relay, tor):
    """Its own error codes arrive, and it keeps users apart."""
    tor.sendall(b"AUTHENTICATE\r\n")
    lines(tor, b"250 OK")
    tor.sendall(b"SETEVENTS STREAM\r\n")
    lines(tor, b"250 OK")
    relay.tell("upstream 127.0.0.1:9050")
    relay.tell("rule *.onion any via upstream")
    for uid in 1000, 1001, 1000:
        relay.tell("uid %d" % uid)
        # the trailing dot would make it a name for the DNS
        s, code, _ = relay.connect("of%d.onion." % uid)
        with s:
            assert code == 0xf6 and closed(s)   # a bad onion address
    tor.sendall(b"GETINFO version\r\n")
    new = [line for line in lines(tor, b"250 OK") if " NEW " in line]
    seen = [re.search(r'(of\d+\.onion):80 .*SOCKS_USERNAME="(.*?)" '
                      r'SOCKS_PASSWORD="(.*?)".*ISO_FIELDS=SOCKS_USERNAME,'
                      r'SOCKS_PASSWORD', line).groups()
            for line in new if "onion" in line]
    assert [host for host, _, _ in seen] == [
        "of1000.onion", "of1001.onion", "of1000.onion"]
    assert [user for _, user, _ in seen] == ["gw-1000", "gw-1001", "gw-1000"]
    assert seen[0] == seen[2] and seen[0][2] != seen[1][2]
    assert nothing_direct(relay)
