"""Configuration files: what `gatewayd -n` and `gatewayd -nv` say.

N.in is read; N.ok is the configuration it prints, N.err the errors.  A case
whose name starts with "secret" looks at owners and modes: root only.
"""

import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("GW_BUILD") or HERE.parents[1] / "build")
CASES = sorted(path.stem for path in HERE.glob("*.in"))
OK = [name for name in CASES if (HERE / (name + ".ok")).exists()]
ERR = [name for name in CASES if (HERE / (name + ".err")).exists()]


def gatewayd(*args, cwd=HERE):
    return subprocess.run(
        [BUILD.absolute() / "gatewayd" / "gatewayd", *args], cwd=cwd,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=20)


def skip_unless_root(name):
    if name.startswith("secret") and os.geteuid() != 0:
        pytest.skip("only root checks secrets")


def test_each_case_has_one_answer():
    assert len(CASES) >= 40
    assert sorted(OK + ERR) == CASES


@pytest.mark.parametrize("name", OK)
def test_ok(name):
    run = gatewayd("-nv", "-c", name + ".in")
    assert run.stderr.decode() == ""
    assert run.returncode == 0
    assert run.stdout.decode() == (HERE / (name + ".ok")).read_text()


@pytest.mark.parametrize("name", OK)
def test_printed_form_reads_back(name, tmp_path):
    (tmp_path / "again").write_bytes((HERE / (name + ".ok")).read_bytes())
    run = gatewayd("-nv", "-c", "again", cwd=tmp_path)
    assert run.stderr.decode() == ""
    assert run.returncode == 0
    assert run.stdout.decode() == (HERE / (name + ".ok")).read_text()


@pytest.mark.parametrize("name", ERR)
def test_err(name):
    skip_unless_root(name)
    run = gatewayd("-n", "-c", name + ".in")
    assert run.stderr.decode() == (HERE / (name + ".err")).read_text()
    assert run.returncode == 1
    assert run.stdout == b""


@pytest.mark.parametrize("name", ERR)
def test_err_prints_no_configuration(name):
    skip_unless_root(name)
    run = gatewayd("-nv", "-c", name + ".in")
    assert (run.returncode, run.stdout) == (1, b"")


def test_every_error_has_its_place():
    for name in ERR:
        for line in (HERE / (name + ".err")).read_text().splitlines():
            file, row, column, text = line.split(":", 3)
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
def test_example(form, tmp_path):
    text = EXAMPLE.read_text() if form == "as it is" else uncommented()
    (tmp_path / "example").write_text(text)
    run = gatewayd("-nv", "-c", "example", cwd=tmp_path)
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
