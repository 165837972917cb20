"""A daemon for all tests of a file: they look, and change nothing."""

import pytest

import gw

ROLES = ("parent", *gw.CHILDREN)


def pid_of(daemon, role):
    return daemon.pid if role == "parent" else daemon.children()[role]


@pytest.fixture(scope="module")
def live(lab):
    """With a tunnel of the userspace driver, so that encap holds something."""
    lab.reset()
    daemon = lab.daemon(conf={"tunnel.he": {"driver": "userspace"}})
    daemon.up()
    daemon.wait_log("ready; ")
    yield daemon
    daemon.close()


@pytest.fixture(params=ROLES)
def role(request):
    return request.param


@pytest.fixture
def pid(live, role):
    return pid_of(live, role)
