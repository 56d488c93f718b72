"""Attacks with records that nobody answers for, with messages that claim things, and with approvals that were used."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest
from support.company import Clone, Company
from support.forging import forged, put, sign
from support.pushing import audited, change, on_main, push

from gate.approvals.record import Record, record_id, serialise
from gate.log.paths import change_path, record_path, signature_path, verdict_path

NO_CHECKS = "      owners: {stale: change}\n      approvals: 1\n      checks: []\n"
RELEASES = f"{NO_CHECKS}  release/*:\n    require: {{checks: []}}\n"
LOG = "refs/gate/log"


def local(clone: Clone, record: Record, key: str = "") -> str:
    """Add a record to the log of the clone alone, signed with `key` if one is given; its id."""
    from gate.git.repository import Repository
    from gate.log.store import add

    data = serialise(record)
    files = {record_path(record_id(data)): data}
    if key:
        files[signature_path(record_id(data))] = sign(clone, data, key)
    add(Repository.find(clone.path), files, "by hand")
    return record_id(data)


def about(clone: Clone, base: str, tip: str, **fields: object) -> Record:
    """A record that approves exactly what changed between two commits."""
    digest = clone.verdict(tip, "--base", base)["change"]["digest"]
    made = Record(
        "approve", "acme/shortener", "refs/heads/main", clone.git("rev-parse", base),
        clone.git("rev-parse", tip), digest, "@nehemiah", int(time.time()), "0" * 32,
    )  # fmt: skip
    return replace(made, **fields)  # type: ignore[arg-type]  # as the test spells it


def evil_and_undone(new: Clone) -> tuple[str, str, str]:
    """The base, a commit that nobody would approve, and one that takes it back but for a harmless file."""
    on_main(new)
    base = new.git("rev-parse", "HEAD")
    evil = new.commit("wip", {"a.py": "import os\n"}, push=False)
    return base, evil, new.commit("undo", {"a.py": "x = 1\n", "notes.txt": "notes\n"}, push=False)


@pytest.mark.slow
@pytest.mark.attack(38, "unsigned records that combine a commit and its revert, on the server")
@pytest.mark.parametrize("key", ["", "stranger", "newhire"])
def test_38_a_record_that_folds_steps(company: Company, key: str) -> None:
    """No matter who signs it, it proves nothing: not in the name of the senior, nor in one's own."""
    company.set_policy(company.policy(NO_CHECKS))
    assert company.server.gate("install", "--server").code == 0
    new = company.clone("newhire")
    base, _, undone = evil_and_undone(new)
    by = "@newhire" if key == "newhire" else "@nehemiah"
    local(new, about(new, base, undone, by=by), key)
    assert push(new, "--atomic", "origin", "HEAD:main", LOG).code != 0
    assert push(new, "origin", "HEAD:main").code != 0


@pytest.mark.slow
@pytest.mark.attack(38, "unsigned records that span verified merges")
@pytest.mark.parametrize("key", ["", "stranger", "newhire"])
def test_38_a_record_that_spoils_an_audit(company: Company, key: str) -> None:
    company.set_policy(company.policy(NO_CHECKS))
    start = company.server.git("rev-parse", "main")
    for number in range(2):
        senior = change(company, f"f{number}", {f"new{number}.py": "x = 2\n"})
        senior.approve(f"f{number}")
        assert senior.gate("merge", f"f{number}", "--push", "--ff-only").code == 0
    new = on_main(company.clone("newhire"))
    new.gate("approvals", "--fetch", "HEAD")
    for kind in ("approve", "verdict", "block"):
        of = "e" * 64 if kind == "verdict" else ""
        last = local(new, about(new, start, "HEAD", kind=kind, of=of, by="@newhire"), key)
    new.git("push", "-q", "origin", LOG)
    if key == "newhire":
        # The record says that the branch was where it was before the merges, and nobody can prove otherwise. So the
        # objection counts until the person withdraws it.
        found = "\n".join(audited(company, start))
        assert "@newhire objects" in found
        assert "to withdraw an objection, run `gate revoke ID`" in found
        assert new.gate("revoke", last).code == 0
    assert audited(company, start) == []


@pytest.mark.slow
@pytest.mark.attack(38, "an unsigned verdict")
def test_38_an_unsigned_verdict_proves_no_checks(company: Company) -> None:
    senior = change(company)
    senior.approve("feature")
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "origin/feature")
    verdict = senior.verdict("HEAD", "--base", "origin/main")
    for check in verdict["checks"]:
        check |= {"outcome": "passed", "findings": []}
    document = json.dumps(verdict).encode()
    name = sha256(document).hexdigest()
    put(senior, {verdict_path(name): document})
    senior.git("commit", "-q", "--amend", "-m", f"Merge feature\n\nGate-Verdict: {name}")
    senior.git("push", "-q", "origin", "main")
    result = senior.gate("audit", "origin/main~1..origin/main")
    assert result.code == 1
    assert "no signed verdict" in result.out


@pytest.mark.slow
@pytest.mark.attack(38, "replace a signature with someone else's")
def test_38_a_signature_added_by_another_person_hides_no_objection(company: Company) -> None:
    senior = change(company)
    senior.approve("feature", "--block", "--reason", "no")
    new = company.clone("newhire")
    new.git("fetch", "-q", "origin", f"{LOG}:{LOG}")
    (name,) = [name for name in new.log() if name.endswith(".json")]
    data = new.git("cat-file", "blob", f"{LOG}:{name}").encode() + b"\n"
    blob = new.git("hash-object", "-w", "--stdin", stdin=sign(new, data, "newhire"))
    put(new, {f"{name.removesuffix('.json')}.{blob}.sig": sign(new, data, "newhire")})
    assert senior.gate("approvals", "--fetch", "feature").code == 0
    assert [one["counted"] for one in senior.decisions("feature")] == [True]


@pytest.mark.slow
@pytest.mark.attack(39, "start a release branch inside a fast-forward")
def test_39_a_release_branch_that_starts_inside_a_fast_forward(company: Company) -> None:
    company.set_policy(company.policy(RELEASES))
    assert company.server.gate("install", "--server").code == 0
    new = company.clone("newhire")
    base, evil, undone = evil_and_undone(new)
    new.git("push", "-q", "origin", f"{undone}:refs/heads/feature")
    senior = company.clone("nehemiah")
    senior.approve("origin/feature")
    merged = senior.gate("merge", "origin/feature", "--push", "--ff-only")
    assert merged.code == 0, merged.text
    result = push(new, "origin", f"{evil}:refs/heads/release/1")
    assert result.code != 0
    assert "not the result of a verified merge" in result.err
    assert push(new, "origin", f"{undone}:refs/heads/release/1").code == 0
    assert audited(company, base) == []


@pytest.mark.slow
@pytest.mark.attack(39, "start a release branch inside a fast-forward, without a server hook")
def test_39_the_audit_of_such_a_branch(company: Company) -> None:
    company.set_policy(company.policy(RELEASES))
    new = company.clone("newhire")
    _, evil, undone = evil_and_undone(new)
    new.git("push", "-q", "origin", f"{undone}:refs/heads/feature")
    senior = company.clone("nehemiah")
    senior.approve("origin/feature")
    assert senior.gate("merge", "origin/feature", "--push", "--ff-only").code == 0
    new.git("push", "-q", "origin", f"{evil}:refs/heads/release/bad", f"{undone}:refs/heads/release/good")
    for name, code in (("bad", 1), ("good", 0)):
        result = company.clone("ada").gate("audit", "--fetch", "--into", f"release/{name}")
        assert result.code == code, result.text


@pytest.mark.slow
@pytest.mark.attack(40, "hide a committer with a `Gate-Head` trailer")
@pytest.mark.parametrize("signed", [True, False])
def test_40_a_trailer_that_hides_the_committer(company: Company, signed: bool) -> None:
    """The committer approves their own commit. A verdict that they do not sign proves no squash either."""
    company.set_policy(company.policy("      approvals: 1\n      owners: false\n      checks: []\n"))
    assert company.server.gate("install", "--server").code == 0
    bob = on_main(company.clone("bob"))
    start = bob.git("rev-parse", "HEAD")
    bob.write({"b.py": "y = 2\n"})
    bob.git("add", "-A")
    head = "2" * 40
    author = "Ada <ada@acme.example>"
    bob.git("commit", "-q", "--author", author, "-m", f"page\n\nGate-Head: {head}")
    local(bob, about(bob, start, "HEAD", by="@bob"), "bob")
    if not signed:
        local(bob, about(bob, start, "HEAD", by="@nehemiah", kind="verdict", of="e" * 64, head=head))
    result = push(bob, "--atomic", "origin", "HEAD:main", LOG)
    assert result.code != 0
    assert bob.gate("check", "--head", "HEAD", "--base", start).code == 1


def reland_branch(company: Company, name: str) -> Clone:
    """The same content as before, on a branch of somebody else's."""
    return change(company, name, {"a.py": "x = 2\n"})


def merged_and_reverted(company: Company, *how: str, kind: str = "approve") -> Clone:
    """The senior's clone after a change was let in, and reverted with an approval of its own."""
    company.set_policy(company.policy(NO_CHECKS + '      guarded: ["@acme/guardians"]\n'))
    senior = change(company)
    senior.approve("feature", *(["--waive", "--reason", "outage"] if kind == "waive" else []))
    assert senior.gate("merge", "feature", "--push", *how).code == 0
    change(company, "undo", {"a.py": "x = 1\n"})
    senior.approve("undo")
    assert senior.gate("merge", "undo", "--push").code == 0
    return senior


@pytest.mark.attack(41, "bring a reverted change back with its old approval")
@pytest.mark.slow
@pytest.mark.parametrize("how", [(), ("--squash",), ("--ff-only",)], ids=["merge", "squash", "fast-forward"])
@pytest.mark.parametrize("kind", ["approve", "waive"])
def test_41_what_was_reverted_comes_back_with_the_old_decision(
    company: Company, how: tuple[str, ...], kind: str
) -> None:
    senior = merged_and_reverted(company, *how, kind=kind)
    reland_branch(company, "again")
    assert senior.gate("check", "--head", "origin/again").code == 1
    (decision,) = senior.decisions("origin/again")
    assert decision["why"].startswith("spent: ")
    assert senior.gate("merge", "again", "--push").code == 1
    senior.approve("again")
    assert senior.gate("merge", "again", "--push").code == 0


@pytest.mark.slow
@pytest.mark.attack(41, "bring a reverted change back without the local hooks")
def test_41_the_server_and_the_audit_know_what_is_spent(company: Company) -> None:
    senior = merged_and_reverted(company)
    reland_branch(company, "again")
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "-m", "by hand", "origin/again")
    assert company.server.gate("install", "--server").code == 0
    assert push(senior, "origin", "main").code != 0
    assert company.server.gate("install", "--uninstall").code == 0
    senior.git("push", "-q", "origin", "main")
    result = senior.gate("audit", "origin/main~1..origin/main")
    assert result.code == 1, result.text


@pytest.mark.slow
@pytest.mark.attack(41, "bring a reverted change back with a larger one that was approved before")
def test_41_the_larger_change_that_was_approved_before_the_revert(company: Company) -> None:
    company.set_policy(company.policy(NO_CHECKS))
    senior = change(company)
    new = company.clone("newhire")
    new.git("fetch", "-q")
    new.git("checkout", "-q", "-b", "stacked", "origin/feature")
    new.commit("more", {"b.py": "y = 2\n"}, branch="stacked")
    for branch in ("feature", "stacked"):
        senior.approve(branch)
    assert senior.gate("merge", "feature", "--push", "--squash").code == 0
    assert senior.gate("check", "--head", "origin/stacked").code == 0
    change(company, "undo", {"a.py": "x = 1\n"})
    senior.approve("undo")
    assert senior.gate("merge", "undo", "--push").code == 0
    assert senior.gate("check", "--head", "origin/stacked").code == 1
    whys = [decision["why"] for decision in senior.decisions("origin/stacked")]
    assert all(why.startswith("spent: ") for why in whys), whys
    senior.approve("stacked")
    assert senior.gate("merge", "stacked", "--push").code == 0


def rebased(company: Company, senior: Clone) -> None:
    new = company.clone("newhire")
    change(company, "other", {"b.py": "y = 2\n"})
    senior.approve("other")
    assert senior.gate("merge", "other", "--push").code == 0
    new.git("fetch", "-q")
    new.git("checkout", "-q", "feature")
    new.git("rebase", "-q", "origin/main")
    new.git("push", "-q", "-f", "origin", "feature")


def updated(company: Company, senior: Clone) -> None:
    new = company.clone("newhire")
    change(company, "other", {"b.py": "y = 2\n"})
    senior.approve("other")
    assert senior.gate("merge", "other", "--push").code == 0
    new.git("fetch", "-q")
    new.git("checkout", "-q", "feature")
    new.git("merge", "-q", "-m", "update", "origin/main")
    new.git("push", "-q", "origin", "feature")


def retried(company: Company, senior: Clone) -> None:
    """A merge that the remote does not take."""
    hook = company.server.path / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert senior.gate("merge", "feature", "--push").code == 1
    hook.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("meanwhile", [rebased, updated, retried])
def test_41_what_was_not_merged_is_not_spent(
    company: Company, meanwhile: Callable[[Company, Clone], None]
) -> None:
    company.set_policy(company.policy(NO_CHECKS))
    start = company.server.git("rev-parse", "main")
    senior = change(company)
    senior.approve("feature")
    meanwhile(company, senior)
    merged = senior.gate("merge", "feature", "--push")
    assert merged.code == 0, merged.text
    assert audited(company, start) == []


@pytest.mark.slow
@pytest.mark.attack(42, "a remote-tracking ref on a server or in a mirror")
def test_42_a_tracking_ref_on_a_server_or_in_a_mirror(company: Company) -> None:
    new = company.clone("newhire")
    new.commit(
        "rules",
        {"gate.yaml": "version: 1\nprotect: {main: {require: {owners: false, checks: []}}}\n"},
        branch="mine",
    )
    new.commit("evil", {"a.py": "import os\n"}, branch="mine")
    new.git("push", "-q", "origin", "mine~1:refs/remotes/origin/main")
    company.server.git("clone", "-q", "--mirror", str(company.server.path), str(company.path / "mirror.git"))
    for clone in (company.server, Clone(company.path / "mirror.git", "nobody", company.keys)):
        assert clone.gate("check", "--head", "mine").code == 1
    assert company.server.gate("install", "--server").code == 0
    refused = push(new, "origin", "mine~1:refs/remotes/origin/master")
    assert refused.code != 0
    assert "refs/remotes/" in refused.err


@pytest.mark.slow
@pytest.mark.attack(43, "push unsigned entries to the log")
@pytest.mark.parametrize("what", ["record", "signature", "list", "verdict"])
def test_43_noise_is_refused_by_the_server(company: Company, what: str) -> None:
    assert company.server.gate("install", "--server").code == 0
    senior = change(company)
    senior.approve("feature")
    new = company.clone("newhire")
    new.git("fetch", "-q", "origin", f"{LOG}:{LOG}")
    (name,) = [name for name in new.log() if name.endswith(".json")]
    data = serialise(forged(new))
    raw = b":100644 100644 %s %s M\0a.py\0" % (b"a" * 40, b"b" * 40)
    files = {
        "record": {record_path(record_id(data)): data},
        "signature": {f"{name.removesuffix('.json')}.{'a' * 40}.sig": sign(new, b"else", "nehemiah")},
        "list": {change_path(sha256(raw).hexdigest()): raw},
        "verdict": {verdict_path(sha256(b"{}").hexdigest()): b"{}"},
    }[what]
    with pytest.raises(AssertionError, match=r"is not admitted|no signed record refers to"):
        put(new, files)


@pytest.mark.slow
@pytest.mark.attack(43, "push more log entries than the limits allow")
@pytest.mark.parametrize(
    ("name", "value"), [("maxLogFiles", "2"), ("maxLogSize", "100"), ("maxSignatures", "0")]
)
def test_43_a_push_to_the_log_has_limits(company: Company, name: str, value: str) -> None:
    assert company.server.gate("install", "--server").code == 0
    company.server.git("config", f"gate.{name}", value)
    senior = change(company)
    result = senior.gate("approve", "feature")
    assert result.code == 3
    assert f"gate.{name}" in result.out
    company.server.git("config", "--unset", f"gate.{name}")
    assert senior.gate("approve", "feature").code == 0


@pytest.mark.slow
@pytest.mark.attack(43, "push invalid signatures next to a record")
def test_43_invalid_signatures_are_verified_once(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    senior = change(company)
    senior.approve("feature")
    new = company.clone("newhire")
    new.git("fetch", "-q", "origin", f"{LOG}:{LOG}")
    (name,) = [name for name in new.log() if name.endswith(".json")]
    stem = name.removesuffix(".json")
    put(new, {f"{stem}.{n:040x}.sig": sign(new, b"%d" % n, "nehemiah") for n in range(30)})
    assert senior.gate("approvals", "--fetch", "feature").code == 0
    assert [one["counted"] for one in senior.decisions("feature")] == [True]
    monkeypatch.setattr(
        "gate.log.signature_cache.verify", lambda claims: pytest.fail("verified again") if claims else []
    )
    assert [one["counted"] for one in senior.decisions("feature")] == [True]
