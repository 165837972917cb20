"""What applications do while a test changes their ways: one long TCP flow of
numbered bytes in both directions, and a stream of new connections.

    server = Server(ns, address, port)
    client = Client(ns, Flow, address, port, interval)
    seen = client.stop()

Server	tells each connection the address that it comes from, one line, and
	then sends back all that it gets
Flow	sends a number every interval seconds and expects each of them back
Connections	opens one every interval seconds and waits for that line

Each is a process of its own, forked, since to start another python takes the
guest a second.  What a client has seen; times are of the monotonic clock,
which all processes share:

Flow	{"source", "sent", "received", "wrong", "gap", "error", "ended"}
	gap: the longest time without an answer that was due
	error, ended: what broke the connection, and when
Connections	[[started, source, error, seconds], ...]
	error: null if it was answered
"""

import contextlib
import errno
import json
import os
import select
import selectors
import socket
import struct
import time
import traceback

NUMBER = struct.Struct("!Q")
PATIENCE = 1.5              # seconds for a connection or a last answer:
                            # one more SYN, that is


def serve(stop, say, address, port):
    listener = socket.create_server((address, port), family=socket.AF_INET6,
                                    backlog=1000)
    listener.setblocking(False)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(stop, selectors.EVENT_READ)
    say("started")
    while True:
        for key, _ in selector.select():
            if key.fileobj is stop:
                return
            if key.fileobj is listener:
                with contextlib.suppress(OSError):
                    sock, peer = listener.accept()
                    sock.setblocking(False)
                    sock.send(peer[0].encode() + b"\n")
                    selector.register(sock, selectors.EVENT_READ)
                continue
            try:
                data = key.fileobj.recv(65536)
                if data:
                    key.fileobj.send(data)      # never more than fits
                    continue
            except BlockingIOError:
                continue
            except OSError:
                pass
            selector.unregister(key.fileobj)
            key.fileobj.close()


def name_of(error):
    return errno.errorcode.get(error.errno, str(error))


class Flow:
    def __init__(self, address, port):
        self.sock = socket.create_connection((address, port),
                                             timeout=PATIENCE)
        line = b""
        while not line.endswith(b"\n"):
            line += self.sock.recv(1)
        self.source = line.decode().strip()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.sent = self.received = self.wrong = 0
        self.pending = b""
        self.gap = 0.0
        self.waiting = None         # since when an answer is due
        self.error = self.ended = None

    def send(self):
        try:
            self.sock.send(NUMBER.pack(self.sent))
        except BlockingIOError:     # its buffer is full of unanswered ones
            return
        self.waiting = self.waiting or time.monotonic()
        self.sent += 1

    def receive(self):
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionResetError(errno.ECONNRESET, "closed")
        self.stalled()
        self.pending += data
        while len(self.pending) >= NUMBER.size:
            self.wrong += NUMBER.unpack_from(self.pending)[0] != self.received
            self.received += 1
            self.pending = self.pending[NUMBER.size:]
        self.waiting = None if self.received == self.sent \
            else time.monotonic()

    def stalled(self):
        if self.waiting:
            self.gap = max(self.gap, time.monotonic() - self.waiting)

    def run(self, stop, interval):
        due, end = time.monotonic(), None
        while end is None or (self.received < self.sent and
                              time.monotonic() < end):
            if end is None and time.monotonic() >= due:
                self.send()
                due = max(due + interval, time.monotonic() - 1)
            left = 0.05 if end else max(0, due - time.monotonic())
            readable = select.select(
                [self.sock] + ([] if end else [stop]), [], [], left)[0]
            if stop in readable:
                end = time.monotonic() + PATIENCE
            if self.sock in readable:
                self.receive()

    def report(self, stop, interval):
        try:
            self.run(stop, interval)
        except OSError as e:
            self.error, self.ended = name_of(e), time.monotonic()
        self.stalled()
        return {key: getattr(self, key) for key in (
            "source", "sent", "received", "wrong", "gap", "error", "ended")}


class Connections:
    def __init__(self, address, port):
        self.remote = address, port
        self.selector = selectors.DefaultSelector()
        self.results = []

    def open(self):
        now = time.monotonic()
        sock = socket.socket(socket.AF_INET6)
        sock.setblocking(False)
        error = sock.connect_ex(self.remote)
        source = sock.getsockname()[0]
        if error not in (0, errno.EINPROGRESS):
            self.close(sock, now, source, errno.errorcode[error])
            return
        self.selector.register(sock, selectors.EVENT_READ, (now, source))

    def close(self, sock, started, source, error):
        sock.close()
        self.results.append([started, source, error,
                             time.monotonic() - started])

    def answer(self, key):
        started, source = key.data
        error = None
        try:
            said = key.fileobj.recv(100).decode().strip()
            if said != source:
                error = "came from " + said
        except OSError as e:
            error = name_of(e)
        self.selector.unregister(key.fileobj)
        self.close(key.fileobj, started, source, error)

    def expire(self):
        now = time.monotonic()
        for key in list(self.selector.get_map().values()):
            if key.data and now - key.data[0] > PATIENCE:
                self.selector.unregister(key.fileobj)
                self.close(key.fileobj, *key.data, "timeout")

    def report(self, stop, interval):
        self.selector.register(stop, selectors.EVENT_READ)
        due, ending = time.monotonic(), False
        while not ending or self.selector.get_map():
            if not ending and time.monotonic() >= due:
                self.open()
                due = max(due + interval, time.monotonic() - 1)
            left = 0.05 if ending else max(0, due - time.monotonic())
            for key, _ in self.selector.select(left):
                if key.fileobj is stop:
                    self.selector.unregister(stop)
                    ending = True
                else:
                    self.answer(key)
            self.expire()
        return sorted(self.results)


def client(stop, say, kind, address, port, interval):
    work = kind(address, port)
    say("started")
    say(json.dumps(work.report(stop, interval)))


class Process:
    """function(stop, say, ...) in a process inside the namespace.

    stop: readable when the process shall end; say: hands us a line.
    """

    def __init__(self, ns, function, *args):
        self.lines, theirs = socket.socketpair()
        with theirs:
            # the thread that forks is inside, and so is the child
            self.pid = ns.call(lambda: self.fork(theirs, function, args))
        self.file = self.lines.makefile("r")
        assert self.file.readline() == "started\n"

    def fork(self, theirs, function, args):
        pid = os.fork()
        if pid:
            return pid
        try:
            self.lines.close()      # it is by its end that we end
            function(theirs, lambda line: theirs.sendall(
                line.encode() + b"\n"), *args)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)

    def close(self):
        """Ends it; returns the last line it said."""
        self.lines.shutdown(socket.SHUT_WR)
        line = self.file.readline()
        self.file.close()
        self.lines.close()
        os.waitpid(self.pid, 0)
        return line


class Client(Process):
    """A Flow or Connections at work in a namespace."""

    def __init__(self, ns, kind, *args):
        super().__init__(ns, client, kind, *args)

    def stop(self):
        """What it has seen, as above."""
        return json.loads(self.close())


class Server(Process):
    def __init__(self, ns, address, port):
        super().__init__(ns, serve, address, port)
