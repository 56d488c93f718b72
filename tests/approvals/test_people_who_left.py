"""Replaced keys and people who left: what they objected to stands, what they approve elsewhere does not count."""

from __future__ import annotations

import pytest
from support.town import Town

REQUIRE = (
    '      owners: false\n      approvals: 1\n      guarded: ["@ada", "@nehemiah"]\n      checks: [ok]\n'
)


@pytest.mark.slow
def test_whom_the_default_branch_no_longer_lists_counts_on_no_older_branch(town: Town) -> None:
    town.set_policy(everywhere(town))
    town.server.git("branch", "release/1", "main")
    new, bob, ada = town.clone("newhire"), town.clone("bob"), town.clone("ada")
    new.fetch()
    new.git("switch", "-q", "-c", "fix", "origin/release/1")
    new.commit("fix", {"a.py": "x = 2\n"}, branch="fix")
    bob.approve("origin/fix", "--into", "release/1")
    assert bob.may_merge("origin/fix", "--into", "release/1")
    town.set_policy(without(everywhere(town), "@bob"))
    for clone in (ada, bob):
        clone.fetch()
        assert not clone.may_merge("origin/fix", "--into", "release/1")
    refused = bob.gate("approve", "origin/fix", "--into", "release/1", "--yes")
    assert refused.code == 2
    ada.approve("origin/fix", "--into", "release/1")
    assert ada.may_merge("origin/fix", "--into", "release/1")


def everywhere(town: Town) -> str:
    """The same rules for every branch."""
    return town.policy(REQUIRE).replace("  main:\n", '  "*":\n')


def without(policy: str, name: str) -> str:
    lines = policy.replace(f'["{name}", ', "[").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(f'  "{name}":'))
