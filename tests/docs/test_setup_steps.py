"""The documented set-up of a bare repository and of GitHub, counted: steps, files to commit, decisions."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest
from support.asking import at_terminal
from support.company import Clone
from support.people import ROOT, commands, follow, people_at_machines

SETUPS = {"server": ("--bare", 4, 2, 3), "github": ("--github", 4, 3, 3)}
"""By page: the option of `gate init`, and at most how many steps, files and decisions."""


def quick_start(page: Path) -> str:
    """The section of a page that sets gate up."""
    return page.read_text().partition("## Quick start\n")[2].partition("\n## ")[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", SETUPS)
def test_the_documented_steps_lead_to_a_protected_branch(name: str, tmp_path: Path) -> None:
    _, most_steps, most_files, _ = SETUPS[name]
    text = quick_start(ROOT / "docs" / f"{name}.md")
    steps = re.findall(r"^(\d)\. ", text, re.MULTILINE)
    assert steps == [str(number + 1) for number in range(len(steps))]
    assert 1 <= len(steps) <= most_steps
    people = people_at_machines(tmp_path)
    page = tmp_path / "page.md"
    page.write_text(text)
    server = tmp_path / "server.git"
    values = {
        "pip install merge-gate": ":",
        "python3 -m venv /opt/gate && /opt/gate/bin/:": ":",
        "/opt/gate/bin/gate": "gate",
        "/srv/git/shortener.git": str(server),
    }
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    typed = [command for block in blocks for command in commands(dedent(block))]
    # The page may also show what happens afterwards.
    assert follow(page, people, values) >= len(typed) > 0
    lead = people["Nehemiah"]
    files = lead.run("git show --name-only --format= HEAD").split()
    assert len(files) <= most_files, files
    assert lead.run("git status --porcelain --untracked-files=no") == ""
    if name == "server":
        lead.run("printf 'import json\\n\\nx = json.laods(1)\\n' > a.py && git add a.py")
        lead.run("git commit -q --no-verify -m Bypass")
        refused = lead.run("git push --no-verify origin main", code=1)
        assert "gate: " in refused


@pytest.mark.parametrize("name", SETUPS)
def test_gate_init_asks_for_no_more_decisions_than_documented(project: Clone, name: str) -> None:
    option, _, _, most = SETUPS[name]
    project.git(
        "remote", "add", "origin", "git@github.com:acme/shop.git" if name == "github" else "/srv/shop.git"
    )
    # Nobody can be recognized among several owners: all that can be asked is asked.
    project.write({"CODEOWNERS": "* @apark @bob @cyd\n"})
    shown = at_terminal(project, "1\n" + "\n" * 9, option)
    asked = re.findall(r"\[[^\]\n]*\] ", shown)  # each question ends with its default
    assert 1 <= len(asked) <= most, shown
    assert (project.path / "gate.yaml").is_file()
