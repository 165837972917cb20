"""What the kernel says of a process, in /proc."""

import contextlib
import os
import pathlib
import re


def read(pid, name):
    return pathlib.Path("/proc/%d/%s" % (pid, name)).read_text()


def status(pid):
    """{name: value} of its status."""
    return dict(line.split(":\t", 1) for line in
                read(pid, "status").splitlines() if ":\t" in line)


def rss_kb(pid):
    return int(status(pid)["VmRSS"].split()[0])


def private_kb(pid):
    """Memory that it has written to and shares with nobody; what files it
    shares depends on what else runs."""
    return int(re.search(r"^Private_Dirty:\s+(\d+)", read(pid, "smaps_rollup"),
                         re.M).group(1))


def switches(pid):
    """How often it has gone to sleep by itself."""
    return int(status(pid)["voluntary_ctxt_switches"])


def cpu(pid):
    """Seconds of processor time that its first thread has had."""
    return int(read(pid, "schedstat").split()[0]) / 1e9


def children(pid):
    return [int(child) for child in
            read(pid, "task/%d/children" % pid).split()]


def gone(pid):
    """It has ended, whether its parent knows or not."""
    try:
        text = read(pid, "stat")
    except (FileNotFoundError, ProcessLookupError):
        return True
    return text.rpartition(")")[2].split()[0] in "ZX"


def count_descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def descriptors(pid):
    """{number: where it leads}; some are open for a moment only."""
    fds = {}
    for path in pathlib.Path("/proc/%d/fd" % pid).iterdir():
        with contextlib.suppress(FileNotFoundError):
            fds[int(path.name)] = os.readlink(path)
    return fds
