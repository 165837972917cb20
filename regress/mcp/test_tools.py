"""The three tools."""

import json

import pytest

from rawmcp import METHOD, PARAMS, modern

pytestmark = pytest.mark.usefixtures("judged")
DOCUMENTS = [
    ("check_health", {}, "/health", None),
    ("get_ipv6_address", {}, "/v6/address", None),
    ("get_ipv6_address", {"iface": "he0"}, "/v6/address?iface=he0", None),
    ("get_ipv6_address", {"iface": "wg0"}, "/v6/address?iface=wg0", None),
    ("get_tunnel_status", {}, "/tunnels", None),
    ("get_tunnel_status", {"name": "he"}, "/tunnels/he", "tunnels"),
    ("get_tunnel_status", {"name": "ext"}, "/tunnels/ext", "tunnels"),
]


@pytest.mark.parametrize("name,arguments,target,wrap", DOCUMENTS)
@pytest.mark.parametrize("era", [dict, modern])
def test_equals_rest(server, client, name, arguments, target, wrap, era):
    """Byte for byte, as structured content and as text."""
    text = server.document(target).decode()
    if wrap:
        text = '{"%s":[%s]}' % (wrap, text)
    client.say({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": era({"name": name, "arguments": arguments})})
    line = client.line().decode()
    assert ('"structuredContent":%s,"isError":false' % text) in line
    result = json.loads(line)["result"]
    assert result["content"] == [{"type": "text", "text": text}]
    assert ("resultType" in result) == (era is modern)


def test_arguments_may_be_left_out(client):
    assert client.result("tools/call", {"name": "check_health"})[
        "structuredContent"]["status"] == "ok"


@pytest.mark.parametrize("name,arguments,words", [
    ("get_tunnel_status", {"name": "nope"}, ["nope", "he, wg, ext"]),
    ("get_tunnel_status", {"name": ""}, ["he, wg, ext"]),
    ("get_tunnel_status", {"name": "x" * 60000}, ["he, wg, ext"]),
    ("get_tunnel_status", {"name": "\u20ac" * 50}, ["he, wg, ext"]),
    ("get_tunnel_status", {"name": "he/../wg"}, ["he, wg, ext"]),
    ("get_tunnel_status", {"name": None}, ["name, a string"]),
    ("get_tunnel_status", {"name": ["he"]}, ["name, a string"]),
    ("get_tunnel_status", {"tunnel": "he"}, ["name, a string"]),
    ("get_tunnel_status", {"name": "he", "x": 1}, ["name, a string"]),
    ("get_ipv6_address", {"iface": "eth9"}, ["eth9", "he0, wg0, tun0"]),
    ("get_ipv6_address", {"iface": 7}, ["iface, a string"]),
    ("check_health", {"name": "he"}, ["no arguments"]),
])
def test_bad_arguments(client, name, arguments, words):
    """The model is told what is allowed."""
    result = client.tool(name, **arguments)
    assert result["isError"] is True
    assert set(result) == {"isError", "content"}
    (content,) = result["content"]
    assert content["type"] == "text"
    for word in words:
        assert word in content["text"]


@pytest.mark.parametrize("params", [
    None, {}, {"name": 1}, {"name": "no_such_tool"},
    {"name": "check_health", "arguments": []},
    {"name": "check_health", "arguments": None},
    {"name": "check_health", "arguments": "x"},
])
def test_malformed_calls(client, params):
    assert client.error("tools/call", params)["code"] == PARAMS


def test_list(client):
    tools = client.result("tools/list")["tools"]
    assert [tool["name"] for tool in tools] == [
        "check_health", "get_ipv6_address", "get_tunnel_status"]
    for tool in tools:
        assert set(tool) == {"name", "title", "description", "inputSchema",
                             "outputSchema", "annotations"}
        assert tool["annotations"] == {
            "readOnlyHint": True, "destructiveHint": False,
            "idempotentHint": True, "openWorldHint": False}
        for schema in tool["inputSchema"], tool["outputSchema"]:
            assert schema["type"] == "object"
        assert tool["inputSchema"]["additionalProperties"] is False
        assert "required" not in tool["inputSchema"]
    assert tools[0]["inputSchema"]["properties"] == {}


def schemas(value):
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from schemas(item)
    elif isinstance(value, list):
        for item in value:
            yield from schemas(item)


def test_schemas_are_portable(client):
    """No list of types, which some hosts' dialects do not have."""
    for schema in schemas(client.result("tools/list")):
        assert not isinstance(schema.get("type"), list)


def conforms(value, schema, where=""):
    """The part of JSON Schema that our schemas use."""
    known = {"type", "description", "enum", "anyOf", "properties", "items",
             "required", "additionalProperties"}
    assert set(schema) <= known, where
    if "anyOf" in schema:
        for one in schema["anyOf"]:
            try:
                return conforms(value, one, where)
            except AssertionError:
                continue
        raise AssertionError("%s: %r" % (where, value))
    types = {"object": dict, "array": list, "string": str, "boolean": bool,
             "integer": int, "null": type(None)}
    assert type(value) is types[schema["type"]], where
    if "enum" in schema:
        assert value in schema["enum"], where
    for key in schema.get("required", ()):
        assert key in value, where + key
    for key, one in schema.get("properties", {}).items():
        if key in value:
            conforms(value[key], one, where + "." + key)
    for item in value if "items" in schema else ():
        conforms(item, schema["items"], where + "[]")
    return None


@pytest.mark.parametrize("name,arguments,target,wrap", DOCUMENTS)
def test_results_conform(client, name, arguments, target, wrap):
    tools = {t["name"]: t for t in client.result("tools/list")["tools"]}
    result = client.tool(name, **arguments)
    conforms(result["structuredContent"], tools[name]["outputSchema"])
    conforms(arguments, tools[name]["inputSchema"])


def test_every_state_conforms(start):
    server = start()
    with server.mcp() as client:
        tools = {t["name"]: t for t in client.result("tools/list")["tools"]}
        for number in range(11):
            server.command("state %d" % number)
            server.command("health %d" % (number % 4))
            for name, arguments, _, _ in DOCUMENTS:
                result = client.tool(name, **arguments)
                conforms(result["structuredContent"],
                         tools[name]["outputSchema"])


def test_one_page(client):
    for method in ("tools/list", "resources/list", "resources/templates/list",
                   "prompts/list"):
        assert "nextCursor" not in client.result(method)
        assert client.error(method, {"cursor": "2"})["code"] == PARAMS


def test_nothing_can_be_changed(client):
    for method in ("tunnels/up", "tools/set", "config/reload"):
        assert client.error(method)["code"] == METHOD
