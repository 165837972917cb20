"""Process encap by itself, its tunnel, and what is at the other end.

We are its parent, make descriptors ready as gatewayd/encap/encap.h says and
hand them over.
"""

import fcntl
import os
import re
import socket
import struct
import time

import child
import gw
import procfs
from gw import BROKER4, CLIENT4, CLIENT6, INTERNET6, PREFIX

TUNSETIFF, TUNSETPERSIST = 0x400454CA, 0x400454CB
TUNSETOFFLOAD, TUNSETVNETHDRSZ = 0x400454D0, 0x400454D8
TUN_FLAGS = 0x5001          # IFF_TUN | IFF_NO_PI | IFF_VNET_HDR
CSUM, TSO6, TSO_ECN, USO = 0x01, 0x04, 0x08, 0x60
VNET_HDR = 10
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_RECVERR = 10, 2, 11
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
PREFIXES_MAX = 17
OUTGOING = 4                # PACKET_OUTGOING
ROUTED = "2001:db8:1234:9::"
TUNNEL = 7                  # its number


def open_tun(ns, name, offloads=CSUM | TSO6 | TSO_ECN | USO, persist=False):
    """A TUN descriptor in ns, and the offloads that the kernel took."""
    def inside():
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(),
                                               TUN_FLAGS))
        fcntl.ioctl(fd, TUNSETVNETHDRSZ, struct.pack("i", VNET_HDR))
        for taken in offloads, offloads & ~USO:
            try:
                fcntl.ioctl(fd, TUNSETOFFLOAD, taken)
                break
            except OSError:
                if not taken & USO:
                    raise
        if persist:
            fcntl.ioctl(fd, TUNSETPERSIST, 1)
        return fd, taken

    return ns.call(inside)


def open_raw(ns, local, remote, ttl=255, sndbuf=1 << 20, rcvbuf=4 << 20):
    """A raw protocol-41 socket in ns, connected to the endpoint."""
    sock = ns.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IPV6)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, sndbuf)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, rcvbuf)
    sock.bind((local, 0))
    sock.connect((remote, 0))
    return sock.detach()


class Encap(child.Child):
    def __init__(self, ns):
        gw.ensure_users()
        super().__init__("encap", ns)

    def hand(self, name, number, payload, fd):
        """Sends a descriptor, which is then no longer ours."""
        self.send(name, number, payload, fd)
        os.close(fd)

    def set(self, number, local, remote, address, prefixes, mtu=1480,
            ttl=255, name=None):
        addrs = b"".join(socket.inet_pton(socket.AF_INET6, p.split("/")[0])
                         for p in prefixes)
        lens = bytes(int(p.split("/")[1]) for p in prefixes)
        self.send("ENCAP_SET", number,
                  socket.inet_aton(local) + socket.inet_aton(remote) +
                  socket.inet_pton(socket.AF_INET6, address) +
                  struct.pack("IBB2x", mtu, ttl, len(prefixes)) +
                  addrs.ljust(16 * PREFIXES_MAX, b"\0") +
                  lens.ljust(PREFIXES_MAX, b"\0") +
                  (name or "t%d" % number).encode().ljust(35, b"\0"))

    def tun(self, number, ns, name, **kwargs):
        fd, offloads = open_tun(ns, name, **kwargs)
        self.hand("ENCAP_TUN", number, struct.pack("I", offloads), fd)

    def raw(self, number, ns, local, remote, **kwargs):
        self.hand("ENCAP_RAW", number, b"",
                  open_raw(ns, local, remote, **kwargs))

    def delete(self, number):
        """Forgets a tunnel; what it counted, as {word: number}."""
        before = self.logged().count("6in4 closed:")
        self.send("ENCAP_DEL", number)
        gw.wait_for(lambda: self.logged().count("6in4 closed:") > before,
                    10 * gw.SLOW, "the totals")
        return {key: int(value) for key, value in
                re.findall(r"(\w+)=(\d+)", self.logged().rsplit(
                    "6in4 closed:")[-1].split("\n")[0])}

    def cpu(self):
        """Seconds of processor time so far."""
        return procfs.cpu(self.pid)

    def pss(self):
        """Proportional set size in kB."""
        return gw.pss_kb(self.pid)

    def memory(self):
        """Pages that it alone has and has written to, in kB."""
        return procfs.private_kb(self.pid)


class Tunnel:
    """A tunnel in the lab's client, moved by an encap of its own."""

    def __init__(self, lab):
        self.lab, self.ns = lab, lab.client
        self.encap = Encap(lab.client)

    def up(self, **kwargs):
        self.set()
        self.tun(**kwargs)
        self.raw()
        return self

    def set(self, local=CLIENT4, **kwargs):
        self.encap.set(TUNNEL, local, BROKER4, CLIENT6,
                       [PREFIX + "/64", ROUTED + "/64"], **kwargs)

    def tun(self, **kwargs):
        self.encap.tun(TUNNEL, self.ns, "he0", **kwargs)
        self.ns.ip("link set he0 up mtu 1480")
        self.ns.ip("addr replace %s/64 dev he0 nodad" % CLIENT6)
        self.ns.ip("-6 route replace default dev he0")

    def raw(self, local=CLIENT4, **kwargs):
        self.encap.raw(TUNNEL, self.ns, local, BROKER4, **kwargs)

    def ping(self, address=INTERNET6[0], *options, **kwargs):
        return self.ns.ping(address, *options, **kwargs)

    def idle(self):
        """Asserts that it does not spin."""
        before = self.encap.cpu()
        time.sleep(1)
        assert self.encap.cpu() - before < 0.1

    def totals(self):
        return self.encap.delete(TUNNEL)


class Capture:
    """What passes a device, as (packet, outgoing)."""

    def __init__(self, ns, device, protocol):
        self.socket = ns.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                socket.htons(protocol))
        self.socket.bind((device, protocol))
        self.socket.settimeout(5 * gw.SLOW)

    def until(self, wanted):
        """All packets up to the first that wanted() takes, it included."""
        packets = []
        while True:
            packet, address = self.socket.recvfrom(65600)
            packets.append((packet, address[2] == OUTGOING))
            if wanted(*packets[-1]):
                return packets

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class FarEnd:
    """Writes datagrams byte by byte in the broker's name."""

    def __init__(self, lab):
        self.socket = lab.broker_ns.socket(
            socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def send(self, payload, tos=0, source=BROKER4, protocol=41):
        header = struct.pack("!BBHHHBBH4s4s", 0x45, tos, 20 + len(payload),
                             0, 0, 64, protocol, 0, socket.inet_aton(source),
                             socket.inet_aton(CLIENT4))
        self.socket.sendto(header + payload, (CLIENT4, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
