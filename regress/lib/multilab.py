"""A lab with several tunnels, each a separate way to one Internet.

    client ns                  router ns            broker ns, one per way
    wan  192.0.2.2/24 ------- 192.0.2.1/24
                                         bridge --- 198.51.100.1, .2, ...
    wan2 203.0.113.2/24 ----- 203.0.113.1/24          |
                                                      | 2001:db8:ffff::1, ...
    the daemon's tunnels, through the brokers     bridge, internet ns
    2001:db8:101:1::2, 2001:db8:102:1::2, ...     2001:db8:f00d::8888, ::80

A packet of a way's prefix comes back through that way's broker and no other.
The ways are called a, b, c, ... and so are their tunnels; interfaces are a0,
b0, c0.  An address that one broker is not the way for never passes it.
"""

import contextlib
import socket

import gw
import rtmon
import traffic
import wgbroker

WANS = {"wan": ("192.0.2.2", "192.0.2.1"),
        "wan2": ("203.0.113.2", "203.0.113.1")}
PORT = 7                    # of the server in the Internet


class Way:
    """One tunnel's far end: lab.a, lab.b, ..."""

    def __init__(self, lab, number, name):
        self.lab = lab
        self.name = name
        self.number = number
        self.iface = name + "0"
        self.endpoint = "198.51.100.%d" % number
        self.net = "2001:db8:%x" % (0x100 + number)     # a /48
        self.prefix = self.net + ":1::"
        self.address = self.prefix + "2"
        self.gateway = self.prefix + "1"
        self.ns = lab.prepare(gw.Namespace("b"))

    def connect(self):
        """To the router, to the Internet, and to the client's tunnel."""
        lab, ns = self.lab, self.ns
        lab.veth(lab.router, "b%d" % self.number, ns, "wan")
        lab.veth(lab.internet, "b%d" % self.number, ns, "core")
        lab.router.ip("link set b%d master bridge" % self.number)
        lab.internet.ip("link set b%d master core" % self.number)
        ns.batch("addr add %s/24 dev wan" % self.endpoint,
                 "route add default via 198.51.100.254",
                 "addr add 2001:db8:ffff::%x/64 dev core nodad" % self.number,
                 "route add 2001:db8:f00d::/48 via 2001:db8:ffff::ffff")
        ns.sysctl("ipv6/conf/all/forwarding", 1)
        lab.internet.ip("-6 route add %s::/48 via 2001:db8:ffff::%x" % (
            self.net, self.number))
        self.broker = self.new_broker()
        ns.batch("link set %s up mtu %d txqueuelen 10000" % (
            self.broker.device, self.broker.mtu),
            "addr add %s/64 dev %s nodad" % (self.gateway,
                                             self.broker.device))

    def new_broker(self):
        return self.lab.new_broker(self.ns, self.endpoint, gw.CLIENT4)

    def conf(self, **keys):
        """The section of its tunnel."""
        return dict({"type": "he_6in4", "iface": self.iface,
                     "endpoint_ipv4": self.endpoint,
                     "v6_prefix": self.address,
                     "priority": self.number}, **keys)

    def forge(self, packet):
        """Sends an IPv6 packet of ours to the client, as if forwarded."""
        with self.ns.socket(socket.AF_INET, socket.SOCK_RAW, 41) as sock:
            sock.bind((self.endpoint, 0))
            sock.sendto(packet, (gw.CLIENT4, 0))


class WireGuard(Way):
    """The kernel's where it has it, at both ends, else wireguard-go."""

    def new_broker(self):
        self.iface = wgbroker.unique()      # wireguard-go's socket bears it
        self.key = wgbroker.Key()
        broker = wgbroker.Broker(self.ns, self.key.public)
        self.lab.stack.callback(broker.close)
        return broker

    def conf(self, **keys):
        file = self.lab.dir / (self.name + ".conf")
        file.touch(0o600)
        file.write_text(wgbroker.section("Interface", {
            "PrivateKey": self.key.private,
            "Address": self.address + "/64"}) +
            self.broker.peer(self.endpoint))
        return dict({"type": "wireguard", "iface": self.iface, "conf": file,
                     "gateway_v6": self.gateway, "priority": self.number},
                    **keys)


class External:
    """An interface that is not the daemon's: a veth to the Internet that
    needs no neighbours, as a tunnel does not."""

    MAC = "02:00:00:00:00:01"           # both ends': all is for them

    def __init__(self, lab, iface, prefix):
        self.lab = lab
        self.iface = iface
        self.address = prefix + "2"
        self.gateway = prefix + "1"
        lab.client.ip("link add %s address %s type veth peer name %s "
                      "address %s netns %s" % (
                          iface, self.MAC, iface, self.MAC,
                          lab.internet.name))
        for ns, address in ((lab.client, self.address),
                            (lab.internet, self.gateway)):
            ns.no_offloads(iface)
            ns.batch("link set %s arp off up" % iface,
                     "addr add %s/64 dev %s nodad" % (address, iface))

    def drop(self, on=True):
        """What comes back vanishes."""
        self.lab.internet.ip("-6 route %s blackhole %s/128" % (
            "add" if on else "del", self.address))


class Lab(gw.Lab):
    """The picture above.

    ways: how many for 6in4, or a list of Way and WireGuard.
    """

    def __init__(self, ways=3):
        self.kinds = [Way] * ways if isinstance(ways, int) else ways
        super().__init__()

    def build(self, client):
        self.make_dir()
        self.kernel_sit = gw.has_sit()
        self.client = self.prepare(client or gw.Namespace("c"))
        self.router = self.prepare(gw.Namespace("r"))
        self.internet = self.prepare(gw.Namespace("i"))
        for wan, (_, gateway) in WANS.items():
            self.veth(self.client, wan, self.router, wan)
            self.router.ip("addr add %s/24 dev %s" % (gateway, wan))
        self.router.sysctl("ipv4/ip_forward", 1)
        self.router.batch("link add bridge type bridge",
                          "link set bridge up",
                          "addr add 198.51.100.254/24 dev bridge")
        self.internet.batch("link add core type bridge", "link set core up")
        self.address_internet()
        self.ways = []
        for number, kind in enumerate(self.kinds, 1):
            way = kind(self, number, chr(ord("a") + number - 1))
            way.connect()
            setattr(self, way.name, way)
            self.ways.append(way)
        self.server = traffic.Server(self.internet, gw.WEB6, PORT)
        self.stack.callback(self.server.close)
        self.reset()

    def address_internet(self):
        self.internet.batch(
            "addr add 2001:db8:ffff::ffff/64 dev core nodad",
            *["addr add %s/128 dev lo nodad" % address
              for address in gw.INTERNET6 + [gw.WEB6]])

    def reset(self):
        """As at the beginning; interfaces that were made are removed."""
        self.remove_interfaces("lo", *WANS)
        for way in self.ways:
            way.broker.reset()
            way.broker.client(gw.CLIENT4)
        for wan, (address, gateway) in WANS.items():
            self.router.ip("link set %s up" % wan)
            self.client.batch(
                "link set %s up mtu 1500" % wan,
                "addr flush dev %s scope global" % wan,
                "addr add %s/24 dev %s" % (address, wan),
                "route replace default via %s dev %s metric %d" % (
                    gateway, wan, 100 * len(wan)))

    def external(self, iface, prefix):
        return External(self, iface, prefix)

    def ours(self):
        """Interfaces of our plain defaults, in a list."""
        return [route["dev"] for route in
                self.client.json("-6 route show default")
                if route.get("protocol") == gw.PROTO and "from" not in route]

    def daemon(self, **kwargs):
        return Daemon(self, **kwargs)

    @contextlib.contextmanager
    def watch(self):
        """A flow, new connections and a Monitor, as one Watch."""
        watch = Watch(self)
        try:
            yield watch
        finally:
            watch.close()


class Daemon(gw.Daemon):
    """With a tunnel for each way, the first one best."""

    def default_conf(self):
        conf = super().default_conf()
        del conf["tunnel.he"]
        for way in self.lab.ways:
            conf["tunnel." + way.name] = way.conf()
        # a way that works again does so at once, unless a test wants it held
        conf["health"].update({"interval": "500ms", "standby_interval": "1s",
                               "window": "60s", "hold_down": "0s"})
        return conf

    def up(self):
        """Starts and waits for all tunnels."""
        self.start()
        for section in self.conf:
            if section.startswith("tunnel."):
                self.wait_state("up", name=section[len("tunnel."):])
        return self

    def role(self, name):
        return self.tunnel(name)["detail"]["role"]

    def active(self):
        """The name of the active tunnel, or None."""
        for tunnel in self.get("/tunnels").json()["tunnels"]:
            if self.role(tunnel["name"]) == "active":
                return tunnel["name"]
        return None


class Watch:
    """What applications and the kernel see from now on."""

    INTERVAL = 0.04 if gw.IN_GUEST else 0.02

    def __init__(self, lab):
        self.lab = lab
        self.clients = [
            traffic.Client(lab.client, kind, gw.WEB6, PORT, self.INTERVAL)
            for kind in (traffic.Flow, traffic.Connections)]
        self.monitor = rtmon.Monitor(lab.client)
        self.flow = self.connections = None

    def stop(self):
        """Ends the traffic; flow and connections are what it saw."""
        if self.clients:
            self.flow, self.connections = [
                client.stop() for client in self.clients]
            self.clients = []
        return self

    def between(self, start, end=float("inf")):
        """New connections that began then."""
        return [c for c in self.connections if start <= c[0] < end]

    def close(self):
        self.stop()
        self.monitor.close()
