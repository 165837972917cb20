"""GET /relay, and what /metrics has of the relay, by a made-up one."""

import re

import gw
import prom

NONE = (b'{"sessions":0,"attempts":0,"wins":0,"losses":{"refused":0,'
        b'"unreachable":0,"timeout":0,"race":0,"denied":0},"rx_bytes":0,'
        b'"tx_bytes":0,"connect_ms":{"p50":null,"p95":null}}')
IPV6 = (b'{"sessions":2,"attempts":37,"wins":25,"losses":{"refused":1,'
        b'"unreachable":2,"timeout":3,"race":4,"denied":0},'
        b'"rx_bytes":5000000,"tx_bytes":100000,'
        b'"connect_ms":{"p50":17.5,"p95":24.25}}')
IPV4 = (b'{"sessions":1,"attempts":10,"wins":5,"losses":{"refused":0,'
        b'"unreachable":0,"timeout":0,"race":0,"denied":5},"rx_bytes":4096,'
        b'"tx_bytes":512,"connect_ms":{"p50":3.0,"p95":4.8}}')
# longer than the last bound: no more is known than that
UPSTREAM = (b'{"sessions":0,"attempts":1,"wins":1,"losses":{"refused":0,'
            b'"unreachable":0,"timeout":0,"race":0,"denied":0},"rx_bytes":0,'
            b'"tx_bytes":0,"connect_ms":{"p50":5000.0,"p95":5000.0}}')
SILENT = (b'{"modes":[],"listen":[],"sessions":0,"half_open":0,'
          b'"udp_associations":0,"ipv6_share":null,"families":{"ipv6":' +
          NONE + b',"ipv4":' + NONE + b',"upstream":' + NONE + b'},'
          b'"dns":{"positive":0,"negative":0,"failed":0,"late":0},'
          b'"tunnels":[],"uids":[],"refused":')
SPOKEN = (b'{"modes":["proxy","socks5"],"listen":["127.0.0.1:1080"],'
          b'"sessions":3,"half_open":1,"udp_associations":6,'
          b'"ipv6_share":0.8333,"families":{"ipv6":' + IPV6 + b',"ipv4":' +
          IPV4 + b',"upstream":' + UPSTREAM + b'},"dns":{"positive":40,'
          b'"negative":11,"failed":9,"late":8},"tunnels":[{"name":"he",'
          b'"health":"good","retry_at":null,"ipv6":' + IPV6 + b'},'
          b'{"name":"wg","health":"bad","retry_at":1699564294,"ipv6":' +
          NONE + b'}],"uids":[{"uid":1000,"sessions":3,"half_open":1,'
          b'"udp_associations":6,"wins":{"ipv6":20,"ipv4":4,"upstream":1},'
          b'"rx_bytes":2097152,"tx_bytes":2048,"limited":{"sessions":0,'
          b'"half_open":0,"udp_associations":0,"new":2,"dns":5,"bytes":0}},'
          b'{"uid":null,"sessions":0,"half_open":0,"udp_associations":0,'
          b'"wins":{"ipv6":5,"ipv4":0,"upstream":0},"rx_bytes":0,'
          b'"tx_bytes":0,"limited":{"sessions":0,"half_open":0,'
          b'"udp_associations":0,"new":0,"dns":0,"bytes":0}}],"refused":')
CLASSES = re.findall(r'^REFUSAL\(\w+, "(\w+)"\)',
                     (gw.TREE / "common/refusals.def").read_text(), re.M)


def refused(**counts):
    """Every class, in the order of its table."""
    return ("{%s}}\n" % ",".join('"%s":%d' % (c, counts.get(c, 0))
                                 for c in CLASSES)).encode()


def test_bytes(start):
    server = start()
    with server.client() as c:
        assert c.get("/relay").body == SILENT + refused()
        server.command("relay")
        reply = c.get("/relay")
        assert reply.body == SPOKEN + refused(limit=7, malformed=12)
        assert reply.fields["Content-Type"] == "application/json"
        assert c.get("/relay?uid=1000").status == 400
        assert c.request("POST", "/relay").status == 405


def test_etag_changes_with_the_relay_only(start):
    server = start()
    with server.client() as c:
        silent = c.get("/relay").fields["ETag"]
        server.command("rx 77")
        assert c.get("/relay", "If-None-Match: " + silent).status == 304
        server.command("relay")
        spoken = c.get("/relay", "If-None-Match: " + silent)
        assert spoken.status == 200
        server.command("relay")
        assert c.get("/relay", "If-None-Match: " +
                     spoken.fields["ETag"]).status == 304


def test_reload_forgets_only_what_it_removes(start):
    server = start()
    server.command("relay")
    server.command("drop")
    with server.client() as c:
        document = c.get("/relay").json()
    assert [t["name"] for t in document["tunnels"]] == ["he"]
    assert document["tunnels"][0]["ipv6"]["wins"] == 25


def metrics(server):
    with server.client() as c:
        return c.get("/metrics", "Accept: " + prom.ACCEPT).body.decode()


def test_metrics(start):
    server = start()
    server.command("relay")
    found = prom.samples(metrics(server))

    def value(name, **labels):
        return prom.value(found, "v6gw_relay_" + name, **labels)

    for family, wins, sessions, received in (
            ("ipv6", 25, 2, 5000000), ("ipv4", 5, 1, 4096),
            ("upstream", 1, 0, 0)):
        assert value("connections_total", family=family) == wins
        assert value("connect_duration_seconds_count", family=family) == wins
        assert value("sessions", family=family) == sessions
        assert value("receive_bytes_total", family=family) == received
    assert value("attempts_total", family="ipv6") == 37
    assert value("losses_total", family="ipv6", **{"class": "race"}) == 4
    assert value("losses_total", family="ipv4", **{"class": "denied"}) == 5
    assert value("transmit_bytes_total", family="ipv6") == 100000
    assert value("connect_duration_seconds_bucket", family="ipv6",
                 le="0.01") == 0
    assert value("connect_duration_seconds_bucket", family="ipv6",
                 le="0.025") == 25
    assert value("connect_duration_seconds_sum", family="ipv6") == 0.5
    assert value("half_open_sessions") == 1
    assert value("udp_associations") == 6
    assert value("ipv6_ratio") == 0.8333
    assert value("dns_answers_total", result="late") == 8
    assert value("refused_total", **{"class": "malformed"}) == 12
    assert value("tunnel_connections_total", tunnel="he") == 25
    assert value("tunnel_losses_total", tunnel="he",
                 **{"class": "timeout"}) == 3
    assert value("tunnel_health", tunnel="he", state="good") == 1
    assert value("tunnel_health", tunnel="wg", state="bad") == 1
    assert value("tunnel_health", tunnel="wg", state="good") == 0
    assert value("user_sessions", uid="1000") == 3
    assert value("user_connections_total", uid="1000", family="ipv4") == 4
    assert value("user_receive_bytes_total", uid="1000") == 2097152
    assert value("user_transmit_bytes_total", uid="1000") == 2048
    assert value("user_limited_total", uid="1000", limit="dns") == 5
    # a sum that may fall would look like a restart
    assert {dict(labels)["uid"] for _, labels in found
            if "uid" in dict(labels)} == {"1000"}


def test_metrics_before_the_relay_speaks(start):
    """Counters are there from the start; what is not known is not."""
    found = prom.samples(metrics(start()))
    assert len([1 for name, _ in found if name ==
                "v6gw_relay_refused_total"]) == len(CLASSES)
    assert prom.value(found, "v6gw_relay_losses_total", family="upstream",
                      **{"class": "timeout"}) == 0
    for name, labels in found:
        assert name != "v6gw_relay_ipv6_ratio"
        assert not name.startswith(("v6gw_relay_tunnel", "v6gw_relay_user"))


def test_clean(start):
    """promtool and the strict parser, with samples in every family."""
    server = start()
    server.command("relay")
    with server.client() as c:
        prom.lint(c.get("/metrics").body)
    families = prom.families(metrics(server))
    relay = [f for name, f in families.items()
             if name.startswith("v6gw_relay_")]
    assert len(relay) > 20 and all(f.samples for f in relay)
