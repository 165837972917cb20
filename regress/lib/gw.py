"""Network namespaces, a broker, and a daemon in between, for the tests.

    client ns                 broker ns                    internet ns
    wan 192.0.2.2/24 -------- wan 192.0.2.1/24
    the daemon's tunnel ===== tun 2001:db8:1234:5678::1
        2001:db8:1234:5678::2 core 2001:db8:ffff::1/64 --- 2001:db8:ffff::2
                              lo  198.51.100.1 (endpoint)  2001:db8:f00d::80

Every name begins with "gw" and our process id, so that runs do not collide.
GW_BUILD: the build directory.  GW_SLOW: how many times slower than a release
build on real hardware (sanitizers, software emulation); limits are scaled.
"""

import concurrent.futures
import contextlib
import ctypes
import fcntl
import http.client
import itertools
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import brokers
import contract
import procfs

TREE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("GW_BUILD", TREE / "build")).resolve()
GATEWAYD = BUILD / "gatewayd/gatewayd"
GATEWAYCTL = BUILD / "gatewayd/ctl/gatewayctl"
NPM = TREE / "regress/node_modules/.bin"    # what regress/package.json names
IN_GUEST = "GW_GUEST" in os.environ
SLOW = float(os.environ.get("GW_SLOW", 10 if IN_GUEST else 1))

CLIENT4, ROUTER4, BROKER4 = "192.0.2.2", "192.0.2.1", "198.51.100.1"
PREFIX = "2001:db8:1234:5678::"
CLIENT6, BROKER6 = PREFIX + "2", PREFIX + "1"
INTERNET6 = ["2001:db8:f00d::8888", "2001:db8:f00d::1111"]
WEB6 = "2001:db8:f00d::80"
USERS = ("_gatewayd", "_gwrelay", "_gwlaunch")
ALIAS = "gatewayd:%s"
PROTO = "201"               # of our routes
KERNEL_OWN = "sit0", "tunl0", "ip6tnl0"     # interfaces
CHILDREN = ("engine", "frontend", "prober", "encap", "resolver",
            "launcher", "doctor", "relay")

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
SIOCETHTOOL = 0x8946
ETHTOOL_STXCSUM, ETHTOOL_SGSO, ETHTOOL_SGRO = 0x17, 0x24, 0x2c
libc = ctypes.CDLL(None, use_errno=True)
numbers = itertools.count()
daemons = []                # for the report of a failed test


def sh(*args, check=True, timeout=60, stderr=subprocess.STDOUT, **kwargs):
    """Runs a command and returns its CompletedProcess, output as text."""
    p = subprocess.run([str(a) for a in args], text=True, timeout=timeout,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=stderr, **kwargs)
    if check and p.returncode:
        raise AssertionError("%s: status %d\n%s" % (
            " ".join(str(a) for a in args), p.returncode, p.stdout))
    return p


def wait_for(condition, seconds, what="the condition", interval=0.02):
    """Polls; returns the seconds it took, or fails.  Not scaled by SLOW."""
    start = time.monotonic()
    while True:
        if condition():
            return time.monotonic() - start
        if time.monotonic() - start > seconds:
            raise AssertionError("%s: not within %.2f s" % (what, seconds))
        time.sleep(interval)


def ensure_users():
    for user in USERS:
        try:
            pwd.getpwnam(user)
        except KeyError:
            sh("useradd", "--system", "--user-group", "--no-create-home",
               "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin",
               user)


@contextlib.contextmanager
def meanwhile(work, interval=0):
    """work() again and again in a thread, with so many seconds between."""
    ended = threading.Event()

    def loop():
        while not ended.wait(interval):
            work()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def pss_kb(*pids):
    """Memory of them all; a page that n processes share counts as 1/n."""
    return sum(int(re.search(
        r"^Pss:\s+(\d+)", pathlib.Path("/proc/%d/smaps_rollup" % pid)
        .read_text(), re.M).group(1)) for pid in pids)


class Namespace:
    """A network namespace; close() takes everything in it away."""

    def __init__(self, name):
        self.name = "gw%d-%s%d" % (os.getpid(), name, next(numbers))
        self.path = "/run/netns/" + self.name
        sh("ip", "netns", "add", self.name)
        self.up("lo")

    def argv(self, *args):
        return ["nsenter", "--net=" + self.path] + [str(a) for a in args]

    def run(self, *args, **kwargs):
        return self.call(lambda: sh(*args, **kwargs))

    def ip(self, line, **kwargs):
        return self.run("ip", *line.split(), **kwargs).stdout

    def batch(self, *lines):
        """Many lines of ip(8) for the price of one process."""
        with tempfile.NamedTemporaryFile("w", prefix="gw") as file:
            file.write("".join(line + "\n" for line in lines))
            file.flush()
            self.run("ip", "-batch", file.name)

    def json(self, line):
        out = self.run("ip", "-j", *line.split(), check=False,
                       stderr=subprocess.DEVNULL)
        return json.loads(out.stdout or "[]") if out.returncode == 0 else []

    def call(self, function):
        """function() in a thread inside: its sockets, /proc/thread-self."""
        future = concurrent.futures.Future()

        def inside():
            try:
                with open(self.path) as f:
                    if libc.setns(f.fileno(), CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
                future.set_result(function())
            except BaseException as e:
                future.set_exception(e)

        threading.Thread(target=inside).start()
        return future.result()

    def socket(self, *args):
        return self.call(lambda: socket.socket(*args))

    def sysctl(self, name, value):
        path = "/proc/sys/net/" + name
        self.call(lambda: pathlib.Path(path).write_text(str(value)))

    def proc(self, name):
        return self.call(
            lambda: pathlib.Path("/proc/thread-self/net/" + name).read_text())

    # without the price of a process:

    def up(self, device):
        """As ip link set dev DEVICE up."""
        with self.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            name, flags = struct.unpack("=16sH14x", fcntl.ioctl(
                sock, SIOCGIFFLAGS, struct.pack("=16s16x", device.encode())))
            fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack(
                "=16sH14x", name, flags | IFF_UP))

    def no_offloads(self, device):
        """As ethtool -K DEVICE tx off gso off gro off."""
        with self.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for command in ETHTOOL_STXCSUM, ETHTOOL_SGSO, ETHTOOL_SGRO:
                value = ctypes.create_string_buffer(
                    struct.pack("=II", command, 0))
                fcntl.ioctl(sock, SIOCETHTOOL, struct.pack(
                    "@16sP16x", device.encode(), ctypes.addressof(value)))

    def has_address(self, address, device):
        digits = socket.inet_pton(socket.AF_INET6, address).hex()
        return any(line.startswith(digits) and line.split()[-1] == device
                   for line in self.proc("if_inet6").splitlines())

    def ifindex(self, device):
        for link in self.json("link show dev " + device):
            return link["ifindex"]
        return None

    def routes(self, device):
        """Our IPv6 routes there, as the lines of ip(8)."""
        out = self.ip("-6 route show dev %s proto %s" % (device, PROTO),
                      check=False)
        return [line.strip() for line in out.splitlines()]

    def ping(self, address, *options, count=1, wait=None):
        return self.run("ping", "-6", "-n", "-q", "-c", count, "-i", "0.1",
                        "-W", wait or max(1, int(SLOW)), *options, address,
                        check=False).returncode == 0

    def close(self):
        sh("ip", "netns", "del", self.name, check=False)


class InitialNamespace(Namespace):
    """The machine's own, for the guest only."""

    def __init__(self):
        assert IN_GUEST
        self.name = "initial"
        self.path = "/proc/1/ns/net"

    def close(self):
        self.ip("link del wan", check=False)


def has_sit():
    """Whether this kernel has the 6in4 device."""
    ns = Namespace("try")
    try:
        return ns.run("ip", "link", "add", "sit9", "type", "sit", "remote",
                      BROKER4, "local", CLIENT4, check=False).returncode == 0
    finally:
        ns.close()


class Lab:
    """The three namespaces of the picture above."""

    def __init__(self, client=None):
        ensure_users()
        self.stack = contextlib.ExitStack()
        try:
            self.build(client)
        except BaseException:
            self.close()
            raise

    def make_dir(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="gw"))
        self.dir.chmod(0o755)
        self.stack.callback(shutil.rmtree, self.dir, ignore_errors=True)

    def build(self, client):
        self.make_dir()
        self.client = self.prepare(client or Namespace("c"))
        self.broker_ns = self.prepare(Namespace("b"))
        self.internet = self.prepare(Namespace("i"))
        self.veth(self.client, "wan", self.broker_ns, "wan")
        self.veth(self.broker_ns, "core", self.internet, "core")
        self.broker_ns.ip("addr add %s/32 dev lo" % BROKER4)
        self.kernel_sit = has_sit()
        self.broker = self.new_broker(self.broker_ns, BROKER4, CLIENT4)
        self.address_broker()
        self.address_internet()
        self.reset()

    def new_broker(self, ns, local, client):
        broker = (brokers.Sit if self.kernel_sit else brokers.Python)(
            ns, local, client)
        self.stack.callback(broker.close)
        return broker

    def prepare(self, ns):
        self.stack.callback(ns.close)
        ns.sysctl("ipv6/conf/default/accept_dad", 0)
        ns.sysctl("ipv6/conf/default/accept_ra", 0)
        return ns

    @staticmethod
    def veth(one, device, other, peer):
        """A wire: whole packets with their checksums, no offloads."""
        one.ip("link add %s type veth peer name %s netns %s" %
               (device, peer, other.name))
        for ns, name in (one, device), (other, peer):
            ns.no_offloads(name)
            ns.up(name)

    def address_broker(self):
        b = self.broker_ns
        b.sysctl("ipv6/conf/all/forwarding", 1)
        b.ip("addr add %s/24 dev wan" % ROUTER4)
        b.ip("addr add 2001:db8:ffff::1/64 dev core nodad")
        b.ip("link set %s up mtu %d txqueuelen 10000" % (
            self.broker.device, self.broker.mtu))
        b.ip("addr add %s/64 dev %s nodad" % (BROKER6, self.broker.device))
        b.ip("-6 route add 2001:db8:f00d::/48 via 2001:db8:ffff::2")

    def address_internet(self):
        i = self.internet
        i.ip("addr add 2001:db8:ffff::2/64 dev core nodad")
        for address in INTERNET6 + [WEB6]:
            i.ip("addr add %s/128 dev lo nodad" % address)
        i.ip("-6 route add 2001:db8:1234::/48 via 2001:db8:ffff::1")

    def reset(self):
        """WAN and broker as at the beginning; interfaces left are removed."""
        c = self.client
        c.ip("link set wan up mtu 1500")
        c.ip("addr flush dev wan scope global")
        self.wan_address(CLIENT4)
        self.broker.reset()
        self.remove_interfaces("lo", "wan")

    def remove_interfaces(self, *keep):
        for link in self.client.json("link show"):
            if link["ifname"] not in keep + KERNEL_OWN:
                self.client.ip("link del " + link["ifname"], check=False)
        self.client.ip("-6 route flush proto " + PROTO, check=False)

    def wan_address(self, address, old=None):
        """Gives the WAN another address, as a DHCP client would."""
        c = self.client
        if old:
            c.ip("addr del %s/24 dev wan" % old)
        c.ip("addr add %s/24 dev wan" % address)
        c.ip("route replace default via %s" % ROUTER4)
        self.broker.client(address)

    def web(self, text):
        """A web server on the far side of the tunnel; returns its URL."""
        root = self.dir / "web"
        root.mkdir(exist_ok=True)
        (root / "index.html").write_text(text)
        server = subprocess.Popen(
            self.internet.argv(sys.executable, "-m", "http.server", "80",
                               "--bind", WEB6, "--directory", root),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.stack.callback(server.wait)
        self.stack.callback(server.terminate)
        wait_for(lambda: any(line.split()[3] == "0A" for line in
                             self.internet.proc("tcp6").splitlines()[1:]),
                 10 * SLOW, "the web server")
        return "http://[%s]/" % WEB6

    def daemon(self, **kwargs):
        return Daemon(self, **kwargs)

    def close(self):
        self.stack.close()


class Answer:
    """What the REST server said."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


class Daemon:
    """One gatewayd in the lab's client namespace.

    conf is {section: {key: value}}; a value None leaves a default out.
    """

    def __init__(self, lab, conf=None, binary=None, ns=None):
        self.lab = lab
        self.ns = ns or lab.client
        self.dir = lab.dir / ("d%d" % next(numbers))
        self.run_dir = self.dir / "run"
        self.state_dir = self.dir / "state"
        self.file = self.dir / "gatewayd.conf"
        self.log_path = self.dir / "log"
        self.binary = binary or GATEWAYD
        self.process = None
        self.dir.mkdir()
        self.state_dir.mkdir()
        self.conf = self.default_conf()
        self.configure(conf or {})
        daemons.append(self)

    def default_conf(self):
        return {
            "core": {
                "log_level": "debug",
                "state_dir": self.state_dir,
                "run_dir": self.run_dir,
                "api_socket": self.run_dir / "api.sock",
                "mcp_socket": self.run_dir / "mcp.sock",
            },
            "health": {
                "interval": "%dms" % (200 * min(SLOW, 2)),
                "down_interval": "500ms..1s",
                "hold_down": "1s..2s",
                "window": "10s",
                "targets": ", ".join(["gateway"] + INTERNET6),
            },
            "tunnel.he": {
                "type": "he_6in4",
                "iface": "he0",
                "endpoint_ipv4": BROKER4,
                "v6_prefix": CLIENT6,
            },
        }

    def configure(self, changes):
        """Merges {section: {key: value}} in and writes the file; None: out."""
        for section, keys in changes.items():
            if keys is None:
                self.conf.pop(section, None)
                continue
            self.conf.setdefault(section, {}).update(keys)
        text = ""
        for section, keys in self.conf.items():
            text += "[%s]\n" % section
            text += "".join("%s = %s\n" % item for item in keys.items()
                            if item[1] is not None)
        self.write(text)

    def write(self, text):
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.rename(self.file)

    def start(self, *args, ready=True, env=None):
        """Starts it in the foreground; with ready, waits for /version."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.ns.argv(self.binary, *(args or ("-f",)), "-c", self.file),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(os.environ, **(env or {})))
        if ready:
            wait_for(self.answers, 10 * SLOW, "the REST server")
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("gatewayd ended with status %d\n%s" % (
                self.process.returncode, self.log()))
        try:
            return self.get("/version").status == 200
        except OSError:
            return False

    @property
    def pid(self):
        return self.process.pid

    def children(self):
        """{role: pid} from the process titles."""
        roles = {}
        for pid in procfs.children(self.pid):
            title = procfs.read(pid, "cmdline")
            for role in CHILDREN:
                if role in title:
                    roles[role] = pid
        return roles

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, seconds=10):
        return self.process.wait(timeout=seconds * SLOW)

    def stop(self):
        """Graceful; fails unless it ends with status 0."""
        self.signal(signal.SIGTERM)
        status = self.wait_exit()
        assert status == 0, "status %d\n%s" % (status, self.log())

    def close(self):
        """Ends it however it is, and checks what a sanitizer said."""
        if self.alive():
            self.signal(signal.SIGTERM)
            try:
                self.wait_exit()
            except subprocess.TimeoutExpired:
                for pid in [self.pid, *self.children().values()]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                self.process.wait(timeout=10)
                raise AssertionError("gatewayd did not end\n" + self.log())
        daemons.remove(self)
        log = self.log()
        for word in ("Sanitizer", "runtime error:"):
            assert word not in log, log

    def log(self):
        if not self.log_path.exists():
            return ""
        return self.log_path.read_text(errors="replace")

    def log_mark(self):
        return self.log_path.stat().st_size

    def logged(self, text, since=0):
        return text in self.log_path.read_bytes()[since:].decode(
            errors="replace")

    def wait_log(self, text, since=0, seconds=5):
        return wait_for(lambda: self.logged(text, since), seconds * SLOW,
                        "%r in the log" % text)

    def connect(self, timeout=5):
        sock = self.ns.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(timeout * SLOW)
        sock.connect(("127.0.0.1", 8642))
        return sock

    def request(self, method, path, body=None, headers=None, unix=False,
                seconds=5):
        connection = http.client.HTTPConnection("127.0.0.1", 8642)
        if unix:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(seconds * SLOW)
            connection.sock.connect(str(self.run_dir / "api.sock"))
        else:
            connection.sock = self.connect(seconds)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = Answer(connection.getresponse())
            contract.saw(method, path, answer.status, answer.headers,
                         answer.body)
            return answer

    def get(self, path, **kwargs):
        return self.request("GET", path, **kwargs)

    def tunnel(self, name="he"):
        """GET /tunnels/NAME; a problem where there is none."""
        return self.get("/tunnels/" + name).json()

    def state(self, name="he"):
        return self.tunnel(name).get("state")

    def reason(self, name="he"):
        detail = self.tunnel(name)["detail"]    # a text if it is a problem
        return isinstance(detail, dict) and detail["reason"] or ""

    def wait_state(self, state, seconds=10, name="he"):
        return wait_for(lambda: self.state(name) == state, seconds * SLOW,
                        "tunnel %s %s" % (name, state))

    def up(self):
        """Starts and waits for the tunnel."""
        self.start()
        self.wait_state("up")
        return self

    def ctl(self, *args, check=True):
        return self.ns.run(GATEWAYCTL, "-s", self.run_dir / "gatewayd.sock",
                           *args, check=check)


class Flood:
    """Numbered pings, one every interval; stop() says which were lost."""

    def __init__(self, ns, address, interval=0.005):
        self.process = subprocess.Popen(
            ns.argv(sys.executable, TREE / "regress/lib/flood.py", address,
                    interval),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "started\n"

    def stop(self):
        """{"sent", "lost", "gap"}: gap is the longest silence in seconds."""
        out, _ = self.process.communicate(timeout=30)
        return json.loads(out)


def ipv6_header(source, destination, payload, next_header=58, hops=64):
    return struct.pack("!IHBB", 6 << 28, len(payload), next_header, hops) + \
        socket.inet_pton(socket.AF_INET6, source) + \
        socket.inet_pton(socket.AF_INET6, destination) + payload
