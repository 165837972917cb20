"""Two uplinks, and what a path can carry."""

import socket
import time

import pytest

import gw
import multilab
import rtmon

WAN, WAN2 = (multilab.WANS[name][0] for name in ("wan", "wan2"))


@pytest.fixture(scope="module")
def lab(ways):
    return ways


def local(daemon, name):
    return daemon.tunnel(name)["detail"]["endpoint_local"]


def test_pinned_to_an_uplink(daemon, lab):
    """a and b keep to theirs, though both servers' route is by the first; c
    follows the route."""
    daemon.configure({"tunnel.a": {"wan": "wan"},
                      "tunnel.b": {"wan": "wan2"}})
    lab.b.broker.client(WAN2)
    daemon.up()
    assert [local(daemon, name) for name in "abc"] == [WAN, WAN2, WAN]
    with rtmon.Capture(lab.client, "wan", rtmon.ETH_P_IP) as first, \
            rtmon.Capture(lab.client, "wan2", rtmon.ETH_P_IP) as second:
        assert lab.client.ping(gw.INTERNET6[0], "-I", lab.b.address)
        assert lab.client.ping(gw.INTERNET6[0], "-I", lab.a.address)

        def servers(capture):
            return {socket.inet_ntoa(p.data[16:20])
                    for p in capture.read() if p.out and p.data[9] == 41}

        assert lab.b.endpoint in servers(second)
        assert lab.a.endpoint not in servers(second)
        assert lab.b.endpoint not in servers(first)
    with lab.watch() as watch:
        time.sleep(0.3)
        asked = time.monotonic()
        # its default route goes with it, and the other's is left
        lab.client.ip("link set wan down")
        lab.c.broker.client(WAN2)
        start = watch.monitor.first(asked)
        when = watch.monitor.wait_default("b0", start, 3)
        assert when - start <= 0.05 * gw.SLOW
        gw.wait_for(lambda: local(daemon, "c") == WAN2, 3 * gw.SLOW,
                    "c takes the other uplink")
        assert daemon.tunnel("a")["detail"]["state"] == "wait_wan"
        assert "wan" in daemon.reason("a")
        watch.stop()
        assert {tuple(c[1:3]) for c in watch.between(
            when + 0.02 * gw.SLOW)} == {(lab.b.address, None)}


def upload(lab, size):
    """Sends that many bytes to the Internet; how many arrived."""
    arrived = 0
    with lab.internet.socket(socket.AF_INET6) as listener, \
            lab.client.socket(socket.AF_INET6) as sender:
        for sock in listener, sender:
            sock.settimeout(5 * gw.SLOW)
        listener.bind((gw.WEB6, 8))
        listener.listen()
        sender.connect((gw.WEB6, 8))
        with listener.accept()[0] as receiver:
            receiver.settimeout(5 * gw.SLOW)
            sender.sendall(bytes(size))
            sender.shutdown(socket.SHUT_WR)
            while data := receiver.recv(65536):
                arrived += len(data)
    return arrived


@pytest.mark.both
def test_black_hole_of_large_packets(daemon, lab):
    """Found when the tunnel comes up; what is sent then fits."""
    lab.a.broker.narrow(1400)
    daemon.up()
    gw.wait_for(lambda: daemon.tunnel("a")["detail"]["black_hole"],
                20 * gw.SLOW, "the black hole is found")
    detail = daemon.tunnel("a")["detail"]
    found = detail["mtu"]
    assert 1400 - 8 < found <= 1400 and detail["pmtu"] == found
    assert daemon.tunnel("b")["detail"]["mtu"] == 1480
    assert "packets above %d bytes vanish" % found in daemon.log()
    assert "packets above %d bytes vanish" % found in \
        daemon.ctl("status").stdout
    gw.wait_for(lambda: [route["metrics"][0]["advmss"] for route in
                         lab.client.json("-6 route show default dev a0")] ==
                [found - 60] * 2, 2 * gw.SLOW, "what TCP is told")
    assert upload(lab, 200000) == 200000
    assert lab.ours() == ["a0"]
