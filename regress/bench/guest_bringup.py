#!/usr/bin/python3
"""Bring-up of 1 and of 64 kernel tunnels, against ip -batch doing the same.

From "configuration read" to the last address and route, in fresh namespaces,
alternating.  ip(8) has started before the clock does; it sets no sysctls and
looks up no route to the endpoint, both of which we do.
Exit status 1 if we are slower.
"""

import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lib"), str(HERE.parent / "netlink")]
sys.dont_write_bytecode = True

import box as boxes  # noqa: E402
import gw  # noqa: E402

ROUNDS = {1: 9, 64: 6}
LINE = re.compile(r"configuration carried out: \d+ tunnels in ([\d.]+) ms")


def tunnel(i):
    return dict(boxes.SECTION, iface="he%d" % i,
                endpoint_ipv4="198.51.100.%d" % (i + 1),
                v6_prefix="2001:db8:1234:%x::2" % i)


def ours(box, n):
    """Milliseconds, as the link layer logs them; nobody reads along."""
    names = ["t%d" % i for i in range(n)]
    conf = box.conf({name: tunnel(i) for i, name in enumerate(names)})
    commands = "".join(line + "\n" for line in ["conf %s" % conf] + [
        "want %s %s" % (name, "active" if name == "t0" else "present")
        for name in names])
    log = subprocess.run(box.ns.argv(boxes.LINKD), input=commands, text=True,
                         stdout=subprocess.DEVNULL, timeout=60,
                         stderr=subprocess.PIPE).stderr
    return float(LINE.search(log).group(1))


def batch(n):
    lines = []
    for i in range(n):
        dev, net = "he%d" % i, "2001:db8:1234:%x::" % i
        lines += [
            "link add %s type sit local %s remote 198.51.100.%d ttl 255" % (
                dev, gw.CLIENT4, i + 1),
            "link set %s mtu 1480 alias gatewayd:t%d addrgenmode none" % (
                dev, i),
            "link set %s up" % dev,
            "address add %s2/64 dev %s nodad noprefixroute" % (net, dev),
            "route add %s/64 dev %s metric 256 proto 201" % (net, dev),
            "route add default from %s/64 dev %s metric 2048 proto 201" % (
                net, dev)]
    lines.append("route replace default dev he0 src 2001:db8:1234::2 "
                 "metric 2048 proto 201")
    return "".join(line + "\n" for line in lines)


def theirs(box, n):
    """Milliseconds of an ip(8) that runs already and waits for its lines."""
    text = batch(n)
    with subprocess.Popen(box.ns.argv("ip", "-6", "-batch", "-"), text=True,
                          stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as p:
        p.stdin.write("link show dev lo\n")
        p.stdin.flush()
        p.stdout.readline()
        start = time.monotonic()
        p.stdin.write(text)
        p.stdin.close()
        status = p.wait()
        took = time.monotonic() - start
    assert status == 0
    return took * 1000


def main():
    missed = False
    for n, rounds in ROUNDS.items():
        took = {ours: [], theirs: []}
        for _ in range(rounds):
            for work, results in took.items():
                with tempfile.TemporaryDirectory(prefix="gw") as temp:
                    box = boxes.Box(pathlib.Path(temp))
                    try:
                        results.append(work(box, n))
                    finally:
                        box.close()
        # the quietest moment: what disturbs adds, and never takes away
        one, other = min(took[ours]), min(took[theirs])
        print("%2d tunnels: %6.1f ms (median %6.1f), ip -batch %6.1f ms "
              "(median %6.1f), ratio %.2f" % (
                  n, one, statistics.median(took[ours]), other,
                  statistics.median(took[theirs]), one / other), flush=True)
        missed |= one > other
    return missed


if __name__ == "__main__":
    sys.exit(main())
