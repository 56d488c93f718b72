"""What must be meant as the policy, or as a branch that it protects, and is not read as such."""

from __future__ import annotations

import pytest

from gate.policy.near_misses import looks_like_policy, may_be_policy, meant_branch
from gate.policy.types import Policy, Protection

MEANT = (
    "gate.yml", ".gate.yaml", "Gate.yaml", "GATE.YML", "gate.yaml.txt", "gates.yaml", "gate.json", "gate.toml",
    ".github/gate.yaml", "config/gate.yml", ".gate/gate.yaml",
)  # fmt: skip
OTHER = (
    "gate.yaml",
    "gate.py",
    "gateway.yaml",
    "date.yaml",
    "gate",
    "tollgate.yaml",
    "gate.yaml.bak",
    "a/b.yaml",
)


@pytest.mark.parametrize("path", MEANT)
def test_a_name_that_may_be_meant(path: str) -> None:
    assert may_be_policy(path)


@pytest.mark.parametrize("path", OTHER)
def test_a_name_of_something_else(path: str) -> None:
    assert not may_be_policy(path)


@pytest.mark.parametrize(
    ("data", "is_one"),
    [
        (b"version: 1\nprotect:\n  main: {}\n", True),
        (b"protect: {main: {}}\n", True),
        (b'{"version": 1, \n"protect": {"main": {}}}', True),
        (b"[protect.main]\n", True),
        ("protect:\n".encode("utf-16"), True),
        (b"version: 1\nchecks:\n  names: {}\n", True),
        (b"version: 1\nopen: true\n", False),
        (b"logic:\n  protect: true\n  and: [a, b]\n", False),
        (b"# protect: nothing\n", False),
        (b"", False),
    ],
)
def test_what_is_in_a_policy(data: bytes, is_one: bool) -> None:
    assert looks_like_policy(data) == is_one


@pytest.mark.parametrize(
    ("names", "branch", "existing", "meant"),
    [
        (["Main"], "main", [], "Main"),
        (["mian"], "main", [], "mian"),
        (["master"], "main", [], "master"),
        (["main"], "master", [], "main"),
        (["MA*"], "main", [], "MA*"),
        (["Main"], "main", ["Main"], ""),
        (["main", "Main"], "main", [], ""),
        (["develop"], "main", [], ""),
        (["release/*"], "main", [], ""),
        ([], "main", [], ""),
    ],
)
def test_a_branch_that_is_meant(names: list[str], branch: str, existing: list[str], meant: str) -> None:
    policy = Policy(protect={name: Protection() for name in names})
    assert meant_branch(policy, branch, default=True, existing=existing) == meant


def test_on_other_branches_only_the_case_matters() -> None:
    policy = Policy(protect={"Release/*": Protection(), "release-1": Protection()})
    assert meant_branch(policy, "release/1", default=False, existing=[]) == "Release/*"
    assert meant_branch(policy, "release-2", default=False, existing=[]) == ""
