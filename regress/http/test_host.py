"""Only requests that name this server are answered (DNS rebinding)."""

import pytest

OURS = ["127.0.0.1:{port}", "localhost:{port}", "LocalHost:{port}",
        "[::1]:{port}", "[0:0:0:0:0:0:0:1]:{port}"]
FOREIGN = ["example.com", "example.com:{port}", "127.0.0.1", "localhost",
           "[::1]", "127.0.0.1:1", "localhost:80", "127.0.0.1:{port}0",
           "127.0.0.1.example.com:{port}", "localhost.:{port}",
           "localhost.example.com:{port}", "192.0.2.1:{port}",
           "0.0.0.0:{port}", "[::]:{port}", "[2001:db8::1]:{port}",
           "127.1:{port}", "2130706433:{port}", "0177.0.0.1:{port}",
           "127.0.0.2:{port}", "[::ffff:127.0.0.2]:{port}", ":{port}", "",
           "::1:{port}", "[::1:{port}", "[]:{port}", "[::1]x:{port}",
           "127.0.0.1:+{port}", "127.0.0.1:{port}:1", "a" * 300]


def ask(server, host, target="/health", method="GET"):
    with server.client() as c:
        c.send(("%s %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (
            method, target, host)).encode())
        return c.reply(method)


@pytest.mark.parametrize("host", OURS)
def test_ours(server, host):
    assert ask(server, host.format(port=server.port)).status == 200


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("method,target", [
    ("GET", "/health"), ("GET", "/nope"), ("HEAD", "/config"),
    ("POST", "/tunnels/he"), ("OPTIONS", "*")])
def test_foreign(server, host, method, target):
    reply = ask(server, host.format(port=server.port), target, method)
    assert reply.status == 421
    assert reply.fields["Connection"] == "close"


@pytest.mark.parametrize("authority,host,status", [
    ("127.0.0.1:{port}", "127.0.0.1:{port}", 200),
    ("localhost:{port}", "127.0.0.1:{port}", 200),
    ("example.com", "127.0.0.1:{port}", 421),
    ("127.0.0.1:{port}", "example.com", 421),
    ("example.com", "example.com", 421),
    ("127.0.0.1", "127.0.0.1:{port}", 421)])
def test_absolute_target(server, authority, host, status):
    assert ask(server, host.format(port=server.port),
               "http://%s/health" % authority.format(port=server.port)
               ).status == status


@pytest.mark.parametrize("host,status", [
    ("localhost", 200), ("127.0.0.1", 200), ("[::1]", 200),
    ("localhost:{port}", 200), ("127.0.0.1:{port}", 200), ("localhost:", 200),
    ("localhost:1", 421), ("localhost:80", 421), ("example.com", 421),
    ("192.0.2.1", 421), ("", 421)])
def test_unix_socket(start, host, status):
    server = start(use_unix=True)
    assert ask(server, host.format(port=server.port)).status == status


@pytest.mark.parametrize("bind,host,status", [
    ("::1", "[::1]:{port}", 200), ("::1", "localhost:{port}", 200),
    ("::1", "127.0.0.1:{port}", 200), ("::1", "[::2]:{port}", 421),
    ("127.0.0.2", "127.0.0.2:{port}", 200),
    ("127.0.0.2", "127.0.0.3:{port}", 421),
    ("127.0.0.2", "localhost:{port}", 200)])
def test_other_addresses(start, bind, host, status):
    server = start("-b", bind)
    assert ask(server, host.format(port=server.port)).status == status


def test_any_address(start):
    """Bound to all, the address that was connected to is the name."""
    server = start("-b", "0.0.0.0")
    server.addr = ("127.0.0.1", server.port)
    assert ask(server, "127.0.0.1:%d" % server.port).status == 200
    assert ask(server, "0.0.0.0:%d" % server.port).status == 421
    server.addr = ("127.0.0.9", server.port)
    assert ask(server, "127.0.0.9:%d" % server.port).status == 200
    assert ask(server, "127.0.0.8:%d" % server.port).status == 421
