"""The main job in one command, on a kernel with sit and on one without."""

import contextlib
import os
import pathlib
import signal
import subprocess
import uuid

import pytest

import gw

QUICKSTART = gw.TREE / "etc/quickstart"


def namespaces(pid):
    """Those that are left of it; others may run at the same time."""
    path = "/run/netns"
    return [name for name in (os.listdir(path) if os.path.isdir(path) else [])
            if name.startswith("gw%d-" % pid)]


def processes(mark):
    """What still runs of a start() with this mark in its environment."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes():
                found.append(path.with_name("cmdline").read_bytes())
    return found


def nothing_left(p, mark):
    gw.wait_for(lambda: not processes(mark), 5 * gw.SLOW, "its processes' end")
    return namespaces(p.pid) == []


def interfaces():
    # the kernel makes sit0 when it loads its module
    return set(os.listdir("/sys/class/net")) - {"sit0"}


def start(*args, **kwargs):
    """(the process, its mark)"""
    mark = "GW_QUICKSTART_TEST=%s" % uuid.uuid4()
    return subprocess.Popen(
        ["env", mark, QUICKSTART, *args], stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kwargs), mark


@pytest.mark.both
def test_once():
    before = interfaces()
    p, mark = start("--once")
    out, _ = p.communicate(timeout=100 * gw.SLOW)
    assert p.returncode == 0, out
    for line in ('health  ok', '{"status":"ok","v6_reachable":true,',
                 '{"addresses":[{"iface":"he0","address":"2001:db8:',
                 '{"tunnels":[{"name":"he","type":"he_6in4","state":"up",',
                 " 0% packet loss", "Hello over IPv6.", "all of it worked"):
        assert line in out, out
    assert nothing_left(p, mark) and interfaces() == before


def test_stays_until_interrupted():
    # a shell cannot trap what was ignored when it began
    p, mark = start(preexec_fn=lambda: signal.signal(signal.SIGINT,
                                                     signal.SIG_DFL))
    try:
        for line in p.stdout:
            if "Ctrl-C" in line:
                break
        else:
            pytest.fail("it did not stay up")
        assert p.poll() is None
        p.send_signal(signal.SIGINT)
        assert p.wait(30 * gw.SLOW) in (0, 130)
        assert nothing_left(p, mark)
    finally:
        p.kill()
        p.wait()


def test_failure_is_told():
    """A build that cannot be used ends it, with what was being done."""
    p = gw.sh(QUICKSTART, "--once", check=False, timeout=60 * gw.SLOW,
              env=dict(os.environ, GW_BUILD="/dev/null/build"))
    assert p.returncode != 0
    assert "quickstart: failed while building" in p.stdout
