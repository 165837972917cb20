"""What /metrics says of a failover that happens."""

import pytest

import gw
import prom


@pytest.fixture(scope="module")
def lab(ways):
    return ways


def now(daemon):
    return prom.samples(daemon.get(
        "/metrics", headers={"Accept": prom.ACCEPT}).body.decode())


def test_failover(daemon, lab):
    """From where, to where, why, and how long the default route was missed."""
    daemon.configure({"failover": {"preempt": "no"}})
    daemon.up()
    active = daemon.active()
    before = after = now(daemon)

    def rise(name, **labels):
        return prom.value(after, name, **labels) - \
            prom.value(before, name, **labels)

    def counted():
        nonlocal after
        after = now(daemon)
        return rise("v6gw_failover_duration_seconds_count") > 0

    getattr(lab, active).broker.drop()
    gw.wait_for(counted, 10 * gw.SLOW, "the failover", interval=0.2)
    other = daemon.active()
    assert other != active
    assert rise("v6gw_failovers_total", reason="failure") == 1
    assert rise("v6gw_tunnel_failovers_total", tunnel=active,
                direction="from") == 1
    assert rise("v6gw_tunnel_failovers_total", tunnel=other,
                direction="to") == 1
    assert rise("v6gw_tunnel_state_transitions_total", tunnel=active,
                to="down") == 1
    assert prom.value(after, "v6gw_default_tunnel_info", tunnel=other) == 1
    # no sooner than the probes can tell
    assert 0.1 < rise("v6gw_failover_duration_seconds_sum") < 3 * gw.SLOW
