"""gatewayctl export, and what tor and i2pd make of it."""

import contextlib
import subprocess

import pytest

import gw

ADDRESS = "2001:db8:1234:5601::2"       # of he, which is active
OTHER = "2001:db8:1234:5602::2"         # of slowed
PORT = 12345


def settings(text):
    """The lines that say something."""
    return [line for line in text.splitlines()
            if line and not line.startswith("#")]


def export(server, *words):
    p = server.ctl("export", *words)
    assert (p.returncode, p.stderr) == (0, "")
    return p.stdout


@pytest.mark.parametrize("words, lines", [
    (["tor"], ["ORPort [%s]:9001", "Address %s", "OutboundBindAddress [%s]"]),
    (["tor", "relay"], ["ORPort [%s]:9001", "Address %s",
                        "OutboundBindAddress [%s]"]),
    (["tor", "exit"], ["ORPort [%s]:9001", "Address %s",
                       "OutboundBindAddress [%s]", "IPv6Exit 1"]),
    (["tor", "client"], ["ClientUseIPv6 1", "ClientPreferIPv6ORPort 1"]),
    (["i2pd"], ["ipv6 = true", "address6 = %s", "[ntcp2]",
                "addressv6 = %s"]),
    (["i2p"], ["i2np.ntcp.ipv6=preferIPv6", "i2np.udp.ipv6=preferIPv6",
               "i2np.udp.addressSources=local,upnp,ssu"]),
])
def test_lines(server, words, lines):
    text = export(server, *words)
    assert settings(text) == [line.replace("%s", ADDRESS) for line in lines]
    assert text.startswith("# ") and "gatewayd's tunnel he:" in text
    if words == ["tor"]:
        words = ["tor", "relay"]
    other = export(server, *words, "slowed")
    assert other == text.replace(ADDRESS, OTHER).replace(" he:", " slowed:")


def test_no_address(server):
    p = server.ctl("export", "tor", "relay", "nix")
    assert (p.returncode, p.stdout) == (4, "")
    assert "there is: he, slowed" in p.stderr
    p = server.ctl("export", "i2pd", "off")
    assert (p.returncode, p.stdout) == (1, "")
    assert "tunnel off has no address" in p.stderr
    assert "gatewayctl show tunnels off" in p.stderr
    # there and configured, but mute
    p = server.ctl("export", "i2pd", "quiet")
    assert p.returncode == 0 and "address6 = 2001:db8" in p.stdout
    assert "nothing answers" in p.stderr
    server.command("tunnel he 5 0")
    p = server.ctl("export", "tor")
    assert (p.returncode, p.stdout) == (1, "")
    assert "no tunnel is active" in p.stderr
    assert "gatewayctl status" in p.stderr


# --- what the programs themselves say

def verify(server, *lines):
    torrc = server.dir / "torrc"
    torrc.write_text("".join(line + "\n" for line in lines))
    return subprocess.run(
        ["tor", "--verify-config", "-f", torrc, "--DataDirectory",
         server.dir / "tor"], text=True, capture_output=True, timeout=60)


@pytest.mark.plain
@pytest.mark.parametrize("role, own", [
    ("relay", ["ORPort 9001", "ExitRelay 0"]),
    ("exit", ["ORPort 9001", "ExitRelay 1"]), ("client", [])])
def test_tor(server, role, own):
    lines = export(server, "tor", role).splitlines()
    own = [*own, "ContactInfo nobody"]
    p = verify(server, *own, *lines)
    assert p.returncode == 0 and "Configuration was valid" in p.stdout
    # what it took, in its own words
    p = subprocess.run(
        ["tor", "-f", server.dir / "torrc", "--dump-config", "full",
         "--hush"], text=True, capture_output=True, timeout=60)
    assert set(settings("\n".join(lines))) <= set(p.stdout.splitlines())
    # and it would say what it does not know
    assert verify(server, *own, *lines, "IPv6Exitt 1").returncode != 0


@contextlib.contextmanager
def i2pd(ns, server, conf):
    path = server.dir / "i2pd.conf"
    path.write_text(conf)
    data = server.dir / "i2pd"
    data.mkdir()
    with open(server.dir / "i2pd.log", "w") as log:
        p = subprocess.Popen(
            ns.argv("i2pd", "--conf=%s" % path, "--datadir=%s" % data,
                    "--port=%d" % PORT, "--log=stdout", "--loglevel=info",
                    "--reseed.threshold=0"), stdout=log, stderr=log)
    try:
        yield data
    finally:
        p.kill()
        p.wait()


@pytest.mark.plain
def test_i2pd(server):
    """It listens at the address, and tells others to come there."""
    ns = gw.Namespace("i")
    try:
        ns.ip("link add he0 type veth peer name wan")
        ns.up("he0")
        ns.up("wan")
        ns.ip("addr add 192.0.2.2/24 dev wan")
        for address in OTHER, ADDRESS:
            ns.ip("addr add %s/64 dev he0 nodad" % address)
        conf = export(server, "i2pd")
        with i2pd(ns, server, conf) as data:
            at = "%s]:%d " % (ADDRESS, PORT)
            gw.wait_for(lambda: ns.run("ss", "-Hltun").stdout.count(at) == 2,
                        30 * max(1, gw.SLOW), "i2pd at both sockets")
            sockets = ns.run("ss", "-Hltun").stdout
            assert "]:%d" % PORT not in sockets.replace(at, "")
            info = data / "router.info"
            gw.wait_for(lambda: info.exists() and
                        info.read_bytes().count(ADDRESS.encode()) == 2,
                        30 * max(1, gw.SLOW), "both addresses published")
    finally:
        ns.close()
