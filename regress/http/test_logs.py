"""GET /logs: which records come, in which order, and what is refused."""

import json

import pytest

RECORD = (b'{"id":1,"time":1699564234,"level":"info","process":"engine",'
          b'"tunnel":"he","message":"up -> down: \\"no\\" answer"}')
LEVELS = {"parent": "info", "engine": "info", "frontend": "info"}
ERROR, WARN, INFO, DEBUG = range(4)


def logs(server, query=""):
    with server.client() as c:
        reply = c.get("/logs" + query)
    assert reply.status == 200, reply.body
    return reply.json()


def ids(document):
    return [entry["id"] for entry in document["entries"]]


@pytest.fixture
def filled(start):
    """Ten records, of every level in turn."""
    server = start()
    for i in range(10):
        server.command("log %d record %d" % (i % 4, i))
    return server


def test_document(start):
    server = start()
    with server.client() as c:
        reply = c.get("/logs")
        assert reply.body.startswith(b'{"entries":[],"next":0,"levels":{"par')
        server.command('log 2 up -> down: "no" answer')
        reply = c.get("/logs")
        assert reply.body.startswith(
            b'{"entries":[' + RECORD + b'],"next":1,"levels":{"parent":"info"')
        assert reply.body.endswith(b'"}}\n')
        assert reply.fields["Content-Type"] == "application/json"
        assert reply.fields["Cache-Control"] == "no-store"
        assert "ETag" not in reply.fields
        assert LEVELS.items() <= reply.json()["levels"].items()
        head = c.request("HEAD", "/logs")
        assert head.fields["Content-Length"] == str(len(reply.body))


def test_since(filled):
    """Every record once, by asking again with "next"."""
    assert ids(logs(filled)) == list(range(1, 11))
    assert ids(logs(filled, "?limit=3")) == [8, 9, 10]
    since, seen = 0, []
    while True:
        document = logs(filled, "?limit=3&since=%d" % since)
        if not document["entries"]:
            break
        seen += ids(document)
        since = document["next"]
    assert seen == list(range(1, 11)) and since == 10
    filled.command("log 2 one more")
    assert ids(logs(filled, "?since=%d" % since)) == [11]


def test_ids_of_an_earlier_run(filled):
    """A restart begins at 1: who asks with an old id misses nothing."""
    assert ids(logs(filled, "?since=10")) == []
    assert ids(logs(filled, "?since=11")) == list(range(1, 11))
    assert ids(logs(filled, "?since=%d" % (2**63 - 1))) == list(range(1, 11))


@pytest.mark.parametrize("level,found", [
    ("error", [1, 5, 9]), ("warn", [1, 2, 5, 6, 9, 10]),
    ("info", [1, 2, 3, 5, 6, 7, 9, 10]), ("debug", list(range(1, 11)))])
def test_level(filled, level, found):
    """That level and what is worse; "next" skips the others."""
    assert ids(logs(filled, "?level=" + level)) == found
    assert ids(logs(filled, "?level=%s&limit=2" % level)) == found[-2:]
    document = logs(filled, "?since=0&level=%s&limit=2" % level)
    assert ids(document) == found[:2] and document["next"] == found[1]
    assert logs(filled, "?since=0&level=" + level)["next"] == 10


@pytest.mark.parametrize("query,words", [
    ("since=", "since"), ("since=-1", "since"), ("since=x", "since"),
    ("since=1.5", "since"), ("since=%201", "since"), ("since=0x1", "since"),
    ("since=9223372036854775808", "since"), ("since=" + "9" * 60, "since"),
    ("level=", "error, warn, info or debug"),
    ("level=warning", "error, warn, info or debug"),
    ("level=INFO", "error, warn, info or debug"),
    ("limit=0", "from 1 to 1000"), ("limit=1001", "from 1 to 1000"),
    ("limit=-1", "from 1 to 1000"), ("limit=", "from 1 to 1000"),
    ("limit=5&limit=5", "twice"), ("tunnel=he", "since, level, limit"),
    ("limit", "no value")])
def test_refused(start, query, words):
    with start().client() as c:
        reply = c.get("/logs?" + query)
        assert reply.status == 400
        assert reply.fields["Content-Type"] == "application/problem+json"
        assert words in reply.json()["detail"]
        assert c.get("/logs?since=0&level=debug&limit=1000").status == 200


def test_kept_and_capped(start):
    """1,000 records and 256 KiB, whatever is in them, are the most."""
    server = start()
    for i in range(1005):
        server.command("log 2 %d" % i)
    assert ids(logs(server, "?limit=1000")) == list(range(6, 1006))
    assert ids(logs(server, "?limit=1000&since=1")) == list(range(6, 1006))
    for i in range(300):
        server.command("log 2 " + "\x01\x7f\"" * 300)
    with server.client() as c:
        body = c.get("/logs?limit=1000").body
    assert 200 * 1024 < len(body) < 257 * 1024
    found = ids(json.loads(body))
    assert found == list(range(found[0], 1306)) and len(found) < 300
