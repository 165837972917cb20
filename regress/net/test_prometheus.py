"""A real Prometheus scrapes the daemon, with the example of etc/prometheus;
rules and dashboard name what it finds there."""

import json
import re
import signal
import socket

import pytest

import gw
import prom

DASHBOARD = gw.TREE / "etc/grafana/v6-gatewayd.json"
RULES = prom.EXAMPLES / "v6-gatewayd.rules.yml"
NAME = re.compile(r"\b(?:v6gw|process)_\w+")


@pytest.fixture(scope="module")
def live(lab):
    lab.reset()
    daemon = lab.daemon(conf={"exposure": {"mode": "kernel, socks5"}}).up()
    meet_relay(daemon)
    yield daemon
    daemon.close()


def meet_relay(daemon):
    """Somebody uses the relay, if only in vain."""
    with daemon.ns.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.settimeout(10 * gw.SLOW)
        s.connect(("127.0.0.1", 1080))
        s.sendall(b"\5\1\0")
        assert s.recv(2) == b"\5\0"


@pytest.fixture(scope="module")
def prometheus(live, tmp_path_factory):
    config = (prom.EXAMPLES / "prometheus.yml").read_text()
    directory = tmp_path_factory.mktemp("prometheus") / "server"
    server = prom.Prometheus(live.ns, directory, config.replace("15s", "1s"),
                             RULES)
    gw.wait_for(lambda: server.one("v6gw_ipv6_up") == 1, 60 * gw.SLOW,
                "the first scrape", interval=0.2)
    yield server
    server.close()


def now(daemon):
    """{(name, labels): value} by the strict parser."""
    return prom.samples(daemon.get(
        "/metrics", headers={"Accept": prom.ACCEPT}).body.decode())


def test_examples():
    for args in (("check", "rules", RULES),
                 ("check", "config", prom.EXAMPLES / "prometheus.yml")):
        status, text = prom.promtool(*args)
        assert status == 0, text
    assert json.loads(DASHBOARD.read_text())["uid"] == "v6-gatewayd"


def test_clean(live):
    """What promtool and the strict parser say of a daemon at work."""
    text = live.get("/metrics")
    assert text.headers["Content-Type"] == prom.TEXT
    prom.lint(text.body)
    answer = live.get("/metrics", headers={"Accept": prom.ACCEPT}, unix=True)
    assert answer.headers["Content-Type"] == prom.OPENMETRICS
    prom.samples(answer.body.decode())


def test_scraped(live, prometheus):
    target, = prometheus.api("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
    assert prometheus.one("scrape_samples_scraped") > 100
    # only OpenMetrics tells units: that is what was negotiated
    units = {m["metric"]: m["unit"]
             for m in prometheus.api("targets/metadata")}
    assert units["v6gw_probe_duration_seconds"] == "seconds"
    assert prometheus.one("v6gw_default_tunnel_info{tunnel='he'}") == 1
    assert prometheus.one("v6gw_tunnel_up{tunnel='he'}") == 1
    assert prometheus.one("v6gw_tunnel_state{state='up'}") == 1
    assert prometheus.one("sum(v6gw_tunnel_state)") == 1
    # at the start there was none; a busy machine may have lost it since
    assert prometheus.one("v6gw_failovers_total{reason='recovery'}") >= 1


def test_counters(live, prometheus):
    """Probes and their histogram, and the traffic as the kernel counts it."""
    def probes():
        return prometheus.one("v6gw_probes_total{result='reply'}")

    before = probes()
    gw.wait_for(lambda: probes() > before, 20 * gw.SLOW, "more probes",
                interval=0.2)
    assert prometheus.one(
        "v6gw_probe_duration_seconds_count == on (tunnel) "
        "v6gw_probe_duration_seconds_bucket{le='+Inf'}") > 0
    p95 = prometheus.one("histogram_quantile(0.95, "
                         "v6gw_probe_duration_seconds_bucket)")
    assert 0 < p95 < 5
    assert live.ns.ping(gw.WEB6, "-s", "1000", count=20)

    def received():
        return prom.value(now(live), "v6gw_tunnel_receive_packets_total",
                          tunnel="he")

    counted = live.ns.json("-s link show dev he0")[0]["stats64"]["rx"]
    gw.wait_for(lambda: received() >= counted["packets"], 10 * gw.SLOW,
                "the packets", interval=0.2)
    assert prom.value(now(live), "v6gw_tunnel_receive_bytes_total",
                      tunnel="he") >= counted["bytes"] > 20000
    assert prom.value(now(live), "v6gw_tunnel_mtu_bytes", tunnel="he") == 1480


def test_processes(live):
    """Each of them, and figures that the kernel confirms."""
    found = now(live)
    pids = dict(live.children(), parent=live.pid)
    for role, pid in pids.items():
        with open("/proc/%d/stat" % pid) as file:
            fields = file.read().rpartition(")")[2].split()
        cpu = (int(fields[11]) + int(fields[12])) / 100
        assert prom.value(found, "process_cpu_seconds_total",
                          process=role) <= cpu
        assert prom.value(found, "process_resident_memory_bytes",
                          process=role) > 1 << 20
        assert 0 <= prom.value(found, "process_start_time_seconds",
                               process=role) - prom.value(
            found, "v6gw_start_time_seconds") + 5 < 10
    assert len([n for n, _ in found if n == "process_cpu_seconds_total"]) == \
        len(pids)
    assert 5 < prom.value(found, "process_open_fds", process="frontend") < \
        prom.value(found, "process_max_fds", process="frontend")


def test_reloads(live):
    def reloads():
        found = now(live)
        return [prom.value(found, "v6gw_config_last_reload_successful")] + [
            prom.value(found, "v6gw_config_reloads_total", result=result)
            for result in ("success", "error")]

    gw.wait_for(lambda: live.logged("ready; "), 10 * gw.SLOW, "ready")
    assert reloads() == [1, 0, 0]
    good = live.file.read_text()
    live.write(good + "[core]\nnonsense = 1\n")
    live.signal(signal.SIGHUP)          # nobody asks for the result
    gw.wait_for(lambda: reloads() == [0, 0, 1], 10 * gw.SLOW, "the failure",
                interval=0.2)
    live.write(good)
    live.ctl("reload")
    gw.wait_for(lambda: reloads() == [1, 1, 1], 10 * gw.SLOW, "the reload",
                interval=0.2)


def test_log_messages(live):
    found = now(live)
    # "debug" is how the tests start it
    for level in "info", "debug":
        assert prom.value(found, "v6gw_log_messages_total", level=level) > 0


def test_mcp(live):
    """Requests by method and result, of which no name is the client's."""
    def counted(method, result):
        return prom.value(found, "v6gw_mcp_requests_total", method=method,
                          result=result)

    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10 * gw.SLOW)
        sock.connect(str(live.run_dir / "mcp.sock"))
        for line in ('{"method":"ping"}', '{"method":"no/such"}',
                     '{"method":"tools/call","params":{"name":"check_health",'
                     '"arguments":{}}}',
                     '{"method":"tools/call","params":{"name":'
                     '"get_tunnel_status","arguments":{"name":"nope"}}}'):
            request = dict(json.loads(line), jsonrpc="2.0", id=1)
            sock.sendall(json.dumps(request).encode() + b"\n")
            while not sock.recv(65536).endswith(b"\n"):
                pass
        gw.wait_for(lambda: prom.value(now(live), "v6gw_mcp_connections") ==
                    1, 10 * gw.SLOW, "the connection", interval=0.2)
        found = now(live)
    assert counted("ping", "success") == 1
    assert counted("other", "error") == 1
    assert counted("tools/call", "success") == 1
    assert counted("tools/call", "error") == 1
    gw.wait_for(lambda: prom.value(now(live), "v6gw_mcp_connections") == 0,
                10 * gw.SLOW, "its end", interval=0.2)


def expressions(tree):
    """Every PromQL expression of the dashboard."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == "expr":
                yield value
            elif key == "query" and str(value).startswith("label_values("):
                yield value[len("label_values("):].rpartition(",")[0]
            else:
                yield from expressions(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from expressions(value)


def known(prometheus, expression):
    """Fails unless it can be evaluated and names what is there."""
    prometheus.query(expression)
    names = prometheus.api("label/__name__/values")
    for name in NAME.findall(expression):
        assert name in names, "%s in %s" % (name, expression)


def test_dashboard(prometheus):
    found = list(expressions(json.loads(DASHBOARD.read_text())))
    assert len(found) > 30
    for expression in found:
        for variable, value in (("$job", "v6-gatewayd"), ("$instance", ".*"),
                                ("$tunnel", ".*"),
                                ("$__rate_interval", "1m"),
                                ("$__range", "1h")):
            expression = expression.replace(variable, value)
        assert "$" not in expression
        known(prometheus, expression)


def test_rules(live, prometheus):
    """They can all be evaluated, and the right one goes off.  The last test:
    it takes the tunnel down."""
    def rules():
        group, = prometheus.api("rules")["groups"]
        return {rule["name"]: rule for rule in group["rules"]}

    def evaluated():
        return {rule["health"] for rule in rules().values()} == {"ok"}

    gw.wait_for(evaluated, 20 * gw.SLOW, "the rules", interval=0.2)
    for rule in rules().values():
        known(prometheus, rule["query"])
        assert rule["state"] == "inactive", rule
        assert rule["annotations"]["summary"]
    live.ctl("tunnel", "he", "down")
    gw.wait_for(lambda: rules()["IPv6Down"]["state"] == "pending",
                20 * gw.SLOW, "the alert", interval=0.2)
    assert rules()["V6GatewayNotScraped"]["state"] == "inactive"
