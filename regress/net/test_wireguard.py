"""The whole daemon with a WireGuard tunnel: each driver against the kernel's
WireGuard and against wireguard-go, neither of them ours."""

import base64
import os
import signal
import time

import pytest

import gw
import wgbroker

USER = pytest.param(False, False, id="wireguard-go/wireguard-go")
KERNEL = pytest.param(True, True, id="kernel/kernel", marks=pytest.mark.vm)
MIXED = [pytest.param(True, False, id="kernel/wireguard-go",
                      marks=pytest.mark.vm),
         pytest.param(False, True, id="wireguard-go/kernel",
                      marks=pytest.mark.vm)]


class Lab(gw.Lab):
    """Its broker is a WireGuard server, in the kernel or wireguard-go."""

    def __init__(self, kernel, far_kernel):
        self.driver = "kernel" if kernel else "userspace"
        self.far_kernel = far_kernel
        self.key = wgbroker.Key()
        self.iface = wgbroker.unique()
        super().__init__()

    def new_broker(self, ns, local, client):
        broker = wgbroker.Broker(ns, self.key.public, self.far_kernel)
        self.stack.callback(broker.close)
        return broker

    def daemon(self):
        file = self.dir / "wg.conf"
        file.write_text(wgbroker.section("Interface", {
            "PrivateKey": self.key.private,
            "Address": gw.CLIENT6 + "/64"}) + self.broker.peer(gw.BROKER4))
        file.chmod(0o600)
        return gw.Daemon(self, {"tunnel.he": None, "tunnel.wg": {
            "type": "wireguard", "iface": self.iface, "conf": file,
            "driver": self.driver, "gateway_v6": gw.BROKER6}})


@pytest.fixture
def wg(request):
    lab = Lab(*request.param)
    daemon = lab.daemon()
    try:
        daemon.start()
        daemon.wait_state("up", 20, "wg")
        yield daemon
    finally:
        daemon.close()
        lab.close()


def pairs(*which):
    """One lab for each (driver, far end)."""
    return pytest.mark.parametrize("wg", [pytest.param(
        p.values, id=p.id, marks=p.marks) for p in which], indirect=True)


def detail(daemon):
    return daemon.tunnel("wg")["detail"]


@pairs(USER, KERNEL, *MIXED)
def test_up_and_through(wg):
    lab, c = wg.lab, wg.lab.client
    before = lab.broker.transfer()
    for size in (8, 1232, 1392, 4000):
        # the first large answer may only tell its sender the path's MTU
        assert c.ping(gw.INTERNET6[0], "-s", size, count=3), size
    text = "".join("line %d\n" % i for i in range(50000))
    out = c.run("curl", "-sS", "-f", "-g", "-m", "60", lab.web(text)).stdout
    assert out == text
    received, sent = lab.broker.transfer()
    assert received > before[0] and sent > before[1] + len(text)
    tunnel = wg.tunnel("wg")
    assert (tunnel["type"], tunnel["iface"]) == ("wireguard", lab.iface)
    assert tunnel["detail"]["driver"] == lab.driver
    assert tunnel["detail"]["mtu"] == 1440
    assert tunnel["detail"]["endpoint_remote"] == gw.BROKER4
    # a sample a second, and wireguard-go's answer comes with the next
    gw.wait_for(lambda: detail(wg)["handshake"], 5 * gw.SLOW,
                "the handshake")
    assert abs(detail(wg)["handshake"] -
               lab.broker.handshake()) <= 2 * gw.SLOW
    gw.wait_for(lambda: wg.tunnel("wg")["rx_bytes"] > len(text),
                5 * gw.SLOW, "the counters")


@pytest.mark.plain          # a sanitizer's shadow is too large to read
@pairs(USER)
def test_keys_stay_where_they_are(wg):
    """In the parent, and on the way to the driver."""
    key = wg.lab.key.private
    forms = key, base64.b64decode(key).hex()
    wg.ctl("reload")
    for text in (wg.log(), wg.get("/config").body.decode(),
                 wg.ctl("show", "config").stdout):
        assert not [form for form in forms if form in text]
    raw = base64.b64decode(key)
    for role, pid in wg.children().items():
        assert not holds(pid, [raw] + [form.encode() for form in forms]), role


def holds(pid, secrets):
    """Whether one of these is in the memory of a process."""
    with open("/proc/%d/maps" % pid) as maps, \
            open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            words = line.split()
            if not words[1].startswith("rw") or "[v" in line:
                continue
            start, end = (int(x, 16) for x in words[0].split("-"))
            mem.seek(start)
            try:
                data = mem.read(end - start)
            except OSError:
                continue
            if any(secret in data for secret in secrets):
                return True
    return False


@pairs(USER)
def test_silence_and_back(wg):
    wg.lab.broker.drop()
    wg.wait_state("down", 10, "wg")
    wg.lab.broker.drop(False)
    wg.wait_state("up", 30, "wg")
    assert wg.ns.ping(gw.INTERNET6[0])


@pairs(USER, KERNEL)
def test_peer_removed_by_somebody(wg):
    """The verdict is there at once, and with it the repair."""
    wg.ns.run("wg", "set", wg.lab.iface, "peer", wg.lab.broker.key.public,
              "remove")
    gw.wait_for(lambda: wg.lab.broker.key.public in wg.ns.run(
        "wg", "show", wg.lab.iface, "peers").stdout, 5 * gw.SLOW,
        "the peer")
    wg.wait_state("up", 30, "wg")
    assert wg.ns.ping(gw.INTERNET6[0], wait=8)
    if wg.lab.driver == "kernel":
        assert wg.logged("a peer was missing")


@pairs(USER, KERNEL)
def test_crash_and_adoption(wg):
    lab = wg.lab
    index, handshake = wg.ns.ifindex(lab.iface), lab.broker.handshake()
    flood = gw.Flood(wg.ns, gw.INTERNET6[0], 0.02 * gw.SLOW)
    children = wg.children()
    os.kill(wg.pid, signal.SIGKILL)
    wg.process.wait()
    for pid in children.values():
        gw.wait_for(lambda: not os.path.exists("/proc/%d" % pid),
                    5 * gw.SLOW, "the children's end")
    wg.start()
    wg.wait_state("up", 20, "wg")
    time.sleep(0.2 * gw.SLOW)
    result = flood.stop()
    assert wg.ns.ifindex(lab.iface) == index
    assert wg.logged("took over " + lab.iface)
    if lab.driver == "kernel":
        assert result["lost"] == [], result
        assert lab.broker.handshake() == handshake
    assert wg.ns.ping(gw.INTERNET6[0], wait=8)


@pytest.mark.host
@pairs(USER, KERNEL)
def test_stop(wg):
    wg.stop()
    assert wg.ns.ifindex(wg.lab.iface) is None
    assert "proto " + gw.PROTO not in wg.ns.ip("-6 route show")
    assert not (wgbroker.RUN / (wg.lab.iface + ".sock")).exists()
