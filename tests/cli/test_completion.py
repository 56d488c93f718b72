"""What bash, zsh and fish offer at the tab key, in the real shells."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.company import Clone, isolated
from support.terminal import Terminal

from gate.cli import COMMANDS
from gate.cli.completion import SHELLS, script

BIN = Path(sys.executable).parent
POLICY = """\
protect: {main: {require: {checks: [lint]}}, production: {kind: environment}}
people: {"@nehemiah": {role: senior}, "@ada": {role: senior}}
checks: {documentation: {command: ["true"], report: none}}
"""
HOSTILE = "release/$(touch${IFS}pwned)"
START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
SETUP = {
    "bash": "PS1='REA''DY> '; bind 'set enable-bracketed-paste off'; . ../scripts/_gate\n",
    "zsh": "PS1='REA''DY> '; fpath=($PWD/../scripts $fpath); autoload -U compinit; compinit -u -D\n",
}
# What is typed, and what stands there after the tab key.
OFFERS = {
    "a command": ("gate che", "check"),
    "an option": ("gate check --fail", "--fail-fast"),
    "a format": ("gate check --format ht", "html"),
    "a branch": ("gate check --into rel", "release/2"),
    "a branch that only the remote has": ("gate approve --into dis", "distant"),
    "a revision": ("gate merge rel", "release/2"),
    "a check": ("gate check --only docu", "documentation"),
    "an environment": ("gate promote v3 --into prod", "production"),
    "a person": ("gate init --person @neh", "@nehemiah"),
    "a topic": ("gate explain wrong-j", "wrong-json-argument"),
    "a file": ("gate check --output gate.ya", "gate.yaml"),
}


@pytest.fixture
def repository(project: Clone) -> Clone:
    project.write({"gate.yaml": POLICY})
    for branch in ("release/2", HOSTILE):
        project.git("branch", branch)
    project.git("update-ref", "refs/remotes/origin/distant", "HEAD")
    project.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/distant")
    return project


def environment(clone: Clone) -> dict[str, str]:
    env = isolated(clone.path.parent / "home")
    return {**env, "PATH": f"{BIN}:{env['PATH']}", "TERM": "xterm", "INPUTRC": "/dev/null"}


@pytest.fixture(params=["bash", "zsh"])
def terminal(request: pytest.FixtureRequest, repository: Clone) -> Iterator[Terminal]:
    shell = request.param
    if not shutil.which(shell):
        pytest.skip(f"no {shell} on this machine")
    # By this name zsh finds it in a folder of its `fpath`.
    repository.write({"../scripts/_gate": script(shell)})
    opened = Terminal(START[shell], repository.path, environment(repository))
    opened.type(SETUP[shell])
    assert opened.wait_for("READY> "), opened.shown
    yield opened
    opened.close()


@pytest.mark.slow
def test_what_the_shell_offers(terminal: Terminal, repository: Clone) -> None:
    for what, (typed, whole) in OFFERS.items():
        terminal.forget()
        terminal.type(f"{typed}\t")
        assert terminal.wait_for(typed.rpartition(" ")[0] + " " + whole), (what, terminal.shown)
        # The line is taken back, not run.
        terminal.type("\x15")
    assert not (repository.path / "pwned").exists()


@pytest.mark.slow
def test_what_fish_offers(repository: Clone) -> None:
    if not shutil.which("fish"):
        pytest.skip("no fish on this machine")
    repository.write({"../scripts/_gate": script("fish")})
    for what, (typed, whole) in OFFERS.items():
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"source ../scripts/_gate; complete -C '{typed}'"],
            cwd=repository.path, env=environment(repository), capture_output=True, text=True, check=True,
        )  # fmt: skip
        offered = [line.partition("\t")[0] for line in done.stdout.splitlines()]
        assert whole in offered, (what, done.stdout, done.stderr)
    assert not (repository.path / "pwned").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_is_in_the_script(shell: str) -> None:
    text = script(shell)
    for name in COMMANDS:
        assert re.search(rf"\b{name}\b", text)
    # What these would evaluate, the name of a branch could be.
    assert not re.search(r'compgen -W "?\$\(', text)


def test_the_lists_and_what_is_left_out(repository: Clone) -> None:
    branches = repository.gate("completion", "--list", "branches").out.splitlines()
    assert branches == ["distant", "main", "release/2"]
    people = repository.gate("completion", "--list", "people").out.splitlines()
    assert people == ["@nehemiah", "@ada"]


def test_where_there_is_nothing_to_offer(project: Clone, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = Clone(tmp_path / "empty", "ada", tmp_path).gate("completion", "--list", "branches")
    assert (result.code, result.text) == (0, "")
    project.write({"gate.yaml": "protect: 3\n"})
    result = project.gate("completion", "--list", "checks")
    assert (result.code, result.text) == (0, "")


def test_the_shell_has_to_be_named(project: Clone) -> None:
    result = project.gate("completion")
    assert result.code == 2
    assert "bash, zsh, fish" in result.err
