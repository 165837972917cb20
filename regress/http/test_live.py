"""REST as the daemon serves it, from its own status and in its sandbox."""

import socket
import time

import pytest

import procfs
from sse import Stream

TOKEN = "correct-horse_battery.staple"
TYPES = {
    "/health": {"status": str, "v6_reachable": bool, "v6_latency_ms": int,
                "active_tunnels": int, "last_check": int},
    "/v6/address": {"iface": str, "address": str, "prefix": int,
                    "reachable": bool, "latency_ms": int, "tunnel": str,
                    "role": str},
    "/tunnels": {"name": str, "type": str, "state": str, "iface": str,
                 "v6_prefix": str, "rx_bytes": int, "tx_bytes": int,
                 "last_check": int},
    "/version": {"name": str, "version": str, "started": int},
}


def test_documents(running):
    """Keys, order and types of the API's description; live values in them."""
    for path, types in TYPES.items():
        row = running.get(path).json()
        if path in ("/v6/address", "/tunnels"):
            (row,), = row.values()
        assert list(row) == list(types)
        assert [type(v) for v in row.values()] == list(types.values())
    health = running.get("/health").json()
    assert health["status"] == "ok" and health["active_tunnels"] == 1
    assert abs(health["last_check"] - time.time()) < 30
    tunnel = running.tunnel()
    assert tunnel["v6_prefix"] == "2001:db8:1234:5678::/64"
    assert tunnel["detail"]["endpoint_remote"] == "198.51.100.1"
    assert tunnel["detail"]["transitions"][0]["to"] == "up"
    config = running.get("/config").json()
    assert config["source"] == str(running.file)
    assert config["config"]["tunnel.he"]["iface"] == "he0"


@pytest.mark.parametrize("path, words", [
    ("/health", ["status"]), ("/health", ["show", "health"]),
    ("/tunnels", ["show", "tunnels"]), ("/tunnels/he", ["sh", "t", "he"]),
    ("/v6/address", ["show", "addresses"]),
    ("/v6/address?iface=he0", ["show", "addresses", "he0"]),
    ("/v6/address?iface=none", ["show", "addresses", "none"]),
    ("/config", ["show", "config"]), ("/version", ["version"])])
def test_one_document_three_ways(running, path, words):
    """The same bytes by TCP, by the API's socket and by gatewayctl."""
    for _ in range(20):
        tcp = running.get(path)
        said = running.ctl("-j", *words).stdout
        unix = running.request("GET", path, unix=True)
        if tcp.body == unix.body:       # it did not change meanwhile
            break
    assert tcp.body == unix.body == said.encode()


def test_metrics(running):
    """The same series; what they count goes on meanwhile."""
    def series(text):
        return [line.split(" ")[0] for line in text.splitlines()
                if not line.startswith("#")]

    said = running.ctl("show", "metrics").stdout
    assert said.startswith("# HELP v6gw_")
    assert series(said) == series(running.get("/metrics").body.decode())


def test_etag_follows_a_reload(running):
    old = running.get("/config").headers["ETag"]
    assert running.get("/config", headers={
        "If-None-Match": old}).status == 304
    running.configure({"health": {"quorum": 2}})
    running.ctl("reload")
    reply = running.get("/config", headers={"If-None-Match": old})
    assert reply.status == 200
    assert reply.json()["config"]["health"]["quorum"] == "2"


def test_six_hundred_connections(running):
    """Beyond its limits, inside its sandbox, it still answers."""
    pid = running.children()["frontend"]
    before = procfs.count_descriptors(pid)
    clients = [running.connect() for _ in range(600)]
    try:
        assert running.get("/health").status == 200
        assert running.request("GET", "/health", unix=True).status == 200
        assert running.ctl("status").returncode == 0
        for c in clients[-50:]:
            c.sendall(b"GET /health HTTP/1.1\r\n"
                      b"Host: localhost:8642\r\n\r\n")
            assert c.recv(4096).startswith(b"HTTP/1.1 200 ")
    finally:
        for c in clients:
            c.close()
    for _ in range(100):
        if procfs.count_descriptors(pid) <= before:
            break
        time.sleep(0.05)
    assert procfs.count_descriptors(pid) <= before
    assert running.state() == "up"


def test_token(daemon):
    """On the network all but /health wants the token, as the engine has it."""
    file = daemon.dir / "token"
    file.write_text(TOKEN + "\n")
    file.chmod(0o600)
    daemon.configure({"core": {"api_bind": "192.0.2.2",
                               "api_token_file": file}})
    daemon.start(ready=False)

    def ask(path, *fields, host="192.0.2.2:8642"):
        sock = daemon.ns.socket(socket.AF_INET, socket.SOCK_STREAM)
        with sock:
            sock.settimeout(10)
            sock.connect(("192.0.2.2", 8642))
            sock.sendall("\r\n".join([
                "GET %s HTTP/1.1" % path, "Host: " + host,
                "Connection: close", *fields, "", ""]).encode())
            return int(sock.recv(4096).split()[1])

    for _ in range(100):
        try:
            ask("/health")
            break
        except OSError:
            time.sleep(0.1)
    assert ask("/health") == 200
    assert ask("/version") == 401
    assert ask("/version", "Authorization: Bearer " + TOKEN) == 200
    assert ask("/version", "Authorization: Bearer " + TOKEN + "x") == 401
    assert ask("/version", "Authorization: Bearer x") == 401
    assert ask("/health", host="localhost:8642") == 421
    assert ask("/health", host="example.com:8642") == 421
    assert daemon.request("GET", "/version", unix=True).status == 200


def test_orders(running):
    """Down, up and restart, as gatewayctl does, and what they wait for."""
    reply = running.request("POST", "/tunnels/he/down?wait=10")
    assert reply.status == 200 and reply.json()["state"] == "disabled"
    assert running.request("POST", "/tunnels/he/down").status == 200
    reply = running.request("POST", "/tunnels/he/up?wait=30", unix=True)
    assert reply.status == 200 and reply.json()["state"] == "up"
    assert reply.json()["detail"]["reason"] == running.reason()
    reply = running.request("POST", "/tunnels/he/restart")
    assert reply.status == 202 and reply.json()["state"] == "starting"
    # it is under way still, or has just been done
    assert running.request("POST", "/tunnels/he/up").status in (200, 202)
    reply = running.request("POST", "/tunnels/he/up?wait=30")
    assert reply.status == 200 and reply.json()["state"] == "up"
    assert running.request("POST", "/tunnels/eh/up").status == 404
    assert "asks: tunnel he down" in running.log()


def test_reload(running):
    old = running.get("/config").json()
    reply = running.request("POST", "/config/reload")
    assert reply.status == 200
    assert reply.json()["source"] == old["source"]
    assert reply.json()["loaded_at"] >= old["loaded_at"]
    running.configure({"health": {"quorum": 99}, "tunnel.he": {"mtu": "x"}})
    reply = running.request("POST", "/config/reload")
    assert reply.status == 400
    assert len(reply.json()["errors"]) == 2
    assert str(running.file) + ":" in reply.json()["errors"][0]
    running.configure({"tunnel.he": {"enabled": "no", "mtu": "auto"},
                       "health": {"quorum": 1}})
    assert running.request("POST", "/config/reload").status == 200
    for verb in "up", "restart":
        reply = running.request("POST", "/tunnels/he/" + verb)
        assert reply.status == 409
        assert "enabled = false" in reply.json()["detail"]
    assert running.request("POST", "/tunnels/he/down").status == 200


def post_as(daemon, user, *options):
    return int(daemon.ns.run(
        "setpriv", "--reuid=" + user, "--regid=nogroup", "--clear-groups",
        "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST",
        *options, "http://localhost:8642/config/reload").stdout)


def test_who_may(daemon):
    """The members of control_group, over TCP by what the parent told."""
    daemon.configure({"core": {"control_group": "games"}})
    daemon.start()
    assert post_as(daemon, "root") == 200
    assert post_as(daemon, "games") == 200      # whose own group it is
    assert post_as(daemon, "nobody") == 403
    for user in "_gatewayd", "_gwrelay":
        assert post_as(daemon, user) == 403
        assert post_as(daemon, user, "--unix-socket",
                       daemon.run_dir / "api.sock") == 403
    daemon.configure({"core": {"control_group": None}})
    assert daemon.request("POST", "/config/reload").status == 200
    assert post_as(daemon, "games") == 403
    daemon.configure({"core": {"control_group": "_gatewayd"}})
    reply = daemon.request("POST", "/config/reload")
    assert reply.status == 400
    assert "must not give it orders" in reply.json()["errors"][0]


def test_events(running):
    """What the daemon sees, as it sees it; ids of its last run are known to
    be no ids of this one."""
    with Stream(running.connect(), "localhost:8642") as s:
        last = int(s.next().id)
        probe = s.until(lambda e: e.name == "probe").data
        assert probe["id"] is None
        assert probe["data"]["name"] == "he"
        assert probe["data"]["rtt_ms"]["last"] > 0
        assert running.request("POST", "/tunnels/he/down").status == 200
        event = s.until(lambda e: e.name == "tunnel")
        assert event.data["data"]["to"] == "disabled"
        assert int(event.id) > last
        last = int(event.id)
    running.stop()
    running.up()
    with Stream(running.connect(), "localhost:8642",
                "Last-Event-ID: %d" % last) as s:
        event = s.next()
        assert event.name == "snapshot" and int(event.id) > last
