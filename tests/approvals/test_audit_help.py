"""The help of an audit that fails: its commands settle what they are about."""

from __future__ import annotations

import re
import shlex

import pytest
from support.company import REQUIRE, Company


@pytest.mark.slow
def test_a_commit_past_the_gate_on_a_release_branch(company: Company) -> None:
    """Each command is about that branch, and after them the audit passes."""
    company.set_policy(company.policy(f'{REQUIRE}  "release/*":\n    require:\n{REQUIRE}'))
    company.server.git("branch", "release/1", "main")
    new = company.clone("newhire")
    new.git("fetch", "-q")
    new.git("switch", "-q", "-c", "release/1", "origin/release/1")
    new.commit("Past the gate", {"a.py": "x = 2\n"})
    senior = company.clone("nehemiah")
    failed = senior.gate("audit", "--fetch", "--into", "release/1")
    assert failed.code == 1, failed.text
    commands = [shlex.split(command) for command in re.findall(r"`gate ([^`]+)`", failed.out)]
    assert [command[0] for command in commands] == ["approve", "check"], failed.out
    for command in commands:
        result = senior.gate(*command)
        assert result.code == 0, result.text
    settled = senior.gate("audit", "--into", "release/1")
    assert settled.code == 0, settled.text
