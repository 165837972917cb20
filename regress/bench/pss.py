#!/usr/bin/python3
"""Memory and wake-ups of the whole daemon with one tunnel up.

usage: pss.py [SECONDS]

PSS is the sum over all processes (smaps_rollup): a page that n processes share
counts as 1/n in each.  Wake-ups are voluntary context switches over SECONDS
(default 30), beside the packets that the probes need: three targets, a request
and an answer each.  Exit status 1 if PSS is over its goal, or if a process
that neither probes nor forwards wakes up more often than the parent is asked
to sample counters.
"""

import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import gw  # noqa: E402

PSS_KB = 5 * 1024
IDLE_PER_S = 2.5            # results, and a sample of counters each second
MOVERS = ("prober", "encap", "engine")


def switches(pid):
    text = pathlib.Path("/proc/%d/status" % pid).read_text()
    return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text,
                         re.M).group(1))


def packets(ns):
    stats = ns.json("-s link show dev he0")[0]["stats64"]
    return stats["tx"]["packets"], stats["rx"]["packets"]


def measure(daemon, seconds):
    pids = dict(daemon.children(), parent=daemon.pid)
    time.sleep(3)               # the start is over, probes are steady
    before = {role: switches(pid) for role, pid in pids.items()}
    sent, received = packets(daemon.ns)
    start = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - start
    after = packets(daemon.ns)
    print("%-10s %8s %12s" % ("process", "PSS kB", "wake-ups/s"))
    total, good = 0, True
    for role, pid in pids.items():
        rate = (switches(pid) - before[role]) / took
        size = gw.pss_kb(pid)
        total += size
        print("%-10s %8d %12.1f" % (role, size, rate))
        good = good and (role in MOVERS or rate <= IDLE_PER_S)
    print("probes: %.1f requests/s, %.1f answers/s" % (
        (after[0] - sent) / took, (after[1] - received) / took))
    print("all: %d kB, %.2f of the goal of %d kB" % (total, total / PSS_KB,
                                                     PSS_KB))
    return good and total <= PSS_KB


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30
    lab = gw.Lab()
    # the defaults of a user's configuration
    daemon = lab.daemon(conf={
        "core": {"log_level": None},
        "health": {"interval": None, "down_interval": None,
                   "hold_down": None, "window": None}})
    try:
        daemon.up()
        good = measure(daemon, seconds)
    finally:
        daemon.close()
        lab.close()
    sys.exit(0 if good else 1)


main()
