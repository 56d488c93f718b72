"""A server whose default branch has invalid rules: other branches still move, and they can be fixed."""

from __future__ import annotations

import pytest
from support.company import Clone, Company
from support.pushing import on_main, push

NO_CHECKS = "      owners: {stale: change}\n      approvals: 1\n      checks: []\n"
RELEASES = f"{NO_CHECKS}  release/*:\n    require: {{checks: []}}\n"
INVALID = {"gate.yaml": "version: 1\nbogus: 1\n", ".github/CODEOWNERS": "* bob\n"}

pytestmark = pytest.mark.slow


@pytest.fixture(params=INVALID)
def broken(company: Company, request: pytest.FixtureRequest) -> Company:
    """The company with a hook, and with rules on main that some way past the hook made invalid."""
    company.set_policy(company.policy(RELEASES))
    assert company.server.gate("install", "--server").code == 0
    setup = on_main(company.clone("nobody", "setup"))
    assert push(setup, "origin", "main:refs/heads/release/1").code == 0
    past_the_hook(company, setup, {request.param: INVALID[request.param]})
    return company


def past_the_hook(company: Company, clone: Clone, files: dict[str, str]) -> None:
    clone.commit("rules", files, branch="rules")
    clone.git("push", "-q", "-f", "origin", "rules:refs/heads/rules")
    company.server.git("update-ref", "refs/heads/main", clone.git("rev-parse", "HEAD"))


def test_other_branches_move_and_protected_ones_do_not(broken: Company) -> None:
    new = on_main(broken.clone("newhire"))
    new.commit("work", {"a.py": "x = 2\n"}, push=False)
    assert push(new, "origin", "HEAD:refs/heads/feature").code == 0
    for branch in ("main", "release/1", "release/2"):
        result = push(new, "origin", f"HEAD:refs/heads/{branch}")
        assert result.code != 0
        assert branch != "main" or "update-ref refs/heads/main" in result.err


def test_an_administrator_puts_the_fix_there_and_the_audit_can_become_green(broken: Company) -> None:
    new, server = on_main(broken.clone("newhire")), broken.server
    start = new.git("rev-parse", "HEAD~1")
    broken_at = new.git("rev-parse", "HEAD")
    fix = new.commit(
        "fix",
        {"gate.yaml": broken.policy(RELEASES), ".github/CODEOWNERS": "* @nehemiah\n"},
        branch="fix",
        push=False,
    )
    assert push(new, "origin", "fix").code == 0
    server.git("update-ref", "refs/heads/main", fix)
    senior = broken.clone("nehemiah")
    senior.fetch()
    assert broken.clone("ada", "before").gate("audit", "--fetch", f"{start}..origin/main").code == 1
    for commit in (broken_at, fix):
        result = senior.gate("approve", commit, "--into", "main", "--yes")
        assert result.code == 0, result.text
    result = broken.clone("ada", "after").gate("audit", "--fetch", f"{start}..origin/main")
    assert result.code == 0, result.text
    assert result.out.count("approved afterward by @nehemiah") == 2
    on_main(new)
    new.commit("work", {"a.py": "x = 2\n"}, branch="feature")
    senior.approve("origin/feature")
    assert senior.gate("merge", "origin/feature", "--push").code == 0
