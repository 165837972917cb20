"""Shared by every pytest suite: regress/lib on the path, limits, fixtures."""

import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
sys.dont_write_bytecode = True

import contract  # noqa: E402
import gw  # noqa: E402

TEST_LIMIT = 60             # seconds for one test, scaled by gw.SLOW


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """No test hangs the run."""
    def expired(*_):
        pytest.fail("over its limit of time", pytrace=True)

    old = signal.signal(signal.SIGALRM, expired)
    signal.alarm(int(TEST_LIMIT * max(1, min(gw.SLOW, 4))))
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, old)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what its daemons logged."""
    report = (yield).get_result()
    if report.failed:
        for daemon in gw.daemons:
            if daemon.log_path.exists():
                report.sections.append(
                    ("gatewayd %s" % daemon.dir.name, daemon.log()[-8000:]))


@pytest.fixture(autouse=True)
def answers_as_described():
    """What the REST interface answered is what its document says."""
    yield
    contract.judge()


@pytest.fixture(scope="module")
def lab():
    lab = gw.Lab()
    yield lab
    lab.close()


@pytest.fixture
def daemon(lab):
    """A daemon that is configured but not started."""
    lab.reset()
    daemon = lab.daemon()
    yield daemon
    daemon.close()


@pytest.fixture
def running(daemon):
    """A daemon whose tunnel is up."""
    daemon.up()
    # that needs neither the resolver nor its title
    gw.wait_for(lambda: len(daemon.children()) == len(gw.CHILDREN),
                5 * gw.SLOW, "all children")
    return daemon
