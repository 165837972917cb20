"""The link layer with WireGuard: linkd on one side, a server on the other.

The kernel's driver where the kernel has one, else wireguard-go, on both
sides.
"""

import box as boxes
import gw
import wgbroker
from box import ONLINK, address, link, routes

ENDPOINT, SECOND = gw.BROKER4, "198.51.100.2"
MTU = 1440


class Box(boxes.Box):
    """A Box whose far end has two addresses and a WireGuard server."""

    def __init__(self, tmp_path, kernel):
        super().__init__(tmp_path)
        self.kernel = kernel
        self.driver = "kernel" if kernel else "userspace"
        self.iface = wgbroker.unique()
        self.key = wgbroker.Key()
        self.far.batch("addr add %s/24 dev wan" % gw.ROUTER4,
                       *["addr add %s/32 dev lo" % endpoint
                         for endpoint in (ENDPOINT, SECOND)])
        self.broker = wgbroker.Broker(self.far, self.key.public, kernel)
        self.far.ip("addr add %s/64 dev %s nodad" % (
            gw.BROKER6, self.broker.device))

    def file(self, *peers, **interface):
        """Writes the wg-quick file; without peers, of the one server."""
        path = self.dir / "wg.conf"
        path.write_text(wgbroker.section("Interface", dict(
            {"PrivateKey": self.key.private,
             "Address": gw.CLIENT6 + "/64"}, **interface)) + "".join(
                 peers or [self.broker.peer(ENDPOINT)]))
        path.chmod(0o600)
        return path

    def section(self, **keys):
        return dict({"type": "wireguard", "iface": self.iface,
                     "conf": self.dir / "wg.conf"}, **keys)

    def wg_conf(self, **keys):
        return self.conf({"wg": self.section(**keys)})

    def begin(self, want="active", **keys):
        """A linkd that is told of the tunnel; self.file() comes before."""
        d = self.linkd()
        d.tell("conf %s" % self.wg_conf(**keys))
        d.tell("want wg " + want)
        return d

    def ready(self, want="active", **keys):
        d = self.begin(want, **keys)
        d.wait_state("ready", "wg")
        return d

    def show(self, what):
        """wg show of our interface: a list of lines, each split."""
        out = self.ns.run("wg", "show", self.iface, what).stdout
        return [line.split() for line in out.splitlines()]

    def set(self, *args):
        """Somebody changes it behind our back."""
        self.ns.run("wg", "set", self.iface, *args)

    def link(self):
        return link(self, self.iface)

    def ping(self, count=1):
        """Waits for a second try of the handshake: 5 s after the first."""
        return self.ns.ping(gw.BROKER6, count=count, wait=8)

    def stands(self, mtu=MTU):
        there = self.link()
        return (there is not None and "UP" in there["flags"] and
                there["mtu"] == mtu and there["ifalias"] == "gatewayd:wg" and
                [a["local"] for a in address(self, self.iface)] ==
                [gw.CLIENT6] and routes(self, self.iface) == sorted(
                    [ONLINK] + ["default %s metric 2048 advmss %d" % (
                        how, mtu - 60) for how in (
                            "from %s/64" % gw.PREFIX,
                            "src " + gw.CLIENT6)]))

    def close(self):
        super().close()
        self.broker.close()
