"""What strangers and brokers may send without moving the default: forged,
replayed and misdirected answers, and floods of ICMP.  regress/net/test_prober
and test_refusal have each kind of forgery by itself."""

import random
import socket
import struct
import time

import pytest

import gw
import rtmon
from broker import checksum

BLACK_HOLE = 0.9 + 0.05 * (gw.SLOW - 1)
ECHO_REQUEST, ECHO_REPLY, UNREACHABLE6 = 128, 129, 1
HEADER6 = 40


@pytest.fixture(scope="module")
def lab(ways):
    return ways


def echoes(capture, kind):
    return [p.data for p in capture.read() if p.data[6] == 58 and
            p.data[HEADER6] == kind]


def checked(packet):
    """The IPv6 packet with the checksum of its ICMPv6."""
    body = packet[HEADER6:HEADER6 + 2] + bytes(2) + packet[HEADER6 + 4:]
    total = checksum(packet[8:40] + struct.pack("!II", len(body), 58) + body)
    return packet[:HEADER6] + body[:2] + struct.pack("!H", total) + body[4:]


def packed(address):
    return socket.inet_pton(socket.AF_INET6, address)


def answer(request):
    """What the target would say to it."""
    return checked(request[:8] + request[24:40] + request[8:24] +
                   bytes([ECHO_REPLY]) + request[HEADER6 + 1:])


def flipped(packet, byte):
    return checked(packet[:byte] + bytes([packet[byte] ^ 1]) +
                   packet[byte + 1:])


def forgeries(lab, seen, strange):
    """From answers of a's and of b's: replayed, with wrong hash, from another
    source, and b's to a."""
    out = list(seen)
    out += [flipped(p, len(p) - 1) for p in seen]
    out += [checked(p[:8] + packed(lab.b.gateway) + p[24:]) for p in seen]
    out += [checked(p[:24] + packed(lab.a.address) + p[40:])
            for p in strange]
    return out


@pytest.mark.host
@pytest.mark.both
def test_forged_answers_keep_nothing_alive(daemon, lab):
    """The way is dead, whatever a stranger says who saw its answers."""
    daemon.up()
    with rtmon.Capture(lab.client, "a0") as one, \
            rtmon.Capture(lab.client, "b0") as other:
        time.sleep(3)
        packets = forgeries(lab, echoes(one, ECHO_REPLY),
                            echoes(other, ECHO_REPLY))
    assert len(packets) > 12
    mark = daemon.log_mark()
    chance = random.Random(1)
    with rtmon.Monitor(lab.client) as monitor:
        with gw.meanwhile(lambda: lab.a.forge(chance.choice(packets)), 0.005):
            time.sleep(1)
            start = time.monotonic()
            assert monitor.defaults(0) == []
            lab.a.broker.drop()
            when = monitor.wait_default("b0", start, 3)
            time.sleep(2)
        assert when - start <= BLACK_HOLE
        assert [name for _, name in monitor.defaults(start)] == ["b0"]
    daemon.wait_log("not believed", mark)
    log = daemon.log()
    for words in ("wrong hash", "wrong source", "of another tunnel",
                  "that came before"):
        assert words in log, words


def test_broker_that_answers_for_another(daemon, lab):
    """Right answers to a's probes, but by way of b: a is dead all the same,
    and after that b is the active one and nothing moves."""
    daemon.up()
    with rtmon.Capture(lab.a.ns, "wan", rtmon.ETH_P_IP) as wire, \
            rtmon.Monitor(lab.client) as monitor:
        done = set()

        def answer_by_b():
            for packet in wire.read():
                inner = packet.data[20:]
                if packet.data[9] == 41 and inner[HEADER6] == ECHO_REQUEST \
                        and packet.time not in done:
                    done.add(packet.time)
                    lab.b.forge(answer(inner))

        with gw.meanwhile(answer_by_b, 0.002):
            time.sleep(1)
            start = time.monotonic()
            assert monitor.defaults(0) == []
            lab.a.broker.drop()
            when = monitor.wait_default("b0", start, 3)
            time.sleep(1.5)
        assert when - start <= BLACK_HOLE and len(done) > 5
        assert [name for _, name in monitor.defaults(start)] == ["b0"]


def error6(lab):
    """ICMPv6: no route to a target, it says, about something we sent."""
    quoted = gw.ipv6_header(lab.a.address, gw.INTERNET6[0], struct.pack(
        "!BBHHH", ECHO_REQUEST, 0, 0, 1, 1) + bytes(32))
    return checked(gw.ipv6_header(lab.a.gateway, lab.a.address, struct.pack(
        "!BBHI", UNREACHABLE6, 0, 0, 0) + quoted))


def reply6(lab):
    return checked(gw.ipv6_header(gw.INTERNET6[0], lab.a.address, struct.pack(
        "!BBHHH", ECHO_REPLY, 0, 0, 7, 7) + bytes(32)))


def error4(lab):
    """ICMPv4: a's tunnel server refuses protocol 41, says a stranger."""
    outer = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 100, 0, 0, 64, 41, 0,
                        socket.inet_aton(gw.CLIENT4),
                        socket.inet_aton(lab.a.endpoint))
    body = struct.pack("!BBHI", 3, 2, 0, 0) + outer + reply6(lab)
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


def test_floods_move_nothing(daemon, lab):
    """Some thousand ICMP messages a second, of both versions."""
    daemon.up()
    inner = [error6(lab), reply6(lab)]
    outer = error4(lab)
    sent = 0
    with lab.a.ns.socket(socket.AF_INET, socket.SOCK_RAW, 41) as six, \
            lab.router.socket(socket.AF_INET, socket.SOCK_RAW,
                              socket.IPPROTO_ICMP) as four:
        six.bind((lab.a.endpoint, 0))

        def burst():
            nonlocal sent
            for _ in range(10):
                for packet in inner:
                    six.sendto(packet, (gw.CLIENT4, 0))
                four.sendto(outer, (gw.CLIENT4, 0))
                sent += 3

        with lab.watch() as watch, gw.meanwhile(burst, 0.005):
            time.sleep(4)
            watch.stop()
            assert watch.monitor.defaults(0) == []
            assert watch.flow["error"] is None and watch.flow["wrong"] == 0
            assert not [c for c in watch.connections if c[2]]
    assert sent > 4000 / gw.SLOW
    assert lab.ours() == ["a0"] and daemon.state("a") == "up"
    daemon.wait_log("not believed")
    for words in ("ICMPv4 errors that prove nothing", "answers to no probe"):
        assert words in daemon.log(), words
    # counted and gathered, not a line for each
    assert daemon.log().count("not believed") < 10
