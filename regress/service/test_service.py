"""What a service manager gets: unit, sysusers, tmpfiles, rc scripts, and all
that "meson install" puts in place."""

import json
import os
import pathlib
import re
import shutil
import stat

import pytest

import gw

EXPOSURE = 30               # tenths, of systemd-analyze security
FILES = """
{etc}/init.d/v6-gatewayd
{prefix}/bin/gatewayctl
{prefix}/lib/systemd/system/v6-gatewayd.service
{prefix}/lib/sysusers.d/v6-gatewayd.conf
{prefix}/lib/tmpfiles.d/v6-gatewayd.conf
{prefix}/sbin/gatewayd
{prefix}/sbin/v6-gatewayd
{prefix}/share/bash-completion/completions/gatewayctl.bash
{prefix}/share/doc/v6-gatewayd/examples/grafana/v6-gatewayd.json
{prefix}/share/doc/v6-gatewayd/examples/prometheus/prometheus.yml
{prefix}/share/doc/v6-gatewayd/examples/prometheus/v6-gatewayd.rules.yml
{prefix}/share/doc/v6-gatewayd/v6-gatewayd.conf.example
{prefix}/share/fish/vendor_completions.d/gatewayctl.fish
{prefix}/share/man/man5/v6-gatewayd.conf.5
{prefix}/share/man/man8/gatewayctl.8
{prefix}/share/man/man8/gatewayd.8
{prefix}/share/zsh/site-functions/_gatewayctl
"""


class Installed:
    """What "meson install" of the build under test leaves in a directory."""

    def __init__(self, root):
        options = {o["name"]: o["value"] for o in json.loads(gw.sh(
            "meson", "introspect", "--buildoptions", gw.BUILD).stdout)}
        self.root = root
        self.prefix = options["prefix"]
        self.etc = options["sysconfdir"]
        gw.sh("meson", "install", "-C", gw.BUILD, "--no-rebuild",
              env={**os.environ, "DESTDIR": str(root)})

    def path(self, name):
        return self.root / self.prefix.lstrip("/") / name

    @property
    def unit(self):
        return self.path("lib/systemd/system/v6-gatewayd.service")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("root"))


@pytest.fixture
def root(tmp_path):
    """An empty machine with our sysusers and tmpfiles."""
    for kind in ("sysusers", "tmpfiles"):
        target = tmp_path / "usr/lib" / (kind + ".d")
        target.mkdir(parents=True)
        shutil.copy(gw.TREE / ("etc/v6-gatewayd." + kind),
                    target / "v6-gatewayd.conf")
    (tmp_path / "etc").mkdir()
    return tmp_path


def generated(name):
    return gw.BUILD / "etc" / name


def test_installed_files(installed):
    found = sorted("/" + str(p.relative_to(installed.root))
                   for p in installed.root.rglob("*") if not p.is_dir())
    assert found == sorted(FILES.format(
        prefix=installed.prefix, etc=installed.etc).split())
    assert os.readlink(installed.path("sbin/v6-gatewayd")) == "gatewayd"
    for path in installed.root.rglob("*"):
        mode = path.lstat().st_mode
        assert stat.S_ISLNK(mode) or not mode & (stat.S_IWGRP | stat.S_IWOTH)
    version = gw.sh(installed.path("sbin/v6-gatewayd"), "-V").stdout
    assert re.fullmatch(r"gatewayd \d+\.\d+\.\d+\n", version)
    script = installed.root / installed.etc.lstrip("/") / "init.d/v6-gatewayd"
    assert os.access(script, os.X_OK)


def test_paths_follow_the_prefix(installed):
    unit = installed.unit.read_text()
    assert "ExecStart=%s/sbin/gatewayd -f\n" % installed.prefix in unit
    assert "ExecReload=%s/bin/gatewayctl reload\n" % installed.prefix in unit
    for script in ("v6-gatewayd.init", "v6-gatewayd.openrc"):
        text = generated(script).read_text()
        assert "%s/sbin/gatewayd" % installed.prefix in text
        assert not re.search(r"@\w+@", text + unit)


def test_unit_is_valid(installed, tmp_path):
    """systemd-analyze has nothing to say, programs and manual in place."""
    copy = tmp_path / "v6-gatewayd.service"
    copy.write_text(re.sub(r"(?<==)%s(?=/s?bin/)" % installed.prefix,
                           str(installed.path("")).rstrip("/"),
                           installed.unit.read_text()))
    p = gw.sh("systemd-analyze", "verify", copy, env={
        **os.environ, "MANPATH": str(installed.path("share/man"))})
    assert p.stdout == ""


def test_unit_exposure(installed):
    gw.sh("systemd-analyze", "security", "--offline=true",
          "--threshold=%d" % EXPOSURE, installed.unit)


def test_manual(installed):
    """Clean down to the style, references included."""
    for page in installed.path("share/man").rglob("*.[1-8]"):
        p = gw.sh("mandoc", "-Tlint", "-Wstyle", page, check=False, env={
            **os.environ, "MANPATH": str(installed.path("share/man"))})
        # without a database of names every other page is missing to mandoc
        assert [line for line in p.stdout.splitlines()
                if "referenced manual not found" not in line
                and "outdated mandoc.db" not in line] == []


def test_every_key_is_in_the_manual():
    page = (gw.TREE / "man/v6-gatewayd.conf.5").read_text()
    text = (gw.TREE / "common/keys.c").read_text()
    keys = re.findall(r'(?:KEY2?|WHOLE)\(.*?"(\w+)"', text)
    assert len(keys) > 50
    named = re.findall(r"^\.It Cm (.*)$", page, re.M)
    named = {key for line in named for key in line.split(" , ")}
    assert set(keys) <= named
    # besides: the words of keys that need a list, and those of wg-quick files
    words = re.findall(r'"([\w-]+)"', "".join(
        re.findall(r"_words\[\] = \{(.*?)\};", text, re.S)))
    others = {name for name in named - set(keys) - set(words)
              if not name[0].isupper()}
    assert others == set(), others


def test_sysusers(root):
    for _ in range(2):
        gw.sh("systemd-sysusers", "--root=%s" % root, "v6-gatewayd.conf")
    passwd = (root / "etc/passwd").read_text()
    for user in gw.USERS:
        entry = re.search(r"^%s:.*$" % user, passwd, re.M).group().split(":")
        assert 0 < int(entry[2]) < 1000
        assert entry[5] == "/nonexistent"
        assert entry[6].endswith("/nologin")


def test_tmpfiles(root):
    gw.sh("systemd-tmpfiles", "--root=%s" % root, "--create",
          "v6-gatewayd.conf")
    for name, mode in (("run/v6-gatewayd", 0o755),
                       ("run/v6-gatewayd/empty", 0o555),
                       ("var/lib/v6-gatewayd", 0o700)):
        st = (root / name).stat()
        assert stat.S_ISDIR(st.st_mode)
        assert (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid) == (mode, 0, 0)


@pytest.mark.parametrize("name", ["v6-gatewayd.init", "v6-gatewayd.openrc"])
def test_rc_syntax(name):
    gw.sh("sh", "-n", generated(name))
    # OpenRC reads variables that the script only sets
    gw.sh("shellcheck", "-s", "sh", "-e", "SC2034", generated(name))


def test_lsb_header():
    text = generated("v6-gatewayd.init").read_text()
    header = text.split("### BEGIN INIT INFO\n")[1].split(
        "### END INIT INFO\n")[0]
    keys = [line.split(":")[0][2:] for line in header.splitlines()
            if ":" in line]
    assert keys[:8] == [
        "Provides", "Required-Start", "Required-Stop", "Should-Start",
        "Should-Stop", "Default-Start", "Default-Stop", "Short-Description"]


class Script:
    """The init script as installed, its paths led to a daemon of the lab."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.pidfile = daemon.run_dir / "gatewayd.pid"
        ctl = daemon.dir / "gatewayctl"
        ctl.write_text("#!/bin/sh\nexec %s -s %s/gatewayd.sock \"$@\"\n" % (
            gw.GATEWAYCTL, daemon.run_dir))
        ctl.chmod(0o755)
        text = generated("v6-gatewayd.init").read_text()
        for name, value in (
                ("DAEMON", pathlib.Path(daemon.binary).resolve()),
                ("CTL", ctl), ("RUNDIR", daemon.run_dir),
                ("CONF", daemon.file)):
            text = re.sub(r"^%s=.*" % name, "%s=%s" % (name, value), text,
                          flags=re.M)
        text = text.replace("/var/lib/v6-gatewayd", str(daemon.state_dir))
        text = text.replace("/etc/default/v6-gatewayd",
                            str(daemon.dir / "default"))
        self.path = daemon.dir / "init"
        self.path.write_text(text)
        self.path.chmod(0o755)

    def __call__(self, *args):
        """(status, what it said)"""
        p = self.daemon.ns.run(self.path, *args, check=False,
                               timeout=30 * gw.SLOW)
        return p.returncode, p.stdout.strip()


@pytest.fixture
def script(daemon):
    shutil.rmtree(daemon.state_dir)
    daemon.configure({"core": {"log_to": daemon.log_path}})
    script = Script(daemon)
    yield script
    if script.pidfile.exists():
        script("stop")


def test_init_script(script):
    assert script("status") == (3, "v6-gatewayd is not running")
    assert script("reload")[0] == 7
    assert script("stop")[0] == 0
    assert script("start") == (0, "Starting v6-gatewayd")
    # it is ready when the script says so
    assert script.daemon.get("/version").status == 200
    first = script.pidfile.read_text()
    assert script("start") == (0, "v6-gatewayd is running")
    assert script.pidfile.read_text() == first
    assert script("status") == (
        0, "v6-gatewayd is running (process %s)" % first)
    assert script("reload")[0] == 0
    assert script("restart")[0] == 0
    assert script.pidfile.read_text() != first
    assert script("stop")[0] == 0
    # a pid file that a crash left, its number now another program's
    script.pidfile.write_text("1\n")
    assert script("status")[0] == 1
    assert script("nonsense")[0] == 2


def test_init_script_bad_configuration(script):
    assert script("start")[0] == 0
    script.daemon.configure({"core": {"log_level": "loud"}})
    # the daemon's verdict is the script's
    status, out = script("reload")
    assert status == 1 and "log_level" in out
    # a file with errors takes nothing down
    status, out = script("restart")
    assert status == 1 and "log_level" in out
    assert script("status")[0] == 0
    assert script.daemon.get("/version").status == 200
    assert script("stop")[0] == 0
    assert script("start")[0] == 1


def test_init_script_directories(script):
    assert script("start")[0] == 0
    for path, mode in ((script.daemon.run_dir, 0o755),
                       (script.daemon.run_dir / "empty", 0o555),
                       (script.daemon.state_dir, 0o700)):
        assert stat.S_IMODE(path.stat().st_mode) == mode
