"""The history of a real tunnel: that it is filled, that it is the file's over
restarts and crashes, and that a file which is none harms nobody."""

import contextlib
import os
import signal
import time

import pytest

import gw

pytestmark = pytest.mark.host


def history(daemon, name="he", seconds=300):
    return daemon.get("/history?tunnel=%s&range=%d" % (name, seconds)).json()


def known(daemon, key="loss", name="he"):
    """{Unix time: value} of the steps in which there is one."""
    document = history(daemon, name)
    return {document["start"] + document["step"] * i: value
            for i, value in enumerate(document[key]) if value is not None}


def wait_known(daemon, since=0):
    """A step that began after that time."""
    gw.wait_for(lambda: any(when >= since for when in known(daemon)),
                20 * gw.SLOW, "a step of the history")
    return known(daemon)


@pytest.mark.smoke
def test_filled_and_kept(lab):
    """Over kill -9 of all processes and an orderly restart."""
    lab.reset()
    daemon = lab.daemon()
    try:
        daemon.up()
        path = daemon.state_dir / "history"
        assert path.stat().st_mode & 0o7777 == 0o600
        assert path.stat().st_uid == 0
        flood = gw.Flood(daemon.ns, gw.BROKER6, 0.02)
        first = wait_known(daemon, time.time())
        assert flood.stop()["sent"] > 10
        last = max(first)
        assert 0 <= known(daemon, "rtt_ms")[last] < 1000 * gw.SLOW
        assert first[last] <= 1
        assert known(daemon, "rx_bps")[last] > 1000
        assert known(daemon, "tx_bps")[last] > 1000
        for pid in [daemon.pid, *daemon.children().values()]:
            os.kill(pid, signal.SIGKILL)
        assert daemon.wait_exit() == -signal.SIGKILL
        daemon.up()
        after = known(daemon)
        assert first.items() <= after.items()
        daemon.stop()
        daemon.up()
        assert after.items() <= known(daemon).items()
        # sparse, and no larger than its rings
        assert path.stat().st_blocks * 512 < 64 * 1024
    finally:
        daemon.close()


def test_tunnels_of_a_reload(lab):
    """One that came has a history of its own; one that left is unknown, and
    has its own again when it is back."""
    lab.reset()
    daemon = lab.daemon()
    try:
        daemon.up()
        first = wait_known(daemon)
        daemon.configure({"tunnel.he": None, "tunnel.other": dict(
            daemon.conf["tunnel.he"], iface="ot0")})
        daemon.ctl("reload")
        assert daemon.get("/history?tunnel=he").status == 404
        assert history(daemon, "other")["loss"] == [None] * 60
        daemon.configure({"tunnel.he": dict(
            daemon.conf["tunnel.other"], iface="he0"), "tunnel.other": None})
        daemon.ctl("reload")
        assert first.items() <= known(daemon).items()
    finally:
        daemon.close()


@pytest.mark.parametrize("what", ["foreign", "directory", "large", "link"])
def test_no_such_file(lab, what):
    """It is set aside, or there is no history; everything else goes on."""
    lab.reset()
    daemon = lab.daemon()
    path = daemon.state_dir / "history"
    if what == "foreign":
        path.write_text("somebody's notes\n")
    elif what == "directory":
        (path / "full").mkdir(parents=True)
    elif what == "large":
        path.write_bytes(b"v6-gatewayd history 1 ")
        os.truncate(path, 1 << 40)
    else:
        (daemon.dir / "precious").write_text("as it was")
        path.symlink_to(daemon.dir / "precious")
    try:
        daemon.up()
        if what in ("directory", "link"):   # the parent may not rename them
            assert daemon.get("/history").status == 503
            assert daemon.logged("there will be none")
        else:
            assert daemon.logged("is set aside as")
            assert history(daemon)["loss"] == [None] * 60
            assert path.with_suffix(".bad").exists()
        if what == "link":
            assert (daemon.dir / "precious").read_text() == "as it was"
        assert daemon.state() == "up"
    finally:
        daemon.close()


@pytest.mark.slow
def test_full_disk(lab):
    """Said once, and once more when there is room again."""
    lab.reset()
    daemon = lab.daemon()
    fill = daemon.state_dir / "fill"
    gw.sh("mount", "-t", "tmpfs", "-o", "size=128k,mode=0700", "none",
          daemon.state_dir)
    try:
        daemon.up()
        daemon.wait_log("ready; ")      # for a reload
        with contextlib.suppress(OSError), open(fill, "wb", 0) as file:
            while file.write(bytes(4096)):
                pass
        # the first slot of a new ring wants a page of its own
        daemon.configure({"tunnel.he": None, "tunnel.other": dict(
            daemon.conf["tunnel.he"], iface="ot0")})
        daemon.ctl("reload")
        daemon.wait_state("up", name="other")
        daemon.wait_log("the history cannot be written", seconds=15)
        start = history(daemon, "other")["start"]
        gw.wait_for(lambda: history(daemon, "other")["start"] > start,
                    15 * gw.SLOW)
        assert daemon.log().count("the history cannot be written") == 1
        assert daemon.state("other") == "up"
        fill.unlink()
        daemon.wait_log("the history is written again", seconds=15)
        assert known(daemon, name="other")
    finally:
        daemon.close()
        gw.sh("umount", daemon.state_dir)
