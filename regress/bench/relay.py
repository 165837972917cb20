#!/usr/bin/python3
"""The relay beside microsocks, dante, haproxy (TCP mode) and no proxy at all.

usage: relay.py [--rounds N] [--seconds S] [--idle N] [--only WHAT,...]

Everything is on 127.0.0.1 of one namespace; relayload is client and server.
Ours is the whole daemon in mode socks5, with its question whose a connection
is, its rules and statistics, and limits that do not hold it back.  The rounds
take turns; medians count, as ratios to no proxy.  Clients, servers and proxies
have a real-time priority, or what else runs here would be measured too.  CPU is that of all processes
of the proxy, user and system.  Exit status 1 if a goal was missed.
"""

import argparse
import contextlib
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import gw  # noqa: E402

LOAD = gw.BUILD / "regress/bench/relayload"
TARGET, OURS, MICROSOCKS, DANTE, HAPROXY = 5000, 1080, 1081, 1082, 1083
STREAMS, CLIENTS = 64, 16
PRIORITY = 10
HURRY = "chrt", "-r", str(PRIORITY)
GB = 1e9
DANTE_CONF = """logoutput: stderr
internal: 127.0.0.1 port = %d
external: lo
clientmethod: none
socksmethod: none
user.unprivileged: nobody
client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
"""
HAPROXY_CONF = """global
    maxconn 9900
    nbthread 1
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen relay
    bind 127.0.0.1:%d
    server target 127.0.0.1:%d
"""


class Proxy:
    def __init__(self, name, way, pids=lambda: []):
        self.name, self.way, self.pids = name, way, pids

    def cpu(self):
        """Seconds of all its processes, and of those that have ended."""
        ticks = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                stat = pathlib.Path("/proc/%d/stat" % pid).read_text()
                fields = stat.rpartition(")")[2].split()
                ticks += sum(map(int, fields[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self):
        return sum(gw.pss_kb(pid) for pid in self.pids())

    def descriptors(self):
        return sum(len(os.listdir("/proc/%d/fd" % pid))
                   for pid in self.pids())


def family(pid):
    """A process and all below it."""
    below = pathlib.Path("/proc/%d/task/%d/children" % (pid, pid))
    with contextlib.suppress(OSError):
        return [pid] + [p for child in below.read_text().split()
                        for p in family(int(child))]
    return []


def load(ns, *args):
    output = ns.run(*HURRY, LOAD, *args, timeout=300).stdout.split()
    return [float(word) for word in output]


def listening(ns, port):
    return any(line.split()[1].endswith(":%04X" % port) and
               line.split()[3] == "0A"
               for line in ns.proc("tcp").splitlines()[1:])


@contextlib.contextmanager
def peer(ns, port, *argv):
    process = subprocess.Popen(ns.argv(*HURRY, *argv), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        gw.wait_for(lambda: listening(ns, port), 10, argv[0])
        yield lambda: family(process.pid)
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def proxies(lab):
    ns = lab.client
    # as there is on any machine; the pacing of others is what would be measured
    ns.sysctl("ipv4/tcp_congestion_control", "reno")
    # or ports run out, for who binds them first
    ns.sysctl("ipv4/tcp_max_tw_buckets", 2000)
    socks = "socks:%d:" + str(TARGET)
    with contextlib.ExitStack() as stack:
        daemon = lab.daemon(conf={
            "exposure": {"mode": "socks5"},
            "exposure.socks5": {"allow": "127.0.0.1/32"},
            "exposure.limits": dict.fromkeys(
                ("connections", "half_open", "new_per_second"), 1000000),
            "core": {"log_level": None}})
        stack.callback(daemon.close)
        daemon.up()
        relay = daemon.children()["relay"]
        os.sched_setscheduler(relay, os.SCHED_RR, os.sched_param(PRIORITY))
        stack.enter_context(peer(ns, TARGET, LOAD, "serve", TARGET))
        (lab.dir / "dante").write_text(DANTE_CONF % DANTE)
        (lab.dir / "haproxy").write_text(HAPROXY_CONF % (HAPROXY, TARGET))
        yield [
            Proxy("direct", "direct:%d" % TARGET),
            Proxy("gatewayd", socks % OURS, lambda: [relay]),
            Proxy("microsocks", socks % MICROSOCKS, stack.enter_context(peer(
                ns, MICROSOCKS, "microsocks", "-i", "127.0.0.1", "-p",
                MICROSOCKS))),
            Proxy("dante", socks % DANTE, stack.enter_context(peer(
                ns, DANTE, "danted", "-f", lab.dir / "dante"))),
            Proxy("haproxy", "plain:%d" % HAPROXY, stack.enter_context(peer(
                ns, HAPROXY, "haproxy", "-f", lab.dir / "haproxy"))),
        ]


def bulk(ns, proxy, verb, streams, seconds):
    before = proxy.cpu()
    rate, fair = load(ns, verb, proxy.way, streams, seconds)
    return {"rate": rate, "fair": fair,
            "cpu": (proxy.cpu() - before) / (rate * seconds / GB)}


def conns(ns, proxy, seconds):
    before = proxy.cpu()
    rate, count = load(ns, "conns", proxy.way, CLIENTS, seconds)
    return {"rate": rate, "cpu": (proxy.cpu() - before) / count * 1e6}


def rtt(ns, proxy, seconds):
    p50, p99, _ = load(ns, "rtt", proxy.way, seconds)
    return {"p50": p50, "p99": p99}


def udp(ns, proxy, seconds):
    before = proxy.cpu()
    rate, count = load(ns, "udp", proxy.way, seconds)
    return {"rate": rate, "cpu": (proxy.cpu() - before) / max(count, 1) * 1e6}


def idle(ns, proxy, sessions):
    """Memory and descriptors for each session, and memory of all."""
    time.sleep(1)
    memory, fds = proxy.memory(), proxy.descriptors()
    with subprocess.Popen(ns.argv(LOAD, "idle", proxy.way, sessions),
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as client:
        if client.stdout.readline().strip() != "ready":
            return None
        total = proxy.memory()
        found = {"bytes": (total - memory) * 1024 / sessions,
                 "fds": (proxy.descriptors() - fds) / sessions,
                 "total": total / 1024}
        client.stdin.close()
    return found


def medians(rounds):
    return {key: statistics.median(r[key] for r in rounds)
            for key in rounds[0]}


class Bench:
    def __init__(self, ns, options):
        self.ns, self.options, self.missed = ns, options, []

    def goal(self, name, value, bound, least=False):
        good = value >= bound if least else value <= bound
        if not good:
            self.missed.append("%s: %.3g" % (name, value))
        return "" if good else "  MISSED"

    def interleave(self, everyone, function, *args):
        rounds = {proxy: [] for proxy in everyone}
        for _ in range(self.options.rounds):
            for proxy in everyone:
                rounds[proxy].append(function(self.ns, proxy, *args))
        return {proxy: medians(r) for proxy, r in rounds.items()}

    def bulk(self, everyone, verb, streams, bound):
        found = self.interleave(everyone, bulk, verb, streams,
                                self.options.seconds)
        direct = found[everyone[0]]["rate"]
        for proxy, f in found.items():
            note = ""
            name = "%s %d" % (verb, streams)
            if proxy.name == "gatewayd":
                note = self.goal(name, f["rate"] / direct, bound, True) + \
                    self.goal(name + " CPU", f["cpu"], 0.42)
            print("%-5s %2d  %-11s %6.2f Gbit/s  ratio %.3f  CPU %.3f s/GB  "
                  "fairness %.2f%s" % (
                      verb, streams, proxy.name, f["rate"] * 8 / GB,
                      f["rate"] / direct, f["cpu"], f["fair"], note))

    def conns(self, everyone):
        found = self.interleave(everyone, conns, self.options.seconds)
        direct = found[everyone[0]]["rate"]
        for proxy, f in found.items():
            note = ""
            if proxy.name == "gatewayd":
                note = self.goal("connections", f["rate"] / direct, .45,
                                 True) + self.goal(
                                     "connection's CPU", f["cpu"], 110)
            print("conn      %-11s %6.0f /s  ratio %.3f  CPU %4.0f us%s" % (
                proxy.name, f["rate"], f["rate"] / direct, f["cpu"], note))

    def rtt(self, everyone):
        found = self.interleave(everyone, rtt, self.options.seconds)
        direct = found[everyone[0]]
        for proxy, f in found.items():
            add50, add99 = f["p50"] - direct["p50"], f["p99"] - direct["p99"]
            note = ""
            if proxy.name == "gatewayd":
                note = self.goal("p50", add50, 20) + \
                    self.goal("p99", add99, 40)
            print("request   %-11s p50 %5.1f us (+%.1f)  p99 %5.1f us "
                  "(+%.1f)%s" % (proxy.name, f["p50"], add50, f["p99"],
                                 add99, note))

    def udp(self, everyone):
        found = self.interleave(everyone, udp, self.options.seconds)
        direct = found[everyone[0]]["rate"]
        for proxy, f in found.items():
            note = ""
            if proxy.name == "gatewayd":
                note = self.goal("UDP", f["rate"] / direct, .40, True) + \
                    self.goal("UDP CPU", f["cpu"], 8.5)
            print("UDP 1200  %-11s %7.0f /s  ratio %.3f  CPU %4.1f us%s" % (
                proxy.name, f["rate"], f["rate"] / direct, f["cpu"], note))

    def idle(self, everyone):
        for proxy in everyone:
            f = idle(self.ns, proxy, self.options.idle)
            if f is None:
                print("idle %d  %-11s gave up" % (self.options.idle,
                                                 proxy.name))
                continue
            note = ""
            if proxy.name == "gatewayd":
                note = self.goal("idle bytes", f["bytes"], 800) + \
                    self.goal("idle descriptors", abs(f["fds"] - 2), 0) + \
                    self.goal("idle memory", f["total"], 12)
            print("idle %d  %-11s %6.0f B  %.2f descriptors each  %.1f MB "
                  "in all%s" % (self.options.idle, proxy.name, f["bytes"],
                                f["fds"], f["total"], note))


def run(lab, options):
    bench = Bench(lab.client, options)
    with proxies(lab) as everyone:
        no_udp = "microsocks", "haproxy"
        steps = {
            # before anything is left of the others; a thread and a process
            # for each would take the machine
            "idle": lambda: bench.idle([p for p in everyone if p.name in (
                "gatewayd", "haproxy")]),
            "bulk": lambda: [bench.bulk(everyone, verb, streams, bound)
                             for streams, bound in ((1, .60), (STREAMS, .65))
                             for verb in ("down", "up")],
            "conns": lambda: bench.conns(everyone),
            "rtt": lambda: bench.rtt(everyone),
            "udp": lambda: bench.udp([p for p in everyone
                                      if p.name not in no_udp]),
        }
        for what in options.only.split(",") if options.only else steps:
            steps[what]()
    for missed in bench.missed:
        print("missed: " + missed)
    return not bench.missed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--idle", type=int, default=9900)
    parser.add_argument("--only")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    lab = gw.Lab()
    try:
        good = run(lab, options)
    finally:

        lab.close()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
