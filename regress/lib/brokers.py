"""The far ends of 6in4 tunnels, each in a namespace of its own.

Both kinds do the same, one in user space and one with the kernel's sit:

    client(address)     the tunnel's IPv4 end (a broker's endpoint update)
    drop(on)            lose all
    refuse(on)          answer with an ICMPv4 unreachable instead
    narrow(mtu)         lose, unsaid, IPv6 packets from the client that are
                        larger; 0: none
    delay(ms)           hold packets that go to the client
    loss(percent)       lose that many of them
    limit(on)           send one such unreachable a second, as Linux does
    reset()             undo all of it but client()

device and mtu are those of the tunnel's interface there.
"""

import pathlib
import subprocess
import sys

PROGRAM = pathlib.Path(__file__).resolve().with_name("broker.py")


class Rules:
    """A chain of nftables for what comes in to a namespace.

    nft(8) waits for its lines: to start it anew would take its time.
    """

    def __init__(self, ns):
        self.nft = subprocess.Popen(
            ns.argv("nft", "-i"), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.tell("add table inet gw; add chain inet gw in "
                  "{ type filter hook input priority 0; }")

    def tell(self, line):
        self.nft.stdin.write(line + "\nlist tables\n")
        self.nft.stdin.flush()
        assert self.nft.stdout.readline() == "table inet gw\n"

    def set(self, *rules):
        """These and no others, at once."""
        self.tell("; ".join(["flush chain inet gw in"] + [
            "add rule inet gw in " + rule for rule in rules]))

    def close(self):
        self.nft.stdin.close()
        self.nft.wait(timeout=10)


class Python:
    """broker.py in its namespace: TUN and a raw socket."""

    device, mtu = "tun", 1480

    def __init__(self, ns, local, client):
        self.process = subprocess.Popen(
            ns.argv(sys.executable, PROGRAM, "tun", local, client),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ok\n"

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        assert answer and answer[0] == "ok", (line, answer)
        return answer[1:]

    def client(self, address):
        self.tell("client " + address)

    def drop(self, on=True):
        self.tell("drop " + ("on" if on else "off"))

    def refuse(self, on=True):
        self.tell("refuse " + ("on" if on else "off"))

    def limit(self, on=True):
        self.tell("limit " + ("on" if on else "off"))

    def narrow(self, mtu):
        self.tell("narrow %s" % mtu)

    def delay(self, ms):
        self.tell("delay %s" % ms)

    def loss(self, percent):
        self.tell("loss %s" % percent)

    def reset(self):
        self.tell("reset")

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


class Sit:
    """The same with the kernel's sit, netem and nftables."""

    device, mtu = "tun", 1480

    def __init__(self, ns, local, client):
        self.ns = ns
        self.local = local
        self.address = client
        ns.ip("link add tun type sit remote %s local %s ttl 64" %
              (client, local))
        self.rules = Rules(ns)
        self.limit(False)

    def remote(self, address):
        self.ns.ip("link set tun type sit remote %s local %s ttl 64" %
                   (address, self.local))

    def client(self, address):
        self.address = address
        self.remote(address)

    def drop(self, on=True):
        self.rules.set(*["ip protocol 41 drop"] * on)

    def narrow(self, mtu):
        self.rules.set(*["ip protocol 41 ip length > %d drop" %
                         (mtu + 20)] * bool(mtu))

    def refuse(self, on=True):
        """A client that no tunnel is for gets port unreachable."""
        self.remote("192.0.2.250" if on else self.address)

    def limit(self, on=True):
        self.ns.sysctl("ipv4/icmp_ratelimit", 1000 if on else 0)

    def netem(self, options):
        self.ns.run("tc", "qdisc", "replace", "dev", "tun", "root", "netem",
                    *options.split())

    def delay(self, ms):
        self.netem("delay %sms" % ms)

    def loss(self, percent):
        self.netem("loss %s%%" % percent)

    def reset(self):
        self.drop(False)
        self.refuse(False)
        self.limit(False)
        self.ns.run("tc", "qdisc", "del", "dev", "tun", "root", check=False)

    def close(self):
        self.rules.close()
