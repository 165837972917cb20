"""gatewayctl trace: what it prints of the relay's traces, and who may ask."""

import json
import struct
import time

import pytest

import gw
from ctlserver import NOBODY, Client

SEVERAL = 8                 # under way at once


def trace(server, *args, code=0, **kwargs):
    p = server.ctl("trace", *args, **kwargs)
    assert p.returncode == code, p.stdout + p.stderr
    return p.stdout


def rows(text, head):
    """The lines below one that begins so, split at two spaces."""
    lines = text.split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith(head))
    found = []
    for line in lines[at + 1:]:
        if not line:
            break
        found.append([cell.strip() for cell in line.split("  ") if cell])
    return found


def test_text(server):
    text = trace(server, "dead6.example:80")
    assert text.startswith("dead6.example port 80: family auto, IPv6 by "
                           "tunnel he, IPv6 goes first\n")
    assert rows(text, "QUERY") == [["AAAA", "3 ms", "2001:db8::80", "60"],
                                   ["A", "2 ms", "192.0.2.80", "60"]]
    assert rows(text, "#") == [
        ["1", "2001:db8::80", "3 ms", "251 ms", "overtaken"],
        ["2", "192.0.2.80", "253 ms", "1 ms", "connected"]]
    assert text.endswith("\n\nconnected after 254 ms by IPv4 from "
                         "192.0.2.2\n")
    text = trace(server, "good.example")
    assert rows(text, "#")[1] == ["2", "192.0.2.80", "-", "-", "not tried"]
    assert text.endswith("connected after 4 ms by IPv6 from 2001:db8::2, "
                         "tunnel he\n")


def test_refusals_name_the_rule(server):
    text = trace(server, "rules.example")
    assert "\nrule = *.example.org auto via he\n" in text
    assert rows(text, "#")[0][4:] == ["refused: deny = 2001:db8::/32"]


@pytest.mark.parametrize("host,code,says", [
    ("refuses.example", 1, "failed: Connection refused"),
    ("none.example", 1, "no such name"),
    ("slow.example", 6, "timeout after 15000 ms"),
])
def test_failures(server, host, code, says):
    assert says in trace(server, host, code=code)


@pytest.mark.parametrize("target,host,port", [
    ("good.example", "good.example", 443),
    ("good.example:1", "good.example", 1),
    ("good.example.:65535", "good.example.", 65535),
    ("2001:db8::80", "2001:db8::80", 443),
    ("[2001:db8::80]", "2001:db8::80", 443),
    ("[2001:db8::80]:22", "2001:db8::80", 22),
])
def test_targets(server, target, host, port):
    document = json.loads(trace(server, "-j", target))
    assert (document["host"], document["port"]) == (host, port)


@pytest.mark.parametrize("target,code,says", [
    ("good.example:0", 2, "the port is not 1 to 65535"),
    ("good.example:65536", 2, "the port is not 1 to 65535"),
    ("good.example:", 2, "the port is not 1 to 65535"),
    ("[2001:db8::80", 2, "there is no ]"),
    ("[2001:db8::80]x", 2, "the port is not 1 to 65535"),
    (":80", 2, "the host is empty"),
    ("", 2, "the host is empty"),
    ("x" * 300, 2, "too long"),
    ("a..example", 1, "the name has an empty label"),
    ("a b", 1, "only letters, digits, hyphens, underscores and dots"),
    ("192.0.2.300", 1, "the name ends in a number"),
])
def test_no_targets(server, target, code, says):
    p = server.ctl("trace", target)
    assert p.returncode == code and says in p.stderr and not p.stdout


def test_json_is_the_document(server):
    """A line for each trace, and nothing else."""
    lines = trace(server, "-j", "-n", "3", "good.example").splitlines()
    assert len(lines) == 3 and len(set(lines)) == 1
    assert json.loads(lines[0])["winner"] == {
        "address": "2001:db8::80", "family": "ipv6", "source": "2001:db8::2",
        "source_port": 40000, "tunnel": "he"}


def test_summary(server):
    text = trace(server, "-n", "3", "good.example")
    assert text.count("connected after 4 ms") == 3
    assert text.endswith(
        "3 traces: IPv6 won 3, IPv4 0, 0 did not connect\n"
        "min/median/max: 4/4/4 ms\n")
    text = trace(server, "-n", "2", "none.example", code=1)
    assert text.endswith("2 traces: IPv6 won 0, IPv4 0, 2 did not connect\n")
    for options in ["-n", "0"], ["-n", "x"], ["-f"]:
        assert server.ctl("trace", "good.example", *options).returncode == 2


def test_table(server, tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("# ours\ngood.example\n\n  dead6.example:80  # far\n"
                     "rules.example\n[2001:db8::80]:22\n")
    text = trace(server, "file", str(hosts))
    assert rows(text, "HOST") == [
        ["good.example:443", "yes, 4 ms", "yes, 4 ms", "ipv6"],
        ["dead6.example:80", "no: time-out", "yes, 4 ms", "ipv4"],
        ["rules.example:443", "no: deny = 2001:db8::/32", "yes, 4 ms",
         "ipv4"],
        ["[2001:db8::80]:22", "yes, 4 ms",
         "no: no address could be connected to", "ipv6"]]
    assert text.endswith("\n4 hosts: 2 by IPv6, 3 by IPv4\n")
    documents = [json.loads(line) for line in trace(
        server, "-j", "file", str(hosts)).splitlines()]
    assert [d["family"] for d in documents] == ["auto", "ipv6", "ipv4"] * 4
    hosts.write_text("none.example\n")
    assert "0 by IPv6" in trace(server, "file", str(hosts), code=1)


def test_no_table(server, tmp_path):
    hosts = tmp_path / "hosts"
    for text, code, says in (("# nothing\n", 2, "there is no host in it"),
                             ("good.example\n[::1\n", 2, "hosts:2: there is"),
                             (None, 1, "No such file")):
        if text is None:
            hosts.unlink()
        else:
            hosts.write_text(text)
        p = server.ctl("trace", "file", str(hosts))
        assert p.returncode == code and says in p.stderr


def test_anybody(server):
    trace(server, "good.example", user=NOBODY, group=NOBODY,
          extra_groups=[])


def request(host, port=443, families=0):
    return struct.pack("=II256s", port, families, host.encode())


def test_in_order(server):
    """Several at once: answered as they were asked, whichever ends first."""
    c = Client(server)
    for i, host in enumerate(("later.example", "none.example", "a..b",
                              "good.example")):
        c.send("CTL_TRACE", request(host), i)
    order, codes = [], []
    while len(codes) < 4:
        kind, number, payload = c.receive()
        order.append(number)
        if kind == "CTL_RESULT":
            codes.append(struct.unpack("=I", payload[:4])[0])
    assert order == sorted(order) and codes == [0, 1, 1, 0]
    c.close()


def test_bound(server):
    """There are so many at once, of all clients; who leaves makes room."""
    first = Client(server)
    for i in range(SEVERAL):
        first.send("CTL_TRACE", request("never.example"), i)
    second = Client(server)
    second.send("CTL_TRACE", request("good.example"))
    data, code, text = second.answer()
    assert (data, code) == (b"", 1) and "try again" in text
    first.close()
    gw.wait_for(lambda: server.ctl("trace", "good.example").returncode == 0,
                10 * gw.SLOW, "room for a trace")
    second.close()


@pytest.mark.slow
def test_no_answer_of_the_relay(server):
    """It is not waited for without an end."""
    start = time.monotonic()
    p = server.ctl("trace", "-n", "2", "never.example")
    assert 20 <= time.monotonic() - start < 20 + 2 * gw.SLOW
    assert (p.returncode, p.stdout) == (6, "")
    assert p.stderr == "gatewayctl: never.example: the relay does not " \
        "answer: see the log\n"
    assert "trace of never.example: the relay does not answer" in server.log()
    server.alive()


@pytest.mark.parametrize("payload", [
    b"", request("x")[:-1], request("x", families=3),
    struct.pack("=II", 443, 0) + b"x" * 256])
def test_malformed(server, payload):
    c = Client(server)
    c.send("CTL_TRACE", payload)
    assert c.closed()
    server.alive()
