"""The bearer token of an API that is open to the network."""

import pytest

TOKEN = "s3cret-token_of.the~API+/=="


@pytest.fixture
def server(start):
    return start("-t", TOKEN)


@pytest.mark.parametrize("target", [
    "/version", "/tunnels", "/config", "/v6/address", "/nope", "/%68ealth",
    "/health/", "/"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_needed(server, method, target):
    with server.client() as c:
        reply = c.request(method, target)
        assert reply.status == 401
        assert reply.fields["WWW-Authenticate"] == "Bearer"
        assert c.get("/health").status == 200


def test_not_for_health(server):
    with server.client() as c:
        for target in "/health", "/health?strict=1":
            assert c.get(target).status == 200
            assert c.request("HEAD", target).status == 200


@pytest.mark.parametrize("value,status", [
    ("Bearer " + TOKEN, 200), ("bearer " + TOKEN, 200),
    ("BEARER  " + TOKEN, 200), ("Bearer " + TOKEN + " ", 200),
    ("Bearer " + TOKEN + "x", 401), ("Bearer " + TOKEN[:-1], 401),
    ("Bearer", 401), ("Bearer ", 401), ("Bearer" + TOKEN, 401),
    ("Basic " + TOKEN, 401), (TOKEN, 401), ("", 401), ("Bearer x", 401),
    ("Bearer " + TOKEN + " " + TOKEN, 401), ("Bearer " + "x" * 255, 401),
    ("Bearer " + "x" * 256, 401), ("Bearer " + "x" * 5000, 401)])
def test_token(server, value, status):
    with server.client() as c:
        assert c.get("/version", "Authorization: " + value).status == status
        assert c.get("/health").status == 200


def test_not_on_the_unix_socket(start):
    server = start("-t", TOKEN, use_unix=True)
    with server.client() as c:
        assert c.get("/version").status == 200


def test_pipeline_waits_for_the_answer(server):
    """Replies keep their order though some ask another process first."""
    get = "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n"
    right = "Authorization: Bearer %s\r\n" % TOKEN
    wrong = "Authorization: Bearer x\r\n"
    with server.client() as c:
        c.send("".join(get % (target, server.host, field)
                       for target, field in [
                           ("/version", right), ("/health", ""),
                           ("/version", wrong), ("/nope", right),
                           ("/health", ""), ("/version", right)]).encode())
        assert [c.reply().status for _ in range(6)] == [
            200, 200, 401, 404, 200, 200]


def test_client_leaves_meanwhile(server):
    """The answer for a connection that is gone reaches nobody else."""
    field = "Authorization: Bearer " + TOKEN
    fds = server.fds()
    for _ in range(20):
        with server.client() as c:
            c.send(("GET /version HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n"
                    % (server.host, field)).encode())
            c.sock.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")   # reset on close
    with server.client() as c:
        assert c.get("/version").status == 401
        assert c.get("/version", field).status == 200
    with server.client() as c:
        # half closed is not gone
        c.send(("GET /version HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n"
                % (server.host, field)).encode())
        c.sock.shutdown(1)
        assert c.reply().status == 200
        assert c.closed()
    assert server.fds() <= fds + 1
