"""The documents, byte for byte, and when they are rendered anew."""

import json
import time

HE = (b'{"name":"he","type":"he_6in4","state":"up","iface":"he0",'
      b'"v6_prefix":"2001:db8:1234:5678::/64","rx_bytes":1234567,'
      b'"tx_bytes":987654,"last_check":1699564234')
WG = (b'{"name":"wg","type":"wireguard","state":"starting","iface":"wg0",'
      b'"v6_prefix":"2001:db8:1::/64","rx_bytes":0,"tx_bytes":0,'
      b'"last_check":null')
EXT = (b'{"name":"ext","type":"external","state":"down","iface":"tun0",'
       b'"v6_prefix":"2001:db8:2::/48","rx_bytes":0,"tx_bytes":0,'
       b'"last_check":1699564233')
HE_ADDRESS = (b'{"iface":"he0","address":"2001:db8:1234:5678::2","prefix":64,'
              b'"reachable":true,"latency_ms":35,"tunnel":"he",'
              b'"role":"active"}')
EXT_ADDRESS = (b'{"iface":"tun0","address":"2001:db8:2::7","prefix":48,'
               b'"reachable":false,"latency_ms":null,"tunnel":"ext",'
               b'"role":"standby"}')
DOCUMENTS = {
    "/health": b'{"status":"ok","v6_reachable":true,"v6_latency_ms":35,'
               b'"active_tunnels":1,"last_check":1699564234}\n',
    "/tunnels": b'{"tunnels":[' + HE + b'},' + WG + b'},' + EXT + b'}]}\n',
    "/v6/address":
        b'{"addresses":[' + HE_ADDRESS + b',' + EXT_ADDRESS + b']}\n',
    "/v6/address?iface=he0": b'{"addresses":[' + HE_ADDRESS + b']}\n',
    "/v6/address?iface=wg0": b'{"addresses":[]}\n',
    "/v6/address?iface=none": b'{"addresses":[]}\n',
    "/version":
        b'{"name":"v6-gatewayd","version":"VERSION","started":1699560000}\n',
    "/config":
        b'{"source":"/etc/v6-gatewayd.conf","loaded_at":1699560005,'
        b'"config":{"core":{"log_level":"info","local":null},'
        b'"tunnel.he":{"type":"he_6in4"},"exposure.socks5":'
        b'{"rule":["*.onion any via upstream","* ipv6"]},'
        b'"port.web":{"protocol":"tcp","internal_port":"53",'
        b'"external_port":"53"},"port.dns":{"protocol":"udp",'
        b'"internal_port":"53","external_port":"53"}}}\n',
    "/tunnels/he": HE +
        b',"detail":{"state":"up","role":"active","reason":null,'
        b'"since":1699564134,"endpoint_local":"192.0.2.10",'
        b'"endpoint_remote":"198.51.100.1","driver":"kernel","mtu":1380,'
        b'"rtt_ms":{"last":34.6,"avg":35.125,"p95":41.007},'
        b'"jitter_ms":1.25,"loss_ratio":0.008,"priority":0,'
        b'"default_route":true,"transitions":[{"time":1699564134,'
        b'"from":"probing","to":"up","reason":null},{"time":1699564133,'
        b'"from":"configuring","to":"probing",'
        b'"reason":"the interface is in place"}],"retry_at":null,'
        b'"last_error":null,"preferred":true,"hold_until":null,'
        b'"switches":3,"mtu_max":1480,"pmtu":1380,"black_hole":true,'
        b'"last_failover":{"time":1699564144,"from":"wg","to":"he",'
        b'"reason":"wg is down"}}}\n',
    "/tunnels/wg": WG +
        b',"detail":{"state":null,"role":null,"reason":null,"since":null,'
        b'"endpoint_local":null,"endpoint_remote":null,"driver":null,'
        b'"mtu":null,"rtt_ms":{"last":null,"avg":null,"p95":null},'
        b'"jitter_ms":null,"loss_ratio":null,"priority":0,'
        b'"default_route":false,"transitions":[],"retry_at":null,'
        b'"last_error":null,"preferred":false,"hold_until":null,'
        b'"switches":0,"mtu_max":null,"pmtu":null,"black_hole":false,'
        b'"last_failover":null,"handshake":null,'
        b'"transfer":{"rx_bytes":0,"tx_bytes":0}}}\n',
    "/tunnels/ext": EXT +
        b',"detail":{"state":"down","role":"standby",'
        b'"reason":"no answer from any target","since":1699564174,'
        b'"endpoint_local":null,"endpoint_remote":null,"driver":null,'
        b'"mtu":null,"rtt_ms":{"last":null,"avg":null,"p95":null},'
        b'"jitter_ms":null,"loss_ratio":1.0,"priority":10,'
        b'"default_route":false,"transitions":[],"retry_at":1699564264,'
        b'"last_error":"Network is ?nreachable","preferred":false,'
        b'"hold_until":null,"switches":0,"mtu_max":null,"pmtu":null,'
        b'"black_hole":false,"last_failover":null}}\n',
}
# "wg" once it is known, and held down
HELD = (b'{"name":"wg","type":"wireguard","state":"down","iface":"wg0",'
        b'"v6_prefix":"2001:db8:1::/64","rx_bytes":1024,"tx_bytes":2048,'
        b'"last_check":1699564234,"detail":{"state":"recovering",'
        b'"role":"draining","reason":null,"since":1699564234,'
        b'"endpoint_local":null,"endpoint_remote":null,"driver":null,'
        b'"mtu":1420,"rtt_ms":{"last":20.0,"avg":20.0,"p95":20.0},'
        b'"jitter_ms":0.0,"loss_ratio":0.0,"priority":0,'
        b'"default_route":false,"transitions":[],"retry_at":null,'
        b'"last_error":null,"preferred":false,"hold_until":1699564264,'
        b'"switches":0,"mtu_max":1420,"pmtu":null,"black_hole":false,'
        b'"last_failover":{"time":1699564144,"from":"wg","to":null,'
        b'"reason":null},"handshake":1699564217,'
        b'"transfer":{"rx_bytes":1024,"tx_bytes":2048}}}\n')
# fine state by number (common/wire_status.h): coarse state, reachable
STATES = ["disabled", "starting", "starting", "starting", "starting", "up",
          "degraded", "up", "down", "down", "failed"]
FINE = ["disabled", "wait_wan", "wait_dns", "configuring", "probing", "up",
        "degraded", "suspect", "down", "recovering", "error"]
HEALTH = ["starting", "ok", "degraded", "down"]


def test_bytes(server):
    with server.client() as c:
        version = c.get("/version").json()["version"].encode()
        for target, body in DOCUMENTS.items():
            assert c.get(target).body == body.replace(b"VERSION", version)


def test_held(start):
    server = start()
    server.command("held")
    with server.client() as c:
        assert c.get("/tunnels/wg").body == HELD
        address, = c.get("/v6/address?iface=wg0").json()["addresses"]
        assert (address["role"], address["reachable"]) == ("draining", False)


def test_same_on_the_unix_socket(server):
    with server.client() as c:
        for target in DOCUMENTS:
            body = c.get(target).body
            server.use_unix = True
            try:
                with server.client() as u:
                    assert u.get(target).body == body
            finally:
                server.use_unix = False


def test_state_words(start):
    server = start()
    with server.client() as c:
        for number, (coarse, fine) in enumerate(zip(STATES, FINE)):
            server.command("state %d" % number)
            row = c.get("/tunnels").json()["tunnels"][0]
            assert row["state"] == coarse
            tunnel = c.get("/tunnels/he").json()
            assert tunnel["detail"].pop("state") == fine
            tunnel.pop("detail")
            assert tunnel == row
            address = c.get("/v6/address?iface=he0").json()["addresses"][0]
            reachable = coarse in ("up", "degraded")
            assert address["reachable"] is reachable
            assert address["latency_ms"] == (35 if reachable else None)
            assert (c.get("/health").json()["active_tunnels"] ==
                    (coarse == "up"))


def test_health_words(start):
    server = start()
    with server.client() as c:
        for number, word in enumerate(HEALTH):
            server.command("health %d" % number)
            reply = c.get("/health")
            reachable = word in ("ok", "degraded")
            assert reply.status == 200
            assert reply.json()["status"] == word
            assert reply.json()["v6_reachable"] is reachable
            assert reply.json()["v6_latency_ms"] == (35 if reachable else None)
            strict = c.get("/health?strict=1")
            assert strict.body == reply.body
            assert strict.status == (200 if word == "ok" else 503)
            assert ("Retry-After" in strict.fields) == (word != "ok")
            assert c.get("/health?strict=0").status == 200


def test_etag_changes_with_the_bytes_only(start):
    server = start()
    with server.client() as c:
        old = {t: c.get(t).fields.get("ETag") for t in DOCUMENTS}
        server.command("touch")
        assert {t: c.get(t).fields.get("ETag") for t in DOCUMENTS} == old
        server.command("rx 77")
        changed = {"/tunnels", "/tunnels/he"}
        for target in DOCUMENTS:
            reply = c.get(target, "If-None-Match: %s" % old[target])
            if target == "/health" or target in changed:
                assert reply.status == 200
            else:
                assert reply.status == 304
            assert ((reply.fields.get("ETag") != old[target]) ==
                    (target in changed))
        assert c.get("/tunnels/he").json()["rx_bytes"] == 77


def test_etags_of_two_runs_differ(start):
    tags = set()
    for _ in range(2):
        with start().client() as c:
            tags.add(c.get("/tunnels").fields["ETag"])
    assert len(tags) == 2


def test_tunnel_that_a_reload_removes(start):
    server = start()
    with server.client() as c:
        assert c.get("/tunnels/wg").status == 200
        assert c.get("/v6/address?iface=wg0").status == 200
        server.command("drop")
        assert c.get("/tunnels/wg").status == 404
        assert c.get("/v6/address?iface=wg0").json() == {"addresses": []}
        assert [t["name"] for t in c.get("/tunnels").json()["tunnels"]] == [
            "he", "ext"]


def test_many_tunnels(start):
    """A document beyond every buffer, whole and in order, many times over."""
    server = start("-n", "4096")
    with server.client() as c:
        body = c.get("/tunnels").body
        names = [t["name"] for t in json.loads(body)["tunnels"]]
        assert names[:4] == ["he", "wg", "ext", "t3"]
        assert names[3:] == ["t%d" % n for n in range(3, 4096)]
        raw = ("GET /tunnels HTTP/1.1\r\nHost: %s\r\n\r\n"
               % server.host).encode()
        c.send(raw * 10)
        for n in range(10):
            assert c.reply().body == body
        for n in range(3, 4096, 97):
            assert c.get("/tunnels/t%d" % n).json()["name"] == "t%d" % n
            assert len(c.get("/v6/address?iface=t%d" % n).json()
                       ["addresses"]) == 1


def test_change_while_a_document_is_sent(start):
    """What is on its way stays as it was when it was asked for."""
    server = start("-n", "4096")
    with server.client() as c, server.client() as other:
        body = c.get("/tunnels").body
        c.send(("GET /tunnels HTTP/1.1\r\nHost: %s\r\n\r\n"
                % server.host).encode() * 4)
        time.sleep(0.2)         # more than the socket holds is queued
        for n in range(5):
            server.command("rx %d" % n)
            assert other.get("/tunnels").body != body
        assert [c.reply().body for _ in range(2)] == [body] * 2


def test_rendered_on_change_only(start):
    """4,096 tunnels cost milliseconds to render and nothing to serve."""
    server = start("-n", "4096")
    with server.client() as c:
        c.get("/tunnels")
        cpu = server.cpu()
        for _ in range(200):
            assert c.request("HEAD", "/tunnels").status == 200
        unchanged = server.cpu() - cpu
        cpu = server.cpu()
        for n in range(20):
            server.command("rx %d" % n)
            assert c.request("HEAD", "/tunnels").status == 200
        assert server.cpu() - cpu > unchanged
