"""The doctor as a process of the daemon: GET /doctor, and the log at start."""

import concurrent.futures
import os
import signal
import time

import pytest

import gw
from conftest import Report

ICMP_ECHO = "ipv4/icmp_echo_ignore_all"


@pytest.fixture(scope="module")
def live(lab):
    """With one thing that is not as it should be, and no name server."""
    lab.reset()
    lab.client.sysctl(ICMP_ECHO, 1)
    daemon = lab.daemon()
    daemon.up()
    yield daemon
    lab.client.sysctl(ICMP_ECHO, 0)
    daemon.close()


@pytest.fixture(scope="module")
def answer(live):
    """After a reload: the process must know of it."""
    live.configure({"tunnel.he": {"routed_prefix": "2001:db8:77::/64"}})
    live.ctl("reload")
    started = time.monotonic()
    answers = list(concurrent.futures.ThreadPoolExecutor(8).map(
        lambda _: live.request("GET", "/doctor", seconds=30), range(8)))
    assert time.monotonic() - started < 10 * gw.SLOW
    # one run for all of them
    assert len({answer.body for answer in answers}) == 1
    return answers[0]


@pytest.fixture(scope="module")
def report(answer):
    return Report(answer.json())


def test_answer(answer):
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body.endswith(b"}\n") and answer.body.count(b"\n") == 1


def test_kept_for_a_while(live, answer):
    if time.time() - answer.json()["time"] < 8:
        assert live.get("/doctor").body == answer.body
    head = live.request("HEAD", "/doctor", seconds=30)
    assert head.status == 200 and head.body == b""


def test_findings(report):
    """It sees what any user sees, over the network and of the machine."""
    for ident in ("config", "kernel.ipv6", "wan.route", "socket.control",
                  "socket.api", "port.api", "address.global",
                  "route.default", "reach.tunnel"):
        assert "ok" in report.status(ident), (ident, report.checks)
    assert [check["id"] for check in report.failed()] in ([], ["dns.aaaa"])
    assert report.one("sysctl.icmp_echo", "warn")["remedy"]
    assert report.status("firewall.input") == ["skip"]


def test_knows_of_the_reload(report):
    assert report.one("sysctl.forwarding", "warn")["tunnel"] == "he"


@pytest.mark.slow
def test_log_at_the_start(live):
    """A record for each thing that is not as it should be."""
    live.wait_log("looked at this machine", seconds=25)
    lines = [line for line in live.log().splitlines()
             if "process=doctor" in line]
    warn = [line for line in lines if "level=warn" in line]
    assert any("sysctl.icmp_echo: the kernel does not answer" in line and
               "net.ipv4.icmp_echo_ignore_all = 1" in line and
               "remedy: 'sysctl -w net.ipv4.icmp_echo_ignore_all=0'" in line
               for line in warn), lines
    assert not any("route.default" in line for line in lines)
    # it did not hold up the start
    log = live.log()
    assert log.index("msg=\"ready; ") < log.index("process=doctor")


@pytest.mark.slow
def test_busy_doctor_holds_up_nobody(live):
    """Who asks for something else is answered, and a stop is a stop."""
    pid = live.children()["doctor"]
    os.kill(pid, signal.SIGSTOP)
    try:
        with live.connect() as sock:
            sock.sendall(b"GET /doctor HTTP/1.1\r\nHost: localhost:8642"
                         b"\r\n\r\n")
            started = time.monotonic()
            for _ in range(10):
                assert live.get("/health").status == 200
            assert time.monotonic() - started < 2 * gw.SLOW
            # and it may leave before there is an answer
    finally:
        os.kill(pid, signal.SIGCONT)
    assert live.request("GET", "/doctor", seconds=30).status == 200
    assert live.get("/health").status == 200
