"""A Unix socket in front of the server's, which keeps what passes."""

import contextlib
import itertools
import json
import os
import socket
import threading


class Recorder:
    """Each connection to path becomes one to server."""

    def __init__(self, path, server):
        self.path = path
        self.server = str(server)
        self.numbers = itertools.count()
        self.lines = []         # in the order in which they passed
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:     # closed
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.server)
            number = next(self.numbers)
            for one, other, who in ((client, server, "client"),
                                    (server, client, "server")):
                threading.Thread(target=self.pass_on, daemon=True,
                                 args=(number, one, other, who)).start()

    def pass_on(self, number, one, other, who):
        """Line by line; a half-closed side closes half of the other."""
        with contextlib.suppress(OSError), one.makefile("rb") as lines:
            for line in lines:
                self.lines.append({"connection": number, "from": who,
                                   "line": line.decode(errors="replace")})
                other.sendall(line)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_WR)

    def text(self):
        """What judge.mjs reads."""
        return "".join(json.dumps(line) + "\n" for line in self.lines)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        os.unlink(self.path)
