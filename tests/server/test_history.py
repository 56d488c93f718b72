"""What of a change's own history can merge into a branch: `gate merge` and the server are of one mind about it."""

from __future__ import annotations

import pytest
from support.company import REQUIRE, Clone, Company
from support.pushing import EVIL, audited, change, on_main, push

SQUASH = REQUIRE + "      history: squash\n"
GOOD = {"a.py": "x = 2\n"}
OWNED = "      owners: {stale: owned}\n      checks: [ok]\n"


def serving(company: Company, require: str) -> Company:
    """The company with another policy, and with the hook on its server."""
    company.set_policy(company.policy(require))
    assert company.server.gate("install", "--server").code == 0
    return company


@pytest.fixture
def strict(company: Company) -> Company:
    """A server whose main takes every change as one commit."""
    return serving(company, SQUASH)


def reverted(company: Company) -> tuple[Clone, str]:
    """A feature of two commits, with what was put in and taken out again; the senior approves the result."""
    bad = company.clone("newhire").commit("oops", EVIL, branch="feature")
    senior = change(company)
    senior.approve("origin/feature")
    return senior, bad


@pytest.mark.slow
@pytest.mark.attack(25, "merge bad commits and their reverts into a branch with a linear history")
def test_reverted_commits_do_not_come_by_a_merge(strict: Company) -> None:
    senior, _ = reverted(strict)
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "-m", "v2", "origin/feature")
    result = push(senior, "--atomic", "origin", "main", "refs/gate/log")
    assert result.code != 0
    assert "history: it has 3 commits" in result.err


@pytest.mark.slow
@pytest.mark.attack(25, "fast-forward a branch with bad commits and their reverts")
def test_reverted_commits_do_not_come_one_by_one(strict: Company) -> None:
    senior, _ = reverted(strict)
    result = push(senior, "--atomic", "origin", "origin/feature:main", "refs/gate/log")
    assert result.code != 0
    assert "history: it has 2 commits" in result.err


@pytest.mark.slow
@pytest.mark.attack(25, "squash a branch with bad commits and their reverts")
def test_what_was_reverted_is_squashed_away(strict: Company) -> None:
    senior, bad = reverted(strict)
    refused = senior.gate("merge", "feature", "--push", "--ff-only")
    assert refused.code == 2
    assert "main accepts one commit per change, and feature has 2" in refused.err
    merged = senior.gate("merge", "feature", "--push")
    assert merged.code == 0, merged.text
    assert "so the change was squashed" in merged.out
    assert bad not in strict.server.git("rev-list", "main").splitlines()
    assert audited(strict, "origin/main~1") == []


@pytest.mark.slow
def test_one_commit_may_be_a_fast_forward(strict: Company) -> None:
    senior = change(strict)
    senior.approve("origin/feature")
    merged = senior.gate("merge", "feature", "--push", "--ff-only")
    assert merged.code == 0, merged.text
    assert audited(strict, "origin/main~1") == []


@pytest.mark.slow
@pytest.mark.attack(25, "merge several commits without the server hook, where the policy requires one")
def test_an_audit_finds_the_commits_that_came_with_a_merge(company: Company) -> None:
    company.set_policy(company.policy(SQUASH))
    senior, _ = reverted(company)
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "-m", "v2", "origin/feature")
    senior.git("push", "-q", "origin", "main")
    assert "history: it has 3 commits" in "\n".join(audited(company))


@pytest.mark.slow
def test_a_fast_forward_to_what_has_merged_main_is_refused_before_the_server_does(guarded: Company) -> None:
    change(guarded, "other", {"web/page.py": "z = 2\n"})
    change(guarded)
    ada = guarded.clone("ada")
    ada.approve("origin/other")
    guarded.clone("nehemiah").approve("origin/other")
    assert ada.gate("merge", "other", "--push").code == 0
    new = guarded.clone("newhire")
    new.fetch()
    new.git("checkout", "-q", "feature")
    new.git("merge", "-q", "-m", "catch up", "origin/main")
    new.git("push", "-q", "origin", "feature")
    senior = guarded.clone("nehemiah")
    senior.approve("origin/feature")
    refused = senior.gate("merge", "feature", "--push", "--ff-only")
    assert refused.code == 2
    assert "feature has merged main" in refused.err
    assert push(senior, "--atomic", "origin", "origin/feature:main", "refs/gate/log").code != 0
    assert senior.gate("merge", "feature", "--push").code == 0
    assert audited(guarded) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("amended", "options"),
    [(False, ["--squash", "--push"]), (False, ["--squash"]), (True, ["--push"])],
    ids=["squash", "squash here", "amended"],
)
def test_where_an_audit_would_miss_an_earlier_approval_nothing_is_merged(
    company: Company, amended: bool, options: list[str]
) -> None:
    """Where the branch does not keep the commits that were approved, nobody can show later that they were."""
    guarded = serving(company, OWNED)
    senior = change(guarded)
    senior.approve("origin/feature")
    new = guarded.clone("newhire")
    if amended:
        new.git("reset", "-q", "--soft", "HEAD^")
    new.commit("and docs", {"docs/index.md": "# New\n"}, branch="feature")
    guarded.clone("bob").approve("origin/feature")
    senior.fetch()
    senior.gate("approvals", "--fetch")
    assert senior.may_merge("origin/feature")
    refused = senior.gate("merge", "feature", *options)
    assert refused.code == 1
    assert "`gate audit` would fail: owners:" in refused.err
    assert guarded.server.git("log", "--format=%s", "-1", "main") == "policy"
    senior.approve("origin/feature")
    merged = senior.gate("merge", "feature", *options)
    assert merged.code == 0, merged.text


@pytest.mark.slow
def test_an_earlier_approval_counts_where_the_merge_keeps_its_commit(company: Company) -> None:
    guarded = serving(company, OWNED)
    senior = change(guarded)
    senior.approve("origin/feature")
    guarded.clone("newhire").commit("and docs", {"docs/index.md": "# New\n"}, branch="feature")
    guarded.clone("bob").approve("origin/feature")
    senior.fetch()
    merged = senior.gate("merge", "feature", "--push")
    assert merged.code == 0, merged.text
    assert audited(guarded, "origin/main~1") == []
