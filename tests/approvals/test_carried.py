"""Approvals of another content that still hold: the rest of a stack, and the same hunks on a base that moved."""

from __future__ import annotations

import pytest
from support.company import Company

LONG = "".join(f"x{number} = {number}\n" for number in range(40))
REQUIRE = "      owners: {{stale: {}}}\n      checks: [ok]\n"


@pytest.mark.slow
def test_the_rest_of_a_stack_counts_once_its_first_part_is_merged(company: Company) -> None:
    company.set_policy(company.policy(REQUIRE.format("change")))
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("first", {"a.py": "x = 2\n"}, branch="first")
    new.git("switch", "-q", "-c", "second")
    new.commit("second", {"b.py": "b = 2\n"}, branch="second")
    senior.approve("second")
    senior.approve("first")
    merged = senior.gate("merge", "origin/first", "--push")
    assert merged.code == 0, merged.text
    assert senior.may_merge("origin/second")
    # Whatever else happens to the part that went in, what was approved is no longer what would be there.
    main = company.clone("ada")
    main.git("switch", "-q", "main")
    main.write({"a.py": "x = 3\n"})
    main.git("commit", "-qam", "Something else")
    main.git("push", "-q", "origin", "main")
    senior.fetch()
    (decision,) = [each for each in senior.decisions("origin/second") if each["by"] == "@nehemiah"][:1]
    assert (decision["counted"], decision["why"]) == (False, "stale: a.py changed since")


@pytest.mark.slow
@pytest.mark.parametrize("objected", [False, True])
def test_the_rest_of_a_stack_counts_after_a_squash_and_a_rebase(company: Company, objected: bool) -> None:
    """No commit leads from the rebased branch to what was approved: the audit finds it by what changed."""
    company.set_policy(company.policy("      owners: {stale: change}\n      checks: []\n"))
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("first", {"a.py": "x = 2\n"}, branch="first")
    new.git("switch", "-q", "-c", "second")
    new.commit("second", {"b.py": "b = 2\n"}, branch="second")
    senior.approve("origin/first")
    senior.approve("origin/second")
    assert senior.gate("merge", "origin/first", "--push", "--squash").code == 0
    if objected:
        senior.approve("origin/second", "--block", "--reason", "not yet")
    new.fetch()
    new.git("rebase", "-q", "--onto", "origin/main", "first", "second")
    new.git("push", "-q", "-f", "origin", "second")
    senior.fetch()
    start = senior.git("rev-parse", "origin/main")
    assert senior.gate("merge", "origin/second", "--push").code == (1 if objected else 0)
    if objected:
        senior.git("switch", "-q", "-C", "main", "origin/main")
        senior.git("merge", "-q", "--no-ff", "--no-edit", "origin/second")
        senior.git("push", "-q", "origin", "main")
    audit = company.clone("ada", "auditor").gate("audit", "--fetch", f"{start}..origin/main")
    assert audit.code == (1 if objected else 0), audit.text


def advance(company: Company, text: str) -> None:
    main = company.clone("ada")
    main.git("fetch", "-q")
    main.git("switch", "-q", "-C", "main", "origin/main")
    main.write({"a.py": text})
    main.git("commit", "-qam", "Meanwhile")
    main.git("push", "-q", "origin", "main")


@pytest.mark.slow
@pytest.mark.parametrize("stale", ["change", "owned", "head", "hunks"])
def test_a_base_that_moves_elsewhere_in_the_same_file(company: Company, stale: str) -> None:
    company.set_policy(company.policy(REQUIRE.format(stale)))
    advance(company, LONG)
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": LONG.replace("x30 = 30", "x30 = 'thirty'")}, branch="feature")
    senior.approve("feature")
    advance(company, LONG.replace("x2 = 2\n", "x2 = 'two'\nmore = 1\n"))
    senior.fetch()
    assert senior.may_merge("origin/feature") == (stale == "hunks")
    if stale != "hunks":
        return
    # Rebased by somebody, and then altered: the first is the same, the second is not.
    new.fetch()
    new.git("rebase", "-q", "origin/main")
    new.git("push", "-q", "-f", "origin", "feature")
    senior.fetch()
    assert senior.may_merge("origin/feature")
    altered = (new.path / "a.py").read_text().replace("'thirty'", "'Thirty'")
    new.commit("slip something in", {"a.py": altered}, branch="feature")
    senior.fetch()
    assert not senior.may_merge("origin/feature")


@pytest.mark.slow
@pytest.mark.parametrize("squash", [False, True])
def test_hunks_that_were_merged_and_reverted_need_a_new_approval(company: Company, squash: bool) -> None:
    company.set_policy(company.policy(REQUIRE.format("hunks")))
    advance(company, LONG)
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    own = LONG.replace("x30 = 30", "x30 = 'thirty'")
    new.commit("v2", {"a.py": own}, branch="feature")
    senior.approve("feature")
    moved = LONG.replace("x2 = 2\n", "x2 = 'two'\nmore = 1\n")
    advance(company, moved)
    both = moved.replace("x30 = 30", "x30 = 'thirty'")
    if squash:
        advance(company, both)
    else:
        senior.fetch()
        assert senior.gate("merge", "origin/feature", "--push").code == 0
    advance(company, moved)
    senior.fetch()
    new.fetch()
    new.git("switch", "-q", "-c", "again", "origin/main")
    new.commit("again", {"a.py": both}, branch="again")
    senior.fetch()
    assert not senior.may_merge("origin/again")
