"""Fixtures of the relay's tests."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import relaylab  # noqa: E402


@pytest.fixture(scope="module")
def lab():
    lab = relaylab.Lab()
    yield lab
    lab.close()


@pytest.fixture
def relay(lab):
    relay = relaylab.Relay(lab)
    yield relay
    relay.close()


@pytest.fixture
def target(lab):
    target = relaylab.Target(lab)
    yield target
    target.close()
