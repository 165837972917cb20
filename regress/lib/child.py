"""One child process of gatewayd, with the test in the place of its peers.

    child = Child("prober", ns, peers=("engine",))
    child.send("PROBE_SET", 1, payload)             # as the parent
    child.send("PROBE_SET", 1, payload, to="engine")  # as the engine
    name, tunnel, payload = child.receive("engine", seconds)

The numbers of processes and messages are read from the tree's headers.
"""

import array
import ctypes
import os
import re
import select
import socket
import struct
import subprocess
import tempfile
import time

import gw

HEADER = struct.Struct("=II")
FD = 3                      # where a child finds its parent
SYS_PIDFD_GETFD = 438

libc = ctypes.CDLL(None, use_errno=True)


def read_messages():
    text = (gw.TREE / "common/messages.def").read_text()
    return re.findall(r"^MSG\((\w+),", text, re.M)


def read_procs():
    text = (gw.TREE / "privsep/proc.h").read_text()
    return [name.lower() for name in
            re.findall(r"^\tPROC_(\w+),", text, re.M) if name != "COUNT"]


MESSAGES = read_messages()
PROCS = read_procs()


def steal_fd(pid, fd):
    """A descriptor of a live process, as pidfd_getfd(2) copies it for root."""
    pidfd = os.pidfd_open(pid)
    try:
        copy = libc.syscall(SYS_PIDFD_GETFD, pidfd, fd, 0)
        if copy == -1:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        return copy
    finally:
        os.close(pidfd)


def steal(pid, fd=FD):
    """A socket of a live process: by default a child's pipe to its parent."""
    return socket.socket(fileno=steal_fd(pid, fd))


class Child:
    def __init__(self, role, ns, peers=(), user="_gatewayd", argv=()):
        self.dir = tempfile.TemporaryDirectory(prefix="gwchild")
        self.role = role
        self.log = tempfile.TemporaryFile()
        parent, theirs = self.pair()
        self.pipes = {"parent": parent}
        os.chmod(self.dir.name, 0o755)

        def at_fd():
            os.dup2(theirs.fileno(), FD)
            os.set_inheritable(FD, True)

        self.process = subprocess.Popen(
            [*argv, *ns.argv(gw.GATEWAYD, "-T", role, "3:0:0", user,
                             self.dir.name)],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            preexec_fn=at_fd, pass_fds=(FD,))
        theirs.close()
        for peer in peers:
            ours, theirs = self.pair()
            self.pipes[peer] = ours
            self.send("SOCKET_PEER", 0, struct.pack("=I", PROCS.index(peer)),
                      fd=theirs.fileno())
            theirs.close()
        self.send("STARTUP")
        answer = self.receive("parent", 10 * gw.SLOW)
        assert answer and answer[0] == "STARTUP_DONE", (answer, self.logged())

    @staticmethod
    def pair():
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def send(self, name, ident=0, payload=b"", fd=None, to="parent"):
        control = []
        if fd is not None:
            control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                        array.array("i", [fd]))]
        self.pipes[to].sendmsg(
            [HEADER.pack(MESSAGES.index(name), ident) + payload], control)

    def receive(self, peer, seconds):
        """(name, id, payload), or None after that time; log records, which
        may come at any time, are left out."""
        end = time.monotonic() + seconds
        while (message := self.receive_any(
                peer, end - time.monotonic())) is not None:
            if message[0] != "LOG":
                break
        return message

    def receive_any(self, peer, seconds):
        pipe = self.pipes[peer]
        if not select.select([pipe], [], [], max(seconds, 0))[0]:
            return None
        record = pipe.recv(65536)
        assert record, "the %s is gone: %s" % (self.role, self.logged())
        number, ident = HEADER.unpack_from(record)
        return MESSAGES[number], ident, record[HEADER.size:]

    def receive_all(self, peer, seconds):
        """All that comes within that time."""
        end = time.monotonic() + seconds
        out = []
        while (left := end - time.monotonic()) > 0:
            if (message := self.receive(peer, left)) is not None:
                out.append(message)
        return out

    @property
    def pid(self):
        return self.process.pid

    def logged(self):
        # its offset is the child's, too: leave it alone
        fd = self.log.fileno()
        return os.pread(fd, os.fstat(fd).st_size, 0).decode(errors="replace")

    def close(self):
        """It ends when the parent's pipe closes, with status 0."""
        if self.process.poll() is None:
            self.pipes["parent"].close()
            status = self.process.wait(timeout=10 * gw.SLOW)
        else:
            status = self.process.returncode
        for pipe in self.pipes.values():
            pipe.close()
        self.dir.cleanup()
        text = self.logged()
        self.log.close()
        assert status == 0, "status %d\n%s" % (status, text)
        for word in ("Sanitizer", "runtime error:"):
            assert word not in text, text
