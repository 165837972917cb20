"""A running ctld for the tests of this folder."""

import pytest

from ctlserver import Server


@pytest.fixture
def server(request):
    s = Server(*getattr(request, "param", ()))
    yield s
    s.close()
