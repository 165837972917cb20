"""Orders by POST: what they are answered, and who may give them."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from rawhttp import wait_until

NOBODY = 65534
NO_ANSWER = 99
PROBING, UP, DOWN, DISABLED = 4, 5, 8, 0        # enum tunnel_state
VERBS = ["up", "down", "restart"]

# a client of another user: METHOD TARGET FIELD..., the status on stdout
ASK = """
import os, socket, sys
place, host, gid, uid, method, target, *fields = sys.argv[1:]
if place.startswith("/"):
    os.chdir(os.path.dirname(place))    # not everybody gets there
os.setgroups([int(g) for g in gid.split(",")[1:]])
os.setresgid(*[int(gid.split(",")[0])] * 3)
os.setresuid(*[int(uid)] * 3)
if place.startswith("/"):
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.path.basename(place))
else:
    address, port = place.rsplit(":", 1)
    s = socket.create_connection((address, int(port)), 10)
s.sendall("\\r\\n".join(["%s %s HTTP/1.1" % (method, target), "Host: " + host,
    "Connection: close", *fields, "", ""]).encode())
print(s.makefile("rb").read().decode())
"""


def ask_as(server, uid, *fields, gid=NOBODY, groups=(), unix=False,
           target="/tunnels/he/up", method="POST"):
    place = server.path if unix else "127.0.0.1:%d" % server.port
    os.chmod(server.path, 0o666)
    p = subprocess.run(
        [sys.executable, "-c", ASK, place, server.host,
         ",".join(map(str, (gid, *groups))), str(uid), method, target,
         *fields], capture_output=True, text=True, timeout=60, check=True)
    return p.stdout


def status_as(*args, **kwargs):
    return int(ask_as(*args, **kwargs).split()[1])


@pytest.fixture(params=[False, True], ids=["tcp", "unix"])
def server(request, start):
    return start(use_unix=request.param)


@pytest.mark.parametrize("verb", VERBS)
def test_done(server, verb):
    """200 and the tunnel when nothing more is on its way; as often as asked"""
    server.command("event %d" % (DISABLED if verb == "down" else UP))
    with server.client() as c:
        for error in 0, errno.EALREADY:
            server.command("admin %d" % error)
            reply = c.request("POST", "/tunnels/he/" + verb)
            assert reply.status == 200
            assert reply.json() == c.get("/tunnels/he").json()
            assert reply.fields["Cache-Control"] == "no-store"
            assert "ETag" not in reply.fields


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("wait", ["", "?wait=0"])
def test_under_way(server, verb, wait):
    server.command("event %d" % PROBING)
    with server.client() as c:
        reply = c.request("POST", "/tunnels/he/%s%s" % (verb, wait))
        assert reply.status == 202
        assert reply.json()["detail"]["state"] == "probing"


@pytest.mark.parametrize("verb,state,word", [
    ("up", UP, "up"), ("restart", DOWN, "down"),
    ("down", DISABLED, "disabled")])
def test_wait(server, verb, state, word):
    """The answer comes with the change; requests behind it keep their turn"""
    server.command("event %d" % PROBING)
    with server.client() as c:
        for _ in range(3):
            c.send(("POST /tunnels/he/%s?wait=60 HTTP/1.1\r\nHost: %s\r\n\r\n"
                    "GET /version HTTP/1.1\r\nHost: %s\r\n\r\n"
                    % (verb, server.host, server.host)).encode())
            with server.client() as other:
                assert other.get("/health").status == 200
            server.command("event %d" % (PROBING - 1))    # not yet
            c.sock.settimeout(0.2)
            with pytest.raises(TimeoutError):
                c.reply()
            c.sock.settimeout(15)
            server.command("event %d" % state)
            reply = c.reply()
            assert reply.status == 200
            assert reply.json()["detail"]["state"] == word
            assert "version" in c.reply().json()
            server.command("event %d" % PROBING)


def test_wait_ends(server):
    server.command("event %d" % PROBING)
    with server.client() as c:
        start = time.monotonic()
        reply = c.request("POST", "/tunnels/he/up?wait=1")
        assert reply.status == 202
        assert 0.9 < time.monotonic() - start < 10
        assert c.get("/health").status == 200


def test_tunnel_goes_meanwhile(server):
    server.command("event %d" % PROBING)
    with server.client() as c:
        c.send(("POST /tunnels/wg/up?wait=60 HTTP/1.1\r\nHost: %s\r\n\r\n"
                % server.host).encode())
        server.command("touch")
        server.command("drop")
        server.command("event %d" % UP)       # an event of another tunnel
        reply = c.reply()
        assert reply.status == 404
        assert reply.json()["instance"] == "/tunnels/wg/up"


@pytest.mark.parametrize("error,status,word", [
    (errno.ENOENT, 404, "no longer"), (errno.EBUSY, 409, "try again"),
    (errno.EINVAL, 409, "enabled = false"), (errno.EPERM, 403, "permitted"),
    (errno.EIO, 503, "")])
def test_refused(server, error, status, word):
    server.command("admin %d" % error)
    with server.client() as c:
        for target in "/tunnels/he/restart", "/tunnels/he/up?wait=5":
            reply = c.request("POST", target)
            assert reply.status == status
            assert word in reply.json()["detail"]
            assert reply.json()["instance"] == target.split("?")[0]


@pytest.mark.parametrize("value,right", [
    ("0", True), ("1", True), ("60", True), ("00", True), ("61", False),
    ("", False), ("-1", False), ("+1", False), (" 1", False), ("1.5", False),
    ("1e1", False), ("0x1", False), ("060", False), ("a", False)])
def test_wait_is_checked(server, value, right):
    server.command("event %d" % UP)
    with server.client() as c:
        reply = c.request("POST", "/tunnels/he/up?wait="
                          + value.replace(" ", "%20").replace("+", "%2B"))
        assert reply.status == (200 if right else 400)
        assert right or "0 to 60" in reply.json()["detail"]


@pytest.mark.parametrize("body,status", [
    (b"", 200), (b"{}", 200), (b" {\r\n} ", 200), (b"{", 400), (b"{}{}", 400),
    (b'{"a":1}', 400), (b"[]", 400), (b"null", 400), (b"\0", 400),
    (b"{}\0", 400), (b"[" * 65536, 400), (b"[{}" + b",{}" * 21000 + b"]", 400),
    (b" " * 65536, 200)])
def test_content(server, body, status):
    """There is nothing to say; what is said is not looked into."""
    server.command("event %d" % UP)
    with server.client() as c:
        for target in "/tunnels/he/up", "/config/reload":
            c.send(b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n"
                   b"Content-Type: application/json\r\n\r\n%s" % (
                       target.encode(), server.host.encode(), len(body), body))
            assert c.reply("POST").status == status
        assert c.get("/health").status == 200


def test_content_is_json(server):
    with server.client() as c:
        c.send(("POST /tunnels/he/up HTTP/1.1\r\nHost: %s\r\n"
                "Content-Length: 2\r\n\r\n{}" % server.host).encode())
        assert c.reply("POST").status == 415


def test_reload(server):
    with server.client() as c:
        reply = c.request("POST", "/config/reload")
        assert reply.status == 200
        assert reply.json() == {"source": "/etc/v6-gatewayd.conf",
                                "loaded_at": 1699560005, "messages": []}
        server.command("reload %d" % errno.EINVAL)
        reply = c.request("POST", "/config/reload")
        assert reply.status == 400
        assert reply.fields["Content-Type"] == "application/problem+json"
        assert "errors" in reply.json()["detail"]
        assert reply.json()["errors"] == [
            'gw.conf:3:1: unknown key "log_levle"; did you mean "log_level"',
            'gw.conf:9:8: "x" is no number']
        server.command("reload %d" % errno.EBUSY)
        reply = c.request("POST", "/config/reload")
        assert reply.status == 409
        assert "another reload" in reply.json()["detail"]
        server.command("reload %d" % errno.ETIMEDOUT)
        assert c.request("POST", "/config/reload").status == 503
        reply = c.request("POST", "/config/reload?wait=1")
        assert reply.status == 400


@pytest.mark.parametrize("target", ["/tunnels/he/up", "/config/reload"])
def test_only_post(server, target):
    with server.client() as c:
        for method in "GET", "HEAD", "PUT", "DELETE":
            reply = c.request(method, target)
            assert reply.status == 405
            assert reply.fields["Allow"] == "POST, OPTIONS"
        for method in "OPTIONS",:
            assert c.request(method, target).fields["Allow"] == "POST, OPTIONS"
        assert c.request("POST", "/tunnels/nope/up").status == 404
        assert c.request("POST", "/tunnels/he/prefer").status == 404
        assert c.request("POST", "/tunnels//up").status == 404


def test_client_leaves(start):
    """What was ordered is carried out; the answer reaches nobody else."""
    server = start()
    server.command("event %d" % PROBING)
    fds = server.fds()
    for error in 0, NO_ANSWER:
        server.command("admin %d" % error)
        server.command("reload %d" % error)
        for target in "/tunnels/he/up?wait=60", "/config/reload":
            for _ in range(20):
                c = server.client()
                c.send(("POST %s HTTP/1.1\r\nHost: %s\r\n\r\n"
                        % (target, server.host)).encode())
                # reset on close
                c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  b"\1\0\0\0\0\0\0\0")
                c.sock.close()
    wait_until(lambda: server.fds() <= fds)
    server.command("event %d" % UP)
    assert server.answers()


def test_half_closed_is_not_gone(server):
    server.command("event %d" % PROBING)
    with server.client() as c:
        c.send(("POST /tunnels/he/up?wait=60 HTTP/1.1\r\nHost: %s\r\n\r\n"
                % server.host).encode())
        c.sock.shutdown(socket.SHUT_WR)
        server.command("touch")
        server.command("event %d" % UP)
        assert c.reply("POST").status == 200
        assert c.closed()


@pytest.mark.parametrize("field,status", [
    ("Sec-Fetch-Site: same-origin", 200), ("Sec-Fetch-Site: none", 200),
    ("Sec-Fetch-Site: same-site", 403), ("Sec-Fetch-Site: cross-site", 403),
    ("Sec-Fetch-Site: ", 403), ("Origin: http://%s", 200),
    ("Origin: http://example.com", 403), ("Origin: null", 403),
    ("Origin: https://%s", 403), ("Origin: http://localhost:1", 403)])
def test_browsers(server, field, status):
    """Never for the page of another site, whoever runs the browser."""
    server.command("event %d" % UP)
    if "%s" in field:
        field %= server.host
    with server.client() as c:
        for target in "/tunnels/he/up", "/config/reload":
            assert c.request("POST", target, field).status == status


def may(server, uid, **kwargs):
    status = status_as(server, uid, **kwargs)
    assert status in (200, 403)
    return status == 200


@pytest.mark.skipif(os.getuid() != 0, reason="takes other users' uids")
class TestWho:
    def test_nobody(self, start):
        server = start()
        server.command("event %d" % UP)
        for unix in False, True:
            assert may(server, 0, unix=unix)
            answer = ask_as(server, NOBODY, unix=unix)
            assert answer.startswith("HTTP/1.1 403 ")
            assert "control_group is not set" in answer
            assert status_as(server, NOBODY, unix=unix, method="GET",
                             target="/tunnels") == 200
            assert not may(server, NOBODY, unix=unix,
                           target="/config/reload")
        assert "uid %d: not permitted" % NOBODY in server.log.read_text()

    def test_control_group(self, start):
        """By the groups of the process, or by the list of the parent's."""
        server = start()
        server.command("event %d" % UP)
        server.command("group 4242")
        server.command("writer 1717")
        assert may(server, 1717)
        assert not may(server, 1718)
        assert not may(server, 1717, unix=True)
        assert may(server, 1718, unix=True, gid=4242)
        assert may(server, 1718, unix=True, groups=(7, 4242, 9))
        assert not may(server, 1718, unix=True, groups=(7, 9))
        assert "members of control_group" in ask_as(server, 1718)

    def test_ipv6_loopback(self, start):
        server = start("-b", "::1")
        server.host = "[::1]:%d" % server.port
        server.command("event %d" % UP)
        server.command("writer 1717")
        for uid, status in (0, 200), (1717, 200), (1718, 403):
            p = subprocess.run(
                [sys.executable, "-c", ASK, "::1:%d" % server.port,
                 server.host, str(NOBODY), str(uid), "POST",
                 "/tunnels/he/up"], capture_output=True, text=True,
                timeout=60, check=True)
            assert int(p.stdout.split()[1]) == status

    def test_closed_sockets_are_nobodys(self, start):
        """The kernel says uid 0 of a socket that is closed already."""
        server = start()
        server.p.send_signal(signal.SIGSTOP)
        child = os.fork()
        if child == 0:
            os.setresuid(NOBODY, NOBODY, NOBODY)
            with server.client() as c:
                c.send(("POST /tunnels/he/up HTTP/1.1\r\nHost: %s\r\n\r\n"
                        % server.host).encode())
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        server.p.send_signal(signal.SIGCONT)
        wait_until(lambda: "not permitted" in server.log.read_text())
        assert "somebody: not permitted" in server.log.read_text()
        assert "asks" not in server.log.read_text()

    def test_token(self, start):
        """Its holder may, whoever that is; without it that is said."""
        token = "s3cret"
        server = start("-T", token)
        server.command("event %d" % UP)
        for unix in False, True:
            assert status_as(server, 0, unix=unix) == 200
            assert status_as(server, NOBODY, unix=unix) == 401
            assert status_as(server, NOBODY, unix=unix, method="GET",
                             target="/tunnels") == 200
            assert status_as(server, NOBODY, "Authorization: Bearer x",
                             unix=unix) == 401
            assert status_as(server, NOBODY, "Authorization: Bearer " + token,
                             unix=unix) == 200
        answer = ask_as(server, NOBODY)
        assert "WWW-Authenticate: Bearer" in answer
        assert "Authorization: Bearer TOKEN" in answer
        assert "token's holder asks" in server.log.read_text()

    def test_network(self, start):
        """Beyond loopback it is the token alone that counts."""
        server = start("-t", "s3cret")
        server.command("event %d" % UP)
        assert status_as(server, 0) == 401
        assert status_as(server, 0, "Authorization: Bearer s3cret") == 200
        assert status_as(server, NOBODY,
                         "Authorization: Bearer s3cret") == 200
        assert status_as(server, 0, unix=True) == 200
        assert status_as(server, NOBODY, unix=True) == 401
