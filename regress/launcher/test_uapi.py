"""The parent's UAPI client and socket, with the test in the place of
wireguard-go: what it answers is hostile input."""

import contextlib
import errno
import socket
import stat
import threading
import time

import pytest

import gw
import procfs
import wg
import wgbroker

TIMEOUT = 5
PEERS_MAX = 4096


@pytest.fixture
def name():
    name = wgbroker.unique()
    yield name
    wg.remove(name)


@pytest.fixture
def config(tmp_path):
    """One peer: (file, private key, preshared key)."""
    private, shared = wgbroker.Key().private, wgbroker.preshared()
    file = tmp_path / "wg.conf"
    file.write_text(
        wgbroker.section("Interface", {"PrivateKey": private}) +
        wgbroker.section("Peer", {
            "PublicKey": wgbroker.number_key(1), "PresharedKey": shared,
            "Endpoint": "198.51.100.7:443", "AllowedIPs": "::/0"}))
    return file, private, shared


@contextlib.contextmanager
def server(name, serve):
    """serve(connection) for the first client, in a thread."""
    wgbroker.RUN.mkdir(mode=0o755, exist_ok=True)
    path = wgbroker.RUN / (name + ".sock")
    failed = []

    def run():
        try:
            with listener.accept()[0] as connection:
                serve(connection)
        except OSError:
            pass                # the client has had enough
        except BaseException as e:
            failed.append(e)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(20 * gw.SLOW)
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            thread.join(20 * gw.SLOW)
    assert not failed, failed


def request(connection):
    """All of it, up to the empty line."""
    data = b""
    while not data.endswith(b"\n\n"):
        piece = connection.recv(65536)
        assert piece, data[-200:]
        data += piece
    return data


def answering(*pieces, gap=0.0):
    def serve(connection):
        request(connection)
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(gap)
    return serve


@pytest.mark.parametrize("pieces,error", [
    ((b"errno=0\n\n",), 0),
    ((b"er", b"rno=", b"0\n", b"\n"), 0),
    ((b"errno=-22\n\n",), errno.EINVAL),
    ((b"errno=98\n\n",), errno.EADDRINUSE),
    ((b"errno=99999\n\n",), errno.EPROTO),
    ((b"\n",), errno.EPROTO),
    ((b"private_key=00\nerrno=0\n\n",), errno.EPROTO),
    ((b"x" * 4096,), errno.EPROTO),
    ((b"\0\xff" * 100 + b"\n\n",), errno.EPROTO),
    ((), errno.ECONNRESET),
    ((b"errno=0\n",), errno.ECONNRESET),
])
def test_answers_to_set(name, config, pieces, error):
    with server(name, answering(*pieces, gap=0.02)):
        assert wg.ask("set", name, config[0], "198.51.100.7")[0] == error


def test_sums(name):
    peers = b"".join(b"public_key=%064x\nlast_handshake_time_sec=%d\n"
                     b"rx_bytes=%d\ntx_bytes=1\n" % (n, n, n)
                     for n in range(1, 501))
    with server(name, answering(peers + b"errno=0\n\n")):
        assert wg.ask("get", name) == (0, {
            "handshake": 500, "rx": 500 * 501 // 2, "tx": 500})
    # with an error its numbers are nothing
    wg.remove(name)
    with server(name, answering(b"rx_bytes=7\nerrno=5\n\n")):
        assert wg.ask("get", name) == (errno.EIO, {
            "handshake": 0, "rx": 0, "tx": 0})


def test_nobody_listens(name):
    assert wg.ask("get", name)[0] == errno.ENOENT
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(wgbroker.RUN / (name + ".sock")))
    assert wg.ask("get", name)[0] == errno.ECONNREFUSED


def silent(connection):
    """It neither reads nor answers."""
    connection.settimeout(20 * gw.SLOW)
    time.sleep((TIMEOUT + 1) * gw.SLOW)


def drip(connection):
    """A byte now and then is no sign of life."""
    request(connection)
    for byte in b"a=" + b"b" * 200:
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


@pytest.mark.parametrize("serve", [silent, drip])
def test_deadline(name, serve):
    with server(name, serve):
        start = time.monotonic()
        assert wg.ask("get", name)[0] == errno.ETIMEDOUT
        took = time.monotonic() - start
    assert TIMEOUT - 0.1 <= took <= TIMEOUT + 1 * gw.SLOW


def endless(connection):
    request(connection)
    line = b"some_key=" + b"v" * 400 + b"\n"
    while True:
        connection.sendall(line * 100)


def test_an_endless_answer(name):
    """Bounded in memory at any time, and in bytes sooner or later."""
    with server(name, endless):
        with wg.Uapic("get", name) as u:
            assert u.line().split()[1] in (str(errno.EPROTO),
                                           str(errno.ETIMEDOUT))
            peak = procfs.status(u.process.pid)["VmHWM"]
    if gw.SLOW == 1:            # a sanitizer's shadow is large
        assert int(peak.split()[0]) < 20000     # kB


def big(count, allowed):
    return wgbroker.section("Interface", {
        "PrivateKey": wgbroker.Key().private}) + "".join(
            wgbroker.section("Peer", {
                "PublicKey": wgbroker.number_key(n),
                "Endpoint": "a.example:1",
                "AllowedIPs": ", ".join("2001:db8:%x:%x::/64" % (n, k)
                                        for k in range(allowed))})
            for n in range(count))


def test_large_and_slow(name, tmp_path):
    """More than a socket takes at once, to one who reads slowly."""
    file = tmp_path / "big.conf"
    file.write_text(big(1000, 16))
    got = []

    def serve(connection):
        data = b""
        while not data.endswith(b"\n\n"):
            data += connection.recv(32768)
            time.sleep(0.005)
        got.append(data)
        connection.sendall(b"errno=0\n\n")

    with server(name, serve):
        assert wg.ask("set", name, file, *["192.0.2.1"] * 1000)[0] == 0
    text = got[0].decode()
    assert len(text) > 500000
    assert text.startswith("set=1\nprivate_key=")
    assert text.count("\npublic_key=") == text.count("\nendpoint=") == 1000
    assert text.count("\nallowed_ip=2001:db8:") == 16000


def test_refused_in_the_middle(name, tmp_path):
    """It answers and closes with half of the request unread."""
    file = tmp_path / "big.conf"
    file.write_text(big(PEERS_MAX, 4))

    def serve(connection):
        connection.recv(1000)
        connection.sendall(b"errno=-22\n\n")

    with server(name, serve):
        error = wg.ask("set", name, file)[0]
    # what was not read takes the answer with it, if it is fast enough
    assert error in (errno.EINVAL, errno.ECONNRESET)


def memory(pid):
    """All that the process can write to."""
    out = b""
    with open("/proc/%d/mem" % pid, "rb", buffering=0) as mem:
        for line in procfs.read(pid, "maps").splitlines():
            place, mode = line.split()[:2]
            if "rw" not in mode:
                continue
            start, end = (int(n, 16) for n in place.split("-"))
            mem.seek(start)
            with contextlib.suppress(OSError):
                out += mem.read(end - start)
    return out


@pytest.mark.plain                  # a sanitizer keeps what is freed
@pytest.mark.parametrize("what", ["set", "get"])
def test_keys_are_wiped(name, config, what):
    """Neither request nor answer leaves the text of a key behind."""
    file, private, shared = config
    keys = [wg.hexkey(key).encode() for key in (private, shared)]
    got = []

    def serve(connection):
        got.append(request(connection))
        if what == "get":
            connection.sendall(b"private_key=%s\npreshared_key=%s\n" %
                               tuple(keys))
        connection.sendall(b"errno=0\n\n")

    with server(name, serve):
        args = [file, "198.51.100.7"] if what == "set" else []
        with wg.Uapic(what, name, *args) as u:
            assert u.line().startswith("error 0 ")
            left = memory(u.process.pid)
    if what == "set":
        assert all(key in got[0] for key in keys)
    assert b"uapic" in left     # the memory was read
    for key in keys:
        assert key not in left and key[20:50] not in left


# the socket


@pytest.fixture
def own_ns():
    ns = gw.Namespace("u")
    yield ns
    ns.close()


def test_socket(own_ns, name):
    path = wgbroker.RUN / (name + ".sock")
    with wg.Uapic("open", name, ns=own_ns) as u:
        assert u.line()[0].isdigit()
        st = path.lstat()
        assert stat.S_ISSOCK(st.st_mode) and st.st_mode & 0o777 == 0o644
        assert st.st_uid == 0
    # who held it is gone: it is replaced
    with wg.Uapic("open", name, "exists", ns=own_ns) as u:
        assert u.line()[0].isdigit()
        assert path.lstat().st_ino != st.st_ino or \
            path.lstat().st_ctime_ns != st.st_ctime_ns


def test_socket_of_another(own_ns, name):
    path = wgbroker.RUN / (name + ".sock")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen(1)
        with wg.Uapic("open", name, ns=own_ns) as u:
            assert u.line() == (
                "Another program serves WireGuard on %s (%s): stop it, or "
                "choose another iface." % (name, path))
        other.settimeout(0)
        other.accept()          # it asked, and took nothing away
        assert path.exists()


def test_no_socket_there(own_ns, name):
    path = wgbroker.RUN / (name + ".sock")
    path.write_text("precious")
    with wg.Uapic("open", name, ns=own_ns) as u:
        assert u.line() == "Cannot listen on %s: File exists." % path
    assert path.read_text() == "precious"


@pytest.mark.parametrize("spoil", ["chmod 0777", "chmod 0700",
                                   "chown 65534"])
def test_directory_of_others(own_ns, name, spoil):
    """Whoever could put a socket there would be sent our keys."""
    argv = ["unshare", "--mount", "sh", "-c",
            "mount -t tmpfs none /run/wireguard && %s /run/wireguard && "
            "exec \"$0\" open %s </dev/null" % (spoil, name), wg.UAPIC]
    out = own_ns.run(*argv).stdout
    assert out.startswith("/run/wireguard must be a directory of root with "
                          "mode 0755: run chown root /run/wireguard; ")


def test_no_directory(own_ns, name):
    argv = ["unshare", "--mount", "sh", "-c",
            "mount -t tmpfs -o ro none /run && exec \"$0\" open %s </dev/null"
            % name, wg.UAPIC]
    out = own_ns.run(*argv).stdout
    assert "/run/wireguard: userspace WireGuard will not work" in out
    assert "/run/wireguard: No such file or directory." in out
