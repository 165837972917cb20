"""Sixty-four tunnels work as well as one, and a thousand break nothing."""

import re
import random
import time

import pytest

import crowd
import gw
import rtmon

BLACK_HOLE = 0.9 + 0.05 * (gw.SLOW - 1)
DEFAULTS = {"interval": "500ms", "standby_interval": "5s",
            "down_interval": "1s..30s", "window": "60s"}


def everything_up(lab, daemon, seconds):
    daemon.configure({**lab.sections(), "health": DEFAULTS})
    daemon.start()
    count = len(lab.tunnels) + len(lab.externals)
    gw.wait_for(lambda: lab.states(daemon) == {"up": count},
                seconds * gw.SLOW, "all tunnels up", 0.2)
    gw.wait_for(lambda: lab.ours() == ["t1"], 5 * gw.SLOW, "the best one")


def failover(lab, dead, alive):
    """The bound is that of three tunnels."""
    time.sleep(2 + random.random())
    with rtmon.Monitor(lab.client) as monitor:
        start = time.monotonic()
        lab.drop(dead)
        when = monitor.wait_default("t%d" % alive, start, 3)
        assert len(monitor.defaults(start)) == 1
    assert when - start <= BLACK_HOLE
    assert lab.client.ping(gw.INTERNET6[0])


def pss_kb(daemon):
    """Of all processes."""
    return gw.pss_kb(daemon.pid, *daemon.children().values())


def stop(lab, daemon):
    """All of ours is removed, in the end."""
    daemon.stop()
    left = {link["ifname"] for link in lab.client.json("link show")}
    assert not [name for name in left if name[0] == "t" and name != "tunl0"]
    assert len([name for name in left if name[0] == "x"]) == \
        len(lab.externals)
    assert "proto 201" not in lab.client.ip("-6 route show table all")


@pytest.mark.host
@pytest.mark.both
@pytest.mark.slow
def test_sixty_four():
    lab = crowd.Lab(64)
    daemon = lab.daemon()
    try:
        everything_up(lab, daemon, 10)
        failover(lab, 1, 2)
        # each by its own source, whichever is active
        for i in random.sample(lab.tunnels[1:], 5):
            assert lab.client.ping(gw.INTERNET6[0], "-I", crowd.address(i))
        # its standbys live, and two deaths at once are no worse
        failover(lab, 2, 3)
        lab.drop(1, False)
        gw.wait_for(lambda: lab.ours() == ["t1"], 10 * gw.SLOW, "failback")
        stop(lab, daemon)
    finally:
        daemon.close()
        lab.close()


@pytest.mark.slow
def test_a_thousand():
    """64 for 6in4, and interfaces of others'."""
    lab = crowd.Lab(64, 936)
    daemon = lab.daemon(conf={"core": {"log_level": "info"}})
    try:
        everything_up(lab, daemon, 30)
        assert pss_kb(daemon) < 1000 * 40
        failover(lab, 1, 2)
        start = time.monotonic()
        status = daemon.ctl("status").stdout
        assert all(re.search(r"^t%d +he_6in4 " % i, status, re.M)
                   for i in lab.tunnels)
        assert time.monotonic() - start < 2 * gw.SLOW
        daemon.configure({"tunnel.x1000": None,
                          "tunnel.t64": {"mtu": 1400}})
        daemon.ctl("reload")
        assert daemon.get("/tunnels/x1000").status == 404
        gw.wait_for(lambda: lab.client.json("link show dev t64")[0]["mtu"] ==
                    1400, 5 * gw.SLOW, "the reload")
        lab.drop(1, False)
        gw.wait_for(lambda: lab.ours() == ["t1"], 10 * gw.SLOW, "failback")
        stop(lab, daemon)
    finally:
        daemon.close()
        lab.close()
