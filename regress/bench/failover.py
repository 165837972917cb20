#!/usr/bin/python3
"""How soon the default route moves when the active tunnel dies, and how long
the move itself takes, beside a gateway monitor of the usual kind.

usage: failover.py [--runs N] [--switches N] [--peer-runs N]

Ours is the whole daemon with its default intervals and two tunnels, of which
the active one loses all packets at a random moment; the time runs from before
that until the kernel reports the new default route.  The move is what the
daemon logs of it: the route, and the preferred lifetimes of both addresses.

The peer is the algorithm of dpinger, which pfSense and OPNsense use, with its
defaults, written anew here: an echo each 500 ms to one target, lost after 2 s,
loss over a window of 60 s, and an alarm above 20 % that is looked for once a
second and calls `ip -6 route replace`.  Exit status 1 if a goal is missed.
"""

import argparse
import pathlib
import random
import re
import socket
import statistics
import struct
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
sys.dont_write_bytecode = True

import gw  # noqa: E402
import multilab  # noqa: E402
import rtmon  # noqa: E402

MAX, MEDIAN, SWITCH_MS = 0.9, 0.65, 2.0
TOOK = re.compile(r"the IPv6 default route is by .* in ([\d.]+) ms")
DEFAULTS = {"interval": "500ms", "standby_interval": "5s",
            "down_interval": "1s..30s", "window": "60s"}


def line(name, values, unit="ms"):
    values = sorted(values)
    print("%-34s median %7.2f, 90 %% %7.2f, longest %7.2f %s (%d runs)" % (
        name, statistics.median(values), values[int(len(values) * 0.9)],
        values[-1], unit, len(values)), flush=True)


def black_holes(lab, daemon, runs):
    """Seconds from the loss of the active tunnel to another default."""
    took, ways = [], [lab.a, lab.b]
    if daemon.active() == "b":
        ways.reverse()
    for _ in range(runs):
        active, standby = ways
        # the estimates settle, and each run meets another phase
        time.sleep(2 + random.random())
        with rtmon.Monitor(lab.client) as monitor:
            start = time.monotonic()
            active.broker.drop()
            took.append(monitor.wait_default(standby.iface, start, 5) - start)
        active.broker.drop(False)
        daemon.wait_state("up", 40, active.name)
        ways.reverse()
    return took


def switches(daemon, n):
    """Milliseconds of the move alone, as the operator prefers in turn."""
    mark = daemon.log_mark()
    for i in range(n):
        daemon.ctl("tunnel", "ab"[i % 2], "prefer")
        time.sleep(0.05)
    log = daemon.log_path.read_bytes()[mark:].decode(errors="replace")
    return [float(ms) for ms in TOOK.findall(log)]


class Dpinger:
    """One target, by ICMPv6 from the tunnel's address and device."""

    SEND, LOST, WINDOW, ALERT, LIMIT = 0.5, 2.0, 60.0, 1.0, 20

    def __init__(self, ns, way, alarm):
        self.alarm = alarm
        self.slots = int(self.WINDOW / self.SEND)
        self.sent = [None] * self.slots         # when, and answered when
        self.socket = ns.socket(socket.AF_INET6, socket.SOCK_RAW,
                                socket.IPPROTO_ICMPV6)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
                               way.iface.encode())
        self.socket.bind((way.address, 0))
        self.socket.settimeout(0.1)
        self.target = gw.INTERNET6[0]
        self.ended = False
        self.threads = [threading.Thread(target=f, daemon=True)
                        for f in (self.send, self.receive, self.alert)]
        for thread in self.threads:
            thread.start()

    def send(self):
        number = 0
        while not self.ended:
            self.sent[number % self.slots] = [time.monotonic(), None]
            try:
                self.socket.sendto(struct.pack(
                    "!BBHHH", 128, 0, 0, 1, number & 0xFFFF),
                    (self.target, 0))
            except OSError:
                pass                # counted as lost, as dpinger does
            number += 1
            time.sleep(self.SEND)

    def receive(self):
        while not self.ended:
            try:
                data, _ = self.socket.recvfrom(2048)
            except OSError:
                continue
            if len(data) >= 8 and data[0] == 129:
                slot = self.sent[struct.unpack_from("!H", data, 6)[0] %
                                 self.slots]
                if slot:
                    slot[1] = time.monotonic()

    def loss(self):
        now = time.monotonic()
        old = [s for s in self.sent if s and now - s[0] > self.LOST]
        return 100 * sum(s[1] is None for s in old) // max(len(old), 1)

    def alert(self):
        while not self.ended:
            time.sleep(self.ALERT)
            if self.loss() > self.LIMIT:
                self.alarm()
                return

    def full(self):
        """Its window as after a minute of health."""
        now = time.monotonic()
        for i in range(self.slots):
            if self.sent[i] is None:
                self.sent[i] = [now - self.WINDOW + i * self.SEND, now]

    def close(self):
        self.ended = True
        for thread in self.threads:
            thread.join()
        self.socket.close()


def replaced(monitor, iface, start):
    """When a plain default of the peer's went there."""
    return monitor.wait(lambda: next(
        (e.time for e in monitor.events if isinstance(e, rtmon.Route) and
         e.new and e.time >= start and e.family == socket.AF_INET6 and
         e.dst_len == e.src_len == 0 and monitor.name(e) == iface), None),
        40, "the peer's default")


def theirs(lab, daemon, runs):
    """The same black hole, found by dpinger's algorithm.  The daemon keeps the
    tunnels and leaves the default alone."""
    daemon.configure({"core": {"default_route": "no"}})
    daemon.ctl("reload")
    took, ways = [], [lab.a, lab.b]

    def route(way):
        lab.client.ip("-6 route replace default dev %s src %s metric 100" % (
            way.iface, way.address))

    for _ in range(runs):
        active, standby = ways
        route(active)
        peer = Dpinger(lab.client, active, lambda: route(standby))
        time.sleep(2)
        peer.full()
        time.sleep(random.random())
        with rtmon.Monitor(lab.client) as monitor:
            start = time.monotonic()
            active.broker.drop()
            took.append(replaced(monitor, standby.iface, start) - start)
        peer.close()
        active.broker.drop(False)
        ways.reverse()
    return took


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--switches", type=int, default=100)
    parser.add_argument("--peer-runs", type=int, default=4)
    options = parser.parse_args()
    lab = multilab.Lab(2)
    daemon = lab.daemon(conf={
        "health": DEFAULTS, "failover": {"preempt": "no"}})
    try:
        daemon.up()
        ours = [1000 * t for t in black_holes(lab, daemon, options.runs)]
        line("black hole to new default", ours)
        moves = switches(daemon, options.switches)
        line("the move itself", moves)
        peer = [1000 * t for t in theirs(lab, daemon, options.peer_runs)]
        line("black hole, dpinger's algorithm", peer)
        print("ratio of the medians %.3f" % (
            statistics.median(ours) / statistics.median(peer)))
    finally:
        daemon.close()
        lab.close()
    return (statistics.median(ours) > MEDIAN * 1000 or
            max(ours) > MAX * 1000 or max(moves) > SWITCH_MS or
            len(moves) < options.switches / 2)


if __name__ == "__main__":
    sys.exit(main())
