"""MCP's Streamable HTTP in front of the Unix socket.

The official conformance suite speaks HTTP only.  This adds what HTTP has and
the socket has not: a session for each initialize of the older revisions; in
2026-07-28 a connection for each request, the headers that repeat what the body
says, and the status.  What the messages say is left as it is.
"""

import contextlib
import http.server
import json
import socket
import threading
import urllib.parse
import uuid

META = "io.modelcontextprotocol/"
LAST = "2026-07-28"
HEADER_MISMATCH = -32020
STATUS = {HEADER_MISMATCH: 400, -32021: 400, -32022: 400, -32602: 400,
          -32600: 400, -32601: 404}
STREAM = "subscriptions/listen"
LOCAL = "127.0.0.1", "localhost"
TIMEOUT = 60


class Connection:
    """One to the server; asks one thing at a time."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(str(path))
        self.lines = self.socket.makefile("rb")
        self.lock = threading.Lock()

    def send(self, message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def ask(self, message):
        """The answer, as a dictionary; None if the server hung up."""
        with self.lock:
            self.send(message)
            for line in self.lines:
                answer = json.loads(line)
                if "method" not in answer:
                    return answer
        return None

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.lines.close()
        self.socket.close()


def named(message):
    """What Mcp-Name repeats, None if there is nothing to repeat."""
    params = message.get("params") or {}
    return params.get("uri" if message["method"] == "resources/read"
                      else "name")


def mismatch(headers, message):
    """The header that does not say what the body says."""
    meta = (message.get("params") or {}).get("_meta") or {}
    wanted = {"MCP-Protocol-Version": meta.get(META + "protocolVersion"),
              "Mcp-Method": message["method"], "Mcp-Name": named(message)}
    for name, value in wanted.items():
        if value is not None and (headers.get(name) or "").strip() != value:
            return name
    return None


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, message=None, headers=()):
        body = b"" if message is None else json.dumps(message).encode()
        self.send_response(status)
        for name, value in (("Content-Type", "application/json"),
                            ("Content-Length", len(body)), *headers):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def local(self):
        """Whether both Host and Origin, if there is one, are this machine."""
        names = [urllib.parse.urlsplit("//" + self.headers["Host"]).hostname]
        if "Origin" in self.headers:
            names.append(urllib.parse.urlsplit(
                self.headers["Origin"]).hostname)
        return all(name in LOCAL for name in names)

    def do_GET(self):
        self.answer(405, headers=[("Allow", "POST, DELETE")])

    def do_DELETE(self):
        session = self.server.sessions.pop(
            self.headers.get("Mcp-Session-Id"), None)
        if session is not None:
            session.close()
        self.answer(404 if session is None else 200)

    def do_POST(self):
        if not self.local():
            self.answer(403)
            return
        message = json.loads(self.rfile.read(
            int(self.headers["Content-Length"])))
        if self.headers.get("MCP-Protocol-Version", "") >= LAST:
            self.modern(message)
        else:
            self.legacy(message)

    def legacy(self, message):
        key = self.headers.get("Mcp-Session-Id")
        headers = []
        if message.get("method") == "initialize":
            key = str(uuid.uuid4())
            self.server.sessions[key] = Connection(self.server.path)
            headers.append(("Mcp-Session-Id", key))
        session = self.server.sessions.get(key)
        if session is None:
            self.answer(404 if key else 400)
        elif "id" in message and "method" in message:
            self.answer(200, session.ask(message), headers)
        else:
            session.send(message)
            self.answer(202)

    def modern(self, message):
        header = mismatch(self.headers, message)
        if header is not None:
            self.answer(400, {"jsonrpc": "2.0", "id": message.get("id"),
                              "error": {"code": HEADER_MISMATCH,
                                        "message": header}})
            return
        with contextlib.closing(Connection(self.server.path)) as connection:
            if "id" not in message:
                connection.send(message)
                self.answer(202)
            elif message["method"] == STREAM:
                self.stream(connection, message)
            else:
                answer = connection.ask(message)
                code = answer.get("error", {}).get("code")
                self.answer(STATUS.get(code, 200), answer)

    def stream(self, connection, message):
        """Everything that comes, as server-sent events."""
        connection.send(message)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        with contextlib.suppress(OSError):
            for line in connection.lines:
                self.wfile.write(b"data: " + line + b"\n")


class Bridge(http.server.ThreadingHTTPServer):
    """Serves url until close(); path is the MCP socket."""

    daemon_threads = True

    def __init__(self, path):
        super().__init__(("127.0.0.1", 0), Handler)
        self.path = path
        self.sessions = {}
        self.url = "http://127.0.0.1:%d/mcp" % self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()
        for session in self.sessions.values():
            session.close()
