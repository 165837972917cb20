"""Holds the answers of the REST interface to its OpenAPI document.

rawhttp.py and gw.py tell saw() of every answer that a test gets; conftest.py
has them judged when the test is over, so that nothing is measured with the
judging in it.  Objects are taken as closed here: a key that the document does
not name is an error, though clients are to ignore such.
"""

import functools
import hashlib
import json
import os
import re
import urllib.parse

# what may be answered to a request whatever it asks for: see the document's
# components/responses/Problem
ANYWHERE = {400, 401, 405, 408, 411, 413, 414, 415, 417, 421, 431, 501, 503,
            505}
# and where there is no such operation
NOWHERE = ANYWHERE | {403, 404}
PROBLEM = "application/problem+json"
ROWS = 64                   # that are judged of a longer list: they are alike

_waiting = {}               # answers not judged yet, by what tells them apart
_events = []                # the same
_judged = set()


def saw(method, target, status, fields, body):
    """Notes an answer.  target: None if the request had none to be read."""
    if method == "HEAD" or status in (204, 304):
        body = b""
    about = (method, target, status, fields.get("Content-Type"))
    if "GW_GUEST" in os.environ:
        key = about         # judging is slow there: the first of its kind
    else:
        key = about + (hashlib.sha1(body).digest(),)
    if key not in _judged:
        _judged.add(key)
        _waiting[key] = (method, target, status, dict(fields.items()), body)


def heard(event):
    """Notes an event, the data of one that was sent by the server."""
    key = json.dumps(event)
    if key not in _judged:
        _judged.add(key)
        _events.append(event)


def judge():
    """Fails if one of the answers that were noted breaks the contract."""
    answers = list(_waiting.values())
    events = list(_events)
    _waiting.clear()
    _events.clear()
    broken = []
    for answer in answers:
        error = fault(*answer)
        if error:
            broken.append("%s %s: %d: %s" % (*answer[:3], error))
    for event in events:
        error = event_fault(event)
        if error:
            broken.append("%s: %s" % (json.dumps(event), error))
    assert not broken, "against the OpenAPI document:\n" + "\n".join(broken)


@functools.lru_cache(None)
def document():
    import gw               # which imports this
    return json.loads((gw.BUILD / "gatewayd/frontend/openapi.json")
                      .read_text())


def resolve(node):
    while "$ref" in node and node["$ref"].startswith("#/"):
        target = document()
        for name in node["$ref"][2:].split("/"):
            target = target[name]
        node = target
    return node


def fault(method, target, status, fields, body):
    """What is wrong with the answer, or None."""
    item, operation = find(method, target)
    if "Allow" in fields and item is not None:
        if set(fields["Allow"].split(", ")) != allowed(item):
            return "Allow: " + fields["Allow"]
    if method == "OPTIONS" and status == 204:
        return None if "Allow" in fields else "no Allow"
    if operation is None:
        if status not in NOWHERE:
            return "there is no such operation"
        response = document()["components"]["responses"]["Problem"]
    elif str(status) in operation["responses"]:
        response = resolve(operation["responses"][str(status)])
    elif status in ANYWHERE:
        response = resolve(operation["responses"]["default"])
    else:
        return "status is not listed"
    return (header_fault(response, fields) or
            content_fault(response, fields, body, method))


def find(method, target):
    """(path item, operation) that a request names; None where there is none"""
    path = urllib.parse.unquote(urllib.parse.urlsplit(target or "").path)
    for template, item in document()["paths"].items():
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)),
                        path):
            name = "get" if method == "HEAD" else method.lower()
            return item, item.get(name) if method.isupper() else None
    return None, None


def allowed(item):
    methods = {m.upper() for m in ("get", "post", "delete") if m in item}
    return methods | {"OPTIONS"} | ({"HEAD"} if "get" in item else set())


def event_fault(event):
    """Against the schema of its kind, which says more than Event would."""
    schemas = document()["components"]["schemas"]
    name = "%sEvent" % event["event"].capitalize()
    if {"$ref": "#/components/schemas/" + name} not in \
            schemas["Event"]["oneOf"]:
        return "no such event"
    return schema_fault(schemas[name], event) or \
        order_fault(schemas[name], event)


def header_fault(response, fields):
    for name, header in response.get("headers", {}).items():
        header = resolve(header)
        if name not in fields:
            if header.get("required"):
                return "no " + name
            continue
        value = fields[name]
        if header["schema"].get("type") == "integer" and value.isdecimal():
            value = int(value)
        error = schema_fault(header["schema"], value)
        if error:
            return "%s: %s" % (name, error)
    return None


def content_fault(response, fields, body, method):
    kind = fields.get("Content-Type")
    content = response.get("content", {})
    if kind is None:
        return "no content" if content else None
    if kind not in content:
        return "it is " + kind
    if method == "HEAD" or not kind.endswith("json"):
        return None
    if body[-1:] != b"\n" or body.count(b"\n") != 1:
        return "not one line"
    schema, value = content[kind]["schema"], json.loads(body)
    if isinstance(value, dict):
        value = {key: item[:ROWS] if isinstance(item, list) else item
                 for key, item in value.items()}
    return schema_fault(schema, value) or order_fault(schema, value)


def schema_fault(schema, value):
    error = next(validator(json.dumps(schema)).iter_errors(value), None)
    if error is None:
        return None
    return "%s: %s" % ("/".join(map(str, error.absolute_path)),
                       error.message[:500])


def order_fault(schema, value):
    """Keys come in the order in which the document lists them."""
    if isinstance(value, list):
        inner = [(item, schema_of(schema, "items")) for item in value]
    elif isinstance(value, dict):
        listed = schema_of(schema, "properties")
        keys = [key for key in value if key in listed]
        if keys != [key for key in listed if key in value]:
            return "the order of " + ", ".join(keys)
        inner = [(value[key], listed[key]) for key in keys]
    else:
        return None
    faults = (order_fault(part, item) for item, part in inner)
    return next(filter(None, faults), None)


def schema_of(schema, key):
    """What a schema, what it refers to and what it may be say of a key."""
    found = dict(schema.get(key, {}))
    for other in schema.get("anyOf", []) + schema.get("oneOf", []):
        found = {**schema_of(other, key), **found}
    if "$ref" in schema:
        found = {**schema_of(resolve(schema), key), **found}
    return found


@functools.lru_cache(None)
def resolver():
    import jsonschema       # costs a second in the guest
    return jsonschema.RefResolver("", {
        "components": closed(document()["components"])})


@functools.lru_cache(None)
def validator(schema):
    import jsonschema
    return jsonschema.Draft202012Validator(
        closed_use(closed(json.loads(schema))), resolver=resolver(),
        format_checker=jsonschema.FormatChecker())


def closed(node):
    """Schemas in which every use of one takes no unknown keys."""
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: closed(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict):
        node["properties"] = {key: closed_use(value) for key, value in
                              node["properties"].items()}
    for key in "items", "additionalProperties":
        if isinstance(node.get(key), dict):
            node[key] = closed_use(node[key])
    return node


def closed_use(schema):
    if "additionalProperties" in schema:
        return schema
    return dict(schema, unevaluatedProperties=False)
