"""What `gate init` proposes: nobody is locked out, nobody is made up, and what is not required is said."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.teams import HANDLES, PATHS, key_of, observed, teams

from gate.app.setup.observed import Observed
from gate.app.setup.proposal import Proposal, propose
from gate.app.setup.team import Answers
from gate.git.history import Committer
from gate.model import Approval, Author, Change, FileChange
from gate.policy.load import load_policy
from gate.policy.types import ApprovalRule, Policy
from gate.requirements.facts import Facts
from gate.verdict import decide

NOW = 1_800_000_000
ONE = (ApprovalRule(),)
GITHUB = "git@github.com:acme/shop.git"


def policy_of(proposal: Proposal) -> Policy:
    return load_policy(proposal.text.encode())


def merges(
    seen: Observed, policy: Policy, email: str, path: str, approvers: list[str], author: str = ""
) -> bool:
    """Whether a change from an address, by an author that the forge knows, passes with these approvals."""
    protection = policy.protection("main")
    require = protection.require
    change = Change(
        policy.repository, "refs/heads/main", "1" * 40, "2" * 40, "1" * 40, "3" * 40, "4" * 40, "5" * 64,
        (Author("", email),), (FileChange(path, "modified", "100644", "100644", "6" * 40, "7" * 40),),
    )  # fmt: skip
    facts = Facts(
        change,
        policy,
        protection,
        seen.owners.file if seen.owners else "",
        {path: seen.owners.owners_of(path) if seen.owners else ()},
        tuple(Approval(name, name, "approve", "ssh", True, "", (path,)) for name in approvers),
        contributors=frozenset({author} - {""}),
    )
    states = {outcome.id: outcome.state for outcome in decide(facts).outcomes}
    del states["checks"]
    assert require.checks
    return not {"unmet", "undecided"} & set(states.values())


def no_lock_out(seen: Observed, answers: Answers) -> None:
    proposal = propose(seen, answers, NOW)
    policy = policy_of(proposal)
    able = [
        person.name
        for person in policy.people.values()
        if person.keys or (proposal.forge and person.login(proposal.forge))
    ]
    # Without an address or an account, nobody knows whose the work is, and a warning says so.
    known = [
        person
        for person in policy.people.values()
        if person.emails or (proposal.forge and person.login(proposal.forge))
    ]
    unknown = policy.people.keys() - {person.name for person in known}
    warned = "".join(problem.message for problem in proposal.problems if "no `emails`" in problem.message)
    assert all(name in warned for name in unknown)
    for author in [*known, None]:
        email = author.emails[0] if author and author.emails else "stranger@elsewhere.example"
        others = [name for name in able if author is None or name != author.name]
        for path in (*PATHS, "gate.yaml", "CODEOWNERS"):
            assert merges(seen, policy, email, path, others, author.name if author else ""), (
                email,
                path,
                proposal.text,
            )
    required = policy.protection("main").require
    if not (required.owners or required.approvals or required.seniority):
        assert any(problem.level == "note" for problem in proposal.problems)


ANSWERS = st.builds(
    Answers,
    me=st.none() | st.sampled_from(HANDLES),
    approvals=st.none() | st.integers(0, 4),
    guardians=st.none() | st.lists(st.sampled_from(HANDLES), max_size=3, unique=True).map(tuple),
    forge=st.none() | st.sampled_from(["", "github", "gitlab"]),
)


@settings(max_examples=8)
@given(teams(), ANSWERS)
def test_no_team_is_locked_out(seen: Observed, answers: Answers) -> None:
    no_lock_out(seen, answers)


@pytest.mark.slow
@settings(max_examples=200)
@given(teams(), ANSWERS)
def test_none_of_many_teams_is_locked_out(seen: Observed, answers: Answers) -> None:
    no_lock_out(seen, answers)


def test_alone_your_own_changes_need_nobody_and_those_of_others_need_you() -> None:
    seen = observed(codeowners="* @ada\n")
    policy = policy_of(propose(seen, Answers(), NOW))
    assert merges(seen, policy, "ada@acme.example", "a.py", [])
    assert not merges(seen, policy, "bob@elsewhere.example", "a.py", [])
    assert merges(seen, policy, "bob@elsewhere.example", "a.py", ["@ada"])


def test_two_owners_on_a_forge_review_each_other_by_name() -> None:
    seen = observed(codeowners="* @ada @bob\n", origin=GITHUB)
    policy = policy_of(propose(seen, Answers(), NOW))
    assert {person.github for person in policy.people.values()} == {"ada", "bob"}
    required = policy.protection("main").require
    assert (bool(required.owners), required.approvals, required.guarded) == (True, ONE, ("@ada", "@bob"))
    assert not merges(seen, policy, "ada@acme.example", "a.py", [])


def test_sole_owners_answer_for_their_own_files_and_somebody_else_reviews() -> None:
    bob = (Committer("Bob", "bob@acme.example", 5),)
    seen = observed(codeowners="* @ada\n/docs/ @bob\n", origin=GITHUB, committers=bob)
    proposal = propose(seen, Answers(), NOW)
    required = policy_of(proposal).protection("main").require
    assert required.owners is not None
    assert (required.owners.author, required.approvals) == (True, ONE)
    assert any("@ada can't merge" in line for line in proposal.rejected)


@pytest.mark.parametrize(
    ("codeowners", "name", "email", "me"),
    [
        ("* @apark-acme\n", "Ada Park", "ada@acme.example", "@apark-acme"),
        ("* @apark @bob\n", "Ada Park", "ada@acme.example", "@apark"),
        ("* @ada @bob\n", "X", "12+ADA@users.noreply.github.com", "@ada"),
        ("* @bob @cyd\n", "Ada Park", "ada@acme.example", "@ada"),
        (None, "Ada Park", "ada@acme.example", "@ada"),
    ],
)
def test_who_you_are_comes_from_code_owners_and_is_stated(
    codeowners: str | None, name: str, email: str, me: str
) -> None:
    proposal = propose(observed(codeowners=codeowners, name=name, email=email), Answers(), NOW)
    assert next(iter(policy_of(proposal).people)) == me
    assert me in proposal.assumptions[0]


def test_a_name_that_fits_none_of_several_owners_is_no_silent_guess() -> None:
    proposal = propose(observed(codeowners="* @bob @cyd\n"), Answers(), NOW)
    assert "@bob, @cyd" in proposal.assumptions[0]
    named = propose(observed(codeowners="* @bob @cyd\n"), Answers(me="@BOB"), NOW)
    assert "@bob" in policy_of(named).people


def test_who_commits_is_not_thereby_an_approver() -> None:
    others = (Committer("Bob", "bob@acme.example", 90), Committer("Ada", "ada@acme.example", 1))
    proposal = propose(observed(committers=others, origin=GITHUB), Answers(), NOW)
    assert list(policy_of(proposal).people) == ["@ada"]
    # Which account an address belongs to is not made up.
    assert '# "@ACCOUNT": {role: member, emails: ["bob@acme.example"]}  # Bob, 90 commits' in proposal.text


def test_a_no_reply_address_names_the_account_and_a_bot_is_one() -> None:
    others = tuple(
        Committer(name, f"7+{name}@users.noreply.github.com", 3) for name in ("dan", "renovate[bot]")
    )
    email = "12+apark@users.noreply.github.com"
    proposal = propose(observed(committers=others, origin=GITHUB, email=email), Answers(), NOW)
    assert policy_of(proposal).people["@apark"].github == "apark"
    assert '# "@dan": {role: member' in proposal.text
    assert '# "@renovate[bot]": {role: bot' in proposal.text


def test_addresses_with_the_same_full_name_are_one_person() -> None:
    others = (
        Committer("Ada Park", "ada@home.example", 9),
        Committer("Bob Ross", "bob@acme.example", 4),
        Committer("Bob Ross", "8+bobross@users.noreply.github.com", 3),
        Committer("alex", "alex@a.example", 2),
        Committer("alex", "alex@b.example", 1),
    )
    proposal = propose(observed(committers=others, origin=GITHUB), Answers(), NOW)
    assert policy_of(proposal).people["@ada"].emails == ("ada@acme.example", "ada@home.example")
    assert any("ada@home.example is yours too" in line for line in proposal.assumptions)
    together = '"@bobross": {role: member, emails: ["bob@acme.example", "8+bobross@users.noreply.github.com"]'
    assert together in proposal.text
    assert "# Bob Ross, 7 commits" in proposal.text
    # A single word may be the name of two people.
    assert proposal.text.count("# alex,") == 2
    owned = propose(
        observed(committers=others, codeowners="* @bobross @alex\n", origin=GITHUB), Answers(), NOW
    )
    assert policy_of(owned).people["@bobross"].emails == tuple(item.email for item in others[1:3])
    assert policy_of(owned).people["@alex"].emails == ()
    account = Committer("bobross", "8+bobross@users.noreply.github.com", 1)
    split = propose(
        observed(committers=(others[1], account), codeowners="* @bobross\n", origin=GITHUB), Answers(), NOW
    )
    assert set(policy_of(split).people["@bobross"].emails) == {others[1].email, account.email}
    alone = propose(observed(committers=others[:1], codeowners="* @cyd\n"), Answers(), NOW)
    assert "the only person" in alone.assumptions[0]
    assert not any("others commit here" in line for line in alone.assumptions)


def test_hooks_and_sessions_of_the_project_are_offered_as_checks() -> None:
    seen = replace(observed(), pre_commit=True, tools={"nox": "noxfile.py"})
    text = propose(seen, Answers(), NOW).text
    taken = re.sub(r"^# ( ?)", r"\1", text.partition("# checks:\n")[2], flags=re.MULTILINE)
    policy = load_policy(f"checks:\n{taken}".encode())
    assert (policy.checks["hooks"].tool, policy.checks["nox"].tool) == ("pre-commit", "nox")


@pytest.mark.parametrize(("asked", "got"), [(1, 1), (2, 2), (5, 2), (0, 0)])
def test_no_more_approvals_than_there_are_others(asked: int, got: int) -> None:
    seen = observed(codeowners="* @ada @bob @cyd\n", origin=GITHUB)
    policy = policy_of(propose(seen, Answers(approvals=asked), NOW))
    assert policy.protection("main").require.approvals == ((ApprovalRule(got),) if got else ())


def test_without_a_key_or_a_forge_nobody_can_approve_and_that_is_reported() -> None:
    proposal = propose(observed(key=""), Answers(), NOW)
    assert "can be merged into main without review" in proposal.problems[-1].message
    assert propose(observed(key=key_of(3)), Answers(), NOW).problems == ()


def test_owners_whom_nobody_can_approve_for_are_left_out_and_that_is_reported() -> None:
    seen = observed(codeowners="* @ada @bob\n/docs/ @acme/web\n", origin=GITHUB)
    proposal = propose(seen, Answers(), NOW)
    assert policy_of(proposal).protection("main").require.owners is None
    assert any("Nobody can merge a change to docs/index.md" in line for line in proposal.rejected)


def test_an_owner_by_e_mail_address_is_known_to_be_you() -> None:
    proposal = propose(observed(codeowners="* ada@acme.example\n"), Answers(), NOW)
    assert "names you by your email address" in proposal.assumptions[0]
