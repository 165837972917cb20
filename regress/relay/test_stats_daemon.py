"""What the whole daemon says of the connections through it: in /relay, in
/metrics and in gatewayctl."""

import json
import re
import time

import pytest

import gw
import procfs
import prom
from daemonlab import A, AAAA, GOOD4, GOOD6, REFUSES6, Lab, Socks
from relaylab import exactly

ALICE, BOB = 4711, 4712
NOWHERE = ["2001:db8:bad1::1", "2001:db8:bad2::1", "2001:db8:bad3::1"]


@pytest.fixture(scope="module")
def lab():
    lab = Lab(1)
    lab.internet.batch(*["route add prohibit %s/128" % a for a in NOWHERE])
    zone = {"both": [GOOD6], "refuses": [REFUSES6], "four": [],
            **{"nowhere%d" % i: [a] for i, a in enumerate(NOWHERE)}}
    for name, six in zone.items():
        lab.dns.zone[name + ".example"] = {AAAA: (0, six), A: (0, [GOOD4])}
    yield lab
    lab.close()


@pytest.fixture
def running(lab):
    lab.reset()
    daemon = lab.daemon()
    daemon.up()
    yield daemon
    daemon.close()


def relay(daemon):
    return daemon.get("/relay").json()


def fetch(lab, name, uid, data):
    """Sends data through the relay and back; the family it took."""
    s, code, _ = Socks(lab, uid).connect("x." + name + ".example", data=data)
    with s:
        assert code == 0
        answer = exactly(s, len(data) + 1)
    assert answer[1:] == data
    return int(answer[:1])


def test_numbers(lab, running):
    silent = relay(running)
    assert silent["modes"] == ["socks5"]
    assert silent["listen"] == ["127.0.0.1:1080"]
    assert silent["ipv6_share"] is None and silent["uids"] == []
    assert [fetch(lab, name, uid, data) for name, uid, data in (
        ("both", ALICE, b"a" * 1000), ("both", ALICE, b"a" * 1000),
        ("refuses", ALICE, b"bb"), ("four", BOB, b"ccc"))] == [6, 6, 4, 4]
    with Socks(lab, BOB).socket() as s:
        s.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert s.recv(10) == b""

    def settled():
        found = relay(running)
        return found["sessions"] == found["half_open"] == 0 and \
            found["refused"]["malformed"] == 1

    gw.wait_for(settled, 10 * gw.SLOW, "the numbers")
    found = relay(running)
    six, four = found["families"]["ipv6"], found["families"]["ipv4"]
    assert (six["attempts"], six["wins"]) == (3, 2)
    assert six["losses"]["refused"] == 1 and sum(six["losses"].values()) == 1
    assert (six["rx_bytes"], six["tx_bytes"]) == (2002, 2000)
    assert (four["attempts"], four["wins"]) == (2, 2)
    assert (four["rx_bytes"], four["tx_bytes"]) == (7, 5)
    assert 0 < six["connect_ms"]["p50"] <= six["connect_ms"]["p95"]
    assert found["ipv6_share"] == 0.5
    # an answer that nobody needed any more is a late one
    assert found["dns"]["positive"] + found["dns"]["late"] == 7
    assert found["dns"]["negative"] == 1
    tunnel, = found["tunnels"]
    assert tunnel == {"name": "a", "health": "good", "retry_at": None,
                      "ipv6": six}
    alice, bob = found["uids"]
    assert (alice["uid"], bob["uid"]) == (ALICE, BOB)
    assert alice["wins"] == {"ipv6": 2, "ipv4": 1, "upstream": 0}
    assert (bob["rx_bytes"], bob["tx_bytes"]) == (4, 3)
    metrics_say(running, found)
    gatewayctl_says(running)


def metrics_say(daemon, document):
    """The same numbers, for Prometheus."""
    time.sleep(1.1)                     # the last document is kept so long
    found = prom.samples(daemon.get("/metrics", headers={
        "Accept": prom.ACCEPT}).body.decode())
    for family, counts in document["families"].items():
        for name, key in (("attempts_total", "attempts"),
                          ("connections_total", "wins"),
                          ("receive_bytes_total", "rx_bytes")):
            assert prom.value(found, "v6gw_relay_" + name,
                              family=family) == counts[key]
    assert prom.value(found, "v6gw_relay_ipv6_ratio") == 0.5
    assert prom.value(found, "v6gw_relay_tunnel_connections_total",
                      tunnel="a") == 2
    assert prom.value(found, "v6gw_relay_refused_total",
                      **{"class": "malformed"}) == 1
    assert prom.value(found, "v6gw_relay_user_connections_total",
                      uid=str(ALICE), family="ipv6") == 2


def gatewayctl_says(daemon):
    text = daemon.ctl("show", "relay").stdout
    assert "modes   socks5 on 127.0.0.1:1080\n" in text
    assert "IPv6    50 % of 4 connections\n" in text
    assert re.search(r"^ipv6 +0 +2 +3 +1 ", text, re.M)
    assert re.search(r"^a +good +- +0 +2 +3 +1 ", text, re.M)
    assert re.search(r"^%d +0 +0 +0 +2 +1 +0 " % ALICE, text, re.M)
    assert "refused 1 malformed\n" in text
    assert json.loads(daemon.ctl("-j", "show", "relay").stdout) == \
        relay(daemon)


def test_health(lab, running):
    """Three failures towards different networks put IPv4 first; until when
    is to be seen."""
    for i in range(len(NOWHERE)):
        assert fetch(lab, "nowhere%d" % i, ALICE, b"") == 4
    gw.wait_for(lambda: relay(running)["tunnels"][0]["health"] == "bad",
                10 * gw.SLOW, "bad health")
    tunnel, = relay(running)["tunnels"]
    assert tunnel["ipv6"]["losses"]["unreachable"] == 3
    assert 30 < tunnel["retry_at"] - time.time() < 62
    assert re.search(r"^a +bad +in \d+ s ",
                     running.ctl("show", "relay").stdout, re.M)


def test_idle(lab, running):
    """While nothing changes nobody is woken up."""
    fetch(lab, "both", ALICE, b"x")
    time.sleep(1.2)
    pid = running.children()["relay"]
    before = procfs.switches(pid)
    time.sleep(2.5)
    assert procfs.switches(pid) - before <= 1
