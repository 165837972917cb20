"""Configuration files: what `gatewayd -n` and `gatewayd -nv` say.

N.in is read; N.ok is the configuration it prints, N.note the notes, if any;
N.err is errors and notes.  A case whose name starts with "secret" looks at
owners and modes: root only.  What the cases call /etc/wireguard is the folder
wg here: paths in a configuration are absolute.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("GW_BUILD") or HERE.parents[1] / "build")
CASES = sorted(path.stem for path in HERE.glob("*.in"))
OK = [name for name in CASES if (HERE / (name + ".ok")).exists()]
ERR = [name for name in CASES if (HERE / (name + ".err")).exists()]


WG = b"/etc/wireguard"


def gatewayd(*args, cwd=HERE, **options):
    return subprocess.run(
        [BUILD.absolute() / "gatewayd" / "gatewayd", *args], cwd=cwd,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=20, **options)


class Place:
    """A copy of the cases in which /etc/wireguard is a place of our own."""

    def __init__(self, path):
        self.path = path
        self.wg = os.fsencode(path / "wg")
        shutil.copytree(HERE, path, dirs_exist_ok=True)
        path.chmod(0o755)
        for file in path.glob("*.in"):
            self.put(file.name, file.read_bytes())
        for file in (path / "wg").iterdir():
            file.chmod(0o600)

    def put(self, name, data):
        (self.path / name).write_bytes(data.replace(WG, self.wg))

    def gatewayd(self, *args, **options):
        run = gatewayd(*args, cwd=self.path, **options)
        run.stdout = run.stdout.replace(self.wg, WG)
        run.stderr = run.stderr.replace(self.wg, WG)
        return run


@pytest.fixture(scope="module")
def place():
    with tempfile.TemporaryDirectory() as name:
        yield Place(pathlib.Path(name))


def expected(name, suffix):
    file = HERE / (name + suffix)
    return file.read_text() if file.exists() else ""


def skip_unless_root(name):
    if name.startswith("secret") and os.geteuid() != 0:
        pytest.skip("only root checks secrets")


def test_each_case_has_one_answer():
    assert len(CASES) >= 40
    assert sorted(OK + ERR) == CASES


@pytest.mark.parametrize("name", OK)
def test_ok(place, name):
    run = place.gatewayd("-nv", "-c", name + ".in")
    assert run.stderr.decode() == expected(name, ".note")
    assert run.returncode == 0
    assert run.stdout.decode() == (HERE / (name + ".ok")).read_text()


@pytest.mark.parametrize("name", OK)
def test_printed_form_reads_back(place, name):
    place.put("again", (HERE / (name + ".ok")).read_bytes())
    run = place.gatewayd("-nv", "-c", "again")
    assert run.stderr.decode() == expected(name, ".note")
    assert run.returncode == 0
    assert run.stdout.decode() == (HERE / (name + ".ok")).read_text()


@pytest.mark.parametrize("name", ERR)
def test_err(place, name):
    skip_unless_root(name)
    run = place.gatewayd("-n", "-c", name + ".in")
    assert run.stderr.decode() == (HERE / (name + ".err")).read_text()
    assert run.returncode == 1
    assert run.stdout == b""


@pytest.mark.parametrize("name", ERR)
def test_err_prints_no_configuration(place, name):
    skip_unless_root(name)
    run = place.gatewayd("-nv", "-c", name + ".in")
    assert (run.returncode, run.stdout) == (1, b"")


def test_secrets_of_others(place):
    """Who may not read a tunnel's keys can still check the rest."""
    if os.geteuid() != 0:
        pytest.skip("root's files are needed")
    run = place.gatewayd("-n", "-c", "wg-all.in", user=65534)
    assert run.returncode == 0
    assert run.stderr.decode().splitlines() == [
        'wg-all.in:4:8: note: conf: "/etc/wireguard/all.conf": Permission '
        'denied; what it says was not checked',
        "wg-all.in: configuration ok"]


def test_every_error_has_its_place():
    for name in ERR:
        for line in (HERE / (name + ".err")).read_text().splitlines():
            file, row, column, text = line.split(":", 3)
            file = file.replace(os.fsdecode(WG), "wg")
            lines = (HERE / file).read_bytes().split(b"\n")
            assert 1 <= int(row) <= len(lines), line
            assert 1 <= int(column) <= len(lines[int(row) - 1]) + 1, line
            assert text.startswith(" "), line


EXAMPLE = HERE.parents[1] / "etc" / "v6-gatewayd.conf.example"


def uncommented():
    """The example with each `#key = value` and `#[section]` in force."""
    out = []
    for line in EXAMPLE.read_text().splitlines():
        bare = line[1:] if line.startswith("#") else line
        is_key = bare[:1] == "[" or (
            "=" in bare and bare.split("=")[0].strip().isidentifier())
        out.append(bare if is_key else line)
    return "\n".join(out) + "\n"


@pytest.mark.parametrize("form", ["as it is", "uncommented"])
def test_example(place, form):
    text = EXAMPLE.read_text() if form == "as it is" else uncommented()
    place.put("example", text.encode())
    run = place.gatewayd("-nv", "-c", "example")
    assert run.stderr.decode() == ""
    assert run.returncode == 0


def keys(text):
    """(kind of section, key) pairs."""
    section, found = None, set()
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]").split()[0].rstrip("]")
            if section.split(".")[0] in ("tunnel", "port"):
                section = section.split(".")[0]
        elif "=" in line and not line.startswith("#"):
            found.add((section, line.split("=")[0].strip()))
    return found


def test_example_has_every_key():
    """All types of tunnel together print every key there is."""
    printed = keys((HERE / "sample.ok").read_text())
    assert len(printed) > 50
    assert keys(uncommented()) >= printed


@pytest.mark.parametrize("path, words", [
    (".", "is a directory"),
    ("/dev/null", "is not a regular file"),
    ("/nonexistent/x", "No such file or directory"),
])
def test_no_file(path, words):
    run = gatewayd("-n", "-c", path)
    assert run.returncode == 1
    assert run.stderr.decode() == (
        "%s:1:1: %s; needed is a configuration file that can be read\n"
        % (path, words))


def test_fifo_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    run = gatewayd("-n", "-c", "fifo", cwd=tmp_path)
    assert run.returncode == 1
    assert b"is not a regular file" in run.stderr


def test_large_file(tmp_path):
    (tmp_path / "max").write_bytes(b"#\n" * (1 << 19))
    assert gatewayd("-n", "-c", "max", cwd=tmp_path).returncode == 0
    (tmp_path / "more").write_bytes(b"#\n" * (1 << 19) + b"#")
    run = gatewayd("-n", "-c", "more", cwd=tmp_path)
    assert run.returncode == 1
    assert b"more:1:1: is larger than 1 MiB" in run.stderr


@pytest.mark.parametrize("seed", range(4))
def test_binary_file(seed, tmp_path):
    """Rubbish is told with places, up to a limit, and kills nothing."""
    data = bytes((i * (seed * 2 + 7) + (i >> 8)) & 0xff
                 for i in range(1 << 18))
    (tmp_path / "binary").write_bytes(data)
    run = gatewayd("-n", "-c", "binary", cwd=tmp_path)
    lines = run.stderr.decode("utf-8").splitlines()
    assert run.returncode == 1
    assert 1 <= len(lines) <= 1001
    assert all(line.startswith("binary:") for line in lines)


def test_many_errors_are_cut(tmp_path):
    (tmp_path / "many").write_bytes(b"x\n" * 5000)
    lines = gatewayd("-n", "-c", "many", cwd=tmp_path).stderr.splitlines()
    assert len(lines) == 1001
    assert lines[-1] == (
        b"many:1001:1: too many errors; the others are not shown")
