"""wireguard-go behind a tunnel: how it is started, ends and is missed."""

import itertools
import os
import signal
import socket
import time

import pytest

import gw
import wgbox
import wgbroker


@pytest.fixture
def wg(tmp_path):
    """The userspace driver, whatever the kernel has."""
    box = wgbox.Box(tmp_path, False)
    box.file()
    yield box
    box.close()


def pid(d):
    """Of the last wireguard-go that was started."""
    return [int(x.split()[2]) for x in d.lines
            if x.startswith("launch_uapi ")][-1]


def states(d, start=0):
    """Those told, each once however often its reason changed."""
    words = [x.split()[2] for x in d.lines[start:] if x.startswith("state ")]
    return [word for word, _ in itertools.groupby(words)]


def test_not_ready_before_it_is_configured(wg):
    d = wg.ready()
    assert states(d) == ["setup", "ready"]
    kinds = [x.split()[0] for x in d.lines if x != "ok"]
    assert [k for k in kinds if k != "state"] == [
        "path", "launch_tun", "launch_uapi", "probe"]
    assert kinds[-2:] == ["probe", "state"]


def test_killed(wg):
    d = wg.ready()
    assert wg.ping()
    index, start = wg.link()["ifindex"], len(d.lines)
    os.kill(pid(d), signal.SIGKILL)
    error = d.wait_state("error", "wg", start=start)
    assert "killed by signal 9" in d.lines[error]
    assert d.logged("wireguard-go was killed by signal 9")
    d.wait_state("ready", "wg", start=error)
    assert wg.stands() and wg.link()["ifindex"] == index
    assert wg.ping(count=3)


def test_back_off(wg):
    """It ends again and again: each time it is waited longer."""
    d = wg.ready()
    waits = []
    for _ in range(4):
        start = len(d.lines)
        os.kill(pid(d), signal.SIGKILL)
        error = d.wait_state("error", "wg", start=start)
        ready = d.wait_state("ready", "wg", start=error)
        waits.append(d.times[ready] - d.times[error])
    assert waits[0] < 0.5 * gw.SLOW and waits[3] > 2, waits


def test_events_do_not_shorten_the_wait(wg):
    d = wg.ready()
    for _ in range(3):
        start = len(d.lines)
        os.kill(pid(d), signal.SIGKILL)
        d.wait_state("error", "wg", start=start)
        d.wait_state("ready", "wg", start=start)
    start = len(d.lines)
    os.kill(pid(d), signal.SIGKILL)
    d.wait_state("error", "wg", start=start)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        wg.ns.ip("link set %s mtu 1300" % wg.iface)
        time.sleep(0.1)
    assert not [x for x in d.lines[start:] if x.startswith("launch_uapi")]
    d.wait_state("ready", "wg", start=start)
    assert wg.stands()


def test_missing(wg):
    d = wg.linkd()
    d.tell("missing")
    d.tell("conf %s" % wg.wg_conf(driver="userspace"))
    d.tell("want wg active")
    d.wait_state("error", "wg")
    fields = d.state("wg")[1]
    assert "no wireguard-go" in fields["reason"]
    assert "apt install wireguard-go" in fields["reason"]
    assert int(fields["retry"]) >= 1 and fields["default"] == "0"


def test_deleted_interface_is_no_failure(wg):
    d = wg.ready()
    for _ in range(3):
        start, index = len(d.lines), wg.link()["ifindex"]
        wg.ns.ip("link del " + wg.iface)
        d.wait_state("ready", "wg", start=start)
        assert states(d, start) == ["setup", "ready"]
        assert wg.stands() and wg.link()["ifindex"] != index
    assert d.logged("was deleted; making it again")


def test_down_and_up_at_once(wg):
    """The new one waits for the old one to end."""
    d = wg.ready()
    old, start = pid(d), len(d.lines)
    d.send("want wg absent")
    d.send("want wg active")
    d.wait_state("ready", "wg", start=start)
    kinds = [x.split()[0] for x in d.lines[start:]]
    assert kinds.index("launch_exited") < kinds.index("launch_tun")
    assert pid(d) != old and wg.stands()
    assert wg.ping(count=3)


def test_interface_goes_to_another_tunnel(wg):
    """While the first one's wireguard-go still ends."""
    d = wg.ready()
    old, start = pid(d), len(d.lines)
    d.tell("conf %s" % wg.conf({"b": wg.section(driver="userspace")}))
    d.tell("want b active")
    d.wait_state("ready", "b", start=start)
    assert pid(d) != old
    assert wg.link()["ifalias"] == "gatewayd:b" and wg.ping()
    gw.wait_for(lambda: not os.path.exists("/proc/%d" % old), 5 * gw.SLOW,
                "its end")
    assert (wgbroker.RUN / (wg.iface + ".sock")).exists()


@pytest.mark.slow
def test_one_that_hangs(wg):
    """It does not answer: it is ended, and another one is started."""
    d = wg.ready()
    old, start = pid(d), len(d.lines)
    os.kill(old, signal.SIGSTOP)
    d.tell("refresh wg")
    d.wait("^launch_stop wg$", start, 8 * gw.SLOW)
    os.kill(old, signal.SIGCONT)
    d.wait_state("error", "wg", start=start)
    assert "does not take the configuration: Connection timed out" in d.log()
    d.wait_state("ready", "wg", start=start)
    assert pid(d) != old and wg.stands() and wg.ping(count=3)


def test_socket_of_another_program(wg):
    """Somebody serves an interface of that name already."""
    path = wgbroker.RUN / (wg.iface + ".sock")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        d = wg.begin(driver="userspace")
        d.wait_state("error", "wg")
        assert "Another program serves WireGuard" in d.state("wg")[1]["reason"]
        assert path.exists()
    d.wait_state("ready", "wg", 10 * gw.SLOW)
    assert wg.stands()
