"""Port mappings by REST and gatewayctl in a whole daemon: what users see of
them is what the relay does, through a real tunnel."""

import json
import socket
import threading

import pytest

import gw

SEED = {"internal_port": 7654, "external_port": 7654,
        "description": "I2P-UDP"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def web(lab):
    return lab.web("hello")


def post(daemon, path, body):
    return daemon.request("POST", path, json.dumps(body).encode(), JSON,
                          unix=True)


def delete(daemon, path):
    return daemon.request("DELETE", path, unix=True)


def ports(daemon, protocol):
    return daemon.get("/ports/" + protocol).json()["ports"]


def udp(ns, address, family):
    s = ns.socket(family, socket.SOCK_DGRAM)
    s.bind(address)
    s.settimeout(0.5)
    return s


def answered(peer, program):
    """One datagram to the published port, and one back."""
    peer.sendto(b"there", (gw.CLIENT6, 7654))
    try:
        data, source = program.recvfrom(100)
        program.sendto(data + b" and back", source)
        return peer.recvfrom(100)[0] == b"there and back"
    except (TimeoutError, ConnectionRefusedError):
        return False


def test_publish_udp(running, lab):
    """The seed's body: a program of this machine is reached by the tunnel."""
    reply = post(running, "/ports/udp", SEED)
    assert reply.status == 201
    assert reply.headers["Location"] == "/ports/udp/7654"
    assert {key: reply.json()[key] for key in SEED} == SEED
    gw.wait_for(lambda: ports(running, "udp")[0]["state"] == "active",
                5 * gw.SLOW, "an active mapping")
    assert ports(running, "udp")[0]["address"] == "[%s]:7654" % gw.CLIENT6
    assert post(running, "/ports/udp", SEED).status == 200
    with udp(lab.client, ("127.0.0.1", 7654), socket.AF_INET) as program, \
            udp(lab.internet, (gw.WEB6, 0), socket.AF_INET6) as peer, \
            udp(lab.internet, (gw.WEB6, 0), socket.AF_INET6) as stranger:
        gw.wait_for(lambda: answered(peer, program), 10 * gw.SLOW, "an answer")
        gw.wait_for(lambda: ports(running, "udp")[0]["rx_bytes"] >= 5,
                    5 * gw.SLOW, "counters")
        row = ports(running, "udp")[0]
        assert row["sessions"] == 1 and row["tx_bytes"] >= 14
        # who is there may go on; nobody else comes in
        reply = delete(running, "/ports/udp/7654")
        assert reply.status == 200 and reply.json()["state"] == "draining"
        assert answered(peer, program)
        assert not answered(stranger, program)


def test_again(running):
    """A program that does not know which port it had gets the same one,
    also after a restart of the daemon."""
    body = {"internal_port": 8443, "description": "one"}
    reply = post(running, "/ports/tcp", body)
    assert reply.status == 201
    location = reply.headers["Location"]
    for name in "one", "two":
        reply = post(running, "/ports/tcp", dict(body, description=name))
        assert (reply.status, reply.headers["Location"]) == (200, location)
    assert "leads already to 127.0.0.1:8443" in running.ctl(
        "ports", "add", "tcp", "8443").stdout
    running.stop()
    running.up()
    reply = post(running, "/ports/tcp", {"internal_port": 8443})
    assert (reply.status, reply.headers["Location"]) == (200, location)
    assert [row["description"] for row in ports(running, "tcp")] == ["two"]
    reply = post(running, "/ports/tcp", {
        "internal_port": 1, "external_port": reply.json()["external_port"]})
    assert reply.status == 409
    assert delete(running, location).status == 204


def test_together(running):
    """Several ask for the same at once: one makes it."""
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(
        post(running, "/ports/tcp", {"internal_port": 8444})))
        for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(reply.status for reply in replies) == [200] * 5 + [201]
    location, = {reply.headers["Location"] for reply in replies}
    assert delete(running, location).status == 204


def test_forward_tcp(running, lab, web):
    out = running.ctl("ports", "add", "tcp", "forward", "40001",
                      "[%s]:80" % gw.WEB6).stdout
    assert "tcp port 40001 leads to [%s]:80" % gw.WEB6 in out
    gw.wait_for(lambda: ports(running, "tcp")[0]["state"] == "active",
                5 * gw.SLOW, "an active mapping")
    curl = "curl", "-q", "-s", "-m", "10", "http://127.0.0.1:40001/"
    assert lab.client.run(*curl).stdout == "hello"
    assert "tcp 40001" in running.ctl("show", "ports").stdout
    running.ctl("ports", "del", "tcp", "40001")
    assert lab.client.run(*curl, check=False).returncode == 7
    assert running.ctl("ports", "del", "tcp", "40001",
                       check=False).returncode == 4


def test_taken(running, lab):
    """Another program's port, and the daemon's own."""
    with lab.client.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
        s.bind(("::", 7777))
        s.listen()
        reply = post(running, "/ports/tcp", {"internal_port": 1,
                                             "external_port": 7777})
        assert reply.status == 409
        assert "another program has it" in reply.json()["detail"]
    reply = post(running, "/ports/tcp", {"internal_port": 8642})
    assert reply.status == 409 and "this daemon" in reply.json()["detail"]
    assert ports(running, "tcp") == []


def test_configuration(daemon):
    """A [port.NAME] is shown, and deleted nowhere but there."""
    daemon.configure({"port.dns": {"protocol": "udp", "internal_port": 53,
                                   "external_port": 53}})
    daemon.up()
    gw.wait_for(lambda: ports(daemon, "udp"), 5 * gw.SLOW, "the mapping")
    row = ports(daemon, "udp")[0]
    assert (row["external_port"], row["source"]) == (53, "config")
    reply = delete(daemon, "/ports/udp/53")
    assert reply.status == 409 and "[port.dns]" in reply.json()["detail"]
    p = daemon.ctl("ports", "del", "udp", "53", check=False)
    assert p.returncode == 5
    assert "[port.dns] in %s" % (daemon.file) in p.stdout
