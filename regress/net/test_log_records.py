"""The log of the whole daemon over /logs: from the first record on, of every
process, and what stderr gets is the same as ever."""

import re
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
