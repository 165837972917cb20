"""The OpenAPI document: that it is right, whole, and what is served.

That the answers are as it says is judged with every test: see contract.py.
"""

import copy
import json
import os
import re
import subprocess
import urllib.parse

import jsonschema
import pytest

import contract
import gw

# two judges who share nothing: Redocly's rules, all of them as errors; and the
# schema that the OpenAPI initiative publishes
JUDGES = {
    "redocly": ["lint", "--extends=recommended-strict"],
    "validate-api": [],
}
PATHS = contract.document()["paths"]
OPERATIONS = [(method, path) for path, item in PATHS.items()
              for method in ("get", "post", "delete") if method in item]


def concrete(path):
    return path.replace("{name}", "he").replace("{port}", "7654")


@pytest.fixture(scope="module", autouse=True)
def ports(server):
    """What the concrete paths of ports name."""
    with server.client() as c:
        for target in "/ports/udp", "/ports/tcp":
            assert c.post(target, {"internal_port": 7654, "external_port":
                                   7654}).status == 201


def parameters(method, path):
    item = PATHS[path]
    every = item.get("parameters", []) + item[method].get("parameters", [])
    return [p for p in map(contract.resolve, every) if p["in"] == "query"]


def test_served(server):
    """It is what was built, with an ETag of its own."""
    built = (gw.BUILD / "gatewayd/frontend/openapi.json").read_bytes()
    with server.client() as c:
        reply = c.get("/openapi.json")
        assert reply.body == built
        assert reply.json()["info"]["version"] == \
            c.get("/version").json()["version"]
        etag = reply.fields["ETag"]
        server.command("touch")
        reply = c.get("/openapi.json", "If-None-Match: " + etag)
        assert reply.status == 304


def judged(judge, document, tmp_path):
    """(exit status, what the judge says)"""
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document))
    p = subprocess.run(
        [gw.NPM / "node", gw.NPM / judge, *JUDGES[judge], file], text=True,
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=60 * gw.SLOW, env=dict(os.environ, REDOCLY_TELEMETRY="off",
                                       REDOCLY_SUPPRESS_UPDATE_NOTICE="true"))
    return p.returncode, p.stdout


@pytest.mark.plain
@pytest.mark.parametrize("judge", JUDGES)
def test_judge_of_openapi(server, judge, tmp_path):
    """The document that is served is OpenAPI 3.1, and a broken one is not."""
    with server.client() as c:
        document = c.get("/openapi.json").json()
    status, said = judged(judge, document, tmp_path)
    assert status == 0, said
    document["paths"]["/health"]["get"]["parameters"][0]["in"] = "somewhere"
    assert judged(judge, document, tmp_path)[0] == 1


@pytest.mark.parametrize("name", contract.document()["components"]["schemas"])
def test_json_schema(name):
    """Each schema is one of JSON Schema 2020-12 itself."""
    schema = contract.document()["components"]["schemas"][name]
    jsonschema.Draft202012Validator.check_schema(schema)


def test_the_same_resources(server):
    """The server names the paths that the document has, and no others."""
    with server.client() as c:
        detail = c.get("/nope").json()["detail"]
    listed = detail.split("there are: ")[1].split(", ")
    assert sorted(listed) == sorted(
        re.sub(r"\{\w+\}", "NAME", path) for path in PATHS)


@pytest.mark.parametrize("path", PATHS)
def test_the_same_methods(server, path):
    with server.client() as c:
        allow = c.request("OPTIONS", concrete(path)).fields["Allow"]
        assert set(allow.split(", ")) == contract.allowed(PATHS[path])
        for method in "GET", "POST", "DELETE", "PUT":
            known = method.lower() in PATHS[path]
            assert known or c.request(method, concrete(path)).status == 405


@pytest.mark.parametrize("method,path", OPERATIONS)
def test_the_same_parameters(server, method, path):
    with server.client() as c:
        reply = c.request(method.upper(), concrete(path) + "?nope=1")
        assert reply.status == 400
    found = re.search(r"parameters? here (?:are|is) (.*)",
                      reply.json()["detail"])
    listed = set(found[1].split(", ")) if found else set()
    assert listed == {p["name"] for p in parameters(method, path)}


def values(schema):
    """(a value, whether it is right) at and beyond each limit."""
    for value in schema.get("enum", []):
        yield value, True
    for limit, step in ("minimum", -1), ("maximum", 1):
        if limit in schema:
            yield schema[limit], True
            yield schema[limit] + step, False
    if "maxLength" in schema:
        yield "a" * schema["maxLength"], True
        yield "a" * (schema["maxLength"] + 1), False
    if "minLength" in schema:
        yield "a" * schema["minLength"], True
        yield "a" * (schema["minLength"] - 1), False
    for key in "example", "default":
        if key in schema:
            yield schema[key], True
    yield "\x7f", False


@pytest.mark.parametrize("method,path", OPERATIONS)
def test_limits_of_parameters(server, method, path):
    """What a parameter's schema allows is taken, and nothing else."""
    # what is right would change something, or never end
    only_wrong = method != "get" or path == "/events"
    for parameter in parameters(method, path):
        schema = dict(contract.resolve(parameter["schema"]))
        if "example" in parameter:
            schema["example"] = parameter["example"]
        for value, right in values(schema):
            if right and only_wrong:
                continue
            query = urllib.parse.urlencode({parameter["name"]: value})
            with server.client() as c:      # a malformed one ends it
                status = c.request(method.upper(),
                                   concrete(path) + "?" + query).status
            assert (status != 400) is right, (query, status)


def examples(node, where=""):
    """(where, schema, example) of all that the document gives."""
    if isinstance(node, list):
        for item in node:
            yield from examples(item, where)
    if not isinstance(node, dict):
        return
    if "example" in node and not where.endswith("/properties"):
        yield where, node.get("schema", node), node["example"]
    for key, value in node.items():
        if key != "example":
            yield from examples(value, where + "/" + key)


@pytest.mark.parametrize("schema,example", [
    pytest.param(schema, example, id=where) for where, schema, example in
    examples(contract.document())])
def test_example(schema, example):
    assert contract.schema_fault(schema, example) is None


def test_every_object_has_an_order():
    """Required keys are listed in the order in which they come."""
    schemas = contract.document()["components"]["schemas"]
    for name, schema in schemas.items():
        keys = list(schema.get("properties", {}))
        required = schema.get("required", [])
        assert required == [key for key in keys if key in required], name


# name, target, (path in the document, new value); None takes it away
FAULTS = [
    ("a negative counter", "/tunnels", ["tunnels", 0, "rx_bytes"], -1),
    ("a fraction", "/tunnels", ["tunnels", 0, "rx_bytes"], 1.5),
    ("a key is missing", "/tunnels", ["tunnels", 0, "iface"], None),
    ("an unknown key", "/tunnels", ["tunnels", 0, "colour"], "red"),
    ("an unknown key at the top", "/tunnels", ["more"], 1),
    ("an unknown state", "/tunnels", ["tunnels", 2, "state"], "dead"),
    ("no prefix", "/tunnels", ["tunnels", 0, "v6_prefix"], "2001:db8::"),
    ("a sixth key", "/health", ["colour"], "red"),
    ("latency 0", "/health", ["v6_latency_ms"], 0),
    ("time 0", "/health", ["last_check"], 0),
    ("no IPv6 address", "/v6/address", ["addresses", 0, "address"], "::g"),
    ("prefix 129", "/v6/address", ["addresses", 0, "prefix"], 129),
    ("a fine state", "/tunnels/he", ["detail", "state"], "unknown"),
    ("an unknown key of detail", "/tunnels/he", ["detail", "more"], 1),
    ("without detail", "/tunnels/he", ["detail"], None),
    ("loss beyond 1", "/tunnels/he", ["detail", "loss_ratio"], 1.01),
    ("no endpoint", "/tunnels/he", ["detail", "endpoint_local"], "here"),
    ("a transition's key", "/tunnels/he",
     ["detail", "transitions", 0, "more"], 1),
    ("another program", "/version", ["name"], "x"),
    ("a number in the configuration", "/config",
     ["config", "core", "log_level"], 3),
]


@pytest.mark.parametrize("target,where,value", [f[1:] for f in FAULTS],
                         ids=[f[0] for f in FAULTS])
def test_judge_finds(server, target, where, value):
    """A judge that lets everything pass would prove nothing."""
    with server.client() as c:
        reply = c.get(target)
    answer = ["GET", target, 200, reply.fields, reply.body]
    assert contract.fault(*answer) is None
    node = body = copy.deepcopy(reply.json())
    for key in where[:-1]:
        node = node[key]
    if value is None:
        del node[where[-1]]
    else:
        node[where[-1]] = value
    answer[4] = json.dumps(body).encode() + b"\n"
    assert contract.fault(*answer)


@pytest.mark.parametrize("target", ["/health", "/tunnels", "/tunnels/he"])
def test_judge_wants_the_order(server, target):
    with server.client() as c:
        reply = c.get(target)
    text = json.dumps(reply.json(), sort_keys=True, separators=(",", ":"))
    error = contract.fault("GET", target, 200, reply.fields,
                           text.encode() + b"\n")
    assert "order" in error


def test_judge_looks_at_the_head(server):
    with server.client() as c:
        reply = c.get("/tunnels")
        lost = c.get("/tunnels/eh")
    answer = ("GET", "/tunnels", 200, reply.fields, reply.body)
    assert contract.fault(*answer) is None
    for name, value in (("ETag", None), ("ETag", "5"), ("Allow", "GET"),
                        ("Content-Type", None), ("Content-Type", "text/html"),
                        ("Content-Type", contract.PROBLEM)):
        fields = dict(reply.fields)
        fields.pop(name, None)
        if value:
            fields[name] = value
        assert contract.fault(*answer[:3], fields, reply.body), (name, value)
    for status in 201, 202, 404, 409, 500:
        assert contract.fault("GET", "/tunnels", status, lost.fields,
                              lost.body), status
    assert contract.fault("POST", "/tunnels", 200, *answer[3:])
    assert contract.fault("GET", "/nope", 200, *answer[3:])
    assert contract.fault(*answer[:4], reply.body + b"\n")
    contract.saw("GET", "/tunnels", 200, reply.fields, b"{}\n")
    with pytest.raises(AssertionError):
        contract.judge()


def test_judge_hears():
    """What is wrong with an event is found in the same way."""
    data = {"from": "he", "to": None, "reason": "he is down"}
    event = {"id": 17, "time": 1699564234, "event": "failover", "data": data}
    assert contract.event_fault(event) is None
    for wrong in ({**event, "id": 0}, {**event, "event": "health"},
                  {**event, "event": "nothing"}, {**event, "more": 1},
                  {**event, "data": {**data, "more": 1}},
                  {**event, "data": {"to": None, **data}}):
        assert contract.event_fault(wrong), wrong
    contract.heard({**event, "time": None})
    with pytest.raises(AssertionError):
        contract.judge()
