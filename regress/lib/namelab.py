"""The resolver as a process, with an /etc and name servers of the test's
own."""

import os
import pathlib
import shutil
import tempfile

import pytest

import gw
from child import Child

ENODATA, ENOTFOUND, EBADNAME, ECONNREFUSED, ETIMEOUT, ECANCELLED = \
    1, 4, 8, 11, 12, 24
NXDOMAIN, SERVFAIL = 3, 2
A, NS, CNAME, SOA, AAAA = 1, 2, 5, 6, 28
TRUNCATED = 0x0200


class Net:
    """A namespace with two name servers, and the /etc that names one."""

    def __init__(self, server):
        self.ns = gw.Namespace("dns")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="gwdns"))
        self.dir.chmod(0o755)
        self.etc = self.dir / "etc"
        self.etc.mkdir()
        for name in "passwd", "group", "ld.so.cache":
            shutil.copy("/etc/" + name, self.etc)
        (self.etc / "nsswitch.conf").write_text("hosts: dns\n")
        self.put("hosts", "127.0.0.1 localhost\n"
                          "198.51.100.77 by-file.example alias\n"
                          "2001:db8::77 by_file.example\n")
        self.servers = [server(self.ns, "127.0.0.%d" % n, n)
                        for n in (1, 2)]

    def put(self, name, text):
        """As editors and resolvconf(8) do it."""
        new = self.etc / (name + ".new")
        new.write_text(text)
        new.chmod(0o644)
        new.rename(self.etc / name)

    def use(self, *servers):
        self.put("resolv.conf", "".join(
            "nameserver 127.0.0.%d\n" % n for n in servers))

    def close(self):
        for server in self.servers:
            server.close()
        shutil.rmtree(self.dir)
        self.ns.close()


def fixtures(server, resolver):
    """The fixtures net, with servers of that class, and resolver, a process
    of that one, which asks the first server and has not asked yet."""
    @pytest.fixture(scope="module")
    def net_fixture():
        gw.ensure_users()
        net = Net(server)
        yield net
        net.close()

    @pytest.fixture
    def resolver_fixture(net):
        net.use(1)
        for server in net.servers:
            server.forget()
        process = resolver(net)
        yield process
        process.close()

    return net_fixture, resolver_fixture


class Resolver(Child):
    def __init__(self, net, peers=()):
        super().__init__(
            "resolver", net.ns, peers, user="_gwrelay",
            argv=("unshare", "--mount", "sh", "-c",
                  'mount --bind "$0" /etc && exec "$@"', net.etc))

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))
