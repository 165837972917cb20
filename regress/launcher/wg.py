"""Userspace WireGuard in namespaces: what the parent does (uapic), and a far
end that this tree has no part in (wireguard-go and wg of wireguard-tools).

The namespaces share /run: names of interfaces bear our process id.
"""

import base64
import contextlib
import itertools
import os
import pathlib
import re
import subprocess
import tempfile

import gw
from child import steal_fd

UAPIC = gw.BUILD / "regress/launcher/uapic"
RUN = pathlib.Path("/run/wireguard")
numbers = itertools.count()


def iface():
    return "gwt%d-%d" % (os.getpid(), next(numbers))


def key():
    """(private, public), in base64."""
    private = gw.sh("wg", "genkey").stdout.strip()
    public = subprocess.run(["wg", "pubkey"], input=private, text=True,
                            stdout=subprocess.PIPE, check=True).stdout.strip()
    return private, public


def psk():
    return gw.sh("wg", "genpsk").stdout.strip()


def hexkey(text):
    return base64.b64decode(text).hex()


class Uapic:
    """One command of uapic, which stays until close()."""

    def __init__(self, *args, ns=None):
        argv = [str(a) for a in (UAPIC, *args)]
        self.process = subprocess.Popen(
            ns.argv(*argv) if ns else argv, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def line(self):
        text = self.process.stdout.readline().strip()
        if text == "":
            raise AssertionError(self.process.stderr.read())
        return text

    def close(self):
        self.process.communicate(timeout=10 * gw.SLOW)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def ask(*args):
    """(error, {"handshake": n, "rx": n, "tx": n}) of one exchange."""
    with Uapic(*args) as u:
        line = u.line()
    words = line.split()
    assert words[0] == "error", line
    numbers = dict(zip(words[2::2], map(int, words[3::2])))
    return int(words[1]), numbers


@contextlib.contextmanager
def opened(ns, name, exists=False):
    """The descriptors of a TUN and of a UAPI socket."""
    with Uapic("open", name, *(["exists"] if exists else []), ns=ns) as u:
        line = u.line()
        assert re.fullmatch(r"\d+ \d+", line), line
        fds = [steal_fd(u.process.pid, int(n)) for n in line.split()]
    try:
        yield fds
    finally:
        for fd in fds:
            os.close(fd)


def remove(name):
    (RUN / (name + ".sock")).unlink(missing_ok=True)


class Far:
    """A WireGuard peer in a namespace of its own: no code of ours."""

    def __init__(self, ns, name, port, config):
        self.ns, self.name = ns, name
        self.process = subprocess.Popen(
            ns.argv("wireguard-go", "-f", name), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env=dict(os.environ, LOG_LEVEL="silent"))
        gw.wait_for((RUN / (name + ".sock")).exists, 10 * gw.SLOW, name)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(config.replace("PORT", str(port)))
            file.flush()
            ns.run("wg", "setconf", name, file.name)
        ns.ip("link set %s up" % name)

    def handshake(self):
        out = self.ns.run("wg", "show", self.name, "latest-handshakes").stdout
        return max(int(line.split()[1]) for line in out.splitlines())

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=10 * gw.SLOW)
        remove(self.name)
