"""The log of the whole daemon over /logs: from the first record on, of every
process, and what stderr gets is the same as ever."""

import json
import re
import subprocess
import time

import pytest

import gw

pytestmark = pytest.mark.host


def logs(daemon, query="limit=1000"):
    return daemon.get("/logs?" + query).json()


def wait_message(daemon, text, query="limit=1000"):
    """The newest record that has this text."""
    def found():
        return [e for e in logs(daemon, query)["entries"]
                if text in e["message"]]
    gw.wait_for(found, 5 * gw.SLOW, text)
    return found()[-1]


@pytest.mark.smoke
def test_from_the_start(running):
    """The parent's first words came before there was a frontend."""
    first = logs(running, "since=0&limit=1000")["entries"]
    assert first[0]["id"] == 1
    assert [e["id"] for e in first] == list(range(1, len(first) + 1))
    landlock = wait_message(running, "Landlock", "since=0&limit=10")
    assert landlock["process"] == "parent" and landlock["tunnel"] is None
    assert landlock["level"] == "info"
    assert abs(landlock["time"] - time.time()) < 60 * gw.SLOW
    wait_message(running, "ready; the API is at")


def test_every_process(running):
    running.ctl("log", "debug")
    assert wait_message(running, "asks: log debug")["process"] == "frontend"
    assert wait_message(running, "log level is debug")["process"] == "parent"
    up = wait_message(running, "-> up")
    assert (up["process"], up["tunnel"]) == ("engine", "he")
    assert wait_message(running, "socket on interface")["process"] == "prober"
    assert set(logs(running)["levels"]) == {"parent", *gw.CHILDREN}


def test_as_on_stderr(running):
    """Every record that stderr has, and no other, with the same words."""
    running.ctl("log", "error")         # silence: both hold still
    text = re.findall(r"level=(\w+) process=(\w+)(?: tunnel=(\w+))? "
                      r'msg="((?:[^"\\]|\\.)*)"', running.log())
    kept = [(e["level"], e["process"], e["tunnel"] or "",
             e["message"].replace("\\", "\\\\").replace('"', '\\"'))
            for e in logs(running)["entries"]]
    assert len(kept) > 10
    assert sorted(kept) == sorted(text)


RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (error|warn |info |debug) "
                    r"(%s) +(?:(he): )?(.+)" %
                    "|".join(["parent", *gw.CHILDREN]))


def levels(daemon):
    rows = daemon.ctl("log").stdout.splitlines()
    assert rows[0].split() == ["process", "level"]
    return dict(row.split() for row in rows[1:])


def test_gatewayctl_logs(running):
    """Lines that are aligned, and the document."""
    running.wait_log("ready; ")
    running.ctl("log", "error")         # both hold still
    entries = logs(running, "limit=1000")["entries"]
    lines = running.ctl("logs", "-n", "1000").stdout.splitlines()
    found = [RECORD.fullmatch(line).groups() for line in lines]
    assert [(level.strip(), *rest) for level, *rest in found] == [
        (e["level"], e["process"], e["tunnel"], e["message"])
        for e in entries]
    few = running.ctl("logs", "-n", "3").stdout.splitlines()
    assert few == lines[-3:]
    some = running.ctl("logs", "--level", "info").stdout
    assert " info " in some and " debug " not in some
    document = running.ctl("-j", "logs", "-n5", "--level=w").stdout
    assert document.encode() == running.get("/logs?limit=5&level=warn").body
    for words in (["logs", "-n", "0"], ["logs", "--level", "loud"],
                  ["status", "-f"], ["monitor", "--level", "warn"]):
        assert running.ctl(*words, check=False).returncode == 2


def test_gatewayctl_follows(running):
    """Each record once, also where the document ends and the events begin;
    and an end without a word when nobody reads on."""
    running.ctl("log", "info")
    last = wait_message(running, "log level is info")["id"]
    for args in ([], ["-j"]):
        follower = subprocess.Popen(
            running.ns.argv(gw.GATEWAYCTL, "-s", running.run_dir /
                            "gatewayd.sock", "logs", "-f", "-n", "1", *args),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        first = follower.stdout.readline()
        assert "log level is info" in first
        running.ctl("log", "info")
        lines = [follower.stdout.readline() for _ in range(2)]
        assert "asks: log info" in lines[0] and "log level" in lines[1]
        if args:
            last = json.loads(first)["next"]
            ids = [json.loads(line)["data"]["id"] for line in lines]
            assert ids == [last + 1, last + 2]
            assert json.loads(lines[0])["event"] == "log"
        follower.stdout.close()
        running.ctl("log", "info")
        assert follower.wait(5 * gw.SLOW) == 0
        assert follower.stderr.read() == ""
        follower.stderr.close()


def test_levels_of_processes(running):
    assert set(levels(running).values()) == {"debug"}
    running.ctl("log", "warn")
    assert set(levels(running).values()) == {"warn"}
    running.ctl("log", "debug", "engine")
    assert levels(running) == {name: "debug" if name == "engine" else "warn"
                               for name in ["parent", *gw.CHILDREN]}
    since = logs(running)["next"]
    running.ctl("tunnel", "he", "restart")
    running.wait_state("up")
    query = "since=%d&limit=1000" % since
    assert wait_message(running, "-> up", query)["process"] == "engine"
    assert {e["process"] for e in logs(running, query)["entries"]
            if e["level"] in ("info", "debug")} == {"engine"}
    assert running.ctl("log", "info", "nobody", check=False).returncode == 2
    # a reload that changes log_level sets them all, and no other does
    running.ctl("reload")
    assert levels(running)["engine"] == "debug"
    running.configure({"core": {"log_level": "info"}})
    running.ctl("reload")
    assert set(levels(running).values()) == {"info"}
