"""Clients of the MCP server that say exactly what they are told to."""

import contextlib
import itertools
import json
import socket
import sys

import gw

sys.path.append(str(gw.TREE / "regress/http"))

import rawhttp  # noqa: E402

LEGACY = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"
SUBSCRIPTION = META + "subscriptionId"
LINE_MAX = 65536
PARSE, INVALID, METHOD, PARAMS, INTERNAL = (
    -32700, -32600, -32601, -32602, -32603)


def modern(params=None, version=MODERN):
    """The params of a request of the modern era."""
    return {**(params or {}), "_meta": {
        META + "protocolVersion": version,
        META + "clientCapabilities": {},
        META + "clientInfo": {"name": "test", "version": "1"}}}


class Client:
    """One connection; reads a line at a time."""

    numbers = itertools.count()
    passed = None   # or a list: what all said and heard, for judge.mjs

    def __init__(self, path, timeout=10):
        self.number = next(self.numbers)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout * max(1, gw.SLOW))
        self.sock.connect(str(path))
        self.buf = b""
        self.half = b""         # of a line that was said
        self.last = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        *lines, half = (self.half + data).split(b"\n")
        self.half = half[:LINE_MAX]
        for line in lines:
            self.passes("client", line)
        self.sock.sendall(data)

    def passes(self, side, line):
        if self.passed is not None:
            self.passed.append({"connection": self.number, "from": side,
                                "line": line.decode(errors="replace")})

    def say(self, message):
        self.send(json.dumps(message).encode() + b"\n")

    def line(self):
        """The next line, b"" at the end."""
        while b"\n" not in self.buf:
            data = self.sock.recv(65536)
            if not data:
                assert not self.buf
                return b""
            self.buf += data
        line, self.buf = self.buf.split(b"\n", 1)
        return line + b"\n"

    def hear(self):
        """The next message, None at the end."""
        if self.half:   # the end of the input ends a line as well
            self.passes("client", self.half)
        line = self.line()
        if not line:
            return None
        self.passes("server", line)
        message = json.loads(line)
        assert line == json.dumps(message, separators=(",", ":"),
                                  ensure_ascii=False).encode() + b"\n"
        assert isinstance(message, list) or message["jsonrpc"] == "2.0"
        return message

    def request(self, method, params=None, id=None):
        """Sends a request; the answer to it, which comes next."""
        self.last += 1
        id = self.last if id is None else id
        message = {"jsonrpc": "2.0", "id": id, "method": method}
        if params is not None:
            message["params"] = params
        self.say(message)
        answer = self.hear()
        assert answer["id"] == id and type(answer["id"]) is type(id)
        assert ("result" in answer) != ("error" in answer)
        return answer

    def result(self, method, params=None, **kwargs):
        return self.request(method, params, **kwargs)["result"]

    def error(self, method, params=None, **kwargs):
        return self.request(method, params, **kwargs)["error"]

    def tool(self, tool, **arguments):
        return self.result("tools/call", {"name": tool,
                                          "arguments": arguments})

    def initialize(self, version=LEGACY[-1]):
        result = self.result("initialize", {
            "protocolVersion": version, "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"}})
        self.say({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return result

    def quiet(self, seconds=0.2):
        """True if nothing comes for so long."""
        if self.buf:
            return False
        old = self.sock.gettimeout()
        self.sock.settimeout(seconds)
        try:
            self.buf += self.sock.recv(65536)
            return False
        except socket.timeout:
            return True
        finally:
            self.sock.settimeout(old)

    def closed(self):
        with contextlib.suppress(ConnectionResetError):
            return self.line() == b""
        return True


class Server(rawhttp.Server):
    """httpd with its MCP server."""

    def __init__(self, tmp_path, *args, **kwargs):
        self.mcp_path = tmp_path / "mcp.sock"
        super().__init__(tmp_path, "-p", self.mcp_path, *args, **kwargs)

    def mcp(self, **kwargs):
        return Client(self.mcp_path, **kwargs)

    def document(self, target):
        """The bytes of a REST document, without their newline."""
        with self.client() as c:
            reply = c.get(target)
            assert reply.status == 200 and reply.body.endswith(b"\n")
            return reply.body[:-1]
