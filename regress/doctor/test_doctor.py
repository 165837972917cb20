"""gatewayctl doctor: one thing is broken, and it says which, and what to do.

Each test breaks one thing in the lab and asks for its finding.
"""

import base64
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

import pytest

import gw

OK = ("config", "clock", "kernel.ipv6", "sysctl.disable_ipv6",
      "sysctl.icmp_echo", "wan.route", "wan.endpoint", "firewall.input",
      "socket.control", "socket.api", "socket.mcp", "port.api",
      "address.global", "route.default", "mtu.path", "dns.aaaa",
      "reach.native", "reach.tunnel", "exposure")


@contextlib.contextmanager
def setting(place, name, value, back):
    place.ns.sysctl(name, value)
    try:
        yield
    finally:
        place.ns.sysctl(name, back)


def test_healthy(healthy):
    report = healthy.report()
    assert report.failed() == []
    assert [check["id"] for check in report.checks
            if check["status"] == "warn"] in ([], ["kernel.sit"])
    for ident in OK:
        assert "ok" in report.status(ident), (ident, report.checks)
    assert abs(report.document["time"] - time.time()) < 60
    assert list(report.document) == ["checks", "ok", "warn", "fail", "skip",
                                     "time"]
    assert list(report.checks[0]) == ["id", "tunnel", "status", "summary",
                                      "evidence", "remedy"]


def test_text(place):
    """A word in front, what was seen and the remedy below, no colour."""
    out = place.run(place.daemon.file, check=False)
    assert out.returncode == 1
    lines = out.stdout.splitlines()
    at = lines.index("fail  gatewayd does not run")
    assert "gatewayd.sock: No such file" in lines[at + 1]
    assert lines[at + 2].startswith("      remedy: 'systemctl start")
    assert lines[-1].endswith(" skip") and " fail, " in lines[-1]
    for line in lines[:-2]:
        assert line[:6] in ("ok    ", "warn  ", "fail  ", "skip  ",
                            "      "), line
    assert "\033" not in out.stdout


def test_without_daemon(place):
    report = place.report()
    check = report.one("socket.control", "fail")
    assert "systemctl start v6-gatewayd" in check["remedy"]
    assert report.one("port.api", "ok")["summary"].endswith("is free")
    assert report.one("address.tunnel", "warn")["tunnel"] == "he"
    report.one("address.global", "fail")
    report.one("route.default", "fail")
    report.one("reach.tunnel", "skip")


def test_stale_socket(place):
    """One that a daemon left behind, as kill -9 does."""
    place.daemon.run_dir.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.bind(str(place.daemon.run_dir / "gatewayd.sock"))
    assert "is stale" in place.report().one("socket.control",
                                            "fail")["evidence"]


def test_run_dir_of_somebody(place):
    place.daemon.run_dir.mkdir()
    place.daemon.run_dir.chmod(0o777)
    check = place.report().one("socket.run_dir", "fail")
    assert "mode 0777" in check["evidence"]
    assert "chmod go-w %s" % place.daemon.run_dir in check["remedy"]


def test_sockets_changed(healthy):
    run = healthy.daemon.run_dir
    (run / "api.sock").unlink()
    (run / "gatewayd.sock").chmod(0o600)
    report = healthy.report()
    assert "is gone" in report.one("socket.api", "warn")["summary"]
    check = report.one("socket.control", "warn")
    assert "mode 0600 instead of 0666" in check["evidence"]
    assert "chmod 0666 %s" % (run / "gatewayd.sock") in check["remedy"]


def test_port_taken(place):
    with place.ns.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind(("0.0.0.0", 8642))
        sock.listen(1)
        check = place.report().one("port.api", "fail")
    assert "process %d, uid 0" % os.getpid() in check["evidence"]
    assert "ss -ltnp" in check["remedy"] and "api_port" in check["remedy"]


def test_configuration_bad(place):
    place.daemon.configure({"tunnel.he": {"mtu": "many"}})
    report = place.report()
    check = report.one("config", "fail")
    assert "%s:" % place.daemon.file in check["evidence"]
    assert "mtu" in check["evidence"]
    assert report.all("reach.tunnel") == []


def test_configuration_missing(place):
    """It says so, and goes on with what needs none."""
    place.daemon.file.unlink()
    report = place.report()
    assert "No such file" in report.one("config", "skip")["evidence"]
    assert report.status("kernel.ipv6") == ["ok"]
    assert report.status("dns.aaaa") == ["ok"]


def test_no_tunnel_in_use(place):
    place.daemon.configure({"tunnel.he": {"enabled": "false"}})
    check = place.report().one("config", "warn")
    assert "[tunnel.NAME]" in check["remedy"]


def test_many_tunnels(place):
    """However many are broken, a report has an end."""
    place.daemon.configure({"tunnel.t%d" % n: {
        "type": "he_6in4", "iface": "t%d" % n, "driver": "userspace",
        "endpoint_ipv4": "198.51.100.%d" % n,
        "v6_prefix": "2001:db8:%x::2" % n} for n in range(2, 42)})
    report = place.report()
    assert "the first 16 tunnels" in report.one("config", "skip")["summary"]
    assert len(report.all("address.tunnel")) == 16
    assert len(report.checks) < 100


def test_clock(place):
    """A file from the future: the clock went backwards."""
    later = time.time() + 10 * 86400
    os.utime(place.daemon.file, (later, later))
    check = place.report().one("clock", "warn")
    assert "the configuration was written at" in check["evidence"]
    assert "timedatectl" in check["remedy"]


@pytest.fixture
def modules():
    """A place to mount a list of modules on."""
    path = pathlib.Path("/lib/modules")
    made = not path.exists()
    path.mkdir(exist_ok=True)
    yield path
    if made:
        path.rmdir()


def test_module_missing(place, modules):
    """A kernel without sit whose list of modules can be read."""
    release = os.uname().release
    ours = place.lab.dir / "modules"
    (ours / release).mkdir(parents=True)
    listed = ours / release / "modules.dep"
    listed.write_text("kernel/net/ipv6/nosit.ko:\n")
    hide = "mount --bind %s %s && mount -t tmpfs none /sys/module && " % (
        ours, modules)
    place.daemon.configure({"tunnel.he": {"driver": "kernel"}})
    check = place.report(prepare=hide).one("kernel.sit", "fail")
    assert "has no sit" in check["evidence"]
    assert "modprobe sit" in check["remedy"]
    place.daemon.configure({"tunnel.he": {"driver": "auto"}})
    check = place.report(prepare=hide).one("kernel.sit", "warn")
    assert "userspace driver is used" in check["summary"]
    listed.write_text(
        "kernel/net/ipv6/sit.ko.xz: kernel/net/ipv4/ip_tunnel.ko.xz\n")
    check = place.report(prepare=hide).one("kernel.sit", "ok")
    assert check["summary"].endswith("is loaded when needed")


@pytest.fixture
def wireguard(place):
    """The tunnel is one of WireGuard instead."""
    def key():
        return base64.b64encode(os.urandom(32)).decode()

    file = place.daemon.dir / "wg.conf"
    file.write_text(
        "[Interface]\nPrivateKey = %s\nAddress = 2001:db8:55::2/64\n"
        "[Peer]\nPublicKey = %s\nEndpoint = %s:51820\nAllowedIPs = ::/0\n"
        % (key(), key(), gw.BROKER4))
    file.chmod(0o600)
    place.daemon.configure({"tunnel.he": None, "tunnel.wg": {
        "type": "wireguard", "iface": "wg0", "conf": file}})
    return place


def test_wireguard(wireguard, modules):
    wireguard.ns.ip("addr add 10.1.1.2/32 dev wan")
    wireguard.ns.ip("route replace default via %s src 10.1.1.2" % gw.ROUTER4)
    report = wireguard.report(
        prepare="mount -t tmpfs none /sys/module && "
        "mount -t tmpfs none %s && " % modules)
    # there may be wireguard-go, or neither
    assert report.status("kernel.wireguard")[0] == "warn"
    assert report.all("kernel.sit") == []
    # a NAT is no obstacle to UDP
    assert report.all("wan.nat") == []
    assert report.one("wan.route", "ok")["tunnel"] == "wg"
    assert report.all("sysctl.icmp_echo") == []
    assert report.one("address.tunnel", "warn")["summary"].endswith(
        "2001:db8:55::2")


def test_wireguard_for_others(wireguard):
    """The keys' file is root's: its endpoint is unknown, and that is said."""
    document = json.loads(as_user(wireguard).stdout)
    check = next(c for c in document["checks"] if c["id"] == "wan.endpoint")
    assert check["status"] == "skip" and check["tunnel"] == "wg"
    assert "can be read by root only" in check["summary"]


def test_no_tun_device(place):
    place.daemon.configure({"tunnel.he": {"driver": "userspace"}})
    check = place.report(
        prepare="mount -t tmpfs none /dev && ").one("kernel.tun", "fail")
    assert check["evidence"].startswith("/dev/net/tun")
    assert "modprobe tun" in check["remedy"]


@pytest.mark.parametrize("which, words", [
    ("all", "on all interfaces"), ("default", "on new interfaces")])
def test_ipv6_switched_off(place, which, words):
    name = "ipv6/conf/%s/disable_ipv6" % which
    with setting(place, name, 1, 0):
        check = place.report().one("sysctl.disable_ipv6", "fail")
    assert words in check["summary"]
    assert "net.ipv6.conf.%s.disable_ipv6 = 1" % which in check["evidence"]
    assert "sysctl -w net.ipv6.conf.all.disable_ipv6=0" in check["remedy"]


def test_no_answer_to_pings(place):
    with setting(place, "ipv4/icmp_echo_ignore_all", 1, 0):
        check = place.report().one("sysctl.icmp_echo", "warn")
    assert "icmp_echo_ignore_all=0" in check["remedy"]


def test_not_forwarding(place):
    place.daemon.configure(
        {"tunnel.he": {"routed_prefix": "2001:db8:77::/64"}})
    check = place.report().one("sysctl.forwarding", "warn")
    assert "forwarding=1" in check["remedy"]
    place.daemon.configure({"tunnel.he": {"routed_prefix": None}})
    assert place.report().all("sysctl.forwarding") == []


def test_forwarding_without_advertisements(place):
    with setting(place, "ipv6/conf/wan/forwarding", 1, 0), \
            setting(place, "ipv6/conf/wan/accept_ra", 1, 0):
        check = place.report().one("sysctl.accept_ra", "warn")
    assert "forwarding = 1, accept_ra = 1" in check["evidence"]
    assert "net.ipv6.conf.wan.accept_ra=2" in check["remedy"]


def test_reverse_path_filter(place):
    ns = place.ns
    ns.ip("link add up2 type veth peer name up3")
    ns.ip("link set up2 up")
    ns.ip("route add default dev up2 metric 100")
    with setting(place, "ipv4/conf/wan/rp_filter", 1, 0):
        check = place.report().one("sysctl.rp_filter", "warn")
    ns.ip("link del up2")
    assert "2 IPv4 default routes" in check["evidence"]
    assert "net.ipv4.conf.wan.rp_filter=2" in check["remedy"]


def test_no_uplink(place):
    place.ns.ip("route del default")
    report = place.report()
    assert report.one("wan.route", "warn")["tunnel"] is None
    check = report.one("wan.route", "fail")
    assert check["tunnel"] == "he"
    assert "unreachable" in check["evidence"]
    assert report.all("wan.endpoint") == []


@pytest.mark.parametrize("address, words, remedy", [
    ("192.168.7.2", "private (RFC 1918)", "exposed host"),
    ("100.64.0.9", "100.64.0.0/10", "type = wireguard"),
])
def test_behind_nat(place, address, words, remedy):
    place.ns.ip("addr add %s/32 dev wan" % address)
    place.ns.ip("route replace default via %s src %s" % (
        gw.ROUTER4, address))
    check = place.report().one("wan.nat", "warn")
    assert check["tunnel"] == "he"
    assert address in check["evidence"] and words in check["evidence"]
    assert "rotocol 41" in check["summary"] and remedy in check["remedy"]


@pytest.mark.slow
def test_endpoint_silent(place):
    place.lab.broker_ns.sysctl("ipv4/icmp_echo_ignore_all", 1)
    try:
        check = place.report().one("wan.endpoint", "warn")
    finally:
        place.lab.broker_ns.sysctl("ipv4/icmp_echo_ignore_all", 0)
    assert check["tunnel"] == "he"
    assert "no answer within 2 s" in check["evidence"]


def test_pinned_uplink(place):
    """The route of that one counts, and the address there."""
    ns = place.ns
    ns.ip("link add up2 type veth peer name up3")
    ns.ip("addr add 10.9.9.2/24 dev up2")
    ns.ip("link set up2 up")
    ns.ip("link set up3 up")
    ns.ip("route add default via 10.9.9.1 dev up2 metric 900")
    place.daemon.configure({"tunnel.he": {"wan": "up2"}})
    found = place.report().all("wan.nat")
    place.daemon.configure({"tunnel.he": {"wan": "wan"}})
    other = place.report().all("wan.nat")
    ns.ip("link del up2")
    assert len(found) == 1 and "10.9.9.2" in found[0]["evidence"]
    assert other == []


def test_endpoint_is_ours(place):
    place.daemon.configure({"tunnel.he": {"endpoint_ipv4": gw.CLIENT4}})
    check = place.report().one("wan.route", "fail")
    assert "an address of this machine" in check["summary"]
    assert "endpoint_ipv4" in check["remedy"]


def test_endpoint_name(place):
    """Looked up, and asked."""
    (place.etc / "hosts").write_text(
        "127.0.0.1 localhost\n%s broker.example\n" % gw.BROKER4)
    place.daemon.configure(
        {"tunnel.he": {"endpoint_ipv4": "broker.example"}})
    report = place.report()
    assert gw.BROKER4 in report.one("wan.endpoint", "ok")["summary"]
    place.server.how = "missing"
    place.daemon.configure({"tunnel.he": {"endpoint_ipv4": "no.example"}})
    check = place.report().one("wan.endpoint", "fail")
    assert "not found" in check["evidence"]


def test_firewall(place):
    nft = place.ns.run
    nft("nft", "add table inet strict; add chain inet strict in "
        "{ type filter hook input priority 0; policy drop; }; "
        "add rule inet strict in accept")
    try:
        check = place.report().one("firewall.input", "warn")
    finally:
        nft("nft", "delete table inet strict")
    assert "chain inet strict in has the policy drop" in check["evidence"]
    assert "nft add rule inet strict in ip protocol 41 accept" in \
        check["remedy"]
    assert "icmp type echo-request accept" in check["remedy"]


def test_duplicate_address(place):
    """Another host on the link has it: the kernel gives it up."""
    lab, address = place.lab, "2001:db8:99::9"
    place.ns.sysctl("ipv6/conf/wan/accept_dad", 1)
    lab.broker_ns.ip("addr add %s/64 dev wan nodad" % address)
    try:
        place.ns.ip("addr add %s/64 dev wan" % address)
        gw.wait_for(lambda: "dadfailed" in place.ns.ip(
            "-6 addr show dev wan"), 10 * gw.SLOW, "the duplicate")
        check = place.report().one("address.dadfailed", "fail")
    finally:
        lab.broker_ns.ip("addr del %s/64 dev wan" % address)
        place.ns.sysctl("ipv6/conf/wan/accept_dad", 0)
    assert address in check["summary"]
    assert "ip -6 address del %s/64 dev wan" % address in check["remedy"]


def test_tentative_address(place):
    """Without a carrier duplicate address detection never begins."""
    ns = place.ns
    ns.ip("link add half type veth peer name other")
    ns.sysctl("ipv6/conf/half/accept_dad", 1)
    ns.ip("link set half up")
    ns.ip("addr add 2001:db8:98::1/64 dev half")
    check = [c for c in place.report().all("address.tentative")
             if "2001:db8:98::1" in c["summary"]]
    ns.ip("link del half")
    assert len(check) == 1 and "carrier" in check[0]["remedy"]


def test_deprecated_addresses(place):
    place.ns.ip("addr add 2001:db8:97::1/64 dev wan nodad preferred_lft 0")
    check = place.report().one("address.deprecated", "warn")
    assert "2001:db8:97::1 (wan)" in check["evidence"]


@pytest.mark.parametrize("how, status, words", [
    ("filtered", "warn", "no data"),
    ("missing", "warn", "not found"),
    ("broken", "fail", "DNS servers"),
    pytest.param("silent", "fail", "Timeout", marks=pytest.mark.slow),
    ("cut", "fail", "Misformatted"),
    pytest.param("garbage", "fail", "Timeout", marks=pytest.mark.slow),
    ("short", "warn", "no data"),
    ("loop", "warn", "no data"),
])
def test_names(place, how, status, words):
    place.server.how = how
    start = time.monotonic()
    found = place.report().all("dns.aaaa")
    assert time.monotonic() - start < 10 * gw.SLOW
    assert len(found) == 1
    assert found[0]["status"] == status, found
    assert words in found[0]["evidence"], found
    assert "/etc/resolv.conf" in found[0]["remedy"]


def test_exposure(healthy):
    """What listens on every address, or on a tunnel's, and who it is."""
    with contextlib.ExitStack() as stack:
        for kind, address, port in (
                (socket.SOCK_STREAM, "::", 7001),
                (socket.SOCK_STREAM, gw.CLIENT6, 7002),
                (socket.SOCK_DGRAM, "::", 7003),
                (socket.SOCK_STREAM, "::1", 7004)):
            sock = stack.enter_context(
                healthy.ns.socket(socket.AF_INET6, kind))
            sock.bind((address, port))
            if kind == socket.SOCK_STREAM:
                sock.listen(1)
        check = healthy.report().one("exposure", "warn")
    assert check["summary"].startswith("3 program(s)")
    for words in "TCP port 7001", "TCP port 7002", "UDP port 7003":
        assert "(process %d, %s)" % (os.getpid(), words) in check["evidence"]
    assert "7004" not in check["evidence"]


def test_program_names_are_only_text(healthy):
    """Whatever a program calls itself."""
    code = ("import socket,sys,ctypes; ctypes.CDLL(None).prctl(15, "
            "b'\\x1b[31m\\xff\\n\"x', 0, 0, 0); "
            "s=socket.socket(socket.AF_INET6); s.bind(('::', 7005)); "
            "s.listen(1); print(flush=True); sys.stdin.read()")
    program = subprocess.Popen(
        healthy.ns.argv(sys.executable, "-c", code), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE)
    try:
        program.stdout.readline()
        check = healthy.report().one("exposure", "warn")
        assert '?[31m??"x (process' in check["evidence"], check
        text = healthy.run(healthy.daemon.file, check=False).stdout
        assert "\033" not in text
    finally:
        program.communicate()


def as_user(place, *args):
    place.daemon.file.chmod(0o644)
    return place.run("-j", *args, place.daemon.file, check=False, wrapper=(
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))


def test_ordinary_user(healthy):
    """Less is seen, and what is not seen is said; nothing fails for it."""
    document = json.loads(as_user(healthy).stdout)
    status = {check["id"]: check["status"] for check in document["checks"]}
    assert document["fail"] == 0
    assert status["reach.tunnel"] == "ok"
    assert status["firewall.input"] == "skip"
    assert status["wan.endpoint"] == status["mtu.path"] == "skip"
    for check in document["checks"]:
        if check["status"] == "skip":
            assert "root" in check["remedy"], check


def test_ordinary_user_may_ping(healthy):
    """Where ping sockets are allowed, as Debian does it."""
    with setting(healthy, "ipv4/ping_group_range", "0 2147483647", "1 0"):
        document = json.loads(as_user(healthy).stdout)
    status = {check["id"]: check["status"] for check in document["checks"]}
    assert status["wan.endpoint"] == status["mtu.path"] == "ok"


def test_unreadable_configuration(place):
    place.daemon.file.chmod(0o600)
    out = place.run("-j", place.daemon.file, check=False, wrapper=(
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))
    check = next(c for c in json.loads(out.stdout)["checks"]
                 if c["id"] == "config")
    assert check["status"] == "skip"
    assert "Permission denied" in check["evidence"]
