"""What a SOCKS5 server has to do, as functions of a server.

Each case takes a Proxy of relaylab.py, whichever program that is, and fails by
an AssertionError or an OSError.  They are what RFC 1928 asks for, and the
mistakes that servers in use make: cut bytes, hidden resets, ways to the proxy
itself, datagrams from strangers.
"""

import concurrent.futures
import contextlib
import socket
import struct
import time

import gw
from relaylab import (BIND, CONNECT, GOOD4, GOOD6, GREETING, PORT,
                      REFUSES4, REFUSES6, UDP, VERSION, Target,
                      address, exactly, reply, request, reset)

SUCCEEDED, NETWORK, HOST, REFUSED, COMMAND, ATYP = 0, 3, 4, 5, 7, 8
NONE = b"\5\xff"
WAIT = 2 * gw.SLOW          # seconds that any answer may take
QUIET = 0.3 * gw.SLOW       # what has not come by then was dropped
SILENT_MAX = 5 + WAIT       # seconds that a silent client is borne
NOWHERE4 = "198.51.100.1"   # without a route
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def judge(proxy, names=None):
    """{name: why it failed, or None} for these cases, or all of them."""
    def one(name):
        try:
            CASES[name](proxy)
        except (AssertionError, OSError) as e:
            return repr(e)
        return None

    # what waits for the clock does so beside the others
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        names = sorted(names or CASES, key=lambda n: n != "silent_client")
        return dict(zip(names, pool.map(one, names)))


@contextlib.contextmanager
def client(proxy):
    """A connection that nothing was said on."""
    with proxy.socket() as s:
        s.settimeout(WAIT)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield s


def greeted(s):
    s.sendall(GREETING)
    assert exactly(s, 2) == b"\5\0"


def ended(s):
    """Whether the server has hung up, in one way or the other."""
    try:
        return s.recv(1) == b""
    except ConnectionResetError:
        return True


def answer(proxy, host, port=PORT):
    """The reply's code to a request."""
    with client(proxy) as s:
        greeted(s)
        s.sendall(request(host, port))
        return reply(s)[0]


@contextlib.contextmanager
def pair(proxy):
    """Both ends of a connection that goes through the server."""
    target = Target(proxy.lab)
    with target.listener, client(proxy) as a:
        greeted(a)
        a.sendall(request(GOOD6, target.port))
        assert reply(a)[0] == SUCCEEDED
        target.listener.settimeout(WAIT)
        b, _ = target.listener.accept()
        with b:
            b.settimeout(WAIT)
            yield a, b


def all_of(s):
    n = 0
    while data := s.recv(65536):
        n += len(data)
    return n


# the handshake


@case
def byte_by_byte(proxy):
    with client(proxy) as s:
        for byte in GREETING:
            s.sendall(bytes([byte]))
            time.sleep(0.005)
        assert exactly(s, 2) == b"\5\0"
        for byte in request(GOOD6):
            s.sendall(bytes([byte]))
            time.sleep(0.005)
        assert reply(s)[0] == SUCCEEDED and exactly(s, 1) == b"6"


@case
def all_in_one_segment(proxy):
    with client(proxy) as s:
        s.sendall(GREETING + request(GOOD6) + b"data")
        assert exactly(s, 2) == b"\5\0" and reply(s)[0] == SUCCEEDED
        assert exactly(s, 5) == b"6data"


@case
def no_methods(proxy):
    with client(proxy) as s:
        s.sendall(b"\5\0")
        assert exactly(s, 2) in (NONE, b"") and ended(s)


@case
def no_common_method(proxy):
    with client(proxy) as s:
        s.sendall(b"\5\1\x80")
        assert exactly(s, 2) == NONE and ended(s)


@case
def all_methods(proxy):
    with client(proxy) as s:
        s.sendall(b"\5\xff" + bytes(range(255)))
        assert exactly(s, 2) == b"\5\0"
        s.sendall(request(GOOD6))
        assert reply(s)[0] == SUCCEEDED


@case
def unknown_command(proxy):
    with client(proxy) as s:
        greeted(s)
        s.sendall(request(GOOD6, command=9))
        assert reply(s)[0] == COMMAND and ended(s)


@case
def unknown_address_type(proxy):
    with client(proxy) as s:
        greeted(s)
        s.sendall(bytes([VERSION, CONNECT, 0, 2, 1, 2, 3, 4, 0, 80]))
        assert reply(s)[0] == ATYP and ended(s)


@case
def bind_is_answered(proxy):
    with client(proxy) as s:
        greeted(s)
        s.sendall(request(GOOD4, command=BIND))
        assert reply(s)[0] in (SUCCEEDED, COMMAND)


@case
def bound_address(proxy):
    """BND.ADDR is where the connection begins."""
    target = Target(proxy.lab)
    with target.listener, client(proxy) as s:
        greeted(s)
        s.sendall(request(GOOD6, target.port))
        code, bound = reply(s)
        with target.listener.accept()[0] as b:
            assert code == SUCCEEDED and bound == b.getpeername()[:2]


@case
def silent_client(proxy):
    with client(proxy) as s:
        s.settimeout(SILENT_MAX)
        assert ended(s)


# the codes of replies


@case
def refused4(proxy):
    assert answer(proxy, REFUSES4) == REFUSED


@case
def refused6(proxy):
    assert answer(proxy, REFUSES6) == REFUSED


@case
def no_route(proxy):
    assert answer(proxy, NOWHERE4) == NETWORK


@case
def refused_with_early_data(proxy):
    """More than the server has read of it: the reply is not lost."""
    with client(proxy) as s:
        greeted(s)
        s.sendall(request(REFUSES4) + bytes(20000))
        assert reply(s)[0] == REFUSED


# what must not be reached


@contextlib.contextmanager
def local_port(proxy):
    """A service on every address of the server's own host."""
    with proxy.lab.ns.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
        s.bind(("::", 0))
        s.listen()
        yield s.getsockname()[1]


def kept_out(proxy, host):
    with local_port(proxy) as port:
        assert answer(proxy, host, port) not in (SUCCEEDED, None)


@case
def name_with_nul(proxy):
    kept_out(proxy, "localhost\0.example")


@case
def any_address4(proxy):
    kept_out(proxy, "0.0.0.0")


@case
def any_address6(proxy):
    kept_out(proxy, "::")


@case
def mapped_loopback(proxy):
    kept_out(proxy, "::ffff:127.0.0.1")


@case
def itself(proxy):
    with client(proxy) as s:
        greeted(s)
        s.sendall(request("127.0.0.1", proxy.port))
        assert reply(s)[0] not in (SUCCEEDED, None)


# the data


@case
def client_ends_first(proxy):
    with pair(proxy) as (a, b):
        a.sendall(b"question")
        a.shutdown(socket.SHUT_WR)
        assert all_of(b) == 8
        b.sendall(bytes(1 << 20))
        b.shutdown(socket.SHUT_WR)
        assert all_of(a) == 1 << 20


@case
def target_ends_first(proxy):
    with pair(proxy) as (a, b):
        b.sendall(b"hello")
        b.shutdown(socket.SHUT_WR)
        assert all_of(a) == 5
        time.sleep(0.05)
        a.sendall(bytes(1 << 20))
        a.shutdown(socket.SHUT_WR)
        assert all_of(b) == 1 << 20


def reset_crosses(a, b):
    a.sendall(b"half")
    assert exactly(b, 4) == b"half"
    reset(a)
    with contextlib.suppress(ConnectionResetError):
        assert b.recv(1) != b"", "an end, not a reset"


@case
def reset_by_client(proxy):
    with pair(proxy) as (a, b):
        reset_crosses(a, b)


@case
def reset_by_target(proxy):
    with pair(proxy) as (a, b):
        reset_crosses(b, a)


# UDP


class Echo:
    """A UDP service at the far end: sends back what comes."""

    def __init__(self, lab, host=GOOD4):
        self.host = host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = lab.far.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.settimeout(WAIT)
        self.port = self.socket.getsockname()[1]

    def turn(self):
        data, client = self.socket.recvfrom(65536)
        self.socket.sendto(data, client)
        return data

    def nothing(self):
        """Whether nothing comes."""
        self.socket.settimeout(QUIET)
        try:
            self.socket.recvfrom(65536)
        except socket.timeout:
            return True
        finally:
            self.socket.settimeout(WAIT)
        return False


class Association:
    """UDP ASSOCIATE: its TCP connection, relay's address, client's socket."""

    def __init__(self, proxy, control):
        greeted(control)
        control.sendall(request("0.0.0.0", 0, UDP))
        code, self.relay = reply(control)
        assert code == SUCCEEDED
        self.proxy = proxy
        self.udp = self.another("127.0.0.1")

    def another(self, host):
        udp = self.proxy.lab.ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((host, 0))
        udp.settimeout(WAIT)
        return udp

    @staticmethod
    def datagram(echo, data, frag=0):
        return bytes([0, 0, frag]) + address(echo.host) + \
            struct.pack(">H", echo.port) + data

    def send(self, echo, data, frag=0, udp=None):
        (udp or self.udp).sendto(self.datagram(echo, data, frag), self.relay)

    def round_trip(self, echo, data):
        self.send(echo, data)
        assert echo.turn() == data
        got, source = self.udp.recvfrom(65536)
        assert source == self.relay and got == self.datagram(echo, data)


@contextlib.contextmanager
def association(proxy, host=GOOD4):
    echo = Echo(proxy.lab, host)
    with client(proxy) as control, echo.socket:
        a = Association(proxy, control)
        with a.udp:
            yield a, echo


@case
def udp_round_trip(proxy):
    with association(proxy) as (a, echo):
        assert a.relay[0] == "127.0.0.1", "the relay's port is not local"
        a.round_trip(echo, b"data")
        a.round_trip(echo, b"")


@case
def udp_4000_bytes(proxy):
    with association(proxy) as (a, echo):
        a.round_trip(echo, bytes(4000))


@case
def udp_60000_bytes(proxy):
    with association(proxy) as (a, echo):
        a.round_trip(echo, bytes(60000))


@case
def udp_fragment(proxy):
    with association(proxy) as (a, echo):
        a.send(echo, b"fragment", frag=1)
        assert echo.nothing()
        a.round_trip(echo, b"whole")


@case
def udp_from_elsewhere(proxy):
    """From another address than the TCP connection's (RFC 1928, 7)."""
    with association(proxy) as (a, echo), a.another("127.0.0.2") as udp:
        a.send(echo, b"from elsewhere", udp=udp)
        assert echo.nothing()
        a.round_trip(echo, b"from here")


@case
def udp_second_port(proxy):
    with association(proxy) as (a, echo), a.another("127.0.0.1") as udp:
        a.round_trip(echo, b"first")
        a.send(echo, b"second", udp=udp)
        assert echo.nothing()
        a.round_trip(echo, b"first again")


@case
def udp_malformed_then_good(proxy):
    with association(proxy) as (a, echo):
        for bad in (b"", b"\0", b"\0\0\0", b"\0\0\0\1\x7f", b"\0\0\0\x09abc",
                    b"\0\0\0\3\xffshort"):
            a.udp.sendto(bad, a.relay)
        a.round_trip(echo, b"good")


@case
def udp_refused_then_good(proxy):
    """A port that nobody listens on is no end of the association."""
    with association(proxy) as (a, echo):
        closed = Echo(proxy.lab)
        closed.socket.close()
        for _ in range(3):
            a.send(closed, b"nobody")
            time.sleep(0.02)
        a.round_trip(echo, b"somebody")


@case
def udp_from_a_stranger(proxy):
    """Only who was written to may answer."""
    with association(proxy) as (a, echo):
        a.send(echo, b"who am I")
        _, outside = echo.socket.recvfrom(100)
        stranger = proxy.lab.far.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with stranger:
            stranger.bind((GOOD4, 0))
            stranger.sendto(b"strange", outside)
        echo.socket.sendto(b"you", outside)
        assert a.udp.recv(100) == a.datagram(echo, b"you")


@case
def udp_ends_with_tcp(proxy):
    echo = Echo(proxy.lab)
    with client(proxy) as control, echo.socket:
        a = Association(proxy, control)
        with a.udp:
            a.round_trip(echo, b"alive")
            control.close()
            time.sleep(QUIET)
            with contextlib.suppress(ConnectionRefusedError):
                a.send(echo, b"dead")
            assert echo.nothing()
