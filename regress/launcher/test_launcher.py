"""The launcher as a process, with the test in the place of its parent, and
the real wireguard-go."""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import struct
import time

import pytest

import gw
import procfs
import wg
import wgbroker
from child import Child

pytestmark = pytest.mark.skipif(
    shutil.which("wireguard-go") is None or shutil.which("wg") is None,
    reason="needs wireguard-go and wireguard-tools")

ACCOUNT = "_gwlaunch"
NET_ADMIN = 1 << 12
MISSING, FAILED, ENDED = range(3)
EMFILE = 24
LAUNCH_MAX = 256
FAKES = gw.BUILD / "regress/launcher"
PROGRAM = "/usr/bin/wireguard-go"


def instead(path):
    """In a mount namespace of its own, with that in the program's place."""
    return ("unshare", "--mount", "sh", "-c",
            "mount --bind %s %s && exec \"$@\"" % (path, PROGRAM), "sh")


@pytest.fixture(scope="module")
def ns():
    gw.ensure_users()
    namespace = gw.Namespace("l")
    yield namespace
    namespace.close()


class Launcher(Child):
    def __init__(self, ns, argv=()):
        super().__init__("launcher", ns, user=ACCOUNT, argv=argv)
        self.ns = ns

    def tun(self, name, fd, tunnel=0):
        self.send("LAUNCH_TUN", tunnel, name.encode().ljust(16, b"\0"), fd=fd)

    def launch(self, name, tunnel=0, exists=False):
        with wg.opened(self.ns, name, exists) as (tun, uapi):
            self.tun(name, tun, tunnel)
            self.send("LAUNCH_UAPI", tunnel, fd=uapi)

    def started(self, name, tunnel=0, **kwargs):
        """The process id, when it answers."""
        before = set(self.processes())
        self.launch(name, tunnel, **kwargs)
        assert wg.ask("get", name)[0] == 0, self.logged()
        new = set(self.processes()) - before
        assert len(new) == 1
        return new.pop()

    def processes(self):
        return procfs.children(self.pid)

    def exited(self, seconds=5, tunnel=0):
        """(end, status) of LAUNCH_EXITED."""
        message = self.receive("parent", seconds * gw.SLOW)
        assert message is not None, self.logged()
        assert message[:2] == ("LAUNCH_EXITED", tunnel)
        return struct.unpack("=II", message[2])


@pytest.fixture
def launcher(ns):
    launcher = Launcher(ns)
    yield launcher
    launcher.close()


@pytest.fixture
def name(ns):
    name = wgbroker.unique()
    yield name
    ns.ip("link del " + name, check=False)
    wg.remove(name)


@pytest.mark.both
def test_what_it_runs_with(launcher, name):
    """The launcher's rights, an environment of four words, no more."""
    pid = launcher.started(name)
    st = procfs.status(pid)
    account = pwd.getpwnam(ACCOUNT)
    assert st["Name"] == "wireguard-go"
    assert st["Uid"].split() == [str(account.pw_uid)] * 4
    assert st["Gid"].split() == [str(account.pw_gid)] * 4
    assert st["Groups"].split() == []
    assert [int(st["Cap" + name], 16) for name in
            ("Inh", "Prm", "Eff", "Bnd", "Amb")] == [NET_ADMIN] * 5
    assert st["NoNewPrivs"] == "1" and st["Seccomp"] == "2"
    # as from a shell: nothing is ignored (but PIPE and URG, by Go itself)
    assert int(st["SigIgn"], 16) & ~(1 << 12 | 1 << 22) == 0
    proc = pathlib.Path("/proc/%d" % pid)
    assert proc.joinpath("cmdline").read_bytes().split(b"\0") == [
        b"wireguard-go", b"-f", name.encode(), b""]
    assert set(proc.joinpath("environ").read_bytes().split(b"\0")) == {
        b"WG_TUN_FD=3", b"WG_UAPI_FD=4", b"WG_PROCESS_FOREGROUND=1",
        b"LOG_LEVEL=debug", b""}
    fds = procfs.descriptors(pid)
    assert fds[1] == fds[2] and fds[1].startswith("pipe:")
    assert fds[3] == "/dev/net/tun" and fds[4].startswith("socket:")
    # its own: no pipe of ours among them
    parent = os.readlink("/proc/%d/fd/3" % launcher.pid)
    assert parent not in fds.values()
    # a terminal's Ctrl-C is not for it
    assert os.getsid(pid) == pid
    assert "wireguard-go on %s: UAPI listener started" % name in \
        launcher.logged()
    # the launcher keeps neither TUN nor socket
    ours = procfs.descriptors(launcher.pid).values()
    assert "/dev/net/tun" not in ours and fds[4] not in ours


def test_only_root_reads_keys(launcher, name):
    launcher.started(name)
    path = wgbroker.RUN / (name + ".sock")
    st = path.stat()
    assert st.st_uid == 0 and st.st_mode & 0o777 == 0o644
    for user in ACCOUNT, "_gatewayd", "nobody":
        out = gw.sh("setpriv", "--reuid=" + user, "--regid=65534",
                    "--clear-groups", "--inh-caps=-all", "socat", "-",
                    "UNIX-CONNECT:%s" % path, check=False).stdout
        assert "Permission denied" in out


def test_stop(launcher, ns, name):
    pid = launcher.started(name)
    launcher.send("LAUNCH_STOP")
    assert launcher.exited() == (ENDED, 0)
    assert procfs.gone(pid)
    # it is persistent, and free for the next one
    assert ns.ifindex(name) is not None
    launcher.started(name, exists=True)


def test_stop_of_one_that_hangs(launcher, name):
    os.kill(launcher.started(name), signal.SIGSTOP)
    launcher.send("LAUNCH_STOP")
    launcher.send("LAUNCH_STOP")
    start = time.monotonic()
    assert launcher.exited(10) == (ENDED, signal.SIGKILL)
    assert time.monotonic() - start > 4
    assert "did not end within 5 s" in launcher.logged()


def test_stop_before_it_runs(launcher, ns, name):
    """Closes the TUN; nothing exits.  And a stop of nothing is nothing."""
    with wg.opened(ns, name) as (tun, _):
        launcher.tun(name, tun)
        launcher.send("LAUNCH_STOP")
        launcher.send("LAUNCH_STOP")
        launcher.tun(name, tun)
        launcher.send("LAUNCH_STOP")
    launcher.started(name, exists=True)     # else the TUN would be busy


def test_killed(launcher, ns, name):
    ifindex = None
    for number in signal.SIGKILL, signal.SIGABRT, signal.SIGKILL:
        pid = launcher.started(name, exists=ifindex is not None)
        assert ns.ifindex(name) == (ifindex or ns.ifindex(name))
        ifindex = ns.ifindex(name)
        os.kill(pid, number)
        assert launcher.exited() in ((ENDED, number), (ENDED, 2 << 8))
    assert not launcher.processes()


def test_socket_removed(launcher, name):
    """What wg-quick(8) documents as the way to end it."""
    launcher.started(name)
    wg.remove(name)
    assert launcher.exited() == (ENDED, 0)


@pytest.mark.parametrize("end", ["closed", "killed"])
def test_ends_with_the_launcher(ns, name, end):
    launcher = Launcher(ns)
    pid = launcher.started(name)
    if end == "killed":
        launcher.process.kill()
        launcher.process.wait()
    else:
        launcher.close()
    gw.wait_for(lambda: procfs.gone(pid), 2 * gw.SLOW,
                "the end of wireguard-go")


def test_not_installed(ns, name):
    launcher = Launcher(ns, argv=instead("/dev/null"))
    launcher.launch(name)
    assert launcher.exited()[0] == MISSING
    # and the next one is told the same
    launcher.launch(name, exists=True)
    assert launcher.exited()[0] == MISSING
    launcher.close()


def test_replaced_since(ns, name):
    """A package's update puts another file there: Landlock knows the old."""
    launcher = Launcher(ns, argv=(
        "unshare", "--mount", "sh", "-c",
        "cp {0} /tmp/wireguard-go.$$ && mount --bind /dev/null {0} && "
        "mount -t tmpfs none /usr/local/bin && mv /tmp/wireguard-go.$$ "
        "/usr/local/bin/wireguard-go && exec \"$@\"".format(PROGRAM), "sh"))
    try:
        launcher.launch(name)
        assert wg.ask("get", name)[0] == 0
        launcher.send("LAUNCH_STOP")
        assert launcher.exited() == (ENDED, 0)
        gw.sh("nsenter", "--mount", "-t", launcher.pid, "sh", "-c",
              "cd /usr/local/bin && cp wireguard-go new && mv new "
              "wireguard-go")
        launcher.launch(name, exists=True)
        assert wg.ask("get", name)[0] == 0
    finally:
        launcher.close()


def test_no_tun(launcher):
    """What goes wrong before the program runs is in the log."""
    name = wgbroker.unique()
    with open("/dev/null", "rb+") as null:
        launcher.tun(name, null.fileno())
        launcher.send("LAUNCH_UAPI", fd=null.fileno())
    assert launcher.exited() == (ENDED, 127 << 8)
    assert "level=warn" in launcher.logged()
    assert "wireguard-go on %s: cannot attach to %s: " % (name, name) in \
        launcher.logged()


def test_interface_is_gone(launcher, ns, name):
    """Deleted at the last moment: another of that name is not ours."""
    with wg.opened(ns, name) as (tun, uapi):
        ns.ip("link del " + name)
        launcher.tun(name, tun)
        launcher.send("LAUNCH_UAPI", fd=uapi)
        assert launcher.exited() == (ENDED, 127 << 8)
    assert "cannot attach to %s: No such device" % name in launcher.logged()
    assert ns.ifindex(name) is None


def test_tun_is_busy(launcher, ns, name):
    launcher.started(name)
    with wg.Uapic("open", name, "exists", ns=ns) as u:
        # the socket comes first
        assert u.line().startswith("Another program serves WireGuard on " +
                                   name)
    wg.remove(name)
    assert launcher.exited() == (ENDED, 0)


def test_its_own_errors(launcher, ns, name):
    """Why it ends is in the log, without level and time of its own."""
    with wg.opened(ns, name) as (tun, uapi), open("/dev/null") as null:
        launcher.tun(name, tun)
        launcher.send("LAUNCH_UAPI", fd=null.fileno())
        assert launcher.exited() == (ENDED, 1 << 8)
    assert "level=info" in launcher.logged()
    assert "msg=\"wireguard-go on %s: Failed to listen on uapi socket: " \
        % name in launcher.logged()


def test_framing_of_the_version(ns, name):
    """Whatever the interface was used with before: struct tun_pi in front of
    packets, or a virtio_net_hdr."""
    for fake, pi in ("fake", False), ("fake_old", True), ("fake", False):
        launcher = Launcher(ns, argv=instead(FAKES / fake))
        launcher.launch(name, exists=ns.ifindex(name) is not None)
        gw.wait_for(lambda: "line 9 " in launcher.logged(), 10 * gw.SLOW)
        (link,) = ns.json("-d link show dev " + name)
        tun = link["linkinfo"]["info_data"]
        assert (tun["type"], tun["pi"], tun["vnet_hdr"], tun["persist"]) == (
            "tun", pi, not pi, True)
        launcher.send("LAUNCH_STOP")
        launcher.exited()
        launcher.close()


def test_more_than_can_be(launcher):
    """Of too many some are refused, and no descriptor is lost."""
    held = procfs.count_descriptors(launcher.pid)
    with open("/dev/null", "rb+") as null:
        for tunnel in range(LAUNCH_MAX + 2):
            launcher.tun("many%d" % tunnel, null.fileno(), tunnel)
        for tunnel in LAUNCH_MAX, LAUNCH_MAX + 1:
            launcher.send("LAUNCH_UAPI", tunnel, fd=null.fileno())
            assert launcher.exited(tunnel=tunnel) == (FAILED, EMFILE)
    for tunnel in range(LAUNCH_MAX + 2):
        launcher.send("LAUNCH_STOP", tunnel)
    gw.wait_for(lambda: procfs.count_descriptors(launcher.pid) == held,
                5 * gw.SLOW, "all closed")


def test_several(launcher, ns):
    names = [wgbroker.unique() for _ in range(8)]
    try:
        for tunnel, name in enumerate(names):
            launcher.started(name, tunnel)
        for tunnel in 3, 0, 7:
            launcher.send("LAUNCH_STOP", tunnel)
            assert launcher.exited(tunnel=tunnel) == (ENDED, 0)
        assert len(launcher.processes()) == 5
        for tunnel in 1, 2, 4, 5, 6:
            assert wg.ask("get", names[tunnel])[0] == 0
    finally:
        for name in names:
            ns.ip("link del " + name, check=False)
            wg.remove(name)


def test_output_is_bounded(ns, name):
    """A program that writes without end cannot fill the log."""
    launcher = Launcher(ns, argv=instead(FAKES / "fake"))
    launcher.launch(name)
    gw.wait_for(lambda: "line 99 " in launcher.logged(), 10 * gw.SLOW)
    time.sleep(1)
    lines = launcher.logged().splitlines()
    assert sum("wireguard-go on" in line for line in lines) == 100
    assert max(map(len, lines)) < 700
    # all of it was read: it waits no longer to write
    (pid,) = launcher.processes()
    launcher.send("LAUNCH_STOP")
    assert launcher.exited() == (ENDED, signal.SIGTERM)
    assert procfs.gone(pid)
    launcher.close()


def test_orders_that_make_no_sense(ns, name):
    """The parent's own faults end the daemon."""
    for what in "socket alone", "two TUNs", "path":
        launcher = Launcher(ns)
        with open("/dev/null", "rb+") as null:
            fd = null.fileno()
            if what == "socket alone":
                launcher.send("LAUNCH_UAPI", fd=fd)
            elif what == "two TUNs":
                launcher.tun(name, fd)
                launcher.tun(name, fd)
            else:
                launcher.tun("../" + name[-8:], fd)
        assert launcher.process.wait(5 * gw.SLOW) == 1, what
        assert "level=error" in launcher.logged(), what
        with contextlib.suppress(AssertionError):
            launcher.close()


@pytest.fixture(scope="module")
def wire(ns):
    """A namespace on the other side of a wire."""
    far = gw.Namespace("f")
    ns.ip("link add wan type veth peer name wan netns " + far.name)
    for one, address in (ns, gw.CLIENT4), (far, gw.ROUTER4):
        one.ip("link set wan up")
        one.ip("addr add %s/24 dev wan" % address)
    yield far
    far.close()


@pytest.fixture
def tunnel(launcher, ns, wire, name, tmp_path):
    """WireGuard over that wire, ours not configured yet: (file, broker)."""
    key = wgbroker.Key()
    far = wgbroker.Broker(wire, key.public, kernel=False,
                          psk=wgbroker.preshared(),
                          allowed="2001:db8:1234:5678::2/128")
    wire.ip("addr add 2001:db8:1234:5678::1/64 dev %s nodad" % far.device)
    file = tmp_path / "wg.conf"
    file.write_text(
        wgbroker.section("Interface", {"PrivateKey": key.private}) +
        far.peer("far.example", PersistentKeepalive=25))
    launcher.started(name)
    ns.ip("link set %s up" % name)
    ns.ip("addr add 2001:db8:1234:5678::2/64 dev %s nodad" % name)
    yield file, far
    far.close()


@pytest.mark.both
def test_handshake(launcher, ns, name, tunnel):
    """Our configuration against another's, and packets through it."""
    file, far = tunnel
    start = int(time.time())
    assert wg.ask("set", name, file, gw.ROUTER4)[0] == 0
    assert ns.ping(gw.BROKER6, count=5)
    error, have = wg.ask("get", name)
    assert error == 0
    assert start <= have["handshake"] <= time.time()
    assert abs(far.handshake() - have["handshake"]) <= 1
    assert have["rx"] >= 5 * 64 and have["tx"] >= 5 * 64
    # what wg(8) shows is what was asked for
    out = ns.run("wg", "showconf", name).stdout
    for line in file.read_text().splitlines():
        if line.startswith(("PrivateKey", "P", "AllowedIPs")):
            assert line in out
    assert "Endpoint = %s:51820" % gw.ROUTER4 in out


def test_endpoint_moves(launcher, ns, wire, name, tunnel):
    """Only the endpoint is set anew: the session goes on."""
    file, far = tunnel
    wire.ip("addr add 192.0.2.77/24 dev wan")
    assert wg.ask("set", name, file, gw.ROUTER4)[0] == 0
    assert ns.ping(gw.BROKER6)
    before = wg.ask("get", name)[1]["handshake"]
    assert wg.ask("endpoints", name, file, "192.0.2.77")[0] == 0
    assert "%s:51820" % "192.0.2.77" in ns.run("wg", "show", name,
                                               "endpoints").stdout
    assert ns.ping(gw.BROKER6)
    assert wg.ask("get", name)[1]["handshake"] == before
    # and the whole configuration begins another
    time.sleep(1.1)
    assert wg.ask("set", name, file, gw.ROUTER4)[0] == 0
    assert ns.ping(gw.BROKER6)
    assert wg.ask("get", name)[1]["handshake"] > before


def test_no_endpoint(launcher, name, tunnel):
    """A name that was not found yet: the peer is there, without."""
    file, _ = tunnel
    assert wg.ask("set", name, file, "-")[0] == 0
    error, have = wg.ask("get", name)
    assert (error, have["handshake"], have["tx"]) == (0, 0, 0)


def test_after_a_crash(launcher, ns, name, tunnel):
    """A new process on the old interface, which kept what it had."""
    file, _ = tunnel
    assert wg.ask("set", name, file, gw.ROUTER4)[0] == 0
    assert ns.ping(gw.BROKER6)
    os.kill(launcher.processes()[0], signal.SIGKILL)
    assert launcher.exited() == (ENDED, signal.SIGKILL)
    assert ns.has_address("2001:db8:1234:5678::2", name)
    launcher.started(name, exists=True)
    assert wg.ask("set", name, file, gw.ROUTER4)[0] == 0
    assert ns.ping(gw.BROKER6)


def test_port_in_use(launcher, ns, name, tunnel, tmp_path):
    """wireguard-go's own refusals arrive as errno."""
    file = tmp_path / "port.conf"
    file.write_text(tunnel[0].read_text().replace(
        "[Peer]", "ListenPort = 51999\n[Peer]", 1))
    taken = ns.socket(2, 2)         # AF_INET, SOCK_DGRAM
    with taken:
        taken.bind(("0.0.0.0", 51999))
        assert wg.ask("set", name, file, gw.ROUTER4)[0] == 98  # EADDRINUSE
    assert wg.ask("set", name, file, gw.ROUTER4)[0] == 0
