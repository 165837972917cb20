"""What HTTP/1.1 asks of a server: methods, persistence, conditions."""

import re
import subprocess
import time

import pytest

DOCUMENTS = ["/health", "/v6/address", "/v6/address?iface=he0", "/tunnels",
             "/tunnels/he", "/version", "/config"]
ALLOW = "GET, HEAD, OPTIONS"
ALLOW_ANY = "GET, HEAD, POST, DELETE, OPTIONS"


@pytest.mark.parametrize("target", DOCUMENTS)
def test_head_is_get_without_body(server, target):
    with server.client() as c:
        get = c.get(target)
        head = c.request("HEAD", target)
        assert head.status == get.status == 200
        get.fields.pop("Date"), head.fields.pop("Date")
        assert head.fields == get.fields
        assert int(head.fields["Content-Length"]) == len(get.body)
        # nothing of a body came: the next reply starts at once
        assert c.get(target).body == get.body


@pytest.mark.parametrize("target", DOCUMENTS + ["*"])
def test_options(server, target):
    with server.client() as c:
        reply = c.request("OPTIONS", target)
        assert reply.status == 204
        assert reply.fields["Allow"] == (ALLOW_ANY if target == "*" else ALLOW)
        assert "Content-Length" not in reply.fields
        assert not [f for f in reply.fields if "Access-Control" in f]
        assert c.get("/health").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE",
                                    "get", "GETS", "PROPFIND"])
def test_method_not_allowed(server, method):
    with server.client() as c:
        reply = c.request(method, "/tunnels/he")
        assert reply.status == 405
        assert reply.fields["Allow"] == ALLOW
        assert reply.json()["instance"] == "/tunnels/he"
        assert c.get("/health").status == 200


@pytest.mark.parametrize("target", [
    "/", "/nope", "/health/", "//health", "/Health", "/tunnels/", "/v6",
    "/tunnels/none", "/tunnels/he/", "/tunnels/he%2F", "/tunnels%2Fhe",
    "/tunnels/../health", "/./health", "/tunnels/" + "a" * 200, "/%ff%fe",
    "/tunnels/he%20", "/tunnels/%ff", "/tunnels/%c3%a4",
    "/tunnels/" + "%c3%a4" * 30, "/tunnels/a" + "%c3%a4" * 30])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD"])
def test_not_found(server, method, target):
    with server.client() as c:
        reply = c.request(method, target)
        assert reply.status == 404
        if method != "HEAD":
            assert reply.json()["instance"] == target


@pytest.mark.parametrize("target", [
    "/%68ealth", "/h%65%61lth", "/health?", "/health?strict=0",
    "/health?%73trict=%30", "/tunnels/%68e", "/v6/address?iface=none"])
def test_same_resource(server, target):
    with server.client() as c:
        assert c.get(target).status == 200


@pytest.mark.parametrize("target,word", [
    ("/health?x=1", "strict"), ("/health?strict", "no value"),
    ("/health?strict=", "0 or 1"), ("/health?strict=2", "0 or 1"),
    ("/health?strict=1&strict=1", "twice"), ("/health?strict=1&", "empty"),
    ("/health?&", "empty"), ("/health?strict=1&x=1", "strict"),
    ("/health?Strict=1", "strict"), ("/health?strict=01", "0 or 1"),
    ("/v6/address?iface=", "iface"), ("/v6/address?iface=a/b", "iface"),
    ("/v6/address?iface=a%20b", "iface"), ("/v6/address?name=he0", "iface"),
    ("/v6/address?iface=" + "a" * 16, "iface"),
    ("/v6/address?iface=" + "a" * 1000, "too long"),
    ("/tunnels?x", "no parameters"), ("/version?a=b", "no parameters"),
    ("/config?=", "no parameters"), ("/tunnels/he?x=1", "no parameters")])
def test_query(server, target, word):
    with server.client() as c:
        reply = c.get(target)
        assert reply.status == 400
        assert word in reply.json()["detail"]
        # framing was right: the connection is as good as before
        assert c.get("/health").status == 200


def test_pipeline_in_order(server):
    """Many requests in one segment, answered in their order."""
    host = "Host: %s\r\n\r\n" % server.host
    order = ["/health", "/nope", "/tunnels", "/version", "/tunnels/he"] * 40
    with server.client() as c:
        c.send("".join("GET %s HTTP/1.1\r\n%s" % (t, host)
                       for t in order).encode())
        for target in order:
            reply = c.reply()
            if target == "/nope":
                assert reply.json()["instance"] == "/nope"
            else:
                with server.client() as other:
                    assert other.get(target).body == reply.body


def test_pipeline_of_bodies(server):
    """Bodies are framed, never read as requests."""
    body = b"GET /nope HTTP/1.1\r\nHost: x\r\n\r\n"
    post = ("POST /health HTTP/1.1\r\nHost: %s\r\nContent-Type: application/"
            "json\r\nContent-Length: %d\r\n\r\n" % (server.host, len(body)))
    get = "GET /version HTTP/1.1\r\nHost: %s\r\n\r\n" % server.host
    with server.client() as c:
        c.send((post.encode() + body + get.encode()) * 20)
        for _ in range(20):
            assert c.reply().status == 405
            assert c.reply().status == 200


def test_pipeline_ends_with_close(server):
    get = "GET /health HTTP/1.1\r\nHost: %s\r\n%s\r\n"
    with server.client() as c:
        c.send((get % (server.host, "Connection: close\r\n") +
                get % (server.host, "")).encode())
        assert c.reply().fields["Connection"] == "close"
        assert c.closed()


@pytest.mark.parametrize("size", [1, 3, 50, 1000])
def test_any_segmentation(server, size):
    raw = ("GET /tunnels HTTP/1.1\r\nHost: %s\r\nX: y\r\n\r\n"
           % server.host).encode() * 3
    with server.client() as c:
        for i in range(0, len(raw), size):
            c.send(raw[i:i + size])
            if size < 1000:
                time.sleep(0.0005)
        assert [c.reply().status for _ in range(3)] == [200] * 3


@pytest.mark.parametrize("version,field,kept", [
    ("HTTP/1.1", None, True), ("HTTP/1.1", "close", False),
    ("HTTP/1.1", "Close", False), ("HTTP/1.1", "keep-alive", True),
    ("HTTP/1.1", "keep-alive, close", False), ("HTTP/1.1", "x,close", False),
    ("HTTP/1.1", "closed", True), ("HTTP/1.1", " ,, close ,", False),
    ("HTTP/1.0", None, False), ("HTTP/1.0", "keep-alive", True),
    ("HTTP/1.0", "Keep-Alive", True), ("HTTP/1.0", "close", False)])
def test_persistence(server, version, field, kept):
    fields = ["Connection: " + field] if field is not None else []
    with server.client() as c:
        reply = c.request("GET", "/health", *fields, version=version)
        assert reply.status == 200 and reply.version == "HTTP/1.1"
        if kept:
            assert reply.fields.get("Connection") == (
                "keep-alive" if version == "HTTP/1.0" else None)
            assert c.get("/health").status == 200
        else:
            assert reply.fields["Connection"] == "close"
            assert c.closed()


def test_half_closed(server):
    """printf 'GET ...' | nc gets its answer."""
    with server.client() as c:
        c.send(("GET /health HTTP/1.1\r\nHost: %s\r\n\r\n"
                % server.host).encode() * 2)
        c.sock.shutdown(1)
        assert c.reply().status == 200
        assert c.reply().status == 200
        assert c.closed()


def test_fields_of_a_document(server):
    with server.client() as c:
        fields = c.get("/tunnels").fields
    assert fields["Content-Type"] == "application/json"
    assert fields["Cache-Control"] == "no-cache"
    assert fields["X-Content-Type-Options"] == "nosniff"
    assert fields["Cross-Origin-Resource-Policy"] == "same-origin"
    assert re.fullmatch(r'W/"[0-9a-f]{8}-\d+"', fields["ETag"])
    date = time.strptime(fields["Date"], "%a, %d %b %Y %H:%M:%S GMT")
    assert abs(time.mktime(date) - time.mktime(time.gmtime())) < 5
    assert "Server" not in fields
    assert not [f for f in fields if f.startswith("Access-Control")]


def test_date_moves_on(server):
    with server.client() as c:
        first = c.get("/version").fields["Date"]
        time.sleep(1.1)
        assert c.get("/version").fields["Date"] != first


def test_health_is_not_stored(server):
    with server.client() as c:
        fields = c.get("/health").fields
    assert fields["Cache-Control"] == "no-store"
    assert "ETag" not in fields


@pytest.mark.parametrize("form,status", [
    ("{e}", 304), ("{s}", 304), ("*", 304), ('"x", {e}', 304),
    ('"x",W/"y" ,{s}', 304), ('"x"', 200), ("", 200), ('W/"', 200),
    ("{e}x", 304), ("x", 200), ('"a,{e}', 200), ("**", 200), (",,{e},,", 304)])
def test_if_none_match(server, form, status):
    with server.client() as c:
        etag = c.get("/tunnels").fields["ETag"]
        value = form.replace("{e}", etag).replace("{s}", etag[2:])
        for method in "GET", "HEAD":
            reply = c.request(method, "/tunnels", "If-None-Match: " + value)
            assert reply.status == status
            assert reply.fields["ETag"] == etag
            assert reply.fields["Cache-Control"] == "no-cache"
            if status == 304:
                assert "Content-Length" not in reply.fields
        assert c.get("/health").status == 200


def test_if_none_match_in_two_fields(server):
    with server.client() as c:
        etag = c.get("/tunnels").fields["ETag"]
        reply = c.get("/tunnels", 'If-None-Match: "x"',
                      "if-none-match: " + etag)
        assert reply.status == 304


def test_absolute_target(server):
    with server.client() as c:
        for target in "http://%s/health", "HTTP://%s/health?strict=1":
            assert c.get(target % server.host).status == 200
        assert c.get("http://%s" % server.host).status == 404
        assert c.request("OPTIONS",
                         "http://%s" % server.host).status == 204


def test_content_type(server):
    with server.client() as c:
        for kind, status in (("application/json", 200), ("text/plain", 415),
                             ("application/json; charset=utf-8", 200),
                             ("APPLICATION/JSON", 200),
                             ("application/jsonx", 415)):
            c.send(("GET /health HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n"
                    "Content-Length: 2\r\n\r\n{}"
                    % (server.host, kind)).encode())
            assert c.reply().status == status
        c.send(("GET /health HTTP/1.1\r\nHost: %s\r\nContent-Length: 2"
                "\r\n\r\n{}" % server.host).encode())
        assert c.reply().status == 415


def test_expect_continue(server):
    head = ("POST /health HTTP/1.1\r\nHost: %s\r\nContent-Type: application/"
            "json\r\nExpect: 100-continue\r\nContent-Length: 65536\r\n\r\n"
            % server.host).encode()
    with server.client() as c:
        c.send(head)
        assert c.reply().status == 100
        c.send(b" " * 65536)
        assert c.reply().status == 405
        # with the body there already it is not needed
        c.send(head + b" " * 65536)
        assert c.reply().status in (100, 405)


def test_expect_is_refused_before_the_body(server):
    with server.client() as c:
        reply = c.request("POST", "/health", "Expect: 100-continue",
                          "Content-Length: 65537")
        assert reply.status == 413
        assert c.closed()


@pytest.mark.parametrize("fields,status", [
    (["Sec-Fetch-Site: cross-site"], 403),
    (["Sec-Fetch-Site: same-site"], 403),
    (["Sec-Fetch-Site: same-origin"], 405),
    (["Sec-Fetch-Site: none"], 405),
    (["Sec-Fetch-Site: x"], 403),
    (["Sec-Fetch-Site: same-origin", "Origin: http://example.com"], 405),
    (["Origin: http://example.com"], 403),
    (["Origin: null"], 403),
    (["Origin: https://{host}"], 403),
    (["Origin: http://{host}"], 405),
    (["Origin: http://127.0.0.1:1"], 403),
    ([], 405)])
def test_cross_site_write(server, fields, status):
    with server.client() as c:
        fields = [f.replace("{host}", server.host) for f in fields]
        assert c.request("POST", "/tunnels/he", *fields).status == status
        assert c.get("/tunnels/he", *fields).status == 200


def test_curl(server):
    """A client of the field, on both sockets."""
    for args in (["http://" + server.host + "/version"],
                 ["--http1.0", "http://localhost:%d/version" % server.port],
                 ["--unix-socket", server.path, "http://localhost/version"],
                 ["-d", "{}", "http://%s/version" % server.host]):
        out = subprocess.run(["curl", "-sS", "-w", "%{http_code}", *args],
                             capture_output=True, timeout=10, text=True)
        assert out.stderr == ""
        assert out.stdout.endswith("405" if "-d" in args else "200")
