"""The service under a real systemd: start, reload and its verdict, restart,
kill -9 with adoption and not one packet lost, and the journal.

The guest is thrown away, so the daemon is installed into it as a user would.
"""

import json
import os
import pathlib
import signal
import time

import pytest

import gw
import wgbroker

pytestmark = pytest.mark.systemd

UNIT = "v6-gatewayd"
CONF = pathlib.Path("/etc/v6-gatewayd.conf")
STANDARD = {"core": {"state_dir": None, "run_dir": None, "api_socket": None,
                     "mcp_socket": None, "log_level": None}}


def systemctl(*args, **kwargs):
    return gw.sh("systemctl", "--no-pager", *args, **kwargs)


def show(what):
    return systemctl("show", "-P", what, UNIT).stdout.strip()


def journal():
    gw.sh("journalctl", "--sync")
    out = gw.sh("journalctl", "--no-pager", "-o", "json", "-u", UNIT).stdout
    return [json.loads(line) for line in out.splitlines()
            if line.startswith("{")]


class Service(gw.Daemon):
    """The installed daemon; systemd is its parent."""

    binary = None

    def alive(self):
        return False            # nothing of ours to end

    def answers(self):
        try:
            return self.get("/version").status == 200
        except OSError:
            return False

    @property
    def pid(self):
        return int(show("MainPID"))

    def log(self):
        return "\n".join(str(r.get("MESSAGE")) for r in journal())

    def install(self):
        gw.sh("meson", "install", "-C", gw.BUILD, "--no-rebuild", "--quiet")
        gw.sh("systemd-sysusers")
        systemctl("daemon-reload")
        self.file = CONF
        self.configure(STANDARD)

    def wait_up(self):
        gw.wait_for(self.answers, 20 * gw.SLOW, "the REST server")
        self.wait_state("up")


@pytest.fixture(scope="module")
def lab():
    lab = gw.Lab(gw.InitialNamespace())
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def service(lab):
    service = Service(lab)
    service.install()
    service.run_dir = pathlib.Path("/run/v6-gatewayd")
    systemctl("enable", "--now", UNIT)
    service.wait_up()
    yield service
    systemctl("stop", UNIT)


def test_start(service, lab):
    assert show("ActiveState") == "active"
    assert service.tunnel()["detail"]["driver"] == "kernel"
    assert lab.client.ping(gw.INTERNET6[0])
    # Type=notify: systemd knew it was ready by READY=1
    assert show("Type") == "notify" and show("NotifyAccess") == "main"
    assert systemctl("is-active", "gatewayd.service").stdout.strip() == \
        "active"


def test_journal_knows_priorities(service):
    records = journal()
    ready = [r for r in records if "ready;" in str(r["MESSAGE"])]
    assert ready and ready[0]["PRIORITY"] == "6", records
    assert not any(str(r["MESSAGE"]).startswith("<") for r in records)


def test_reload_verdict(service, lab):
    text = CONF.read_text()
    index = lab.client.ifindex("he0")
    systemctl("reload", UNIT)
    service.write(text + "bogus = 1\n")
    assert systemctl("reload", UNIT, check=False).returncode != 0
    line = "%s:%d:1:" % (CONF, text.count("\n") + 1)
    gw.wait_for(lambda: line in service.log(), 20, "the error in the journal")
    assert show("ActiveState") == "active" and service.state() == "up"
    assert lab.client.ifindex("he0") == index
    service.write(text)
    systemctl("reload", UNIT)


def kill_under_flood(service, lab, pid_of):
    """kill -9; systemd restarts it, and not one packet is lost."""
    index = lab.client.ifindex("he0")
    restarts, old = int(show("NRestarts")), service.pid
    flood = gw.Flood(lab.client, gw.INTERNET6[0])
    time.sleep(1)
    os.kill(pid_of(), signal.SIGKILL)
    gw.wait_for(lambda: int(show("NRestarts")) == restarts + 1 and
                show("ActiveState") == "active", 60, "the restart", 0.5)
    service.wait_up()
    time.sleep(1)
    seen = flood.stop()
    assert seen["sent"] > 200, seen
    assert seen["lost"] == [] and seen["errors"] == 0, seen
    assert service.pid != old
    assert lab.client.ifindex("he0") == index


def test_killed_main_process(service, lab):
    kill_under_flood(service, lab, lambda: service.pid)


def test_killed_child(service, lab):
    kill_under_flood(service, lab, lambda: service.children()["frontend"])
    assert "frontend" in service.log() and "killed by signal 9" in \
        service.log()


def test_restart_with_keep_is_lossless(service, lab):
    service.configure({"core": {"on_exit": "keep"}})
    systemctl("reload", UNIT)
    index = lab.client.ifindex("he0")
    flood = gw.Flood(lab.client, gw.INTERNET6[0])
    time.sleep(1)
    systemctl("restart", UNIT)
    service.wait_up()
    seen = flood.stop()
    assert seen["lost"] == [] and seen["errors"] == 0, seen
    assert lab.client.ifindex("he0") == index
    service.configure({"core": {"on_exit": "remove"}})
    systemctl("reload", UNIT)


def test_userspace_wireguard(service, lab):
    """The unit's filters leave launcher and wireguard-go what they need."""
    key = wgbroker.Key()
    broker = wgbroker.Broker(lab.broker_ns, key.public, kernel=False)
    file = CONF.with_name("v6-gatewayd-wg.conf")
    file.write_text(wgbroker.section("Interface", {
        "PrivateKey": key.private, "Address": "2001:db8:77::2/64"}) +
        broker.peer(gw.BROKER4, PersistentKeepalive=25))
    file.chmod(0o600)
    service.configure({"tunnel.wg": {
        "type": "wireguard", "driver": "userspace", "iface": "wgs0",
        "conf": file, "priority": 9}})
    try:
        service.ctl("reload")
        gw.wait_for(lambda: broker.handshake() > 0, 20 * gw.SLOW,
                    "a handshake")
        assert service.tunnel("wg")["detail"]["driver"] == "userspace"
        assert service.state() == "up"
    finally:
        service.configure({"tunnel.wg": None})
        service.ctl("reload")
        broker.close()


def test_stop(service, lab):
    systemctl("stop", UNIT)
    assert show("ActiveState") == "inactive" and show("Result") == "success"
    assert lab.client.ifindex("he0") is None
    systemctl("start", UNIT)
    service.wait_up()
