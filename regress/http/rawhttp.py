"""The harness httpd (httpd.c), and raw requests to it."""

import json
import os
import re
import socket
import subprocess
import time

import pytest

import contract
import gw
import procfs

HTTPD = gw.BUILD / "regress/http/httpd"
MS = (75000, 10000, 10000, 30000, 2000)     # the deadlines httpd starts with


class Reply:
    def __init__(self, version, status, fields, body):
        self.version, self.status = version, status
        self.fields, self.body = fields, body

    def json(self):
        return json.loads(self.body)


class Client:
    """One connection; reads replies one at a time."""

    def __init__(self, server, timeout=15):
        self.server = server
        if server.use_unix:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout)
            self.sock.connect(server.path)
        else:
            self.sock = socket.create_connection(server.addr, timeout)
        self.buf = b""
        self.sent = b""         # whose replies were not read yet

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sent += data
        self.sock.sendall(data)

    def asked(self):
        """(method, target) of the request that is answered next, which may
        have none; takes it off."""
        head, _, rest = self.sent.partition(b"\r\n\r\n")
        line = re.match(rb"([!-~]+) ([!-~]+) HTTP/1\.[01]\r\n", head)
        if not line:
            return "", None
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
        self.sent = rest[int(length[1]) if length else 0:]
        return line[1].decode(), line[2].decode()

    def request(self, method, target, *fields, version="HTTP/1.1"):
        """Sends a request with our Host, and returns the reply."""
        lines = ["%s %s %s" % (method, target, version),
                 "Host: " + self.server.host, *fields]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        return self.reply(method)

    def post(self, target, body, *fields, kind="application/json"):
        """Sends JSON, or bytes, as content."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send(("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n"
                   "Content-Length: %d\r\n" % (
                       target, self.server.host, kind, len(body))
                   + "".join(f + "\r\n" for f in fields)
                   + "\r\n").encode() + body)
        return self.reply("POST")

    def get(self, target, *fields):
        return self.request("GET", target, *fields)

    def more(self):
        data = self.sock.recv(65536)
        self.buf += data
        return data

    def reply(self, method="GET"):
        while b"\r\n\r\n" not in self.buf:
            if not self.more():
                raise EOFError(self.buf)
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        status, *lines = head.decode("latin-1").split("\r\n")
        version, code, _ = status.split(" ", 2)
        fields = {}
        for line in lines:
            name, value = line.split(": ", 1)
            assert name not in fields, "%s comes twice" % name
            fields[name] = value
        length = int(fields.get("Content-Length", 0))
        if method == "HEAD" or code in ("204", "304", "100"):
            length = 0
        while len(self.buf) < length:
            if not self.more():
                raise EOFError(self.buf)
        body, self.buf = self.buf[:length], self.buf[length:]
        if code != "100":
            contract.saw(*self.asked(), int(code), fields, body)
        return Reply(version, int(code), fields, body)

    def closed(self):
        """True if the server closes without another byte."""
        try:
            return self.buf == b"" and self.more() == b""
        except ConnectionResetError:
            return True


class Server:
    def __init__(self, tmp_path, *args, use_unix=False, nofile=None):
        self.path = str(tmp_path / "api.sock")
        self.use_unix = use_unix
        argv = [str(HTTPD), "-u", self.path, *map(str, args)]
        if nofile:
            argv = ["prlimit", "--nofile=%d" % nofile] + argv
        env = dict(os.environ, ASAN_OPTIONS="detect_leaks=1")
        self.log = tmp_path / "log"
        with open(self.log, "wb") as log:
            self.p = subprocess.Popen(argv, stdin=subprocess.PIPE, env=env,
                                      stdout=subprocess.PIPE, stderr=log)
        self.port = int(self.p.stdout.readline())
        self.bind = args[args.index("-b") + 1] if "-b" in args else "127.0.0.1"
        self.addr = (self.bind, self.port)
        self.host = "127.0.0.1:%d" % self.port

    def client(self, **kwargs):
        return Client(self, **kwargs)

    def command(self, line):
        self.p.stdin.write(line.encode() + b"\n")
        self.p.stdin.flush()
        assert self.p.stdout.readline() == b"ok\n"

    def fds(self):
        return procfs.count_descriptors(self.p.pid)

    def pss(self):
        return gw.pss_kb(self.p.pid)

    def cpu(self):
        return procfs.cpu(self.p.pid)

    def answers(self):
        with self.client() as c:
            return c.get("/health").status == 200

    def stop(self):
        """Ends it; it must not have crashed nor leaked before."""
        status = self.p.poll()
        if status is None:
            self.command("quit")
            status = self.p.wait(10)
        self.p.stdin.close()
        self.p.stdout.close()
        assert status == 0, self.log.read_text()


def deadlines(**kwargs):
    """The value of -m with some deadlines, in seconds, replaced."""
    names = ("idle", "head", "body", "write", "linger")
    return ",".join(str(int(kwargs[n] * 1000 if n in kwargs else ms))
                    for n, ms in zip(names, MS))


def wait_until(condition, seconds=5):
    gw.wait_for(condition, seconds * max(1, gw.SLOW))
    return time.monotonic()


def fixtures(kind):
    """The fixtures start and server of a folder with that kind of Server."""
    @pytest.fixture
    def start(tmp_path):
        """start(*arguments of httpd); every server is stopped at the end."""
        servers = []

        def start(*args, **kwargs):
            path = tmp_path / str(len(servers))
            path.mkdir()
            servers.append(kind(path, *args, **kwargs))
            return servers[-1]

        yield start
        for server in servers:
            server.stop()

    @pytest.fixture(scope="module")
    def server(tmp_path_factory):
        """One with its usual limits, for all tests of a file."""
        server = kind(tmp_path_factory.mktemp("httpd"))
        yield server
        server.stop()

    return start, server
