"""What each live process is refused, asked from inside it.

Landlock and seccomp cannot be read from /proc: the tests make the process
itself call, see inject.py.  A refusal counts only where user, mode and root
alone would have let it through; each such case says so.
"""

import ctypes
import errno
import os
import pathlib
import platform
import socket
import struct

import pytest

import gw
from inject import Inject

pytestmark = [
    pytest.mark.both,
    pytest.mark.skipif(platform.machine() != "x86_64",
                       reason="inject.py knows x86_64 only"),
]

CHROOTED = ("engine", "frontend", "prober", "encap", "relay")
FAMILIES = CHROOTED[:-1], ("resolver", "doctor", "relay")     # of one user
SYS_LANDLOCK_CREATE_RULESET = 444
PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_GET_SECUREBITS = 2, 3, 27
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN = 47, 2, 12
# SECBIT_* and their locks: <linux/securebits.h>
NOROOT, NO_SETUID_FIXUP, KEEP_CAPS_LOCKED, NO_AMBIENT = 3, 12, 32, 192
SO_DETACH_FILTER = 27

ABI = ctypes.CDLL(None).syscall(SYS_LANDLOCK_CREATE_RULESET, None, 0, 1)


@pytest.fixture
def inside(pid):
    with Inject(pid) as process:
        yield process


def test_kernel_has_landlock(live):
    """Debian 12 has ABI 2; without Landlock the rest proves nothing."""
    assert ABI >= 1
    assert live.logged("Landlock ABI %d holds" % ABI)


def test_no_way_back_to_root(inside, role):
    if role != "parent":
        assert inside.call("setuid", 0) == -errno.EPERM
        assert inside.call("setgid", 0) == -errno.EPERM
    # the parent is root: without CAP_SETUID nobody else can be had
    assert inside.call("setuid", 12345) == -errno.EPERM
    assert inside.call("setgid", 12345) == -errno.EPERM
    assert inside.call("setgroups", 0, 0) == -errno.EPERM
    assert inside.call("chroot", b"/") == -errno.EPERM


def test_ends_with_its_parent(inside, role):
    signal = struct.pack("i", 0)
    assert inside.call("prctl", PR_GET_PDEATHSIG, signal) == 0
    expected = 0 if role == "parent" else 9
    assert struct.unpack("i", inside.answer(4))[0] == expected


def test_not_dumpable(inside):
    assert inside.call("prctl", PR_GET_DUMPABLE) == 0


def test_starts_nothing(inside, role):
    # Landlock: nothing may be executed, by the parent neither
    if role not in CHROOTED:
        for path in b"/bin/true", b"/bin/sh", b"/usr/bin/env":
            assert inside.call("execve", path, 0, 0) == -errno.EACCES
    # RLIMIT_NPROC; the kernel does not hold it against uid 0, and the
    # launcher forks for a living
    if role not in ("parent", "launcher"):
        assert inside.call("fork") == -errno.EAGAIN


def test_signals_nobody(inside, live, role):
    """Before ABI 6 those of one user may signal each other."""
    pids = {"parent": live.pid, **live.children()}
    for other, pid in pids.items():
        if pid == inside.pid:
            continue
        family = any(role in users and other in users for users in FAMILIES)
        assert inside.call("kill", pid, 0) == (
            0 if family and ABI < 6 else -errno.EPERM), other


# calls that would succeed, or fail with another errno, without seccomp
DENIED = {
    "ptrace": (0, 0, 0, 0),
    "unshare": (0,),                    # nothing: anybody may
    "keyctl": (0, 0, 0),                # KEYCTL_GET_KEYRING_ID
    "bpf": (99, 0, 0),                  # EINVAL
    "io_uring_setup": (0, 0),           # EFAULT
    "setns": (-1, 0),                   # EBADF
    "mount": (0, 0, 0, 0, 0),           # EFAULT
}


@pytest.mark.parametrize("name", DENIED)
def test_deny_list(inside, name):
    assert inside.call(name, *DENIED[name]) == -errno.EPERM
    # the same call by its x32 number
    assert inside.call(name, *DENIED[name], x32=True) == -errno.EPERM


def test_deny_list_hits_nothing_else(inside):
    assert inside.call("close", -1) == -errno.EBADF


@pytest.fixture
def planted(live):
    """A file that everybody may read and write, inside the empty root."""
    path = live.run_dir / "empty" / "planted"
    path.write_text("x")
    path.chmod(0o666)
    yield "/planted"
    path.unlink()


@pytest.mark.parametrize("role", CHROOTED, indirect=True)
def test_chrooted_opens_nothing(inside, role, planted):
    # outside: there is no such path in the empty root
    for path in (b"/etc/hostname", b"/proc/self/status", b"/dev/null",
                 b"../../../etc/hostname"):
        assert inside.call("open", path, os.O_RDONLY) in (
            -errno.ENOENT, -errno.EMFILE), path
    # inside: mode and owner allow it, so this is Landlock.  The engine's
    # table is full besides; EACCES would come first
    path = planted.encode()
    refusals = (-errno.EMFILE,) if role == "engine" else (-errno.EACCES,)
    assert inside.call("open", path, os.O_RDONLY) in refusals
    assert inside.call("open", path, os.O_WRONLY) in refusals
    assert inside.call("open", b"/", os.O_RDONLY) in refusals
    # these need no descriptor
    assert inside.call("execve", path, 0, 0) == -errno.EACCES
    assert inside.call("unlink", path) == -errno.EACCES
    assert inside.call("mkdir", b"/new", 0o700) == -errno.EACCES
    if ABI >= 3:
        assert inside.call("truncate", path, 0) == -errno.EACCES


def open_close(inside, path, flags, mode=0):
    fd = inside.call("open", path, flags, mode)
    if fd >= 0:
        assert inside.call("close", fd) == 0
        return 0
    return fd


@pytest.fixture
def outside(lab):
    """A file that everybody may read and write, where no role has to do."""
    path = pathlib.Path("/tmp/gw%d-outside" % os.getpid())
    path.write_text("x")
    path.chmod(0o666)
    yield str(path).encode()
    path.unlink()


@pytest.mark.parametrize("role", ["resolver"], indirect=True)
def test_resolver_reads_etc_only(inside, outside):
    assert open_close(inside, b"/etc/resolv.conf", os.O_RDONLY) in (
        0, -errno.ENOENT)
    assert open_close(inside, b"/etc/passwd", os.O_RDONLY) == 0
    for flags in os.O_RDONLY, os.O_WRONLY, os.O_RDWR | os.O_APPEND:
        assert open_close(inside, outside, flags) == -errno.EACCES
    for path in b"/usr/bin/env", b"/proc/self/status", b"/", b"/usr":
        assert open_close(inside, path, os.O_RDONLY) == -errno.EACCES, path
    assert open_close(inside, b"/tmp/new", os.O_WRONLY | os.O_CREAT,
                      0o600) == -errno.EACCES
    assert open_close(inside, b"/etc/passwd", os.O_WRONLY) == -errno.EACCES
    assert open_close(inside, b"/root", os.O_RDONLY) == -errno.EACCES


@pytest.mark.parametrize("role", ["doctor"], indirect=True)
def test_doctor_reads_only(inside, outside):
    """How the machine is; it writes nothing, and sees no file of users."""
    for path in (b"/etc/passwd", b"/proc/self/status", b"/proc/net/tcp6",
                 b"/proc/sys/net/ipv6/conf/all/forwarding", b"/sys/kernel",
                 b"/run"):
        assert open_close(inside, path, os.O_RDONLY) == 0, path
    # what lies there is not to be written, though its mode lets everybody
    path = pathlib.Path("/run/gw%d-planted" % os.getpid())
    path.write_text("x")
    path.chmod(0o666)
    try:
        name = str(path).encode()
        assert open_close(inside, name, os.O_RDONLY) == 0
        assert open_close(inside, name, os.O_WRONLY) == -errno.EACCES
        if ABI >= 3:
            assert inside.call("truncate", name, 0) == -errno.EACCES
    finally:
        path.unlink()
    for flags in os.O_RDONLY, os.O_WRONLY, os.O_RDWR | os.O_APPEND:
        assert open_close(inside, outside, flags) == -errno.EACCES
    for path in b"/usr/bin/env", b"/", b"/usr", b"/dev/null", b"/dev/net/tun":
        assert open_close(inside, path, os.O_RDONLY) == -errno.EACCES, path
    assert open_close(inside, b"/tmp/new", os.O_WRONLY | os.O_CREAT,
                      0o600) == -errno.EACCES


@pytest.mark.parametrize("role", ["launcher"], indirect=True)
def test_launcher_reads_programs_only(inside, outside):
    """What wireguard-go and the dynamic loader are, and nothing else."""
    libc = next(line.split()[-1] for line in
                pathlib.Path("/proc/self/maps").read_text().splitlines()
                if "/libc.so" in line).encode()
    assert open_close(inside, libc, os.O_RDONLY) == 0
    assert open_close(inside, libc, os.O_WRONLY) == -errno.EACCES
    for path in (outside, b"/etc/passwd", b"/proc/self/status", b"/", b"/usr",
                 b"/usr/bin/env", b"/dev/null", b"/dev/net/tun",
                 b"/run/wireguard", os.path.dirname(libc)):
        assert open_close(inside, path, os.O_RDONLY) == -errno.EACCES, path
    for path in outside, b"/dev/net/tun":
        for flags in os.O_WRONLY, os.O_RDWR:
            assert open_close(inside, path, flags) == -errno.EACCES, path
    assert open_close(inside, b"/tmp/new", os.O_WRONLY | os.O_CREAT,
                      0o600) == -errno.EACCES


@pytest.mark.parametrize("role", ["parent"], indirect=True)
def test_parent_reads(inside, live, outside):
    """It is root and owns nearly all of this: Landlock alone refuses."""
    for path in (live.file, live.state_dir, "/etc/group", "/etc/shadow"):
        assert open_close(inside, str(path).encode(), os.O_RDONLY) == 0, path
    for path in (outside, b"/root", b"/home", b"/usr/bin/env", b"/",
                 b"/var/lib/dpkg/status", b"/proc/self/status", b"/dev/null",
                 b"/sys/kernel"):
        assert open_close(inside, path, os.O_RDONLY) == -errno.EACCES, path


@pytest.mark.parametrize("role", ["parent"], indirect=True)
def test_parent_writes(inside, live, outside):
    create = os.O_WRONLY | os.O_CREAT
    for path in ("%s/new" % live.state_dir, "%s/new" % live.run_dir):
        assert open_close(inside, path.encode(), create, 0o600) == 0, path
        assert inside.call("unlink", path.encode()) == 0
    for path in (b"/etc/passwd", b"/etc/shadow", outside,
                 str(live.file).encode()):
        assert open_close(inside, path, os.O_WRONLY) == -errno.EACCES, path
    for path in b"/etc/new", b"/root/new", b"/tmp/new", b"/var/spool/new":
        assert open_close(inside, path, create, 0o600) == -errno.EACCES, path
    assert inside.call("unlink", outside) == -errno.EACCES
    assert inside.call("mkdir", b"/etc/new", 0o700) == -errno.EACCES
    # sockets for wireguard-go, and no files
    assert open_close(inside, b"/run/wireguard/new", create,
                      0o600) == -errno.EACCES
    # Landlock does not know chown: no CAP_CHOWN does
    assert inside.call("chown", outside, 1, 1) == -errno.EPERM
    assert open_close(inside, b"/dev/net/tun", os.O_RDWR) == 0


@pytest.mark.parametrize("role", ["parent"], indirect=True)
def test_parent_securebits(inside):
    assert inside.call("prctl", PR_GET_SECUREBITS) == (
        NOROOT | NO_SETUID_FIXUP | KEEP_CAPS_LOCKED | NO_AMBIENT)
    assert inside.call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE,
                       CAP_NET_ADMIN, 0, 0) == -errno.EPERM


@pytest.mark.parametrize("role", gw.CHILDREN, indirect=True)
def test_opens_no_raw_socket(inside, role):
    for family, kind, protocol in (
            (socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6),
            (socket.AF_INET, socket.SOCK_RAW, 41),
            (socket.AF_PACKET, socket.SOCK_RAW, 0)):
        assert inside.call("socket", family, kind,
                           protocol) == -errno.EPERM


def address4(port):
    return struct.pack("=H", socket.AF_INET) + struct.pack(
        "!H4s8x", port, socket.inet_aton("127.0.0.1"))


@pytest.mark.parametrize("role", ["parent", "frontend", "prober", "encap",
                                  "resolver", "launcher", "doctor",
                                  "relay"],
                         indirect=True)
def test_tcp(inside, role):
    """Before ABI 4 there are no rights for it."""
    refused = -errno.EACCES if ABI >= 4 else None
    fd = inside.call("socket", socket.AF_INET, socket.SOCK_STREAM, 0)
    assert fd >= 0
    # nobody listens there: without Landlock the answer is ECONNREFUSED
    connected = inside.call("connect", fd, address4(9), 16)
    port = inside.call("bind", fd, address4(8643), 16)
    bound = inside.call("bind", fd, address4(0), 16)
    assert inside.call("close", fd) == 0
    connects = role in ("resolver", "doctor", "relay")
    assert connected == (not connects and refused or -errno.ECONNREFUSED)
    # the parent needs it for a reload of the listeners
    assert port == (role != "parent" and refused or 0)
    # from a tunnel's own address
    if port != 0:
        assert bound == (role not in ("doctor", "relay") and refused or 0)


@pytest.mark.parametrize("role", ["parent", "frontend", "prober", "encap",
                                  "resolver", "launcher", "doctor",
                                  "relay"],
                         indirect=True)
def test_abstract_sockets(live, inside, role):
    """They belong to the network namespace, not to the chroot: ABI 6."""
    name = b"\0gw-test-%d" % os.getpid()
    listener = live.ns.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with listener:
        listener.bind(name)
        listener.listen(1)
        fd = inside.call("socket", socket.AF_UNIX, socket.SOCK_STREAM, 0)
        assert fd >= 0
        result = inside.call("connect", fd, struct.pack(
            "=H", socket.AF_UNIX) + name, 2 + len(name))
        assert inside.call("close", fd) == 0
    assert result == (-errno.EPERM if ABI >= 6 else 0)


@pytest.mark.parametrize("role", ["prober"], indirect=True)
def test_raw_sockets_are_locked(live, inside, role):
    """Filter and device of what the parent passed on stay."""
    inodes = {line.split()[9]: table for table in ("raw", "raw6")
              for line in live.ns.proc(table).splitlines()[1:]}
    found = set()
    for fd in os.listdir("/proc/%d/fd" % inside.pid):
        target = os.readlink("/proc/%d/fd/%s" % (inside.pid, fd))
        if target[8:-1] not in inodes or not target.startswith("socket:"):
            continue
        table = inodes[target[8:-1]]
        found.add(table)
        assert inside.call("setsockopt", int(fd), socket.SOL_SOCKET,
                           SO_DETACH_FILTER, b"\0" * 4, 4) == -errno.EPERM
        # the one for ICMPv4 hears all interfaces
        if table == "raw6":
            assert inside.call("setsockopt", int(fd), socket.SOL_SOCKET,
                               socket.SO_BINDTODEVICE, b"lo\0",
                               3) == -errno.EPERM
        assert inside.call("setsockopt", int(fd), socket.SOL_SOCKET,
                           socket.SO_MARK, b"\1\0\0\0", 4) == -errno.EPERM
    assert found == {"raw", "raw6"}


def test_still_works(live):
    """After all that was called inside them."""
    assert live.state() == "up"
    assert live.get("/health").json()["status"] == "ok"
    assert set(live.children()) == set(gw.CHILDREN)
