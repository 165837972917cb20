#!/usr/bin/python3
"""The whole daemon with 1, 64 and 1,000 tunnels: start-up, memory, processor
time of idle probing, and failover.

usage: tunnels.py [SECONDS]

The first 64 are for 6in4 through the userspace driver, with a far end each;
the others are interfaces of somebody else's, which cost the driver nothing.
All have the default intervals and three targets that answer.  Start-up is from
exec(3) to the last tunnel's being up.  Processor time is that of all our
processes over SECONDS (default 30), for each packet that came in.  Failover is
from the loss of the active tunnel to the kernel's report of the new default.

The peer, in the manner of dpinger, is a process for each tunnel: ping(8) at
the interval of a standby.  It asks and does nothing else, through our driver;
ours has driver, verdicts and counters in it, and prober.py compares the asking
alone.  Exit status 1 if failover misses its bound, or if many tunnels take more
memory than their pings.
"""

import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
sys.dont_write_bytecode = True

import crowd  # noqa: E402
import gw  # noqa: E402
import rtmon  # noqa: E402

COUNTS = (1, 0), (64, 0), (64, 936)
RUNS = 9
FAILOVER = 0.9
STANDBY = 5                 # seconds
DEFAULTS = {"interval": "500ms", "standby_interval": "5s",
            "down_interval": "1s..30s", "window": "60s"}


def used_us(pids):
    return sum(int(pathlib.Path("/proc/%d/schedstat" % pid)
                   .read_text().split()[0]) for pid in pids) / 1000


def packets(ns):
    """How many all tunnels have received."""
    return sum(link["stats64"]["rx"]["packets"]
               for link in ns.json("-s link show")
               if re.fullmatch(r"[tx]\d+", link["ifname"]))


def cost(ns, pids, seconds):
    """(processor time in us a second, answers a second)"""
    used, got, start = used_us(pids), packets(ns), time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - start
    return (used_us(pids) - used) / took, (packets(ns) - got) / took


def start_up(lab, daemon):
    count = len(lab.tunnels) + len(lab.externals)
    begun = time.monotonic()
    daemon.start()
    gw.wait_for(lambda: lab.states(daemon) == {"up": count}, 60, "all up",
                0.1)
    took = time.monotonic() - begun
    gw.wait_for(lambda: lab.ours() == ["t1"], 10, "the first one")
    return took


def failovers(lab, daemon):
    """Seconds; by turns between the first two, without preemption."""
    took, ways = [], [1, 2]
    for _ in range(RUNS):
        active, standby = ways
        time.sleep(2 + random.random())
        with rtmon.Monitor(lab.client) as monitor:
            start = time.monotonic()
            lab.drop(active)
            took.append(monitor.wait_default("t%d" % standby, start, 5) -
                        start)
        lab.drop(active, False)
        daemon.wait_state("up", 40, "t%d" % active)
        ways.reverse()
    return took


def peer(lab, seconds):
    """(PSS in kB, us of processor time for each answer)"""
    with tempfile.NamedTemporaryFile() as out:
        def answers():
            return pathlib.Path(out.name).read_bytes().count(b"time=")

        pings = [subprocess.Popen(
            lab.client.argv("ping", "-6", "-n", "-i", STANDBY, "-I",
                            crowd.address(i), crowd.gateway(i)),
            stdin=subprocess.DEVNULL, stdout=open(out.name, "ab"),
            stderr=subprocess.DEVNULL)
            for i in [*lab.tunnels, *lab.externals]]
        pids = [p.pid for p in pings]
        try:
            time.sleep(3)       # they have started
            used, before = used_us(pids), answers()
            time.sleep(seconds)
            used = used_us(pids) - used
            return gw.pss_kb(*pids), used / (answers() - before)
        finally:
            for p in pings:
                p.terminate()
            for p in pings:
                p.wait()


def tunnels(count, seconds):
    """Prints a block; whether it met the goals."""
    lab = crowd.Lab(*count)
    n = sum(count)
    daemon = lab.daemon(conf={
        **lab.sections(), "core": {"log_level": None}, "health": DEFAULTS,
        "failover": {"preempt": "no"}})
    try:
        print("%d tunnels" % n)
        print("  start-up                %8.0f ms" % (
            1000 * start_up(lab, daemon)))
        time.sleep(10)          # path MTUs are found, probes are steady
        pids = {"parent": daemon.pid, **daemon.children()}
        size = gw.pss_kb(*pids.values())
        print("  PSS                     %8d kB, of which the prober %d" % (
            size, gw.pss_kb(pids["prober"])), flush=True)
        used, rate = cost(lab.client, pids.values(), seconds)
        each = used / rate
        print("  idle probing            %8.2f %% of a processor, "
              "%.1f answers/s, %.0f us each" % (used / 1e4, rate, each))
        took = []
        if n > 1:
            took = failovers(lab, daemon)
            print("  failover                %8.0f ms, longest %.0f" % (
                1000 * statistics.median(took), 1000 * max(took)), flush=True)
        size_peer, each_peer = peer(lab, seconds)
        print("  ping for each: PSS      %8d kB, %.0f us an answer; "
              "ratios %.2f, %.2f" % (size_peer, each_peer, size / size_peer,
                                     each / each_peer), flush=True)
        return not took or (max(took) <= FAILOVER and size < size_peer)
    finally:
        daemon.close()
        lab.close()


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30
    good = [tunnels(count, seconds) for count in COUNTS]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
