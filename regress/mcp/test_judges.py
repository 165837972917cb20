"""The official clients and judges of MCP against the whole daemon.

Each client runs once for all of its checks, by socat, and what passes is kept
and judged against the official schemas at the end of the file.
"""

import contextlib
import json
import os
import pathlib
import socket
import subprocess

import pytest

import gw
from httpbridge import Bridge
from record import Recorder, verdict

# what a sanitizer would see, the tests in Python show as well
pytestmark = [pytest.mark.slow, pytest.mark.plain]

HERE = pathlib.Path(__file__).resolve().parent
MODERN = "2026-07-28"
OLDER = ["2025-06-18", "2025-03-26", "2024-11-05"]
LEGACY = ["2025-11-25", *OLDER]
# SDK v1; SDK v2 in each way it has, and when it knows an older revision only
MODES = ["v1", "legacy", "auto", MODERN, *OLDER]
CHECKS = """negotiates listsTools health addresses addressesOfOne unknownIface
    tunnels tunnel unknownTunnel unknownArgument unknownTool listsResources
    readsHealth readsAddresses readsTunnels readsTunnel unknownResource prompts
    completes updates manyAtOnce""".split()
ERAS = {"legacy": "2025-11-25", "auto": MODERN, "modern": MODERN}
# The scenarios that want no tool, prompt or document of the suite's own.  The
# last ones of each judge the bridge on which the others rest.
SCENARIOS = {
    "2025-11-25": ["server-initialize", "ping", "tools-list",
                   "resources-list", "prompts-list",
                   "dns-rebinding-protection", "server-session-lifecycle"],
    MODERN: ["server-stateless", "tools-list", "caching", "resources-list",
             "prompts-list", "sep-2164-resource-not-found",
             "dns-rebinding-protection", "http-header-validation"],
}
# What server-stateless asks of the suite's own tools.
FIXTURES = {"sep-2575-server-rejects-undeclared-capability",
            "sep-2575-missing-capability-http-400",
            "sep-2575-http-server-no-independent-requests-on-stream",
            "sep-2575-server-no-log-without-loglevel"}

# What no client of theirs says, each answered by one line.  Before 2025-11-25
# the schemas have no answer to what has no readable id.
HELLO = ('{"jsonrpc":"2.0","id":0,"method":"initialize","params":{'
         '"protocolVersion":"%s","capabilities":{},'
         '"clientInfo":{"name":"odd","version":"1"}}}')
NEW = ('{"jsonrpc":"2.0","id":"%s","method":"%s","params":{"_meta":{'
       '"io.modelcontextprotocol/protocolVersion":"%s",'
       '"io.modelcontextprotocol/clientCapabilities":{}}}}')
ODD = [
    [HELLO % "2025-11-25", "{", "[]", "7", '{"jsonrpc":"2.0","id":null}',
     '{"jsonrpc":"2.0","id":1,"method":"none"}',
     '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":[]}',
     '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":5}}',
     '{"jsonrpc":"2.0","id":4,"method":"server/discover"}',
     '{"jsonrpc":"2.0","id":5,"method":"initialize"}'],
    [HELLO % "2025-03-26",
     '[{"jsonrpc":"2.0","id":1,"method":"ping"},'
     '{"jsonrpc":"2.0","method":"notifications/initialized"},'
     '{"jsonrpc":"2.0","id":2,"method":"none"},'
     '{"jsonrpc":"2.0","id":3,"method":"tools/list"}]'],
    [HELLO % "1999-01-01", '{"jsonrpc":"2.0","id":1,"method":"ping"}'],
    [NEW % ("a", "tools/list", "2999-01-01"), NEW % ("b", "ping", MODERN),
     NEW % ("c", "server/discover", MODERN),
     NEW % ("d", "subscriptions/listen", MODERN)],
]


class Served:
    """A daemon with its tunnel up, and the socket that records."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.recorder = Recorder(daemon.dir / "record.sock",
                                 daemon.run_dir / "mcp.sock")
        self.sessions = {}
        # judges keep notes in HOME, and start "node"
        self.env = dict(os.environ, HOME=str(daemon.dir),
                        NODE_COMPILE_CACHE=str(daemon.dir / "compiled"),
                        PATH="%s:%s" % (gw.NPM, os.environ["PATH"]))

    def socat(self):
        return ["socat", "STDIO", "UNIX-CONNECT:%s" % self.recorder.path]

    def run(self, *argv, **kwargs):
        return subprocess.run([str(a) for a in argv], text=True, env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=60 * gw.SLOW, **kwargs)

    def client(self, mode, command):
        """{check: why it failed, or None} of one session."""
        ctl = [str(gw.GATEWAYCTL), "-s",
               str(self.daemon.run_dir / "gatewayd.sock"), "tunnel", "ext"]
        done = self.run("node", HERE / "client.mjs", json.dumps({
            "mode": mode, "command": [str(a) for a in command],
            "rest": str(self.daemon.run_dir / "api.sock"),
            "change": [ctl + ["down"], ctl + ["up"]]}))
        assert done.returncode == 0, done.stderr
        return {line["check"]: line["why"] for line in
                map(json.loads, done.stdout.splitlines())}

    def session(self, mode):
        if mode not in self.sessions:
            self.sessions[mode] = self.client(mode, self.socat())
        return self.sessions[mode]

    def inspector(self, era, *args):
        return self.run(gw.NPM / "inspector", "--cli", "--protocol-era", era,
                        *self.socat(), *args)


@pytest.fixture(scope="module")
def served(lab):
    daemon = lab.daemon(conf={"tunnel.ext": {
        "type": "external", "iface": "ext0", "priority": "5",
        "v6_prefix": "2001:db8:99::1", "prefix_len": "64"}})
    daemon.up()
    served = Served(daemon)
    yield served
    served.recorder.close()
    daemon.close()


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("mode", MODES)
def test_client(served, mode, check):
    why = served.session(mode)[check]
    assert why is None, why


@pytest.mark.parametrize("mode", ["v1", "legacy", *OLDER])
def test_ping(served, mode):
    why = served.session(mode)["ping"]
    assert why is None, why


def test_bridge_of_gatewayctl(served):
    """gatewayctl mcp instead of socat, with the newest client."""
    found = served.client(MODERN, [gw.GATEWAYCTL, "-s", served.recorder.path,
                                   "mcp"])
    assert set(found) == set(CHECKS)
    assert not any(found.values()), found


@pytest.mark.parametrize("era", ERAS)
def test_inspector_strict(served, era):
    """Exit status 6 for a fault in a schema; a warning is said on stderr."""
    done = served.inspector(era, "--method", "tools/list", "--strict")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["tools"]) == 3
    assert "warn" not in done.stderr.lower()


@pytest.mark.parametrize("era", ERAS)
def test_inspector_call(served, era):
    done = served.inspector(era, "--method", "tools/call", "--tool-name",
                            "get_tunnel_status", "--tool-arg", "name=he")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)["structuredContent"]
    assert [tunnel["name"] for tunnel in document["tunnels"]] == ["he"]


def test_inspector_call_fails(served):
    """An unknown tunnel is a tool's error: exit status 5."""
    done = served.inspector("modern", "--method", "tools/call", "--tool-name",
                            "get_tunnel_status", "--tool-arg", "name=nobody")
    assert done.returncode == 5, done.stdout + done.stderr


def test_inspector_load(served):
    done = served.inspector(
        "modern", "--method", "tools/call", "--tool-name", "check_health",
        "--load", "--load-requests", "500", "--load-concurrency", "20",
        "--format", "json")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def bridge(served):
    bridge = Bridge(served.recorder.path)
    yield bridge
    bridge.close()


@pytest.mark.parametrize("version, scenario", [
    (version, scenario) for version, names in SCENARIOS.items()
    for scenario in names])
def test_conformance(served, bridge, tmp_path, version, scenario):
    done = served.run(gw.NPM / "conformance", "server", "--url", bridge.url,
                      "--scenario", scenario, "--spec-version", version,
                      "--output-dir", tmp_path)
    files = list(tmp_path.glob("*/checks.json"))
    assert len(files) == 1, done.stdout + done.stderr
    checks = json.loads(files[0].read_text())
    assert any(check["status"] == "SUCCESS" for check in checks)
    bad = [check for check in checks
           if check["status"] not in ("SUCCESS", "INFO", "SKIPPED")
           and check["id"] not in FIXTURES]
    assert not bad, json.dumps(bad, indent=1)


@pytest.mark.parametrize("lines", ODD)
def test_odd_messages(served, lines):
    """They are answered and judged below; all is said before it hangs up."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
        sock.settimeout(10 * gw.SLOW)
        sock.connect(str(served.recorder.path))
        sock.sendall("".join(line + "\n" for line in lines).encode())
        sock.shutdown(socket.SHUT_WR)
        answers = list(sock.makefile())
    assert len(answers) == len(lines), answers


def test_schemas(served):
    """All that the daemon said to all of them; runs as the last."""
    for mode in MODES:
        served.session(mode)
    found = verdict(served.recorder.record)
    assert not found["faults"], "\n".join(found["faults"])
    assert set(found["judged"]) == {*LEGACY, MODERN}
    for revision, judged in found["judged"].items():
        assert judged["tools/call"] > 0 and judged["resources/read"] > 0
        # SDK v2 gives both the same number
        assert ("error -32002" in judged) == (revision != MODERN)
