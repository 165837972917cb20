#!/usr/bin/python3
"""REST against nginx: CPU for each request, and p99 at one request per ms.

usage: rest.py [--rounds N] [--seconds S] [--path PATH]

The daemon runs in the tests' lab with a tunnel up and all its surfaces in use:
one reads /events, one follows by MCP and asks once a second, one scrapes
/metrics once a second, and what that costs is counted as ours.  nginx serves
the same bytes as a static file.  Both answer on TCP and on a Unix socket with
100 keep-alive connections, to wrk and, since that knows no Unix sockets, to
h2load; the server has CPU 0 and the client CPU 1, both at a real-time priority,
or what else runs on the machine would be measured too, and the rounds take
turns.  Time of user and system is read from /proc/PID/schedstat around each
round; the least of the rounds counts for either side.  Exit status 1 if a goal
is missed.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import gw  # noqa: E402

CONNECTIONS = 100
RATIO = 0.9                 # ours / nginx
P99_US = 1000
INTERVAL_US = 1000
REQUESTS = 5000
PRIORITY = 10               # real-time
NGINX_PORT = 8080
NGINX = """
daemon off; master_process off; worker_processes 1; pid %(dir)s/pid;
error_log %(dir)s/error.log crit;
events { worker_connections 1024; }
http {
    access_log off; default_type application/json; etag on;
    keepalive_requests 1000000000; sendfile on; tcp_nopush on;
    %(cache)s
    client_body_temp_path %(dir)s; proxy_temp_path %(dir)s;
    fastcgi_temp_path %(dir)s; uwsgi_temp_path %(dir)s;
    scgi_temp_path %(dir)s;
    server {
        listen 127.0.0.1:%(port)d backlog=512;
        listen unix:%(dir)s/sock backlog=512;
        root %(dir)s/root;
    }
}
"""
CACHE = "open_file_cache max=16 inactive=1h; open_file_cache_valid 1h;"
FOLLOW = [
    {"id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "bench", "version": "1"}}},
    {"method": "notifications/initialized"},
    {"id": 2, "method": "resources/subscribe",
     "params": {"uri": "v6gw://tunnels"}},
]


class Server:
    """One that is measured: its process, and where it answers."""

    def __init__(self, pid, port, path):
        self.pid, self.port, self.path = pid, port, str(path)
        os.sched_setaffinity(pid, {0})
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(PRIORITY))

    def cpu_ns(self):
        schedstat = pathlib.Path("/proc/%d/schedstat" % self.pid).read_text()
        return int(schedstat.split()[0])


class Company:
    """Those who use the other surfaces meanwhile."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.over = threading.Event()
        self.events = subprocess.Popen(
            daemon.ns.argv("curl", "-sN", "http://127.0.0.1:8642/events"),
            stdout=subprocess.DEVNULL)
        self.mcp = socket.socket(socket.AF_UNIX)
        self.mcp.settimeout(10)
        self.mcp.connect(str(daemon.run_dir / "mcp.sock"))
        self.lines = self.mcp.makefile("rb")
        for message in FOLLOW:
            self.say(**message)
        self.thread = threading.Thread(target=self.each_second)
        self.thread.start()

    def say(self, **message):
        """Sends a message; the answer, if it is a request."""
        message["jsonrpc"] = "2.0"
        self.mcp.sendall(json.dumps(message).encode() + b"\n")
        while "id" in message:
            answer = json.loads(self.lines.readline())
            if answer.get("id") == message["id"]:
                assert "error" not in answer, answer
                return answer
        return None

    def each_second(self):
        number = 10
        while not self.over.wait(1):
            number += 1
            self.say(id=number, method="tools/call",
                     params={"name": "check_health", "arguments": {}})
            assert self.daemon.get("/metrics").status == 200

    def close(self):
        assert self.events.poll() is None, "the event stream ended"
        self.over.set()
        self.thread.join()
        self.events.terminate()
        self.events.wait()
        self.mcp.close()


@contextlib.contextmanager
def nginx(daemon, name, path, body, port):
    directory = daemon.dir / str(port)
    file = directory / "root" / path.lstrip("/")
    file.parent.mkdir(parents=True)
    file.write_bytes(body)
    conf = directory / "nginx.conf"
    conf.write_text(NGINX % {"dir": directory, "port": port,
                             "cache": CACHE if "cached" in name else ""})
    p = subprocess.Popen(daemon.ns.argv("nginx", "-p", directory, "-c", conf))
    try:
        gw.wait_for((directory / "pid").exists, 10, "nginx")
        yield Server(p.pid, port, directory / "sock")
    finally:
        p.terminate()
        p.wait()


def client(daemon, *argv, limit):
    p = subprocess.run(daemon.ns.argv("taskset", "-c", "1", "chrt", "-f",
                                      PRIORITY, *argv),
                       stdout=subprocess.PIPE, text=True, timeout=limit + 30)
    if p.returncode or re.search("Non-2xx|Socket errors", p.stdout):
        sys.exit(p.stdout)
    return p.stdout


def load(daemon, server, transport, options):
    """(CPU nanoseconds for each request, requests per second)"""
    seconds = options.seconds
    before = server.cpu_ns()
    if transport == "TCP":
        out = client(daemon, "wrk", "-t1", "-c%d" % CONNECTIONS,
                     "-d%ds" % seconds, "http://127.0.0.1:%d%s" % (
                         server.port, options.path), limit=seconds)
        requests = int(re.search(r"(\d+) requests in", out)[1])
    else:
        out = client(daemon, "h2load", "--h1", "-t1", "-c%d" % CONNECTIONS,
                     "-D%d" % seconds, "--base-uri=unix:" + server.path,
                     "http://localhost" + options.path, limit=seconds)
        requests = int(re.search(r"codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx",
                                 out)[1])
    return (server.cpu_ns() - before) / requests, requests / seconds


def pace(daemon, server, transport, options):
    out = client(daemon, gw.BUILD / "regress/bench/pace",
                 server.port if transport == "TCP" else server.path,
                 options.path, 10, INTERVAL_US, REQUESTS,
                 limit=REQUESTS * INTERVAL_US / 1e6)
    return [float(word) for word in out.split()]


def measure(daemon, servers, transport, options):
    """{name: (CPU, rate)}, the least and the highest of the rounds"""
    best = {}
    for _ in range(options.rounds):
        for name, server in servers.items():
            cpu, rate = load(daemon, server, transport, options)
            old = best.get(name, (cpu, rate))
            best[name] = (min(cpu, old[0]), max(rate, old[1]))
    return best


def report(daemon, servers, transport, options):
    best = measure(daemon, servers, transport, options)
    ours = best["gatewayd"][0]
    theirs = min(best[name][0] for name in best if name != "gatewayd")
    print("GET %s over %s, %d connections:" % (options.path, transport,
                                               CONNECTIONS))
    for name, (cpu, rate) in best.items():
        print("%-14s %6.2f us of CPU a request %9.0f requests/s" %
              (name, cpu / 1000, rate))
    print("ratio          %6.2f (goal: at most %.2f)" % (ours / theirs, RATIO))
    ok = ours / theirs <= RATIO
    for name in ("gatewayd", "nginx"):
        n, out, p50, p99, longest = pace(daemon, servers[name], transport,
                                         options)
        print("%-14s p50 %.0f us, p99 %.0f us, longest %.0f us; %d requests,"
              " %d left out" % (name, p50, p99, longest, n, out))
        ok = ok and (name != "gatewayd" or p99 < P99_US)
    print("p99 at one request per ms: goal below %d us" % P99_US, flush=True)
    return ok


def run(daemon, stack, options):
    daemon.up()
    stack.callback(Company(daemon).close)
    body = daemon.get(options.path).body
    servers = {"gatewayd": Server(daemon.children()["frontend"], 8642,
                                  daemon.run_dir / "api.sock")}
    for n, name in enumerate(("nginx", "nginx, cached")):
        servers[name] = stack.enter_context(nginx(
            daemon, name, options.path, body, NGINX_PORT + n))
    return all([report(daemon, servers, transport, options)
                for transport in ("TCP", "a Unix socket")])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--path", default="/health")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        lab = gw.Lab()
        stack.callback(lab.close)
        # the defaults of a user's configuration
        daemon = lab.daemon(conf={
            "core": {"log_level": None},
            "health": {"interval": None, "down_interval": None,
                       "hold_down": None, "window": None}})
        stack.callback(daemon.close)
        ok = run(daemon, stack, options)
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
