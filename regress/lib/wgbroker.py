"""The far ends of WireGuard tunnels, each in a namespace of its own.

No code of the daemon's: the kernel's WireGuard or wireguard-go, configured by
wg(8).  What can be done to the line is as in brokers.py.  All namespaces share
/run/wireguard, so an interface of wireguard-go has a name of its own there.
"""

import base64
import hashlib
import itertools
import os
import pathlib
import subprocess

import brokers
import gw

RUN = pathlib.Path("/run/wireguard")
PORT = 51820
numbers = itertools.count()


def unique():
    """A name for an interface that no other test has."""
    return "gw%d-%d" % (os.getpid(), next(numbers))


def has_kernel():
    """Whether this kernel has WireGuard."""
    ns = gw.Namespace("try")
    try:
        return ns.run("ip", "link", "add", "wg9", "type", "wireguard",
                      check=False).returncode == 0
    finally:
        ns.close()


def public(private):
    return subprocess.run(["wg", "pubkey"], input=private, text=True,
                          stdout=subprocess.PIPE, check=True).stdout.strip()


class Key:
    """A private key and what follows from it, in base64."""

    def __init__(self):
        self.private = gw.sh("wg", "genkey").stdout.strip()
        self.public = public(self.private)


def number_key(number):
    """A public key that nobody has the private one of."""
    return base64.b64encode(hashlib.sha256(b"%d" % number).digest()).decode()


def preshared():
    return gw.sh("wg", "genpsk").stdout.strip()


def section(name, keys):
    """[NAME] of a file; a list is a key that comes several times."""
    lines = ["[%s]" % name]
    for key, values in keys.items():
        for value in values if isinstance(values, list) else [values]:
            lines.append("%s = %s" % (key, value))
    return "\n".join(lines) + "\n"


class Broker:
    """A tunnel server with one client, whose public key is given."""

    mtu = 1440

    def __init__(self, ns, client, kernel=None, port=PORT, psk=None,
                 allowed="::/0"):
        self.ns = ns
        self.key = Key()
        self.port = port
        self.client_key = client
        self.psk = psk
        self.allowed = allowed
        self.kernel = has_kernel() if kernel is None else kernel
        self.process = None
        if self.kernel:
            self.device = "tun"
            ns.ip("link add tun type wireguard")
        else:
            self.device = unique()
            self.run()
        self.chain = brokers.Rules(ns)
        self.setconf()
        ns.ip("link set %s up" % self.device)

    def run(self):
        self.process = subprocess.Popen(
            self.ns.argv("wireguard-go", "-f", self.device),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=dict(os.environ, LOG_LEVEL="silent"))
        gw.wait_for((RUN / (self.device + ".sock")).exists, 10 * gw.SLOW,
                    "wireguard-go")

    def setconf(self):
        peer = {"PublicKey": self.client_key, "AllowedIPs": self.allowed}
        if self.psk:
            peer["PresharedKey"] = self.psk
        self.wg("setconf", "/dev/fd/0", text=section(
            "Interface", {"PrivateKey": self.key.private,
                          "ListenPort": self.port}) + section("Peer", peer))

    def wg(self, command, *args, text=""):
        """wg COMMAND INTERFACE ARG ...; returns its output."""
        p = subprocess.run(self.ns.argv("wg", command, self.device, *args),
                           input=text, text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
        assert p.returncode == 0, p.stdout
        return p.stdout

    def peer(self, endpoint, **keys):
        """[Peer] of the client's file."""
        return section("Peer", dict(
            {"PublicKey": self.key.public, "AllowedIPs": "::/0",
             "Endpoint": "%s:%d" % (endpoint, self.port)},
            **({"PresharedKey": self.psk} if self.psk else {}), **keys))

    def handshake(self):
        """Unix seconds of the last one, 0: none."""
        return max(int(line.split()[1]) for line in self.wg(
            "show", "latest-handshakes").splitlines())

    def endpoint(self):
        """Where the client was last seen: ADDRESS:PORT."""
        return self.wg("show", "endpoints").split()[1]

    def transfer(self):
        """(bytes received, bytes sent)."""
        words = self.wg("show", "transfer").split()
        return int(words[1]), int(words[2])

    def rules(self, *rules):
        self.chain.set(*["udp dport %d %s" % (self.port, rule)
                         for rule in rules])

    def client(self, address):
        """It finds its client by itself."""

    def drop(self, on=True):
        self.rules(*["drop"] * on)

    def refuse(self, on=True):
        self.rules(*["reject with icmp type port-unreachable"] * on)

    def netem(self, options):
        """For the guest: other kernels may have no netem."""
        self.ns.run("tc", "qdisc", "replace", "dev", self.device, "root",
                    "netem", *options.split())

    def delay(self, ms):
        self.netem("delay %sms" % ms)

    def loss(self, percent):
        self.netem("loss %s%%" % percent)

    def reset(self):
        self.rules()
        self.ns.run("tc", "qdisc", "del", "dev", self.device, "root",
                    check=False)

    def close(self):
        self.chain.close()
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=10 * gw.SLOW)
            (RUN / (self.device + ".sock")).unlink(missing_ok=True)
