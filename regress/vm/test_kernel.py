"""What only Debian's kernel can show: the userspace driver against the
kernel's sit, and many kernel tunnels at once.  The scenarios of regress/net
that are marked "both" run here too, with the kernel driver."""

import json

import pytest

import gw

pytestmark = pytest.mark.vm

TUNNELS = 64


def test_the_guest_has_sit(lab):
    assert lab.kernel_sit


def test_userspace_driver_against_kernel_sit(daemon, lab):
    daemon.configure({"tunnel.he": {"driver": "userspace"}})
    daemon.up()
    assert daemon.tunnel()["detail"]["driver"] == "userspace"
    c = lab.client
    assert c.json("-d link show dev he0")[0]["linkinfo"]["info_kind"] == "tun"
    for size in (8, 1232, 1400, 4000):
        # the first large answer may only tell its sender the path's MTU
        assert c.ping(gw.INTERNET6[0], "-s", size, count=3), size
    text = "".join("line %d\n" % i for i in range(50000))
    out = c.run("curl", "-sS", "-f", "-g", "-m", "60", lab.web(text)).stdout
    assert out == text


def test_packet_too_big_reaches_the_sender(daemon, lab):
    """A packet larger than the tunnel, from a host behind us."""
    daemon.configure({"tunnel.he": {"driver": "userspace", "mtu": 1280}})
    daemon.up()
    c = lab.client
    out = c.run("ping", "-6", "-n", "-c", "1", "-W", "2", "-M", "do", "-s",
                "1400", gw.INTERNET6[0], check=False)
    assert out.returncode != 0 and "1280" in out.stdout, out.stdout
    assert c.ping(gw.INTERNET6[0], "-s", "1232")


def test_many_tunnels(daemon, lab):
    """They come up, and leave nothing behind when they are removed."""
    c = lab.client
    for i in range(1, TUNNELS):
        daemon.conf["tunnel.t%d" % i] = {
            "type": "he_6in4", "iface": "t%d" % i,
            "endpoint_ipv4": "203.0.113.%d" % i,
            "v6_prefix": "2001:db8:%x::2" % (0x100 + i)}
    daemon.configure({})
    daemon.up()

    def made():
        links = c.json("-d link show type sit")
        return sum(link.get("ifalias", "").startswith("gatewayd:")
                   for link in links) == TUNNELS

    gw.wait_for(made, 10 * gw.SLOW, "all interfaces")
    out = json.loads(daemon.ctl("-j", "show", "tunnels").stdout)
    assert len(out["tunnels"]) == TUNNELS
    daemon.stop()
    left = [link["ifname"] for link in c.json("link show type sit")]
    assert left in ([], ["sit0"]), left
