"""The requirement `owners`: who must approve, who cannot, and whom it is best to ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.codeowners import parse
from gate.model import Approval, Author, Change, FileChange, MissingApprovals, Outcome
from gate.policy.types import Dialect, OwnersRequired, Person, Policy, Protection, Require
from gate.requirements import owners
from gate.requirements.facts import Facts
from gate.requirements.review_requests import line_of, review_requests

Kind = Literal["approve", "block", "waive"]
PEOPLE = {
    person.name: person
    for person in (
        Person("@ada", role="senior", emails=("ada@acme.example",), github="ada-l"),
        Person("@bob", emails=("bob@acme.example",), gitlab="bobby"),
        Person("@cyd", emails=("cyd@acme.example",)),
        Person("@new", role="junior", emails=("new@acme.example",)),
        Person("@ci", role="bot", emails=("ci@acme.example",)),
    )
}
TEAMS = {"@acme/web": ("@bob", "@cyd"), "@acme/empty": (), "@acme/new": ("@new",)}
POLICY = Policy(people=PEOPLE, teams=TEAMS, file="gate.yaml")
NOBODY = Policy()


def approval(by: str, *files: str, counted: bool = True, kind: Kind = "approve") -> Approval:
    return Approval("1", by, kind, "ssh", counted, files=files)


def ask(
    text: str,
    files: Sequence[str],
    *approvals: Approval,
    policy: Policy = POLICY,
    by: Sequence[str] = ("new@acme.example",),
    required: bool = True,
    staged: bool = False,
    tree: str = "t",
    dialect: Dialect = "github",
) -> Outcome:
    """What the requirement says of a change of `files` under the CODEOWNERS `text`."""
    codeowners = parse(text.encode(), "CODEOWNERS", dialect)
    assert not codeowners.mistakes
    changed = tuple(FileChange(path, "modified", "100644", "100644", "1", "2") for path in files)
    change = Change(
        "acme/app", "refs/heads/main", "b", "h" * 40, "m", tree, "bt", "d",
        tuple(Author("", email) for email in by), changed, staged=staged,
    )  # fmt: skip
    return owners.evaluate(
        Facts(
            change,
            policy,
            Protection(Require(owners=OwnersRequired() if required else None)),
            codeowners_file="CODEOWNERS" if text else "",
            ownership=codeowners.owners_of_all(files),
            approvals=approvals,
        )
    )


MET = {
    "by name": ("* @ada\n", [approval("@ada", "a.py")]),
    "by name in another case": ("* @Ada\n", [approval("@ada", "a.py")]),
    "by login on github": ("* @ada-l\n", [approval("@ada", "a.py")]),
    "by login on gitlab": ("* @bobby\n", [approval("@bob", "a.py")]),
    "by e-mail": ("* Ada@acme.example\n", [approval("@ada", "a.py")]),
    "by team": ("* @acme/web\n", [approval("@cyd", "a.py")]),
    "one of several": ("* @ada @bob\n", [approval("@bob", "a.py")]),
    "owner-less": ("* @ada\n*.py\n", []),
    "no rule": ("*.md @ada\n", []),
}


@pytest.mark.parametrize(("text", "approvals"), MET.values(), ids=MET)
def test_met(text: str, approvals: list[Approval]) -> None:
    assert ask(text, ["a.py"], *approvals).state == "met"


UNMET = {
    "nobody approved": ("* @ada\n", []),
    "not counted": ("* @ada\n", [approval("@ada", "a.py", counted=False)]),
    "for another file": ("* @ada\n", [approval("@ada", "b.py")]),
    "by somebody else": ("* @ada\n", [approval("@bob", "a.py")]),
    "an objection": ("* @ada\n", [approval("@ada", "a.py", kind="block")]),
    "a waiver is no approval": ("* @ada\n", [approval("@ada", "a.py", kind="waive")]),
    "by the author": ("* @new @ada\n", [approval("@new", "a.py")]),
    "by a bot": ("* @ci @ada\n", [approval("@ci", "a.py")]),
    "owner unknown": ("* @ghost\n", [approval("@ghost", "a.py")]),
    "team unknown": ("* @acme/ghosts\n", [approval("@ada", "a.py")]),
    "team empty": ("* @acme/empty\n", [approval("@ada", "a.py")]),
    "the last rule counts": ("* @ada\n*.py @bob\n", [approval("@ada", "a.py")]),
}


@pytest.mark.parametrize(("text", "approvals"), UNMET.values(), ids=UNMET)
def test_unmet(text: str, approvals: list[Approval]) -> None:
    outcome = ask(text, ["a.py"], *approvals)
    assert outcome.state == "unmet"
    assert [missing.rule for missing in outcome.missing] == [f"CODEOWNERS:{text.count(chr(10))}"]
    assert outcome.advice or outcome.asks


def test_each_rule_says_who_is_missing_for_what() -> None:
    outcome = ask(
        "* @ada\n/web/ @acme/web\n/docs/\n",
        ["a.py", "b.py", "web/x.js", "docs/i.md", "web/y.js"],
        approval("@ada", "a.py"),
    )
    assert [(m.paths, m.need, m.whom, m.rule) for m in outcome.missing] == [
        (("b.py",), 1, ("@ada",), "CODEOWNERS:1"),
        (("web/x.js", "web/y.js"), 1, ("@acme/web",), "CODEOWNERS:2"),
    ]
    assert outcome.reason == "3 of 5 files need approval from a code owner (1 file is explicitly unowned)"
    assert [(item.paths, item.need, item.names, item.role) for item in outcome.asks] == [
        (("b.py",), 1, ("@ada",), "code owner"),
        (("web/x.js", "web/y.js"), 1, ("@acme/web",), "code owner"),
    ]


def test_unowned_and_no_rule_are_distinguished() -> None:
    outcome = ask("/a.py @ada\n/a.py\n", ["a.py", "b.py", "c.py"])
    assert (
        outcome.reason == "no approval needed (2 files have no matching rule, 1 file is explicitly unowned)"
    )


def test_all_of_several_files_are_counted() -> None:
    files = ["a.py", "b.py"]
    assert ask("* @ada\n", files).reason == "2 of 2 files need approval from a code owner"
    assert ask("* @ada\n", files, approval("@ada", *files)).reason == "2 of 2 files approved by code owners"


def test_files_that_have_optional_owners_alone_are_named_as_such() -> None:
    outcome = ask("^[Docs]\n*.md @bob\n[Web]\n/web/ @ada\n", ["b.md", "web/c.md"], dialect="gitlab")
    assert outcome.reason == "1 of 2 files needs approval from a code owner (1 file has only optional owners)"


WITHOUT_APPROVALS = {
    "switched off": (ask("* @ada\n", ["a.py"], required=False), "not_applicable"),
    "no CODEOWNERS": (ask("", ["a.py"]), "not_applicable"),
    "an empty change": (ask("* @ada\n", []), "met"),
    "no merge result": (ask("* @ada\n", [], tree=""), "undecided"),
}


@pytest.mark.parametrize(("outcome", "state"), WITHOUT_APPROVALS.values(), ids=WITHOUT_APPROVALS)
def test_what_does_not_depend_on_approvals(outcome: Outcome, state: str) -> None:
    assert outcome.state == state
    assert outcome.reason


def lines_for(*outcomes: Outcome) -> list[str]:
    """Whom these outcomes ask, as reports say it."""
    return [line_of(request) for request in review_requests(outcomes)]


STUCK = {
    "owner unknown": ("* @ghost\n", "no owner on this line is listed in `people` or `teams` of gate.yaml"),
    "team empty": ("* @acme/empty\n", "the team has no members"),
    "only the author": ("* @new\n", "every owner is an author of this change"),
    "a team of the author": ("* @acme/new\n", "every owner is an author of this change"),
    "only a bot": ("* @ci\n", "every owner is an author of this change or a bot"),
}


@pytest.mark.parametrize(("text", "expected"), STUCK.values(), ids=STUCK)
def test_where_nobody_is_left_it_says_how_to_fix_it(text: str, expected: str) -> None:
    outcome = ask(text, ["a.py"])
    assert outcome.state == "unmet"
    (advice,) = outcome.advice
    assert "CODEOWNERS:1" in advice
    assert "cannot be satisfied" in advice
    assert expected in advice


@pytest.mark.parametrize(
    ("guarded", "approvals", "state", "words"),
    [
        ((), [approval("@ada", "a.py")], "unmet", "add .github/CODEOWNERS"),
        (("@ada",), [], "unmet", "@ada"),
        (("@ada",), [approval("@bob", "a.py")], "unmet", "@ada"),
        (("@ada",), [approval("@ada", "a.py")], "met", ""),
        (("@new",), [approval("@new", "a.py")], "unmet", "add .github/CODEOWNERS"),
    ],
)
def test_owners_that_are_required_and_no_file(
    guarded: tuple[str, ...], approvals: list[Approval], state: str, words: str
) -> None:
    facts = Facts(
        Change(
            "acme/app", "refs/heads/main", "b", "h" * 40, "m", "t", "bt", "d", (Author("", "new@acme.example"),),
            (FileChange("a.py", "modified", "100644", "100644", "1", "2"),),
        ),
        POLICY,
        Protection(Require(owners=OwnersRequired(explicit=True), guarded=guarded)),
        approvals=tuple(approvals),
    )  # fmt: skip
    outcome = owners.evaluate(facts)
    assert outcome.state == state
    assert words in " ".join((*outcome.advice, *(name for ask in outcome.asks for name in ask.whom)))
    assert "no CODEOWNERS file" in outcome.reason


def test_an_author_is_never_asked() -> None:
    outcome = ask("* @new @ada\n", ["a.py"])
    assert outcome.missing[0].whom == ("@ada",)
    assert lines_for(outcome) == ["@ada: code owner of a.py"]


class TestWithoutPeople:
    """No policy says who anybody is: the owners are named as the file has them."""

    def test_the_owner_is_the_one_to_ask(self) -> None:
        outcome = ask("* @ada\n", ["a.py"], policy=NOBODY)
        assert outcome.state == "unmet"
        assert outcome.missing[0].whom == ("@ada",)
        assert lines_for(outcome) == ["@ada: code owner of a.py"]
        assert "gate init" in outcome.advice[0]

    def test_a_team_is_one_of_many(self) -> None:
        outcome = ask("* @acme/web\n", ["a.py"], policy=NOBODY)
        assert lines_for(outcome) == ["@acme/web: code owner of a.py"]

    @pytest.mark.parametrize(
        ("owner", "email"),
        [
            ("ada@acme.example", "ADA@acme.example"),
            ("@Ada", "1234+ada@users.noreply.github.com"),
            ("@ada", "ada@users.noreply.github.com"),
            ("@ada", "77-ada@users.noreply.gitlab.com"),
        ],
    )
    def test_an_author_is_recognized_by_the_address(self, owner: str, email: str) -> None:
        outcome = ask(f"* {owner} @bob\n", ["a.py"], policy=NOBODY, by=[email])
        assert outcome.missing[0].whom == ("@bob",)
        (only,) = ask(f"* {owner}\n", ["a.py"], policy=NOBODY, by=[email]).advice
        assert "every owner is an author" in only


GITLAB = "[Web][2]\n/web/ @ada @bob @cyd\n^[Docs]\n*.md @bob\n[All] @ada\n*\n"


def test_gitlab_counts_and_optional_sections() -> None:
    files = ["web/a.js", "b.md"]
    outcome = ask(GITLAB, files, approval("@ada", *files), dialect="gitlab")
    assert [(m.need, m.paths, m.rule) for m in outcome.missing] == [(1, ("web/a.js",), "CODEOWNERS:2")]
    assert lines_for(outcome) == ["@bob or @cyd: code owner of web/a.js"]
    assert (
        ask(GITLAB, files, approval("@ada", *files), approval("@cyd", *files), dialect="gitlab").state
        == "met"
    )


def test_a_count_that_too_few_could_give_says_so() -> None:
    outcome = ask("[Web][3]\n* @ada @bob @new\n", ["a.py"], approval("@ada", "a.py"), dialect="gitlab")
    assert "it requires 2 more approvals and only 1 can still be given" in outcome.advice[-1]


def test_two_files_half_approved_by_different_people_ask_only_those_who_can_still_give() -> None:
    outcome = ask(
        "[Web][2]\n* @ada @bob\n", ["a.py", "b.py"], approval("@ada", "a.py"), approval("@bob", "b.py"),
        dialect="gitlab",
    )  # fmt: skip
    assert lines_for(outcome) == ["@ada or @bob: code owner of top folder (2 files)"]


def test_two_of_a_team() -> None:
    outcome = ask("[W][2]\n* @acme/web\n", ["a.py"], dialect="gitlab")
    assert lines_for(outcome) == ["@bob: code owner of a.py", "@cyd: code owner of a.py"]


def test_the_role_of_a_forge_is_whom_the_policy_says() -> None:
    text = "* @@maintainers\n"
    assert "no owner on this line" in ask(text, ["a.py"], dialect="gitlab").advice[0]
    policy = Policy(people=PEOPLE, teams={"@@maintainer": ("@ada",)}, file="gate.yaml")
    assert ask(text, ["a.py"], approval("@ada", "a.py"), policy=policy, dialect="gitlab").state == "met"


NAMES = ["@a", "@b", "@c", "@d", "@e", "@f"]
ASKS = st.lists(
    st.builds(
        MissingApprovals,
        st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, max_size=3, unique=True).map(tuple),
        st.integers(1, 3),
        st.frozensets(st.sampled_from(NAMES)),
    ),
    max_size=6,
)


@given(ASKS, st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4))
def test_taking_an_approval_away_never_satisfies(
    asks: list[MissingApprovals], gone: str, by: list[str]
) -> None:
    text = "".join(f"/f{n} {' '.join(sorted(one.whom))}\n" for n, one in enumerate(asks))
    files = [f"f{n}" for n in range(len(asks))]
    policy = Policy(people={name: Person(name) for name in NAMES}, file="gate.yaml")
    approvals = [approval(name, *files) for name in by]
    before = ask(text, files, *approvals, policy=policy).state
    after = ask(text, files, *(a for a in approvals if a.by != gone), policy=policy).state
    assert not (after == "met" and before == "unmet")
