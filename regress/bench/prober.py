#!/usr/bin/python3
"""What the probes cost: processor time, memory, and bytes on the WAN.

usage: prober.py [SECONDS]

First the prober alone, the test in the place of parent and engine, with 64
tunnels that are probed twice a second each, over an interface each and three
targets in turn.  Its peer, in the manner of dpinger, is a process for each
tunnel: 64 times `ping -6 -i 0.5`.  Processor time is what the scheduler
counted in SECONDS (default 30), over the answers; both run on the first
processor, and the other side of the wires on the second.  PSS is of the whole
process, which in a daemon shares more of it with its siblings.

Then the whole daemon with its default intervals and one tunnel, the active
one: the bytes of IPv4 on the WAN, beside what one such ping adds to them.
Exit status 1 if a goal is missed.
"""

import os
import pathlib
import select
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
sys.dont_write_bytecode = True

import gw  # noqa: E402
import probelab  # noqa: E402
from child import Child  # noqa: E402

TUNNELS = 64
CPU_US, PSS_KB, BITS = 80, 2048, 2000
INTERVAL_MS, WINDOW_MS = 500, 60000
ETHERNET = 14               # the header, which the counters include


def used_us(pids):
    return sum(int(pathlib.Path("/proc/%d/schedstat" % pid)
                   .read_text().split()[0]) for pid in pids) / 1000


def prefix(i):
    return "2001:db8:%x::" % (i + 1)


def targets(i):
    return [prefix(i) + end for end in ("1", "11", "12")]


class Net(probelab.Net):
    """An interface for each tunnel, and its targets on the other side."""

    def __init__(self):
        self.client, self.far = gw.Namespace("pc"), gw.Namespace("pf")
        self.client.batch(*[
            "link add t%d type veth peer name t%d netns %s" % (
                i, i, self.far.name) for i in range(TUNNELS)])
        for ns, ends in (self.client, ["2"]), (self.far, ["1", "11", "12"]):
            ns.batch(*["link set t%d up" % i for i in range(TUNNELS)])
            ns.batch(*["addr add %s%s/64 dev t%d nodad" % (prefix(i), end, i)
                       for i in range(TUNNELS) for end in ends])
            # what the other side does is no cost of the sender's
            gw.sh("ip", "netns", "exec", ns.name, "sh", "-c",
               "for f in /sys/class/net/t*/queues/rx-0/rps_cpus; do "
               "echo 2 > $f; done")

    def close(self):
        self.client.close()
        self.far.close()


class Ours(Child):
    def __init__(self, net):
        super().__init__("prober", net.client, peers=("engine",))
        for i in range(TUNNELS):
            device, address = "t%d" % i, prefix(i) + "2"
            with net.socket(device, address) as s:
                self.send("PROBE_SOCK", i, probelab.packed(address) +
                          struct.pack("=I", net.client.ifindex(device)),
                          fd=s.fileno())
            self.send("PROBE_SET", i, struct.pack(
                "=III", INTERVAL_MS, WINDOW_MS, 3) + b"".join(map(
                    probelab.packed, targets(i))).ljust(8 * 16, b"\0"),
                to="engine")

    def pids(self):
        return [self.pid]

    def run(self, seconds):
        """Takes its results; how many were answers."""
        answers, end = 0, time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            message = self.receive("engine", left)
            answers += (message is not None and
                        message[0] == "PROBE_RESULT" and
                        message[2][:4] == struct.pack(
                            "=I", probelab.REPLY))
        return answers


class Pings:
    """Each writes a line for each answer, which is read here."""

    def __init__(self, net):
        self.processes = [subprocess.Popen(
            net.client.argv("ping", "-6", "-n", "-i", INTERVAL_MS / 1000,
                        "-I", "t%d" % i, targets(i)[0]),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL) for i in range(TUNNELS)]

    def pids(self):
        return [p.pid for p in self.processes]

    def run(self, seconds):
        answers, end = 0, time.monotonic() + seconds
        files = [p.stdout for p in self.processes]
        while (left := end - time.monotonic()) > 0:
            for file in select.select(files, [], [], left)[0]:
                answers += file.read1().count(b"time=")
        return answers

    def close(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.communicate()


def measure(name, prober, seconds):
    """Microseconds of processor time for each answer, and kB of PSS."""
    try:
        for pid in prober.pids():
            os.sched_setaffinity(pid, {0})
        prober.run(5)           # windows and caches fill
        before = used_us(prober.pids())
        answers = prober.run(seconds)
        cost = (used_us(prober.pids()) - before) / answers
        size = gw.pss_kb(*prober.pids())
    finally:
        prober.close()
    print("%-28s %6.1f us a probe, PSS %6d kB (%d probes)" % (
        name, cost, size, answers), flush=True)
    if answers < 0.9 * TUNNELS * seconds * 1000 / INTERVAL_MS:
        raise SystemExit("%s: probes were lost" % name)
    return cost, size


def processor_and_memory(seconds):
    gw.ensure_users()
    net = Net()
    try:
        cost, size = measure("prober, %d tunnels" % TUNNELS, Ours(net),
                             seconds)
        peer_cost, peer_size = measure("%d x ping" % TUNNELS, Pings(net),
                                       seconds)
    finally:
        net.close()
    print("of the peer: %.2f of the time, %.3f of the memory; of the goals: "
          "%.2f, %.2f" % (cost / peer_cost, size / peer_size, cost / CPU_US,
                          size / PSS_KB), flush=True)
    return cost <= CPU_US and size <= PSS_KB


def wan_bits(ns, seconds):
    """Bits of IPv4 a second, out and in."""
    def counters():
        stats = ns.json("-s link show dev wan")[0]["stats64"]
        return [stats[way]["bytes"] - ETHERNET * stats[way]["packets"]
                for way in ("tx", "rx")]

    before, start = counters(), time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - start
    return [8 * (b - a) / took for a, b in zip(before, counters())]


def traffic(seconds):
    lab = gw.Lab()
    # the defaults of a user's configuration
    daemon = lab.daemon(conf={
        "core": {"log_level": None},
        "health": {"interval": None, "down_interval": None,
                   "hold_down": None, "window": None}})
    try:
        daemon.up()
        time.sleep(5)           # the path MTU is found, probes are steady
        ours = wan_bits(lab.client, seconds)
        ping = subprocess.Popen(
            lab.client.argv("ping", "-6", "-n", "-q", "-i", "0.5",
                            gw.INTERNET6[0]), stdout=subprocess.DEVNULL)
        both = wan_bits(lab.client, seconds)
        ping.terminate()
        ping.wait()
    finally:
        daemon.close()
        lab.close()
    print("probes of the active tunnel: %.0f bit/s out, %.0f in; a ping: "
          "%.0f, %.0f; of the goal: %.2f" % (
              *ours, *[b - a for a, b in zip(ours, both)], max(ours) / BITS))
    return max(ours) <= BITS


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30
    good = processor_and_memory(seconds)
    good = traffic(seconds) and good
    sys.exit(0 if good else 1)


main()
