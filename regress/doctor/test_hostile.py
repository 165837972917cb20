"""A doctor that lies: the frontend looks before it believes, and passes on."""

import os
import signal

import pytest

import gw
from child import HEADER, MESSAGES, steal

CHUNK = 8192


def text(data):
    return HEADER.pack(MESSAGES.index("DOCTOR_TEXT"), 0) + data


def frontend_pipe(pid):
    """Stops the doctor in whose place the test speaks: its descriptor that
    is a socket and not the parent's."""
    def sockets():
        return [int(fd) for fd in os.listdir("/proc/%d/fd" % pid)
                if int(fd) > 3 and os.readlink("/proc/%d/fd/%s" % (pid, fd))
                .startswith("socket:")]

    # the parent may be about to pass it
    gw.wait_for(sockets, 5 * gw.SLOW, "the frontend's pipe")
    os.kill(pid, signal.SIGSTOP)
    pipe = steal(pid, sockets()[0])
    pipe.settimeout(5 * gw.SLOW)
    return pipe


@pytest.mark.parametrize("asked, pieces, why", [
    (False, [b'{"checks":[]}'], "malformed"),
    (True, [b""], "malformed"),
    (True, [b"a\0b"], "malformed"),
    (True, [b"x" * CHUNK] * 129, "malformed"),
    (True, [b"no JSON", b""], "no report"),
    (True, [b'{"checks":', b"7}", b""], "no report"),
], ids=["unasked", "empty", "nul", "long", "garbage", "other"])
def test_lies(running, asked, pieces, why):
    """It ends the daemon, with the reason in the log."""
    pid = running.children()["doctor"]
    with frontend_pipe(pid) as pipe, running.connect() as sock:
        if asked:
            sock.sendall(b"GET /doctor HTTP/1.1\r\nHost: localhost:8642"
                         b"\r\n\r\n")
            assert pipe.recv(100)
        for piece in pieces:
            try:
                pipe.send(text(piece))
            except (BrokenPipeError, ConnectionResetError):
                break
        os.kill(pid, signal.SIGCONT)
        assert running.wait_exit() == 1
    assert running.logged("DOCTOR_TEXT: " + why), running.log()


def test_truth(running):
    """What is passed on is what was said, byte for byte."""
    pid = running.children()["doctor"]
    document = b'{"checks":[],"ok":0,"warn":0,"fail":0,"skip":0,"time":1}\n'
    with frontend_pipe(pid) as pipe, running.connect() as sock:
        sock.sendall(b"GET /doctor HTTP/1.0\r\nHost: localhost:8642\r\n\r\n")
        assert pipe.recv(100)
        for piece in document[:9], document[9:], b"":
            pipe.send(text(piece))
        answer = b""
        while data := sock.recv(4096):
            answer += data
        os.kill(pid, signal.SIGCONT)
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(
        b"\r\n\r\n" + document)
