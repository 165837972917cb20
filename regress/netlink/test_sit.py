"""What only the kernel's own sit can show."""

import pytest

import gw
from box import REPAIR, SECTION, link, stands

pytestmark = pytest.mark.vm

PAIR = "type sit local %s remote %s ttl 64" % (gw.CLIENT4, gw.BROKER4)


def test_holder_of_the_addresses_is_named(box):
    box.ns.ip("link add theirs " + PAIR)
    d = box.start("active")
    word, fields = d.state()
    assert word == "error"
    for text in ("theirs (ifindex %d)" % link(box, "theirs")["ifindex"],
                 gw.CLIENT4, gw.BROKER4, "delete it"):
        assert text in fields["reason"]
    assert link(box) is None
    start = len(d.lines)
    box.ns.ip("link del theirs")
    d.wait_state("ready", start=start)
    assert stands(box)


def test_holder_found_when_the_wan_changes(box):
    d = box.start("active")
    box.ns.ip("addr add 192.0.2.50/24 dev wan")
    box.ns.ip("link add theirs type sit local 192.0.2.50 remote %s" %
              gw.BROKER4)
    start = len(d.lines)
    box.ns.ip("route replace default via %s src 192.0.2.50" % gw.ROUTER4)
    d.wait_state("error", start=start)
    assert "theirs" in d.state()[1]["reason"]
    box.ns.ip("link del theirs")
    d.wait_state("ready", start=start)
    assert stands(box)


def test_sit0_is_never_touched(box):
    box.ns.run("modprobe", "sit", check=False)
    before = link(box, "sit0")
    d = box.start("active")
    d.tell("want he absent")
    d.send("shutdown remove")
    d.process.wait(timeout=30)
    assert link(box, "sit0") == before
    if before is not None:
        d = box.linkd()
        d.tell("conf %s" % box.conf({"he": dict(SECTION, iface="sit0")}))
        d.tell("want he active")
        assert d.state()[0] == "error"
        assert "sit0 is not ours" in d.state()[1]["reason"]
        d.tell("want he absent")
        assert link(box, "sit0") == before


@pytest.mark.parametrize("change,text", [
    ("remote 203.0.113.5 local 192.0.2.2 ttl 255", "remote address was"),
    ("remote 198.51.100.1 local any ttl 255", "local address was"),
    ("remote 198.51.100.1 local 192.0.2.2 ttl 64", "ttl was 64"),
    ("remote 198.51.100.1 local 192.0.2.2 ttl 255 dev wan", "device was"),
])
def test_changed_by_somebody(box, change, text):
    d = box.start("active")
    index = link(box)["ifindex"]
    box.ns.ip("link set he0 type sit " + change)
    gw.wait_for(lambda: d.logged(text), REPAIR, "the repair", 0.001)
    gw.wait_for(lambda: stands(box), 0.3 * gw.SLOW, "the repair")
    data = link(box)["linkinfo"]["info_data"]
    assert (data["local"], data["remote"], data["ttl"]) == (
        gw.CLIENT4, gw.BROKER4, 255)
    assert link(box)["ifindex"] == index and "link" not in data


def test_change_of_the_driver(box):
    """Kernel, userspace, and back; auto keeps what it finds."""
    d = box.start("active")
    for driver, kind in [("userspace", "tun"), ("auto", "tun"),
                         ("kernel", "sit"), ("auto", "sit")]:
        d.tell("conf %s" % box.conf({"he": dict(SECTION, driver=driver)}))
        assert link(box)["linkinfo"]["info_kind"] == kind, driver
        assert stands(box) and d.state()[0] == "ready"
    assert d.lines.count("encap_del he") == 1


def test_no_link_local_address(box):
    """It would be made of the IPv4 address, and outlive that."""
    box.start("active")
    assert "fe80" not in box.ns.ip("-6 addr show dev he0")


def test_endpoint_behind_a_foreign_sit(box):
    box.ns.ip("link add other type sit local %s remote 203.0.113.1" %
              gw.CLIENT4)
    box.ns.ip("link set other up")
    box.ns.ip("route add %s dev other" % gw.BROKER4)
    d = box.start("present")
    assert d.state()[0] == "error"
    assert "6in4 interface other" in d.state()[1]["reason"]
