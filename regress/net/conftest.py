"""The prober's lab, for the tests of the prober, and three ways."""

import pytest

import gw
import multilab
import probelab


@pytest.fixture(scope="session")
def ways():
    """One lab for all files: the guest takes long to build it."""
    lab = multilab.Lab()
    yield lab
    lab.close()


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
