"""Where SOCKS clients come in, and how a reload moves that."""

import hashlib
import socket
import stat

import pytest

import gw
from daemonlab import Lab
from relaylab import (GREETING, MIB, Target, exactly, receive_all, reply,
                      request, send_all)


@pytest.fixture(scope="module")
def lab():
    lab = Lab()
    yield lab
    lab.close()


def greets(s, place):
    """Whether a SOCKS server answers there."""
    with s:
        s.settimeout(5 * gw.SLOW)
        try:
            s.connect(place)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        s.sendall(GREETING)
        return exactly(s, 2) == b"\5\0"


def tcp(lab, port):
    return greets(lab.client.socket(socket.AF_INET, socket.SOCK_STREAM),
                  ("127.0.0.1", port))


def unix(path):
    return greets(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
                  str(path))


def moved(to, away):
    """The parent's word comes a moment before the relay acts on it."""
    gw.wait_for(lambda: to() and not away(), 3 * gw.SLOW, "the listener")


def bind(place):
    return {"exposure.socks5": {"bind": place}}


def test_reload_moves_it(daemon, lab):
    path = daemon.run_dir / "socks.sock"
    daemon.up()
    assert tcp(lab, 1080)
    daemon.reload(bind("127.0.0.1:1088"))
    moved(lambda: tcp(lab, 1088), lambda: tcp(lab, 1080))
    daemon.reload(bind("unix:%s" % path))
    moved(lambda: unix(path), lambda: tcp(lab, 1088))
    # everybody may connect: it is known who does
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    daemon.reload({"exposure": {"mode": "kernel"}})
    moved(lambda: not path.exists(), lambda: unix(path))
    daemon.reload({"exposure": {"mode": "socks5"}})
    moved(lambda: unix(path), lambda: False)
    daemon.stop()
    assert not path.exists()


def test_bulk_by_unix_socket(daemon, lab):
    path = daemon.run_dir / "socks.sock"
    daemon.configure(bind("unix:%s" % path))
    daemon.up()
    target = Target(lab)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(20 * gw.SLOW)
        s.connect(str(path))
        s.sendall(GREETING + request(target.host, target.port))
        assert exactly(s, 2) == b"\5\0"
        assert reply(s)[0] == 0
        server, _ = target.listener.accept()
        with server:
            server.settimeout(20 * gw.SLOW)
            for a, b in (s, server), (server, s):
                digest = hashlib.sha256()
                thread = send_all(a, 8 * MIB, digest)
                assert receive_all(b) == (digest.hexdigest(), 8 * MIB)
                thread.join(5)
    target.close()


def test_reload_that_cannot_have_it(daemon, lab):
    """The old one stays, and gatewayctl says why."""
    daemon.up()
    with lab.client.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.bind(("127.0.0.1", 1099))
        s.listen(1)
        daemon.configure(bind("127.0.0.1:1099"))
        p = daemon.ctl("reload", check=False)
        assert p.returncode == 1
        assert "[exposure.socks5] bind: cannot listen on 127.0.0.1:1099: " \
            "Address already in use" in p.stdout
    assert tcp(lab, 1080)


def test_start_that_cannot_have_it(daemon, lab):
    with lab.client.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.bind(("127.0.0.1", 1080))
        s.listen(1)
        daemon.start(ready=False)
        assert daemon.wait_exit() == 1
    assert daemon.logged("cannot listen on 127.0.0.1:1080")
