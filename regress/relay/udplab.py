"""What tests of datagrams share: clients, servers, the relay's counts."""

import collections
import contextlib
import socket
import struct
import threading

import gw
from relaylab import PORT, UDP, VERSION, address, exactly, reply

UDP_SEGMENT = 103           # linux/udp.h

Refused = collections.namedtuple("Refused", [
    "owner", "limit", "header", "fragment", "sender", "size", "target",
    "unreachable", "lost"])


def refused(relay):
    """Datagrams that were not sent, by class."""
    return Refused(*map(int, relay.tell("refused").split()))


def header(host, port=PORT):
    return b"\0\0\0" + address(host) + struct.pack(">H", port)


class Echo(threading.Thread):
    """Sends back what it gets; says something of its own when told to."""

    def __init__(self, ns, host, port=PORT):
        super().__init__(daemon=True)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = ns.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((host, port))
        self.peer = None
        self.mute = False
        self.heard = []
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                data, peer = self.socket.recvfrom(65536)
                if peer is None:
                    break
                self.peer = peer
                self.heard = self.heard[-100:] + [data]
                if not self.mute:
                    self.socket.sendto(data, self.peer)

    def say(self, data, peer=None):
        self.socket.sendto(data, peer or self.peer)

    def close(self):
        with contextlib.suppress(OSError):      # it wakes all the same
            self.socket.shutdown(socket.SHUT_RDWR)
        self.join()
        self.socket.close()


class Assoc:
    """A client with its association and its socket for datagrams."""

    def __init__(self, relay, uid=0):
        self.relay = relay
        relay.tell("uid %d" % uid)
        self.control = relay.socket()
        self.control.sendall(b"\5\1\0")
        assert exactly(self.control, 2) == b"\5\0"
        self.control.sendall(bytes([VERSION, UDP, 0]) + address("0.0.0.0") +
                             b"\0\0")
        code, self.bound = reply(self.control)
        assert code == 0
        self.udp = relay.lab.udp("127.0.0.1")
        self.udp.connect(self.bound)

    def send(self, host, data, port=PORT):
        self.udp.send(header(host, port) + data)

    def receive(self):
        """(address, port, data) of an answer."""
        data = self.udp.recv(65536)
        assert data[:3] == b"\0\0\0"
        n = {1: 4, 4: 16}[data[3]]
        host = socket.inet_ntop(
            socket.AF_INET if n == 4 else socket.AF_INET6, data[4:4 + n])
        return (host, int.from_bytes(data[4 + n:6 + n], "big"), data[6 + n:])

    def silent(self, seconds=0.1):
        """Whether nothing comes."""
        self.udp.settimeout(seconds)
        try:
            self.udp.recv(65536)
            return False
        except socket.timeout:
            return True
        finally:
            self.udp.settimeout(10 * gw.SLOW)

    def close(self):
        self.control.close()
        self.udp.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
