"""The prober as a process: the test is its parent, its engine, and its targets.

    client ns                         far ns
    t0 2001:db8:1::2/64 ------------- t0 2001:db8:1::1, ::11, ::12
       192.0.2.2/24                      192.0.2.1/24
                                      lo 198.51.100.1, .2

The far side's kernel answers echoes, or (held) the test does so by hand.  The
IPv4 addresses are those of an outer path that ICMPv4 errors are about; the
probes themselves go by the wire as it is.
"""

import collections
import ctypes
import select
import socket
import struct
import subprocess
import sys
import time

import gw
import procfs
from broker import checksum
from child import Child

CLIENT = "2001:db8:1::2"
TARGETS = ["2001:db8:1::1", "2001:db8:1::11", "2001:db8:1::12"]
TUNNEL = 7
REPLY, TIMEOUT, ERROR, LATE = range(4)
UNKNOWN = 0xffffffff
ECHO_REQUEST, ECHO_REPLY = 128, 129
ECHO_LEN, BIG_LEN = 40, 1240
IPV6_HEADER = 40
SO_TIMESTAMPNS, SO_LOCK_FILTER, SO_ATTACH_FILTER = 35, 44, 26
IPV6_MTU_DISCOVER, IPV6_RECVERR, IPV6_DONTFRAG, ICMP6_FILTER = 23, 25, 62, 1
IPV6_PMTUDISC_PROBE = 3
MS = gw.SLOW / 1000

CLIENT4, FAR4, ENDPOINT4, OTHER4 = (
    "192.0.2.2", "192.0.2.1", "198.51.100.1", "198.51.100.2")
ANY4 = "0.0.0.0"
UNREACH, TIME_EXCEEDED, NEEDFRAG = 3, 11, 4
ICMP_FILTER = 1

Result = collections.namedtuple(
    "Result", "outcome target error burst rtt_us sent lost avg_us p95_us "
    "jitter_us refuser time")
Mtu = collections.namedtuple("Mtu", "mtu max told")
Hint = collections.namedtuple("Hint", "source type code")


def packed(address):
    return socket.inet_pton(socket.AF_INET6, address)


def attach(sock, program):
    """A classic BPF filter, for good."""
    code = ctypes.create_string_buffer(
        b"".join(struct.pack("=HBBI", *line) for line in program))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack(
        "@HP", len(program), ctypes.addressof(code)))
    sock.setsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER, 1)


def outer(payload, protocol=41, source=CLIENT4, to=ENDPOINT4):
    """An IPv4 packet as an ICMPv4 error quotes it."""
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0x4000,
                       255, protocol, 0, socket.inet_aton(source),
                       socket.inet_aton(to)) + payload


def error4(quoted, kind=UNREACH, code=2):
    """The ICMPv4 error about it."""
    return struct.pack("!BBHI", kind, code, checksum(
        struct.pack("!BBHI", kind, code, 0, 0) + quoted), 0) + quoted


FLOOD = """
import socket, sys, time
source, to, rate, *packets = sys.argv[1:]
family, protocol = ((socket.AF_INET6, socket.IPPROTO_ICMPV6) if ":" in source
                    else (socket.AF_INET, socket.IPPROTO_ICMP))
sock = socket.socket(family, socket.SOCK_RAW, protocol)
sock.bind((source, 0))
packets = [bytes.fromhex(packet) for packet in packets]
start, sent = time.monotonic(), 0
while time.monotonic() - start < 3:
    while sent < float(rate) * (time.monotonic() - start):
        sock.sendto(packets[sent % len(packets)], (to, 0))
        sent += 1
    time.sleep(0.001)
print(sent)
"""


class Flood:
    """ICMP messages in turn, so many a second, for three seconds."""

    def __init__(self, ns, source, to, rate, packets):
        self.process = subprocess.Popen(
            ns.argv(sys.executable, "-c", FLOOD, source, to, rate,
                    *[packet.hex() for packet in packets]),
            stdout=subprocess.PIPE, text=True)

    def sent(self):
        """Waits for the end of it."""
        return int(self.process.communicate()[0])


class Net:
    def __init__(self):
        self.client = gw.Namespace("pc")
        self.far = gw.Namespace("pf")
        for address in ENDPOINT4, OTHER4:
            self.far.ip("addr add %s/32 dev lo" % address)
        self.wire()
        self.raw4 = {address: self.sender4(address)
                     for address in (FAR4, ENDPOINT4, OTHER4)}
        self.raw = self.far.socket(socket.AF_INET6, socket.SOCK_RAW,
                                   socket.IPPROTO_ICMPV6)
        self.raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        # pass echo requests alone
        self.raw.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, struct.pack(
            "=8I", *[0xffffffff & ~(1 if word == 4 else 0)
                     for word in range(8)]))
        self.hold(False)

    def wire(self):
        self.client.ip("link add t0 type veth peer name t0 netns " +
                       self.far.name)
        for ns, addresses in (self.client, [CLIENT]), (self.far, TARGETS):
            ns.ip("link set t0 up")
            ns.ip("addr add %s/24 dev t0" % (
                CLIENT4 if ns is self.client else FAR4))
            for address in addresses:
                ns.ip("addr add %s/64 dev t0 nodad" % address)
        # so that the first probe does not wait for a neighbour
        for target in TARGETS:
            self.client.run("ping", "-6", "-c1", "-W1", "-I", "t0", target,
                            check=False)

    def sender4(self, address):
        sock = self.far.socket(socket.AF_INET, socket.SOCK_RAW,
                               socket.IPPROTO_ICMP)
        sock.bind((address, 0))
        return sock

    def refuse(self, quoted, source=ENDPOINT4, **kwargs):
        """Sends an ICMPv4 error to the client."""
        self.raw4[source].sendto(error4(quoted, **kwargs), (CLIENT4, 0))

    def rewire(self):
        self.client.ip("link del t0")
        self.wire()

    def hold(self, on=True):
        """The far kernel answers no more."""
        self.far.sysctl("ipv6/icmp/echo_ignore_all", int(on))
        self.requests(0)

    def requests(self, seconds, count=1000):
        """Echo requests that come within that time: (data, target)."""
        end = time.monotonic() + seconds
        out = []
        while len(out) < count and select.select(
                [self.raw], [], [], max(0, end - time.monotonic()))[0]:
            data, control, _, _ = self.raw.recvmsg(65536, 256)
            out.append((data, socket.inet_ntop(
                socket.AF_INET6, control[0][2][:16])))
        return out

    def answer(self, data, source, kind=ECHO_REPLY):
        """Sends it as the answer to itself, or as an error of that kind."""
        data = bytes([kind, 0, 0, 0]) + data[4:]
        self.raw.sendmsg([data], [(
            socket.IPPROTO_IPV6, socket.IPV6_PKTINFO,
            packed(source) + struct.pack("=I", 0))], 0, (CLIENT, 0))

    def socket(self, device="t0", address=CLIENT):
        """As gatewayd/prober/icmp6.h wants it from the parent."""
        s = self.client.socket(socket.AF_INET6, socket.SOCK_RAW,
                               socket.IPPROTO_ICMPV6)
        words = [0xffffffff] * 8
        words[ECHO_REPLY >> 5] &= ~(1 << (ECHO_REPLY & 31))
        s.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER,
                     struct.pack("=8I", *words))
        attach(s, [(0x80, 0, 0, 0), (0x15, 1, 0, ECHO_LEN),
                   (0x35, 0, 3, BIG_LEN), (0x30, 0, 0, 0),
                   (0x15, 0, 1, ECHO_REPLY), (0x06, 0, 0, 0xffffffff),
                   (0x06, 0, 0, 0)])
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
                     device.encode() + b"\0")
        s.bind((address, 0))
        s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        for option, value in ((IPV6_RECVERR, 1), (IPV6_DONTFRAG, 1),
                              (IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE)):
            s.setsockopt(socket.IPPROTO_IPV6, option, value)
        s.setblocking(False)
        return s

    def socket4(self):
        """As gatewayd/prober/icmp4.h wants it; the filter passes more."""
        s = self.client.socket(socket.AF_INET, socket.SOCK_RAW,
                               socket.IPPROTO_ICMP)
        s.setblocking(False)
        return s

    def close(self):
        for sock in self.raw, *self.raw4.values():
            sock.close()
        self.client.close()
        self.far.close()


class Prober(Child):
    def __init__(self, net):
        self.net = net
        super().__init__("prober", net.client, peers=("engine",))

    def sock(self, tunnel=TUNNEL):
        with self.net.socket() as s:
            self.send("PROBE_SOCK", tunnel, packed(CLIENT) + struct.pack(
                "=I", self.net.client.ifindex("t0")), fd=s.fileno())

    def icmp4(self):
        with self.net.socket4() as s:
            self.send("PROBE_ICMP4", fd=s.fileno())

    def path(self, local=CLIENT4, remote=ENDPOINT4, protocol=41, port=0,
             tunnel=TUNNEL):
        self.send("PROBE_PATH", tunnel, socket.inet_aton(local) +
                  socket.inet_aton(remote) + struct.pack(
                      "=BxH", protocol, port))

    def set(self, interval=500, window=60000, targets=TARGETS, tunnel=TUNNEL):
        self.send("PROBE_SET", tunnel, struct.pack(
            "=III", interval, window, len(targets)) + b"".join(
                packed(t) for t in targets).ljust(8 * 16, b"\0"), to="engine")

    def burst(self, tunnel=TUNNEL):
        self.send("PROBE_BURST", tunnel, struct.pack("=II", 3, 50),
                  to="engine")

    def pmtu(self, largest=1480, tunnel=TUNNEL):
        self.send("PMTU_START", tunnel, struct.pack("=I", largest),
                  to="engine")

    def delete(self, tunnel=TUNNEL):
        self.send("PROBE_DEL", tunnel, to="engine")

    def message(self, seconds=1):
        """The next that it says about TUNNEL, or None."""
        message = self.receive("engine", seconds * gw.SLOW)
        if message is None:
            return None
        name, tunnel, payload = message
        assert tunnel == TUNNEL
        if name == "PROBE_HINT":
            return Hint(socket.inet_ntoa(payload[:4]), payload[4], payload[5])
        if name == "PMTU_RESULT":
            return Mtu(*struct.unpack("=III", payload))
        assert name == "PROBE_RESULT"
        fields = struct.unpack("=10I4s4xQ", payload)
        return Result(*fields[:10], socket.inet_ntoa(fields[10]), fields[11])

    def result(self, seconds=1):
        """The next result, or None."""
        message = self.message(seconds)
        assert message is None or isinstance(message, Result)
        return message

    def messages(self, seconds):
        end = time.monotonic() + seconds
        out = []
        while (left := end - time.monotonic()) > 0:
            if (m := self.message(left / gw.SLOW)) is not None:
                out.append(m)
        return out

    def results(self, seconds):
        end = time.monotonic() + seconds
        out = []
        while (left := end - time.monotonic()) > 0:
            if (r := self.result(left / gw.SLOW)) is not None:
                out.append(r)
        return out

    def begin(self, **kwargs):
        """Socket, set, and the answers to the first probes."""
        self.sock()
        self.set(**kwargs)
        n = len(kwargs.get("targets", TARGETS))
        first = [self.result() for _ in range(n)]
        assert [r.outcome for r in first] == [REPLY] * n
        return first

    def quiet(self, seconds=0.2):
        assert self.results(seconds) == []

    def cpu(self):
        """Seconds of processor time so far."""
        return procfs.cpu(self.pid)

    def descriptors(self):
        return procfs.count_descriptors(self.pid)


LONG = dict(interval=60000)     # nothing but the first probes and bursts
