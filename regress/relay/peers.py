"""Other SOCKS servers in the relay's place."""

import socket
import subprocess

import gw
from relaylab import Proxy

PORT = 1080


class Peer(Proxy):
    def __init__(self, lab, *argv):
        self.lab = lab
        self.port = PORT
        self.process = subprocess.Popen(lab.ns.argv(*argv),
                                        stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        gw.wait_for(self.answers, 10 * gw.SLOW, argv[0])

    def answers(self):
        with self.lab.ns.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=10)


def microsocks(lab, _):
    return Peer(lab, "microsocks", "-i", "127.0.0.1", "-p", PORT)


def dante(lab, directory):
    """With every freedom that it can give, as the others have."""
    conf = directory / "danted.conf"
    conf.write_text("""\
logoutput: %s
internal: 127.0.0.1 port = %d
external: wan
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0/0 to: 0/0 }
socks pass { from: 0/0 to: 0/0 }
""" % (directory / "danted.log", PORT))
    return Peer(lab, "danted", "-f", conf, "-p", directory / "danted.pid")
