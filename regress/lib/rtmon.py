"""What the kernel says while a test runs, with the times of the monotonic
clock: rtnetlink's events in a namespace, and the packets of an interface.

    with Monitor(ns) as monitor:
        start = time.monotonic()
        ...
        event = monitor.wait_default("b0", start, 2)
        event.time - start
"""

import collections
import select
import socket
import struct
import threading
import time

PROTO = 201                 # of our routes
NETLINK_ROUTE = 0
SO_TIMESTAMPNS, SO_RCVBUFFORCE = 35, 33
# bits of bind(2): link, IPv4 address and route, IPv6 address and route
GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
ETH_P_IP, ETH_P_IPV6 = 0x0800, 0x86dd
NEWLINK, DELLINK, GETLINK = 16, 17, 18
NEWADDR, DELADDR, NEWROUTE, DELROUTE = 20, 21, 24, 25
REQUEST_DUMP = 0x301
REPLACE = 0x100
IFLA_IFNAME = 3
IFA_ADDRESS, IFA_LOCAL, IFA_CACHEINFO = 1, 2, 6
RTA_OIF, RTA_PRIORITY, RTA_PREFSRC, RTA_METRICS = 4, 6, 7, 8
MAIN, UNICAST = 254, 1
FOREVER = 0xffffffff

Link = collections.namedtuple("Link", "time new index name flags")
Address = collections.namedtuple(
    "Address", "time new index address preferred valid")
Route = collections.namedtuple(
    "Route", "time new replace family dst_len src_len table proto type index "
    "metric source")
Packet = collections.namedtuple("Packet", "time out data")


def attributes(data):
    found = {}
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        if size < 4:
            break
        found[kind & 0x3fff] = data[4:size]
        data = data[size + 3 & ~3:]
    return found


def number(attrs, kind):
    return struct.unpack("=I", attrs[kind])[0] if kind in attrs else 0


def text(attrs, kind):
    data = attrs.get(kind)
    if data is None or len(data) not in (4, 16):
        return None
    return socket.inet_ntop(socket.AF_INET if len(data) == 4
                            else socket.AF_INET6, data)


def parse(kind, flags, body, now):
    if kind in (NEWLINK, DELLINK):
        _, _, index, bits, _ = struct.unpack_from("=BxHiII", body)
        attrs = attributes(body[16:])
        name = attrs.get(IFLA_IFNAME, b"").rstrip(b"\0").decode()
        return Link(now, kind == NEWLINK, index, name, bits)
    if kind in (NEWADDR, DELADDR):
        index, = struct.unpack_from("=I", body, 4)
        attrs = attributes(body[8:])
        preferred, valid = struct.unpack_from(
            "=II", attrs.get(IFA_CACHEINFO, b"\xff" * 8))
        return Address(now, kind == NEWADDR, index,
                       text(attrs, IFA_LOCAL) or text(attrs, IFA_ADDRESS),
                       preferred, valid)
    if kind in (NEWROUTE, DELROUTE):
        family, dst, src, _, table, proto, _, rtype, _ = struct.unpack_from(
            "=8BI", body)
        attrs = attributes(body[12:])
        return Route(now, kind == NEWROUTE, bool(flags & REPLACE), family,
                     dst, src, table, proto, rtype, number(attrs, RTA_OIF),
                     number(attrs, RTA_PRIORITY), text(attrs, RTA_PREFSRC))
    return None


class Monitor:
    """Collects Link, Address and Route events, oldest first."""

    def __init__(self, ns):
        self.events = []
        self.names = {}
        self.news = threading.Condition()
        self.socket = ns.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                NETLINK_ROUTE)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        self.socket.bind((0, GROUPS))
        # the names of what is there
        self.socket.send(struct.pack("=IHHII16x", 32, GETLINK, REQUEST_DUMP,
                                     1, 0))
        self.ending = False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while not self.ending:
            if not select.select([self.socket], [], [], 0.1)[0]:
                continue
            data = self.socket.recv(1 << 20)
            now = time.monotonic()
            with self.news:
                while len(data) >= 16:
                    size, kind, flags = struct.unpack_from("=IHH", data)
                    self.add(parse(kind, flags, data[16:size], now))
                    data = data[size + 3 & ~3:]
                self.news.notify_all()

    def add(self, event):
        if event is None:
            return
        if isinstance(event, Link) and event.new:
            self.names[event.index] = event.name
        self.events.append(event)

    def since(self, start, kind):
        """Events of that class that came at that time or later."""
        with self.news:
            return [e for e in self.events
                    if isinstance(e, kind) and e.time >= start]

    def first(self, start):
        """The time of the first event at that time or later."""
        return self.wait(lambda: next(
            (e.time for e in self.events if e.time >= start), None), 5,
            "an event")

    def name(self, event):
        return self.names.get(event.index)

    def defaults(self, start):
        """(time, interface, or None if it went) of our plain default."""
        return [(e.time, self.name(e) if e.new else None)
                for e in self.since(start, Route)
                if e.family == socket.AF_INET6 and e.dst_len == 0 and
                e.src_len == 0 and e.table == MAIN and e.proto == PROTO and
                e.type == UNICAST]

    def lifetimes(self, start):
        """(time, interface, address, preferred seconds) of global IPv6."""
        return [(e.time, self.name(e), e.address, e.preferred)
                for e in self.since(start, Address)
                if e.new and ":" in e.address and e.address[:4] != "fe80"]

    def wait(self, condition, seconds, what):
        """Until condition() is something; returns that."""
        end = time.monotonic() + seconds
        with self.news:
            while True:
                found = condition()
                if found:
                    return found
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError("%s: not within %.2f s" % (
                        what, seconds))
                self.news.wait(left)

    def wait_default(self, interface, start, seconds):
        """The time at which our plain default went there, at start or later.

        interface: a name, or a tuple of names that will all do.
        """
        names = (interface,) if isinstance(interface, str) else interface
        return self.wait(
            lambda: next((when for when, name in self.defaults(start)
                          if name in names), None),
            seconds, "the default through " + " or ".join(names))

    def close(self):
        self.ending = True
        self.thread.join()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Capture:
    """The packets of one interface and ethertype, link-layer headers off."""

    PACKET_OUTGOING = 4
    ETH_P_ALL = 3               # what goes out is shown to these only

    def __init__(self, ns, interface, ethertype=ETH_P_IPV6):
        self.packets = []
        self.ethertype = ethertype
        self.socket = ns.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                socket.htons(self.ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind((interface, self.ETH_P_ALL))
        # kernel stamps are of the real-time clock
        self.offset = time.clock_gettime(time.CLOCK_REALTIME) - \
            time.monotonic()

    def read(self):
        """All packets so far."""
        while select.select([self.socket], [], [], 0)[0]:
            try:
                data, control, _, address = self.socket.recvmsg(65536, 64)
            except OSError:         # the interface went
                break
            if address[1] != self.ethertype:
                continue
            seconds, nanos = struct.unpack("=qq", control[0][2])
            self.packets.append(Packet(
                seconds + nanos / 1e9 - self.offset,
                address[2] == self.PACKET_OUTGOING, data))
        return self.packets

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
