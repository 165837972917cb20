"""A name server for the tests: one thread, UDP and TCP, in a namespace."""

import select
import socket
import struct
import threading
import time


def labels(name):
    return b"".join(bytes([len(x)]) + x.encode()
                    for x in name.split(".") if x) + b"\0"


def record(name, kind, ttl, data):
    return labels(name) + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


class Query:
    """What was asked: name, kind, transport, and how to answer it."""

    def __init__(self, data, transport):
        self.data = data
        self.ident = data[:2]
        self.transport = transport
        end = data.index(b"\0", 12)
        name, at = [], 12
        while at < end:
            name.append(data[at + 1:at + 1 + data[at]].decode())
            at += 1 + data[at]
        self.name = ".".join(name).lower()
        self.question = data[12:end + 5]
        self.kind, = struct.unpack_from("!H", data, end + 1)
        self.edns = 0           # bytes of answer that the asker takes
        if len(data) >= end + 16 and data[end + 6:end + 8] == b"\0\x29":
            self.edns, = struct.unpack_from("!H", data, end + 8)

    def reply(self, records=(), code=0, flags=0, ident=None, authority=()):
        return (ident or self.ident) + struct.pack(
            "!HHHHH", 0x8180 | code | flags, 1, len(records),
            len(authority), 0) + self.question + b"".join(
                [*records, *authority])


class NameServer(threading.Thread):
    """Answers by what is asked for; keeps the queries that came, in asked as
    (transport, name)."""

    def __init__(self, ns, ip):
        super().__init__(daemon=True)
        self.forget()
        self.udp = ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = ns.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for sock in self.udp, self.tcp:
            sock.bind((ip, 53))
        self.tcp.listen()
        self.late = []
        self.stop = False
        self.start()

    def run(self):
        while not self.stop:
            due = min((x[0] for x in self.late), default=float("inf"))
            wait = min(0.05, max(0, due - time.monotonic()))
            ready, _, _ = select.select([self.udp, self.tcp], [], [], wait)
            if self.udp in ready:
                query, client = self.udp.recvfrom(2000)
                for delay, answer in self.take(query, "udp"):
                    self.late.append((time.monotonic() + delay, answer,
                                      client))
            if self.tcp in ready:
                connection, _ = self.tcp.accept()
                with connection:
                    query = connection.recv(2000)[2:]
                    for _, answer in self.take(query, "tcp"):
                        connection.sendall(struct.pack("!H", len(answer)) +
                                           answer)
            for item in [x for x in self.late if x[0] <= time.monotonic()]:
                self.late.remove(item)
                self.udp.sendto(item[1], item[2])

    def forget(self):
        self.queries = []

    @property
    def asked(self):
        return [(query.transport, query.name) for query in self.queries]

    def take(self, data, transport):
        query = Query(data, transport)
        self.queries.append(query)
        return self.answers(query)

    def answers(self, query):
        """[(delay, datagram)] for one query."""
        raise NotImplementedError

    def close(self):
        self.stop = True
        self.join()
        self.udp.close()
        self.tcp.close()
