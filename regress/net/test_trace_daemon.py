"""gatewayctl trace and POST /trace in a whole daemon: through a real tunnel."""

import json

import pytest

import gw

PORT = 80
CLOSED = 81                 # nobody listens there


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
