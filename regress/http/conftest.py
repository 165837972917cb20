"""A running httpd for the tests of this folder."""

import rawhttp

start, server = rawhttp.fixtures(rawhttp.Server)
