"""The doctor's lab: a name server, an /etc, and gatewayctl doctor."""

import json
import pathlib
import shutil
import socket

import pytest

import gw
import nameserver

AAAA = 28
NXDOMAIN, SERVFAIL = 3, 2


class NameServer(nameserver.NameServer):
    """Knows of one address, and says so in the way it is told to."""

    how = "good"

    def answers(self, query):
        good = query.reply([nameserver.record(
            query.name, AAAA, 60,
            socket.inet_pton(socket.AF_INET6, "2001:db8::53"))])
        return {
            "good": [(0, good)],
            "filtered": [(0, query.reply())],
            "missing": [(0, query.reply(code=NXDOMAIN))],
            "broken": [(0, query.reply(code=SERVFAIL))],
            "silent": [],
            "cut": [(0, good[:-5])],
            "garbage": [(0, query.data[:2] + b"\xff" * 60)],
            "short": [(0, query.reply([nameserver.record(
                query.name, AAAA, 60, b"\x20\x01\x0d\xb8")]))],
            "loop": [(0, query.reply([b"\xc0\x1f" + b"\0" * 12]))],
        }[self.how]


class Report:
    """What "gatewayctl doctor -j" or GET /doctor says."""

    def __init__(self, document):
        self.document = document
        self.checks = document["checks"]
        for status in "ok", "warn", "fail", "skip":
            assert document[status] == sum(
                check["status"] == status for check in self.checks)

    def all(self, ident, tunnel=None):
        return [check for check in self.checks if check["id"] == ident
                and tunnel in (None, check["tunnel"])]

    def status(self, ident, tunnel=None):
        return [check["status"] for check in self.all(ident, tunnel)]

    def one(self, ident, status):
        """The finding of that status; there is one, and it is complete."""
        found = [check for check in self.all(ident)
                 if check["status"] == status]
        assert len(found) == 1, (ident, status, self.all(ident))
        if status in ("warn", "fail"):
            assert found[0]["evidence"] and found[0]["remedy"], found
        return found[0]

    def failed(self):
        return [check for check in self.checks if check["status"] == "fail"]


class Place:
    """A daemon, configured, in its lab, and the /etc that programs see."""

    def __init__(self, lab, daemon, etc, server):
        self.lab, self.daemon, self.etc, self.server = lab, daemon, etc, server
        self.ns = lab.client

    def run(self, *args, prepare="", wrapper=(), check=True):
        """gatewayctl doctor; prepare: shell, in a mount namespace."""
        return self.ns.run(
            "unshare", "--mount", "sh", "-c",
            'mount --bind "$0" /etc && %s exec "$@"' % prepare, self.etc,
            *wrapper, gw.GATEWAYCTL, "doctor", *args, check=check)

    def report(self, *args, **kwargs):
        out = self.run("-j", self.daemon.file, *args, check=False, **kwargs)
        report = Report(json.loads(out.stdout))
        assert out.returncode == (1 if report.failed() else 0), out.stdout
        return report


@pytest.fixture(scope="module")
def server(lab):
    server = NameServer(lab.client, "127.0.0.53")
    yield server
    server.close()


@pytest.fixture(scope="module")
def etc(lab):
    etc = pathlib.Path(lab.dir / "etc")
    etc.mkdir()
    for name in "passwd", "group", "ld.so.cache":
        shutil.copy("/etc/" + name, etc)
    (etc / "hosts").write_text("127.0.0.1 localhost\n")
    (etc / "resolv.conf").write_text("nameserver 127.0.0.53\n")
    return etc


@pytest.fixture
def place(lab, daemon, etc, server):
    """With no daemon."""
    server.how = "good"
    return Place(lab, daemon, etc, server)


@pytest.fixture
def healthy(place):
    """With a daemon whose tunnel is up."""
    place.daemon.up()
    return place
