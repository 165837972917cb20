"""What gatewayctl prints and how it ends."""

import errno
import fcntl
import json
import os
import pty
import re
import socket
import struct
import subprocess
import termios
import time

import pytest

from ctlserver import GROUP, NOBODY, Client


def test_status(server):
    p = server.ctl("status")
    assert (p.returncode, p.stderr) == (0, "")
    lines = p.stdout.splitlines()
    assert re.fullmatch(
        r"health  ok: IPv6 answers in 24 ms, checked \d+ s ago", lines[0])
    assert lines[1] == "active  he on he1, 2001:db8:1234:5601::2"
    assert lines[2] == ("        for 3 min, after quiet: quiet is down: "
                        "no answer from any target")
    assert lines[4].split() == ["name", "type", "state", "role", "iface",
                                "address", "rtt", "loss", "MTU", "since"]
    assert lines[5].split() == ["he", "he_6in4", "up", "active,", "preferred",
                                "he1", "2001:db8:1234:5601::2", "24", "ms",
                                "0", "%", "1380", "3", "min"]
    roles = {line.split()[0]: line.split()[3] for line in lines[6:14]}
    assert roles["back"] == "draining" and roles["maybe"] == "standby"
    # what is wrong: the reason, and what to do
    for name, reason, remedy in (
            ("slowed", "12 % of the probes are lost", "loss_degraded"),
            ("quiet", "no answer from any target",
             "ip -6 address show dev he3"),
            ("nowan", "no IPv4 route to 198.51.100.1", "ip -4 route"),
            ("back", "held down for 30 s",
             r"it may carry traffic again in \d+ s"),
            ("wg", "this version cannot run", "gatewayctl tunnel wg restart"),
            ("wg", "this version cannot run",
             "the last handshake was 6 min ago"),
            ("off", "enabled = false", "gatewayctl tunnel off up")):
        assert re.search(r"^%s: .*%s.*\n(    .*\n)*    .*%s" % (
            name, reason, remedy), p.stdout, re.M), name
    # nothing is wrong with he but the path, and that is dealt with
    assert re.findall(r"^he: (.*)", p.stdout, re.M) == [
        "packets above 1380 bytes vanish on the way; MTU lowered"]
    assert re.search(r"^slowed: packets above 1380 bytes vanish on the way; "
                     r"the configured MTU is 1480\n.*mtu = 1380", p.stdout,
                     re.M)


def test_status_after_failover(server):
    """The last move of the default route explains the active tunnel, and
    only that one."""
    server.command("failover he - he is down: no answer")
    server.command("tunnel he 8 0 no answer")
    p = server.ctl("status")
    lines = p.stdout.splitlines()
    assert lines[1] == "active  no tunnel"
    assert re.fullmatch(r"        for \d s, after he: he is down: no answer",
                        lines[2])
    # the tunnel's own word has come before the other's
    server.command("tunnel slowed 5 1")
    assert server.ctl("status").stdout.splitlines()[1:3] == [
        "active  slowed on he2, 2001:db8:1234:5602::2", ""]
    server.command("failover - slowed slowed answers")
    assert re.fullmatch(r"        for \d s: slowed answers",
                        server.ctl("status").stdout.splitlines()[2])


@pytest.mark.parametrize("server", [("-d",)], indirect=True)
def test_status_down(server):
    p = server.ctl("status")
    assert p.returncode == 1
    assert p.stdout.startswith("health  down: no answer over IPv6")
    assert server.ctl("-j", "status").returncode == 1
    assert server.ctl("show", "health").returncode == 0


@pytest.mark.parametrize("server", [("-e",)], indirect=True)
def test_status_without_tunnels(server):
    p = server.ctl()
    assert "no tunnel is configured: v6-gatewayd.conf(5)" in p.stdout
    assert "active  no tunnel" in p.stdout


def run_on_terminal(server, *args, env={}, columns=80):
    """What gatewayctl writes to a terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ,
                struct.pack("=4H", 24, columns, 0, 0))
    environ = {"PATH": os.environ["PATH"], "TERM": "xterm", **env}
    subprocess.run([str(server.ctl_program), "-s", str(server.path), *args],
                   stdout=slave, env=environ, timeout=20)
    os.close(slave)
    out = b""
    try:
        while chunk := os.read(master, 65536):
            out += chunk
    except OSError:
        pass
    os.close(master)
    return out.decode()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
def test_columns_fit(server, width):
    """A row is never longer than a terminal's; what matters most stays.
    COLUMNS says how long, and without it the terminal does."""
    def table(words, **kwargs):
        out = run_on_terminal(server, *words, **kwargs).replace("\r", "")
        out = re.sub("\033\\[\\d*m", "", out)
        rows = (out.split("\n\n")[1] if words == ["status"] else out)
        assert max(map(len, rows.splitlines())) <= width
        assert ("he3" if words[-1] == "addresses" else "quiet") in rows
        return rows.splitlines()[0].split()

    for words in (["status"], ["show", "tunnels"], ["show", "addresses"]):
        heads = table(words, env={"COLUMNS": str(width)})
        assert heads == table(words, columns=width)
        assert len(heads) >= 2


@pytest.mark.parametrize("server", [("-n", "1")], indirect=True)
def test_cut(server):
    """Only on a terminal, and so that one sees it."""
    words = "show", "tunnels"
    p = server.ctl(*words, env={"COLUMNS": "20"})
    assert "2001:db8:1234:5601::/64" in p.stdout
    assert re.search("^tunnel-number-0 ", p.stdout, re.M)
    assert re.search(r"^tunnel-n\.\.  up", run_on_terminal(
        server, *words, env={"NO_COLOR": "1"}, columns=20), re.M)


def test_colour(server):
    green = "\033[32mup\033[0m"
    assert green in run_on_terminal(server)
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"},
                {"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}):
        assert "\033" not in run_on_terminal(server, env=env)
    # empty ones do not count
    assert green in run_on_terminal(server, env={"NO_COLOR": ""})
    assert "\033" not in server.ctl().stdout
    for env in {"CLICOLOR_FORCE": "0"}, {"CLICOLOR_FORCE": ""}:
        assert "\033" not in server.ctl(env=env).stdout
    assert green in server.ctl(env={"CLICOLOR_FORCE": "1"}).stdout
    # who says it here and now is right
    assert green in server.ctl("--color=always", env={"NO_COLOR": "1"}).stdout
    assert green in server.ctl("--color=al").stdout
    assert "\033" not in run_on_terminal(server, "--color=never")
    assert green in run_on_terminal(server, "--color", "auto")
    p = server.ctl("--color=loud")
    assert p.returncode == 2
    assert p.stderr.startswith("gatewayctl: --color: ")
    assert "auto, always, never" in p.stderr
    # and nothing the daemon says drives the terminal
    assert "\033[31m wireguard" not in run_on_terminal(server)


def test_documents(server):
    """-j: the bytes of the API's documents, and no others."""
    for words, target in ((["show", "health"], "/health"),
                          (["status"], "/health"),
                          (["show", "tunnels"], "/tunnels"),
                          (["show", "tunnels", "he"], "/tunnels/he"),
                          (["show", "addresses"], "/v6/address"),
                          (["show", "addresses", "he1"],
                           "/v6/address?iface=he1"),
                          (["show", "config"], "/config"),
                          (["show", "relay"], "/relay"),
                          (["show", "version"], "/version"),
                          (["version"], "/version")):
        client = Client(server)
        client.show(target)
        data, code, _ = client.answer()
        assert code == 0
        assert server.ctl("-j", *words).stdout.encode() == data
        assert server.ctl(*words, "--json").stdout.encode() == data
        json.loads(data)
        client.close()


def test_show(server):
    p = server.ctl("show", "tunnels", "wg")
    assert re.search(r"^fine state +error$", p.stdout, re.M)
    assert re.search(r"^tried again +in \d+ s$", p.stdout, re.M)
    assert re.search(r"^last handshake +6 min ago "
                     r"\(20\d\d(-\d\d){2}T\d\d(:\d\d){2}[+-]\d{4}\)$",
                     p.stdout, re.M)
    p = server.ctl("show", "tunnels", "he")
    assert "handshake" not in p.stdout
    for label, text in (("preferred", "yes"), ("times active", "2"),
                        ("MTU", "1380"), ("interface's MTU", "1480"),
                        ("path MTU", "1380"), ("black hole", "yes"),
                        ("last failover", "3 min ago: quiet to he: quiet is "
                         "down: no answer from any target")):
        assert re.search("^%s  +%s$" % (label, text), p.stdout, re.M), label
    p = server.ctl("show", "tunnels", "back")
    assert re.search(r"^hold ends +in \d+ s$", p.stdout, re.M)
    p = server.ctl("show", "addresses", "he1")
    assert p.stdout.splitlines()[1].split()[:4] == [
        "he1", "2001:db8:1234:5601::2", "64", "yes"]
    p = server.ctl("version")
    assert re.fullmatch(
        r"gatewayctl +\d+\.\d+\.\d+\ngatewayd +\d+\.\d+\.\d+\n"
        r"running since +never\n", p.stdout)
    p = server.ctl("show", "config")
    assert "[exposure.socks5]\nrule = *.onion any\nrule = *.i2p any\n" in \
        p.stdout
    assert "\napi_token_file =\n" in p.stdout


@pytest.mark.slow
@pytest.mark.parametrize("server", [("-n", "4000")], indirect=True)
def test_many_tunnels(server):
    p = server.ctl("status")
    assert p.returncode == 0
    assert p.stdout.count("\ntunnel-number-") == 4000
    assert len(json.loads(server.ctl("-j", "show", "tunnels").stdout)[
        "tunnels"]) == 4009


@pytest.mark.parametrize("args, code, stdout, stderr, asked", [
    (["tunnel", "he", "up"], 0, "tunnel he: already up", "", "admin 1 0"),
    (["tunnel", "slowed", "down"], 0, "tunnel slowed: taken down", "",
     "admin 2 1"),
    (["tunnel", "quiet", "restart"], 5, "", "not permitted", "admin 3 2"),
    (["tunnel", "nowan", "up"], 1, "", "try again", "admin 4 0"),
    (["tunnel", "nodns", "up"], 4, "", 'no tunnel "nodns"', "admin 5 0"),
    (["tunnel", "maybe", "up"], 1, "", os.strerror(errno.EIO), "admin 6 0"),
    (["tunnel", "off", "up"], 1, "", "enabled = false", "admin 9 0"),
    (["tunnel", "he", "prefer"], 0, "tunnel he: already preferred", "",
     "admin 1 3"),
    (["tunnel", "he", "unprefer"], 0, "tunnel he: not preferred anyway", "",
     "admin 1 4"),
    (["tunnel", "slowed", "prefer"], 0,
     "tunnel slowed: preferred from now on", "", "admin 2 3"),
    (["tunnel", "slowed", "unpref"], 0,
     "tunnel slowed: no longer preferred", "", "admin 2 4"),
    (["tunnel", "quiet", "prefer"], 5, "", "quiet prefer: not permitted",
     "admin 3 3"),
    (["tunnel", "off", "pref"], 1, "", "off prefer: it has enabled = false",
     "admin 9 3"),
    (["log", "debug"], 0, "", "", "level 3 -1"),
    (["log", "error"], 0, "", "", "level 0 -1"),
    (["reload"], 0, "configuration reloaded", "", "reload"),
])
def test_orders(server, args, code, stdout, stderr, asked):
    p = server.ctl(*args)
    assert p.returncode == code
    assert p.stdout.rstrip() == stdout
    assert stderr in p.stderr
    assert not p.stderr or p.stderr.startswith("gatewayctl: ")
    assert server.said() == asked


@pytest.mark.parametrize("server, code, text", [
    (("-r", str(errno.EINVAL)), 1, "the file has errors"),
    (("-r", str(errno.EBUSY)), 1, "another reload is under way"),
    (("-r", str(errno.ETIMEDOUT)), 1, os.strerror(errno.ETIMEDOUT)),
], indirect=["server"])
def test_reload_fails(server, code, text):
    p = server.ctl("reload")
    assert (p.returncode, p.stdout) == (code, "")
    assert text in p.stderr
    if "errors" in text:
        assert p.stderr.splitlines()[:2] == [
            'gw.conf:3:1: unknown key "log_levle"; did you mean "log_level"',
            'gw.conf:9:8: "x" is no number']


@pytest.mark.parametrize("args, text", [
    (["frob"], "expected: status, show, tunnel, ports, monitor"),
    (["tunnel", "he"], "expected: up, down, restart, prefer, unprefer"),
    (["monitor", "he"], 'unexpected "he"'),
    (["log", "loud"], "expected: error, warn, info, debug"),
    (["-x"], "usage:"),
    (["-s"], "usage:"),
])
def test_usage(server, args, text):
    p = server.ctl(*args)
    assert p.returncode == 2
    assert text in p.stderr and not p.stdout


def test_help_and_version(server):
    p = server.ctl("-h")
    assert p.returncode == 0 and p.stdout.startswith("usage: gatewayctl")
    p = server.ctl("--version")
    assert p.returncode == 0
    assert re.fullmatch(r"gatewayctl \d+\.\d+\.\d+\n", p.stdout)


def test_not_reachable(server):
    stream = server.dir / "stream"
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(stream))
    s.listen()
    stale = server.dir / "stale"
    t = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    t.bind(str(stale))
    t.close()
    for path, text in ((server.dir / "none", "not running"),
                       (stale, "not running"),
                       (stream, "not a control socket")):
        p = server.ctl("-s", str(path))
        assert p.returncode == 3
        assert p.stderr.startswith("gatewayctl: %s: " % path)
        assert text in p.stderr
    s.close()
    assert server.ctl("-s", "x" * 200).returncode == 2


@pytest.mark.parametrize("words", [
    "status", "show tunnels", "show tunnels he", "show addresses",
    "show health", "show config", "version", "tunnel he up",
    "tunnel he down -W", "monitor", "reload", "log info", "export tor",
    "completion tunnels", "-w status"])
def test_no_daemon(server, words):
    """Each says that it does not run, and what to do."""
    for options in [], ["-j"]:
        p = server.ctl("-s", str(server.dir / "none"), *options,
                       *words.split())
        assert (p.returncode, p.stdout) == (3, "")
        assert re.fullmatch(r"gatewayctl: \S+/none: .* gatewayd is not "
                            r"running \(start it: .*\), or .* \(-s SOCKET\)"
                            "\n", p.stderr)


def test_no_such_object(server):
    for args in (["show", "tunnels", "nix"], ["tunnel", "nix", "up"],
                 ["tunnel", "x" * 40, "up"], ["show", "tunnels", "x" * 400]):
        p = server.ctl(*args)
        assert p.returncode == 4, args
    assert "there is: he, slowed, quiet" in server.ctl(
        "show", "tunnels", "nix").stderr


@pytest.mark.parametrize("server", [("-g", str(GROUP))], indirect=True)
def test_permission(server):
    def ctl(group, extra, *args):
        return server.ctl(*args, user=NOBODY, group=group,
                          extra_groups=extra)

    orders = (["reload"], ["log", "debug"], ["tunnel", "he", "up"],
              ["tunnel", "he", "prefer"])
    for args in orders:
        p = ctl(NOBODY, [NOBODY, 1], *args)
        assert p.returncode == 5
        assert "control_group" in p.stderr
        # the group, as the first or as one of many
        assert ctl(GROUP, [], *args).returncode == 0
        assert ctl(NOBODY, [*range(5000, 5200), GROUP], *args
                   ).returncode == 0
    assert ctl(NOBODY, [], "status").returncode == 0
    assert ctl(NOBODY, [], "show", "config").returncode == 0


def test_permission_without_group(server):
    # control_group is not set: no gid may be taken for it
    p = server.ctl("reload", user=NOBODY, group=NOBODY, extra_groups=[0])
    assert p.returncode == 5
    assert "control_group is not set" in p.stderr


@pytest.mark.slow
def test_time_out(server):
    start = time.monotonic()
    p = server.ctl("tunnel", "wg", "up")
    assert p.returncode == 6
    assert "no answer" in p.stderr
    assert 9 < time.monotonic() - start < 15
    server.alive()


def test_daemon_leaves(server):
    p = subprocess.Popen([server.ctl_program, "-s", server.path, "tunnel",
                          "wg", "up"], stderr=subprocess.PIPE, text=True)
    assert server.said() == "admin 8 0"
    server.process.kill()
    assert p.wait(5) == 3
    assert "closed the connection" in p.stderr.read()
    p.stderr.close()


def test_reader_leaves(server):
    """Into a pipe nobody reads: quiet, as any program."""
    for args in (["status"], ["-j", "show", "tunnels"]):
        r, w = os.pipe()
        os.close(r)
        p = subprocess.run([server.ctl_program, "-s", server.path, *args],
                           stdout=w, stderr=subprocess.PIPE, text=True)
        os.close(w)
        assert (p.returncode, p.stderr) == (0, "")
    with open("/dev/full", "w") as full:
        p = subprocess.run([server.ctl_program, "-s", server.path],
                           stdout=full, stderr=subprocess.PIPE, text=True)
    assert p.returncode == 1 and "No space left" in p.stderr


def test_check(server):
    good = server.dir / "good.conf"
    good.write_text("[core]\napi_port = 8642\n")
    bad = server.dir / "bad.conf"
    bad.write_text("[core]\nlog_levle = info\napi_port = 99999\n")
    p = server.ctl("check", str(good))
    assert (p.returncode, p.stderr) == (0, "")
    assert p.stdout == "%s: configuration ok\n" % good
    p = server.ctl("check", str(bad))
    assert (p.returncode, p.stdout) == (1, "")
    lines = p.stderr.splitlines()
    assert lines[0].startswith("%s:2:1: " % bad) and "log_level" in lines[0]
    assert lines[1].startswith("%s:3:12: " % bad)
    assert server.ctl("check", str(server.dir / "none")).returncode == 1
    p = server.ctl("check", str(good), user=NOBODY, group=NOBODY,
                   extra_groups=[])
    assert p.returncode == 0 and "not root" in p.stderr


def test_relay(server):
    """One screen: what goes over IPv6, by family, tunnel and user."""
    silent = server.ctl("show", "relay")
    assert silent.returncode == 0
    assert "IPv6    no connection yet\n" in silent.stdout
    assert "refused " not in silent.stdout.split("\n\n")[-1].split("\n")[-2]
    server.command("relay")
    p = server.ctl("show", "relay")
    assert (p.returncode, p.stderr) == (0, "")
    head, families, tunnels, users, refused = p.stdout.split("\n\n")
    assert head.splitlines() == [
        "modes   proxy, socks5 on 127.0.0.1:1080",
        "IPv6    83 % of 30 connections",
        "open    3 connected, 1 half-open, 6 for UDP",
        "names   40 found, 11 without address, 9 failed, 8 too late"]
    rows = [re.split("  +", row) for row in families.splitlines()]
    assert rows[0] == ["family", "open", "connected", "tried", "refused",
                       "unreachable", "timeout", "race", "denied",
                       "received", "sent", "p50", "p95"]
    assert rows[1] == ["ipv6", "2", "25", "37", "1", "2", "3", "4", "0",
                       "4.8 MiB", "97.7 KiB", "18 ms", "24 ms"]
    assert [row[0] for row in rows] == ["family", "ipv6", "ipv4", "upstream"]
    good, bad = (re.split("  +", row) for row in tunnels.splitlines()[1:])
    assert good[:5] == ["he", "good", "-", "2", "25"]
    assert bad[:2] == ["quiet", "bad"] and re.fullmatch(r"in \d+ \w+", bad[2])
    assert [re.split("  +", row) for row in users.splitlines()[1:]] == [
        ["1000", "3", "1", "6", "20", "4", "1", "2.0 MiB", "2.0 KiB", "7"],
        ["others", "0", "0", "0", "5", "0", "0", "0 B", "0 B", "0"]]
    assert refused == "refused 7 limit, 12 malformed\n"
    red = "\033[31mbad\033[0m"
    assert red in server.ctl("show", "relay", "--color=always").stdout
    for width in 40, 80:
        out = run_on_terminal(server, "show", "relay", env={"NO_COLOR": "1"},
                              columns=width).replace("\r", "")
        tables = out.split("\n\n", 1)[1]
        assert max(map(len, tables.splitlines())) <= width
