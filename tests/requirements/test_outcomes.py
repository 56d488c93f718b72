"""What each requirement concludes from the facts, and what the verdict makes of the outcomes: tables, no I/O."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from support.changes import CHANGE

from gate.codeowners import parse
from gate.finding import Finding
from gate.model import (
    UNRESOLVED,
    Approval,
    Broken,
    Change,
    CheckResult,
    Outcome,
    Ran,
    RequirementState,
    Skipped,
)
from gate.policy.types import (
    BUILT_IN_CHECKS,
    Person,
    Policy,
    Protection,
    Require,
    SeniorityRequired,
)
from gate.requirements import checks, guarded, history, mergeable, seniority
from gate.requirements.facts import Facts, Release
from gate.verdict import decide, draw

PEOPLE = {
    "@boss": Person("@boss", "senior", emails=("boss@x",)),
    "@lead": Person("@lead", "senior", emails=("lead@x",)),
    "@new": Person("@new", "junior", emails=("new@x",)),
}
POLICY = Policy(people=PEOPLE, teams={"@acme/guardians": ("@boss", "@lead")}, file="gate.yaml")
RELEASE = Release(0)


def facts(require: Require = Require(), **fields: object) -> Facts:  # noqa: B008  nobody can change it
    plain = Facts(CHANGE, POLICY, Protection(require))
    return replace(plain, **fields)  # type: ignore[arg-type]  # as the test spells it


def approval(by: str, *paths: str, kind: str = "approve", counted: bool = True) -> Approval:
    return Approval("f" * 64, by, kind, "ssh", counted, "", paths or ("a.py", "b.py"))  # type: ignore[arg-type]  # a kind of decision


def weakening(path: str, line: int = 0) -> Finding:
    return Finding(path, line, 0, line, "suppression", "error", "new `noqa`")


GUARDED = Require(guarded=("@acme/guardians",))
TWO = (weakening("a.py", 3), weakening("b.py"))


@pytest.mark.parametrize(
    ("given", "state", "reason"),
    [
        (
            facts(weakenings=TWO),
            "not_applicable",
            "2 weakened checks (a.py:3 and 1 more), but the policy lists no guardians",
        ),
        (facts(), "not_applicable", "not required"),
        (facts(GUARDED), "met", "no checks weakened"),
        (
            facts(GUARDED, weakenings=TWO),
            "unmet",
            "2 weakened checks in 2 files: needs approval from a guardian",
        ),
        (
            facts(GUARDED, weakenings=TWO, approvals=(approval("@lead"),)),
            "met",
            "2 weakened checks, approved by a guardian",
        ),
        (
            facts(GUARDED, weakenings=TWO, approvals=(approval("@lead", "a.py"),)),
            "unmet",
            "2 weakened checks in 1 file: needs approval from a guardian",
        ),
        (
            facts(GUARDED, weakenings=TWO, approvals=(approval("@new"),)),
            "unmet",
            "2 weakened checks in 2 files: needs approval from a guardian",
        ),
        (
            facts(GUARDED, weakenings=TWO, approvals=(approval("@lead", counted=False),)),
            "unmet",
            "2 weakened checks in 2 files: needs approval from a guardian",
        ),
        (
            facts(GUARDED, weakenings=TWO, approvals=(approval("@lead", kind="block"),)),
            "unmet",
            "2 weakened checks in 2 files: needs approval from a guardian",
        ),
        (
            facts(GUARDED, weakenings=TWO[:1], approvals=(approval("@lead", "b.py"),)),
            "unmet",
            "1 weakened check in 1 file: needs approval from a guardian",
        ),
        (
            facts(GUARDED, weakenings=TWO, contributors=frozenset({"@boss", "@lead"})),
            "unmet",
            "every guardian is an author of this change",
        ),
        (
            facts(Require(guarded=("@boss",), passed=("main",)), weakenings=TWO, release=RELEASE),
            "not_applicable",
            "weakened checks were approved before they were merged",
        ),
        (
            facts(GUARDED, weakenings=TWO, release=RELEASE),
            "unmet",
            "2 weakened checks in 2 files: needs approval from a guardian",
        ),
        (
            facts(replace(GUARDED, passed=("main",)), weakenings=TWO),
            "unmet",
            "2 weakened checks in 2 files: needs approval from a guardian",
        ),
    ],
)
def test_guarded(given: Facts, state: str, reason: str) -> None:
    outcome = guarded.evaluate(given)
    assert (outcome.state, outcome.reason) == (state, reason)


def test_guarded_says_what_to_revert_and_whom_to_ask() -> None:
    outcome = guarded.evaluate(facts(GUARDED, weakenings=TWO, contributors=frozenset({"@boss"})))
    assert outcome.advice == (
        "get approval from a guardian, or revert what weakens the checks: `a.py:3`, `b.py`",
    )
    assert outcome.missing[0].rule == "gate.yaml: protect.main.require.guarded"
    assert (outcome.asks[0].whom, outcome.asks[0].names) == (frozenset({"@lead"}), ("@acme/guardians",))
    assert (outcome.missing[0].need, outcome.asks[0].need) == (1, 1)
    single = guarded.evaluate(
        facts(Require(guarded=("@new", "@lead")), weakenings=TWO, contributors=frozenset({"@new"}))
    )
    assert (single.asks[0].whom, single.asks[0].names) == (frozenset({"@lead"}), ("@lead",))
    half = guarded.evaluate(facts(GUARDED, weakenings=TWO, approvals=(approval("@lead", "a.py"),)))
    assert half.advice == ("get approval from a guardian, or revert what weakens the checks: `b.py`",)
    assert half.missing[0].paths == ("b.py",)
    many = guarded.evaluate(facts(GUARDED, weakenings=[weakening(f"{n}.py") for n in range(7)]))
    assert many.advice[0].endswith("`4.py` and 2 more")
    five = guarded.evaluate(facts(GUARDED, weakenings=[weakening(f"{n}.py") for n in range(5)]))
    assert five.advice[0].endswith("`4.py`")


@pytest.mark.parametrize("guardians", [(), ("@boss",)])
def test_a_guardian_can_waive_a_lock_out_where_there_are_guardians(guardians: tuple[str, ...]) -> None:
    outcome = guarded.evaluate(facts(Require(guarded=guardians), locked=("main", "release/2")))
    assert outcome.state == "unmet"
    assert outcome.reason == "after this change, nobody could merge anything into main or release/2"
    assert ("gate approve --waive" in outcome.advice[1]) == bool(guardians)


BLOCKING = (Finding("a.py", 1, 1, 1, "F401", "error", "unused"),)


def ran(name: str = "lint", *, blocking: tuple[Finding, ...] = (), seen: int | None = 3) -> Ran:
    return Ran(name, blocking, blocking, 0.1, seen=seen)


def broken(name: str = "lint") -> Broken:
    return Broken(name, "no such program", "install it", 0.1)


LINT = Require(checks=("lint",))
BOTH = Require(checks=("lint", "types"))
LENIENT = replace(POLICY, checks={**BUILT_IN_CHECKS, "lint": replace(BUILT_IN_CHECKS["lint"], enforce=False)})


@pytest.mark.parametrize(
    ("require", "policy", "results", "state", "reason"),
    [
        (Require(checks=()), POLICY, (), "not_applicable", "not required"),
        (LINT, POLICY, (), "undecided", "lint did not run"),
        (LINT, POLICY, (ran(),), "met", "lint passed"),
        (LINT, POLICY, (ran("other"),), "undecided", "lint did not run"),
        (LINT, POLICY, (ran(blocking=BLOCKING),), "unmet", "failed: lint (1)"),
        (LINT, POLICY, (broken(),), "undecided", "lint could not run"),
        (LINT, POLICY, (Skipped("lint", "stopped"),), "undecided", "lint did not run"),
        (LINT, POLICY, (ran(seen=0),), "met", "lint: nothing ran"),
        (BOTH, POLICY, (ran(), ran("types")), "met", "lint, types passed"),
        (BOTH, POLICY, (ran(), ran("types", seen=0)), "met", "lint passed; types: nothing ran"),
        (BOTH, POLICY, (ran(),), "undecided", "types did not run"),
        (
            BOTH,
            POLICY,
            (ran(blocking=BLOCKING), broken("types")),
            "unmet",
            "failed: lint (1); types could not run",
        ),
        (LINT, LENIENT, (ran(blocking=BLOCKING),), "met", "not enforced: lint failed"),
        (LINT, LENIENT, (broken(),), "met", "not enforced: lint failed"),
        (LINT, LENIENT, (), "met", "not enforced: lint did not run"),
        (LINT, LENIENT, (ran(),), "met", "lint passed"),
        (LINT, replace(POLICY, checks={}), (ran(blocking=BLOCKING),), "unmet", "failed: lint (1)"),
        (BOTH, LENIENT, (ran(blocking=BLOCKING), broken("types")), "undecided", "types could not run"),
    ],
)
def test_checks(
    require: Require, policy: Policy, results: tuple[CheckResult, ...], state: str, reason: str
) -> None:
    outcome = checks.evaluate(facts(require, policy=policy, checks=results))
    assert (outcome.state, outcome.reason) == (state, reason)


def test_without_a_merge_result_no_check_counts() -> None:
    outcome = checks.evaluate(facts(LINT, change=replace(CHANGE, tree=""), checks=(ran(),)))
    assert (outcome.state, outcome.reason) == ("undecided", "there is no merge result to check")


@pytest.mark.parametrize(
    ("change", "state", "reason", "advice"),
    [
        (CHANGE, "met", "merges cleanly", ()),
        (replace(CHANGE, files=()), "met", "no changes to merge", ()),
        (
            replace(CHANGE, merge_blocker="x"),
            "unmet",
            "x",
            (
                (
                    "fix it on the branch first (@new): an approval wouldn't count for the fix, "
                    "so nobody is asked yet"
                ),
            ),
        ),
        (replace(CHANGE, tree=""), "unmet", "there is no merge result", ()),
        (
            replace(CHANGE, tree="", merge_blocker="in conflict", conflicts=("a.py",)),
            "unmet",
            "in conflict",
            ("merge main into your branch, resolve the conflicts, and commit",),
        ),
        (
            replace(CHANGE, tree="", merge_blocker=UNRESOLVED, conflicts=("a.py",)),
            "unmet",
            UNRESOLVED,
            ("resolve the conflicts and `git add` the files",),
        ),
    ],
)
def test_mergeable(change: Change, state: str, reason: str, advice: tuple[str, ...]) -> None:
    outcome = mergeable.evaluate(facts(change=change))
    assert (outcome.state, outcome.reason, outcome.advice) == (state, reason, advice)
    assert [item.paths for item in outcome.missing] == ([change.conflicts] if change.conflicts else [])
    assert mergeable.evaluate(facts(change=change, release=RELEASE)).state == "not_applicable"


@pytest.mark.parametrize(
    ("commits", "state", "reason"),
    [
        (0, "met", "to be merged as one commit"),
        (1, "met", "one commit"),
        (2, "unmet", "it has 2 commits, and main accepts one for each change"),
    ],
)
def test_history(commits: int, state: str, reason: str) -> None:
    change = replace(CHANGE, merged_commits=commits)
    outcome = history.evaluate(facts(Require(history="squash"), change=change))
    assert (outcome.state, outcome.reason) == (state, reason)
    assert history.evaluate(facts(change=change)).state == "not_applicable"
    squash = facts(Require(history="squash"), change=change, release=RELEASE)
    assert history.evaluate(squash).state == "not_applicable"


SENIOR = Require(seniority=SeniorityRequired())


@pytest.mark.parametrize(
    ("release", "approvals", "people", "state", "reason"),
    [
        (Release(0, promoter="@boss"), (), PEOPLE, "met", "released by @boss"),
        (
            Release(0, promoter="@new"),
            (),
            PEOPLE,
            "unmet",
            "@new is not a senior, and no senior has approved it",
        ),
        (
            RELEASE,
            (),
            PEOPLE,
            "unmet",
            "the person releasing it is not a senior, and no senior has approved it",
        ),
        (Release(0, promoter="@new"), (approval("@lead"),), PEOPLE, "met", "approved by @lead"),
        (
            Release(0, promoter="@new"),
            (approval("@lead", "a.py"),),
            PEOPLE,
            "unmet",
            "@new is not a senior, and no senior has approved it",
        ),
        (
            Release(0, promoter="@new"),
            (approval("@new"),),
            PEOPLE,
            "unmet",
            "@new is not a senior, and no senior has approved it",
        ),
        (
            Release(0, promoter="@new", returning=True),
            (),
            PEOPLE,
            "met",
            "it was in production before, and rolling back is always allowed",
        ),
        (
            Release(0, promoter="@new"),
            (),
            {"@new": PEOPLE["@new"]},
            "unmet",
            "@new is not a senior, and no senior has approved it",
        ),
    ],
)
def test_seniority_of_a_release(
    release: Release, approvals: tuple[Approval, ...], people: dict[str, Person], state: str, reason: str
) -> None:
    change = replace(CHANGE, into="refs/gate/environments/production")
    policy = replace(POLICY, people=people)
    outcome = seniority.evaluate(
        facts(SENIOR, change=change, policy=policy, release=release, approvals=approvals)
    )
    assert (outcome.state, outcome.reason.replace("refs/gate/environments/", "")) == (state, reason)
    if state == "unmet":
        assert ("ask @boss or @lead" in outcome.advice[0]) == ("@boss" in people)
        assert outcome.advice[0].startswith(("ask ", "give someone the role senior in gate.yaml"))


STATES: tuple[RequirementState, ...] = ("met", "unmet", "undecided", "not_applicable")


@pytest.mark.parametrize("states", list(product(STATES, repeat=2)))
@pytest.mark.parametrize("enforced", list(product([True, False], repeat=2)))
def test_one_answer_is_drawn_from_all_outcomes(
    states: tuple[RequirementState, RequirementState], enforced: tuple[bool, bool]
) -> None:
    pairs = [("owners", states[0], enforced[0]), ("checks", states[1], enforced[1])]
    outcomes = tuple(Outcome(name, state, "", enforced=counts) for name, state, counts in pairs)
    counted = {state for _, state, counts in pairs if counts}
    if "unmet" in counted:
        expected = "blocked"
    elif "undecided" in counted:
        expected = "undecided"
    else:
        tried = {state for _, state, counts in pairs if not counts} - {"not_applicable"}
        expected = "pass" if tried or "met" in counted else "blocked"
    merges = Outcome(mergeable.ID, "met", "")
    assert draw(outcomes) == draw((merges, *outcomes)) == draw(outcomes[::-1]) == expected
    assert draw((replace(merges, state="unmet"), *outcomes)) == "blocked"


def test_a_clean_merge_alone_opens_no_gate() -> None:
    assert draw(()) == draw((Outcome(mergeable.ID, "met", ""),)) == "blocked"


NOTHING = Require(owners=None, checks=())


def test_a_policy_that_requires_nothing_is_explained_and_others_are_not() -> None:
    explained = (
        "The policy requires nothing for this branch. gate passes a change only if a requirement is met."
    )
    assert explained in decide(facts(NOTHING)).notes
    passed = decide(facts(replace(NOTHING, checks=("lint",)), checks=(ran(),)), ("a note",))
    assert (passed.decision, passed.notes) == ("pass", ("a note",))
    blocked = decide(facts(replace(NOTHING, checks=("lint",)), checks=(ran(blocking=BLOCKING),)))
    assert (blocked.decision, blocked.notes) == ("blocked", ())


def test_whom_to_ask_is_in_the_first_requirement_that_misses_approvals() -> None:
    require = Require(owners=None, seniority=SeniorityRequired(), guarded=("@boss",), checks=("lint",))
    verdict = decide(facts(require, weakenings=TWO, checks=(ran(blocking=BLOCKING),)))
    advising = [outcome.id for outcome in verdict.outcomes if any("@boss" in line for line in outcome.advice)]
    assert advising == ["seniority"]
    assert verdict.reviewers
    assert verdict.approve_with == "`gate approve aaaaaaaaaaaa --into main`"
    # Approvals of what can't merge anyway wouldn't count for its replacement.
    conflict = replace(CHANGE, merge_blocker="in conflict")
    blocked = decide(facts(require, change=conflict, weakenings=TWO, checks=(ran(),)))
    assert not any("@boss" in line for outcome in blocked.outcomes for line in outcome.advice)
    assert (blocked.decision, blocked.reviewers, blocked.approve_with) == ("blocked", (), "")
    assert not decide(facts(replace(NOTHING, checks=("lint",)), checks=(ran(),))).approve_with
    # Without people nobody can run `gate approve`, though CODEOWNERS may say whom to ask.
    rules = parse(b"* @bob\n", "CODEOWNERS", "github").owners_of_all([file.path for file in CHANGE.files])
    owned = decide(facts(policy=Policy(), codeowners_file="CODEOWNERS", ownership=rules))
    assert [request.names for request in owned.reviewers] == [("@bob",)]
    assert not owned.approve_with
    assert not decide(facts(require, policy=Policy(file="gate.yaml"), weakenings=TWO)).approve_with


def test_an_approval_is_credited_with_the_files_that_its_author_owns() -> None:
    code = parse(b"a.py @boss\nb.py @lead\n", "CODEOWNERS", "github")
    owned = code.owners_of_all([file.path for file in CHANGE.files])
    both = facts(
        codeowners_file="CODEOWNERS", ownership=owned, approvals=(approval("@boss"), approval("@new"))
    )
    assert [item.owned for item in decide(both).approvals] == [("a.py",), ()]


def test_of_one_file_no_number_of_others_is_given() -> None:
    change = replace(CHANGE, files=CHANGE.files[:1])
    code = parse(b"* @boss\n", "CODEOWNERS", "github")
    outcomes = decide(
        facts(change=change, codeowners_file="CODEOWNERS", ownership=code.owners_of_all(["a.py"]))
    ).outcomes
    assert [item.reason for item in outcomes if item.id == "owners"] == [
        "1 file needs approval from a code owner"
    ]
