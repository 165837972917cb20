"""Port mappings of the whole daemon: what the far side reaches of this
machine, and what this machine reaches there."""

import contextlib
import hashlib
import socket
import struct
import subprocess
import threading

import pytest

import gw

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


@pytest.fixture(scope="module")
def lab(ways):
    return ways


class Program(threading.Thread):
    """A server on this machine: says a word, and then sends back."""

    def __init__(self, ns, port, word=b"hello ", family=socket.AF_INET,
                 address="127.0.0.1"):
        super().__init__(daemon=True)
        self.word = word
        self.socket = ns.socket(family, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.socket.listen(64)
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.socket.accept()
                threading.Thread(target=self.serve, args=(client,),
                                 daemon=True).start()

    def serve(self, client):
        with client, contextlib.suppress(OSError):
            client.sendall(self.word)
            while data := client.recv(65536):
                client.sendall(data)

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@pytest.fixture
def program(lab):
    with contextlib.closing(Program(lab.client, 8443)) as program:
        yield program


def connect(ns, address, port, seconds=5):
    s = ns.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                  socket.SOCK_STREAM)
    s.settimeout(seconds * gw.SLOW)
    s.connect((address, port))
    return s


def exactly(s, n):
    data = b""
    while len(data) < n:
        got = s.recv(n - len(data))
        assert got, data
        data += got
    return data


def talks(s, word=b"hello "):
    s.sendall(b"ping")
    assert exactly(s, len(word) + 4) == word + b"ping"


def active(daemon, port):
    daemon.wait_log("tcp port %d: active" % port)


def published(port=443, **keys):
    return {"port.web": dict({"protocol": "tcp", "internal_port": 8443,
                              "external_port": port}, **keys)}


def test_publish(daemon, lab, program):
    """From the far side to a program on 127.0.0.1, below 1024 since the
    configuration says so; the end of data crosses both ways."""
    daemon.configure(published())
    daemon.up()
    active(daemon, 443)
    with connect(lab.internet, lab.a.address, 443) as s:
        talks(s)
        s.shutdown(socket.SHUT_WR)
        assert s.recv(100) == b""
    # no other address of this machine has it
    for address in lab.b.address, "127.0.0.1":
        with pytest.raises(OSError):
            connect(lab.client, address, 443)


def test_urgent_byte_crosses(daemon, lab, program):
    """It is one of the stream, as in a SOCKS client's connection."""
    daemon.configure(published())
    daemon.up()
    active(daemon, 443)
    with connect(lab.internet, lab.a.address, 443) as s:
        assert exactly(s, 6) == b"hello "
        s.send(b"!", socket.MSG_OOB)
        s.sendall(b"after")
        assert exactly(s, 6) == b"!after"


def test_target_refuses(daemon, lab):
    daemon.configure(published())
    daemon.up()
    active(daemon, 443)
    # it may come before the connection is used
    with pytest.raises(ConnectionResetError), \
            connect(lab.internet, lab.a.address, 443) as s:
        s.recv(1)


def test_proxy_protocol(daemon, lab, program):
    daemon.configure(published(proxy_protocol="v2"))
    program.word = b""
    daemon.up()
    active(daemon, 443)
    with connect(lab.internet, lab.a.address, 443) as s:
        me = s.getsockname()
        s.sendall(b"data")
        got = exactly(s, 12 + 4 + 36 + 4)
    assert got[:12] == SIGNATURE
    assert struct.unpack(">BBH", got[12:16]) == (0x21, 0x21, 36)
    assert socket.inet_ntop(socket.AF_INET6, got[16:32]) == me[0]
    assert socket.inet_ntop(socket.AF_INET6, got[32:48]) == lab.a.address
    assert struct.unpack(">HH", got[48:52]) == (me[1], 443)
    assert got[52:] == b"data"


HAPROXY = """\
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend ours
    bind 127.0.0.1:8443 accept-proxy
    http-request return status 200 content-type text/plain lf-string \
"%[src] %[src_port] %[dst] %[dst_port]"
"""


@pytest.fixture
def haproxy(lab, tmp_path):
    """It says to each client who that is, as the header has it."""
    conf = tmp_path / "haproxy.conf"
    conf.write_text(HAPROXY)
    process = subprocess.Popen(lab.client.argv("haproxy", "-db", "-f", conf))

    def listens():
        with lab.client.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            return s.connect_ex(("127.0.0.1", 8443)) == 0

    gw.wait_for(listens, 10 * gw.SLOW, "haproxy")
    yield process
    process.terminate()
    process.wait(timeout=10)


def http(s):
    """All that is answered."""
    s.sendall(b"GET / HTTP/1.0\r\n\r\n")
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while more := s.recv(1000):
            data += more
    return data.decode()


def test_haproxy_reads_the_header(daemon, lab, haproxy):
    """Another implementation of the PROXY protocol; without the header it
    answers nobody."""
    conf = published(proxy_protocol="v2")
    conf["port.bare"] = {"protocol": "tcp", "internal_port": 8443,
                         "external_port": 8081}
    daemon.configure(conf)
    daemon.up()
    active(daemon, 443)
    active(daemon, 8081)
    for _ in range(2):
        with connect(lab.internet, lab.a.address, 443) as s:
            me = s.getsockname()
            head, _, body = http(s).partition("\r\n\r\n")
        assert head.startswith("HTTP/1.1 200")
        assert body == "%s %d %s 443" % (me[0], me[1], lab.a.address)
    with connect(lab.internet, lab.a.address, 8081) as s:
        assert "200 OK" not in http(s)


def test_forward(daemon, lab):
    """From this machine to a host, by the active tunnel's address."""
    seen = []

    class Host(Program):
        def serve(self, client):
            seen.append(client.getpeername()[0])
            super().serve(client)

    with contextlib.closing(Host(lab.internet, 7000, b"there ",
                                 socket.AF_INET6, gw.WEB6)):
        daemon.configure({"port.peer": {
            "protocol": "tcp", "listen_port": 41001,
            "remote": "[%s]:7000" % gw.WEB6}})
        daemon.up()
        active(daemon, 41001)
        with connect(lab.client, "127.0.0.1", 41001) as s:
            talks(s, b"there ")
    assert seen == [lab.a.address]


def test_forward_by_the_upstream(daemon, lab):
    """What a rule keeps for the upstream server goes nowhere else, also by a
    port."""
    asked = []

    class Upstream(Program):
        def serve(self, client):
            with client:
                assert client.recv(100)[:1] == b"\5"
                client.sendall(b"\5\0")
                asked.append(client.recv(100))
                client.sendall(b"\5\0\0\1\0\0\0\0\0\0" + b"onion")
                client.recv(1)

    with contextlib.closing(Upstream(lab.client, 9050)):
        daemon.configure({
            "exposure": {"mode": "kernel, socks5"},
            "exposure.socks5": {"upstream": "127.0.0.1:9050",
                                "rule": "*.onion any via upstream"},
            "port.tcp": {"protocol": "tcp", "listen_port": 41002,
                         "remote": "a.onion:80"},
            "port.udp": {"protocol": "udp", "listen_port": 41003,
                         "remote": "a.onion:80"}})
        daemon.up()
        active(daemon, 41002)
        daemon.wait_log("udp port 41003: active")
        with connect(lab.client, "127.0.0.1", 41002) as s:
            assert exactly(s, 5) == b"onion"
        with lab.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"lost", ("127.0.0.1", 41003))
        gw.wait_for(lambda: daemon.get("/relay").json()["refused"][
            "udp_target"] == 1, 5 * gw.SLOW, "the refusal")
    assert asked == [b"\5\1\0\3\x07a.onion\0\x50"]


def test_follows_the_active_tunnel(daemon, lab, program):
    """New connections come in by the new tunnel, while one pinned to the old
    one stays there; what the old one carried goes on with it."""
    conf = published()
    conf["port.pinned"] = {"protocol": "tcp", "internal_port": 8443,
                           "external_port": 8081, "tunnel": "a"}
    daemon.configure(conf)
    daemon.up()
    active(daemon, 443)
    with connect(lab.internet, lab.a.address, 443) as old:
        talks(old)
        lab.a.broker.drop()
        gw.wait_for(lambda: daemon.active() == "b", 10 * gw.SLOW, "b")
        gw.wait_for(lambda: reaches(lab, lab.b.address, 443), 5 * gw.SLOW,
                    "the new listener")
        assert not reaches(lab, lab.b.address, 8081)
        lab.a.broker.drop(False)
        old.sendall(b"still")
        assert exactly(old, 5) == b"still"
        assert reaches(lab, lab.a.address, 8081)


def reaches(lab, address, port):
    with contextlib.suppress(OSError), \
            connect(lab.internet, address, port, 1) as s:
        return s.recv(6) == b"hello "
    return False


def echo(sock):
    with contextlib.suppress(OSError):
        while True:
            data, peer = sock.recvfrom(65536)
            sock.sendto(data, peer)


@pytest.fixture
def datagrams(lab):
    """A program on this machine that sends datagrams back."""
    with lab.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 7655))
        threading.Thread(target=echo, args=(sock,), daemon=True).start()
        yield sock


def test_udp(daemon, lab, datagrams):
    """Datagrams from the far side reach the program, and its answers come
    from the address that was asked; and from this machine to a host."""
    daemon.configure({
        "port.i2p": {"protocol": "udp", "internal_port": 7655,
                     "external_port": 7654},
        "port.peer": {"protocol": "udp", "listen_port": 40001,
                      "remote": "[%s]:7656" % gw.WEB6}})
    daemon.up()
    daemon.wait_log("udp port 7654: active")
    daemon.wait_log("udp port 40001: active")
    with lab.internet.socket(socket.AF_INET6, socket.SOCK_DGRAM) as far, \
            lab.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as near:
        far.settimeout(5 * gw.SLOW)
        near.settimeout(5 * gw.SLOW)
        far.bind((gw.WEB6, 7656))
        far.sendto(b"in", (lab.a.address, 7654))
        data, peer = far.recvfrom(100)
        assert (data, peer[:2]) == (b"in", (lab.a.address, 7654))
        near.sendto(b"out", ("127.0.0.1", 40001))
        data, peer = far.recvfrom(100)
        assert (data, peer[0]) == (b"out", lab.a.address)
        far.sendto(b"back", peer)
        assert near.recvfrom(100) == (b"back", ("127.0.0.1", 40001))


def test_taken(daemon, lab, program):
    """Another program has the port: it fails, says so, and works when that
    one has gone."""
    with lab.client.socket(socket.AF_INET6, socket.SOCK_STREAM) as other:
        other.bind(("::", 4443))
        other.listen(1)
        daemon.configure(published(port=4443))
        daemon.up()
        daemon.wait_log("tcp port 4443: failed: Port 4443 is taken on this "
                        "machine by another program.")
    gw.wait_for(lambda: reaches(lab, lab.a.address, 4443), 15 * gw.SLOW,
                "the port")


def test_reload(daemon, lab, program):
    """Only what has changed is touched."""
    conf = published()
    conf["port.other"] = {"protocol": "tcp", "internal_port": 8443,
                          "external_port": 8081}
    daemon.configure(conf)
    daemon.up()
    active(daemon, 443)
    active(daemon, 8081)
    with connect(lab.internet, lab.a.address, 443) as kept, \
            connect(lab.internet, lab.a.address, 8081) as drained:
        talks(kept)
        talks(drained)
        daemon.configure({"port.other": None, "port.third": {
            "protocol": "tcp", "internal_port": 8443,
            "external_port": 8082}})
        daemon.ctl("reload")
        active(daemon, 8082)
        assert reaches(lab, lab.a.address, 8082)
        assert not reaches(lab, lab.a.address, 8081)
        for s in kept, drained:
            s.sendall(b"still")
            assert exactly(s, 5) == b"still"
    assert daemon.log().count("tcp port 443: active") == 1


def kept(*mappings):
    """The file of mappings that were made at run time."""
    data = struct.pack("=8sII", b"gwports", 1, len(mappings)) + b"".join(
        struct.pack("=BBBBHH33s256s128s7s", socket.IPPROTO_TCP, 0, 0, 0,
                    port, target, b"", b"", b"kept", b"")
        for port, target in mappings)
    return b"v6-gatewayd state 1 %s\n" % hashlib.sha256(
        data).hexdigest().encode() + data


def test_kept(daemon, lab, program):
    """What was mapped at run time is there again, start after start; the
    configuration has the last word on a number."""
    (daemon.state_dir / "ports").write_bytes(kept((8081, 8443), (8082, 1)))
    daemon.configure(published(port=8082))
    for _ in range(2):
        daemon.up()
        gw.wait_for(lambda: reaches(lab, lab.a.address, 8081), 5 * gw.SLOW,
                    "the mapping")
        assert reaches(lab, lab.a.address, 8082)
        daemon.stop()
        assert (daemon.state_dir / "ports").read_bytes() == kept(
            (8081, 8443))
    assert daemon.logged("tcp port 8082 is not mapped any more")


@pytest.mark.parametrize("content, what", [
    (b"gwports\0\2\0\0\0\0\0\0\0", "makes no sense to the relay"),
    (b"gwports\0\1\0\0\0\1\0\0\0" + bytes(432), "makes no sense"),
    (b"", "makes no sense"),
], ids=["version", "nonsense", "short"])
def test_kept_file_damaged(daemon, content, what):
    content = content or b"x"
    (daemon.state_dir / "ports").write_bytes(
        b"v6-gatewayd state 1 %s\n" % hashlib.sha256(
            content).hexdigest().encode() + content)
    daemon.up()
    daemon.wait_log(what)
    assert (daemon.state_dir / "ports.bad").exists()
