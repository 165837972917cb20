"""GET /metrics: both formats, as Prometheus' own tools read them."""

import socket
import time

import pytest

import gw
import prom

TEXT, OPENMETRICS = prom.TEXT, prom.OPENMETRICS
ACCEPT = "Accept: " + prom.ACCEPT


def openmetrics(server):
    with server.client() as c:
        reply = c.get("/metrics", ACCEPT)
    assert reply.status == 200
    return reply.body.decode()


def fresh(server):
    """Not the document of a moment ago."""
    time.sleep(1.05)
    return prom.samples(openmetrics(server))


def test_text(server):
    with server.client() as c:
        reply = c.get("/metrics")
        assert reply.fields["Content-Type"] == TEXT
        assert reply.fields["Cache-Control"] == "no-store"
        assert "ETag" not in reply.fields
        head = c.request("HEAD", "/metrics")
        assert head.fields["Content-Length"] == str(len(reply.body))
    prom.lint(reply.body)
    assert b"# EOF" not in reply.body


def test_openmetrics(server):
    """The strict parser takes it, and every family says what it is."""
    families = prom.families(openmetrics(server))
    assert len(families) > 30
    for family in families.values():
        assert family.documentation.endswith(".")
        assert family.type in ("counter", "gauge", "info", "histogram")
        assert family.name.startswith(("v6gw_", "process_"))
        for unit in "seconds", "bytes", "ratio":
            assert (family.unit == unit) == family.name.endswith("_" + unit)
        for sample in family.samples:
            assert sample.timestamp is None


def test_same_series_in_both(start):
    """A Prometheus that changes formats goes on with the same series."""
    with start().client() as c:
        text = c.get("/metrics").body.decode()
        other = c.get("/metrics", ACCEPT).body.decode()

    def series(document):
        return [line.rsplit(" ", 1)[0] for line in document.splitlines()
                if line[0] != "#"]

    assert series(text) == series(other)
    assert len(set(series(text))) == len(series(text))


# test of the parser in regress/unit; here that the fields reach it
@pytest.mark.parametrize("fields, kind", [
    ([], TEXT),
    (["Accept: */*"], TEXT),
    (["Accept: text/html"], TEXT),
    ([ACCEPT], OPENMETRICS),
    (["accept: application/openmetrics-text"], OPENMETRICS),
    (["Accept: text/plain;q=0.5", "Accept: application/openmetrics-text"],
     OPENMETRICS),
    (["Accept: application/openmetrics-text;q=0.2", "Accept: text/plain"],
     TEXT),
    (["Accept: application/openmetrics-text;q=0, */*"], TEXT),
])
def test_negotiation(server, fields, kind):
    with server.client() as c:
        reply = c.get("/metrics", *fields)
    assert (reply.status, reply.fields["Content-Type"]) == (200, kind)
    assert reply.body.endswith(b"# EOF\n") == (kind == OPENMETRICS)


def test_no_parameters(server):
    with server.client() as c:
        assert c.get("/metrics?x=1").status == 400
        assert c.request("POST", "/metrics").status == 405


def test_values(start):
    """What the document says of the harness' three tunnels."""
    found = prom.samples(openmetrics(start()))

    def value(name, **labels):
        return prom.value(found, name, **labels)

    assert value("v6gw_start_time_seconds") == 1699560000
    assert value("v6gw_ipv6_up") == 1
    assert value("v6gw_default_tunnel_info", tunnel="he") == 1
    assert value("v6gw_tunnel_info", tunnel="he", type="he_6in4", iface="he0",
                 prefix="2001:db8:1234:5678::/64") == 1
    assert value("v6gw_tunnel_info", tunnel="ext", type="external",
                 iface="tun0", prefix="2001:db8:2::/48") == 1
    assert value("v6gw_tunnel_up", tunnel="he") == 1
    assert value("v6gw_tunnel_up", tunnel="ext") == 0
    states = {name: value("v6gw_tunnel_state", tunnel="ext", state=name)
              for name in ("up", "degraded", "down", "starting", "failed",
                           "disabled")}
    assert states.pop("down") == 1 and set(states.values()) == {0}
    assert value("v6gw_tunnel_receive_bytes_total", tunnel="he") == 1234567
    assert value("v6gw_tunnel_transmit_bytes_total", tunnel="he") == 987654
    assert value("v6gw_tunnel_receive_packets_total", tunnel="he") == 1500
    assert value("v6gw_tunnel_errors_total", tunnel="he",
                 direction="transmit") == 2
    assert value("v6gw_tunnel_mtu_bytes", tunnel="he") == 1380
    assert value("v6gw_tunnel_last_probe_timestamp_seconds",
                 tunnel="he") == 1699564234
    assert value("v6gw_probes_total", tunnel="he", result="reply") == 118
    assert value("v6gw_probes_total", tunnel="he", result="timeout") == 2
    assert value("v6gw_probe_late_replies_total", tunnel="he") == 1
    assert value("v6gw_probe_duration_seconds_count", tunnel="he") == 119
    assert value("v6gw_probe_duration_seconds_sum", tunnel="he") == 4.17
    assert value("v6gw_probe_duration_seconds_bucket", tunnel="he",
                 le="0.05") == 118
    assert value("v6gw_probe_rtt_seconds", tunnel="he") == 0.0346
    assert value("v6gw_probe_jitter_seconds", tunnel="he") == 0.00125
    assert value("v6gw_probe_loss_ratio", tunnel="he") == 0.0083
    # nothing is known of these: no sample, rather than a wrong one
    for name in "v6gw_probe_rtt_seconds", "v6gw_probe_jitter_seconds":
        for tunnel in "wg", "ext":
            assert (name, (("tunnel", tunnel),)) not in found
    assert ("v6gw_tunnel_mtu_bytes", (("tunnel", "wg"),)) not in found


def test_counters_begin_at_zero(start):
    """Every label value that is known beforehand has its sample."""
    found = prom.samples(openmetrics(start()))

    def labels(name):
        return {labels for n, labels in found if n == name}

    expected = {
        "v6gw_failovers_total": 5, "v6gw_config_reloads_total": 2,
        "v6gw_http_rejected_total": 5, "v6gw_log_messages_total": 4,
        "v6gw_mcp_requests_total": 30, "v6gw_probes_total": 9,
        "v6gw_tunnel_state_transitions_total": 18,
        "v6gw_tunnel_failovers_total": 6, "v6gw_failover_hold_seconds": 3,
        "v6gw_failover_duration_seconds_bucket": 11,
        "v6gw_http_request_duration_seconds_bucket": 11,
        "v6gw_probe_duration_seconds_bucket": 33,
    }
    assert {name: len(labels(name)) for name in expected} == expected
    # the answer that is being made is not counted yet
    requests = {k: v for k, v in found.items()
                if k[0] == "v6gw_http_requests_total"}
    assert len(requests) >= 8 and set(requests.values()) == {0}
    assert prom.value(found, "v6gw_http_connections") == 1


def test_requests_are_counted(start):
    server = start()
    with server.client() as c:
        for target in "/health", "/health", "/tunnels/he", "/tunnels/ext":
            assert c.get(target).status == 200
        etag = c.get("/tunnels").fields["ETag"]
        assert c.get("/tunnels", "If-None-Match: " + etag).status == 304
        assert c.get("/tunnels/none").status == 404
        assert c.get("/nowhere%22").status == 404
        assert c.request("HEAD", "/health").status == 200
        assert c.request("DELETE", "/health").status == 405
        assert c.request("PUT", "/health").status == 405
    found = fresh(server)

    def requests(route, method, code):
        return prom.value(found, "v6gw_http_requests_total", route=route,
                          method=method, code=str(code))

    assert requests("/health", "GET", 200) == 2
    assert requests("/tunnels/*", "GET", 200) == 2
    assert requests("/tunnels/*", "GET", 404) == 1
    assert requests("/tunnels", "GET", 304) == 1
    assert requests("/health", "HEAD", 200) == 1
    assert requests("/health", "DELETE", 405) == 1
    assert requests("/health", "other", 405) == 1
    assert requests("other", "GET", 404) == 1
    assert prom.value(found, "v6gw_http_request_duration_seconds_count") == 11
    # a label is never what a client has chosen
    assert not any("nowhere" in text or "none" in text
                   for _, labels in found for _, text in labels)


def test_refusals_are_counted(start):
    server = start("-m", "75000,300,300,30000,100")
    for request in (b"GET /health HTTP/1.1\r\n\r\n",
                    b"GET /" + b"x" * 3000 + b" HTTP/1.1\r\n\r\n",
                    b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n",
                    b"GET /health HT"):
        with server.client() as c:
            c.send(request)
            assert c.reply().status in (400, 408, 414, 421)
    found = fresh(server)
    for reason, count in (("malformed", 1), ("too_large", 1), ("host", 1),
                          ("timeout", 1), ("busy", 0)):
        assert prom.value(found, "v6gw_http_rejected_total",
                          reason=reason) == count


def test_busy_is_counted(start):
    server = start("-c", "1")
    with server.client() as busy:
        busy.send(b"GET ")
        gw.wait_for(lambda: server.fds() > 8, 5 * gw.SLOW)
        with server.client() as c:
            assert c.reply().status == 503
    gw.wait_for(server.answers, 5 * gw.SLOW)
    assert prom.value(fresh(server), "v6gw_http_rejected_total",
                      reason="busy") >= 1


def test_once_a_second(start):
    """However often it is asked for: it counts requests, so each rendering
    differs from the one before."""
    server = start("-n", "64")
    with server.client() as c:
        begin = time.monotonic()
        bodies = {c.get("/metrics").body for _ in range(300)}
        took = time.monotonic() - begin
    assert 1 <= len(bodies) <= took + 1
    assert len(bodies.pop()) > 100000


def test_thousand_tunnels(start):
    """Megabytes, and clean; who reads slowly gets his own whole, whatever is
    rendered meanwhile."""
    server = start("-n", "1000")
    with server.client() as slow, server.client() as c:
        slow.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow.send(b"GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n" %
                  server.host.encode())
        first = c.get("/metrics")
        time.sleep(1.05)
        second = c.get("/metrics")
        assert second.body != first.body
        assert slow.reply().body == first.body
    assert len(first.body) > 2 << 20
    prom.lint(second.body)
