"""Very many tunnels: the lab of multilab.py without its ways, one namespace
with the far ends of as many 6in4 tunnels as are asked for, and interfaces of
somebody else's.

    client, router ---- 198.51.100.253, 10.41.0.1, 10.41.0.2, ... ---- internet
                        2001:db8:1001:1::1, 2001:db8:1002:1::1, ...
    client ------------ external interfaces x1, x2, ... -------------- internet
"""

import brokers
import gw
import multilab

MAC = multilab.External.MAC


def endpoint(i):
    return "10.41.%d.%d" % (i >> 8, i & 255)


def net(i):
    return "2001:db8:%x" % (0x1000 + i)


def address(i):
    return net(i) + ":1::2"


def gateway(i):
    return net(i) + ":1::1"


class Lab(multilab.Lab):
    """tunnels: how many, numbered from 1; externals: and so many more."""

    def __init__(self, tunnels, externals=0):
        self.tunnels = range(1, tunnels + 1)
        self.externals = range(tunnels + 1, tunnels + externals + 1)
        super().__init__([])

    def build(self, client):
        super().build(client)
        self.ns = self.prepare(gw.Namespace("n"))
        self.veth(self.router, "many", self.ns, "wan")
        self.veth(self.internet, "many", self.ns, "core")
        self.router.batch("link set many master bridge",
                          "route add 10.41.0.0/16 via 198.51.100.253")
        self.internet.batch(
            "link set many master core",
            "route add 2001:db8:1000::/36 via 2001:db8:ffff::253")
        self.ns.batch(
            "addr add 198.51.100.253/24 dev wan",
            "route add default via 198.51.100.254",
            "route add local 10.41.0.0/16 dev lo",
            "addr add 2001:db8:ffff::253/64 dev core nodad",
            "route add 2001:db8:f00d::/48 via 2001:db8:ffff::ffff",
            *["route add local %s/128 dev lo" % gateway(i)
              for i in self.tunnels])
        self.ns.sysctl("ipv6/conf/all/forwarding", 1)
        self.far_ends()
        self.make_externals()

    def far_ends(self):
        if self.kernel_sit:
            self.ns.batch(*["link add s%d type sit local %s remote %s ttl 64"
                            % (i, endpoint(i), gw.CLIENT4)
                            for i in self.tunnels],
                          *["link set s%d up" % i for i in self.tunnels],
                          *["route add %s::/48 dev s%d" % (net(i), i)
                            for i in self.tunnels])
            return
        broker = brokers.Python(self.ns, "0.0.0.0", gw.CLIENT4)
        self.stack.callback(broker.close)
        self.ns.batch("link set tun up mtu 1480 txqueuelen 10000",
                      "route add 2001:db8:1000::/36 dev tun")

    def make_externals(self):
        self.client.batch(*[
            "link add x%d address %s type veth peer name x%d address %s "
            "netns %s" % (i, MAC, i, MAC, self.internet.name)
            for i in self.externals])
        for ns, end in (self.client, address), (self.internet, gateway):
            ns.batch(*["link set x%d arp off up" % i for i in self.externals],
                     *["addr add %s/64 dev x%d nodad" % (end(i), i)
                       for i in self.externals])

    def drop(self, i, on=True):
        """One tunnel loses all, silently, at the router."""
        self.router.ip("route %s blackhole %s/32" % (
            "add" if on else "del", endpoint(i)))

    def sections(self):
        """For the daemon, in the order of their numbers, the first best."""
        return {
            **{"tunnel.t%d" % i: {
                "type": "he_6in4", "iface": "t%d" % i,
                "endpoint_ipv4": endpoint(i), "v6_prefix": address(i),
                "priority": i} for i in self.tunnels},
            **{"tunnel.x%d" % i: {
                "type": "external", "iface": "x%d" % i,
                "gateway_v6": gateway(i), "priority": i}
                for i in self.externals}}

    def states(self, daemon):
        """{state: how many tunnels}"""
        counts = {}
        for tunnel in daemon.get("/tunnels").json()["tunnels"]:
            counts[tunnel["state"]] = counts.get(tunnel["state"], 0) + 1
        return counts
