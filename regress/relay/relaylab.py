"""The relay between two namespaces: clients and relayd in one, hosts in the
other, which answer, refuse, prohibit or stay silent."""

import contextlib
import hashlib
import json
import re
import os
import resource
import selectors
import socket
import struct
import subprocess
import threading
import time

import brokers
import gw
import procfs

REFUSALS = re.findall(r'^REFUSAL\(\w+, "(\w+)"\)', (
    gw.TREE / "common/refusals.def").read_text(), re.M)
RELAYD = gw.BUILD / "regress/relay/relayd"
SOURCE6, SOURCE4 = "2001:db8:1::2", "192.0.2.2"
GOOD6, GOOD4 = "2001:db8:1::80", "192.0.2.80"
SILENT6 = ["2001:db8:1::b1", "2001:db8:2::b2", "2001:db8:3::b3"]
SILENT4 = "192.0.2.81"
REFUSES6, PROHIBITS6 = "2001:db8:1::c1", "2001:db8:1::c2"
REFUSES4 = "192.0.2.82"
PORT = 80
VERSION, CONNECT, BIND, UDP = 5, 1, 2, 3
GREETING = b"\5\1\0"
MIB = 1 << 20


class Server(threading.Thread):
    """Says its family, "6" or "4", and then sends back what it gets."""

    def __init__(self, ns, port=PORT):
        super().__init__(daemon=True)
        self.selector = selectors.DefaultSelector()
        for family in socket.AF_INET6, socket.AF_INET:
            s = ns.socket(family, socket.SOCK_STREAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind(("", port))
            s.listen(512)
            self.selector.register(s, selectors.EVENT_READ,
                                   b"6" if family == socket.AF_INET6 else b"4")
        self.start()

    def run(self):
        while True:
            for key, _ in self.selector.select():
                s, _ = key.fileobj.accept()
                s.sendall(key.data)
                threading.Thread(target=self.serve, args=(s,),
                                 daemon=True).start()

    @staticmethod
    def serve(s):
        with s, contextlib.suppress(OSError):
            while data := s.recv(65536):
                s.sendall(data)
            s.shutdown(socket.SHUT_WR)


class Lab:
    good6 = GOOD6

    def __init__(self):
        gw.ensure_users()
        self.ns, self.far = gw.Namespace("r"), gw.Namespace("t")
        self.ns.batch("link add wan type veth peer name wan netns " +
                      self.far.name, "link set wan up",
                      "addr add %s/48 dev wan nodad" % SOURCE6,
                      "addr add %s/24 dev wan" % SOURCE4,
                      "route add default via %s dev wan" % GOOD6)
        self.far.batch(
            "link set wan up",
            *["addr add %s/48 dev wan nodad" % a for a in
              [GOOD6, REFUSES6, PROHIBITS6, *SILENT6]],
            *["addr add %s/24 dev wan" % a for a in
              (GOOD4, SILENT4, REFUSES4)])
        self.rules = brokers.Rules(self.far)
        self.rules.set(
            *["ip6 daddr %s tcp dport 1-65535 drop" % a for a in SILENT6],
            "ip daddr %s tcp dport 1-65535 drop" % SILENT4,
            "ip6 daddr %s meta l4proto tcp reject with tcp reset" % REFUSES6,
            "ip daddr %s meta l4proto tcp reject with tcp reset" % REFUSES4,
            "ip6 daddr %s meta l4proto tcp reject with "
            "icmpv6 type admin-prohibited" % PROHIBITS6)
        self.server = Server(self.far)

    def udp(self, host, port=0, ns=None):
        """A socket for datagrams, of the relay's side unless ns says more."""
        s = (ns or self.ns).socket(socket.AF_INET6 if ":" in host else
                                   socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(10 * gw.SLOW)
        s.bind((host, port))
        return s

    def close(self):
        self.rules.close()
        self.ns.close()
        self.far.close()


class Proxy:
    """A SOCKS server at 127.0.0.1 of the lab's near namespace."""

    lab = port = process = None

    def socket(self):
        s = self.lab.ns.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.settimeout(20)
        s.connect(("127.0.0.1", self.port))
        return s

    def connect(self, host, port=PORT, data=b""):
        """(a client that has sent its request, the reply's code, seconds)."""
        s = self.socket()
        s.sendall(GREETING)
        assert exactly(s, 2) == b"\5\0"
        start = time.monotonic()
        s.sendall(request(host, port) + data)
        code, _ = reply(s)
        return s, code, time.monotonic() - start


class Relay(Proxy):
    """relayd, with a tunnel "he" whose address is SOURCE6."""

    def __init__(self, lab, *options, way=True):
        self.lab = lab
        self.process = subprocess.Popen(
            lab.ns.argv(RELAYD, *options), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
        self.port = int(self.process.stdout.readline())
        if way:
            self.tell("way he %s 1" % SOURCE6)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def host(self, name, six=(), four=(), six_ms=0, four_ms=0):
        self.tell(" ".join(["host", name, "6", str(six_ms), *six]))
        self.tell(" ".join(["host", name, "4", str(four_ms), *four]))

    def stats(self):
        return json.loads(self.tell("stats"))

    def descriptors(self):
        return procfs.count_descriptors(self.process.pid)

    def limit_descriptors(self, n):
        """No more than these, which are numbered without gaps."""
        _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (n, hard))

    def refused(self, word):
        """How often something was refused, by a word of refusals.def."""
        return self.stats()["refused"][REFUSALS.index(word)]

    def count(self):
        return int(self.tell("count"))

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=10 * gw.SLOW) == 0


class Target:
    """A listener of the test's own at the far end."""

    def __init__(self, lab, backlog=64):
        self.host = lab.good6
        self.listener = lab.far.socket(socket.AF_INET6, socket.SOCK_STREAM)
        self.listener.bind((self.host, 0))
        self.listener.listen(backlog)
        self.listener.settimeout(10)
        self.port = self.listener.getsockname()[1]

    def pair(self, proxy):
        """(client's end, target's end) of a relayed connection."""
        client, code, _ = proxy.connect(self.host, self.port)
        assert code == 0
        server, _ = self.listener.accept()
        for s in client, server:
            s.settimeout(10 * gw.SLOW)
        return client, server

    def close(self):
        self.listener.close()


def send_all(s, n, digest):
    """n random bytes, in another thread."""
    def send():
        left = n
        while left:
            data = os.urandom(min(left, MIB))
            digest.update(data)
            s.sendall(data)
            left -= len(data)
        s.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


def receive_all(s):
    digest, n = hashlib.sha256(), 0
    while data := s.recv(MIB):
        digest.update(data)
        n += len(data)
    return digest.hexdigest(), n


def reset(s):
    """Closes it so that the other side sees a reset."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def request(host, port=PORT, command=CONNECT):
    return bytes([VERSION, command, 0]) + address(host) + \
        struct.pack(">H", port)


def address(host):
    for family, atyp in (socket.AF_INET, 1), (socket.AF_INET6, 4):
        with contextlib.suppress(OSError, ValueError):
            return bytes([atyp]) + socket.inet_pton(family, host)
    host = host.encode("latin-1")
    return bytes([3, len(host)]) + host


def exactly(s, n):
    """n bytes, or fewer at the end of data."""
    data = b""
    while len(data) < n:
        got = s.recv(n - len(data))
        if not got:
            break
        data += got
    return data


def reply(s):
    """(REP, BND.ADDR and port), or (None, None) at the end of data."""
    head = exactly(s, 4)
    if len(head) < 4:
        return None, None
    n = {1: 4, 4: 16}[head[3]]
    rest = exactly(s, n + 2)
    return head[1], (socket.inet_ntop(
        socket.AF_INET if n == 4 else socket.AF_INET6, rest[:n]),
        int.from_bytes(rest[n:], "big"))


def closed(s, seconds=2):
    """Whether the other side ends the connection."""
    s.settimeout(seconds * gw.SLOW)
    try:
        return s.recv(1) == b""
    except ConnectionResetError:
        return True
    except socket.timeout:
        return False
