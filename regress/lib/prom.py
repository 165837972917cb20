"""Prometheus' own tools, for the tests of /metrics."""

import json
import pathlib
import shutil
import subprocess
import urllib.parse

from prometheus_client.openmetrics import parser

import gw

# Debian 12's Prometheus 2.42
ACCEPT = ("application/openmetrics-text;version=1.0.0,"
          "application/openmetrics-text;version=0.0.1;q=0.75,"
          "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
EXAMPLES = gw.TREE / "etc/prometheus"


def promtool(*args, stdin=b""):
    """(exit status, what it says)"""
    p = subprocess.run(["promtool", *map(str, args)], input=stdin, timeout=60,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return p.returncode, p.stdout.decode(errors="replace")


def lint(text):
    """Fails unless the text is clean."""
    assert promtool("check", "metrics", stdin=text) == (0, "")


def samples(openmetrics):
    """{(name, ((label, value), ...)): value}, by the strict parser."""
    found = {}
    for family in parser.text_string_to_metric_families(openmetrics):
        for s in family.samples:
            key = s.name, tuple(sorted(s.labels.items()))
            assert key not in found, "%s comes twice" % (key,)
            found[key] = s.value
    return found


def value(found, name, **labels):
    return found[name, tuple(sorted(labels.items()))]


def families(openmetrics):
    """{name: family}"""
    return {f.name: f for f in
            parser.text_string_to_metric_families(openmetrics)}


class Prometheus:
    """A server in a network namespace, scraping the daemon there."""

    def __init__(self, ns, directory, config, *rules, port=9190):
        self.ns, self.port = ns, port
        self.dir = pathlib.Path(directory)
        self.dir.mkdir()
        self.log = self.dir / "log"
        (self.dir / "prometheus.yml").write_text(config)
        for file in rules:
            shutil.copy(file, self.dir)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(ns.argv(
                "prometheus", "--config.file", self.dir / "prometheus.yml",
                "--storage.tsdb.path", self.dir / "data",
                "--web.listen-address", "127.0.0.1:%d" % port),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def api(self, path, **params):
        """The data of an answer; an AssertionError says what is wrong."""
        url = "http://127.0.0.1:%d/api/v1/%s?%s" % (
            self.port, path, urllib.parse.urlencode(params))
        out = self.ns.run("curl", "-s", url, check=False).stdout
        # before it is ready it answers in plain words, or not at all
        assert out.startswith("{"), "%s: %s" % (url, out)
        answer = json.loads(out)
        assert answer["status"] == "success", "%s: %s" % (url, answer)
        return answer["data"]

    def query(self, expression):
        """[(labels, value)] of an instant vector"""
        data = self.api("query", query=expression)
        assert data["resultType"] in ("vector", "scalar"), data
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(r["metric"], float(r["value"][1])) for r in data["result"]]

    def one(self, expression):
        """The only value, or None."""
        try:
            found = self.query(expression)
        except AssertionError:
            return None         # not ready yet
        return found[0][1] if len(found) == 1 else None

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=30 * gw.SLOW)
