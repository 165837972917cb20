"""How the daemon does not start, and how it ends when a process is lost."""

import contextlib
import os
import signal
import socket

import pytest

import gw
import procfs


def fails(daemon, *wrapper, args=("-f",)):
    """Starts it, expects it to give up; returns what it said."""
    out = daemon.ns.run(*wrapper, daemon.binary, *args, "-c", daemon.file,
                        check=False, timeout=10 * gw.SLOW)
    assert out.returncode == 1, out.stdout
    assert "ERROR: AddressSanitizer" not in out.stdout, out.stdout
    assert "runtime error" not in out.stdout, out.stdout
    return out.stdout


@pytest.mark.parametrize("key", ["user", "relay_user", "launcher_user"])
def test_user_missing(daemon, key):
    daemon.configure({"core": {key: "_nobody-here"}})
    out = fails(daemon)
    assert "%s: there is no user _nobody-here" % key in out
    assert "useradd --system" in out
    assert not daemon.run_dir.exists()


def test_not_root(daemon):
    daemon.file.chmod(0o644)
    out = fails(daemon, "setpriv", "--reuid=65534", "--regid=65534",
                "--clear-groups")
    assert "must be started by root" in out


@pytest.mark.parametrize("missing", ["setpcap", "setuid", "net_admin"])
def test_root_without_capabilities(daemon, missing):
    out = fails(daemon, "setpriv", "--inh-caps=-" + missing,
                "--bounding-set=-" + missing)
    assert "level=error" in out
    assert not daemon.alive()


@pytest.mark.parametrize("key", ["run_dir", "state_dir"])
@pytest.mark.parametrize("spoil", [
    lambda path: os.chown(path, 65534, 65534),
    lambda path: path.chmod(0o777),
], ids=["owner", "mode"])
def test_directory_not_ours(daemon, key, spoil):
    path = daemon.dir / "foreign"
    path.mkdir()
    spoil(path)
    changes = {key: path}
    if key == "run_dir":
        changes["api_socket"] = daemon.dir / "api.sock"
    daemon.configure({"core": changes})
    out = fails(daemon)
    assert "%s %s: must be a directory of root" % (key, path) in out
    assert "chown root" in out


def test_second_instance(running):
    out = fails(running)
    assert "runs already, as process %d" % running.pid in out
    # and the first is none the worse for it
    assert running.get("/version").status == 200
    assert running.get("/version", unix=True).status == 200
    assert running.ctl("status").returncode == 0


def test_port_taken(daemon):
    with daemon.ns.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.bind(("127.0.0.1", 8642))
        other.listen(1)
        out = fails(daemon)
    assert "cannot listen on 127.0.0.1:8642 (api_bind, api_port)" in out
    assert "ss -ltnp" in out
    daemon.start()      # nothing was left in the way


def test_socket_taken(daemon):
    daemon.configure({"core": {"api_socket": daemon.dir / "taken"}})
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(daemon.dir / "taken"))
        other.listen(0)
        assert "cannot listen on %s/taken" % daemon.dir in fails(daemon)
        # a full queue must not hold up the start
        clients = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(str(daemon.dir / "taken"))
        assert "cannot listen on %s/taken" % daemon.dir in fails(daemon)
        for client in clients:
            client.close()
    assert (daemon.dir / "taken").exists()
    daemon.start()      # a socket file nobody serves is replaced


def test_socket_path_is_a_file(daemon):
    precious = daemon.dir / "precious"
    precious.write_text("keep me")
    daemon.configure({"core": {"api_socket": precious}})
    out = fails(daemon)
    assert "cannot listen on %s: File exists" % precious in out
    assert precious.read_text() == "keep me"


def test_no_proc(daemon):
    out = fails(daemon, "unshare", "--mount", "sh", "-c",
                "umount -l /proc && exec \"$@\"", "sh")
    assert "is /proc mounted?" in out


def test_closed_stdio(daemon):
    """A socket never takes the place of a closed standard error."""
    pidfile = daemon.run_dir / "gatewayd.pid"
    daemon.ns.run("sh", "-c", "exec \"$@\" <&- >&- 2>&- &", "sh",
                  daemon.binary, "-f", "-c", daemon.file)
    gw.wait_for(lambda: (daemon.run_dir / "gatewayd.sock").exists()
                and pidfile.read_text().strip() != "", 10 * gw.SLOW)
    pid = int(pidfile.read_text())
    try:
        gw.wait_for(lambda: len(procfs.children(pid)) == len(gw.CHILDREN),
                    5 * gw.SLOW)
        for process in [pid, *procfs.children(pid)]:
            for fd in 0, 1, 2:
                assert os.readlink("/proc/%d/fd/%d" % (process, fd)) == \
                    "/dev/null"
    finally:
        os.kill(pid, signal.SIGTERM)
    gw.wait_for(lambda: procfs.gone(pid), 10 * gw.SLOW, "the end")


def test_background(daemon):
    """Who starts it gets control back when it is ready, and not before."""
    pidfile = daemon.run_dir / "gatewayd.pid"
    log = daemon.dir / "background.log"
    daemon.configure({"core": {"log_to": log}})
    daemon.ns.run(daemon.binary, "-c", daemon.file, timeout=10 * gw.SLOW)
    pid = int(pidfile.read_text())
    try:
        assert "msg=\"ready; " in log.read_text()
        assert daemon.get("/version").status == 200
        assert os.getsid(pid) == pid
    finally:
        os.kill(pid, signal.SIGTERM)
    gw.wait_for(lambda: procfs.gone(pid), 10 * gw.SLOW, "the end")


def test_background_that_fails(daemon):
    daemon.configure({"core": {"log_to": daemon.dir / "missing" / "log"}})
    out = fails(daemon, args=())
    assert "the daemon did not start" in out
    assert not daemon.alive()


def ends(daemon, pids, seconds=2):
    """It is gone with all of its processes and its sockets, and says so."""
    assert daemon.wait_exit(seconds) == 1, daemon.log()
    for pid in pids:
        gw.wait_for(lambda: procfs.gone(pid), 1 * gw.SLOW, "process %d" % pid)
    assert not (daemon.run_dir / "gatewayd.sock").exists()
    assert not (daemon.run_dir / "api.sock").exists()
    assert daemon.logged("the kernel's tunnels stay")


@pytest.mark.parametrize("role", gw.CHILDREN)
def test_child_killed(running, role):
    children = running.children()
    os.kill(children[role], signal.SIGKILL)
    ends(running, children.values())
    assert running.logged("%s (process %d) was killed by signal 9 (Killed)" % (
        role, children[role]))
    # and the next start works
    mark = running.log_mark()
    running.up()
    assert running.logged("ready", mark)


def test_children_end_with_the_parent(running):
    """By the end of their pipes: see PDEATHSIG in drop.c."""
    children = running.children()
    os.kill(running.pid, signal.SIGKILL)
    running.wait_exit()
    for name, pid in children.items():
        gw.wait_for(lambda: procfs.gone(pid), 1 * gw.SLOW, name)
    running.up()        # over the pid file and sockets that were left


def test_orderly_end(running):
    pids = [running.pid, *running.children().values()]
    running.stop()
    assert all(procfs.gone(pid) for pid in pids)
    left = {path.name for path in running.run_dir.iterdir()}
    assert left == {"empty"}


def test_signals_for_the_group(running):
    """Ctrl-C reaches all processes: only the parent acts on it."""
    children = running.children()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM,
                   signal.SIGUSR1, signal.SIGPIPE):
        for pid in children.values():
            os.kill(pid, number)
    assert running.get("/health").status == 200
    assert running.children() == children
    for pid in [*children.values(), running.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
    assert running.wait_exit() == 0


@pytest.mark.parametrize("role", ["engine", "relay"])
def test_one_that_hangs(running, role):
    """A stop does not wait for a word that never comes."""
    pid = running.children()[role]
    os.kill(pid, signal.SIGSTOP)
    running.signal(signal.SIGTERM)
    assert running.wait_log("the %s does not settle" % role, seconds=4)
    os.kill(pid, signal.SIGCONT)
    assert running.wait_exit() == 0
