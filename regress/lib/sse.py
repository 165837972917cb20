"""A client of GET /events that reads its bytes by itself."""

import json
import time

import contract


class Event:
    def __init__(self, fields):
        self.id = fields.get("id")
        self.name = fields.get("event")
        self.data = json.loads(fields["data"])
        self.at = time.monotonic()
        contract.heard(self.data)


class Stream:
    """Follows the events over a connected socket."""

    def __init__(self, sock, host, *fields, version="HTTP/1.1",
                 target="/events"):
        self.sock = sock
        self.buf = b""          # not decoded yet
        self.text = b""         # of the stream
        self.retry = None
        self.comments = 0
        sock.sendall("\r\n".join(["GET %s %s" % (target, version),
                                  "Host: " + host, *fields, "",
                                  ""]).encode())
        while b"\r\n\r\n" not in self.buf:
            self.more()
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        status, *lines = head.decode().split("\r\n")
        self.status = int(status.split()[1])
        self.fields = dict(line.split(": ", 1) for line in lines)
        self.chunked = self.fields.get("Transfer-Encoding") == "chunked"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self.buf += data

    def decode(self):
        """Moves what is complete of buf to text."""
        while self.chunked and b"\r\n" in self.buf:
            size, rest = self.buf.split(b"\r\n", 1)
            n = int(size, 16)
            assert n > 0, "the last chunk"
            if len(rest) < n + 2:
                return
            assert rest[n:n + 2] == b"\r\n"
            self.text += rest[:n]
            self.buf = rest[n + 2:]
        if not self.chunked:
            self.text += self.buf
            self.buf = b""

    def next(self, timeout=10):
        """The next event; EOFError at the end, TimeoutError without one."""
        end = time.monotonic() + timeout
        while True:
            self.decode()
            while b"\n\n" in self.text:
                block, self.text = self.text.split(b"\n\n", 1)
                event = self.block(block.decode())
                if event:
                    return event
            self.sock.settimeout(max(0.001, end - time.monotonic()))
            self.more()

    def block(self, text):
        if text.startswith(":"):
            self.comments += 1
            return None
        fields = dict(line.split(": ", 1) for line in text.split("\n"))
        if "retry" in fields:
            self.retry = int(fields["retry"])
            return None
        return Event(fields)

    def until(self, condition, timeout=10):
        """The first event for which the condition holds."""
        end = time.monotonic() + timeout
        while True:
            event = self.next(max(0.001, end - time.monotonic()))
            if condition(event):
                return event
