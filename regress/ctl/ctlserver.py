"""The control server without a daemon (ctld.c), and clients of it."""

import json
import os
import pathlib
import re
import resource
import shutil
import socket
import struct
import subprocess
import tempfile

import gw
import procfs

CTLD = gw.BUILD / "regress/ctl/ctld"
NOBODY = 65534
GROUP = 4242                # control_group where a test wants one
CLIENTS = 64                # that the server keeps at once
TYPES = {name: number for number, name in enumerate(re.findall(
    r"^MSG\((\w+),", (gw.TREE / "common/messages.def").read_text(), re.M))}
NAMES = {number: name for name, number in TYPES.items()}


class Server:
    def __init__(self, *args, nofile=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="gwctl"))
        self.dir.chmod(0o755)
        self.path = self.dir / "gatewayd.sock"
        # others cannot enter the build directory of every machine
        self.ctl_program = self.dir / "gatewayctl"
        shutil.copy(gw.GATEWAYCTL, self.ctl_program)
        self.stderr = open(self.dir / "log", "w+")
        self.process = subprocess.Popen(
            [str(a) for a in (CTLD, *args, self.path)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.stderr,
            preexec_fn=nofile and (lambda: resource.setrlimit(
                resource.RLIMIT_NOFILE, (nofile, nofile))))
        assert self.process.stdout.readline() == "ready\n"

    def said(self):
        """The next line about what the parent was asked."""
        return self.process.stdout.readline().rstrip()

    def command(self, line):
        """Makes something happen: see ctld.c; what it says to that."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        said = []
        while (word := self.said()) != "ok":
            said.append(word)
        return said

    def fds(self):
        return procfs.count_descriptors(self.process.pid)

    def rss(self):
        return procfs.rss_kb(self.process.pid) * 1024

    def ctl(self, *args, env={}, **kwargs):
        base = {k: v for k, v in os.environ.items()
                if k not in ("COLUMNS", "NO_COLOR")}
        return subprocess.run(
            [str(self.ctl_program), "-s", str(self.path), *args], text=True,
            capture_output=True, timeout=40, env={**base, **env}, **kwargs)

    def alive(self):
        """It still serves everybody, and has not complained."""
        p = self.ctl("-j", "show", "health", user=NOBODY, group=NOBODY,
                     extra_groups=[])
        assert p.returncode == 0, p.stderr
        assert json.loads(p.stdout)["status"] == "ok"

    def log(self):
        return (self.dir / "log").read_text()

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        log = self.log()
        self.stderr.close()
        self.process.stdin.close()
        self.process.stdout.close()
        shutil.rmtree(self.dir)
        assert "Sanitizer" not in log and "runtime error" not in log, log


class Client:
    """A client of our own, as any user."""

    def __init__(self, server, uid=0):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        os.seteuid(uid)
        try:
            # blocking: the backlog may be full for a moment
            self.sock.connect(str(server.path))
        finally:
            os.seteuid(0)
        self.sock.settimeout(10)

    def send(self, kind, data=b"", number=1):
        kind = TYPES.get(kind, kind)
        self.sock.send(struct.pack("=II", kind, number) + data)

    def show(self, target, number=1):
        self.send("CTL_SHOW", target.encode().ljust(256, b"\0"), number)

    def receive(self):
        record = self.sock.recv(65536)
        if not record:
            return None
        kind, number = struct.unpack("=II", record[:8])
        return NAMES[kind], number, record[8:]

    def answer(self):
        """(data, code, text)"""
        data = b""
        while True:
            kind, _, payload = self.receive()
            if kind == "CTL_RESULT":
                text = payload[4:].split(b"\0")[0].decode()
                return data, struct.unpack("=I", payload[:4])[0], text
            assert kind == "CTL_DATA"
            data += payload

    def closed(self):
        try:
            return self.receive() is None
        except (ConnectionResetError, BrokenPipeError):
            return True

    def close(self):
        self.sock.close()
