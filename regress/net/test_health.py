"""The verdict end to end: daemon, tunnel, broker, in real time."""

import random
import time

import pytest

import etc
import gw

DEFAULTS = {"interval": "500ms", "down_interval": "1s..30s", "window": "60s"}


def took(daemon, event, state):
    """Seconds from the event to the state, as the API shows it."""
    start = time.monotonic()
    event()
    gw.wait_for(lambda: daemon.state() == state, 5 * gw.SLOW, state,
                interval=0.005)
    return time.monotonic() - start


@pytest.mark.slow
def test_black_hole_is_found_in_time(daemon, lab):
    """Within 0.9 s with the default intervals; the simulation in
    regress/unit/health_sim_test.c has the median."""
    daemon.configure({"health": DEFAULTS})
    daemon.up()
    down, up = [], []
    for _ in range(5):
        # the estimate of the delay settles, and each run meets another phase
        time.sleep(2 + random.random())
        down.append(took(daemon, lab.broker.drop, "down"))
        assert "no answer from 3 of 3 targets" in daemon.reason()
        up.append(took(daemon, lambda: lab.broker.drop(False), "up"))
    print("down after", sorted(down), "up after", sorted(up))
    # and what the lab and the API need themselves
    assert max(down) < 0.9 * gw.SLOW + 0.05
    # the interval of a tunnel that is down, and a burst
    assert max(up) < 1.4 * gw.SLOW


def test_a_single_loss_is_no_news(daemon, lab):
    """A gap shorter than the burst changes nothing that users see."""
    daemon.configure({"health": DEFAULTS})
    daemon.up()
    time.sleep(1)
    mark = daemon.log_mark()
    for _ in range(4):
        lab.broker.drop()
        time.sleep(0.05)
        lab.broker.drop(False)
        assert daemon.state() == "up"
        time.sleep(0.4)
    assert not daemon.logged("-> down", mark)


def test_endpoint_by_name(lab):
    """A name in /etc/hosts; it appears, then the server moves."""
    own = etc.Etc(lab.dir / "etc")
    own.put("resolv.conf", "nameserver 127.0.0.1\n")
    own.put("hosts", "127.0.0.1 localhost\n")
    lab.reset()
    daemon = lab.daemon(ns=etc.Namespace(lab.client, own), conf={
        "tunnel.he": {"endpoint_ipv4": "broker.example"}})
    try:
        daemon.start()
        gw.wait_for(lambda: "broker.example" in daemon.reason(),
                    5 * gw.SLOW, "a reason that names it")
        assert daemon.state() in ("starting", "failed")
        own.put("hosts", "%s broker.example\n" % gw.BROKER4)
        daemon.wait_state("up", 40 / gw.SLOW)
        assert lab.client.ping(gw.INTERNET6[0])
    finally:
        daemon.close()
