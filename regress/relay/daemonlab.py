"""The whole daemon as a SOCKS server: multilab.py's picture, with hosts of
both families behind it and a name server that takes its time.

IPv6's hosts are in the Internet, behind the tunnels; IPv4's are the router's.
"""

import socket

import brokers
import etc
import gw
import multilab
import nameserver
from relaylab import PORT, Proxy, Server

NET6 = "2001:db8:f00d::"
GOOD6, REFUSES6, PROHIBITS6 = NET6 + "a1", NET6 + "c1", NET6 + "c2"
SILENT6 = [NET6 + "b1", NET6 + "b2", NET6 + "b3"]
LOSES6 = NET6 + "d1"        # a connection's first SYN
ABSENT6 = NET6 + "e1"       # from the link that it should be on
NO_ROUTE6 = NET6 + "e2"
UNIQUE_LOCAL6 = "fd00:db8::a1"
GOOD4 = "203.0.113.80"
A, AAAA, SERVFAIL, NXDOMAIN = 1, 28, 2, 3
NEVER = -1
DNS, DEAD_DNS = "127.0.0.1", "127.0.0.3"


class NameServer(nameserver.NameServer):
    """zone: {name: {type: (ms, addresses or a code)}}; what stands before a
    name is let be, so that each question can be a new one."""

    ttl = 60

    def __init__(self, ns, ip):
        self.zone = {}
        super().__init__(ns, ip)

    def answers(self, query):
        kinds = self.zone.get(query.name.split(".", 1)[-1], {})
        ms, found = kinds.get(query.kind, (0, []))
        if ms == NEVER:
            return []
        if found in (SERVFAIL, NXDOMAIN):
            return [(ms / 1000, query.reply(code=found))]
        family = socket.AF_INET if query.kind == A else socket.AF_INET6
        return [(ms / 1000, query.reply([nameserver.record(
            query.name, query.kind, self.ttl, socket.inet_pton(family, address))
            for address in found]))]


class Lab(multilab.Lab):
    good6 = gw.WEB6

    def build(self, client):
        super().build(client)
        self.ns, self.far = self.client, self.internet
        self.internet.batch(*["addr add %s/128 dev lo nodad" % address
                              for address in (GOOD6, REFUSES6, PROHIBITS6,
                                              LOSES6, UNIQUE_LOCAL6,
                                              *SILENT6)])
        for way in self.ways:
            way.ns.batch(
                "route add %s/128 via 2001:db8:ffff::ffff" % UNIQUE_LOCAL6,
                "route add %s/128 dev core" % ABSENT6)
        self.client.ip("-6 route add unreachable %s/128" % NO_ROUTE6)
        self.router.ip("addr add %s/32 dev lo" % GOOD4)
        self.set_rules()
        Server(self.internet)
        Server(self.router)
        self.etc = etc.Etc(self.dir / "etc")
        self.etc.put("nsswitch.conf", "hosts: files dns\n")
        self.etc.put("hosts", "127.0.0.1 localhost\n")
        self.name_servers(DNS)
        self.dns = NameServer(self.client, DNS)
        self.stack.callback(self.dns.close)
        self.inside = etc.Namespace(self.client, self.etc)

    def set_rules(self):
        """What becomes of SYNs."""
        rules = brokers.Rules(self.internet)
        self.stack.callback(rules.close)
        rules.tell("add set inet gw seen { type inet_service; "
                   "flags dynamic,timeout; timeout 20s; }")
        rules.set(
            "ip6 daddr %s tcp sport @seen accept" % LOSES6,
            "ip6 daddr %s tcp flags syn add @seen { tcp sport } drop" % LOSES6,
            *["ip6 daddr %s meta l4proto tcp drop" % a for a in SILENT6],
            "ip6 daddr %s meta l4proto tcp reject with tcp reset" % REFUSES6,
            "ip6 daddr %s meta l4proto tcp reject with "
            "icmpv6 type admin-prohibited" % PROHIBITS6)

    def name_servers(self, *servers):
        self.etc.put("resolv.conf", "".join(
            "nameserver %s\n" % server for server in servers))

    def daemon(self, **kwargs):
        return Daemon(self, ns=self.inside, **kwargs)

    def curl(self, name, limit):
        """(seconds until it is connected, its family), or None."""
        out = gw.sh(*self.inside.argv(
            "curl", "-q", "-s", "-m", limit, "-o", "/dev/null", "-w",
            "%{time_connect} %{remote_ip}", "http://%s:%d/" % (name, PORT)),
            check=False).stdout.split()
        if len(out) < 2:        # no address: it was not connected
            return None
        return float(out[0]), 6 if ":" in out[1] else 4


class Socks(Proxy):
    """The daemon's SOCKS server, as a user's clients see it."""

    def __init__(self, lab, uid=0):
        self.lab = lab
        self.port = 1080
        self.uid = uid

    def socket(self):
        s = self.lab.client.call(self.own_socket)
        s.settimeout(20)
        s.connect(("127.0.0.1", self.port))
        return s

    def own_socket(self):
        """In a thread that ends with this."""
        gw.libc.setfsuid(self.uid)
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM)


class Daemon(multilab.Daemon):
    def default_conf(self):
        conf = super().default_conf()
        conf["exposure"] = {"mode": "socks5"}
        return conf

    def reload(self, changes):
        mark = self.log_mark()
        self.configure(changes)
        self.ctl("reload")
        self.wait_log("in force", mark)
