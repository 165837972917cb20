"""The link layer on its own: linkd in a namespace with a WAN, no broker."""

import re
import socket
import struct
import subprocess
import threading
import time

import gw

LINKD = gw.BUILD / "regress/netlink/linkd"
SECTION = {"type": "he_6in4", "iface": "he0", "endpoint_ipv4": gw.BROKER4,
           "v6_prefix": gw.CLIENT6, "prefix_len": 64}
# another one, by another server
OTHER6 = "2001:db8:1234:9999::2"
SECOND = {"type": "he_6in4", "iface": "he1", "endpoint_ipv4": "198.51.100.2",
          "v6_prefix": OTHER6, "prefix_len": 64}
EXTERNAL = {"type": "external", "iface": "tun0", "v6_prefix": "2001:db8:e::2",
            "prefix_len": 64}
FOREVER = 2 ** 32 - 1      # seconds
ONLINK = gw.PREFIX + "/64 metric 256"
SOURCE = "default from %s/64 metric 2048 advmss 1420" % gw.PREFIX
PLAIN = "default src %s metric 2048 advmss 1420" % gw.CLIENT6
REPAIR = 0.1 * gw.SLOW      # seconds: put right and logged
FOLLOW = 0.3 * gw.SLOW      # a change of the WAN is followed


class Box:
    """A namespace with a WAN, whose other end is another one."""

    def __init__(self, tmp_path):
        self.dir = tmp_path
        self.ns = gw.Namespace("l")
        self.far = gw.Namespace("f")
        self.linkds = []
        for ns in self.ns, self.far:
            ns.sysctl("ipv6/conf/default/accept_ra", 0)
        # no link-local addresses, whose checks would be events of ours
        up = "link set wan addrgenmode none", "link set wan up"
        self.ns.batch("link add wan type veth peer name wan netns " +
                      self.far.name, *up,
                      "addr add %s/24 dev wan" % gw.CLIENT4,
                      "route add default via " + gw.ROUTER4)
        self.far.batch(*up)

    def conf(self, tunnels=None, name="conf", more=None, **core):
        """Writes a configuration; returns its path.

        more: further sections; the rest goes into [core]."""
        core.setdefault("api_socket", "/nonexistent/api.sock")
        core.setdefault("state_dir", self.dir)
        sections = {"core": core, **(more or {})}
        for tunnel, keys in (tunnels or {"he": SECTION}).items():
            sections["tunnel." + tunnel] = keys
        path = self.dir / name
        path.write_text("".join(
            "[%s]\n" % section + "".join(
                "%s = %s\n" % item for item in keys.items())
            for section, keys in sections.items()))
        return path

    def linkd(self, *prefix):
        d = Linkd(self, prefix)
        self.linkds.append(d)
        return d

    def start(self, want="active", **conf):
        """A linkd with one tunnel that is wanted so."""
        d = self.linkd()
        d.tell("conf %s" % self.conf(**conf))
        d.tell("want he " + want)
        return d

    def external(self, lifetimes=""):
        """The interface of EXTERNAL, up and with its address."""
        self.ns.ip("link add tun0 type veth peer name tun1")
        for end in "tun0", "tun1":
            self.ns.ip("link set %s up" % end)
        self.ns.ip("-6 addr add 2001:db8:e::2/64 dev tun0 nodad " + lifetimes)

    def close(self):
        for d in self.linkds:
            d.close()
        self.ns.close()
        self.far.close()


class Linkd:
    def __init__(self, box, prefix):
        self.box = box
        self.log_path = box.dir / ("log%d" % len(box.linkds))
        self.log_file = open(self.log_path, "w")
        self.process = subprocess.Popen(
            box.ns.argv(*prefix, LINKD), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.log_file, text=True)
        self.pid = self.process.pid
        self.lines = []
        self.times = []         # when each line was read
        self.news = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line.strip())
                self.times.append(time.monotonic())
                self.news.notify_all()
        with self.news:
            self.lines.append("eof")
            self.news.notify_all()

    def wait(self, pattern, start=0, seconds=5.0 * gw.SLOW):
        """The first line from start on that matches, and its index."""
        end = time.monotonic() + seconds
        with self.news:
            while True:
                for i in range(start, len(self.lines)):
                    match = re.search(pattern, self.lines[i])
                    if match:
                        return i, match
                left = end - time.monotonic()
                assert left > 0, "no line %r in %r; log:\n%s" % (
                    pattern, self.lines[start:], self.log())
                self.news.wait(left)

    def send(self, command):
        start = len(self.lines)
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return start

    def tell(self, command):
        """Sends a command; returns the lines up to its ok."""
        start = self.send(command)
        i, match = self.wait("^(ok|eof)$", start)
        assert match.group(1) == "ok", self.log()
        return self.lines[start:i]

    def state(self, name="he"):
        """The last state told: (word, {field: value})."""
        for line in reversed(list(self.lines)):
            words = line.split(" ", 3)
            if words[:2] == ["state", name]:
                fields = dict(re.findall(
                    r"(\w+)=(.*?)(?= \w+=|$)", line.split(" reason=")[0]))
                fields["reason"] = line.split(" reason=", 1)[1]
                return words[2], fields
        return None, {}

    def wait_state(self, word, name="he", seconds=5.0 * gw.SLOW, start=0):
        return self.wait("^state %s %s " % (name, word), start, seconds)[0]

    def log(self):
        return self.log_path.read_text()

    def logged(self, text):
        return text in self.log()

    def crash(self):
        """It is gone from one moment to the next."""
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log_file.close()


class Batch:
    """ip(8) that waits for commands: what they do is done at once."""

    def __init__(self, ns, *options):
        self.process = subprocess.Popen(
            ns.argv("ip", *options, "-force", "-batch", "-"), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def __enter__(self):
        time.sleep(0.05 * gw.SLOW)      # until it reads
        return self

    def do(self, *commands):
        """Returns the time just before the first of them."""
        now = time.monotonic()
        self.process.stdin.write("".join(x + "\n" for x in commands))
        self.process.stdin.flush()
        return now

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


class Events:
    """When the kernel told of which netlink messages in a namespace."""

    NEWLINK, NEWADDR, NEWROUTE = 16, 20, 24
    GROUPS = 0x1 | 0x100 | 0x400        # link, IPv6 addresses and routes

    def __init__(self, ns):
        self.socket = ns.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.socket.bind((0, self.GROUPS))
        self.socket.settimeout(5 * gw.SLOW)

    def wait(self, kind):
        """The time of the next message of that type."""
        while True:
            data = self.socket.recv(65536)
            now = time.monotonic()
            if struct.unpack_from("=H", data, 4)[0] == kind:
                return now

    def drain(self):
        self.socket.setblocking(False)
        try:
            while True:
                self.socket.recv(65536)
        except BlockingIOError:
            self.socket.settimeout(5 * gw.SLOW)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class Monitor:
    """Every netlink change in a namespace, while it is open."""

    def __init__(self, ns):
        self.ns = ns

    def __enter__(self):
        self.process = subprocess.Popen(
            self.ns.argv("stdbuf", "-oL", "ip", "monitor", "link", "address",
                         "route", "rule"), stdout=subprocess.PIPE, text=True)
        gw.wait_for(self.listens, 5 * gw.SLOW, "ip monitor")
        return self

    def listens(self):
        """Its socket is named by its process, and has joined groups."""
        return any(line.split()[1:3] == ["0", str(self.process.pid)] and
                   int(line.split()[3], 16)
                   for line in self.ns.proc("netlink").splitlines()[1:])

    def __exit__(self, *_):
        time.sleep(0.1 * gw.SLOW)
        self.process.terminate()
        self.text = self.process.communicate()[0]


def routes(box, device="he0"):
    """Ours, without what a TUN device says that nobody serves."""
    return sorted(line.replace(" pref medium", "").replace(" linkdown", "")
                  for line in box.ns.routes(device))


def link(box, device="he0"):
    links = box.ns.json("-d link show dev " + device)
    return links[0] if links else None


def address(box, device="he0"):
    links = box.ns.json("-6 addr show dev " + device)
    return links[0]["addr_info"] if links and links[0] else []


def sysctl(box, key, device="he0"):
    path = "/proc/sys/net/ipv6/conf/%s/%s" % (device, key)
    return box.ns.run("cat", path).stdout.strip()


def lifetimes(box, device="he0"):
    """{address: seconds that it is preferred}; all are valid for ever."""
    for a in address(box, device):
        assert a["valid_life_time"] == FOREVER
        assert a.get("deprecated", False) == (a["preferred_life_time"] == 0)
    return {a["local"]: a["preferred_life_time"] for a in address(box, device)}


def plain_defaults(box):
    """Those of ours, whatever interface they are by."""
    lines = box.ns.ip("-6 route show default proto " + gw.PROTO)
    return [line.strip().replace(" linkdown", "")
            for line in lines.splitlines() if " from " not in line]


def stands(box, plain=True, preferred=None):
    """All is there; the address is preferred if the default is by it."""
    there = link(box)
    return (there is not None and "UP" in there["flags"] and
            there["mtu"] == 1480 and there["ifalias"] == "gatewayd:he" and
            [a["local"] for a in address(box)] == [gw.CLIENT6] and
            address(box)[0]["preferred_life_time"] == (
                FOREVER if (plain if preferred is None else preferred)
                else 0) and
            routes(box) == sorted([ONLINK, SOURCE] + [PLAIN] * plain))
