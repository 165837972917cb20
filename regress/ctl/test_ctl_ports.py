"""gatewayctl ports and show ports, against a made-up relay (fakeports.c)."""

import errno
import json
import re
import struct

import pytest

from ctlserver import NOBODY, Client
from test_ctl import run_on_terminal

WAITING, ACTIVE, FAILED, DRAINING = range(4)        # enum port_state
NO_ANSWER = 999


def add(server, *words):
    p = server.ctl("ports", "add", *words)
    assert (p.returncode, p.stderr) == (0, ""), p.stderr
    return p.stdout


def rows(server, *words):
    out = server.ctl(*(words or ("show", "ports"))).stdout.splitlines()
    return [re.split("  +", line) for line in out]


def test_add_and_delete(server):
    assert add(server, "udp", "7654", "7654", "description", "I2P-UDP") == \
        "udp port 7654 leads to 127.0.0.1:7654\n"
    # again: nothing changes
    for words in ("7654", "7654"), ("7654",):
        assert add(server, "udp", *words) == \
            "udp port 7654 leads already to 127.0.0.1:7654\n"
    assert add(server, "u", "53") == "udp port 40000 leads to 127.0.0.1:53\n"
    assert add(server, "tcp", "80", "8080", "proxy", "tunnel", "slowed") == \
        "tcp port 8080 leads to 127.0.0.1:80\n"
    assert add(server, "tcp", "forward", "40001", "[2001:DB8::9]:7654") == \
        "127.0.0.1, tcp port 40001 leads to [2001:db8::9]:7654\n"
    assert add(server, "tcp", "forward", "peer.example:7", "desc", "a b") == \
        "127.0.0.1, tcp port 41000 leads to peer.example:7\n"
    head, *table = rows(server)
    assert head == ["port", "state", "leads to", "listens at", "only by",
                    "sessions", "received", "sent", "source", "description"]
    assert [row[:3] for row in table] == [
        ["udp 7654", "active", "127.0.0.1:7654"],
        ["udp 40000", "active", "127.0.0.1:53"],
        ["tcp 8080", "active", "127.0.0.1:80"],
        ["tcp 40001", "active", "[2001:db8::9]:7654"],
        ["tcp 41000", "active", "peer.example:7"]]
    assert table[0][3] == "[2001:db8:1234:5601::2]:7654"
    assert table[0][-1] == "I2P-UDP" and table[4][-1] == "a b"
    assert table[2][4] == "slowed"
    assert rows(server, "ports", "list", "udp")[1:] == table[:2]
    assert rows(server, "sh", "p", "t")[1:] == table[2:]
    p = server.ctl("ports", "del", "udp", "7654")
    assert (p.returncode, p.stdout) == (0, "udp port 7654: deleted\n")
    p = server.ctl("ports", "del", "udp", "7654")
    assert p.returncode == 4
    assert "no mapping of udp port 7654" in p.stderr


def test_drains(server):
    add(server, "udp", "7654", "7654")
    server.command("ports is 7654 %d 2 0" % ACTIVE)
    server.command("ports drain 1")
    p = server.ctl("ports", "del", "udp", "7654")
    assert p.stdout == "udp port 7654: deleted; what is open may end " \
        "(sessions: 2)\n"
    assert rows(server)[1][1] == "draining"


def test_json(server):
    """The documents of the API, byte by byte; of both, a line for each."""
    p = server.ctl("-j", "ports", "add", "udp", "7654", "7654")
    row = json.loads(p.stdout)
    assert p.stdout.count("\n") == 1
    assert row["internal_port"] == row["external_port"] == 7654
    lines = server.ctl("-j", "show", "ports").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"ports": [row]}, {"ports": []}]
    client = Client(server)
    for protocol, line in zip(("udp", "tcp"), lines):
        client.show("/ports/" + protocol)
        assert client.answer()[0].decode() == line + "\n"
        assert server.ctl("-j", "ports", "list", protocol).stdout == \
            line + "\n"
    assert server.ctl("-j", "ports", "del", "udp", "7654").stdout == ""
    client.close()


def test_reasons(server):
    """Below the table, why something is not as it should be."""
    add(server, "udp", "7654", "7654")
    server.command("ports is 7654 %d 0 1500 Taken by \x1b[31m somebody." %
                   FAILED)
    out = server.ctl("show", "ports").stdout
    assert "failed" in out and "1.5 KiB" in out and "2.9 KiB" in out
    assert out.splitlines()[-1].startswith("udp 7654: Taken by ")
    assert "\x1b" not in out
    out = server.ctl("ports", "add", "udp", "7654", "7654").stdout
    assert out.startswith("udp port 7654 leads already to 127.0.0.1:7654: "
                          "Taken by ")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
def test_columns_fit(server, width):
    add(server, "udp", "7654", "7654", "description", "what it is for " * 5)
    out = run_on_terminal(server, "show", "ports", columns=width)
    lines = re.sub("\033\\[\\d*m|\r", "", out).splitlines()
    assert max(map(len, lines)) <= width
    assert lines[1].startswith("udp 76")


@pytest.mark.parametrize("error,code,word", [
    (errno.EADDRINUSE, 1, "another program has it"),
    (errno.EEXIST, 1, "another mapping has it"),
    (errno.ENODEV, 4, "no longer there"), (errno.ENOSPC, 1, "delete another"),
    (errno.EADDRNOTAVAIL, 1, "no port is free")])
def test_refused(server, error, code, word):
    server.command("ports error %d" % error)
    p = server.ctl("ports", "add", "udp", "7654", "7654")
    assert p.returncode == code and p.stdout == ""
    assert "udp port 7654: " in p.stderr and word in p.stderr


def test_taken(server):
    add(server, "udp", "7654", "7654")
    p = server.ctl("ports", "add", "udp", "7655", "7654")
    assert p.returncode == 1
    assert "another mapping has it: delete that first" in p.stderr


def test_fixed(server):
    """One of the configuration's is not deleted here."""
    server.command("ports fixed 53")
    p = server.ctl("ports", "del", "udp", "53")
    assert p.returncode == 5
    assert "belongs to [port.NAME] in /etc/v6-gatewayd.conf" in p.stderr
    assert rows(server)[1][8] == "config"


@pytest.mark.parametrize("words,code,word", [
    (("udp", "7654", "80"), 2, "external_port is a number from 1024"),
    (("udp", "7654", "tunnel", "eh"), 4, "there is: he, slowed"),
    (("udp", "7654", "tunnel", "e" * 40), 4, "at most 32"),
    (("udp", "7654", "description", "a" * 128), 2, "at most 127 bytes"),
    (("udp", "7654", "description", "a\tb"), 2, "control characters"),
    (("udp", "forward", "192.0.2.1:80"), 2,
     '"192.0.2.1:80" is IPv4, which needs no tunnel'),
    (("udp", "forward", "[::1]:80"), 2, "is the loopback address"),
    (("udp", "forward", "peer.example"), 2, "is not a host and its port"),
    (("udp", "forward", "2001:db8::1:80"), 2, "is not a host"),
    (("udp", "forward", "80", "peer.example:80"), 2, "listen_port is")])
def test_wrong(server, words, code, word):
    p = server.ctl("ports", "add", *words)
    assert p.returncode == code and word in p.stderr
    assert len(rows(server)) == 1


def test_who(server):
    """Anybody may look; only who may change things adds and deletes."""
    nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    add(server, "udp", "7654", "7654")
    assert "7654" in server.ctl("show", "ports", **nobody).stdout
    for words in ("add", "udp", "1"), ("del", "udp", "7654"):
        p = server.ctl("ports", *words, **nobody)
        assert p.returncode == 5 and "only root" in p.stderr
    assert len(rows(server)) == 2


def port_message(protocol=17, kind=0, proxy=0, fixed=0, port=7654,
                 target=7654, tunnel=b"", host=b"", description=b""):
    return struct.pack("=BBBBHH33s256s128s7x", protocol, kind, proxy, fixed,
                       port, target, tunnel, host, description)


@pytest.mark.parametrize("kind,data", [
    ("CTL_PORT_ADD", b"short"), ("CTL_PORT_ADD", port_message() + b"x"),
    ("CTL_PORT_ADD", port_message(protocol=1)),
    ("CTL_PORT_ADD", port_message(kind=2)),
    ("CTL_PORT_ADD", port_message(proxy=1)),
    ("CTL_PORT_ADD", port_message(fixed=1)),
    ("CTL_PORT_ADD", port_message(tunnel=b"x" * 33)),
    ("CTL_PORT_ADD", port_message(host=b"x" * 256)),
    ("CTL_PORT_ADD", port_message(description=b"x" * 128)),
    ("CTL_PORT_DEL", b"xx"), ("CTL_PORT_DEL", struct.pack("=HBx", 7654, 1))],
    ids=lambda value: value if isinstance(value, str) else "")
def test_malformed(server, kind, data):
    """It costs the sender its connection."""
    client = Client(server)
    client.send(kind, data)
    assert client.closed()
    client.close()
    server.alive()


def test_believes_nobody(server):
    """What gatewayctl would not send is refused, not carried out."""
    client = Client(server)
    for message in (port_message(port=80), port_message(target=0),
                    port_message(description=b"\x1b[31m"),
                    port_message(kind=1, host=b"::1"),
                    port_message(kind=1, host=b"192.0.2.1"),
                    port_message(kind=1, host=b"a b", proxy=0),
                    port_message(kind=1, host=b"a.example", proxy=2),
                    port_message(host=b"a.example")):
        client.send("CTL_PORT_ADD", message)
        assert client.answer()[1] == 1
    client.send("CTL_PORT_ADD", port_message(tunnel=b"eh"))
    assert client.answer()[1] == 4
    assert len(rows(server)) == 1
    client.send("CTL_PORT_ADD", port_message())
    assert client.answer()[1] == 0
    client.close()


def test_leaves_meanwhile(server):
    """What was ordered is carried out; one order at a time."""
    server.command("ports error %d" % NO_ANSWER)
    for _ in range(10):
        client = Client(server)
        client.send("CTL_PORT_ADD", port_message(), 1)
        client.send("CTL_PORT_DEL", struct.pack("=HBx", 7654, 17), 2)
        client.send("CTL_PORT_ADD", port_message(port=7655), 3)
        # there is nothing to delete, and one order waits already
        assert [client.receive()[1] for _ in range(2)] == [2, 3]
        client.close()
    server.command("ports error 0")
    add(server, "udp", "7654", "7654")
    server.alive()
