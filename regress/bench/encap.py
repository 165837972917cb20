#!/usr/bin/python3
"""Userspace 6in4 beside the plain veth path and, where there is one, the
kernel's sit, at both ends of one wire.

usage: encap.py [SECONDS]

Twice: over veth as it is, which hands the kernel's own super-packets from one
namespace to the other uncut, and over veth without offloads, where every
packet passes by itself and with its checksum, as on the wire of a WAN.
TCP: one iperf3 stream, SECONDS (default 5).  UDP: datagrams of 64 bytes as
fast as they come; those that arrived count.  CPU: of both encap processes for
each datagram that one of them handled; of the whole machine for each gigabyte.
"""

import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import encaplab  # noqa: E402
import gw  # noqa: E402

WAN = "192.0.2.%d"
PLAIN = "2001:db8:9::%d"
INNER = "2001:db8:1::%d"
ENDS = (1, 2), (2, 1)


def busy():
    """Seconds of processor time of the whole machine, idle left out."""
    fields = pathlib.Path("/proc/stat").read_text().split("\n")[0].split()
    return sum(int(n) for n in fields[1:4] + fields[6:9]) / 100


class Wire:
    """Two namespaces and a veth pair between them."""

    def __init__(self, offloads):
        self.ns = {1: gw.Namespace("x"), 2: gw.Namespace("y")}
        for ns in self.ns.values():
            ns.sysctl("ipv6/conf/default/accept_dad", 0)
        self.ns[1].ip("link add w type veth peer name w netns " +
                      self.ns[2].name)
        for end, ns in self.ns.items():
            if not offloads:
                ns.run("ethtool", "-K", "w", "tx", "off", "gso", "off",
                       "gro", "off")
            ns.ip("link set w up")
            ns.ip("addr add %s/24 dev w" % (WAN % end))
            ns.ip("addr add %s/64 dev w nodad" % (PLAIN % end))

    def close(self):
        for ns in self.ns.values():
            ns.close()


class Plain:
    name, address = "veth, no tunnel", PLAIN % 2

    def __init__(self, wire):
        pass

    def cpu(self):
        return 0, 0

    def close(self):
        return 0

    def pss(self):
        return []


class Userspace(Plain):
    name, address = "userspace", INNER % 2

    def __init__(self, wire):
        self.encaps = []
        for end, other in ENDS:
            ns = wire.ns[end]
            encap = encaplab.Encap(ns)
            self.encaps.append(encap)
            encap.set(1, WAN % end, WAN % other, INNER % end,
                      [INNER % 0 + "/64"])
            encap.tun(1, ns, "tun")
            ns.ip("link set dev tun up mtu 1480")
            ns.ip("addr add %s/64 dev tun nodad" % (INNER % end))
            encap.raw(1, ns, WAN % end, WAN % other)

    def cpu(self):
        return tuple(encap.cpu() for encap in self.encaps)

    def pss(self):
        return [encap.pss() for encap in self.encaps]

    def close(self):
        """How many datagrams both ends sent or received."""
        datagrams = 0
        for encap in self.encaps:
            totals = encap.delete(1)
            datagrams += totals["sent"] + totals["received"]
            encap.close()
        return datagrams


class KernelSit(Plain):
    name, address = "kernel sit", INNER % 2

    def __init__(self, wire):
        self.wire = wire
        for end, other in ENDS:
            wire.ns[end].ip("link add tun type sit local %s remote %s ttl 255"
                            % (WAN % end, WAN % other))
            wire.ns[end].ip("link set dev tun up mtu 1480")
            wire.ns[end].ip("addr add %s/64 dev tun nodad" % (INNER % end))

    def close(self):
        for ns in self.wire.ns.values():
            ns.ip("link del tun")
        return 0


def listening(ns):
    return any(line.split()[1].endswith(":1451") and line.split()[3] == "0A"
               for line in ns.proc("tcp6").splitlines()[1:])


def iperf(wire, address, seconds, *options):
    server = subprocess.Popen(wire.ns[2].argv("iperf3", "-s", "-1"),
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        gw.wait_for(lambda: listening(wire.ns[2]), 10 * gw.SLOW,
                    "the iperf3 server")
        out = wire.ns[1].run("iperf3", "-6", "-J", "-c", address, "-t",
                             seconds, *options, timeout=60 + 4 * seconds)
        return json.loads(out.stdout)["end"]
    finally:
        server.terminate()
        server.wait()


def measure(kind, wire, seconds, *options):
    """One iperf3 run through a tunnel made for it."""
    path = kind(wire)
    time.sleep(0.5)
    machine, before = busy(), path.cpu()
    start = time.monotonic()
    end = iperf(wire, path.address, seconds, *options)
    took = time.monotonic() - start
    machine = busy() - machine
    used = [now - then for now, then in zip(path.cpu(), before)]
    return {"end": end, "machine": machine, "cpu": sum(used),
            "busiest": max(used) / took, "pss": path.pss(),
            "datagrams": path.close()}


def row(kind, wire, seconds):
    tcp = measure(kind, wire, seconds)
    udp = measure(kind, wire, seconds, "-u", "-b", 0, "-l", 64)
    arrived = udp["end"]["sum"]["packets"] - \
        udp["end"]["sum"]["lost_packets"]
    received = tcp["end"]["sum_received"]
    return {
        "name": kind.name,
        "gbit": received["bits_per_second"] / 1e9,
        "pps": arrived / udp["end"]["sum"]["seconds"],
        "machine": tcp["machine"] / received["bytes"] * 1e9,
        "tcp_us": 1e6 * tcp["cpu"] / max(1, tcp["datagrams"]),
        "udp_us": 1e6 * udp["cpu"] / max(1, udp["datagrams"]),
        "busiest": (tcp["busiest"], udp["busiest"]),
        "pss": tcp["pss"],
    }


def table(rows):
    plain = rows[0]
    print("%-16s %8s %6s %9s %6s %9s %16s" % (
        "path", "TCP", "ratio", "UDP", "ratio", "machine", "encap CPU"))
    print("%-16s %8s %6s %9s %6s %9s %16s" % (
        "", "Gbit/s", "", "packet/s", "", "CPU s/GB", "us/datagram"))
    for r in rows:
        cpu = "%.2f TCP %.2f UDP" % (r["tcp_us"], r["udp_us"]) \
            if r["tcp_us"] else "-"
        print("%-16s %8.2f %6.2f %9.0f %6.2f %9.2f %16s" % (
            r["name"], r["gbit"], r["gbit"] / plain["gbit"], r["pps"],
            r["pps"] / plain["pps"], r["machine"], cpu))
    return {r["name"]: r for r in rows}


def bound(rows):
    """What the userspace driver waits for, from what was measured."""
    user, sit = rows["userspace"], rows.get("kernel sit")
    for what, share in zip(("TCP", "UDP"), user["busiest"]):
        if share > 0.85:
            why = "one core of an encap process, %d%% busy" % (100 * share)
        else:
            why = "the machine: an encap process gets %d%% of a core" % (
                100 * share)
        print("%s is bound by %s" % (what, why))
    if sit:
        print("userspace / kernel sit: TCP %.2f, UDP %.2f" % (
            user["gbit"] / sit["gbit"], user["pps"] / sit["pps"]))
    print("a datagram costs one read(2) or write(2) on TUN (shared by a "
          "super-packet)\nand its own way through the kernel's IPv4 output or "
          "raw input; system calls on\nthe socket are shared by up to 64.")
    print("PSS under load: %s kB" % " and ".join(map(str, user["pss"])))


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    kinds = [Plain, Userspace]
    if gw.has_sit():
        kinds.append(KernelSit)
    for offloads in True, False:
        print("veth with%s offloads" % ("" if offloads else "out"))
        wire = Wire(offloads)
        try:
            rows = table([row(kind, wire, seconds) for kind in kinds])
        finally:
            wire.close()
        bound(rows)


if __name__ == "__main__":
    main()
