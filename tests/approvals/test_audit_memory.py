"""An audit that remembers what it has verified says what one from the start says, whatever has happened since."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest
from support.company import Clone, Company
from support.forging import sign
from support.pushing import change, on_main

from gate.approvals.record import Record, parse, serialise
from gate.git.repository import Repository
from gate.log.paths import record_path, signature_path
from gate.log.store import add


def merge(company: Company, name: str) -> Clone:
    senior = change(company, name, {f"{name}.py": "x = 2\n"})
    senior.approve(name)
    assert senior.gate("merge", name, "--push").code == 0
    return senior


def another_merge(company: Company) -> None:
    merge(company, "second")


def a_push_past_the_gate(company: Company) -> None:
    new = on_main(company.clone("newhire"))
    new.commit("straight in", {"b.py": "y = 2\n"}, push=False)
    new.git("push", "-q", "origin", "main")


def approved_afterwards(company: Company) -> None:
    a_push_past_the_gate(company)
    senior = company.clone("nehemiah")
    senior.fetch()
    assert senior.gate("approve", "origin/main").code == 0
    result = senior.gate("check", "--record", "--base", "origin/main^", "--head", "origin/main")
    assert result.code == 0, result.text


def objection(company: Company, log: str) -> None:
    """An objection of the first second of all, added to the log at this commit."""
    bob = company.clone("bob")
    bob.git("fetch", "-q", "origin", "refs/gate/log:refs/gate/log")
    bob.git("update-ref", "refs/gate/log", log)
    name = next(name for name in bob.log() if name.endswith(".json") and name.startswith("records/"))
    old = parse(bob.git("cat-file", "blob", f"refs/gate/log:{name}").encode() + b"\n")
    assert isinstance(old, Record)
    made = serialise(replace(old, kind="block", by="@bob", at=1, nonce="1" * 32, of=""))
    identity = sha256(made).hexdigest()
    files = {record_path(identity): made, signature_path(identity): sign(bob, made, "bob")}
    add(Repository.find(bob.path), files, "late")
    assert bob.gate("approvals", "--fetch", "origin/main").code == 0
    bob.git("push", "-q", "origin", "refs/gate/log")


def unaware(company: Company) -> None:
    """Of somebody who had not heard of the merge: nothing proves that it came later."""
    objection(company, "refs/gate/log^")


def on_top_of_the_verdict(company: Company) -> None:
    """Nor does its place in the log: the verdict may have been there long before the merge."""
    objection(company, "refs/gate/log")


def another_history(company: Company) -> None:
    new = company.clone("newhire")
    new.fetch()
    new.git("checkout", "-q", "--orphan", "fresh", "origin/main")
    new.commit("start", {"a.py": "import os\n"}, push=False)
    new.git("push", "-q", "-f", "origin", "fresh:main")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("event", "code"),
    [
        (another_merge, 0),
        (a_push_past_the_gate, 1),
        (approved_afterwards, 0),
        (unaware, 1),
        (on_top_of_the_verdict, 1),
        (another_history, 1),
    ],
)
def test_what_is_remembered_changes_no_answer(
    company: Company, event: Callable[[Company], None], code: int
) -> None:
    merge(company, "first")
    auditor = company.clone("ada", "auditor")
    assert auditor.gate("audit", "--fetch").code == 0
    (memory,) = (auditor.path / ".git" / "gate" / "log").glob("audit-*")
    event(company)
    remembered = auditor.gate("audit", "--fetch", "--format", "json")
    assert remembered.code == code, remembered.text
    memory.unlink()
    fresh = auditor.gate("audit", "--format", "json")
    assert (fresh.code, fresh.out) == (code, remembered.out)


@pytest.mark.slow
def test_what_is_verified_is_not_looked_at_again(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    merge(company, "first")
    auditor = company.clone("ada", "auditor")
    first = auditor.gate("audit", "--fetch", "--all")
    monkeypatch.setattr("gate.app.audit.audit.read_history", lambda *_: pytest.fail("from the start again"))
    again = auditor.gate("audit", "--all")
    assert (again.code, again.out) == (0, first.out)
