"""The suite of SOCKS servers: the relay passes all of it, and others fail
where they are known to, so that the suite is known to see it."""

import pytest

import peers
import socks_suite

UDP = {name for name in socks_suite.CASES if name.startswith("udp_")}
MICROSOCKS = UDP | {
    "byte_by_byte", "all_in_one_segment", "bound_address", "client_ends_first",
    "target_ends_first", "reset_by_client", "reset_by_target",
    "name_with_nul", "any_address4", "any_address6", "mapped_loopback",
    "itself", "silent_client"}
DANTE = {
    "reset_by_client", "reset_by_target", "unknown_command",
    "unknown_address_type", "name_with_nul", "mapped_loopback",
    "silent_client", "udp_from_elsewhere"}


def failed(proxy, names=None):
    return {name: why for name, why in
            socks_suite.judge(proxy, names).items() if why}


def test_relay_passes(relay):
    relay.tell("uid 0")     # as who the datagrams are
    # a silent client is test_socks.py's
    assert failed(relay, set(socks_suite.CASES) - {"silent_client"}) == {}


@pytest.mark.slow
@pytest.mark.plain
@pytest.mark.parametrize("start,known", [
    (peers.microsocks, MICROSOCKS), (peers.dante, DANTE)])
def test_peer_fails(lab, tmp_path, start, known):
    peer = start(lab, tmp_path)
    why = failed(peer)
    peer.close()
    assert set(why) == known, why
