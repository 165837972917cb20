"""Builds, runs every suite, prints a table: what regress/run calls.

A suite is a function that returns Counts.  Suites that measure time run one
after the other; the rest three at a time, as most of them wait.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from xml.etree import ElementTree

TREE = pathlib.Path(__file__).resolve().parents[2]
REGRESS = TREE / "regress"
PYTHON = "/usr/bin/python3"
CI = os.environ.get("CI") == "true"
NOT_HERE = "not vm and not systemd"
IN_GUEST = ["vm", "both"]
ASAN_SLOW = "4"
# --fast: these folders' tests but the slow ones, and the marked ones of net
FAST = {"conf": "not slow", "ctl": "not slow", "http": "not slow",
        "msg": "not slow", "net": "smoke"}
# They hold the daemon to milliseconds, or fill the machine: one at a time.
ALONE = {"http", "mcp", "net", "netlink", "relay"}
# Their tests wait most of the time: so many files at once, under pytest-xdist.
PARALLEL = {"http": 2, "mcp": 2, "net": 3, "netlink": 3, "relay": 3}
LIMIT = 900                 # seconds for one suite
GUEST_LIMIT = 1500
AGAIN_MAX = 20              # failures of a suite that a busy machine explains
FUZZ_SECONDS = 5            # for each target
SANITIZE = {
    # A child is not dumpable, which the leak checker takes for a debugger.
    "ASAN_OPTIONS": "detect_leaks=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "GW_SLOW": ASAN_SLOW,
}


@dataclasses.dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    output: str = ""
    seconds: float = 0
    again: object = None    # runs what failed once more

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.output += other.output


class Run:
    def __init__(self, options, temp):
        self.options = options
        self.temp = pathlib.Path(temp)
        self.running = set()
        self.ended = False

    def command(self, argv, limit=LIMIT, env=None):
        """(status, output); ends the whole session of what it started."""
        if self.ended:
            raise InterruptedError("the run was ended")
        environ = dict(os.environ, TMPDIR=str(self.temp), **(env or {}))
        with tempfile.TemporaryFile(dir=self.temp) as out:
            p = subprocess.Popen(
                [str(a) for a in argv], cwd=TREE, env=environ, stdout=out,
                stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
            self.running.add(p.pid)
            try:
                status = p.wait(timeout=limit)
            except subprocess.TimeoutExpired:
                os.killpg(p.pid, signal.SIGKILL)
                p.wait()
                status = "over its limit of %d s" % limit
            self.running.discard(p.pid)
            self.remove_namespaces()
            out.seek(0)
            return status, out.read().decode(errors="replace")

    def end(self):
        """Ctrl-C: nothing of ours stays behind."""
        self.ended = True
        for pid in list(self.running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGTERM)

    @staticmethod
    def remove_namespaces():
        """What a killed pytest left; its namespaces bear its pid."""
        for path in pathlib.Path("/run/netns").glob("gw*-*"):
            pid = re.match(r"gw(\d+)-", path.name)
            if pid and not pathlib.Path("/proc", pid[1]).exists():
                subprocess.run(["ip", "netns", "del", path.name])

    # builds

    def build(self, name, *options, env=None):
        build = TREE / name
        if not (build / "build.ninja").exists():
            argv = ["meson", "setup", build, TREE, "-Dwerror=true", *options]
            status, output = self.command(argv, env=env)
            if status:
                return Counts(failed=1, output=output)
        status, output = self.command(["ninja", "-C", build])
        if status:      # what compiled is of no interest
            return Counts(failed=1, output=output[output.find("FAILED"):])
        return Counts(passed=1)

    def build_plain(self):
        return self.build("build")

    def build_asan(self):
        return self.build("build-asan", "-Db_sanitize=address,undefined",
                          "-Db_lundef=false", env={"CC": "gcc"})

    def build_fuzz(self):
        # the libraries' coverage is what leads the fuzzer on
        return self.build("build-fuzz", "-Db_sanitize=address,undefined",
                          "-Dc_args=-fsanitize=fuzzer-no-link",
                          "-Db_lundef=false", env={"CC": "clang"})

    # suites

    def unit(self, build="build"):
        """meson's tests.  Leaks are looked for: they are plain programs."""
        status, output = self.command(["meson", "test", "-C", TREE / build,
                                       "--no-rebuild", "--suite", "unit"])
        counts = Counts()
        log = TREE / build / "meson-logs/testlog.json"
        for line in log.read_text().splitlines() if log.exists() else ():
            test = json.loads(line)
            if test["result"] == "OK":
                counts.passed += 1
            elif test["result"] == "SKIP":
                counts.skipped += 1
            else:
                counts.failed += 1
                counts.output += "%s: %s\n%s%s\n" % (
                    test["name"], test["result"], test.get("stdout", ""),
                    test.get("stderr", ""))
        if status and not counts.failed:
            counts.add(Counts(failed=1, output=output))
        return counts

    def fuzz(self):
        """Each target over its kept corpus, then a few seconds of its own."""
        counts = Counts()
        for target in sorted((TREE / "build-fuzz/regress/fuzz").glob("*_fuzz")):
            corpus = REGRESS / "fuzz/corpus" / target.name[:-len("_fuzz")]
            found = self.temp / target.name
            found.mkdir()
            argv = [target, "-max_total_time=%d" % FUZZ_SECONDS,
                    "-rss_limit_mb=1024", "-timeout=10", "-verbosity=0",
                    "-artifact_prefix=%s/" % found, found]
            if corpus.is_dir():
                argv.append(corpus)
            status, output = self.command(argv, 60 + FUZZ_SECONDS)
            if status:
                counts.add(Counts(failed=1, output=output[-20000:]))
            else:
                counts.passed += 1
        return counts

    def docs(self):
        """Every page passes mandoc's lint without a word."""
        counts = Counts()
        for page in sorted((TREE / "man").glob("*.[1-8]")):
            status, output = self.command(["mandoc", "-Tlint", "-Wwarning",
                                           page])
            if status or output:
                counts.add(Counts(failed=1, output=output))
            else:
                counts.passed += 1
        return counts

    def pytest(self, folder, marks, env, ids=None):
        """One folder's python tests, outside of the guest."""
        file = self.temp / ("%s-%s-%s.xml" % (folder, env["GW_SLOW"],
                                              bool(ids)))
        if ids:
            what = ids
        else:
            what = ["-n", PARALLEL.get(folder, 0), "--dist", "loadfile",
                    REGRESS / folder]
        status, output = self.command(
            [PYTHON, "-B", "-m", "pytest", "-q", "-m", marks,
             "--junitxml=%s" % file, *what], env=env)
        return self.judged(file, status, output,
                           lambda ids: self.pytest(folder, marks, env, ids))

    def guest(self, folder, marks, boot_options=(), ids=None):
        """A folder's tests with one of these marks, in a guest."""
        result = self.temp / ("result-%s-%s-%s" % (folder, marks[0],
                                                   bool(ids)))
        result.mkdir()
        status, output = self.command(
            [REGRESS / "vm/boot", *boot_options, "--timeout", GUEST_LIMIT,
             PYTHON, "-B", "-m", "pytest", "-q",
             "-m", "(%s) and not host" % " or ".join(marks),
             "--junitxml=/mnt/result/junit.xml",
             *(ids or marked(folder, marks))], GUEST_LIMIT + 60,
            env={"GW_BUILD": str(TREE / "build"), "GW_RESULT": str(result)})
        return self.judged(
            result / "junit.xml", status, output,
            lambda ids: self.guest(folder, marks, boot_options, ids))

    def judged(self, file, status, output, again):
        counts = self.junit(file, status, output)
        ids = re.findall(r"^(?:FAILED|ERROR) (\S+::.*?)(?: - |$)", output,
                         re.M)
        if 0 < len(ids) == counts.failed <= AGAIN_MAX:
            counts.again = lambda: again(ids)
        return counts

    @staticmethod
    def junit(file, status, output):
        counts = Counts()
        # 5: no test bears these marks, which is no failure of a folder
        if status not in (0, 1, 5) or not file.exists():
            return Counts(failed=1, output="%s\nstatus %s\n" %
                          (output, status))
        for suite in ElementTree.parse(file).getroot():
            bad = int(suite.get("failures")) + int(suite.get("errors"))
            skipped = int(suite.get("skipped"))
            counts.passed += int(suite.get("tests")) - bad - skipped
            counts.failed += bad
            counts.skipped += skipped
        if counts.failed or status == 1 or counts.skipped:
            counts.output = output
        return counts


def folders():
    """The folders with python tests, those of the guest aside."""
    names = {p.parent.name for p in REGRESS.glob("*/test_*.py")}
    return sorted(names - {"vm"})


def marked(folder, marks):
    """The files with such tests: to import all is slow in the guest."""
    words = ["pytest.mark." + mark for mark in marks]
    return [path for path in sorted(REGRESS.glob(folder + "/test_*.py"))
            if any(word in path.read_text() for word in words)]


def plan(run, options):
    """[(name, function)] in the order of the table."""
    suites = [("build", run.build_plain), ("unit", run.unit),
              ("docs", run.docs)]
    plain = {"GW_BUILD": str(TREE / "build"), "GW_SLOW": "1"}
    asan = dict(SANITIZE, GW_BUILD=str(TREE / "build-asan"))

    def python(folder, env):
        marks = NOT_HERE
        if env is asan:
            marks += " and not plain"
            # what is slow waits for the clock, or repeats what is not
            marks += " and not slow"
        if options.fast:
            marks += " and (%s)" % FAST[folder]
        return lambda: run.pytest(folder, marks, env)

    def guest(folder):
        return lambda: run.guest(folder, IN_GUEST)

    for folder in folders():
        if folder in FAST or not options.fast:
            suites.append((folder, python(folder, plain)))
    if not options.fast:
        suites.append(("build-fuzz", run.build_fuzz))
        suites.append(("fuzz", run.fuzz))
        suites.append(("build-asan", run.build_asan))
        suites.append(("unit-asan", lambda: run.unit("build-asan")))
        for folder in folders():
            suites.append((folder + "-asan", python(folder, asan)))
    if not options.fast and not options.no_vm:
        suites += [(folder + "-vm", guest(folder)) for folder in
                   sorted({f.parent.name for f in marked("*", IN_GUEST)})]
        suites.append(("systemd", lambda: run.guest(
            "vm", ["systemd"], ["--systemd"])))
    if options.suite:
        unknown = set(options.suite) - {name for name, _ in suites}
        if unknown:
            sys.exit("regress/run: no suite %s; there are: %s" % (
                " ".join(unknown), " ".join(name for name, _ in suites)))
        wanted = set(options.suite) | {build_of(n) for n in options.suite}
        suites = [s for s in suites if s[0] in wanted]
    return suites


def build_of(name):
    """Which build a suite needs."""
    if name.endswith("-asan"):
        return "build-asan"
    return "build-fuzz" if name == "fuzz" else "build"


def report(name, counts):
    print("%-16s %5d passed %5d failed%s %6.1f s" % (
        name, counts.passed, counts.failed,
        "%4d skipped" % counts.skipped if counts.skipped else "",
        counts.seconds), flush=True)
    if counts.output and (counts.failed or counts.skipped):
        print(counts.output.rstrip(), flush=True)


def timed(name, function):
    start = time.monotonic()
    try:
        counts = function()
    except Exception as e:      # a fault of a suite must not hide the others
        counts = Counts(failed=1, output="%s: %r\n" % (name, e))
    if CI:
        counts.failed += counts.skipped
        counts.skipped = 0
    counts.seconds = time.monotonic() - start
    report(name, counts)
    return counts


def run_builds(suites):
    """(results, the suites whose build is there)"""
    results, broken, ready = [], set(), []
    for name, function in suites:
        if name.startswith("build"):
            results.append((name, timed(name, function)))
            if results[-1][1].failed:
                broken.add(name)
        elif build_of(name) not in broken:
            ready.append((name, function))
        else:
            results.append((name, Counts(failed=1)))
            print("%-16s not run: %s failed" % (name, build_of(name)))
    return results, ready


def run_suites(suites):
    """Builds first; a suite whose build failed is one failure."""
    results, ready = run_builds(suites)
    # sanitizers have bounds of their own; a guest is slow and so comes first
    alone = [s for s in ready if s[0] in ALONE]
    shared = sorted((s for s in ready if s not in alone),
                    key=lambda s: not s[0].endswith("-vm"))
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        results += [(s[0], counts) for s, counts in
                    zip(shared, pool.map(lambda s: timed(*s), shared))]
    results += [(s[0], timed(*s)) for s in alone]
    total = Counts()
    for name, counts in results:
        # alone on the machine now: what fails again has failed
        if counts.again and not timed(name + " again", counts.again).failed:
            counts.passed += counts.failed
            counts.failed = 0
        total.add(counts)
    return total


def main():
    parser = argparse.ArgumentParser(prog="regress/run")
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--no-vm", action="store_true")
    parser.add_argument("--no-deps", action="store_true")
    parser.add_argument("--keep-going", action="store_true")  # as always
    parser.add_argument("--suite", action="append")
    options = parser.parse_args()
    if os.geteuid():
        sys.exit("regress/run: run it as root; the tests make network "
                 "namespaces and start daemons that drop privilege")
    temp = tempfile.mkdtemp(prefix="gw-regress.")
    os.chmod(temp, 0o755)       # daemons of other users look inside
    run = Run(options, temp)

    def stop(number, _):
        run.end()               # or the suites' threads would be waited for
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        total = run_suites(plan(run, options))
    finally:
        run.end()
        shutil.rmtree(temp, ignore_errors=True)
    print("%d passed, %d failed" % (total.passed, total.failed))
    sys.exit(1 if total.failed else 0)


if __name__ == "__main__":
    main()
