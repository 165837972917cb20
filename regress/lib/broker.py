#!/usr/bin/python3
"""A 6in4 broker of our own: a TUN device and a raw protocol-41 socket.

Shares no code with the daemon.  Runs in the broker's network namespace and
takes one command a line from standard input, answering "ok" or "error TEXT":

    client ADDR      the tunnel's IPv4 end (a broker's endpoint update)
    delay MS         hold packets that go to the client
    loss PERCENT     lose that many that go to the client, at random
    drop on|off      lose all
    refuse on|off    answer with ICMPv4 protocol unreachable instead
    narrow MTU       lose larger packets that come from the client; 0: none
    limit on|off     answer so once a second at most
    reset            undo all of these
    forge TEXT       send hex TEXT to the client as a protocol-41 payload
    stats            "ok RECEIVED SENT FOREIGN", packets so far

Packets from any other IPv4 address than the client's are dropped and counted.
LOCAL-IPV4 may be 0.0.0.0 for many tunnels of one client: then the answers of a
/64 leave from the address that its packets come to.
"""

import fcntl
import heapq
import os
import random
import select
import socket
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
PROTO_6IN4 = 41
IP_PKTINFO = 8


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


class Broker:
    def __init__(self, device, local, client):
        self.client = client
        self.delay = 0.0
        self.loss = 0.0
        self.random = random.Random(1)  # the same in every run
        self.dropping = False
        self.refusing = False
        self.limited = False
        self.mtu = 0
        self.refused = 0.0      # when it did so last
        self.received = self.sent = self.foreign = 0
        self.held = []          # heap of (when, number, packet)
        self.number = 0
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.tun, TUNSETIFF,
                    struct.pack("16sH", device.encode(), IFF_TUN_NO_PI))
        self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, PROTO_6IN4)
        self.raw.bind((local, 0))
        self.local = socket.inet_aton(local)
        self.ways = {}          # the IPv4 address that a /64 comes to
        self.raw.setblocking(False)
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW,
                                  socket.IPPROTO_ICMP)
        self.icmp.bind((local, 0))

    def closed(self):
        return self.dropping or self.refusing

    def lost(self):
        return self.closed() or self.random.random() * 100 < self.loss

    def unreachable(self, packet):
        """ICMPv4 destination unreachable, protocol (type 3, code 2)."""
        now = time.monotonic()
        if self.limited and now - self.refused < 1:
            return
        self.refused = now
        body = struct.pack("!BBHI", 3, 2, 0, 0) + packet[:548]
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
        self.icmp.sendto(body, (self.client, 0))

    def from_client(self):
        while True:
            try:
                packet, peer = self.raw.recvfrom(65536)
            except BlockingIOError:
                return
            except OSError:     # an ICMP error for something we sent
                continue
            if peer[0] != self.client:
                self.foreign += 1
                continue
            self.received += 1
            if self.refusing:
                self.unreachable(packet)
            inner = packet[(packet[0] & 15) * 4:]
            self.ways[inner[8:16]] = packet[16:20]
            if self.closed() or (self.mtu and len(inner) > self.mtu):
                continue
            try:
                os.write(self.tun, inner)
            except OSError:     # not an IPv6 packet, or the device is down
                pass

    def from_tun(self):
        while True:
            try:
                packet = os.read(self.tun, 65536)
            except BlockingIOError:
                return
            if packet[0] >> 4 != 6 or self.lost():
                continue
            if self.delay:
                self.number += 1
                heapq.heappush(self.held, (time.monotonic() + self.delay,
                                           self.number, packet))
            else:
                self.send(packet)

    def send(self, packet):
        local = self.ways.get(packet[24:32], self.local)
        try:
            self.raw.sendmsg([packet], [(
                socket.IPPROTO_IP, IP_PKTINFO, struct.pack(
                    "=I4s4x", 0, local))], 0, (self.client, 0))
            self.sent += 1
        except OSError:         # the client is away
            pass

    def command(self, line):
        words = line.split()
        verb, value = words[0], words[1] if len(words) > 1 else ""
        if verb == "client":
            socket.inet_aton(value)
            self.client = value
        elif verb == "delay":
            self.delay = float(value) / 1000
        elif verb == "loss":
            self.loss = float(value)
        elif verb == "drop":
            self.dropping = value == "on"
        elif verb == "refuse":
            self.refusing = value == "on"
        elif verb == "narrow":
            self.mtu = int(value)
        elif verb == "limit":
            self.limited = value == "on"
        elif verb == "reset":
            self.delay = self.loss = 0.0
            self.dropping = self.refusing = self.limited = False
            self.mtu = 0
        elif verb == "forge":
            self.raw.sendto(bytes.fromhex(value), (self.client, 0))
        elif verb == "stats":
            return "ok %d %d %d" % (self.received, self.sent, self.foreign)
        else:
            return "error unknown command " + verb
        return "ok"

    def run(self):
        poll = select.poll()
        for fd in (self.tun, self.raw.fileno(), 0):
            poll.register(fd, select.POLLIN)
        pending = b""
        while True:
            timeout = None
            if self.held:
                timeout = max(0, (self.held[0][0] - time.monotonic()) * 1000)
            for fd, _ in poll.poll(timeout):
                if fd == self.tun:
                    self.from_tun()
                elif fd == self.raw.fileno():
                    self.from_client()
                else:
                    data = os.read(0, 4096)
                    if not data:
                        return
                    *lines, pending = (pending + data).split(b"\n")
                    for line in lines:
                        try:
                            answer = self.command(line.decode())
                        except (ValueError, OSError, IndexError) as e:
                            answer = "error %s" % e
                        print(answer, flush=True)
            while self.held and self.held[0][0] <= time.monotonic():
                self.send(heapq.heappop(self.held)[2])


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: broker.py DEVICE LOCAL-IPV4 CLIENT-IPV4")
    broker = Broker(*sys.argv[1:])
    print("ok", flush=True)
    broker.run()
