"""What survives a restart: whole files, damaged ones, and no room for them.

Damage at each byte is tested by regress/unit/state_test.c.
"""

import hashlib
import os
import signal
import time

import pytest

import gw

NAMES = ("engine", "endpoints")


def state(text, version=1):
    """A state file with this contents."""
    data = text if isinstance(text, bytes) else text.encode()
    return b"v6-gatewayd state %d %s\n" % (
        version, hashlib.sha256(data).hexdigest().encode()) + data


def is_whole(data):
    head, _, rest = data.partition(b"\n")
    return head + b"\n" + rest == state(rest)


def warned(daemon, text):
    """Whether the parent said so, as a warning."""
    return any(text in line and "level=warn process=parent" in line
               for line in daemon.log().splitlines())


@pytest.mark.host
@pytest.mark.both
def test_kept_over_a_restart(running):
    switches = running.tunnel()["detail"]["switches"]
    assert switches == 1
    running.stop()
    file = running.state_dir / "engine"
    info = file.stat()
    assert (info.st_mode & 0o7777, info.st_uid) == (0o600, 0)
    assert is_whole(file.read_bytes())
    assert b"[tunnel.he]" in file.read_bytes()
    assert set(os.listdir(running.state_dir)) == {"engine", "history"}
    running.up()
    assert running.tunnel()["detail"]["switches"] == 2
    assert not warned(running, "")


def test_kept_over_a_kill(running):
    """Some seconds after a change it is on the disk."""
    file = running.state_dir / "engine"
    gw.wait_for(file.exists, 5 * gw.SLOW, "the file")
    running.signal(signal.SIGKILL)
    running.process.wait()
    assert is_whole(file.read_bytes())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content, what", [
    (b"", "is damaged"),
    (os.urandom(4096), "is damaged"),
    (state("[tunnel.he]\nswitches = 1\n")[:-1], "is damaged"),
    (state("[tunnel.he]\nswitches = 1\n", 2), "is of another version"),
    (bytes(4 << 20), "is larger than 3 MiB"),
], ids=["empty", "random", "truncated", "version", "large"])
def test_damaged_is_set_aside(daemon, name, content, what):
    file = daemon.state_dir / name
    file.write_bytes(content)
    daemon.up()
    assert warned(daemon, "%s %s; it is set aside as %s.bad" % (
        file, what, file))
    assert (daemon.state_dir / (name + ".bad")).read_bytes() == content
    # and no second time
    daemon.stop()
    daemon.up()
    assert daemon.log().count("is set aside") == 1


@pytest.mark.parametrize("name, text, what", [
    ("engine", "[tunnel.he]\nswitches = many\n",
     "makes no sense to the engine"),
    ("endpoints", "[endpoints]\ntserv.example = 224.0.0.1\n",
     "is no list of names and their addresses"),
])
def test_whole_nonsense_is_set_aside(daemon, name, text, what):
    file = daemon.state_dir / name
    file.write_bytes(state(text))
    daemon.up()
    assert warned(daemon, "%s %s; it is set aside as %s.bad" % (
        file, what, file))
    assert (daemon.state_dir / (name + ".bad")).read_bytes() == state(text)


@pytest.fixture
def small_disk(daemon):
    """state_dir on a disk of its own, of 64 KiB."""
    gw.sh("mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs",
          daemon.state_dir)
    # no history: a file that is open for writing keeps a disk from read-only
    (daemon.state_dir / "history/none").mkdir(parents=True)
    yield daemon
    if daemon.alive():
        daemon.stop()
    gw.sh("umount", "-l", daemon.state_dir)


def fill(daemon):
    with open(daemon.state_dir / "filler", "wb", 0) as f:
        with pytest.raises(OSError):
            while True:
                f.write(bytes(4096))


def empty(daemon):
    (daemon.state_dir / "filler").unlink()


def read_only(daemon):
    gw.sh("mount", "-o", "remount,ro", daemon.state_dir)


def read_write(daemon):
    gw.sh("mount", "-o", "remount,rw", daemon.state_dir)


@pytest.mark.parametrize("spoil, repair, error", [
    (fill, empty, "No space left on device"),
    (read_only, read_write, "Read-only file system"),
], ids=["full", "read-only"])
def test_disk(small_disk, spoil, repair, error):
    """The old file stays, the log says so once, and it goes on afterwards."""
    daemon = small_disk
    daemon.up()
    file = daemon.state_dir / "engine"
    gw.wait_for(file.exists, 5 * gw.SLOW, "the file")
    gw.wait_for(lambda: b"transitions" in file.read_bytes(), 5 * gw.SLOW,
                "the first changes")
    spoil(daemon)
    old = file.read_bytes()
    line = "%s cannot be written, the old one stays: %s" % (file, error)

    def change():
        daemon.ctl("tunnel", "he", "down")
        daemon.ctl("tunnel", "he", "up")
        daemon.wait_state("up")

    for _ in range(2):
        change()
        daemon.wait_log(line)
        time.sleep(2)           # the engine gathers changes for one
    assert file.read_bytes() == old and is_whole(old)
    assert set(os.listdir(daemon.state_dir)) <= {"engine", "filler", "history"}
    assert daemon.log().count("cannot be written") == 1
    repair(daemon)
    change()
    daemon.wait_log("engine is written again")
    assert is_whole(file.read_bytes()) and file.read_bytes() != old
    assert daemon.state() == "up"


@pytest.mark.slow
def test_full_disk_and_mappings(small_disk, lab):
    """A mapping works though it cannot be written, the log says so once, and
    it is written as soon as there is room."""
    daemon = small_disk
    daemon.up()
    lab.web("hello")
    file = daemon.state_dir / "ports"

    def works(port):
        return lab.client.run("curl", "-q", "-s", "-m", "10",
                              "http://127.0.0.1:%d/" % port).stdout == "hello"

    def add(port):
        daemon.ctl("ports", "add", "tcp", "forward", str(port),
                   "[%s]:80" % gw.WEB6)
        gw.wait_for(lambda: works(port), 5 * gw.SLOW, "the mapping")

    add(41001)
    gw.wait_for(file.exists, 5 * gw.SLOW, "the file")
    fill(daemon)
    old = file.read_bytes()
    for port in 41002, 41003:
        add(port)
        daemon.wait_log("%s cannot be written, the old one stays: No space "
                        "left on device" % file)
        time.sleep(1.1)         # the relay gathers changes for one
    assert file.read_bytes() == old and is_whole(old)
    assert not file.with_suffix(".new").exists()
    assert daemon.log().count("ports cannot be written") == 1
    empty(daemon)
    daemon.wait_log("%s is written again" % file, seconds=15 * gw.SLOW)
    new = file.read_bytes()
    assert is_whole(new) and new != old
    assert daemon.log().count("ports cannot be written") == 1
    daemon.stop()
    assert file.read_bytes() == new
    daemon.up()
    for port in 41001, 41002, 41003:
        gw.wait_for(lambda: works(port), 5 * gw.SLOW, "the mapping")
