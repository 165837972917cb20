"""Resources, their subscriptions in both eras, the prompt, completion."""

import time

import pytest

import gw
from rawmcp import (INTERNAL, INVALID, PARAMS, SUBSCRIPTION, modern)

pytestmark = pytest.mark.usefixtures("judged")
DOCUMENTS = {
    "v6gw://health": "/health",
    "v6gw://addresses": "/v6/address",
    "v6gw://tunnels": "/tunnels",
    "v6gw://tunnel/he": "/tunnels/he",
    "v6gw://tunnel/ext": "/tunnels/ext",
}
UNKNOWN = ("v6gw://nothing", "v6gw://tunnel/", "v6gw://tunnel/nope",
           "v6gw://tunnel/he/", "v6gw://tunnel/" + "x" * 300, "", "file:///",
           "v6gw://tunnel/../health", "V6GW://health", "v6gw://config")
UPDATED = "notifications/resources/updated"
PROBING, UP, DOWN = 4, 5, 8


def listen(client, *uris, id="sub", **filter):
    """Opens a subscription; the acknowledgement."""
    if uris:
        filter["resourceSubscriptions"] = list(uris)
    client.say({"jsonrpc": "2.0", "id": id, "method": "subscriptions/listen",
                "params": modern({"notifications": filter})})
    return client.hear()


def test_list(client):
    resources = client.result("resources/list")["resources"]
    assert [r["uri"] for r in resources] == list(DOCUMENTS)[:3]
    for r in resources:
        assert set(r) == {"uri", "name", "title", "description", "mimeType"}
    (template,) = client.result("resources/templates/list")[
        "resourceTemplates"]
    assert template["uriTemplate"] == "v6gw://tunnel/{name}"


@pytest.mark.parametrize("uri,target", DOCUMENTS.items())
@pytest.mark.parametrize("era", [dict, modern])
def test_read(server, client, uri, target, era):
    assert client.result("resources/read", era({"uri": uri}))[
        "contents"] == [{"uri": uri, "mimeType": "application/json",
                         "text": server.document(target).decode()}]


@pytest.mark.parametrize("uri", UNKNOWN)
def test_unknown(client, uri):
    error = client.error("resources/read", {"uri": uri})
    assert (error["code"], error["data"]) == (-32002, {"uri": uri})
    error = client.error("resources/read", modern({"uri": uri}))
    assert (error["code"], error["data"]) == (PARAMS, {"uri": uri})
    assert client.error("resources/subscribe", {"uri": uri})["code"] == -32002


@pytest.mark.parametrize("method", ["resources/read", "resources/subscribe",
                                    "resources/unsubscribe"])
def test_no_uri(client, method):
    for params in None, {}, {"uri": 1}:
        assert client.error(method, params)["code"] == PARAMS


def test_subscribe(start):
    server = start()
    with server.mcp() as client:
        for uri in "v6gw://tunnels", "v6gw://tunnel/he", "v6gw://health":
            assert client.result("resources/subscribe", {"uri": uri}) == {}
        # twice is once
        client.result("resources/subscribe", {"uri": "v6gw://tunnels"})
        server.command("event %d" % DOWN)
        updates = [client.hear() for _ in range(3)]
        assert all(u["method"] == UPDATED and "id" not in u for u in updates)
        assert [u["params"] for u in updates] == [
            {"uri": "v6gw://tunnels"}, {"uri": "v6gw://tunnel/he"},
            {"uri": "v6gw://health"}]
        assert client.quiet(1.2)
        assert client.result("resources/unsubscribe",
                             {"uri": "v6gw://tunnel/he"}) == {}
        server.command("event %d" % UP)
        assert [client.hear()["params"]["uri"] for _ in range(2)] == [
            "v6gw://tunnels", "v6gw://health"]
        assert client.quiet()
        # also if there is none
        for uri in "v6gw://tunnel/he", "v6gw://nothing":
            assert client.result("resources/unsubscribe", {"uri": uri}) == {}


def test_only_what_changed(start):
    server = start()
    with server.mcp() as client:
        for uri in DOCUMENTS:
            client.result("resources/subscribe", {"uri": uri})
        server.command("touch")
        assert client.quiet(1.5)
        server.command("rx 77")
        assert [client.hear()["params"]["uri"] for _ in range(2)] == [
            "v6gw://tunnels", "v6gw://tunnel/he"]
        assert client.quiet(1.2)


def test_figures_within_a_second(start):
    """And not more often, however often they change."""
    server = start()
    with server.mcp() as client:
        client.result("resources/subscribe", {"uri": "v6gw://tunnels"})
        begun = time.monotonic()
        for i in range(40):
            server.command("rx %d" % i)
            time.sleep(0.05)
        took = time.monotonic() - begun
        assert client.hear()["method"] == UPDATED
        count = 1
        while not client.quiet(1.1):
            client.hear()
            count += 1
        assert took * 0.5 <= count <= took / 0.9 + 1
        server.command("rx 4711")
        begun = time.monotonic()
        client.hear()
        assert time.monotonic() - begun < 1 * max(1, gw.SLOW)


def test_state_at_once(start):
    server = start()
    with server.mcp() as client:
        client.result("resources/subscribe", {"uri": "v6gw://tunnel/he"})
        server.command("rx 1")          # one of those is due in a second
        times = []
        for i in range(50):
            begun = time.monotonic()
            server.command("event %d" % (DOWN if i % 2 else PROBING))
            client.hear()
            times.append(time.monotonic() - begun)
        assert sorted(times)[48] < 0.02 * max(1, gw.SLOW)


def test_tunnel_that_goes(start):
    """A reload without it is a change; then there is nothing to tell."""
    server = start()
    with server.mcp() as client:
        client.result("resources/subscribe", {"uri": "v6gw://tunnel/wg"})
        server.command("drop")
        assert client.hear()["params"] == {"uri": "v6gw://tunnel/wg"}
        assert client.error("resources/read", {"uri": "v6gw://tunnel/wg"})[
            "code"] == -32002
        server.command("rx 5")
        assert client.quiet(1.2)


def test_listen(start):
    server = start()
    with server.mcp() as client:
        ack = listen(client, "v6gw://tunnel/he", "v6gw://nothing",
                     "v6gw://health", id=7, toolsListChanged=True)
        assert ack == {
            "jsonrpc": "2.0",
            "method": "notifications/subscriptions/acknowledged",
            "params": {"notifications": {"resourceSubscriptions": [
                "v6gw://tunnel/he", "v6gw://health"]},
                "_meta": {SUBSCRIPTION: 7}}}
        assert client.quiet()           # it stays open, unanswered
        ack = listen(client, "v6gw://tunnels", id="7")
        assert ack["params"]["_meta"] == {SUBSCRIPTION: "7"}
        server.command("event %d" % DOWN)
        updates = [client.hear() for _ in range(3)]
        assert all(u["method"] == UPDATED for u in updates)
        assert [(u["params"]["uri"], u["params"]["_meta"][SUBSCRIPTION])
                for u in updates] == [
            ("v6gw://tunnel/he", 7), ("v6gw://health", 7),
            ("v6gw://tunnels", "7")]
        # other requests go on meanwhile
        assert client.result("ping") == {}


def test_listen_ends_silently(start):
    server = start()
    with server.mcp() as client:
        listen(client, "v6gw://tunnels", id=1)
        listen(client, "v6gw://tunnels", id="1")
        client.say({"jsonrpc": "2.0", "method": "notifications/cancelled",
                    "params": {"requestId": 1, "reason": "enough"}})
        assert client.quiet()
        server.command("event %d" % DOWN)
        assert client.hear()["params"]["_meta"] == {SUBSCRIPTION: "1"}
        assert client.quiet()
        # its id may be used again
        assert listen(client, "v6gw://tunnels", id=1)["method"].endswith(
            "acknowledged")


def test_listen_to_nothing(client):
    ack = listen(client)
    assert ack["params"]["notifications"] == {}


@pytest.mark.parametrize("notifications", [
    None, [], "x", {"resourceSubscriptions": "v6gw://health"},
    {"resourceSubscriptions": [1]}, {"resourceSubscriptions": None}])
def test_bad_filter(client, notifications):
    assert client.error("subscriptions/listen", modern(
        {"notifications": notifications}))["code"] == PARAMS
    assert client.error("subscriptions/listen", modern())["code"] == PARAMS


def test_open_requests_are_limited(server):
    with server.mcp() as client:
        for i in range(64):
            assert "method" in listen(client, "v6gw://health", id=i)
        answer = listen(client, "v6gw://health", id=64)
        assert answer["id"] == 64 and answer["error"]["code"] == INTERNAL
        answer = listen(client, "v6gw://health", id=3)
        assert answer["error"]["code"] == INVALID
        client.say({"jsonrpc": "2.0", "method": "notifications/cancelled",
                    "params": {"requestId": 5}})
        assert "method" in listen(client, "v6gw://health", id=64)


def test_subscriptions_are_limited(start):
    server = start("-n", "300")
    with server.mcp() as client:
        for i in range(3, 259):
            client.result("resources/subscribe",
                          {"uri": "v6gw://tunnel/t%d" % i})
        assert client.error("resources/subscribe",
                            {"uri": "v6gw://health"})["code"] == INTERNAL
        assert listen(client, "v6gw://health")["error"]["code"] == INTERNAL
        client.result("resources/unsubscribe", {"uri": "v6gw://tunnel/t3"})
        client.result("resources/subscribe", {"uri": "v6gw://health"})


def test_subscriptions_end_with_the_client(start):
    """Nothing is left of them: the harness looks for leaks at its end."""
    server = start()
    with server.mcp() as client:
        listen(client, *DOCUMENTS)
        client.result("resources/subscribe", {"uri": "v6gw://health"})
    server.command("event %d" % DOWN)
    assert server.answers()


# the prompt

def text_of(result):
    (message,) = result["messages"]
    assert message["role"] == "user" and message["content"]["type"] == "text"
    return message["content"]["text"]


def test_prompts(client):
    (prompt,) = client.result("prompts/list")["prompts"]
    assert prompt["name"] == "diagnose"
    (argument,) = prompt["arguments"]
    assert (argument["name"], argument["required"]) == ("tunnel", False)


def test_diagnose(client):
    """It says how things are, worst first, and what to do about it."""
    text = text_of(client.result("prompts/get", {"name": "diagnose"}))
    assert "Health: ok. 1 of 3 tunnels up." in text
    assert "no answer from any target" in text
    assert text.index("Tunnel ext") < text.index("Tunnel he")
    assert "protocol 41" in text and "get_tunnel_status" in text


def test_diagnose_one(server, client):
    text = text_of(client.result("prompts/get", modern({
        "name": "diagnose", "arguments": {"tunnel": "ext"}})))
    assert "Tunnel he " not in text and "Tunnel ext " in text
    assert server.document("/tunnels/ext").decode() in text


def test_diagnose_every_state(start):
    server = start()
    with server.mcp() as client:
        texts = set()
        for state in range(11):
            server.command("state %d" % state)
            texts.add(text_of(client.result("prompts/get", {
                "name": "diagnose", "arguments": {"tunnel": "he"}})))
        assert len(texts) == 11


def test_diagnose_many(start):
    server = start("-n", "500")
    with server.mcp() as client:
        text = text_of(client.result("prompts/get", {"name": "diagnose"}))
        assert "And 468 more tunnels" in text and len(text) < 16384


@pytest.mark.parametrize("params", [
    None, {}, {"name": 1}, {"name": "nothing"},
    {"name": "diagnose", "arguments": []},
    {"name": "diagnose", "arguments": {"tunnel": 1}},
    {"name": "diagnose", "arguments": {"name": "he"}},
    {"name": "diagnose", "arguments": {"tunnel": "nope"}}])
def test_bad_prompt(client, params):
    error = client.error("prompts/get", params)
    assert error["code"] == PARAMS
    if params and params.get("arguments") == {"tunnel": "nope"}:
        assert "he, wg, ext" in error["message"]


# completion

REFS = (({"type": "ref/prompt", "name": "diagnose"}, "tunnel"),
        ({"type": "ref/resource", "uri": "v6gw://tunnel/{name}"}, "name"))


@pytest.mark.parametrize("ref,name", REFS)
@pytest.mark.parametrize("value,values", [
    ("", ["he", "wg", "ext"]), ("h", ["he"]), ("he", ["he"]), ("x", []),
    ("hex", [])])
def test_completion(client, ref, name, value, values):
    assert client.result("completion/complete", {
        "ref": ref, "argument": {"name": name, "value": value}})[
        "completion"] == {"values": values, "total": len(values),
                          "hasMore": False}


def test_completion_of_many(start):
    server = start("-n", "203")
    with server.mcp() as client:
        completion = client.result("completion/complete", {
            "ref": REFS[0][0], "argument": {"name": "tunnel", "value": "t"}})[
            "completion"]
        assert len(completion["values"]) == 100
        assert (completion["total"], completion["hasMore"]) == (200, True)


@pytest.mark.parametrize("params", [
    {}, {"ref": REFS[0][0]}, {"ref": {"type": "ref/prompt", "name": "x"},
                              "argument": {"name": "tunnel", "value": ""}},
    {"ref": {"type": "ref/resource", "uri": "v6gw://health"},
     "argument": {"name": "name", "value": ""}},
    {"ref": REFS[0][0], "argument": {"name": "other", "value": ""}},
    {"ref": REFS[0][0], "argument": {"name": "tunnel"}},
    {"ref": REFS[0][0], "argument": {"name": "tunnel", "value": 1}},
    {"ref": 1, "argument": {"name": "tunnel", "value": ""}}])
def test_bad_completion(client, params):
    assert client.error("completion/complete", params)["code"] == PARAMS
