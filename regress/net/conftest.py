"""The prober's lab, for the tests of the prober."""

import pytest

import gw
import probelab


@pytest.fixture(scope="module")
def net():
    gw.ensure_users()
    net = probelab.Net()
    yield net
    net.close()


@pytest.fixture
def prober(net):
    net.hold(False)
    prober = probelab.Prober(net)
    yield prober
    prober.close()
