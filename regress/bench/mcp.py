#!/usr/bin/python3
"""MCP: tools/call beside a minimal server on the official TypeScript SDK.

usage: mcp.py [--rounds N] [--seconds S]

Ours is the whole daemon with one tunnel up; the peer, sdkserver.mjs, answers
the same document.  calls, a client in C, asks both over their Unix sockets for
check_health, by 1 and by 50 connections that each ask again as soon as they
were answered.  The server that answers has CPU 0 and the client CPU 1, both at
a real-time priority, or what else runs on the machine would be measured too;
the rounds take turns, and the best of them counts for either side.  CPU is that
of our frontend and of node, and so is memory (PSS after that).  Exit status 1
if ours is not better in each.
"""

import argparse
import contextlib
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import gw  # noqa: E402

MCP = gw.TREE / "regress/mcp"
CLIENTS = 1, 50
PRIORITY = 10


def hurry(pid):
    """Real time on CPU 0.  The main thread of node spins while it waits for
    another one, so these go first."""
    for task in map(int, os.listdir("/proc/%d/task" % pid)):
        os.sched_setaffinity(task, {0})
        os.sched_setscheduler(task, os.SCHED_FIFO, os.sched_param(
            PRIORITY + (task != pid)))


@contextlib.contextmanager
def peer(directory, document):
    """The process and its socket."""
    path = directory / "peer.sock"
    (directory / "document").write_bytes(document)
    process = subprocess.Popen([gw.NPM / "node", MCP / "sdkserver.mjs",
                                path, directory / "document"])
    try:
        gw.wait_for(path.exists, 30, "the peer")
        yield process.pid, path
    finally:
        process.terminate()
        process.wait()


def used_us(pid):
    """CPU of all threads."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in
               pathlib.Path("/proc/%d/task" % pid).iterdir()) / 1000


def calls(pid, path, clients, seconds):
    """(calls per second, p50, p99, CPU for each call in microseconds)"""
    before = used_us(pid)
    done = subprocess.run(
        ["taskset", "-c", "1", "chrt", "-f", str(PRIORITY),
         gw.BUILD / "regress/bench/calls", path, str(clients), str(seconds)],
        text=True, stdout=subprocess.PIPE, timeout=seconds + 60, check=True)
    answered, rate, p50, p99, _ = map(float, done.stdout.split())
    return rate, p50, p99, (used_us(pid) - before) / answered


def best(rounds):
    """The highest rate, the least times."""
    rates, *times = zip(*rounds)
    return (max(rates), *map(min, times))


def measure(servers, options):
    """{clients: {name: (rate, p50, p99, CPU)}}"""
    found = {}
    for clients in CLIENTS:
        rounds = {name: [] for name in servers}
        for _ in range(options.rounds):
            for name, server in servers.items():
                rounds[name].append(calls(*server, clients, options.seconds))
        found[clients] = {name: best(r) for name, r in rounds.items()}
    return found


def report(found, memory):
    good = memory["gatewayd"] < memory["TypeScript SDK"]
    for clients, sides in found.items():
        for name, (rate, *times) in sides.items():
            print("%2d clients  %-15s %6.0f calls/s  p50 %5.0f us  p99 "
                  "%6.0f us  CPU %5.1f us" % (clients, name, rate, *times))
        ratios = [ours / theirs for ours, theirs in zip(
            sides["gatewayd"], sides["TypeScript SDK"])]
        print("ratio %28.2f %18.2f %14.2f %13.2f" % tuple(ratios))
        good = good and ratios[0] > 1 and max(ratios[1:]) < 1
    for name, size in memory.items():
        print("memory      %-15s %6.1f MB" % (name, size / 1024))
    return good


def run(daemon, options):
    frontend = daemon.children()["frontend"]
    document = daemon.get("/health").body
    with peer(daemon.dir, document) as (node, path):
        servers = {"gatewayd": (frontend, daemon.run_dir / "mcp.sock"),
                   "TypeScript SDK": (node, path)}
        for pid, _ in servers.values():
            hurry(pid)
        found = measure(servers, options)
        pids = [daemon.pid, *daemon.children().values()]
        return report(found, {
            "gatewayd": gw.pss_kb(frontend),
            "whole daemon": gw.pss_kb(*pids),
            "TypeScript SDK": gw.pss_kb(node)})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=1)
    options = parser.parse_args()
    lab = gw.Lab()
    # the defaults of a user's configuration
    daemon = lab.daemon(conf={
        "core": {"log_level": None},
        "health": {"interval": None, "down_interval": None,
                   "hold_down": None, "window": None}})
    try:
        good = run(daemon.up(), options)
    finally:
        daemon.close()
        lab.close()
    sys.exit(0 if good else 1)


main()
