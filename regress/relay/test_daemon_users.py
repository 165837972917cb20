"""Users and upstream in the whole daemon: from the files to the clients."""

import socket

import pytest

import gw
from daemonlab import Lab, Socks
from relaylab import UDP, closed, exactly, reply, request
from test_login import login
from test_upstream import ONION, Upstream

BOB = b"bob"
MAPPING_MAX = 64 << 20
OUTER = "192.0.2.2"             # the daemon's machine, as the router sees it


@pytest.fixture(scope="module")
def lab():
    lab = Lab(1)
    yield lab
    lab.close()


def put(daemon, text):
    """A password file that only root can read."""
    file = daemon.dir / "users"
    file.touch(0o600)
    file.write_text(text)
    return file


class Elsewhere(Socks):
    """From the router, another machine."""

    def socket(self):
        s = self.lab.router.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.settimeout(20)
        s.connect((OUTER, self.port))
        return s


def log_in(lab, password, where=Socks):
    """(a client, the answer to its login)."""
    s = where(lab).socket()
    s.sendall(b"\5\1\2" + login(BOB, password))
    assert exactly(s, 2) == b"\5\2"
    return s, exactly(s, 2)


def right(lab, password, where=Socks):
    s, answer = log_in(lab, password, where)
    with s:
        assert answer in (b"\1\0", b"\1\1")
        return answer == b"\1\0"


def test_users(daemon, lab):
    """On loopback, too; and a reload brings others, or leaves all as it is."""
    file = put(daemon, "bob:secret\n")
    daemon.configure({"exposure.socks5": {"password_file": str(file)}})
    daemon.up()
    with Socks(lab).socket() as s:
        s.sendall(b"\5\1\0")
        assert exactly(s, 2) == b"\5\xff" and closed(s)
    s, answer = log_in(lab, b"secret")
    with s:
        assert answer == b"\1\0"
        s.sendall(request(gw.WEB6))
        assert reply(s)[0] == 0 and exactly(s, 1) == b"6"
        file.write_text("# changed\nzoe:1\nbob:other\n")
        daemon.reload({})
        assert right(lab, b"other") and not right(lab, b"secret")
        mark = daemon.log_mark()
        file.write_text("bob:third\nnobody\n")
        daemon.ctl("reload", check=False)
        daemon.wait_log("%s:2:1: the line has no colon" % file, mark)
        assert right(lab, b"other") and not right(lab, b"third")
        s.sendall(b"still there")
        assert exactly(s, 11) == b"still there"
    # nobody below the parent has it in clear
    assert "secret" not in daemon.log() and "third" not in daemon.log()
    for name, pid in daemon.children().items():
        assert b"bob:other" not in memory(pid), name


def test_from_elsewhere(daemon, lab):
    """Only with a password; who guesses there keeps out nobody here."""
    file = put(daemon, "bob:secret\n")
    daemon.configure({"exposure.socks5": {
        "bind": "0.0.0.0:1080", "password_file": str(file)}})
    daemon.up()
    with Elsewhere(lab).socket() as s:
        s.sendall(b"\5\1\0")
        assert exactly(s, 2) == b"\5\xff" and closed(s)
    s, answer = log_in(lab, b"secret", Elsewhere)
    with s:
        assert answer == b"\1\0"
        s.sendall(request(gw.WEB6))
        assert reply(s)[0] == 0 and exactly(s, 1) == b"6"
        # the control connection's address is the one that may send
        t, answer = log_in(lab, b"secret", Elsewhere)
        with t:
            t.sendall(request("0.0.0.0", 0, UDP))
            assert reply(t)[0] == 0
    for _ in range(5):
        assert not right(lab, b"guess", Elsewhere)
    assert not right(lab, b"secret", Elsewhere)
    assert right(lab, b"secret")


def memory(pid):
    """What can be written to of a process's memory, but not the terabytes
    that sanitizers keep theirs in."""
    data = b""
    with open("/proc/%d/maps" % pid) as maps, \
            open("/proc/%d/mem" % pid, "rb") as mem:
        for line in maps:
            where, mode = line.split()[:2]
            if "w" in mode and "[v" not in line:
                begin, end = (int(n, 16) for n in where.split("-"))
                if end - begin <= MAPPING_MAX:
                    mem.seek(begin)
                    data += mem.read(end - begin)
    return data


def test_upstream(daemon, lab):
    """By the rules of the file, each uid with its own credentials."""
    upstream = Upstream(lab.client)
    other = Upstream(lab.client)
    rules = {"rule": "*.onion any via upstream", "upstream": upstream.place}
    daemon.configure({"exposure.socks5": rules})
    daemon.up()
    for uid in 20001, 20002:
        s, code, _ = Socks(lab, uid).connect(ONION)
        s.close()
        assert code == 0
    assert upstream.requests() == [request(ONION)] * 2
    users = [seen[1] for seen in upstream.seen]
    assert [user for user, _ in users] == [b"gw-20001", b"gw-20002"]
    assert users[0][1] != users[1][1]
    assert not any("onion" in str(name) for name in lab.dns.asked)
    daemon.reload({"exposure.socks5": dict(rules, upstream=other.place)})
    s, code, _ = Socks(lab, 20001).connect(ONION)
    s.close()
    assert code == 0 and other.seen[0][1] == users[0]
