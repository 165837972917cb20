"""What the parent does for userspace WireGuard, without a daemon: uapic."""

import base64
import contextlib
import os
import re
import subprocess

import gw
import wgbroker
from child import steal_fd

UAPIC = gw.BUILD / "regress/launcher/uapic"


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
    return int(words[1]), dict(zip(words[2::2], map(int, words[3::2])))


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
    (wgbroker.RUN / (name + ".sock")).unlink(missing_ok=True)
