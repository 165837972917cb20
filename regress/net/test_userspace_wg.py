"""The whole daemon with a WireGuard tunnel in user space: launcher,
wireguard-go and what is said of them."""

import os
import signal

import pytest

import gw
import procfs
import wgbroker


@pytest.fixture(scope="module")
def broker(lab):
    """The far end, for a client whose key is given."""
    key = wgbroker.Key()
    lab.reset()
    broker = wgbroker.Broker(lab.broker_ns, key.public, kernel=False)
    broker.client_private = key.private
    b = lab.broker_ns
    b.ip("addr del %s/64 dev tun" % gw.BROKER6)
    b.ip("addr add %s/64 dev %s nodad" % (gw.BROKER6, broker.device))
    yield broker
    broker.close()


@pytest.fixture
def running(lab, broker):
    lab.reset()
    daemon = lab.daemon(conf={"tunnel.he": None})
    file = daemon.dir / "wg.conf"
    file.write_text(wgbroker.section("Interface", {
        "PrivateKey": broker.client_private,
        "Address": gw.CLIENT6 + "/64"}) + broker.peer(gw.BROKER4))
    file.chmod(0o600)
    daemon.iface = wgbroker.unique()
    daemon.configure({"tunnel.wg": {
        "type": "wireguard", "driver": "userspace", "iface": daemon.iface,
        "conf": file, "gateway_v6": gw.BROKER6}})
    daemon.start()
    daemon.wait_state("up", name="wg")
    yield daemon
    daemon.close()


def program(daemon):
    """The process ids of wireguard-go below the launcher."""
    return procfs.children(daemon.children()["launcher"])


def test_up(running):
    detail = running.tunnel("wg")["detail"]
    assert detail["driver"] == "userspace"
    assert running.ns.ping(gw.INTERNET6[0])
    assert len(program(running)) == 1
    gw.wait_for(lambda: running.tunnel("wg")["detail"]["handshake"],
                5 * gw.SLOW, "a handshake")


def test_program_is_killed(running):
    """Said as it is, and put right; the interface stays."""
    ifindex = running.ns.ifindex(running.iface)
    (pid,) = program(running)
    mark = running.log_mark()
    os.kill(pid, signal.SIGKILL)
    running.wait_log("wireguard-go was killed by signal 9 (Killed)", mark)
    gw.wait_for(lambda: program(running) not in ([], [pid]), 10 * gw.SLOW,
                "another one")
    running.wait_state("up", name="wg")
    assert running.ns.ifindex(running.iface) == ifindex
    assert running.ns.ping(gw.INTERNET6[0])


@pytest.mark.parametrize("how", ["stop", "launcher", "parent"])
def test_nothing_stays(running, how):
    (pid,) = program(running)
    if how == "stop":
        running.stop()
    elif how == "launcher":
        os.kill(running.children()["launcher"], signal.SIGKILL)
        assert running.wait_exit() == 1
        assert running.logged("launcher (process")
    else:
        os.kill(running.pid, signal.SIGKILL)
        running.wait_exit()
    gw.wait_for(lambda: procfs.gone(pid), 2 * gw.SLOW,
                "the end of wireguard-go")


def test_after_a_crash(running):
    """The next start takes the interface over."""
    ifindex = running.ns.ifindex(running.iface)
    os.kill(running.pid, signal.SIGKILL)
    running.wait_exit()
    running.start()
    running.wait_state("up", name="wg")
    assert running.ns.ifindex(running.iface) == ifindex
    assert running.ns.ping(gw.INTERNET6[0])
