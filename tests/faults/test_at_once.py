"""Eight who record at the same moment: in eight clones, and in one. Nothing is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from support.company import Clone, Company, Result

EIGHT = range(8)
MERGES = range(5)
"""Fewer: each one that is overtaken runs its checks again."""
PEOPLE = ("nehemiah", "ada", "bob")

pytestmark = pytest.mark.slow


@pytest.fixture
def proposals(company: Company) -> Company:
    """Eight branches that wait for approval."""
    new = company.clone("newhire")
    for number in EIGHT:
        new.commit("v2", {f"new{number}.py": "x = 2\n"}, branch=f"f{number}", push=False)
    new.git("push", "-q", "origin", *(f"f{number}" for number in EIGHT))
    return company


def all_at_once(jobs: list[tuple[Clone, tuple[str, ...]]]) -> list[Result]:
    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(lambda job: job[0].gate_process(*job[1]), jobs))


def readers_find_all(clone: Clone, signed: list[str]) -> None:
    """Each branch has exactly the one decision that was recorded for it."""
    clone.fetch()
    assert clone.gate("approvals", "--fetch", "origin/f0").code == 0
    for number in EIGHT:
        (decision,) = clone.decisions(f"origin/f{number}")
        assert (decision["by"], decision["counted"]) == (f"@{signed[number]}", True)


@pytest.fixture(params=["no hook", "hook"])
def shared(proposals: Company, request: pytest.FixtureRequest) -> Company:
    """The same with and without the server's hook, whose refusals git reports like any other."""
    if request.param == "hook":
        assert proposals.server.gate("install", "--server").code == 0
    return proposals


@pytest.mark.attack(19, "eight clones approve and merge at the same time")
def test_in_eight_clones(shared: Company) -> None:
    company = shared
    signed = [PEOPLE[number % len(PEOPLE)] for number in EIGHT]
    clones = [company.clone(name, f"clone-{number}") for number, name in enumerate(signed)]
    result = all_at_once([(clone, ("approve", f"origin/f{number}")) for number, clone in enumerate(clones)])
    assert [one.code for one in result] == [0] * len(EIGHT), [one.text for one in result]
    for clone in clones:
        readers_find_all(clone, signed)
    assert len({clone.git("rev-parse", "refs/gate/log") for clone in (*clones, company.server)}) == 1


def test_in_one_clone(proposals: Company) -> None:
    company = proposals
    senior = company.clone("nehemiah")
    senior.fetch()
    result = all_at_once([(senior, ("approve", f"origin/f{number}")) for number in EIGHT])
    assert [one.code for one in result] == [0] * len(EIGHT), [one.text for one in result]
    for clone in (senior, company.clone("ada")):
        readers_find_all(clone, ["nehemiah"] * len(EIGHT))
    assert senior.git("rev-parse", "refs/gate/log") == company.server.git("rev-parse", "refs/gate/log")


def test_who_merges_at_once_merges_one_after_the_other(shared: Company) -> None:
    """Five merges onto the same main: each is merged once, upon the others, and the audit finds no fault."""
    company = shared
    senior = company.clone("nehemiah")
    senior.fetch()
    for number in MERGES:
        assert senior.gate("approve", f"origin/f{number}").code == 0
        company.clone("ada", f"clone-{number}")
    jobs: list[tuple[Clone, tuple[str, ...]]] = [
        (company.clone("ada", f"clone-{number}"), ("merge", f"origin/f{number}", "--push"))
        for number in MERGES
    ]
    result = all_at_once(jobs)
    assert [one.code for one in result] == [0] * len(MERGES), [one.text for one in result]
    assert company.server.git("rev-list", "--count", "--merges", "main") == str(len(MERGES))
    assert company.clone("bob").gate("audit", "--fetch").code == 0
