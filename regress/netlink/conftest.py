"""Fixtures of the link layer's tests."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import box as boxes  # noqa: E402
import gw  # noqa: E402
import wgbox  # noqa: E402
import wgbroker  # noqa: E402


@pytest.fixture
def box(tmp_path):
    box = boxes.Box(tmp_path)
    yield box
    box.close()


@pytest.fixture(scope="session")
def kernel_sit():
    return gw.has_sit()


@pytest.fixture(scope="session")
def kernel_wg():
    return wgbroker.has_kernel()


@pytest.fixture
def wg(tmp_path, kernel_wg):
    box = wgbox.Box(tmp_path, kernel_wg)
    yield box
    box.close()
