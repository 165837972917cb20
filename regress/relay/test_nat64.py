"""An IPv4 address where IPv4 has no route: by a translator, if the network
has one (RFC 7050, RFC 6052)."""

import ipaddress

import pytest

from relaylab import GOOD4, exactly

SUCCEEDED, DENIED, NETWORK = 0, 2, 3
FAR4 = "198.51.100.80"          # the lab has no route to it
PREFIXES = ["64:ff9b::/96", "2001:db8:6::/96", "2001:db8::/32",
            "2001:db8:6400::/40", "2001:db8:64::/48",
            "2001:db8:64:100::/56", "2001:db8:64:64::/64"]


def embed(prefix, v4):
    """RFC 6052, section 2.2: around the octet of bits 64 to 71."""
    net = ipaddress.ip_network(prefix)
    out = bytearray(net.network_address.packed)
    at = net.prefixlen // 8
    for byte in ipaddress.ip_address(v4).packed:
        at += at == 8
        out[at] = byte
        at += 1
    return str(ipaddress.ip_address(bytes(out)))


@pytest.fixture
def translated(lab, relay):
    """translated(prefix): the far side answers for FAR4 behind it."""
    added = []

    def add(prefix):
        added.append("%s/128 dev wan" % embed(prefix, FAR4))
        lab.far.batch("addr add %s nodad" % added[-1])
        relay.host("ipv4only.arpa.", [embed(prefix, "192.0.0.170"),
                                      embed(prefix, "192.0.0.171")])
    yield add
    for address in added:
        lab.far.batch("addr del " + address)


def outcome(relay, host, port=80):
    s, code, _ = relay.connect(host, port)
    with s:
        return code, exactly(s, 1) if code == SUCCEEDED else b""


@pytest.mark.parametrize("prefix", PREFIXES)
def test_by_a_translator(relay, translated, prefix):
    translated(prefix)
    assert outcome(relay, FAR4) == (SUCCEEDED, b"6")
    assert outcome(relay, GOOD4) == (SUCCEEDED, b"4")     # it has a route


def test_no_translator(relay):
    assert outcome(relay, FAR4) == (NETWORK, b"")
    relay.host("ipv4only.arpa.", ["2001:db8::1"])
    assert outcome(relay, FAR4) == (NETWORK, b"")


def test_only_when_there_is_a_reason(relay, translated):
    """With a route nobody asks: the question would never be answered."""
    relay.host("ipv4only.arpa.", six_ms=-1)
    assert outcome(relay, GOOD4) == (SUCCEEDED, b"4")
    relay.tell("family ipv4")
    assert outcome(relay, FAR4) == (NETWORK, b"")


def test_nothing_private_by_a_translator(relay, translated):
    translated(PREFIXES[-1])
    for address in "10.0.0.1", "192.168.1.1", "127.0.0.1":
        assert outcome(relay, address)[0] == DENIED, address
    # once the prefix is known, whoever writes the address
    assert outcome(relay, FAR4)[0] == SUCCEEDED
    relay.host("a.example", [embed(PREFIXES[-1], "10.0.0.1")])
    for address in embed(PREFIXES[-1], "10.0.0.1"), "a.example":
        assert outcome(relay, address)[0] == DENIED


def test_deny_is_not_got_around(relay, translated):
    translated(PREFIXES[0])
    relay.tell("deny 198.51.100.0/24")
    for address in FAR4, embed(PREFIXES[0], FAR4):
        assert outcome(relay, address)[0] == DENIED, address
