"""The socket of a whole daemon: whose it is, and what it answers."""

import grp
import json
import os
import pwd
import socket
import stat
import subprocess
import sys

import pytest

import gw
from rawmcp import Client

CONNECT = """import socket, sys
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
    print("connected")
except PermissionError:
    print("refused")"""


def path(daemon):
    return daemon.run_dir / "mcp.sock"


def owner(daemon):
    st = os.stat(path(daemon))
    assert stat.S_ISSOCK(st.st_mode)
    return st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)


def connect_as(daemon, uid, gid):
    return subprocess.run(
        ["setpriv", "--reuid=%d" % uid, "--regid=%d" % gid, "--clear-groups",
         sys.executable, "-c", CONNECT, path(daemon)], text=True,
        capture_output=True, check=True, cwd="/").stdout.strip()


def test_root_only(daemon):
    os.umask(0)
    daemon.start()
    os.umask(0o022)
    assert owner(daemon) == (0, 0, 0o600)
    assert connect_as(daemon, 0, 0) == "connected"
    assert connect_as(daemon, 65534, 65534) == "refused"
    account = pwd.getpwnam("_gatewayd")
    assert connect_as(daemon, account.pw_uid, account.pw_gid) == "refused"


def test_user(daemon):
    daemon.configure({"core": {"mcp_user": "daemon"}})
    daemon.start()
    uid = pwd.getpwnam("daemon").pw_uid
    assert owner(daemon) == (uid, 0, 0o600)
    assert connect_as(daemon, uid, 65534) == "connected"
    assert connect_as(daemon, 65534, 65534) == "refused"


def test_group(daemon):
    daemon.configure({"core": {"mcp_group": "staff"}})
    daemon.start()
    gid = grp.getgrnam("staff").gr_gid
    assert owner(daemon) == (0, gid, 0o660)
    assert connect_as(daemon, 65534, gid) == "connected"
    assert connect_as(daemon, 65534, 65534) == "refused"


def test_user_and_group(daemon):
    daemon.configure({"core": {"mcp_user": "daemon", "mcp_group": "staff"}})
    daemon.start()
    assert owner(daemon) == (pwd.getpwnam("daemon").pw_uid,
                             grp.getgrnam("staff").gr_gid, 0o660)


@pytest.mark.parametrize("key", ["mcp_user", "mcp_group"])
def test_no_such_account(daemon, key):
    daemon.configure({"core": {key: "gw-nobody"}})
    daemon.start(ready=False)
    assert daemon.wait_exit() == 1
    line = daemon.file.read_text().splitlines().index(
        key + " = gw-nobody") + 1
    assert "%s:%d:" % (daemon.file, line) in daemon.log()
    assert "there is no" in daemon.log()
    assert not path(daemon).exists()


def test_reload(daemon):
    """Changes of the socket are told, and it stays as it is."""
    daemon.start()
    daemon.wait_log("ready; the API")
    before = owner(daemon)
    daemon.configure({"core": {"mcp_user": "daemon", "mcp_group": "staff",
                               "mcp_socket": daemon.run_dir / "other"}})
    said = daemon.ctl("reload").stdout
    for key in "mcp_socket", "mcp_user", "mcp_group":
        assert "%s: the change needs a restart" % key in said
    assert owner(daemon) == before
    assert not (daemon.run_dir / "other").exists()
    with Client(path(daemon)) as c:
        assert c.result("ping") == {}
    daemon.stop()
    assert not path(daemon).exists()


def test_stale_socket(daemon):
    """What a crash left is replaced; what is served, or no socket, is not."""
    daemon.run_dir.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path(daemon)))
        other.listen()
        daemon.start(ready=False)
        assert daemon.wait_exit() == 1
        assert "mcp_socket" in daemon.log()
    daemon.start()
    with Client(path(daemon)) as c:
        assert c.result("ping") == {}


def test_same_as_rest(running):
    """The documents of a real daemon, by each way."""
    with Client(path(running)) as c:
        c.initialize()

        def same(target, tool, wrap=lambda doc: doc, **arguments):
            """Figures move: it may take another try."""
            before = running.get(target).body
            result = c.tool(tool, **arguments)
            if running.get(target).body != before:
                return False
            assert wrap(json.loads(before)) == result["structuredContent"]
            assert result["content"][0]["text"] == json.dumps(
                wrap(json.loads(before)), separators=(",", ":"))
            return True

        for target, tool in (("/health", "check_health"),
                             ("/v6/address", "get_ipv6_address"),
                             ("/tunnels", "get_tunnel_status")):
            gw.wait_for(lambda: same(target, tool), 10 * gw.SLOW, tool)
        gw.wait_for(lambda: same(
            "/tunnels/he", "get_tunnel_status",
            lambda doc: {"tunnels": [doc]}, name="he"), 10 * gw.SLOW, "he")
