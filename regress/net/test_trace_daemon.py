"""gatewayctl trace and POST /trace in a whole daemon: through a real tunnel."""

import concurrent.futures
import json
import re
import socket
import time

import pytest

import etc
import gw
import nameserver

PORT = 80
SILENT6 = "2001:db8:f00d::dead"
CLOSED = 81                 # nobody listens there
AAAA = 28


@pytest.fixture(scope="module")
def web(lab):
    return lab.web("hello")


def trace(daemon, target, code=0):
    p = daemon.ctl("-j", "trace", target, check=False)
    assert p.returncode == code, p.stdout
    return json.loads(p.stdout)


def attempts(document):
    return [(a["address"], a["result"], a["error"])
            for a in document["attempts"]]


def test_trace(running, lab, web):
    t = trace(running, "[%s]:%d" % (gw.WEB6, PORT))
    assert t["winner"]["source"] == gw.CLIENT6
    assert (t["winner"]["tunnel"], t["result"]) == ("he", "connected")
    assert attempts(t) == [(gw.WEB6, "connected", None)]
    assert t["queries"] == [] and t["ms"] < 1000 * gw.SLOW
    # the API answers the same, but for what differs each time
    api = running.request("POST", "/trace", body=json.dumps(
        {"host": gw.WEB6, "port": PORT}).encode(),
        headers={"Content-Type": "application/json"}, unix=True).json()
    for document in t, api:
        del document["ms"], document["winner"]["source_port"]
        del document["attempts"]
    assert api == t


def test_refused(running, lab, web):
    t = trace(running, "[%s]:%d" % (gw.WEB6, CLOSED), code=1)
    assert attempts(t) == [(gw.WEB6, "failed", "Connection refused")]
    # root cannot make the relay talk to this machine either
    t = trace(running, "127.0.0.1:%d" % PORT, code=1)
    assert attempts(t) == [("127.0.0.1", "refused", "a loopback address")]


def test_a_name(running):
    """hosts(5) knows it; no IPv4 connection leads back to this machine."""
    t = trace(running, "localhost", code=1)
    assert [q["type"] for q in t["queries"]] == ["AAAA", "A"]
    assert ("127.0.0.1", "refused", "a loopback address") in attempts(t)
    assert t["reason"] == "the rules refuse all addresses"


@pytest.fixture(scope="module")
def names(lab):
    """race_1.example has an IPv6 address that nothing answers at, and the
    router's IPv4 address, which does."""
    own = etc.Etc(lab.dir / "etc")
    own.put("resolv.conf", "nameserver 127.0.0.1\n")
    lab.internet.ip("-6 route add blackhole %s/128" % SILENT6)
    own.put("hosts", "%s race_1.example\n%s race_1.example\n" % (
        SILENT6, gw.ROUTER4))
    with lab.broker_ns.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.bind((gw.ROUTER4, PORT))
        s.listen()
        yield etc.Namespace(lab.client, own)


def test_attempt_delay(lab, names):
    """It is what the configuration says, also after a reload."""
    lab.reset()
    daemon = lab.daemon(ns=names)
    try:
        daemon.up()
        for delay in 250, 700:
            daemon.configure({"exposure.socks5": {
                "attempt_delay": "%dms" % delay}})
            daemon.ctl("reload")
            began = []
            while len(began) < 5 and not any(ms < delay + 50 for ms in began):
                t = trace(daemon, "race_1.example:%d" % PORT)
                assert attempts(t) == [(SILENT6, "overtaken", None),
                                       (gw.ROUTER4, "connected", None)]
                assert t["winner"]["source"] == gw.CLIENT4
                six, four = (a["start_ms"] for a in t["attempts"])
                began.append(four - six)
            assert delay <= min(began) < delay + 50 * gw.SLOW, began
    finally:
        daemon.close()


class HalfAServer(nameserver.NameServer):
    """Knows one address of one name, and does not answer else."""

    def answers(self, query):
        if query.name != "half.example" or query.kind != AAAA:
            return []
        return [(0, query.reply([nameserver.record(
            query.name, AAAA, 60, socket.inet_pton(
                socket.AF_INET6, SILENT6))]))]


def timed_trace(daemon, target):
    """(seconds, its status, what it says)."""
    start = time.monotonic()
    p = daemon.ctl("trace", target, check=False)
    return time.monotonic() - start, p.returncode, p.stdout


@pytest.mark.slow
def test_nothing_answers(lab, names):
    """For a name, for its other address, at the one that is known: each has
    its time, and the trace ends with the last one's."""
    lab.reset()
    server = HalfAServer(lab.client, "127.0.0.1")
    daemon = lab.daemon(ns=names)
    try:
        daemon.up()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            none, half = pool.map(lambda host: timed_trace(daemon, host),
                                  ("none.example", "half.example"))
        seconds, code, text = none
        assert code == 1 and 4 < seconds < 5 + gw.SLOW
        assert re.search(r"\nAAAA .* no name server answers +\n"
                         r"A .* no name server answers +\n\n"
                         r"failed after \d+ ms: no address to try\n$", text)
        seconds, code, text = half
        assert code == 6 and 15 <= seconds < 15 + gw.SLOW
        assert re.search(r"\nA .* no name server answers +\n", text)
        assert re.search(r"\n1 +%s .* failed: Connection timed out\n\n"
                         r"timeout after 15\d{3} ms: nothing answered in time"
                         r"\n$" % SILENT6, text)
    finally:
        daemon.close()
        server.close()


def test_no_tunnel(running, web):
    running.ctl("tunnel", "he", "down", "-W")
    try:
        t = trace(running, "[%s]:%d" % (gw.WEB6, PORT), code=1)
        assert (t["tunnel"], t["reason"]) == (None, "IPv6 has no tunnel")
    finally:
        running.ctl("tunnel", "he", "up", "-W")
    gw.wait_for(lambda: running.ctl(
        "trace", "[%s]:%d" % (gw.WEB6, PORT), check=False).returncode == 0,
        10 * gw.SLOW, "a trace by the tunnel that is back")
