"""From what happens in the kernel to the line at the subscriber."""

import fcntl
import socket
import struct
import time

import gw
from rawmcp import Client, modern

LIMIT = 0.02
COUNT = 20


def take_down(ns, device):
    """As ip link set DEVICE down, without the price of a process."""
    with ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        name = struct.pack("=16s16x", device.encode())
        _, flags = struct.unpack("=16sH14x", fcntl.ioctl(
            sock, gw.SIOCGIFFLAGS, name))
        request = struct.pack("=16sH14x", device.encode(),
                              flags & ~gw.IFF_UP)
        begun = time.monotonic()
        fcntl.ioctl(sock, gw.SIOCSIFFLAGS, request)
        return begun


def updated(client):
    """Waits for the next update; when it came."""
    while True:
        message = client.hear()
        if message["method"] == "notifications/resources/updated":
            return time.monotonic()


def test_kernel_event_to_notification(daemon):
    """p99 is below 20 ms: external interfaces that go down, one by one, since
    one that comes and goes all the time is looked at less often."""
    ns = daemon.ns
    names = ["x%d" % i for i in range(COUNT)]
    ns.batch(*["link add %s up type veth peer name y%s" % (name, name)
               for name in names])
    ns.batch(*["link set y%s up" % name for name in names])
    for name in names:
        ns.sysctl("ipv6/conf/%s/keep_addr_on_down" % name, 1)
    ns.batch(*["addr add 2001:db8:77:%d::2/64 dev %s nodad" % (i, name)
               for i, name in enumerate(names)])
    daemon.configure({"tunnel." + name: {"type": "external", "iface": name}
                      for name in names})
    daemon.start()

    def down(name):
        return daemon.tunnel(name)["detail"]["state"] == "down"

    def listen(client, name):
        client.say({"jsonrpc": "2.0", "id": name,
                    "method": "subscriptions/listen", "params": modern(
                        {"notifications": {"resourceSubscriptions": [
                            "v6gw://tunnel/" + name]}})})
        assert client.hear()["method"].endswith("acknowledged")

    def took(name):
        gw.wait_for(lambda: not down(name), 10 * gw.SLOW, name)
        with Client(daemon.run_dir / "mcp.sock") as client:
            listen(client, name)
            while not client.quiet(0.05):
                client.hear()       # what else moves is told by now
            result = -take_down(ns, name) + updated(client)
        assert down(name)
        ns.up(name)
        return result

    # what a busy machine adds comes and goes: the best of five
    for _ in range(5):
        times = sorted(took(name) for name in names)
        print("update: p50 %.2f ms, p99 %.2f ms" % (
            times[COUNT // 2] * 1000, times[-1] * 1000))
        if times[-1] < LIMIT * max(1, gw.SLOW):
            return
    raise AssertionError("p99 %.1f ms" % (times[-1] * 1000))
