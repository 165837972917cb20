"""JSON-RPC and the two eras of MCP: each rule of the specification."""

import json
import re

import pytest

import gw
from rawmcp import (INVALID, LEGACY, META, METHOD, MODERN, PARAMS, PARSE,
                    modern)

pytestmark = pytest.mark.usefixtures("judged")
TREE = gw.TREE / "gatewayd/frontend"
BOTH = ("tools/list", "tools/call", "resources/list",
        "resources/templates/list", "resources/read", "prompts/list",
        "prompts/get", "completion/complete")
LEGACY_ONLY = ("initialize", "ping", "resources/subscribe",
               "resources/unsubscribe")
PARAMETERS = {
    "tools/call": {"name": "check_health"},
    "resources/read": {"uri": "v6gw://health"},
    "resources/subscribe": {"uri": "v6gw://health"},
    "resources/unsubscribe": {"uri": "v6gw://health"},
    "prompts/get": {"name": "diagnose"},
    "completion/complete": {
        "ref": {"type": "ref/prompt", "name": "diagnose"},
        "argument": {"name": "tunnel", "value": ""}},
    "initialize": {"protocolVersion": LEGACY[-1], "capabilities": {},
                   "clientInfo": {"name": "x", "version": "1"}},
}
CACHEABLE = ("server/discover", "tools/list", "resources/list",
             "resources/templates/list", "resources/read", "prompts/list")
INFO = {"name": "v6-gatewayd", "title": "IPv6 tunnel gateway"}


def request(method="ping", id=1, **kwargs):
    return {"jsonrpc": "2.0", "id": id, "method": method, **kwargs}


def one(client, raw):
    client.send(raw if isinstance(raw, bytes) else raw.encode())
    return client.hear()


# messages

@pytest.mark.parametrize("raw", [
    "nonsense", "{", "}", '{"jsonrpc":"2.0","id":1,"method":"ping"} x',
    "[1,2", '"unterminated', "{'single':1}", '{"a":1,"a":2}', "NaN",
    '{"jsonrpc":"2.0","id":1e400,"method":"ping"}', '"\\ud800"',
    '{"jsonrpc":"2.0","id":1,"method":"pi\\u0000ng"}',
    '{"jsonrpc":"2.0","id":99999999999999999999,"method":"ping"}',
])
def test_parse_error(client, raw):
    answer = one(client, raw + "\n")
    assert answer["error"]["code"] == PARSE
    assert set(answer) == {"jsonrpc", "error"}
    assert client.result("ping") == {}


@pytest.mark.parametrize("raw", [
    b"\xff\xfe\n", b'{"\x00":1}\n', b'\xef\xbb\xbf{"jsonrpc":"2.0"}\n',
    b'"\xc3"\n'])
def test_parse_error_of_bytes(client, raw):
    answer = one(client, raw)
    assert answer["error"]["code"] == PARSE and "id" not in answer


@pytest.mark.parametrize("message", [
    1, "text", None, True, 1.5, {}, {"jsonrpc": "2.0"},
    {"jsonrpc": "2.0", "method": 1}, {"method": "ping"},
    {"jsonrpc": 2.0, "method": "ping"}, {"jsonrpc": "1.0", "method": "x"},
])
def test_invalid_request(client, message):
    client.say(message)
    answer = client.hear()
    assert answer["error"]["code"] == INVALID
    assert set(answer) == {"jsonrpc", "error"}


@pytest.mark.parametrize("id", [None, 1.5, 1.0, True, {}, [], "x" * 257])
def test_bad_id(client, id):
    client.say(request(id=id))
    answer = client.hear()
    assert answer["error"]["code"] == INVALID and "id" not in answer


@pytest.mark.parametrize("id", [
    0, 1, -1, 2 ** 53, 2 ** 63 - 1, -2 ** 63, "", "a", "1", "\u20ac",
    "quote\" back\\slash \u0001", "x" * 256])
def test_id_is_echoed(client, id):
    assert client.request("ping", id=id)["result"] == {}
    assert client.error("nothing", id=id)["code"] == METHOD


def test_invalid_request_with_id(client):
    for message in ({"jsonrpc": "1.0", "id": 7, "method": "ping"},
                    {"jsonrpc": "2.0", "id": 7}, {"jsonrpc": "2.0", "id": 7,
                                                  "method": 3}):
        client.say(message)
        answer = client.hear()
        assert answer["id"] == 7 and answer["error"]["code"] == INVALID


@pytest.mark.parametrize("params", [[], "x", 1, None, True])
def test_params_are_an_object(client, params):
    client.say(request(params=params))
    answer = client.hear()
    assert answer["error"]["code"] == PARAMS and answer["id"] == 1


@pytest.mark.parametrize("method", [
    "", "nothing", "Ping", "ping ", "tools/", "x" * 60000, "logging/setLevel",
    "roots/list", "sampling/createMessage", "elicitation/create",
    "tasks/list", "notifications/initialized", "\u20ac" * 100])
def test_unknown_method(client, method):
    assert client.error(method)["code"] == METHOD
    assert client.error(method, modern())["code"] == METHOD


def test_notifications_are_never_answered(client):
    for message in ({"method": "notifications/initialized"},
                    {"method": "notifications/nonsense", "params": [1]},
                    {"method": "ping"}, {"method": "tools/call"},
                    {"method": "notifications/cancelled"},
                    {"method": "notifications/cancelled", "params": 3},
                    {"method": "notifications/cancelled",
                     "params": {"requestId": {}}},
                    {"method": "notifications/cancelled",
                     "params": {"requestId": "unknown"}}):
        client.say({"jsonrpc": "2.0", **message})
    assert client.result("ping") == {}


def test_responses_are_ignored(client):
    for message in ({"id": 1, "result": {}}, {"id": "x", "error": {}},
                    {"error": {"code": 1, "message": "x"}}):
        client.say({"jsonrpc": "2.0", **message})
    assert client.result("ping") == {}


def test_white_space(client):
    """CRLF, blank lines and blanks around a message."""
    line = json.dumps(request())
    for raw in ("\n\n%s\n", "\r\n%s\r\n", "  \t%s \t\r\n", " \r\n\t\n%s\n"):
        assert one(client, raw % line)["result"] == {}
    client.send(b"\n \r\n")
    assert client.quiet()


def test_a_message_in_pieces(client):
    for byte in json.dumps(request()).encode() + b"\n":
        client.send(bytes([byte]))
    assert client.hear()["result"] == {}


def test_in_order(client):
    """Many at once are answered in their order."""
    client.send(b"".join(json.dumps(request(id=i)).encode() + b"\n"
                         for i in range(3000)))
    assert [client.hear()["id"] for _ in range(3000)] == list(range(3000))


def test_end_of_input(server):
    """What was received is answered, flushed, and then it closes."""
    for end in "\n", "":
        with server.mcp() as client:
            client.send("\n".join(json.dumps(request(
                "tools/call", i, params={"name": "get_tunnel_status"}))
                for i in range(200)).encode() + end.encode())
            client.sock.shutdown(1)
            assert [client.hear()["id"] for _ in range(200)] == list(
                range(200))
            assert client.hear() is None


def test_longest_line(client):
    line = json.dumps(request(params={"x": ""})).encode()
    for more, end in ((0, b"\n"), (0, b"\r\n")):
        padded = line.replace(b'""', b'"%s"' % (
            b"x" * (65536 + more - len(line))))
        assert len(padded) == 65536
        assert one(client, padded + end)["result"] == {}


def test_line_too_long(server):
    for size in 65537, 200000:
        with server.mcp() as client:
            client.send(json.dumps(request()).encode() + b"\n")
            client.send(b"x" * size + b"\n")
            assert client.hear()["result"] == {}
            answer = client.hear()
            assert answer["error"]["code"] == INVALID and "id" not in answer
            assert client.closed()


# batches

def batch_client(server, version):
    client = server.mcp()
    assert client.initialize(version)["protocolVersion"] == version
    return client


def test_batch(server):
    with batch_client(server, "2025-03-26") as client:
        client.say([request(id=1), request("nothing", "b"),
                    {"jsonrpc": "2.0", "method": "notifications/x"},
                    request("tools/call", 3, params={"name": "check_health"}),
                    7, {"jsonrpc": "2.0", "id": 9, "result": {}}])
        answers = client.hear()
        assert [a.get("id") for a in answers] == [1, "b", 3, None]
        assert answers[0]["result"] == {}
        assert answers[1]["error"]["code"] == METHOD
        assert answers[2]["result"]["structuredContent"]["status"] == "ok"
        assert answers[3]["error"]["code"] == INVALID


def test_batch_of_notifications(server):
    with batch_client(server, "2025-03-26") as client:
        client.say([{"jsonrpc": "2.0", "method": "notifications/x"}] * 3)
        assert client.result("ping") == {}


def test_batch_limits(server):
    with batch_client(server, "2025-03-26") as client:
        client.say([request(id=i) for i in range(64)])
        assert len(client.hear()) == 64
        for batch in [], [request(id=i) for i in range(65)]:
            client.say(batch)
            answer = client.hear()
            assert answer["error"]["code"] == INVALID and "id" not in answer


def test_not_in_a_batch(server):
    with batch_client(server, "2025-03-26") as client:
        client.say([request("initialize", 1,
                            params=PARAMETERS["initialize"]),
                    request("tools/list", 2, params=modern()),
                    [request(id=3)]])
        assert [a["error"]["code"] for a in client.hear()] == [INVALID] * 3


@pytest.mark.parametrize("version", [None, "2024-11-05", "2025-06-18",
                                     "2025-11-25"])
def test_no_batches(server, version):
    with server.mcp() as client:
        if version:
            client.initialize(version)
        for batch in [request()], []:
            client.say(batch)
            answer = client.hear()
            assert answer["error"]["code"] == INVALID and "id" not in answer


# the legacy era

@pytest.mark.parametrize("version", LEGACY)
def test_initialize(server, version):
    with server.mcp() as client:
        result = client.initialize(version)
        assert result["protocolVersion"] == version
        assert {**INFO, "version": result["serverInfo"]["version"]} == \
            result["serverInfo"]
        assert result["capabilities"] == {
            "tools": {}, "resources": {"subscribe": True}, "prompts": {},
            "completions": {}}
        assert "check_health" in result["instructions"]
        assert client.result("tools/list")["tools"]


@pytest.mark.parametrize("version", ["2020-01-01", "", MODERN, "2099-01-01",
                                     "latest"])
def test_other_versions(client, version):
    """The latest of this era is offered, never one of the other."""
    assert client.initialize(version)["protocolVersion"] == LEGACY[-1]


@pytest.mark.parametrize("spoil", [
    lambda p: p.pop("protocolVersion"), lambda p: p.pop("capabilities"),
    lambda p: p.pop("clientInfo"), lambda p: p["clientInfo"].pop("name"),
    lambda p: p["clientInfo"].pop("version"), lambda p: p.clear(),
    lambda p: p.update(protocolVersion=1),
    lambda p: p.update(capabilities=[]), lambda p: p.update(clientInfo="x"),
])
def test_bad_initialize(client, spoil):
    params = json.loads(json.dumps(PARAMETERS["initialize"]))
    spoil(params)
    assert client.error("initialize", params)["code"] == PARAMS
    assert client.error("initialize")["code"] == PARAMS


def test_before_initialize(client):
    assert client.result("ping") == {}
    assert client.result("tools/list")["tools"]


def test_again_initialize(server):
    with batch_client(server, "2025-03-26") as client:
        client.initialize("2025-06-18")
        client.say([request()])
        assert client.hear()["error"]["code"] == INVALID


@pytest.mark.parametrize("method", BOTH + LEGACY_ONLY)
def test_legacy_results(client, method):
    """They have nothing of the modern era."""
    result = client.result(method, PARAMETERS.get(method))
    assert not {"resultType", "ttlMs", "cacheScope", "_meta"} & set(result)


def test_progress_token_is_not_modern(client):
    result = client.result("tools/call", {
        "name": "check_health", "_meta": {"progressToken": 7}})
    assert "resultType" not in result
    assert client.quiet()


# the modern era

def test_discover(client):
    result = client.result("server/discover", modern())
    assert result["supportedVersions"] == [MODERN]
    assert result["capabilities"] == {
        "tools": {}, "resources": {"subscribe": True}, "prompts": {},
        "completions": {}}
    assert "check_health" in result["instructions"]


@pytest.mark.parametrize("method", BOTH + ("server/discover",))
def test_modern_results(client, method):
    result = client.result(method, modern(PARAMETERS.get(method)))
    assert result["resultType"] == "complete"
    info = result["_meta"][META + "serverInfo"]
    assert info == {**INFO, "version": info["version"]}
    assert ("ttlMs" in result) == (method in CACHEABLE)
    assert ("cacheScope" in result) == (method in CACHEABLE)
    if method in CACHEABLE:
        assert type(result["ttlMs"]) is int and result["ttlMs"] >= 0
        assert result["cacheScope"] in ("public", "private")
    if method == "resources/read":
        assert (result["ttlMs"], result["cacheScope"]) == (0, "private")


@pytest.mark.parametrize("method", LEGACY_ONLY + ("logging/setLevel",))
def test_gone_in_the_modern_era(client, method):
    assert client.error(method, modern(PARAMETERS.get(method)))[
        "code"] == METHOD


@pytest.mark.parametrize("method", ["server/discover", "tools/list",
                                    "nothing"])
@pytest.mark.parametrize("version", ["2025-11-25", "2027-01-01", ""])
def test_version_not_served(client, method, version):
    error = client.error(method, modern(version=version))
    assert error["code"] == -32022
    assert error["data"] == {"supported": [MODERN], "requested": version}


@pytest.mark.parametrize("method", ["server/discover", "tools/list"])
@pytest.mark.parametrize("meta", [
    {META + "protocolVersion": MODERN},
    {META + "clientCapabilities": {}},
    {META + "protocolVersion": 1, META + "clientCapabilities": {}},
    {META + "protocolVersion": MODERN, META + "clientCapabilities": []},
    {META + "protocolVersion": MODERN, META + "clientCapabilities": None},
])
def test_incomplete_meta(client, method, meta):
    assert client.error(method, {"_meta": meta})["code"] == PARAMS


@pytest.mark.parametrize("params", [None, {}, {"_meta": {}}, {"_meta": 1}])
@pytest.mark.parametrize("method", ["server/discover",
                                    "subscriptions/listen"])
def test_only_modern(client, method, params):
    assert client.error(method, params)["code"] == PARAMS


def test_client_info_is_optional(client):
    params = modern()
    del params["_meta"][META + "clientInfo"]
    assert client.result("tools/list", params)["tools"]


def test_eras_side_by_side(client):
    """Each request is looked at by itself."""
    client.initialize()
    for _ in range(3):
        assert "resultType" in client.result("tools/list", modern())
        assert "resultType" not in client.result("tools/list")
    assert client.result("ping") == {}


def test_tools_do_not_depend_on_the_client(server):
    lists = []
    for version in LEGACY:
        with server.mcp() as client:
            client.initialize(version)
            lists.append(client.result("tools/list")["tools"])
    with server.mcp() as client:
        lists.append(client.result("tools/list", modern())["tools"])
    assert all(one == lists[0] for one in lists)


def test_only_these_codes():
    """No others can come out: they are of one enum."""
    text = (TREE / "mcp_rpc.h").read_text()
    assert set(map(int, re.findall(r"= (-32\d+)", text))) == {
        -32700, -32600, -32601, -32602, -32603, -32002, -32022}
