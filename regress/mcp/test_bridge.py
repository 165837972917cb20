"""gatewayctl mcp and socat: a server on standard input and output."""

import json
import os
import random
import socket
import subprocess
import threading
import time

import pytest

import gw
import procfs
from rawmcp import modern


def bridge(path, *options, **kwargs):
    return subprocess.Popen(
        [gw.GATEWAYCTL, *options, "-s", path, "mcp"],
        **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE,
           "stderr": subprocess.PIPE, **kwargs})


def line(id, method="ping", **params):
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method,
                       "params": params}).encode() + b"\n"


@pytest.mark.parametrize("argv", [
    lambda path: [gw.GATEWAYCTL, "-s", path, "mcp"],
    lambda path: ["socat", "-t5", "STDIO", "UNIX-CONNECT:%s" % path],
], ids=["gatewayctl", "socat"])
def test_client(server, argv):
    """As a host runs it: both eras, and out by the end of its input."""
    text = line(1, "initialize", protocolVersion="2025-11-25",
                capabilities={}, clientInfo={"name": "x", "version": "1"})
    text += line(2, "tools/call", name="check_health")
    text += line(3, "tools/call", **modern({"name": "get_tunnel_status"}))
    run = subprocess.run(argv(server.mcp_path), input=text, timeout=20,
                         capture_output=True)
    assert (run.returncode, run.stderr) == (0, b"")
    answers = [json.loads(one) for one in run.stdout.splitlines()]
    assert [a["id"] for a in answers] == [1, 2, 3]
    assert answers[1]["result"]["structuredContent"]["status"] == "ok"
    assert len(answers[2]["result"]["structuredContent"]["tunnels"]) == 3


def test_answers_at_once(server):
    """While its input stays open, and in pieces."""
    with bridge(server.mcp_path) as p:
        for i in range(20):
            for byte in line(i):
                p.stdin.write(bytes([byte]))
                p.stdin.flush()
            assert json.loads(p.stdout.readline())["id"] == i
        p.stdin.close()
        assert p.wait(5) == 0


def test_updates(start):
    server = start()
    with bridge(server.mcp_path) as p:
        p.stdin.write(line(1, "resources/subscribe", uri="v6gw://health"))
        p.stdin.flush()
        p.stdout.readline()
        server.command("event 8")
        assert b"notifications/resources/updated" in p.stdout.readline()
        p.stdin.close()


class Echo:
    """A socket that sends back everything, and ends when its client does."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        sock, _ = self.listener.accept()
        with sock:
            while data := sock.recv(5000):
                sock.sendall(data)

    def close(self):
        self.thread.join()
        self.listener.close()


@pytest.mark.parametrize("size", [0, 1, 4096, 65536, 5 << 20])
def test_transparent(tmp_path, size):
    """Every byte both ways, and none is lost at the end."""
    data = random.Random(size).randbytes(size)
    echo = Echo(tmp_path / "echo")
    with bridge(tmp_path / "echo") as p:
        out, err = p.communicate(data, timeout=30)
    echo.close()
    assert out == data and not err and p.returncode == 0


def test_slow_reader(tmp_path):
    """It holds what one buffer does, and waits without spinning."""
    echo = Echo(tmp_path / "echo")
    with bridge(tmp_path / "echo") as p:
        os.set_blocking(p.stdin.fileno(), False)
        sent = 0
        for _ in range(100):
            try:
                sent += os.write(p.stdin.fileno(), b"x" * 65536)
            except BlockingIOError:
                time.sleep(0.01)
        before = procfs.cpu(p.pid)
        time.sleep(1)
        assert procfs.cpu(p.pid) - before < 0.05 * max(1, gw.SLOW)
        assert sent < 4 << 20
        os.set_blocking(p.stdin.fileno(), True)
        reader = threading.Thread(target=p.stdin.close)
        reader.start()
        assert len(p.stdout.read()) == sent
        reader.join()
        assert p.wait(5) == 0
    echo.close()


def test_host_that_left(server):
    """Nobody reads standard output any more: a quiet end."""
    p = bridge(server.mcp_path)
    p.stdin.write(line(1))
    p.stdin.flush()
    p.stdout.readline()
    p.stdout.close()
    assert p.wait(5) == 0
    assert p.stderr.read() == b""
    p.stdin.close()
    p.stderr.close()


def test_daemon_that_leaves(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "sock"))
        listener.listen()
        with bridge(tmp_path / "sock") as p:
            sock, _ = listener.accept()
            sock.sendall(b"last words\n")
            sock.close()
            assert p.stdout.read() == b"last words\n"
            assert p.wait(5) == 3
            assert b"closed the connection" in p.stderr.read()


def test_no_daemon(tmp_path):
    run = subprocess.run([gw.GATEWAYCTL, "-s", tmp_path / "none", "mcp"],
                         capture_output=True, timeout=10,
                         stdin=subprocess.DEVNULL)
    assert run.returncode == 3 and b"not running" in run.stderr
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
        other.bind(str(tmp_path / "control"))
        other.listen()
        run = subprocess.run(
            [gw.GATEWAYCTL, "-s", tmp_path / "control", "mcp"],
            capture_output=True, timeout=10, stdin=subprocess.DEVNULL)
    assert run.returncode == 3


def test_usual_place():
    """Without -s it is the seed's path."""
    run = subprocess.run([gw.GATEWAYCTL, "mcp"], capture_output=True,
                         timeout=10, stdin=subprocess.DEVNULL)
    assert run.returncode != 3 or \
        b"/var/run/v6-gatewayd-mcp.sock" in run.stderr


def test_no_input(server):
    """Closed descriptors are ends."""
    run = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", gw.GATEWAYCTL,
                          "-s", server.mcp_path, "mcp"],
                         capture_output=True, timeout=10)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")
