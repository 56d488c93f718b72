"""Eight who record at the same moment: in eight clones, and in one. Nothing is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from support.town import Clone, Said, Town

EIGHT = range(8)
PEOPLE = ("nehemiah", "ada", "bob")

pytestmark = pytest.mark.slow


@pytest.fixture
def proposals(town: Town) -> Town:
    """Eight branches that wait for approval."""
    new = town.clone("newhire")
    for number in EIGHT:
        new.commit("v2", {f"new{number}.py": "x = 2\n"}, branch=f"f{number}", push=False)
    new.git("push", "-q", "origin", *(f"f{number}" for number in EIGHT))
    return town


def all_at_once(jobs: list[tuple[Clone, tuple[str, ...]]]) -> list[Said]:
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
def shared(proposals: Town, request: pytest.FixtureRequest) -> Town:
    """The same with and without the server's hook, whose refusals git reports like any other."""
    if request.param == "hook":
        assert proposals.server.gate("install", "--server").code == 0
    return proposals


def test_in_eight_clones(shared: Town) -> None:
    town = shared
    signed = [PEOPLE[number % len(PEOPLE)] for number in EIGHT]
    clones = [town.clone(name, f"clone-{number}") for number, name in enumerate(signed)]
    said = all_at_once([(clone, ("approve", f"origin/f{number}")) for number, clone in enumerate(clones)])
    assert [one.code for one in said] == [0] * len(EIGHT), [one.text for one in said]
    for clone in clones:
        readers_find_all(clone, signed)
    assert len({clone.git("rev-parse", "refs/gate/log") for clone in (*clones, town.server)}) == 1


def test_in_one_clone(proposals: Town) -> None:
    town = proposals
    senior = town.clone("nehemiah")
    senior.fetch()
    said = all_at_once([(senior, ("approve", f"origin/f{number}")) for number in EIGHT])
    assert [one.code for one in said] == [0] * len(EIGHT), [one.text for one in said]
    for clone in (senior, town.clone("ada")):
        readers_find_all(clone, ["nehemiah"] * len(EIGHT))
    assert senior.git("rev-parse", "refs/gate/log") == town.server.git("rev-parse", "refs/gate/log")


def test_who_merges_at_once_merges_one_after_the_other(shared: Town) -> None:
    """Eight merges onto the same main: each lands once, upon the others, and the audit finds no fault."""
    town = shared
    senior = town.clone("nehemiah")
    senior.fetch()
    for number in EIGHT:
        assert senior.gate("approve", f"origin/f{number}").code == 0
        town.clone("ada", f"clone-{number}")
    jobs: list[tuple[Clone, tuple[str, ...]]] = [
        (town.clone("ada", f"clone-{number}"), ("merge", f"origin/f{number}", "--push")) for number in EIGHT
    ]
    said = all_at_once(jobs)
    assert [one.code for one in said] == [0] * len(EIGHT), [one.text for one in said]
    assert town.server.git("rev-list", "--count", "--merges", "main") == str(len(EIGHT))
    assert town.clone("bob").gate("audit", "--fetch").code == 0
