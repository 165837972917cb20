"""The resolver as a process: the endpoints' names."""

import collections
import pathlib
import random
import socket
import struct
import time

import pytest

import gw
import namelab
import nameserver
from namelab import (A, CNAME, EBADNAME, ECANCELLED, ECONNREFUSED, ENODATA,
                     ENOTFOUND, ETIMEOUT, NXDOMAIN, SERVFAIL, TRUNCATED)
from nameserver import labels, record

Answer = collections.namedtuple("Answer", "error ttl addrs reason query")


def address(name, last, ttl=300):
    return record(name, A, ttl, socket.inet_aton("192.0.2.%d" % last))


class NameServer(nameserver.NameServer):
    def __init__(self, ns, ip, number):
        self.number = number
        self.mute = False
        super().__init__(ns, ip)

    def answers(self, query):
        name, reply, transport = query.name, query.reply, query.transport
        question = query.question
        good = reply([address(name, self.number)])
        if name == "many.example":
            return [(0, reply([address(name, i) for i in range(1, 13)]))]
        if name == "missing.example":
            return [(0, reply(code=NXDOMAIN))]
        if name == "broken.example":
            return [(0, reply(code=SERVFAIL))]
        if self.mute or name.startswith("silent"):
            return []
        if name == "late.example":
            return [(0.7, good)]
        if name == "too-late.example":
            return [(8, good)]
        if name == "long.example":
            return [(0, good if transport == "tcp" else
                     reply(flags=TRUNCATED))]
        if name == "garbage.example":
            return [(0, query.data[:2] + random.randbytes(60))]
        if name == "loop.example":      # a name that points at itself
            return [(0, reply([b"\xc0" + bytes([len(question) + 12]) +
                               struct.pack("!HHIH", A, 1, 9, 4) + b"abcd"]))]
        if name == "cut.example":
            return [(0, good[:-3])]
        if name == "other-id.example":
            return [(0, reply([address(name, 66)], ident=b"\0\0")),
                    (0.1, good)]
        if name == "chain.example":
            return [(0, reply([
                record(name, CNAME, 600, labels("one.example")),
                record("one.example", CNAME, 77, labels("two.example")),
                address("two.example", 9)]))]
        if name == "zero.example":
            return [(0, reply([address(name, self.number, 0)]))]
        if name == "ages.example":
            return [(0, reply([address(name, self.number, 0x7fffffff)]))]
        if name == "only6.example":
            return [(0, reply())]
        return [(0, good)]


class Resolver(namelab.Resolver):
    def ask(self, name, tunnel=1, query=7):
        if isinstance(name, str):
            name = name.encode()
        self.send("RESOLVE", tunnel, struct.pack("=I256s", query, name))

    def answer(self, seconds=1, tunnel=1):
        message = self.receive("parent", seconds * gw.SLOW)
        if message is None:
            return None
        assert message[0] == "RESOLVED"
        assert tunnel is None or message[1] == tunnel, message
        query, error, ttl, n = struct.unpack_from("=IIII", message[2])
        addrs = [socket.inet_ntoa(message[2][16 + 4 * i:20 + 4 * i])
                 for i in range(n)]
        return Answer(error, ttl, addrs, message[2][48:].split(b"\0")[0]
                      .decode(), query)

    def look_up(self, name, seconds=5.5):
        self.ask(name)
        return self.answer(seconds)


net, resolver = namelab.fixtures(NameServer, Resolver)


def good(answer, *last, ttl=300):
    assert answer == Answer(0, ttl, ["192.0.2.%d" % n for n in last], "",
                            answer.query)


def test_address(resolver):
    good(resolver.look_up("a.example"), 1)
    good(resolver.look_up("A.Example."), 1)


def test_underscores(resolver):
    good(resolver.look_up("foo_bar.example"), 1)


def test_eight_addresses_at_most(resolver):
    answer = resolver.look_up("many.example")
    assert answer.error == 0 and len(set(answer.addrs)) == 8


def test_hosts_file(resolver, net):
    for name in "by-file.example", "alias":
        answer = resolver.look_up(name)
        assert answer.addrs == ["198.51.100.77"] and answer.error == 0
    net.put("hosts", "198.51.100.78 by-file.example\n")
    assert resolver.look_up("by-file.example").addrs == ["198.51.100.78"]
    assert not any("by-file" in name for _, name in net.servers[0].asked)


@pytest.mark.parametrize("name, error, words", [
    ("missing.example", ENOTFOUND, "there is no host missing.example"),
    ("only6.example", ENODATA, "no A record for only6.example"),
    ("broken.example", ECONNREFUSED, "the name servers of /etc/resolv.conf "
     "cannot be reached or fail for broken.example"),
])
def test_errors_in_words(resolver, name, error, words):
    answer = resolver.look_up(name)
    assert answer.error == error and answer.reason.startswith(words)
    assert answer.addrs == []


@pytest.mark.parametrize("name", ["garbage.example", "loop.example",
                                  "cut.example"])
def test_hostile_answers(resolver, name):
    answer = resolver.look_up(name)
    assert answer.error != 0 and name in answer.reason
    good(resolver.look_up("a.example"), 1)


def test_foreign_answer_is_ignored(resolver):
    good(resolver.look_up("other-id.example"), 1)


def test_truncated_goes_over_tcp(resolver, net):
    good(resolver.look_up("long.example"), 1)
    assert [t for t, name in net.servers[0].asked
            if name == "long.example"] == ["udp", "tcp"]


def test_chain_has_the_shortest_ttl(resolver):
    good(resolver.look_up("chain.example"), 9, ttl=77)


@pytest.mark.parametrize("name, ttl", [("zero.example", 30),
                                       ("ages.example", 86400)])
def test_ttl_is_clamped(resolver, name, ttl):
    good(resolver.look_up(name), 1, ttl=ttl)


def test_late_answer(resolver):
    start = time.monotonic()
    good(resolver.look_up("late.example"), 1)
    assert time.monotonic() - start >= 0.7


@pytest.mark.slow
def test_no_answer_is_an_answer_in_time(resolver, net):
    net.use(1, 2)
    fds = resolver.descriptors()
    start = time.monotonic()
    resolver.ask("silent.example", 1)
    resolver.ask("too-late.example", 2)
    answers = [resolver.answer(6, None), resolver.answer(6, None)]
    assert 4 < time.monotonic() - start < 5 + gw.SLOW / 2
    for answer in answers:
        assert answer.error == ETIMEOUT
        assert "no name server answered" in answer.reason
    # what comes still is nobody's answer
    assert resolver.answer(5) is None
    good(resolver.look_up("a.example"), 1)
    assert resolver.descriptors() <= fds + 3


def test_others_do_not_wait(resolver):
    resolver.ask("silent.example", 1)
    resolver.ask("a.example", 2)
    good(resolver.answer(1, 2), 1)


def test_each_query_of_a_tunnel_has_its_answer(resolver):
    resolver.ask("late.example", query=8)
    resolver.ask("many.example", query=9)
    answers = [resolver.answer(5), resolver.answer(5)]
    assert {a.query: len(a.addrs) for a in answers} == {8: 1, 9: 8}


def test_dead_server_then_the_next(resolver, net):
    net.use(3, 2)
    good(resolver.look_up("a.example", 3), 2)


def test_resolv_conf_is_followed(resolver, net):
    good(resolver.look_up("a.example"), 1)
    net.use(2)
    good(resolver.look_up("a.example"), 2)
    (net.etc / "resolv.conf").unlink()
    resolver.look_up("a.example")       # c-ares then asks 127.0.0.1
    net.use(2)
    good(resolver.look_up("a.example"), 2)


def test_a_change_asks_the_new_server_what_is_open(resolver, net):
    net.servers[0].mute = True
    try:
        resolver.ask("a.example", 1)
        assert resolver.answer(0.2) is None
        net.use(2)
        resolver.ask("b.example", 2)
    finally:
        net.servers[0].mute = False
    answers = {m[1]: m[2] for m in resolver.receive_all("parent", 0.5)}
    assert set(answers) == {1, 2}
    assert all(struct.unpack_from("=I", a, 4)[0] == 0 for a in answers.values())


@pytest.mark.parametrize("name, why", [
    (b"", "empty label"),
    (b"a..example", "empty label"),
    (b".example", "empty label"),
    (b"space here.example", "letters, digits"),
    (b"-dash.example", "hyphen"),
    (b"dash-.example", "hyphen"),
    (b"x" * 64 + b".example", "63"),
    (b"a." * 127 + b"a", "253"),
    (b"198.51.100.300", "number"),
    (b"\xff\xfe\n.example", "letters, digits"),
])
def test_bad_names(resolver, net, name, why):
    answer = resolver.look_up(name)
    assert answer.error == EBADNAME and why in answer.reason
    assert answer.reason.isprintable()
    assert net.servers[0].asked == []


def test_too_many_at_once(resolver):
    for tunnel in range(256):
        resolver.ask("silent%d.example" % tunnel, tunnel)
    resolver.ask("a.example", 999)
    answer = resolver.answer(2, 999)
    assert answer.error == ECANCELLED and "too many" in answer.reason


def test_idle_process_sleeps(resolver):
    resolver.look_up("a.example")
    time.sleep(0.2)

    def switches():
        status = pathlib.Path("/proc/%d/status" % resolver.pid).read_text()
        return int(status.split("voluntary_ctxt_switches:")[1].split()[0])

    before = switches()
    time.sleep(1)
    assert switches() == before


def test_nobody_guesses_the_queries_numbers(net):
    """c-ares takes what it makes them of from /dev/urandom, and, where it may
    not, each time the same."""
    numbers = []
    for _ in range(2):
        net.use(1)
        resolver = Resolver(net)
        for name in "a.example", "b.example", "c.example":
            good(resolver.look_up(name), 1)
        numbers.append([q.ident for q in net.servers[0].queries[-3:]])
        resolver.close()
    assert numbers[0] != numbers[1]
