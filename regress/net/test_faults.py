"""The whole daemon when the machine or its clients misbehave.

What is tested is always the same: a clear answer or log line, nobody else is
kept waiting, and the tunnel stays up.
"""

import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

import gw
import procfs


def ends(daemon, *texts):
    """It starts, ends with a failure, and says each of the texts."""
    daemon.start(ready=False)
    assert daemon.wait_exit() == 1
    for text in texts:
        assert text in daemon.log(), (text, daemon.log())


# starting

def test_bad_configuration(daemon):
    daemon.write("[core]\napi_port = 99999\nfoo = 1\n[tunnel.X]\n")
    ends(daemon, "gatewayd.conf:2:", "gatewayd.conf:3:", "gatewayd.conf:4:",
         "65535")


def test_missing_configuration(daemon):
    daemon.file.unlink()
    ends(daemon, str(daemon.file), "No such file")


def test_missing_user(daemon):
    daemon.configure({"core": {"user": "_nosuchuser"}})
    ends(daemon, "_nosuchuser", "useradd")


def test_second_instance(running, lab):
    second = lab.daemon()
    second.file = running.file
    try:
        ends(second, "runs already", str(running.pid))
        assert running.state() == "up"
    finally:
        second.close()


def test_port_in_use(daemon, lab):
    other = lab.client.socket(socket.AF_INET, socket.SOCK_STREAM)
    with other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 8642))
        other.listen()
        ends(daemon, "127.0.0.1:8642", "api_port")


def test_state_dir_open_to_others(daemon):
    daemon.state_dir.chmod(0o777)
    ends(daemon, str(daemon.state_dir), "chmod")


def test_not_root(daemon):
    argv = ["setpriv", "--reuid", "65534", "--clear-groups", "--regid",
            "65534", gw.GATEWAYD, "-f", "-c", daemon.file]
    out = gw.sh(*argv, check=False)
    assert out.returncode == 1 and "root" in out.stdout


def test_stale_sockets_of_a_crash(running, lab):
    running.signal(signal.SIGKILL)
    running.process.wait(timeout=5)
    assert (running.run_dir / "gatewayd.sock").exists()
    running.up()


# logs

def test_log_text(running):
    running.stop()
    for line in running.log().splitlines():
        assert re.match(r"\S+", line) and "level=" in line, line
    assert "tunnel=he" in running.log()


def test_log_json(daemon):
    daemon.configure({"core": {"log_format": "json"}})
    daemon.up().stop()
    records = [json.loads(line) for line in daemon.log().splitlines()]
    assert any(r.get("tunnel") == "he" for r in records)
    assert all("level" in r and "msg" in r for r in records)


def test_log_file_is_reopened(daemon):
    log = daemon.dir / "gatewayd.log"
    daemon.configure({"core": {"log_to": log}})
    daemon.up()
    old = log.with_suffix(".1")
    log.rename(old)
    daemon.signal(signal.SIGUSR1)
    gw.wait_for(log.exists, 3 * gw.SLOW, "the new log file")
    daemon.stop()
    assert "stopped" in log.read_text()
    assert "ready" in old.read_text()


def test_log_level_by_ctl(running):
    assert running.ctl("log", "error").returncode == 0
    assert running.ctl("log", "loud", check=False).returncode == 2


def test_syslog(daemon, lab):
    """syslog(3) in a mount namespace with a /dev/log of our own."""
    path = daemon.dir / "devlog"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(path))
        log.settimeout(5 * gw.SLOW)
        daemon.configure({"core": {"log_to": "syslog"}})
        wrapper = daemon.dir / "wrapper"
        # /dev of its own: nothing of the machine's is touched
        wrapper.write_text(
            "#!/bin/sh\nmkdir -p %s/dev/net\n"
            "for d in null urandom random zero full net/tun; do\n"
            "    touch %s/dev/$d; mount --bind /dev/$d %s/dev/$d\n"
            "done\ntouch %s/dev/log; mount --bind %s %s/dev/log\n"
            "mount --rbind %s/dev /dev\nexec %s \"$@\"\n" %
            ((daemon.dir,) * 4 + (path,) + (daemon.dir,) * 2 +
             (daemon.binary,)))
        wrapper.chmod(0o755)
        daemon.process = subprocess.Popen(
            daemon.ns.argv("unshare", "-m", wrapper, "-f", "-c", daemon.file),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(daemon.log_path, "wb"))
        gw.wait_for(daemon.answers, 10 * gw.SLOW, "the REST server")
        first = log.recv(4096).decode()
        assert first.startswith("<") and "gatewayd" in first, first


# descriptors, disks, floods

def limit_descriptors(pid, limit):
    """The soft limit, as the process's own user: root may lack the right."""
    uid, gid = (procfs.status(pid)[key].split()[0] for key in ("Uid", "Gid"))
    gw.sh("setpriv", "--reuid", uid, "--regid", gid, "--clear-groups",
          "prlimit", "--pid", pid, "--nofile=%s:" % limit)


def fill_descriptors(daemon, role):
    """Leaves the process no descriptor beside those that it has.

    Returns a function that puts the limit back.
    """
    pid = daemon.pid if role == "parent" else daemon.children()[role]
    used = {int(name) for name in os.listdir("/proc/%d/fd" % pid)}
    text = procfs.read(pid, "limits")
    old = re.search(r"^Max open files\s+(\d+)", text, re.M).group(1)
    limit_descriptors(pid, min(set(range(len(used) + 1)) - used))
    return lambda: limit_descriptors(pid, old)


def test_parent_without_descriptors(running, lab):
    """It cannot open a new socket or file; what stands goes on."""
    restore = fill_descriptors(running, "parent")
    assert running.ctl("reload", check=False).returncode == 1
    lab.client.ip("link del he0")
    time.sleep(0.5)
    assert running.alive(), "it must not die of it"
    restore()
    running.wait_state("up", 15)
    assert running.ctl("reload").returncode == 0


def test_frontend_without_descriptors(running):
    restore = fill_descriptors(running, "frontend")
    with running.connect(), running.connect():
        time.sleep(0.3)
        assert running.alive()
        restore()
    gw.wait_for(lambda: running.get("/health").status == 200, 5 * gw.SLOW,
                "the REST server")


@pytest.fixture
def small_disk(daemon):
    """A file system of 64 kB in the daemon's directory."""
    path = daemon.dir / "disk"
    path.mkdir()
    gw.sh("mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "small", path)
    yield path
    daemon.close()
    gw.daemons.append(daemon)
    gw.sh("umount", path)


def fill(path):
    """Fills the file system; returns the file that does it."""
    filler = path / "filler"
    with open(filler, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass
    return filler


def test_full_disk_of_the_log(daemon, small_disk, lab):
    log = small_disk / "log"
    daemon.configure({"core": {"log_to": log}})
    daemon.up()
    filler = fill(small_disk)
    for _ in range(5):
        daemon.ctl("tunnel", "he", "restart")
        daemon.wait_state("up")
    assert lab.client.ping(gw.INTERNET6[0])
    filler.unlink()
    mark = log.stat().st_size
    daemon.ctl("tunnel", "he", "restart")
    gw.wait_for(lambda: log.stat().st_size > mark, 5 * gw.SLOW,
                "the log goes on")


def test_full_disk_of_the_state(daemon, small_disk):
    state = small_disk / "state"
    state.mkdir()
    daemon.configure({"core": {"state_dir": state}})
    fill(small_disk)
    daemon.up().stop()


def test_netlink_storm(running, lab):
    """More events than the socket holds: a full look at the kernel follows."""
    c = lab.client
    batch = running.dir / "batch"
    lines = []
    for i in range(2000):
        lines.append("addr add 203.0.113.%d/32 dev lo" % (i % 250))
        lines.append("addr del 203.0.113.%d/32 dev lo" % (i % 250))
    batch.write_text("\n".join(lines) + "\n")
    os.kill(running.pid, signal.SIGSTOP)
    try:
        for _ in range(6):
            c.run("ip", "-batch", batch)
        c.ip("-6 addr flush dev he0")
        c.ip("-6 route flush proto " + gw.PROTO, check=False)
    finally:
        os.kill(running.pid, signal.SIGCONT)
    gw.wait_for(lambda: c.has_address(gw.CLIENT6, "he0"), 3 * gw.SLOW,
                "the address")
    running.wait_state("up")
    assert c.ping(gw.INTERNET6[0])


# clients

def test_slow_and_hostile_clients_do_not_disturb(running, lab):
    """Probing and other clients go on while many sockets misbehave."""
    before = running.get("/health").json()["last_check"]
    sockets = []
    try:
        for i in range(100):
            s = running.connect()
            s.send([b"GET /health HT", b"\x00\xff" * 50,
                    b"POST /config/reload HTTP/1.1\r\nContent-Length: 9999"
                    b"\r\n\r\n", b""][i % 4])
            sockets.append(s)
        control = str(running.run_dir / "gatewayd.sock")
        for i in range(20):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.connect(control)
            s.send(os.urandom(1 + i * 400))
            sockets.append(s)
        start = time.monotonic()
        for _ in range(20):
            assert running.get("/health").status == 200
        assert time.monotonic() - start < 2 * gw.SLOW
        time.sleep(1.2)
        assert running.get("/health").json()["last_check"] > before
        assert running.state() == "up"
    finally:
        for s in sockets:
            s.close()
    running.stop()


def test_reader_that_never_reads(running):
    """A thousand pipelined requests whose answers nobody takes."""
    with running.connect() as s:
        s.setblocking(False)
        request = b"GET /tunnels HTTP/1.1\r\nHost: 127.0.0.1:8642\r\n\r\n"
        try:
            for _ in range(2000):
                s.send(request * 10)
        except BlockingIOError:
            pass
        # a sanitizer's wrapper included
        assert procfs.rss_kb(running.children()["frontend"]) < 200000
        assert running.get("/health").status == 200


MARK = b"forged packet"

REFUSED = [
    ("fe80::1", gw.CLIENT6), ("::1", gw.CLIENT6), ("ff02::1", gw.CLIENT6),
    (gw.CLIENT6, gw.CLIENT6), ("::192.0.2.9", gw.CLIENT6),
    ("::ffff:192.0.2.9", gw.CLIENT6), (gw.INTERNET6[0], "2001:db8:9::1"),
    (gw.INTERNET6[0], "ff02::1"),
]


def entered(sniffer):
    """Whether a marked packet came out of the tunnel's interface."""
    while True:
        try:
            if MARK in sniffer.recv(2048):
                return True
        except TimeoutError:
            return False


def test_forged_packets(running, lab):
    """Protocol 41 from elsewhere, and from the broker with odd insides."""
    good = gw.ipv6_header(gw.INTERNET6[0], gw.CLIENT6, MARK, 59)
    sniffer = lab.client.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                socket.htons(0x86dd))
    other = lab.broker_ns.socket(socket.AF_INET, socket.SOCK_RAW, 41)
    with sniffer, other:
        sniffer.bind(("he0", 0x86dd))
        sniffer.settimeout(0.2)
        lab.broker.tell("forge " + good.hex())
        assert entered(sniffer), "what is right must pass"
        other.bind((gw.ROUTER4, 0))
        other.sendto(good, (gw.CLIENT4, 0))
        assert not entered(sniffer), "another IPv4 source"
        for source, destination in REFUSED:
            packet = gw.ipv6_header(source, destination, MARK, 59)
            lab.broker.tell("forge " + packet.hex())
            assert not entered(sniffer), (source, destination)
        for packet in (b"`", b"E" + MARK, good[:-1], good[:40],
                       b"\x60" + b"\xff" * 39 + MARK):
            lab.broker.tell("forge " + packet.hex())
            assert not entered(sniffer), packet
    assert running.alive() and lab.client.ping(gw.INTERNET6[0])
