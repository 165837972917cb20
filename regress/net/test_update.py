"""How soon a change of an interface is seen by who follows and who asks."""

import contextlib
import fcntl
import http.client
import json
import socket
import struct
import time

import gw
from sse import Stream

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
CHANGES = 10
P99 = 0.020
ADDRESS, FAR = "2001:db8:77::2", "2001:db8:77::1"


def set_link(sock, device, up):
    """Takes a link up or down, without a program's start in between."""
    request = struct.pack("16sh14x", device.encode(), 0)
    flags = struct.unpack("16sh14x", fcntl.ioctl(sock, SIOCGIFFLAGS,
                                                 request))[1]
    flags = flags | IFF_UP if up else flags & ~IFF_UP
    fcntl.ioctl(sock, SIOCSIFFLAGS,
                struct.pack("16sh14x", device.encode(), flags))


def external(lab):
    """Somebody else's interface, whose far end answers."""
    lab.veth(lab.client, "ext0", lab.broker_ns, "ext0")
    lab.broker_ns.ip("addr add %s/64 dev ext0 nodad" % FAR)
    lab.client.ip("addr add %s/64 dev ext0 nodad" % ADDRESS)


def loss(daemon, control, stream, ask):
    """Seconds from the link's loss to the line at /events, and to the answer
    of the GET after it."""
    begin = time.monotonic()
    set_link(control, "ext0", False)
    event = stream.until(lambda e: e.name == "tunnel" and
                         e.data["data"]["name"] == "ext" and
                         e.data["data"]["to"] == "down", 10 * gw.SLOW)
    ask.request("GET", "/tunnels/ext")
    answer = json.loads(ask.getresponse().read())
    end = time.monotonic()
    # what was told is what is served
    assert answer["detail"]["state"] == "down"
    set_link(control, "ext0", True)
    daemon.lab.client.ip("addr add %s/64 dev ext0 nodad" % ADDRESS)
    gw.wait_for(lambda: daemon.state("ext") == "up" or
                daemon.tunnel("ext")["detail"]["state"] == "recovering",
                20 * gw.SLOW, "answers by ext0")
    return event.at - begin, end - begin


def p99(times):
    return sorted(times)[len(times) * 99 // 100]


def test_update_latency(daemon):
    """The best of three rounds: the machine may be busy for a while."""
    external(daemon.lab)
    daemon.configure({
        "health": {"targets": "gateway, " + FAR, "down_interval": "200ms..1s",
                   "hold_down": "1s..1s"},
        "tunnel.ext": {"type": "external", "iface": "ext0",
                       "v6_prefix": ADDRESS, "prefix_len": 64,
                       "priority": 9}})
    daemon.up()
    daemon.wait_state("up", name="ext")
    ask = http.client.HTTPConnection("127.0.0.1", 8642)
    ask.sock = daemon.connect()
    best = None
    with contextlib.closing(ask), \
            daemon.ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as control, \
            Stream(daemon.connect(), "localhost:8642") as stream:
        for _ in range(3):
            times = zip(*[loss(daemon, control, stream, ask)
                          for _ in range(CHANGES)])
            measured = [p99(t) for t in times]
            best = min(best or measured, measured)
            if best[1] < P99 * gw.SLOW:
                break
    print("from a link's loss to /events %.2f ms, to the next GET %.2f ms "
          "(p99)" % (best[0] * 1000, best[1] * 1000))
    assert best[0] < P99 * gw.SLOW and best[1] < P99 * gw.SLOW
