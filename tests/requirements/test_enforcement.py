"""`enforce: false`: everything is evaluated and shown, nothing of it blocks, and the audit knows."""

from __future__ import annotations

import json

import pytest
from support.company import Clone, Company

PEOPLE = '"@ada": {role: senior, emails: [ada@acme.example]}'
BAD = {"bad.py": "import os\n"}


def blocked(project: Clone, policy: str) -> dict[str, bool]:
    """Of a change with a lint error and without approvals: which requirements and checks are enforced."""
    project.write({"gate.yaml": f"{policy}\npeople: {{{PEOPLE}}}\n", "CODEOWNERS": "* @somebody\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Policy")
    project.git("checkout", "-q", "-b", "feature")
    project.write(BAD)
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Bad")
    result = project.gate("check", "--format", "json")
    verdict = json.loads(result.out)
    assert result.code == {"pass": 0, "blocked": 1}[verdict["outcome"]]
    items = [*verdict["requirements"], *verdict["checks"]]
    notes = " ".join(verdict["notes"])
    for item in items:
        fails = item["outcome"] in {"unmet", "failed"}
        # Of a requirement that is not enforced as a whole, the note does not go on to its parts.
        assert not fails or item["enforced"] or item["id"] in notes or "checks" in notes, (item, notes)
    return {item["id"]: item["enforced"] for item in items if item["outcome"] in {"unmet", "failed"}}


REQUIRE = "protect: {main: {%srequire: {owners: {%s}, checks: %s}}}"


@pytest.mark.parametrize(
    ("policy", "enforced"),
    [
        pytest.param(
            REQUIRE % ("enforce: false, ", "", "[lint]"),
            {"owners": False, "checks": False, "lint": False},
            id="branch",
        ),
        pytest.param(
            REQUIRE % ("", "enforce: false", "[lint]"),
            {"owners": False, "checks": True, "lint": True},
            id="owners",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            REQUIRE % ("", "", "{run: [lint], enforce: false}"),
            {"owners": True, "checks": False, "lint": False},
            id="checks",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            REQUIRE % ("", "enforce: false", "[lint]") + "\nchecks: {lint: {enforce: false}}",
            {"owners": False, "lint": False},
            id="one check",
        ),
    ],
)
def test_what_is_not_enforced_is_shown_and_does_not_block(
    project: Clone, policy: str, enforced: dict[str, bool]
) -> None:
    assert blocked(project, policy) == enforced
    text = project.gate("check")
    assert text.code == (1 if True in enforced.values() else 0)
    assert "not enforced" in text.out
    assert "Not enforced on main yet, would block: " in text.out
    assert "bad.py:1:8: unused-import" in text.out or "bad.py:1:8: F401" in text.out, (
        "what would block is shown"
    )


def test_a_conflict_blocks_in_any_case(project: Clone) -> None:
    project.write({"gate.yaml": "protect: {main: {enforce: false, require: {checks: []}}}\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Policy")
    project.git("checkout", "-q", "-b", "feature")
    for branch in ("feature", "main"):
        project.git("checkout", "-q", branch)
        project.write({"app.py": f"x = {branch!r}\n"})
        project.git("commit", "-q", "-am", branch)
    assert project.gate("check", "--head", "feature").code == 1


@pytest.mark.slow
def test_the_audit_passes_what_was_not_enforced_and_says_so(company: Company) -> None:
    owner = company.clone("nehemiah")
    text = (owner.path / "gate.yaml").read_text()
    policy = text.replace("  main:\n", "  main:\n    enforce: false\n", 1)
    assert policy != text
    owner.commit("Try it", {"gate.yaml": policy}, push=False)
    owner.git("push", "-q", "origin", "main")
    start = owner.git("rev-parse", "HEAD")
    new = company.clone("newhire")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    assert new.gate("merge", "feature", "--push").code == 0
    owner.git("pull", "-q", "origin", "main")
    audited = owner.gate("audit", "--fetch", f"{start}..HEAD", "--format", "json")
    assert audited.code == 0, audited.text
    (step,) = json.loads(audited.out)
    assert step["outcome"] == "passed"
    assert "not enforced: owners:" in step["reason"]
    assert (
        "verified (1 with requirements not met and not enforced" in owner.gate("audit", f"{start}..HEAD").out
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "noted"), [("import json\n\nx = json.laods('1')\n", True), ("x = 2\n", False)]
)
def test_the_audit_says_which_check_did_not_pass_and_was_not_enforced(
    company: Company, code: str, *, noted: bool
) -> None:
    require = "      owners: false\n      checks: [names, ok]\n"
    company.set_policy(company.policy(require, more="  names: {enforce: false}\n"))
    owner = company.clone("nehemiah")
    owner.fetch()
    owner.git("reset", "-q", "--hard", "origin/main")
    start = owner.git("rev-parse", "HEAD")
    owner.commit("v2", {"a.py": code}, branch="feature")
    merged = owner.gate("merge", "feature", "--push")
    assert merged.code == 0, merged.text
    (step,) = json.loads(owner.gate("audit", f"{start}..origin/main", "--format", "json").out)
    assert step["outcome"] == "passed"
    assert ("not enforced: checks: no recorded verdict says that names passed" in step["reason"]) == noted
