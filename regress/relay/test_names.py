"""The relay's names: the resolver as a process, with the test as relay."""

import collections
import itertools
import os
import pathlib
import random
import socket
import struct
import time

import pytest

import gw
import namelab
import nameserver
from namelab import (A, AAAA, CNAME, EBADNAME, ECANCELLED, ECONNREFUSED,
                     ENODATA, ENOTFOUND, ETIMEOUT, NS, NXDOMAIN, SERVFAIL, SOA,
                     TRUNCATED)
from nameserver import labels, record

Answer = collections.namedtuple("Answer", "error ttl addrs")
LOOKUP = struct.Struct("=HH256s")
FAMILIES = {A: socket.AF_INET, AAAA: socket.AF_INET6}
SIX, FOUR = "2001:db8::%x", "192.0.2.%d"


def address(name, kind, last, ttl=300):
    text = SIX % last if kind == AAAA else FOUR % last
    return record(name, kind, ttl, socket.inet_pton(FAMILIES[kind], text))


def soa(ttl, minimum):
    return record("example", SOA, ttl, labels("ns.example") + labels(
        "root.example") + struct.pack("!5I", 1, 2, 3, 4, minimum))


class NameServer(nameserver.NameServer):
    """Says its number, unless the name says otherwise."""

    def __init__(self, ns, ip, number):
        self.number = number
        self.mute = self.broken = self.no_edns = False
        self.lost = 0           # of the next questions
        super().__init__(ns, ip)

    def answers(self, query):
        reply, kind = query.reply, query.kind
        word = query.name.split(".")[0]
        if self.lost:
            self.lost -= 1
            return []
        if self.mute or word.startswith("silent"):
            return []
        if kind == NS:
            return [(0, reply())]
        good = reply([address(query.name, kind, self.number)])
        if self.broken or word == "broken":
            return [(0, reply(code=SERVFAIL))]
        if self.no_edns and query.edns:
            return [(0, reply(code=1))]         # FORMERR
        if word == "none":
            return [(0, reply(code=NXDOMAIN, authority=[soa(300, 40)]))]
        if word == "nosoa":
            return [(0, reply(code=NXDOMAIN))]
        if word == "only4" and kind == AAAA:
            return [(0, reply(authority=[soa(300, 7200)]))]
        if word == "big":               # more than fits into EDNS, and not
            records = [address(query.name, kind, i) for i in range(1, 60)]
            return [(0, reply(records) if query.transport == "tcp" else
                     reply(flags=TRUNCATED))]
        if word == "medium":            # more than 512 bytes
            return [(0, reply([address(query.name, kind, i)
                               for i in range(1, 16)]))]
        if word == "slow":
            return [(0.3, good)]
        if word == "late":
            return [(5.3, good)]
        if word == "six-late":
            return [(0.5 if kind == AAAA else 0, good)]
        if word.startswith("ttl"):
            return [(0, reply([address(query.name, kind, self.number,
                                       int(word[3:]))]))]
        if word == "chain":
            return [(0, reply([
                record(query.name, CNAME, 77, labels("end.example")),
                address("end.example", kind, 9)]))]
        if word == "garbage":
            return [(0, query.data[:2] + random.randbytes(80))]
        if word == "forged":
            return [(0, reply([address(query.name, kind, 66)],
                              ident=b"\0\0")), (0.1, good)]
        return [(0, good)]


class Resolver(namelab.Resolver):
    def __init__(self, net):
        super().__init__(net, peers=("relay",))
        self.last = 0
        self.early = {}

    def ask(self, name, kind=AAAA, fresh=0):
        if isinstance(name, str):
            name = name.encode()
        self.last += 1
        self.send("LOOKUP", self.last, LOOKUP.pack(FAMILIES[kind], fresh,
                                                   name), to="relay")
        return self.last

    def answer(self, number, seconds=1):
        end = time.monotonic() + seconds * gw.SLOW
        while number not in self.early:
            message = self.receive("relay", end - time.monotonic())
            if message is None:
                return None
            assert message[0] == "LOOKED_UP"
            assert message[1] not in self.early
            self.early[message[1]] = message[2]
        error, ttl, n = struct.unpack_from("=3I", self.early[number])
        raw = [self.early[number][12 + 16 * i:28 + 16 * i] for i in range(n)]
        return Answer(error, ttl, raw)

    def look_up(self, name, kind=AAAA, seconds=5.5, fresh=0):
        answer = self.answer(self.ask(name, kind, fresh), seconds)
        assert answer is not None, name
        size = 16 if kind == AAAA else 4
        assert all(raw[size:] == bytes(16 - size) for raw in answer.addrs)
        return answer._replace(addrs=[
            socket.inet_ntop(FAMILIES[kind], raw[:size])
            for raw in answer.addrs])


net, resolver = namelab.fixtures(NameServer, Resolver)


def asked(net, name, server=1):
    return [n for _, n in net.servers[server - 1].asked].count(name)


def test_a_and_aaaa_apart(resolver, net):
    assert resolver.look_up("a.example") == Answer(0, 300, [SIX % 1])
    assert asked(net, "a.example") == 1
    assert resolver.look_up("a.example", A) == Answer(0, 300, [FOUR % 1])
    assert asked(net, "a.example") == 2
    six, four = resolver.ask("six-late.example"), \
        resolver.ask("six-late.example", A)
    assert resolver.answer(four, 0.4).error == 0
    assert resolver.answer(six, 0) is None
    assert resolver.answer(six, 1).error == 0
    answer = resolver.look_up("only4.example")
    assert answer == Answer(ENODATA, 60, [])
    assert resolver.look_up("only4.example", A).addrs == [FOUR % 1]


@pytest.mark.parametrize("name", ["foo_bar.example", "_tcp.a_.example",
                                  "by_file.example"])
def test_underscores(resolver, name):
    """No host name's by the letter, but some hosts' names have them."""
    assert resolver.look_up(name).addrs == [
        SIX % (0x77 if name.startswith("by") else 1)]


def test_answers_come_from_the_cache(resolver, net):
    for _ in range(3):
        assert resolver.look_up("a.example").addrs == [SIX % 1]
        assert resolver.look_up("A.EXAMPLE").addrs == [SIX % 1]
    assert asked(net, "a.example") == 1
    # nobody else's question needs a name server that is gone by now
    net.servers[0].mute = True
    try:
        answer = resolver.look_up("a.example", seconds=0.2)
        assert answer.addrs == [SIX % 1] and answer.ttl <= 300
    finally:
        net.servers[0].mute = False
    # but who needs to know what is true now
    assert resolver.look_up("a.example", fresh=1).error == 0
    assert asked(net, "a.example") == 2


@pytest.mark.parametrize("word, ttl", [("ttl0", 5), ("ttl4", 5), ("ttl77", 77),
                                       ("ttl86400", 3600), ("chain", 77)])
def test_ttl(resolver, net, word, ttl):
    name = word + ".example"
    assert resolver.look_up(name).ttl == ttl
    time.sleep(1.2)
    assert resolver.look_up(name).ttl == ttl - 1
    assert asked(net, name) == 1


@pytest.mark.slow
def test_cached_until_the_ttl_ends(resolver, net):
    assert resolver.look_up("ttl0.example").ttl == 5
    time.sleep(4.5)
    assert resolver.look_up("ttl0.example").ttl == 1
    assert asked(net, "ttl0.example") == 1
    time.sleep(0.7)
    assert resolver.look_up("ttl0.example").ttl == 5
    assert asked(net, "ttl0.example") == 2


@pytest.mark.parametrize("name, error, ttl", [
    ("none.example", ENOTFOUND, 40), ("nosoa.example", ENOTFOUND, 5),
    ("only4.example", ENODATA, 60)])
def test_negative_answers_are_cached(resolver, net, name, error, ttl):
    for _ in range(3):
        answer = resolver.look_up(name)
        assert answer.error == error and answer.addrs == []
        assert ttl - 1 <= answer.ttl <= ttl
    assert asked(net, name) == 1


def test_failures_are_remembered_shortly(resolver, net):
    for _ in range(3):
        assert resolver.look_up("broken.example").error == ECONNREFUSED
    tries = asked(net, "broken.example")
    time.sleep(1.1)
    assert resolver.look_up("broken.example").error == ECONNREFUSED
    assert asked(net, "broken.example") == 2 * tries


def test_one_look_up_for_all_who_wait(resolver, net):
    numbers = [resolver.ask("slow.example") for _ in range(50)]
    other = resolver.ask("a.example")
    assert resolver.answer(other, 0.2).error == 0
    for number in numbers:
        assert resolver.answer(number).error == 0
    assert asked(net, "slow.example") == 1


def test_sixteen_addresses_at_most(resolver):
    answer = resolver.look_up("big.example")
    assert answer.error == 0 and len(set(answer.addrs)) == 16


def edns(net):
    return [(q.transport, q.edns) for q in net.servers[0].queries]


def test_edns_lets_large_answers_in(resolver, net):
    assert len(resolver.look_up("medium.example").addrs) == 15
    assert edns(net) == [("udp", 1232)]


def test_a_server_without_edns(resolver, net):
    net.servers[0].no_edns = True
    try:
        assert resolver.look_up("a.example").addrs == [SIX % 1]
    finally:
        net.servers[0].no_edns = False
    assert edns(net) == [("udp", 1232), ("udp", 0)]


def test_truncated_goes_over_tcp(resolver, net):
    assert resolver.look_up("big.example", A).error == 0
    assert [t for t, name in net.servers[0].asked] == ["udp", "tcp"]


def test_hosts_answers_at_once(resolver, net):
    net.servers[0].mute = True
    try:
        for name in "by-file.example", "alias", "By-File.example.":
            answer = resolver.look_up(name, A, 0.3)
            assert answer.addrs == ["198.51.100.77"], name
            # and nothing else is true of it
            assert resolver.look_up(name, AAAA, 0.3).error == ENODATA
    finally:
        net.servers[0].mute = False
    assert net.servers[0].asked == []


def test_hosts_is_followed(resolver, net):
    before = (net.etc / "hosts").read_text()
    assert resolver.look_up("by-file.example", A).addrs == ["198.51.100.77"]
    assert resolver.look_up("new.example").addrs == [SIX % 1]
    try:
        net.put("hosts", before.replace(".77", ".78") +
                "2001:db8::77 new.example\n2001:db8::78 new.example\n")
        assert resolver.look_up("by-file.example", A).addrs == [
            "198.51.100.78"]
        assert sorted(resolver.look_up("new.example").addrs) == [
            "2001:db8::77", "2001:db8::78"]
    finally:
        net.put("hosts", before)
    assert resolver.look_up("new.example").addrs == [SIX % 1]


def processor(resolver):
    """Seconds that it has used."""
    stat = pathlib.Path("/proc/%d/stat" % resolver.pid).read_text()
    ticks = stat.rsplit(") ", 1)[1].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def test_a_long_hosts_costs_little(resolver, net):
    """As those have it who block advertisers' names."""
    before = (net.etc / "hosts").read_text()
    net.put("hosts", "".join("0.0.0.0 ad%d.x.example\n" % n
                             for n in range(150000)) +
            "198.51.100.9 UPPER.example # lower.example\n")
    try:
        used = processor(resolver)
        numbers = [resolver.ask("n%d.example" % n) for n in range(100)]
        assert all(resolver.answer(number, 5).error == 0
                   for number in numbers)
        assert processor(resolver) - used < 0.5 * gw.SLOW
        for name, address in (("ad149999.x.example", "0.0.0.0"),
                              ("upper.example", "198.51.100.9"),
                              ("per.example", FOUR % 1),
                              ("lower.example", FOUR % 1),
                              ("localhost", "127.0.0.1")):
            assert resolver.look_up(name, A).addrs == [address]
    finally:
        net.put("hosts", before)


def test_resolv_conf_is_followed(resolver, net):
    assert resolver.look_up("a.example").addrs == [SIX % 1]
    net.use(2)                                  # by rename(2)
    assert resolver.look_up("a.example").addrs == [SIX % 2]
    conf = net.etc / "resolv.conf"
    conf.write_text("nameserver 127.0.0.1 \n")  # in place
    assert resolver.look_up("a.example").addrs == [SIX % 1]


def test_resolv_conf_may_be_a_link(resolver, net):
    """As systemd-resolved and NetworkManager have it: into /run, where the
    file is replaced and the link stays."""
    real = pathlib.Path("/run/gw%d-resolv.conf" % os.getpid())
    new = real.with_suffix(".new")
    conf = net.etc / "resolv.conf"

    def put(number):
        new.write_text("nameserver 127.0.0.%d\n" % number)
        new.rename(real)

    try:
        put(2)
        conf.unlink()
        conf.symlink_to(real)
        assert resolver.look_up("a.example").addrs == [SIX % 2]
        put(1)
        assert resolver.look_up("a.example").addrs == [SIX % 1]
    finally:
        conf.unlink()
        real.unlink()


def test_a_change_asks_the_new_server_what_is_open(resolver, net):
    net.servers[0].mute = True
    try:
        first = resolver.ask("a.example")
        assert resolver.answer(first, 0.2) is None
        net.use(2)
        resolver.ask("b.example")
        assert resolver.answer(first, 0.5).error == 0
    finally:
        net.servers[0].mute = False


def test_a_dead_server_then_the_next(resolver, net):
    net.use(3, 2)               # nobody is there
    assert resolver.look_up("a.example", seconds=2).addrs == [SIX % 2]
    net.use(1, 2)
    for how in "mute", "broken":
        setattr(net.servers[0], how, True)
        try:
            assert resolver.look_up("first-%s.example" % how,
                                    seconds=3).addrs == [SIX % 2]
        finally:
            setattr(net.servers[0], how, False)


@pytest.fixture
def dead(resolver, net):
    """The first of two servers, in whose stead the other one has answered."""
    net.use(1, 2)
    net.servers[0].mute = True
    start = time.monotonic()
    assert resolver.look_up("dead.example").addrs == [SIX % 2]
    assert time.monotonic() - start < 1.5 + 0.2 * gw.SLOW
    yield net.servers[0]
    net.servers[0].mute = False


def prompt(resolver, name):
    """The address of a name, without the 1.5 s of a dead server."""
    start = time.monotonic()
    answer = resolver.look_up(name)
    assert time.monotonic() - start < 0.5 * gw.SLOW, name
    return answer.addrs[0]


@pytest.mark.slow
def test_a_dead_server_costs_one_name(resolver, net, dead):
    start = time.monotonic()
    for n in range(20):
        assert prompt(resolver, "n%d.example" % n) == SIX % 2
    assert time.monotonic() - start < 20 * 0.1 * gw.SLOW
    gw.wait_for(lambda: "does not answer: the next" in resolver.logged(),
                2 + gw.SLOW, "it does not know the root's servers")
    assert {name for _, name in dead.asked} == {"dead.example", ""}
    dead.mute = False
    names = ("again%d.example" % n for n in itertools.count())
    gw.wait_for(lambda: prompt(resolver, next(names)) == SIX % 1,
                10 + 3 * gw.SLOW, "it is the first one again")
    assert prompt(resolver, "b.example") == SIX % 1
    assert "answers again" in resolver.logged()


def test_servers_behind_a_dead_one(resolver, net):
    net.use(1, 3, 2)            # 3 refuses
    net.servers[0].mute = True
    try:
        resolver.look_up("dead.example")
        assert prompt(resolver, "a.example") == SIX % 2
        # and those who ask for an endpoint
        resolver.send("RESOLVE", 1, struct.pack("=I256s", 7, b"b.example"))
        message = resolver.receive("parent", 0.5 * gw.SLOW)
        assert struct.unpack_from("=II", message[2]) == (7, 0)
    finally:
        net.servers[0].mute = False


def test_a_lost_question_is_not_a_dead_server(resolver, net):
    net.use(1, 2)
    net.servers[0].lost = 1
    assert resolver.look_up("lost.example").addrs == [SIX % 2]
    gw.wait_for(lambda: asked(net, ""), gw.SLOW, "what it knows is asked")
    time.sleep(0.1 * gw.SLOW)
    assert prompt(resolver, "a.example") == SIX % 1
    assert "first name server" not in resolver.logged()


def test_another_resolv_conf_begins_anew(resolver, net, dead):
    dead.mute = False
    assert prompt(resolver, "a.example") == SIX % 2
    net.use(1, 2)
    assert prompt(resolver, "b.example") == SIX % 1


def test_servers_by_rotation(resolver, net):
    """No one is the first."""
    net.put("resolv.conf", "nameserver 127.0.0.1\nnameserver 127.0.0.2\n"
                           "options rotate\n")
    net.servers[0].mute = True
    try:
        names = ["n%d.example" % n for n in range(4)]
        for number in [resolver.ask(name) for name in names]:
            assert resolver.answer(number, 3).error == 0
    finally:
        net.servers[0].mute = False
    assert sum(asked(net, name, 1) for name in names) == 2
    assert asked(net, "") == 0


def test_a_server_that_refuses_is_an_answer(resolver, net):
    net.use(3)
    start = time.monotonic()
    assert resolver.look_up("a.example").error == ECONNREFUSED
    assert time.monotonic() - start < 0.5 * gw.SLOW


@pytest.mark.slow
def test_no_answer_is_an_answer_in_time(resolver, net):
    net.use(1, 2)
    fds = resolver.descriptors()
    start = time.monotonic()
    six, four, late = resolver.ask("silent.example"), \
        resolver.ask("silent.example", A), resolver.ask("late.example")
    for number in six, four, late:
        assert resolver.answer(number, 6).error == ETIMEOUT
    assert 4 < time.monotonic() - start < 5 + gw.SLOW / 2
    # what comes late is there for the next one
    net.servers[0].mute = net.servers[1].mute = True
    try:
        gw.wait_for(lambda: resolver.look_up("late.example", seconds=0.2)
                    .error == 0, 3 * gw.SLOW)
    finally:
        net.servers[0].mute = net.servers[1].mute = False
    assert resolver.descriptors() <= fds + 3


def test_search_list(resolver, net):
    net.put("resolv.conf", "nameserver 127.0.0.1\nsearch one.example\n")
    assert resolver.look_up("nas").addrs == [SIX % 1]
    assert resolver.look_up("none.nas").error == ENOTFOUND
    resolver.look_up("none.example.")
    assert [n for _, n in net.servers[0].asked] == [
        "nas.one.example", "none.nas", "none.nas.one.example",
        "none.example"]


@pytest.mark.parametrize("name", [
    b"", b"a..example", b"space here.example", b"-dash.example",
    b"x" * 64 + b".example", b"a." * 127 + b"a", b"198.51.100.300",
    b"192.0.2.1", b"2001:db8::1", b"\xff\xfe\n.example"])
def test_bad_names(resolver, net, name):
    assert resolver.look_up(name) == Answer(EBADNAME, 0, [])
    assert net.servers[0].asked == []


@pytest.mark.parametrize("name", ["garbage.example", "forged.example"])
def test_hostile_answers(resolver, name):
    answer = resolver.look_up(name)
    assert answer.addrs in ([], [SIX % 1])
    assert (answer.error == 0) == (answer.addrs != [])
    assert (name == "forged.example") == (answer.error == 0)
    assert resolver.look_up("a.example").addrs == [SIX % 1]


def test_too_many_at_once(resolver, net):
    names = ["silent%d.example" % i for i in range(1024)]
    for name in names:
        resolver.ask(name)
    assert resolver.look_up("one-more.example", seconds=1) == Answer(
        ECANCELLED, 0, [])
    # who is in the cache, in hosts or waits for the same is no more work
    assert resolver.look_up("by-file.example", A).error == 0
    same = [resolver.ask(names[0]) for _ in range(4096)]
    assert resolver.answer(same[-1]).error == ECANCELLED
    assert resolver.answer(same[0], 0) is None
    # and the parent's names have a bound of their own
    resolver.send("RESOLVE", 1, struct.pack("=I256s", 7, b"a.example"))
    message = resolver.receive("parent", 2 * gw.SLOW)
    assert message is not None
    assert struct.unpack_from("=II", message[2]) == (7, 0)


@pytest.mark.plain          # a sanitizer keeps what is freed for a while
def test_memory_is_bounded(resolver):
    def resident():
        pages = pathlib.Path("/proc/%d/statm" % resolver.pid).read_text()
        return int(pages.split()[1]) * os.sysconf("SC_PAGESIZE")

    def crowd(prefix):
        for start in range(0, 6000, 500):
            numbers = [resolver.ask("%s%d.example" % (prefix, i))
                       for i in range(start, start + 500)]
            assert resolver.answer(numbers[-1], 5) is not None
    crowd("a")
    before = resident()
    crowd("b")
    assert resident() - before < 1 << 20
