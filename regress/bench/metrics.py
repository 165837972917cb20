#!/usr/bin/python3
"""GET /metrics with 64 tunnels, beside prometheus-node-exporter.

usage: metrics.py [--scrapes N] [--tunnels N]

Both are asked once in a little more than a second, by turns, as Prometheus
asks: ours renders each document anew then, from what it was told before, while
the exporter collects what it says at that moment.  CPU is what the scheduler
counts for all threads of the server from a request to the end of its answer;
it is compared for each sample, since the two say different things.  Exit
status 1 if a sample costs more here than there.
"""

import argparse
import http.client
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import gw  # noqa: E402
import prom  # noqa: E402

RATIO = 1.0                 # CPU of a sample, ours / theirs
PAUSE = 1.05                # ours is kept for a second


class Server:
    def __init__(self, name, process, port):
        self.name, self.process, self.port = name, process, port
        self.cpu = self.samples = self.size = self.seconds = 0

    def cpu_ns(self):
        tasks = pathlib.Path("/proc/%d/task" % self.process.pid)
        return sum(int((task / "schedstat").read_text().split()[0])
                   for task in tasks.iterdir())

    def scrape(self):
        """The document, as Prometheus 2.42 asks for it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", "/metrics",
                           headers={"Accept": prom.ACCEPT})
        body = connection.getresponse().read()
        connection.close()
        return body

    def measure(self):
        before, start = self.cpu_ns(), time.monotonic()
        body = self.scrape()
        self.seconds += time.monotonic() - start
        self.cpu += self.cpu_ns() - before
        self.size += len(body)
        self.samples += len(re.findall(rb"^[^#]", body, re.M))

    def row(self, scrapes):
        return "%-14s %8.0f us %10.0f %8.0f %10.3f us %8.1f ms" % (
            self.name, self.cpu / scrapes / 1000, self.size / scrapes,
            self.samples / scrapes, self.cpu / self.samples / 1000,
            self.seconds / scrapes * 1000)


def start_ours(tunnels):
    process = subprocess.Popen(
        [gw.BUILD / "regress/http/httpd", "-n", str(tunnels)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return Server("gatewayd", process, int(process.stdout.readline()))


def start_exporter():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    server = Server("node_exporter", subprocess.Popen(
        ["prometheus-node-exporter", "--log.level=error",
         "--web.listen-address=127.0.0.1:%d" % port],
        stderr=subprocess.DEVNULL), port)       # of collectors that fail

    def answers():
        try:
            return server.scrape() != b""
        except OSError:
            return False

    gw.wait_for(answers, 30, "prometheus-node-exporter")
    return server


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scrapes", type=int, default=20)
    parser.add_argument("--tunnels", type=int, default=64)
    options = parser.parse_args()
    servers = [start_ours(options.tunnels), start_exporter()]
    try:
        for server in servers:
            server.scrape()
        for _ in range(options.scrapes):
            time.sleep(PAUSE)
            for server in servers:
                server.measure()
    finally:
        for server in servers:
            server.process.send_signal(signal.SIGTERM)
            server.process.wait()
    print("%d tunnels, %d scrapes; for each scrape:" % (
        options.tunnels, options.scrapes))
    print("%-14s %11s %10s %8s %13s %11s" % (
        "", "CPU", "bytes", "samples", "CPU/sample", "time"))
    for server in servers:
        print(server.row(options.scrapes))
    ours, theirs = [s.cpu / s.samples for s in servers]
    print("ratio of a sample: %.2f (goal: at most %.2f)" % (
        ours / theirs, RATIO))
    sys.exit(0 if ours / theirs <= RATIO else 1)


if __name__ == "__main__":
    main()
