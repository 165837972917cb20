"""gatewayctl doctor: one thing is broken, and it says which."""

import gw


def test_healthy(healthy):
    report = healthy.report()
    assert report.failed() == []
    print(report.checks)
    for ident in ("config", "clock", "kernel.ipv6", "sysctl.disable_ipv6",
                  "sysctl.icmp_echo", "wan.route", "wan.endpoint",
                  "socket.control", "port.api", "address.global",
                  "route.default", "dns.aaaa", "reach.tunnel", "mtu.path"):
        assert "ok" in report.status(ident), (ident, report.checks)
