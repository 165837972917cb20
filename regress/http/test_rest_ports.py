"""Port mappings: listed, made by POST and deleted by DELETE.

The ports is made up (fakeports.c): it keeps mappings and carries nothing.
"""

import errno
import os
import socket

import pytest

from rawhttp import wait_until
from test_orders import NOBODY, ask_as, status_as

NO_ANSWER = 999
WAITING, ACTIVE, FAILED, DRAINING = range(4)        # enum port_state
SEED = {"internal_port": 7654, "external_port": 7654,
        "description": "I2P-UDP"}
FORWARD = {"listen_port": 40001, "remote": "[2001:db8::9]:7654"}
KEYS = ["description", "protocol", "tunnel", "address", "state", "reason",
        "proxy_protocol", "source", "sessions", "rx_bytes", "tx_bytes"]


@pytest.fixture(params=[False, True], ids=["tcp", "unix"])
def server(request, start):
    return start(use_unix=request.param)


@pytest.fixture
def client(start):
    with start().client() as c:
        yield c


def test_seed(server):
    """What the people who asked for this wrote down."""
    with server.client() as c:
        assert c.get("/ports/udp").json() == {"ports": []}
        reply = c.post("/ports/udp", SEED)
        assert reply.status == 201
        assert reply.fields["Location"] == "/ports/udp/7654"
        assert reply.fields["Cache-Control"] == "no-store"
        made = reply.json()
        assert list(made) == [*SEED, *KEYS[1:]]
        assert {key: made[key] for key in SEED} == SEED
        assert made["address"] == "[2001:db8:1234:5678::2]:7654"
        assert made["protocol"] == "udp" and made["source"] == "api"
        assert made["state"] == "active" and made["tunnel"] is None
        assert c.get("/ports/udp").json() == {"ports": [made]}
        assert c.get(reply.fields["Location"]).json() == made
        assert c.get("/ports/tcp").json() == {"ports": []}
        # again: it changes nothing
        reply = c.post("/ports/udp", SEED)
        assert reply.status == 200 and reply.json() == made
        assert reply.fields["Location"] == "/ports/udp/7654"
        reply = c.request("DELETE", "/ports/udp/7654")
        assert reply.status == 204 and reply.body == b""
        assert "Content-Type" not in reply.fields
        assert c.get("/ports/udp").json() == {"ports": []}
        for method in "GET", "DELETE":
            reply = c.request(method, "/ports/udp/7654")
            assert reply.status == 404
            assert "there is: none" in reply.json()["detail"]


def test_forward(client):
    reply = client.post("/ports/tcp", FORWARD)
    assert reply.status == 201
    made = reply.json()
    assert list(made) == [*FORWARD, *KEYS]
    assert {key: made[key] for key in FORWARD} == FORWARD
    assert made["address"] == "127.0.0.1:40001"
    assert made["description"] is None
    reply = client.post("/ports/tcp", {"remote": "peer_1.example:80",
                                       "tunnel": "wg"})
    assert reply.status == 201
    assert reply.fields["Location"] == "/ports/tcp/41000"
    assert reply.json()["remote"] == "peer_1.example:80"
    assert reply.json()["tunnel"] == "wg"
    # in the order of their ports
    assert [p["listen_port"] for p in client.get("/ports/tcp").json()
            ["ports"]] == [40001, 41000]


def test_next_free(client):
    """None asked for: the next one from the base."""
    for port in 40000, 40001:
        reply = client.post("/ports/udp", {"internal_port": port})
        assert reply.status == 201
        assert reply.fields["Location"] == "/ports/udp/%d" % port
        assert reply.json()["external_port"] == port
    detail = client.get("/ports/udp/1").json()["detail"]
    assert detail.endswith('udp port "1"; there is: 40000, 40001')


@pytest.mark.parametrize("body", [
    {"internal_port": 7654}, dict(SEED, proxy_protocol="v2"),
    {"remote": "peer.example:80", "tunnel": "wg"}],
    ids=["any", "number", "forward"])
def test_again(client, body):
    """A program that starts again gets the mapping that it had; what it is
    called may change."""
    reply = client.post("/ports/udp", dict(body, description="one"))
    assert reply.status == 201
    location = reply.fields["Location"]
    for name in "one", "two":
        reply = client.post("/ports/udp", dict(body, description=name))
        assert reply.status == 200
        assert reply.fields["Location"] == location
        assert reply.json()["description"] == name
    for other in {"tunnel": "he"}, {"proxy_protocol": "v2"}, \
            {"internal_port": 1}, {"remote": "other.example:1"}:
        key, = other
        if body.get(key) == other[key] or key != "tunnel" and (
                "remote" in body) != (key == "remote"):
            continue
        reply = client.post("/ports/udp", dict(body, **other))
        assert reply.status == (409 if "external_port" in body else 201)
        assert reply.fields.get("Location") != location


def test_proxy_protocol(client):
    for protocol in "udp", "tcp":
        reply = client.post("/ports/" + protocol, {
            "internal_port": 80, "proxy_protocol": "v2"})
        assert reply.status == 201
        assert reply.json()["proxy_protocol"] == "v2"


def test_document(client):
    """ETag and 304; another one with every change."""
    server = client.server
    client.post("/ports/udp", SEED)
    for target in "/ports/udp", "/ports/udp/7654":
        reply = client.get(target)
        etag = "If-None-Match: " + reply.fields["ETag"]
        server.command("touch")
        assert client.get(target, etag).status == 304
        server.command("ports is 7654 %d 3 1000" % ACTIVE)
        wait_until(lambda: client.get(target, etag).status == 200)
        row = client.get("/ports/udp/7654").json()
        assert row["sessions"] == 3
        assert row["rx_bytes"] == 1000 and row["tx_bytes"] == 2000
        assert client.request("HEAD", target).status == 200
        server.command("ports is 7654 %d 0 0" % ACTIVE)
        wait_until(lambda: client.get("/ports/udp/7654").json()
                   ["sessions"] == 0)


@pytest.mark.parametrize("state,word,address", [
    (WAITING, "waiting", None), (FAILED, "failed", None),
    (ACTIVE, "active", "[2001:db8:1234:5678::2]:7654")])
def test_states(client, state, word, address):
    client.post("/ports/udp", SEED)
    client.server.command("ports is 7654 %d 0 1 Because." % state)
    wait_until(lambda: client.get("/ports/udp/7654").json()["reason"])
    row = client.get("/ports/udp/7654").json()
    assert row["state"] == word and row["reason"] == "Because."
    assert row["address"] == address


def test_drains(client):
    """200 as long as something is open; another may take its place."""
    client.post("/ports/udp", SEED)
    client.server.command("ports drain 1")
    for _ in range(2):
        reply = client.request("DELETE", "/ports/udp/7654")
        assert reply.status == 200
        assert reply.json()["state"] == "draining"
        assert reply.json()["address"] is None
        assert client.get("/ports/udp/7654").json()["state"] == "draining"
    other = {"internal_port": 1, "external_port": 7654}
    assert client.post("/ports/udp", other).status == 201
    assert client.get("/ports/udp/7654").json()["internal_port"] == 1
    assert len(client.get("/ports/udp").json()["ports"]) == 2
    client.server.command("ports end")
    wait_until(lambda: len(client.get("/ports/udp").json()["ports"]) == 1)
    assert client.get("/ports/udp/7654").json()["state"] == "active"


def test_fixed(client):
    """What the configuration has is not deleted here."""
    client.server.command("ports fixed 53")
    wait_until(lambda: client.get("/ports/udp/53").status == 200)
    assert client.get("/ports/udp/53").json()["source"] == "config"
    reply = client.request("DELETE", "/ports/udp/53")
    assert reply.status == 409
    assert reply.json()["detail"] == "udp port 53 belongs to [port.dns] in " \
        "/etc/v6-gatewayd.conf: take it out there"
    assert client.get("/ports/udp/53").status == 200


@pytest.mark.parametrize("body", [
    dict(SEED, internal_port=1), dict(SEED, tunnel="he"),
    dict(SEED, proxy_protocol="v2"),
    {"listen_port": 7654, "remote": "peer.example:7654"}])
def test_taken_by_a_mapping(client, body):
    assert client.post("/ports/udp", SEED).status == 201
    assert client.post("/ports/tcp", SEED).status == 201
    reply = client.post("/ports/udp", body)
    assert reply.status == 409
    assert reply.json()["detail"] == \
        "udp port 7654: another mapping has it: delete that first"


@pytest.mark.parametrize("error,status,word", [
    (errno.EADDRINUSE, 409, "another program has it"),
    (errno.EADDRNOTAVAIL, 409, "no port is free"),
    (errno.EBUSY, 409, "try again"), (errno.ELOOP, 409, "this daemon"),
    (errno.ENOSPC, 409, "delete another"), (errno.EINVAL, 400, "no such"),
    (errno.EACCES, 400, "[port.NAME]"), (errno.ENODEV, 404, "no longer"),
    (errno.ENOENT, 404, "meanwhile"), (errno.EIO, 503, "")])
def test_refused(client, error, status, word):
    client.server.command("ports error %d" % error)
    reply = client.post("/ports/udp", SEED)
    assert reply.status == status
    assert reply.json()["instance"] == "/ports/udp"
    assert "udp port 7654: " in reply.json()["detail"]
    assert word in reply.json()["detail"]
    assert ("Retry-After" in reply.fields) == (status == 503)
    client.server.command("ports error 0")
    client.post("/ports/udp", SEED)
    client.server.command("ports error %d" % errno.ENOENT)
    reply = client.request("DELETE", "/ports/udp/7654")
    assert reply.status == 404
    assert "no such mapping" in reply.json()["detail"]


# each kind of it; the others are in regress/unit/port_body_test.c
@pytest.mark.parametrize("body,word", [
    (b"", "near end of file"), (b"{", "line 1"), (b"[]", "an object"),
    (b"{}", "internal_port is missing"), ({"listen_port": 1}, "remote is"),
    ({"internal_port": "7654"}, "internal_port: it is a number from 1 to"),
    ({"internal_port": 0}, "internal_port: it is a number from 1 to"),
    (dict(SEED, external_port=1023), "external_port: it is a number from 10"),
    (dict(SEED, description="a" * 128), "description: it is a text"),
    (dict(SEED, description="\x1b"), "description has control"),
    (dict(SEED, proxy_protocol="v1"), 'proxy_protocol: it is "v2"'),
    (dict(SEED, tunnel=7), "tunnel: it is the name"),
    (dict(SEED, extrnal_port=7), 'did you mean "external_port"?'),
    (dict(SEED, remote="peer.example:7"), "internal_port does not go with"),
    (dict(FORWARD, remote="192.0.2.1:80"), "remote: it is IPv4"),
    (dict(FORWARD, remote="[::1]:80"), "remote: it is the loopback"),
    (dict(FORWARD, remote="peer.example"), "remote: it is not a host"),
    (b'{"internal_port":1,"internal_port":2}', '"internal_port"'),
    (b'{"internal_port":1,"description":"\xff"}', "decode byte 0xff"),
    (b"[" * 65536, "depth"), (b'{"a":' * 13000, "depth"),
    (b'{"internal_port":1}' + b" " * 65517, None)],
    ids=lambda value: "" if not isinstance(value, str) else None)
def test_content(client, body, word):
    """A problem that names the member, and nothing is made."""
    reply = client.post("/ports/udp", body)
    if word is None:
        assert reply.status == 201
        return
    assert reply.status == 400
    assert reply.fields["Content-Type"] == "application/problem+json"
    assert word in reply.json()["detail"]
    assert reply.json()["instance"] == "/ports/udp"
    assert client.get("/ports/udp").json() == {"ports": []}


@pytest.mark.parametrize("kind,status", [
    ("application/json", 201), ("application/json; charset=utf-8", 201),
    ("Application/JSON", 201), ("text/plain", 415), ("text/json", 415),
    ("application/x-www-form-urlencoded", 415), ("application/jsonp", 415)])
def test_media_type(client, kind, status):
    assert client.post("/ports/udp", SEED, kind=kind).status == status


def test_too_large(client):
    reply = client.post("/ports/udp", b" " * 65537)
    assert reply.status == 413


def test_unknown_tunnel(client):
    reply = client.post("/ports/udp", dict(SEED, tunnel="eh"))
    assert reply.status == 404
    assert reply.json()["detail"] == 'no tunnel "eh"; there is: he, wg, ext'


@pytest.mark.parametrize("port", [
    "7655", "0", "07654", "+7654", "-1", "7654x", "0x1de6", "65536", "x",
    "%207654", "4294974950", "a" * 63, "a" * 64])
def test_no_such_port(client, port):
    client.post("/ports/udp", SEED)
    for method in "GET", "HEAD", "DELETE":
        assert client.request(method, "/ports/udp/" + port).status == 404
    assert client.get("/ports/udp/7654").status == 200
    assert client.get("/ports/tcp/7654").status == 404


def test_methods(client):
    client.post("/ports/udp", SEED)
    for target, allow in (("/ports/udp", "GET, HEAD, POST, OPTIONS"),
                          ("/ports/udp/7654", "GET, HEAD, DELETE, OPTIONS")):
        reply = client.request("OPTIONS", target)
        assert reply.status == 204 and reply.fields["Allow"] == allow
        for method in {"POST", "DELETE", "PUT", "PATCH"} - {
                *allow.split(", ")}:
            reply = client.request(method, target)
            assert reply.status == 405 and reply.fields["Allow"] == allow
    for target in "/ports", "/ports/", "/ports/sctp", "/ports/udp/":
        assert client.get(target).status == 404
    for target in "/ports/udp?x=1", "/ports/udp/7654?drain=1":
        assert client.get(target).status == 400
        assert client.request("DELETE", target).status in (400, 405)


def test_delete_has_no_content(client):
    client.post("/ports/udp", SEED)
    for body, status in (b'{"a":1}', 400), (b"x", 400), (b"{}", 204):
        client.send(b"DELETE /ports/udp/7654 HTTP/1.1\r\nHost: %s\r\n"
                    b"Content-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%s" % (
                        client.server.host.encode(), len(body), body))
        assert client.reply("DELETE").status == status


@pytest.mark.parametrize("field,status", [
    ("Sec-Fetch-Site: same-origin", 204), ("Sec-Fetch-Site: none", 204),
    ("Sec-Fetch-Site: same-site", 403), ("Sec-Fetch-Site: cross-site", 403),
    ("Origin: http://%s", 204), ("Origin: http://example.com", 403),
    ("Origin: null", 403)])
def test_browsers(client, field, status):
    """Never for the page of another site, whoever runs the browser."""
    if "%s" in field:
        field %= client.server.host
    made = client.post("/ports/udp", SEED, field)
    assert made.status == (201 if status == 204 else 403)
    client.post("/ports/udp", SEED)
    assert client.request("DELETE", "/ports/udp/7654", field).status == status


@pytest.mark.skipif(os.getuid() != 0, reason="takes other users' uids")
def test_who(start):
    """Reading is for all; changing for those who may change things."""
    server = start()
    with server.client() as c:
        c.post("/ports/udp", SEED)
    for unix in False, True:
        for method, target, status in (
                ("GET", "/ports/udp", 200), ("GET", "/ports/udp/7654", 200),
                ("POST", "/ports/udp", 403),
                ("DELETE", "/ports/udp/7654", 403)):
            assert status_as(server, NOBODY, unix=unix, method=method,
                             target=target) == status
    assert "control_group is not set" in ask_as(
        server, NOBODY, method="DELETE", target="/ports/udp/7654")
    server.command("writer 1717")
    assert status_as(server, 1717, method="DELETE",
                     target="/ports/udp/7654") == 204
    assert "uid 1717 asks: delete udp port 7654" in server.log.read_text()


def test_waits_for_the_relay(client):
    """Requests behind it keep their turn, others are served."""
    server = client.server
    server.command("ports error %d" % NO_ANSWER)
    client.sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.post("/ports/udp", SEED)
    with server.client() as other:
        assert other.get("/health").status == 200
    server.command("ports error 0")
    with server.client() as other:
        assert other.post("/ports/udp", SEED).status == 201


def test_client_leaves(start):
    """What was ordered is carried out; the answer reaches nobody else."""
    server = start()
    fds = server.fds()
    for error in NO_ANSWER, 0:
        server.command("ports error %d" % error)
        for _ in range(20):
            for request in ("POST /ports/udp", "DELETE /ports/udp/7654"):
                c = server.client()
                body = b'{"internal_port":7654,"external_port":7654}'
                c.send(b"%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application"
                       b"/json\r\nContent-Length: %d\r\n\r\n%s" % (
                           request.encode(), server.host.encode(), len(body),
                           body))
                c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  b"\1\0\0\0\0\0\0\0")
                c.sock.close()
    wait_until(lambda: server.fds() <= fds)
    assert server.answers()
