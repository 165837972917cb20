"""What passes between MCP's clients and the server, kept and judged.

A record is a list of {"connection", "from": "client" | "server", "line"}, in
the order in which the lines passed.
"""

import contextlib
import itertools
import json
import os
import pathlib
import socket
import subprocess
import threading

import gw

JUDGE = pathlib.Path(__file__).resolve().parent / "judge.mjs"


def verdict(record):
    """What judge.mjs says."""
    done = subprocess.run(
        [gw.NPM / "node", JUDGE], text=True, stdout=subprocess.PIPE,
        input="".join(json.dumps(line) + "\n" for line in record),
        timeout=60 * gw.SLOW, check=True)
    return json.loads(done.stdout)


class Recorder:
    """A Unix socket: each connection to path becomes one to server."""

    def __init__(self, path, server):
        self.path = path
        self.server = str(server)
        self.numbers = itertools.count()
        self.record = []
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
                self.record.append({"connection": number, "from": who,
                                    "line": line.decode(errors="replace")})
                other.sendall(line)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_WR)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        os.unlink(self.path)
