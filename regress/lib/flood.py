#!/usr/bin/python3
"""Sends numbered ICMPv6 echo requests until standard input ends.

usage: flood.py ADDRESS INTERVAL

Then waits for the last answers and prints how many were sent, the numbers
that were never answered, and the longest time without an answer.  ping(8)
counts the packets in flight at its end as lost; this does not.
"""

import json
import os
import select
import socket
import struct
import sys
import time

DRAIN = 2.0                 # seconds for the last answers
ECHO_REQUEST, ECHO_REPLY = 128, 129


def main(address, interval):
    ident = os.getpid() & 0xFFFF
    sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW,
                         socket.IPPROTO_ICMPV6)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
    sock.connect((address, 0))
    sock.setblocking(False)
    waiting, sent, errors = set(), 0, 0
    next_send = last = time.monotonic()
    gap, end = 0.0, None
    print("started", flush=True)
    while True:
        now = time.monotonic()
        if end is None and now >= next_send:
            try:
                sock.send(struct.pack("!BBHHHI", ECHO_REQUEST, 0, 0, ident,
                                      sent & 0xFFFF, sent))
            except OSError:
                errors += 1
            waiting.add(sent)
            sent += 1
            next_send = max(next_send + interval, now - 1)
        if end is not None and (not waiting or now > end):
            break
        timeout = 0.05 if end else max(0, next_send - time.monotonic())
        readable, _, _ = select.select([sock, sys.stdin] if end is None
                                       else [sock], [], [], timeout)
        if sys.stdin in readable and not sys.stdin.buffer.raw.read(1):
            end = time.monotonic() + DRAIN
        while sock in readable:
            try:
                data = sock.recv(2048)
            except OSError:
                break
            if len(data) < 12:
                continue
            kind, _, _, got, _, number = struct.unpack("!BBHHHI", data[:12])
            if kind == ECHO_REPLY and got == ident:
                waiting.discard(number)
                gap = max(gap, time.monotonic() - last)
                last = time.monotonic()
    print(json.dumps({"sent": sent, "lost": sorted(waiting)[:100],
                      "errors": errors, "gap": round(gap, 4)}))


main(sys.argv[1], float(sys.argv[2]))
