"""A running MCP server for the tests of this folder."""

import pytest

from rawmcp import Client, Server
from record import verdict


@pytest.fixture
def start(tmp_path):
    """start(*arguments of httpd); every server is stopped at the end."""
    servers = []

    def start(*args, **kwargs):
        path = tmp_path / str(len(servers))
        path.mkdir()
        servers.append(Server(path, *args, **kwargs))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One with its usual limits, for all tests of a file."""
    server = Server(tmp_path_factory.mktemp("mcp"))
    yield server
    server.stop()


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
