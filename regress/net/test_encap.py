"""The userspace 6in4 data plane by itself, against a far end that shares no
code with it (broker.py, or the kernel's sit where there is one)."""

import contextlib
import hashlib
import os
import random
import socket
import struct
import threading
import time

import pytest

import encaplab
import gw
from encaplab import ROUTED, TUNNEL, Capture, FarEnd, Tunnel
from gw import BROKER4, BROKER6, CLIENT4, CLIENT6, INTERNET6

ETH_P_IP, ETH_P_IPV6 = 0x0800, 0x86DD
MEGABYTES = 50


@pytest.fixture
def empty(lab):
    """A process without tunnels."""
    lab.reset()
    tunnel = Tunnel(lab)
    yield tunnel
    tunnel.encap.close()
    lab.client.ip("link del he0", check=False)
    lab.client.ip("route flush cache")


@pytest.fixture
def tunnel(empty):
    empty.up()
    assert empty.ping(count=2)
    return empty


def echo(source=INTERNET6[0], destination=CLIENT6, ident=1, tclass=0):
    """An ICMPv6 echo request."""
    body = struct.pack("!BBHHH", 128, 0, 0, ident, 1) + b"encap"
    pseudo = socket.inet_pton(socket.AF_INET6, source) + \
        socket.inet_pton(socket.AF_INET6, destination) + \
        struct.pack("!II", len(body), 58)
    total = sum(struct.unpack("!%dH" % ((len(pseudo + body) + 1) // 2),
                              (pseudo + body + b"\0")[:len(pseudo + body) +
                                                     len(body) % 2]))
    total = (total >> 16) + (total & 0xFFFF)
    total = ~(total + (total >> 16)) & 0xFFFF
    body = body[:2] + struct.pack("!H", total) + body[4:]
    packet = gw.ipv6_header(source, destination, body)
    return struct.pack("!I", 6 << 28 | tclass << 20) + packet[4:]


def is_echo(packet, ident, kind=128):
    return packet[6] == 58 and packet[40] == kind and \
        packet[44:46] == struct.pack("!H", ident)


def delivered(tunnel, send):
    """The packets that come out of he0 after send(far), by bytes."""
    with FarEnd(tunnel.lab) as far, \
            Capture(tunnel.ns, "he0", ETH_P_IPV6) as capture:
        send(far)
        far.send(echo(ident=0xEEEE))
        packets = capture.until(
            lambda packet, out: not out and is_echo(packet, 0xEEEE))
        return [packet for packet, out in packets[:-1] if not out]


def icmp_error(tunnel, code, mtu=0):
    """ICMPv4 unreachable about one of our datagrams."""
    quoted = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 1500, 0, 0x4000, 200, 41,
                         0, socket.inet_aton(CLIENT4),
                         socket.inet_aton(BROKER4)) + bytes(8)
    body = struct.pack("!BBHHH", 3, code, 0, 0, mtu) + quoted
    total = sum(struct.unpack("!%dH" % (len(body) // 2), body))
    total = (total >> 16) + (total & 0xFFFF)
    body = body[:2] + struct.pack("!H", ~total & 0xFFFF) + body[4:]
    with FarEnd(tunnel.lab) as far:
        far.send(body, protocol=1)


def frag_needed(tunnel, mtu):
    """A router on the way says that the IPv4 path takes mtu bytes."""
    icmp_error(tunnel, 4, mtu)
    gw.wait_for(lambda: "path MTU to %s is %d" % (BROKER4, mtu) in
                tunnel.encap.logged(), 5 * gw.SLOW, "the path MTU")


def test_outer_header(tunnel):
    """TTL as set, DF, DSCP 0, ECN copied (RFC 6040, normal mode)."""
    with Capture(tunnel.lab.broker_ns, "wan", ETH_P_IP) as capture:
        for ecn in range(4):
            assert tunnel.ping(INTERNET6[0], "-Q", 0xB8 | ecn)
            outer = capture.until(
                lambda packet, out: not out and packet[9] == 41)[-1][0]
            assert outer[1] == ecn
            assert outer[8] == 255
            assert outer[6] & 0x40
            assert outer[20 + 7] == 64      # the inner hop limit stays
    tunnel.set(ttl=17)
    with Capture(tunnel.lab.broker_ns, "wan", ETH_P_IP) as capture:
        assert tunnel.ping()
        assert capture.until(lambda packet, out: packet[9] == 41)[-1][0][8] \
            == 17


def test_ecn_at_the_end_of_the_tunnel(tunnel):
    """Every pair of RFC 6040, figure 4; CE for Not-ECT is dropped."""
    figure = [[0, 0, 0, None], [1, 1, 1, 3], [2, 1, 2, 3], [3, 3, 3, 3]]

    def send(far):
        for inner in range(4):
            for outer in range(4):
                far.send(echo(ident=inner * 4 + outer, tclass=0xB8 | inner),
                         tos=0x28 | outer)

    got = {packet[45]: (packet[0] << 4 | packet[1] >> 4) & 0xFF
           for packet in delivered(tunnel, send)}
    want = {inner * 4 + outer: 0xB8 | figure[inner][outer]
            for inner in range(4) for outer in range(4)
            if figure[inner][outer] is not None}
    assert got == want
    assert tunnel.totals()["ecn"] == 1


SPOOFED = [
    ("source", CLIENT6, CLIENT6),
    ("source", CLIENT6, ROUTED + "1"),
    ("source", ROUTED + "1", CLIENT6),
    ("link_local", "::", CLIENT6),
    ("source", "::1", CLIENT6),
    ("source", "::192.0.2.1", CLIENT6),
    ("source", "::ffff:192.0.2.1", CLIENT6),
    ("link_local", "fe80::1", CLIENT6),
    ("source", "ff02::1", CLIENT6),
    ("destination", INTERNET6[0], INTERNET6[1]),
    ("destination", INTERNET6[0], "2001:db8:1234:5679::2"),
    ("destination", INTERNET6[0], "ff02::1"),
    ("destination", INTERNET6[0], "fe80::1"),
    ("destination", INTERNET6[0], "::1"),
]


def test_spoofed(tunnel):
    """RFC 4213, sections 3.6 and 5, and what is ours."""
    def send(far):
        for _, source, destination in SPOOFED:
            far.send(echo(source, destination))
        # an outer source that is not the endpoint's never gets in
        far.send(echo(), source="198.51.100.2")

    assert delivered(tunnel, send) == []
    totals = tunnel.totals()
    for word in "source", "destination":
        assert totals[word] == sum(case[0] == word for case in SPOOFED)
    # the far kernel and ours send some of these themselves
    assert totals["link_local"] >= 2


def test_what_passes(tunnel):
    """The gateway, the routed prefix, bytes behind the packet's end."""
    packets = [echo(BROKER6, CLIENT6, ident=1),
               echo(INTERNET6[0], ROUTED + "77", ident=2)]

    def send(far):
        far.send(packets[0])
        far.send(packets[1] + b"behind its end")

    assert delivered(tunnel, send) == packets


def test_foreign_source_does_not_leave(tunnel):
    """A host behind us with an address that is not ours."""
    tunnel.ns.ip("addr add 2001:db8:bad::1/128 dev lo nodad")
    try:
        assert not tunnel.ping(INTERNET6[0], "-I", "2001:db8:bad::1")
        assert tunnel.totals()["source"] >= 1
    finally:
        tunnel.ns.ip("addr del 2001:db8:bad::1/128 dev lo")


def test_malformed(tunnel):
    """Every length of a good packet, and headers that lie."""
    good = echo()

    def send(far):
        for n in range(len(good)):
            far.send(good[:n])
        far.send(b"\x45" + good[1:])
        far.send(good[:4] + b"\xff\xff" + good[6:])
        far.send(good[:4] + b"\0\0\0" + good[7:])

    assert delivered(tunnel, send) == []
    assert tunnel.totals()["malformed"] == len(good) + 3


def route_mtu(tunnel):
    words = tunnel.ns.ip("-6 route get %s" % INTERNET6[0]).split()
    return int(words[words.index("mtu") + 1]) if "mtu" in words else None


def test_packet_too_big(tunnel):
    """A smaller path becomes the inner sender's route MTU."""
    assert tunnel.ping(INTERNET6[0], "-M", "do", "-s", 1400)
    frag_needed(tunnel, 1400)
    out = tunnel.ns.run("ping", "-6", "-n", "-c", 2, "-i", "0.2", "-W", 2,
                        "-M", "do", "-s", 1400, INTERNET6[0],
                        check=False).stdout
    assert "mtu=1380" in out.replace(" ", "")
    assert route_mtu(tunnel) == 1380
    assert tunnel.ping(INTERNET6[0], "-M", "do", "-s", 1380 - 48)
    totals = tunnel.totals()
    assert totals["too_big"] >= 1 and totals["too_big_sent"] >= 1
    assert totals["icmp_errors"] == 1


def test_packet_too_big_from_our_own_wan(tunnel):
    """No ICMP at all: the WAN's MTU went down, sending says EMSGSIZE."""
    tunnel.ns.ip("link set wan mtu 1440")
    assert not tunnel.ping(INTERNET6[0], "-M", "do", "-s", 1400)
    assert route_mtu(tunnel) == 1420
    assert tunnel.ping(INTERNET6[0], "-M", "do", "-s", 1420 - 48)
    assert "path MTU to %s is 1440" % BROKER4 in tunnel.encap.logged()


def test_no_answer_to_errors(tunnel):
    """Never a Packet Too Big about an ICMPv6 error (RFC 4443, 2.4)."""
    frag_needed(tunnel, 1400)
    sock = tunnel.ns.socket(socket.AF_INET6, socket.SOCK_RAW,
                            socket.IPPROTO_ICMPV6)
    with contextlib.closing(sock):
        sock.setsockopt(socket.IPPROTO_IPV6, 23, 3)     # IPV6_MTU_DISCOVER
        sock.sendto(struct.pack("!BBHI", 1, 0, 0, 0) + bytes(1400),
                    (INTERNET6[0], 0))
    assert tunnel.ping()
    totals = tunnel.totals()
    assert totals["too_big"] == 1 and totals["too_big_sent"] == 0


def test_too_big_is_rate_limited(tunnel):
    frag_needed(tunnel, 1400)
    sock = tunnel.ns.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with contextlib.closing(sock):
        sock.setsockopt(socket.IPPROTO_IPV6, 23, 3)     # PROBE: DF, no cache
        for _ in range(400):
            with contextlib.suppress(OSError):
                sock.sendto(bytes(1400), (INTERNET6[0], 9))
    assert tunnel.ping()
    totals = tunnel.totals()
    assert totals["too_big"] == 400
    assert 1 <= totals["too_big_sent"] <= 60 + 50 * gw.SLOW


def test_path_below_1300(tunnel):
    """RFC 4213, 3.2.2: 1280 bytes pass in fragments, more is too big."""
    frag_needed(tunnel, 1200)
    with Capture(tunnel.lab.broker_ns, "wan", ETH_P_IP) as capture:
        assert tunnel.ping(INTERNET6[0], "-M", "do", "-s", 1280 - 48)
        first = capture.until(
            lambda packet, out: not out and packet[9] == 41)[-1][0]
        assert not first[6] & 0x40 and first[6] & 0x20
        assert len(first) <= 1200
    out = tunnel.ns.run("ping", "-6", "-n", "-c", 2, "-i", "0.2", "-W", 2,
                        "-M", "do", "-s", 1280 - 47, INTERNET6[0],
                        check=False).stdout
    assert "mtu=1280" in out.replace(" ", "")


def transfer(lab, megabytes, up):
    """Sends random bytes over TCP; nothing if the digests are equal."""
    data = random.Random(megabytes).randbytes(1 << 20)
    address = (gw.WEB6, 5001)
    digests = []

    def write(sock):
        for _ in range(megabytes):
            sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)

    def read(sock):
        digest = hashlib.sha256()
        while chunk := sock.recv(1 << 18):
            digest.update(chunk)
        digests.append(digest.hexdigest())

    def serve():
        with server.accept()[0] as sock:
            (read if up else write)(sock)

    server = lab.internet.socket(socket.AF_INET6, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(address)
    server.listen()
    thread = threading.Thread(target=serve)
    thread.start()
    client = lab.client.socket(socket.AF_INET6, socket.SOCK_STREAM)
    with contextlib.closing(server), contextlib.closing(client):
        client.settimeout(50 * gw.SLOW)
        client.connect(address)
        (write if up else read)(client)
        thread.join()
    digest = hashlib.sha256()
    for _ in range(megabytes):
        digest.update(data)
    assert digests == [digest.hexdigest()]


@pytest.mark.slow
@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
@pytest.mark.parametrize("offloads", [
    0, encaplab.CSUM, encaplab.CSUM | encaplab.TSO6 | encaplab.TSO_ECN,
    encaplab.CSUM | encaplab.TSO6 | encaplab.TSO_ECN | encaplab.USO],
    ids=["none", "csum", "tso", "all"])
def test_stream(empty, offloads, up):
    """The same bytes arrive with and without segmentation offload."""
    empty.up(offloads=offloads)
    transfer(empty.lab, MEGABYTES if gw.SLOW < 2 else 5, up)
    totals = empty.totals()
    for word in "malformed", "aggregate", "unsent", "source", "destination":
        assert word not in totals, totals


def test_udp_segmentation_offload(tunnel):
    """Datagrams sent as one with UDP_SEGMENT keep their boundaries."""
    server = tunnel.lab.internet.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    client = tunnel.ns.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with contextlib.closing(server), contextlib.closing(client):
        server.bind((gw.WEB6, 5002))
        server.settimeout(5 * gw.SLOW)
        client.setsockopt(socket.IPPROTO_UDP, 103, 1000)    # UDP_SEGMENT
        sent = os.urandom(10 * 1000 + 7)
        client.sendto(sent, (gw.WEB6, 5002))
        got = [server.recv(2000) for _ in range(11)]
        assert [len(part) for part in got] == 10 * [1000] + [7]
        assert b"".join(got) == sent
        # and back, coalesced on the way in
        client.setsockopt(socket.IPPROTO_UDP, 103, 0)
        for part in got:
            server.sendto(part, (CLIENT6, client.getsockname()[1]))
        client.settimeout(5 * gw.SLOW)
        assert [client.recv(2000) for _ in got] == got


def test_interface_deleted_and_replaced(tunnel):
    tunnel.ns.ip("link del he0")
    gw.wait_for(lambda: "is gone" in tunnel.encap.logged(), 5 * gw.SLOW,
                "the loss in the log")
    tunnel.idle()
    with FarEnd(tunnel.lab) as far:
        for _ in range(50):
            far.send(echo())
    tunnel.tun()
    gw.wait_for(tunnel.ping, 5 * gw.SLOW, "an answer by the new interface")
    assert tunnel.totals()["no_device"] == 50


def test_interface_down_and_up(tunnel):
    """The same descriptor works again."""
    tunnel.ns.ip("link set he0 down")
    with FarEnd(tunnel.lab) as far:
        for _ in range(50):
            far.send(echo())
    tunnel.idle()
    assert "is gone" not in tunnel.encap.logged()
    tunnel.ns.ip("link set he0 up")
    tunnel.ns.ip("addr replace %s/64 dev he0 nodad" % CLIENT6)
    tunnel.ns.ip("-6 route replace default dev he0")
    assert tunnel.ping()


def test_persistent_interface_adopted(empty):
    """TUNSETPERSIST: a new process takes the interface over as it is."""
    empty.up(persist=True)
    index = empty.ns.ifindex("he0")
    assert empty.ping()
    empty.encap.close()
    assert empty.ns.ifindex("he0") == index
    empty.encap = encaplab.Encap(empty.ns)
    empty.set()
    empty.encap.tun(TUNNEL, empty.ns, "he0", persist=True)
    empty.raw()
    assert empty.ns.ifindex("he0") == index
    assert empty.ping()


@pytest.mark.slow
def test_new_local_address(tunnel):
    """The WAN got another address: parameters, then a new socket."""
    tunnel.lab.wan_address("192.0.2.3", old=CLIENT4)
    assert not tunnel.ping()        # the old source is gone
    tunnel.idle()
    tunnel.set(local="192.0.2.3")
    tunnel.raw(local="192.0.2.3")
    assert tunnel.ping(count=3)


@pytest.mark.slow
def test_without_raw_socket(empty):
    empty.set()
    empty.tun()
    assert not empty.ping()
    empty.idle()
    empty.raw()
    assert empty.ping()


@pytest.mark.slow
def test_unreachable(tunnel):
    """ICMPv4 errors are counted and never fatal, nor is a lost route."""
    for code in range(16):
        if code != 4:
            icmp_error(tunnel, code)
            assert tunnel.ping()
    tunnel.idle()
    tunnel.ns.ip("route del default")
    assert not tunnel.ping(count=3)
    tunnel.idle()
    tunnel.ns.ip("route replace default via %s" % gw.ROUTER4)
    assert tunnel.ping(count=2)
    totals = tunnel.totals()
    assert totals["icmp_errors"] == 15 and totals["unsent"] >= 1


@pytest.mark.slow
def test_full_send_buffer(empty):
    """A WAN that takes nothing: packets wait or are lost, nothing spins."""
    empty.lab.broker_ns.ip("link set wan arp off")
    try:
        empty.ns.ip("neigh flush dev wan")
        empty.set()
        empty.tun()
        empty.raw(sndbuf=16384)
        sock = empty.ns.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        with contextlib.closing(sock):
            for _ in range(200):
                sock.sendto(bytes(1000), (INTERNET6[0], 9))
        empty.idle()
    finally:
        empty.lab.broker_ns.ip("link set wan arp on")
    gw.wait_for(empty.ping, 10 * gw.SLOW, "a ping")
    assert empty.totals()["queue_full"] >= 1


@pytest.mark.slow
def test_garbage(tunnel):
    """Random bytes in protocol 41, while another tunnel is served."""
    noise = random.Random(41)
    with FarEnd(tunnel.lab) as far:
        for i in range(20000):
            head = echo()[:noise.randrange(48)] if i % 2 else b""
            far.send(head + noise.randbytes(noise.randrange(1400)),
                     tos=noise.randrange(256))
            if i % 4000 == 0:
                assert tunnel.ping()
    assert tunnel.ping(count=2)
    tunnel.idle()
    assert tunnel.totals()["malformed"] > 5000


@pytest.mark.slow
def test_flood_does_not_starve_others(tunnel):
    """A second tunnel of the same process answers during a flood."""
    tunnel.encap.set(8, CLIENT4, gw.ROUTER4, "2001:db8:8::2",
                     ["2001:db8:8::/64"])
    tunnel.encap.tun(8, tunnel.ns, "he8")
    tunnel.encap.raw(8, tunnel.ns, CLIENT4, gw.ROUTER4)
    tunnel.ns.ip("link set he8 up")
    packet = echo(destination="2001:db8:8::2")

    with FarEnd(tunnel.lab) as far:
        with gw.meanwhile(lambda: far.send(packet, source=gw.ROUTER4)):
            time.sleep(0.5)
            assert tunnel.ping(count=5, wait=2)
    assert tunnel.encap.delete(8)["received"] > 1000
    assert tunnel.ping()


def sanitized(tunnel):
    with open("/proc/%d/maps" % tunnel.encap.pid) as maps:
        return "libasan" in maps.read()


@pytest.mark.slow
def test_memory(empty):
    """Idle it has no buffers, and a burst's pages are given back."""
    if sanitized(empty):
        return
    idle = empty.encap.memory()
    assert idle < 500
    empty.up()
    assert empty.ping()
    assert empty.encap.memory() < idle + 100
    transfer(empty.lab, 10, False)
    gw.wait_for(lambda: empty.encap.memory() < idle + 100, 15, "less memory",
                interval=0.5)


def test_messages_for_unknown_tunnels(empty):
    """Harmless: the tunnel may have gone while they were on their way."""
    empty.encap.send("ENCAP_DEL", 99)
    empty.encap.raw(99, empty.ns, CLIENT4, BROKER4)
    empty.encap.tun(99, empty.ns, "he9")
    empty.up()
    assert empty.ping()


@pytest.mark.vm
@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_super_packets_of_the_kernel(tunnel, up):
    """A sit at the far end of a wire that does not cut super-packets nor
    write checksums: the raw socket sees both."""
    lab = tunnel.lab
    wires = [(lab.client, "wan"), (lab.broker_ns, "wan"),
             (lab.broker_ns, "core"), (lab.internet, "core")]

    def offload(state):
        for ns, device in wires:
            ns.run("ethtool", "-K", device, "tx", state, "gso", state)

    offload("on")
    try:
        transfer(lab, 5, up)
    finally:
        offload("off")
    totals = tunnel.totals()
    assert "malformed" not in totals and "aggregate" not in totals, totals
    if not up:
        # 5 MB in packets of the tunnel's size would be 3,700 and more
        assert totals["received"] < 3000
