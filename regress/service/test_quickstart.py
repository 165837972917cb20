"""The main job in one command, on a kernel with sit and on one without."""

import os
import signal
import subprocess

import pytest

import gw

QUICKSTART = gw.TREE / "etc/quickstart"


def namespaces(pid):
    """Those that are left of it; others may run at the same time."""
    path = "/run/netns"
    return [name for name in (os.listdir(path) if os.path.isdir(path) else [])
            if name.startswith("gw%d-" % pid)]


def interfaces():
    # the kernel makes sit0 when it loads its module
    return set(os.listdir("/sys/class/net")) - {"sit0"}


def start(*args, **kwargs):
    return subprocess.Popen(
        [QUICKSTART, *args], stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kwargs)


@pytest.mark.both
def test_once():
    before = interfaces()
    p = start("--once")
    out, _ = p.communicate(timeout=100 * gw.SLOW)
    assert p.returncode == 0, out
    for line in ('health  ok', '{"status":"ok","v6_reachable":true,',
                 '{"addresses":[{"iface":"he0","address":"2001:db8:',
                 '{"tunnels":[{"name":"he","type":"he_6in4","state":"up",',
                 " 0% packet loss", "Hello over IPv6.", "all of it worked"):
        assert line in out, out
    assert namespaces(p.pid) == [] and interfaces() == before


def test_stays_until_interrupted():
    # a shell cannot trap what was ignored when it began
    p = start(preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        for line in p.stdout:
            if "Ctrl-C" in line:
                break
        else:
            pytest.fail("it did not stay up")
        assert p.poll() is None
        p.send_signal(signal.SIGINT)
        assert p.wait(30 * gw.SLOW) in (0, 130)
    finally:
        p.kill()
        p.wait()
    assert namespaces(p.pid) == []


def test_failure_is_told():
    """A build that cannot be used ends it, with what was being done."""
    p = gw.sh(QUICKSTART, "--once", check=False, timeout=60 * gw.SLOW,
              env=dict(os.environ, GW_BUILD="/dev/null/build"))
    assert p.returncode != 0
    assert "quickstart: failed while building" in p.stdout
