#!/usr/bin/python3
"""Makes the OpenAPI document out of its parts, at build time.

usage: embed.py VERSION OUT.json OUT.c PART.json ...

A part is a piece of the document in its own form: paths and components are
put together from all parts.  Two things are added to JSON, so that a part is
easy to read: a description may be a list of strings, which a space joins, and
@VERSION@ is the program's version.  OUT.json is compact, as it is served;
OUT.c has the same bytes and a newline as openapi_json[].
"""

import json
import pathlib
import sys

COLUMNS = 70                # of the text in a line of C


def joined(node):
    """Descriptions that are lists of strings, as strings."""
    if isinstance(node, list):
        return [joined(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: joined(value) for key, value in node.items()}
    text = node.get("description")
    if isinstance(text, list):
        node["description"] = " ".join(text).replace(" \n", "\n")
    return node


def merge(document, part, where=""):
    """Adds the part's keys; only objects that both have are merged."""
    for key, value in part.items():
        here = "%s/%s" % (where, key)
        if key not in document:
            document[key] = value
        elif isinstance(document[key], dict) and isinstance(value, dict):
            merge(document[key], value, here)
        else:
            sys.exit("embed.py: %s comes in two parts" % here)


def assemble(version, parts):
    """The document, its keys in the order of a reader's interest."""
    document = {}
    for part in parts:
        text = pathlib.Path(part).read_text(encoding="utf-8")
        merge(document, json.loads(text.replace("@VERSION@", version)))
    document["components"] = document.pop("components")
    return joined(document)


def c_lines(text):
    """The text as string literals of C, without a cut escape sequence."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    while text:
        n = COLUMNS
        while text[:n].endswith("\\"):
            n -= 1
        yield '\t"%s"' % text[:n]
        text = text[n:]


def main():
    version, json_path, c_path, *parts = sys.argv[1:]
    text = json.dumps(assemble(version, parts), separators=(",", ":"),
                      ensure_ascii=True)
    pathlib.Path(json_path).write_text(text + "\n")
    pathlib.Path(c_path).write_text(
        '#include "openapi.h"\n\nconst char openapi_json[] =\n%s;\n'
        % "\n".join(c_lines(text + "\n")))


if __name__ == "__main__":
    main()
