"""Rules per path: which rule counts for a file, who may approve, and owners beyond one of several."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.codeowners import parse
from gate.model import Approval, Author, Change, FileChange, Outcome
from gate.policy.load import load_policy
from gate.requirements import approvals, owners
from gate.requirements.facts import Facts
from gate.verdict import decide

PEOPLE = """
people:
  "@ada": {role: senior, emails: [ada@x.example]}
  "@bob": {emails: [bob@x.example]}
  "@cyd": {emails: [cyd@x.example]}
  "@new": {role: junior, emails: [new@x.example]}
  "@ci": {role: bot, emails: [ci@x.example]}
teams: {"@acme/dba": ["@ada", "@bob"]}
"""
RULES = (
    "approvals: [{paths: [db/], need: 2, from: ['@acme/dba']}, {paths: ['*.lock', docs/**], need: 0}, "
    "{authors: [bots], from: [senior]}, {authors: [junior, unknown], need: 2}, {need: 1}]"
)


def facts(
    require: str, files: Sequence[str], by: Sequence[str], approved: dict[str, str], code: str
) -> Facts:
    policy = load_policy(f"protect: {{main: {{require: {{{require}}}}}}}{PEOPLE}".encode())
    rules = parse(code.encode(), "CODEOWNERS", "github")
    changed = tuple(FileChange(path, "modified", "100644", "100644", "1", "2") for path in files)
    authors = tuple(Author("", f"{name}@x.example") for name in by)
    given = tuple(
        Approval("1", name, "approve", "ssh", counted=True, files=tuple(paths.split() if paths else files))
        for name, paths in approved.items()
    )
    return Facts(
        Change("r", "refs/heads/main", "b", "h" * 40, "m", "t", "bt", "d", authors, changed),
        policy, policy.protection("main"), "CODEOWNERS" if code else "", rules.owners_of_all(files), given,
    )  # fmt: skip


def approvals_of(files: str, by: str, approved: dict[str, str], require: str = RULES) -> Outcome:
    return approvals.evaluate(facts(require, files.split(), by.split(), approved, ""))


@pytest.mark.parametrize(
    ("files", "by", "approved", "state"),
    [
        ("a.py", "cyd", {}, "unmet"),
        ("a.py", "cyd", {"@bob": ""}, "met"),
        ("db/a.sql", "cyd", {"@ada": ""}, "unmet"),
        ("db/a.sql", "cyd", {"@ada": "", "@new": ""}, "unmet"),
        ("db/a.sql", "cyd", {"@ada": "", "@bob": ""}, "met"),
        ("db/uv.lock", "cyd", {"@bob": ""}, "unmet"),
        ("x/uv.lock docs/a/b.md", "cyd", {}, "met"),
        ("uv.lock a.py", "cyd", {"@bob": "uv.lock"}, "unmet"),
        ("uv.lock a.py", "cyd", {"@bob": "a.py"}, "met"),
        ("a.py", "ci", {"@bob": ""}, "unmet"),
        ("a.py", "ci", {"@ada": ""}, "met"),
        ("a.py", "ci cyd", {"@ada": ""}, "met"),
        ("a.py", "ci cyd", {"@bob": ""}, "unmet"),
        ("a.py", "new", {"@ada": ""}, "unmet"),
        ("a.py", "new", {"@ada": "", "@bob": ""}, "met"),
        ("a.py", "stranger", {"@ada": ""}, "unmet"),
        ("a.py", "", {"@ada": ""}, "unmet"),
        ("uv.lock", "stranger", {}, "met"),
    ],
)
def test_the_first_rule_that_fits_counts(files: str, by: str, approved: dict[str, str], state: str) -> None:
    assert approvals_of(files, by, approved).state == state


@pytest.mark.parametrize(
    ("by", "approved", "state"),
    [("ada", {"@bob": ""}, "unmet"), ("ada", {"@bob": "", "@cyd": ""}, "met"), ("cyd", {"@bob": ""}, "met")],
)
def test_a_rule_can_be_about_what_a_team_wrote(by: str, approved: dict[str, str], state: str) -> None:
    rules = "approvals: [{authors: ['@acme/dba'], need: 2}, {need: 1}]"
    assert approvals_of("a.py", by, approved, rules).state == state


@pytest.mark.parametrize(("files", "state"), [("a.py", "not_applicable"), ("a.py db/a.sql", "unmet")])
def test_a_file_that_no_rule_is_about_needs_no_approval(files: str, state: str) -> None:
    outcome = approvals_of(files, "cyd", {}, "approvals: [{paths: [db/]}]")
    assert outcome.state == state
    assert all(missing.paths == ("db/a.sql",) for missing in outcome.missing)


@pytest.mark.parametrize(
    ("files", "decision"), [("docs/a.md", "pass"), ("a.py", "blocked"), ("docs/a.md a.py", "blocked")]
)
def test_files_that_a_rule_exempts_can_merge_where_nothing_else_is_required(
    files: str, decision: str
) -> None:
    require = "owners: false, checks: [], approvals: [{paths: [docs/], need: 0}, {paths: [db/]}]"
    verdict = decide(facts(require, files.split(), ["cyd"], {}, ""))
    assert verdict.decision == decision
    nothing = (
        "The policy requires nothing for these files. gate passes a change only if a requirement is met."
    )
    assert (nothing in verdict.notes) == (decision == "blocked")


def test_each_rule_says_what_it_needs_and_of_whom() -> None:
    outcome = approvals_of("db/a.sql db/b.sql a.py", "cyd", {"@ada": "db/a.sql"})
    assert [(m.paths, m.need, m.whom, m.rule) for m in outcome.missing] == [
        (("db/a.sql", "db/b.sql"), 2, ("@acme/dba",), "gate.yaml: protect.main.require.approvals[0]"),
        (("a.py",), 1, ("@ada", "@bob", "@new"), "gate.yaml: protect.main.require.approvals[4]"),
    ]
    assert "from @acme/dba for 2 files" in outcome.reason
    assert [ask.names for ask in outcome.asks] == [("@acme/dba",), ()]


def test_a_rule_that_nobody_can_satisfy_says_so() -> None:
    outcome = approvals_of("db/a.sql", "bob", {})
    assert outcome.state == "unmet"
    assert "only 1 other person can approve" in outcome.reason
    assert "@acme/dba in gate.yaml" in outcome.advice[0]


@given(
    by=st.lists(st.sampled_from(["ada", "bob", "cyd", "new", "ci", "stranger"]), min_size=1, max_size=3),
    more=st.sampled_from(["ada", "bob", "cyd", "new", "ci", "stranger"]),
    who=st.sets(st.sampled_from(["@ada", "@bob", "@cyd", "@new"])),
    path=st.sampled_from(["a.py", "db/a.sql", "uv.lock"]),
)
def test_another_author_never_makes_a_change_need_less(
    by: list[str], more: str, who: set[str], path: str
) -> None:
    # The approval of a person who becomes an author would not be counted.
    approved = dict.fromkeys(who - {f"@{more}"} - {f"@{name}" for name in by}, "")
    wanting = approvals_of(path, " ".join(by), approved).state == "unmet"
    assert not wanting or approvals_of(path, " ".join([*by, more]), approved).state == "unmet"


CODE = "* @ada @bob\n/web/ @acme/dba @cyd\n/docs/ @cyd\n/gen/\n"


@pytest.mark.parametrize(
    ("require", "files", "by", "approved", "state"),
    [
        ("{need: 2}", "a.py", "new", {"@ada": ""}, "unmet"),
        ("{need: 2}", "a.py", "new", {"@ada": "", "@bob": ""}, "met"),
        ("{need: 2}", "docs/a", "new", {"@cyd": ""}, "unmet"),
        ("{need: all}", "a.py", "new", {"@ada": ""}, "unmet"),
        ("{need: all}", "a.py", "ada", {"@bob": ""}, "met"),
        ("{need: all}", "web/a.js", "new", {"@ada": "", "@bob": ""}, "unmet"),
        ("{need: all}", "web/a.js", "new", {"@bob": "", "@cyd": ""}, "met"),
        ("{need: all}", "docs/a", "cyd", {}, "unmet"),
        ("true", "gen/a other", "new", {"@ada": "other"}, "met"),
        ("{unowned: error}", "gen/a", "new", {"@ada": ""}, "unmet"),
        ("{unowned: error}", "a.py", "new", {"@ada": ""}, "met"),
        ("{unowned: ['@cyd']}", "gen/a", "new", {}, "unmet"),
        ("{unowned: ['@cyd']}", "gen/a", "new", {"@cyd": ""}, "met"),
        ("{unowned: ['@cyd']}", "gen/a", "cyd", {"@ada": ""}, "unmet"),
        ("{optional: ['@CYD']}", "docs/a", "new", {}, "met"),
        ("{optional: ['@cyd']}", "web/a.js", "new", {"@cyd": ""}, "unmet"),
        ("{optional: ['@cyd']}", "web/a.js", "new", {"@bob": ""}, "met"),
        ("{author: true}", "docs/a", "cyd", {}, "met"),
        ("{author: true}", "docs/a a.py", "cyd", {}, "unmet"),
        ("{author: true}", "docs/a", "cyd bob", {}, "unmet"),
        ("{author: true}", "docs/a", "cyd stranger", {}, "unmet"),
        ("{author: true}", "docs/a", "stranger", {}, "unmet"),
        ("{author: true, need: 2}", "a.py", "ada", {}, "unmet"),
        ("{author: true, need: 2}", "a.py", "ada", {"@bob": ""}, "met"),
        ("true", "docs/a", "cyd", {}, "unmet"),
    ],
)
def test_owners(require: str, files: str, by: str, approved: dict[str, str], state: str) -> None:
    found = owners.evaluate(facts(f"owners: {require}", files.split(), by.split(), approved, CODE))
    assert found.state == state, found


@pytest.mark.parametrize(("unowned", "state"), [("error", "unmet"), ("allow", "met")])
def test_a_file_that_no_line_is_about_has_no_owner(unowned: str, state: str) -> None:
    given = facts(f"owners: {{unowned: {unowned}}}", ["a.py"], ["new"], {}, "/docs/ @cyd\n")
    assert owners.evaluate(given).state == state


def test_a_file_without_an_owner_says_how_to_get_one() -> None:
    outcome = owners.evaluate(facts("owners: {unowned: error}", ["gen/a"], ["new"], {}, CODE))
    assert "gen/a without an owner: add a rule to CODEOWNERS on the base branch" in outcome.advice[0]
    assert outcome.missing[0].rule == "gate.yaml: protect.main.require.owners.unowned"
