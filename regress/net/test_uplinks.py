"""What the outer path can carry."""

import socket

import pytest

import gw


@pytest.fixture(scope="module")
def lab(ways):
    return ways


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
