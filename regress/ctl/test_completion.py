"""The completion of gatewayctl's command line, by the shells themselves."""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

import pytest

import gw

TUNNELS = {"he", "slowed", "quiet", "nowan", "nodns", "maybe", "back", "wg",
           "off"}
pytestmark = pytest.mark.plain

# how a shell starts without anybody's settings, its prompt, how it takes the
# script from a pipe, and where it finds the one that is installed
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             "PS1='ready> '; ",
             "source <(gatewayctl completion bash)",
             "BASH_COMPLETION_USER_DIR=$HOME; "
             "source /usr/share/bash-completion/bash_completion"),
    "zsh": (["zsh", "-f", "-i"],
            "PS1='ready> '; fpath=($HOME/completions $fpath); "
            "autoload -Uz compinit; ",
            "compinit -u -D; source <(gatewayctl completion zsh)",
            "compinit -u -D"),
    "fish": (["fish", "-N", "-i"],
             "function fish_prompt; echo -n 'ready> '; end; ",
             "gatewayctl completion fish | source",
             "set fish_complete_path $HOME/completions"),
}
INSTALLED = "gatewayctl.bash", "_gatewayctl", "gatewayctl.fish"


@pytest.fixture
def environ(server):
    """Where "gatewayctl" is one that asks the server."""
    os.rename(server.ctl_program, server.dir / "real")
    script = server.dir / "gatewayctl"
    script.write_text('#!/bin/sh\nexec %s/real -s %s "$@"\n' % (
        server.dir, server.path))
    script.chmod(0o755)
    return {"PATH": "%s:%s" % (server.dir, os.environ["PATH"]),
            "HOME": str(server.dir), "TERM": "dumb", "LC_ALL": "C.UTF-8"}


def run(environ, *argv):
    p = subprocess.run(argv, env=environ, text=True, capture_output=True,
                       timeout=30)
    assert not p.stderr, p.stderr
    return p.stdout


def bash(environ, line):
    """As readline has it called: the line is split at "=" as well."""
    words = re.sub("=", " = ", line).split(" ")
    return run(environ, "bash", "-c", """
        source <(gatewayctl completion bash)
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _gatewayctl gatewayctl
        ((${#COMPREPLY[@]})) && printf '%s\\n' "${COMPREPLY[@]}"
        true""", "bash", *words).splitlines()


def fish(environ, line):
    out = run(environ, "fish", "-N", "-c",
              "gatewayctl completion fish | source; complete -C $argv[1]",
              line)
    return [row.split("\t")[0] for row in out.splitlines()]


class Terminal:
    """A shell on a terminal, and somebody who types."""

    def __init__(self, environ, shell, installed=False):
        argv, *setup = SHELLS[shell]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, environ)
        self.out = ""
        self.type(setup[0] + setup[2 if installed else 1] + "\n")
        self.ready()

    def ready(self):
        """It has its prompt, and reads what is typed."""
        self.type("echo set''up\n")
        self.expect("(?s)setup.*ready> ")

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern):
        end = time.monotonic() + 20 * max(1, gw.SLOW)
        while not re.search(pattern, self.out):
            assert time.monotonic() < end, repr(self.out)
            if select.select([self.fd], [], [], 0.1)[0]:
                self.out += os.read(self.fd, 65536).decode(errors="replace")
        out, self.out = self.out, ""
        return out

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def zsh(environ, line):
    """Its line editor's list, with what it would add printed instead."""
    t = Terminal(environ, "zsh")
    try:
        t.type("compadd() { local -a D; builtin compadd -O D $@; "
               "print -rl -- '<'${^D}'>' }\n")
        t.ready()
        # ^D lists, and ^U throws the line away
        t.type(line + "\x04\x15echo do''ne\n")
        return re.findall(r"<([^<>\s]+)>", t.expect("done"))
    finally:
        t.close()


COMPLETERS = {"bash": bash, "zsh": zsh, "fish": fish}


@pytest.mark.parametrize("shell", COMPLETERS)
def test_lists(server, environ, shell):
    def complete(line):
        return {w.rstrip("/") for w in COMPLETERS[shell](environ, line)}

    usage = run(environ, "gatewayctl", "-h")
    words = set(re.findall(r"^  ([a-z]+)", usage, re.M))
    assert words > {"status", "show", "tunnel", "completion"}
    assert complete("gatewayctl ") == words
    assert complete("gatewayctl s") == {"status", "show"}
    # words behind words that are cut short, and behind options
    assert complete("gatewayctl -j sh ") >= {"tunnels", "addresses", "config"}
    assert complete("gatewayctl sh t ") == TUNNELS
    assert complete("gatewayctl tunnel wg un") == {"unprefer"}
    assert complete("gatewayctl show addresses h") >= {"he1", "he2"}
    assert not complete("gatewayctl status ")
    assert not complete("gatewayctl nix ")
    assert {"--json", "--socket"} <= complete("gatewayctl show -")
    assert complete("gatewayctl --color al") == {"always"}
    assert {w.split("=")[-1] for w in complete("gatewayctl --color=al")} == {
        "always"}
    # no daemon: nothing, and no word about it
    assert not complete("gatewayctl -s /none tunnel ")
    (server.dir / "some.conf").touch()
    assert any(w.endswith("some.conf") for w in complete(
        "gatewayctl check %s/so" % server.dir))


@pytest.mark.parametrize("shell", COMPLETERS)
def test_ports(server, environ, shell):
    def complete(line):
        return {w.rstrip("/") for w in COMPLETERS[shell](environ, line)}

    for words in ("add udp 7654 7654", "add tcp 80 8080",
                  "add tcp forward 40001 peer.example:80"):
        run(environ, "gatewayctl", "ports", *words.split())
    assert complete("gatewayctl ports ") == {"list", "add", "del"}
    assert complete("gatewayctl ports add ") == {"udp", "tcp"}
    # a number is told from a word, and nothing completes it
    assert complete("gatewayctl ports add udp ") == {"forward"}
    assert complete("gatewayctl p a u 7654 ") == {
        "description", "tunnel", "proxy"}
    assert complete("gatewayctl p a u 7654 7655 pro") == {"proxy"}
    assert complete("gatewayctl p a u 7654 proxy tunnel sl") == {"slowed"}
    assert complete("gatewayctl p a u 7654 tunnel he d") == {"description"}
    assert not complete("gatewayctl p a u 7654 description ")
    assert complete("gatewayctl p a u 7654 description x t") == {"tunnel"}
    assert not complete("gatewayctl ports add udp forward ")
    assert complete("gatewayctl p a u forward peer.example:80 ") == {
        "description", "tunnel"}
    assert not complete("gatewayctl p a u forward 40001 ")
    assert complete("gatewayctl p a u forw 40001 peer.example:80 ") == {
        "description", "tunnel"}
    assert complete("gatewayctl ports del udp ") == {"7654"}
    assert complete("gatewayctl ports del tcp ") == {"8080", "40001"}
    assert complete("gatewayctl ports del tcp 8") == {"8080"}
    assert not complete("gatewayctl ports del udp 7654 ")


@pytest.mark.parametrize("installed", [False, True])
@pytest.mark.parametrize("shell", SHELLS)
def test_typed(server, environ, shell, installed):
    """Tab and Enter: what was begun is what the daemon is told."""
    (server.dir / "completions").mkdir()
    for name in INSTALLED if installed else ():
        shutil.copy(gw.GATEWAYCTL.parent / name, server.dir / "completions")
    t = Terminal(environ, shell, installed)
    try:
        t.type("gatewayctl tunn\tslo\tdow\t\n")
        assert server.said() == "admin 2 1"
        t.expect("taken down")
    finally:
        t.close()


def test_places():
    """Each is installed where its shell looks."""
    plan = json.loads(gw.sh("meson", "introspect", gw.BUILD,
                            "--installed").stdout)
    places = {path.split("/share/")[1] for path in plan.values()
              if path.endswith(INSTALLED)}
    assert places == {"bash-completion/completions/gatewayctl.bash",
                      "zsh/site-functions/_gatewayctl",
                      "fish/vendor_completions.d/gatewayctl.fish"}
