"""The roles are libraries of one program: a function that two of them define
would be the first one's for both, without a word from the linker."""

import collections
import subprocess

import gw


def test_no_function_is_defined_twice():
    defined = collections.Counter()
    for folder in "common", "privsep", "gatewayd/*":
        for library in gw.BUILD.glob(folder + "/lib*.a"):
            if library.name == "libctl.a":      # of another program
                continue
            listing = subprocess.run(
                ["nm", "-g", "--defined-only", library], check=True,
                stdout=subprocess.PIPE, text=True).stdout
            defined.update(line.split()[2] for line in listing.splitlines()
                           if len(line.split()) == 3)
    assert defined["child_run"] == 1
    assert [name for name, n in defined.items() if n > 1] == []
