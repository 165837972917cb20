"""Each live process, as /proc shows it."""

import collections
import os
import pathlib
import pwd
import re
import resource

import pytest

import gw
import procfs

pytestmark = pytest.mark.both

CHROOTED = ("engine", "frontend", "prober", "encap", "relay")
NET_ADMIN = 1 << 12
CAPS = NET_ADMIN | 1 << 10 | 1 << 13        # NET_BIND_SERVICE, NET_RAW
USERS = {"parent": "root", "resolver": "_gwrelay", "launcher": "_gwlaunch",
         "doctor": "_gwrelay", "relay": "_gwrelay"}

# what a role holds besides standard input, output and error
HOLDS = {
    "parent": {"unix": 8, "netlink": 4, "gatewayd.pid": 1,
               "/proc/sys/net": 2},
    "engine": {"unix": 4},
    "frontend": {"unix": 7, "tcp": 1, "history": 1, "netlink": 1,
                 "stat": 1 + len(gw.CHILDREN)},
    "prober": {"unix": 2, "raw6": 1, "raw": 1, "timerfd": 1},
    "encap": {"unix": 1, "raw": 1, "/dev/net/tun": 1},
    "resolver": {"unix": 2},
    "launcher": {"unix": 1},
    "doctor": {"unix": 2},
    "relay": {"unix": 4, "netlink": 3, "pipe": 2},      # its data pass by it
}
HISTORY_MAX = 4096 + 4096 * 48 + 4096 * 68 * 4096   # common/histfile.h
LOOP = collections.Counter(eventpoll=1, pipe=2)     # libevent's
PROGRAM = pathlib.Path("/usr/bin/wireguard-go")
if PROGRAM.exists():
    HOLDS["launcher"][str(PROGRAM)] = 1


def limits(pid):
    text = procfs.read(pid, "limits")
    return {m[1].strip(): m[2] for m in
            re.finditer(r"^Max ([a-z ]+?) {2,}(\S+)", text, re.M)}


def test_every_role_runs(live):
    assert set(live.children()) == set(gw.CHILDREN)


def test_user(live, role, pid):
    account = pwd.getpwnam(USERS.get(role, "_gatewayd"))
    st = procfs.status(pid)
    assert st["Uid"].split() == [str(account.pw_uid)] * 4
    assert st["Gid"].split() == [str(account.pw_gid)] * 4
    if role != "parent":
        assert st["Groups"].split() == []


def test_capabilities(live, role, pid):
    st = procfs.status(pid)
    # the launcher's goes through execve(2): ambient
    held = {"parent": CAPS, "launcher": NET_ADMIN}.get(role, 0)
    kept = NET_ADMIN if role == "launcher" else 0
    assert {name: int(st[name], 16) for name in
            ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {
        "CapInh": kept, "CapPrm": held, "CapEff": held, "CapBnd": kept,
        "CapAmb": kept}


def test_no_new_privileges(live, role, pid):
    st = procfs.status(pid)
    assert st["NoNewPrivs"] == "1"
    assert st["Seccomp"] == "2"
    assert st["Threads"] == "1"


def test_root(live, role, pid):
    root = os.readlink("/proc/%d/root" % pid)
    cwd = os.readlink("/proc/%d/cwd" % pid)
    if role in CHROOTED:
        assert root == cwd == str(live.run_dir / "empty")
        assert os.listdir(root) == []
        assert os.stat(root).st_uid == 0
        assert os.stat(root).st_mode & 0o222 == 0
    else:
        assert root == "/"


def test_not_dumpable(live, role, pid):
    # what belongs to root although the process does not: proc(5)
    assert os.stat("/proc/%d/status" % pid).st_uid == 0


def test_title(live, role, pid):
    line = pathlib.Path("/proc/%d/cmdline" % pid).read_bytes()
    words = line.replace(b"\0", b" ").split()
    if role == "parent":
        assert b"-c" in words       # the command line stays
    else:
        assert words == [b"gatewayd:", role.encode()]


def test_limits(live, role, pid):
    have = limits(pid)
    assert have["core file size"] == "0"
    # its processes and their threads, 256 of 16 and one for each CPU
    tasks = 256 * (16 + os.sysconf("SC_NPROCESSORS_CONF"))
    ours = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    if ours != resource.RLIM_INFINITY:
        tasks = min(tasks, ours)
    assert have["processes"] == (str(tasks) if role == "launcher" else "0")
    if role == "engine":
        # frozen: what it holds fills the table
        held = sorted(int(fd) for fd in os.listdir("/proc/%d/fd" % pid))
        assert have["open files"] == str(len(held))
        assert held == list(range(len(held)))
    elif role not in ("parent", "relay"):
        assert int(have["open files"]) < 10000


def test_file_size_limit(lab):
    """Where the log is no regular file no child may write a byte to one, but
    for the frontend, to which one belongs."""
    lab.reset()
    daemon = lab.daemon(conf={"core": {"log_to": lab.dir / "to.log"}})
    try:
        daemon.start()
        for role, pid in daemon.children().items():
            size = HISTORY_MAX if role == "frontend" else 0
            assert limits(pid)["file size"] == str(size), role
    finally:
        daemon.close()


def sockets(ns):
    """{inode: table of /proc/net}"""
    columns = {"unix": 6, "netlink": 9, "raw6": 9, "raw": 9, "tcp": 9,
               "tcp6": 9, "udp": 9, "udp6": 9}
    return {line.split()[column]: table for table, column in columns.items()
            for line in ns.proc(table).splitlines()[1:]}


def descriptors(live, pid):
    """What it holds, by kind."""
    tables = sockets(live.ns)
    held = collections.Counter()
    folder = "/proc/%d/fd" % pid
    for fd in os.listdir(folder):
        target = os.readlink(os.path.join(folder, fd))
        kind, _, inode = target.partition(":")
        if int(fd) <= 2:
            assert target in ("/dev/null", str(live.log_path))
        elif kind == "socket":
            held[tables[inode.strip("[]")]] += 1
        elif kind == "anon_inode":
            held[inode.strip("[]")] += 1
        elif kind == "pipe":
            held[kind] += 1
        elif target.startswith(str(live.dir)):
            held[os.path.basename(target)] += 1
        elif re.fullmatch(r"/proc/\d+/stat", target):
            held["stat"] += 1
        else:
            held[target] += 1
    return held


def test_descriptors(live, role, pid):
    if role == "doctor":        # it looks at the machine after the start
        live.wait_log("looked at this machine", seconds=20)
    assert descriptors(live, pid) == \
        collections.Counter(HOLDS[role]) + LOOP


@pytest.mark.slow
def test_nothing_leaks(live):
    """Restarts make and pass sockets again; none of the old ones stays."""
    def held():
        return {role: procfs.count_descriptors(pid) for role, pid in
                [("parent", live.pid), *live.children().items()]}

    before = held()
    for _ in range(5):
        live.ctl("tunnel", "he", "restart")
        live.wait_state("up")
        live.ctl("reload")
    # a client's connection may be about to close
    gw.wait_for(lambda: held() == before, 5 * gw.SLOW, "the same number")
