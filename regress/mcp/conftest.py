"""A running MCP server for the tests of this folder."""

import pytest

from rawmcp import Client, Server, rawhttp
from record import verdict


start, server = rawhttp.fixtures(Server)


@pytest.fixture
def client(server):
    with server.mcp() as client:
        yield client


@pytest.fixture(scope="module")
def judged():
    """All that a file's raw clients hear is as the official schemas say."""
    Client.passed = []
    yield
    record, Client.passed = Client.passed, None
    faults = verdict(record)["faults"]
    assert not faults, "\n".join(faults)
