"""A quarantined test still runs, and its failure warns: only by a guardian, for one test, for a while."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from support.company import Clone, Company
from support.forging import plant

from gate.app.approving.quarantine import listing
from gate.approvals.quarantine import LONGEST, apply, reason_of, subject_of
from gate.approvals.record import Record, parse, serialise
from gate.finding import Finding
from gate.model import Ran

TEST = "tests/test_a.py::test_flaky"
REQUIRE = """\
      owners: false
      guarded: ["@acme/guardians"]
      checks: [tests]
"""
SUITE = {
    "tests/test_a.py": (
        "import a\n\n\ndef test_flaky():\n    assert a.x == 1\n\n\ndef test_other():\n    assert a.y == 1\n"
    ),
    "a.py": "x = 1\ny = 1\n",
    "conftest.py": "",
}
NOW = int(time.time())
BROKEN = {"a.py": "x = 2\ny = 1\n"}


def day(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


@pytest.fixture
def owner(company: Company) -> Clone:
    """Return the clone of a guardian, in which main has a test."""
    more = "  tests: {tool: pytest, retries: 0, select: off}\n"
    setup = company.clone("nobody", "setup")
    setup.write(SUITE)
    company.set_policy(company.policy(REQUIRE, more=more))
    clone = company.clone("nehemiah")
    clone.fetch()
    return clone


@pytest.fixture
def new(company: Company, owner: Clone) -> Clone:
    """Return the clone of somebody else, with a branch on which the test fails."""
    assert owner.owner == "nehemiah"
    clone = company.clone("newhire")
    clone.commit("break", BROKEN, branch="feature")
    return clone


def quarantine(
    clone: Clone, *args: str, test: str = TEST, until: str = "", reason: str = "issue 4711"
) -> str:
    done = clone.gate("flaky", "--quarantine", test, "--until", until or day(30), "--reason", reason, *args)
    assert done.code == 0, done.text
    return done.out


def fetched(clone: Clone) -> Clone:
    clone.git("fetch", "-q", "origin", "+refs/gate/*:refs/gate/remotes/origin/*")
    assert clone.gate("log", "--fetch").code == 0
    return clone


@pytest.mark.slow
class TestQuarantine:
    def test_a_failure_warns_and_is_shown(self, owner: Clone, new: Clone) -> None:
        assert not new.may_merge("feature")
        quarantine(owner)
        verdict = fetched(new).verdict("feature")
        assert verdict["outcome"] == "pass"
        (check,) = verdict["checks"]
        (finding,) = check["findings"]
        assert (check["outcome"], finding["severity"], finding["blocks"]) == ("passed", "warning", False)
        assert "issue 4711" in finding["quarantined"]
        assert "1 failed, 1 passed" in check["note"]
        shown = " ".join(new.gate("check").out.split())
        assert f"Failed, but does not block: {TEST} is quarantined by @nehemiah" in shown

    def test_another_failure_still_blocks(self, owner: Clone, new: Clone) -> None:
        quarantine(owner)
        new.commit("break more", {"a.py": "x = 2\ny = 2\n"}, branch="feature")
        assert not fetched(new).may_merge("feature")

    def test_for_the_work_of_its_signer_another_guardian_has_to_approve(
        self, company: Company, owner: Clone
    ) -> None:
        owner.commit("break", BROKEN, branch="own")
        quarantine(owner)
        verdict = owner.verdict("own")
        assert verdict["outcome"] == "blocked"
        (guarded,) = [item for item in verdict["requirements"] if item["id"] == "guarded"]
        assert (guarded["outcome"], guarded["findings"][0]["rule"]) == ("unmet", "own-quarantine")
        company.clone("ada").approve("origin/own")
        assert fetched(owner).may_merge("own")

    def test_one_of_somebody_else_covers_it_as_well(self, company: Company, owner: Clone) -> None:
        owner.commit("break", BROKEN, branch="own")
        quarantine(owner)
        quarantine(company.clone("ada"))
        assert fetched(owner).may_merge("own")

    def test_it_ends_when_somebody_ends_it(self, company: Company, owner: Clone, new: Clone) -> None:
        quarantine(owner)
        refused = fetched(new).gate("flaky", "--end", TEST)
        assert refused.code == 2
        assert "@newhire cannot end the quarantine by @nehemiah" in refused.err
        ada = fetched(company.clone("ada"))
        assert ada.gate("flaky", "--end", TEST).code == 0
        assert not fetched(new).may_merge("feature")
        assert TEST not in fetched(owner).gate("flaky").out

    def test_one_that_pytest_stops_at_hides_no_other(self, owner: Clone, new: Clone) -> None:
        quarantine(owner)
        new.commit("stop", {"pytest.ini": "[pytest]\naddopts = -x\n"}, branch="feature")
        out = fetched(new).gate("check", "--head", "feature").out
        assert "pytest stopped at a failure: 1 of 2 tests ran" in out

    def test_a_file_that_cannot_be_imported_has_none(self, owner: Clone, new: Clone) -> None:
        quarantine(owner)
        new.commit("no import", {"a.py": "raise ValueError\n"}, branch="feature")
        assert not fetched(new).may_merge("feature")

    def test_the_report_and_the_log_name_it_in_plain_words(self, owner: Clone, new: Clone) -> None:
        quarantine(owner)
        out = fetched(new).gate("check", "--head", "feature", "--all").out
        assert "tests  passed, 1 quarantined failure" in out
        (line,) = [line for line in new.gate("log").out.splitlines() if "quarantine" in line]
        assert f"{TEST} until " in line
        assert "\\n" not in line

    def test_the_audit_shows_it(self, company: Company, owner: Clone, new: Clone) -> None:
        quarantine(company.clone("ada"))
        new.git("push", "-q", "origin", "feature")
        fetched(owner).fetch()
        merged = owner.gate("merge", "origin/feature", "--into", "main", "--push")
        assert merged.code == 0, merged.text
        assert f"{TEST} is quarantined by @ada" in owner.gate("audit").out


@pytest.mark.parametrize(
    ("who", "args", "message"),
    [
        ("bob", (), "@bob is not one of the guardians"),
        ("newhire", (), "@newhire is not one of the guardians"),
        ("nehemiah", ("--until", day(-1)), "is in the past"),
        ("nehemiah", ("--until", day(LONGEST.days + 5)), "more than 90 days away"),
        ("nehemiah", ("--until", "soon"), "expected a date"),
        ("nehemiah", ("--reason", " "), "a quarantine needs a reason"),
        ("nehemiah", ("--owner", "@nobody"), "@nobody is not in the policy"),
        ("nehemiah", ("--check", "lint2"), "no check lint2"),
        ("nehemiah", ("--quarantine", "tests/test_a.py"), "not the ID of one test"),
        ("nehemiah", ("--quarantine", "tests/test_a.py::*"), "and no patterns"),
        ("nehemiah", ("--quarantine", "tests/test_b.py::test_x"), "no file tests/test_b.py"),
        ("nehemiah", ("--quarantine", "tests/test_b.py::test_x"), "only tests on main can be quarantined"),
        ("nehemiah", ("--quarantine", "tests/::x"), "no file"),
    ],
)
def test_what_is_refused(
    owner: Clone, company: Company, who: str, args: tuple[str, ...], message: str
) -> None:
    clone = company.clone(who)
    clone.fetch()
    given = ["--quarantine", TEST, "--until", day(1), "--reason", "because", *args]
    done = clone.gate("flaky", *given)
    assert done.code == 2, done.text
    assert message in done.text
    assert not owner.git("for-each-ref", "refs/gate/log")


def record(**fields: Any) -> Record:
    """Return a record that quarantines the test, with any fields an attacker wants."""
    made: dict[str, Any] = {
        "kind": "quarantine",
        "repository": "acme/shortener",
        "into": "refs/heads/main",
        "base": "a" * 40,
        "head": "a" * 40,
        "change": subject_of("tests", TEST),
        "by": "@ada",
        "at": NOW,
        "nonce": "0" * 32,
        "reason": reason_of("@ada", date.fromisoformat(day(30)), "tests", TEST, "because"),
    }
    return Record(**{**made, **fields})


def record_by(clone: Clone, name: str, until: str, at: int, test: str = TEST, subject: str = "") -> str:
    """Put a record into the log as a program other than gate could."""
    reason = reason_of(f"@{name}", date.fromisoformat(until), "tests", test, "because")
    return plant(
        clone, record(by=f"@{name}", at=at, change=subject or subject_of("tests", test), reason=reason), name
    )


@pytest.mark.parametrize(
    ("name", "days", "later", "counted", "why"),
    [
        ("ada", 30, 0, True, ""),
        ("ada", 400, 0, False, "longer than 90 days"),
        ("ada", 400, 390, False, "longer than 90 days"),
        ("bob", 30, 0, False, "not one of the guardians"),
    ],
)
def test_records_made_by_hand_get_no_more_than_those_of_gate(
    owner: Clone, name: str, days: int, later: int, *, counted: bool, why: str
) -> None:
    record_by(owner, name, day(days), NOW + later * 24 * 3600)
    shown = owner.gate("flaky").out
    assert TEST in shown
    assert ("does not count" not in shown) == counted
    assert why in shown


def test_a_record_that_is_not_admitted_is_absent(owner: Clone) -> None:
    record_by(owner, "stranger", day(30), NOW)
    assert TEST not in owner.gate("flaky").out


def test_a_record_about_another_test_than_it_names_is_absent(owner: Clone) -> None:
    record_by(owner, "ada", day(30), NOW, subject=subject_of("tests", "tests/test_a.py::test_other"))
    assert TEST not in owner.gate("flaky").out


@pytest.mark.parametrize(
    "reason",
    [
        "",
        "because",
        f"2026-12-31 tests {TEST}\nx",
        f"2026-12-31 @a tests {TEST}\n ",
        "2026-12-31 @a tests test\nx",
    ],
)
def test_a_record_without_date_owner_test_and_reason_is_no_record(reason: str) -> None:
    parsed = parse(serialise(record(reason=reason)))
    assert "'reason' must be a date, an owner, a check, a test, and why" in str(parsed)


def test_only_the_exact_id_is_covered(owner: Clone) -> None:
    quarantine(owner)
    standing = listing(owner.path, int(time.time()))
    names = (
        TEST,
        f"{TEST}[1]",
        "tests/test_a.py::test_flaky_too",
        "tests/test_a.py",
        "x/tests/test_a.py::test_flaky",
    )
    findings = tuple(
        Finding("tests/test_a.py", 1, 1, 1, "test-failed", "error", "no", test=name) for name in names
    )
    result = apply(Ran("tests", findings, findings, 1.0), standing)
    assert isinstance(result, Ran)
    assert [finding.test for finding in result.blocking] == list(names[1:])
    assert apply(Ran("other", findings, findings, 1.0), standing).failed
