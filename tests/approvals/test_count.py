"""Which decisions count: a table of cases, and what holds for every set of records."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.approvals.content import contents_of
from gate.approvals.count import Count, CountContext, count
from gate.approvals.decisions import Decision, Signed, Unsigned
from gate.approvals.keys import holders
from gate.approvals.record import Record
from gate.model import Approval, Author, Change, FileChange
from gate.policy.keys import fingerprint
from gate.policy.types import Kind, OwnersRequired, Person, Policy, Protection, Require, Stale

NOW = 1_800_000_000
HERE, EARLIER, ELSEWHERE = "1" * 64, "2" * 64, "3" * 64
HEAD = "a" * 40


def key_line(name: str) -> str:
    raw = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + hashlib.sha256(name.encode()).digest()
    return f"ssh-ed25519 {base64.b64encode(raw).decode()} {name}"


def blob(name: str) -> str:
    return key_line(name).split()[1]


PEOPLE = {
    "@senior": Person("@senior", "senior", keys=(key_line("senior"), key_line("laptop")), emails=("s@x",)),
    "@peer": Person("@peer", keys=(key_line("peer"),), emails=("p@x", "Peer@Home")),
    "@old": Person("@old", keys=(f'valid-before="20200101" {key_line("old")}', key_line("new"))),
    "@soon": Person("@soon", keys=(f'valid-after="20990101" {key_line("soon")}',)),
    "@ci": Person("@ci", "bot", keys=(key_line("ci"),)),
    "@author": Person("@author", "junior", keys=(key_line("author"),), emails=("author@x",)),
}
POLICY = Policy(repository="acme/x", people=PEOPLE)


def file(path: str, new: str = "b") -> FileChange:
    return FileChange(path, "modified", "100644", "100644", "0" * 40, new * 40)


FILES = (file("a.py"), file("b.py"))
CHANGE = Change(
    repository="acme/x",
    into="refs/heads/main",
    base="b" * 40,
    head=HEAD,
    merge_base="b" * 40,
    tree="c" * 40,
    base_tree="d" * 40,
    digest=HERE,
    authors=(Author("Author", "Author@X"),),
    files=FILES,
)


def protection(stale: Stale = "change") -> Protection:
    return Protection(Require(owners=OwnersRequired(stale), guarded=("@senior",)))


def entry(name: str = "e", signer: str = "senior", **fields: Any) -> Decision:
    made: dict[str, Any] = {
        "kind": "approve",
        "repository": "acme/x",
        "into": "refs/heads/main",
        "base": "b" * 40,
        "head": HEAD,
        "change": HERE,
        "by": f"@{signer}",
        "at": NOW - 100,
        "nonce": "0" * 32,
    }
    return Decision(name, Record(**{**made, **fields}), Signed(blob(signer)))


def ask(*entries: Decision, stale: Stale = "change", policy: Policy = POLICY, **fields: Any) -> Count:
    lists = {EARLIER: contents_of((file("a.py"), file("b.py", "9")))}
    made: dict[str, Any] = {"earlier": frozenset(e.id for e in entries if e.record.change == EARLIER)}
    made["certain"] = made["earlier"]
    return count(
        entries, CountContext(CHANGE, policy, protection(stale), NOW, lists=lists, **{**made, **fields})
    )


def only(*entries: Decision, stale: Stale = "change", **fields: Any) -> tuple[bool, str]:
    """Whether the first of the entries counts, and why."""
    found = {approval.id: approval for approval in ask(*entries, stale=stale, **fields).approvals}
    approval = found[entries[0].id]
    return approval.counted, approval.why


BLOCK = {"kind": "block", "reason": "no"}
WAIVE = {"kind": "waive", "reason": "outage"}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([entry()], (True, "")),
        ([entry(signer="peer")], (True, "")),
        ([entry(signer="ci")], (False, "a bot cannot approve")),
        ([entry(signer="author")], (False, "author of the change")),
        ([entry(signer="old")], (False, "expired key")),
        ([entry(signer="new", by="@old")], (True, "")),
        ([entry(signer="soon")], (False, "not yet valid key")),
        ([entry(signer="peer", by="@senior")], (False, "signed with the key of @peer, in the name of @senior")),
        ([entry(repository="acme/y")], (False, "for another repository: acme/y")),
        ([entry(repository="")], (False, "for another repository: one without a name")),
        ([entry(into="refs/heads/next")], (False, "for another branch: next")),
        ([entry(change=EARLIER)], (False, "stale: b.py changed since")),
        ([replace(entry(), signature=Unsigned("not signed"))], (False, "not signed")),
        ([replace(entry(), signature=Unsigned("its signature is not valid", blob("senior")))],
         (False, "its signature is not valid")),
        ([entry(), entry("r", kind="revoke", of="e", at=NOW)], (False, "revoked")),
        ([entry(), entry("r", kind="revoke", of="e", at=0)], (False, "revoked")),
        ([entry(), entry("r", signer="peer", kind="revoke", of="e", at=NOW)], (True, "")),
        ([entry(), entry("r", signer="peer", by="@senior", kind="revoke", of="e", at=NOW)], (True, "")),
        ([entry(signer="new", by="@old"), entry("r", signer="old", kind="revoke", of="e", at=NOW)],
         (False, "revoked")),
        ([entry(), entry("b", **BLOCK, at=0)], (False, "withdrawn: the same person objects")),
        ([entry(), entry("b", **BLOCK, at=NOW), entry("r", kind="revoke", of="b", at=NOW)],
         (False, "superseded by a later decision of the same person")),
        ([entry(at=NOW), entry("b", **BLOCK, at=NOW - 9), entry("r", kind="revoke", of="b", at=NOW - 8)],
         (True, "")),
        ([entry(), entry("b", **BLOCK, change=EARLIER, at=NOW), entry("r", kind="revoke", of="b", change=EARLIER,
                                                                     at=NOW)],
         (False, "superseded by a later decision of the same person")),
        ([entry(), entry("b", **BLOCK, change=ELSEWHERE, at=NOW)], (True, "")),
        ([entry(), entry("b", **BLOCK, into="refs/heads/next", at=NOW)], (True, "")),
        ([entry(), entry("f", at=NOW)], (False, "superseded by a later one of the same person")),
        ([entry(), entry("f", signer="laptop", by="@senior", at=NOW)],
         (False, "superseded by a later one of the same person")),
        ([entry(**BLOCK)], (True, "no")),
        ([entry(**BLOCK, change=EARLIER)], (True, f"no; raised against {HEAD[:12]}, an earlier version of the change")),
        ([entry(signer="old", **BLOCK)], (True, "no")),
        ([entry(signer="author", **BLOCK)], (True, "no")),
        ([entry(signer="new", by="@old", **BLOCK), entry("r", signer="old", kind="revoke", of="e", at=NOW)],
         (True, "no")),
        ([entry(**BLOCK), entry("a", at=NOW)], (True, "no")),
        ([entry(**WAIVE)], (True, "outage")),
        ([entry(signer="peer", **WAIVE)], (False, "not one of the guardians")),
        ([entry(**WAIVE, change=EARLIER)], (False, "stale: b.py changed since")),
        ([entry(**WAIVE), entry("b", **BLOCK, at=NOW)], (False, "withdrawn: the same person objects")),
    ],
)  # fmt: skip
def test_what_counts(entries: list[Decision], expected: tuple[bool, str]) -> None:
    assert only(*entries) == expected


def former(made: Decision, *, before: bool = False) -> Decision:
    """The entry, signed with a key that its author had by an earlier policy."""
    return replace(made, signature=Signed(blob("lost"), made.record.by, before))


def renamed(made: Decision, key: str) -> Decision:
    """The entry, signed with a key that the policy lists today, and under another name."""
    return replace(made, signature=Signed(blob(key), made.record.by))


GONE = entry("b", signer="gone", **BLOCK)
SETTLED = entry("r", signer="senior", kind="revoke", of="b", at=NOW, reason="left")


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([former(entry(signer="peer"))], (False, "signed with a key that the policy no longer lists")),
        ([former(entry(**WAIVE))], (False, "signed with a key that the policy no longer lists")),
        ([former(entry("b", signer="peer", **BLOCK))], (True, "no")),
        ([former(entry("b", signer="peer", **BLOCK)), entry("r", signer="peer", kind="revoke", of="b")],
         (False, "revoked")),
        ([former(entry("b", signer="peer", **BLOCK)), former(entry("r", signer="peer", kind="revoke", of="b"))],
         (True, "no")),
        ([former(entry("b", signer="peer", **BLOCK)),
          former(entry("r", signer="peer", kind="revoke", of="b"), before=True)], (False, "revoked")),
        ([entry(signer="peer"), former(entry("b", signer="peer", **BLOCK))],
         (False, "withdrawn: the same person objects")),
        ([former(entry("b", signer="peer", **BLOCK)), SETTLED], (True, "no")),
        ([renamed(entry("b", signer="Peer", **BLOCK), "peer")], (True, "no")),
        ([renamed(entry(signer="Peer"), "peer")], (True, "")),
        ([renamed(GONE, "peer")], (True, "no")),
        ([renamed(GONE, "peer"), entry("r", signer="peer", kind="revoke", of="b", at=NOW)], (False, "revoked")),
        ([renamed(entry("b", signer="peer", **BLOCK), "senior"), SETTLED], (True, "no")),
        ([renamed(entry(signer="gone"), "peer")], (False, "signed with a key that the policy no longer lists")),
        ([former(GONE)], (True, "no")),
        ([former(GONE), SETTLED], (False, "settled by @senior: @gone is no longer in the policy")),
        ([former(GONE), former(SETTLED)], (True, "no")),
        ([former(GONE), entry("r", signer="peer", kind="revoke", of="b", at=NOW)], (True, "no")),
        ([former(GONE), entry("r", signer="author", kind="revoke", of="b", at=NOW)], (True, "no")),
        ([former(entry(signer="gone"))], (False, "signed with a key that the policy no longer lists")),
        ([replace(entry(signer="peer"), signature=Signed(blob("lost")))],
         (False, "unknown signer: claims to be @peer, with a key that the policy does not list")),
    ],
)  # fmt: skip
def test_keys_and_people_that_the_policy_no_longer_lists(
    entries: list[Decision], expected: tuple[bool, str]
) -> None:
    assert only(*entries) == expected


def test_an_approval_of_a_part_does_not_replace_one_of_everything() -> None:
    later = entry("l", change=EARLIER, at=NOW)
    assert only(entry(), later, stale="owned") == (True, "")
    assert only(later, entry(), stale="owned") == (True, "stale for b.py, changed since")


def test_an_approval_of_the_same_second_as_a_revocation_does_not_count() -> None:
    assert only(entry(), entry("o", at=NOW - 150), entry("r", kind="revoke", of="o")) == (
        False,
        "superseded by a later decision of the same person",
    )


def test_an_author_cannot_settle_an_objection_to_their_own_change() -> None:
    by_author = replace(CHANGE, authors=(Author("Senior", "s@x"),))
    settled = CountContext(CHANGE, POLICY, protection(), NOW)
    for question, counted in ((settled, False), (replace(settled, change=by_author), True)):
        (objection,) = count([former(GONE), SETTLED], question).approvals
        assert objection.counted is counted


def test_a_junior_cannot_approve_what_a_stranger_wrote() -> None:
    change = replace(CHANGE, authors=(Author("Who", "who@nowhere"),))
    found = count(
        [entry(signer="author"), entry("p", "peer")], CountContext(change, POLICY, protection(), NOW)
    )
    assert [(one.by, one.counted, one.why) for one in found.approvals] == [
        ("@peer", True, ""),
        ("@author", False, "an author of the change is unknown, and could be this junior"),
    ]


def test_a_key_that_nobody_lists_is_named_by_itself() -> None:
    stranger = entry(signer="stranger", by="@senior")
    for signature in (stranger.signature, Unsigned("its signature is not valid", blob("stranger"))):
        (approval,) = ask(replace(stranger, signature=signature)).approvals
        assert approval.by == fingerprint(blob("stranger"))
        assert approval.why.startswith("unknown signer: claims to be @senior")


def test_what_is_about_something_else_is_not_listed() -> None:
    assert ask(entry(change=ELSEWHERE), entry("v", kind="verdict")).approvals == ()


@pytest.mark.parametrize(
    ("stale", "fields", "expected", "files"),
    [
        ("change", {"head": "9" * 40}, (True, ""), ("a.py", "b.py")),
        ("head", {"head": "9" * 40}, (False, "stale: given for commit 999999999999"), ()),
        ("head", {}, (True, ""), ("a.py", "b.py")),
        ("owned", {"change": EARLIER}, (True, "stale for b.py, changed since"), ("a.py",)),
        ("change", {"change": EARLIER}, (False, "stale: b.py changed since"), ()),
    ],
    ids=["rebased", "rebased, by head", "same head", "by file", "changed"],
)
def test_staleness_by_mode(
    stale: Stale, fields: dict[str, Any], expected: tuple[bool, str], files: tuple[str, ...]
) -> None:
    (approval,) = ask(entry(**fields), stale=stale).approvals
    assert ((approval.counted, approval.why), approval.files) == (expected, files)


def test_what_may_be_about_another_change_never_counts_in_part() -> None:
    assert only(entry(change=EARLIER), stale="owned", certain=frozenset())[0] is False


def test_a_list_that_is_missing_leaves_an_approval_stale() -> None:
    lost = entry(change=ELSEWHERE)
    assert only(lost, earlier=frozenset({"e"})) == (False, "stale: given for different content")


@pytest.mark.parametrize(("head", "commit"), [("9" * 40, "999999999999"), ("", "unknown")])
def test_an_approval_of_a_commit_that_is_gone_names_it(head: str, commit: str) -> None:
    lost = entry(change="", head=head)
    why = f"stale: given for commit {commit}, which is not available"
    assert only(lost, earlier=frozenset({"e"})) == (False, why)


def test_many_changed_files_are_named_shortly() -> None:
    files = tuple(file(f"{letter}.py") for letter in "abcdef")
    found = count(
        [entry(change=EARLIER)],
        CountContext(
            replace(CHANGE, files=files),
            POLICY,
            protection(),
            NOW,
            frozenset({"e"}),
            lists={EARLIER: contents_of(())},
        ),
    )
    assert found.approvals[0].why == "stale: a.py, b.py, c.py, and 3 more changed since"


def test_an_answer_holds_until_a_key_expires() -> None:
    line = f'valid-before="20300101" {key_line("peer")}'
    people = {**PEOPLE, "@peer": replace(PEOPLE["@peer"], keys=(line,))}
    found = ask(entry(signer="peer"), entry("s"), policy=replace(POLICY, people=people))
    assert found.until == 1_893_456_000
    assert ask(entry("s")).until is None


def test_a_key_of_two_people_is_nobodys() -> None:
    people = {**PEOPLE, "@other": Person("@other", keys=(key_line("peer"), key_line("other")))}
    known = holders(replace(POLICY, people=people))
    assert blob("peer") not in known
    assert known[blob("other")].person == "@other"


# What holds for every set of records. The signers and contents are few, so that they often meet.

KINDS = st.sampled_from(["approve", "approve", "approve", "block", "revoke", "waive", "verdict"])
SIGNERS = st.sampled_from(["senior", "laptop", "peer", "old", "new", "ci", "author", "stranger"])
OWNER = {"laptop": "@senior", "new": "@old"}


@st.composite
def histories(draw: st.DrawFn) -> list[Decision]:
    found: list[Decision] = []
    for number in range(draw(st.integers(0, 8))):
        signer = draw(SIGNERS)
        kind = draw(KINDS)
        target = draw(st.sampled_from(found)) if found and kind == "revoke" else None
        made = entry(
            f"{number}",
            signer,
            kind=kind,
            by=draw(st.sampled_from([OWNER.get(signer, f"@{signer}")] * 5 + ["@senior"])),
            at=draw(st.integers(NOW - 5, NOW)),
            change=target.record.change
            if target
            else draw(st.sampled_from([HERE, HERE, EARLIER, ELSEWHERE])),
            of=target.id if target else "",
            into=draw(st.sampled_from(["refs/heads/main"] * 6 + ["refs/heads/next"])),
            head=draw(st.sampled_from([HEAD, HEAD, "9" * 40])),
            reason="because",
        )
        unsigned = draw(st.integers(0, 9)) == 0
        found.append(replace(made, signature=Unsigned("not signed")) if unsigned else made)
    return found


STALES = st.sampled_from(["change", "owned", "head"])


def power(approvals: tuple[Approval, ...]) -> set[tuple[str, str, str]]:
    """What the decisions are good for: who approves or waives which file."""
    return {
        (one.kind, one.by, path)
        for one in approvals
        if one.counted and one.kind in {"approve", "waive"}
        for path in one.files
    }


def objections(approvals: tuple[Approval, ...]) -> set[str]:
    return {one.by for one in approvals if one.counted and one.kind == "block"}


@given(entries=histories(), stale=STALES, data=st.data())
def test_the_order_of_records_never_matters(
    entries: list[Decision], stale: Stale, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(entries))
    twice = [*shuffled, *shuffled[:3]]
    assert ask(*entries, stale=stale) == ask(*twice, stale=stale)


@given(entries=histories(), stale=STALES, data=st.data())
def test_taking_an_approval_away_never_opens(
    entries: list[Decision], stale: Stale, data: st.DataObject
) -> None:
    given_ones = [one for one in entries if one.record.kind in {"approve", "waive"}]
    if not given_ones:
        return
    taken = data.draw(st.sampled_from(given_ones))
    before = ask(*entries, stale=stale).approvals
    after = ask(*(one for one in entries if one.id != taken.id), stale=stale).approvals
    assert power(after) <= power(before)
    assert objections(after) == objections(before)


@given(entries=histories(), stale=STALES)
def test_only_those_who_may_ever_count(entries: list[Decision], stale: Stale) -> None:
    for kind, by, _path in power(ask(*entries, stale=stale).approvals):
        signed = [
            one
            for one in entries
            if isinstance(one.signature, Signed) and one.record.by == by and one.record.kind == kind
        ]
        assert signed, "nobody is counted who has not signed as themselves"
        assert by not in {"@author", "@ci"} or kind == "waive"
        assert kind == "approve" or by == "@senior"


@given(entries=histories(), stale=STALES, data=st.data())
def test_an_objection_stands_whatever_others_do(
    entries: list[Decision], stale: Stale, data: st.DataObject
) -> None:
    raised = entry("objection", "peer", **BLOCK, at=data.draw(st.integers(NOW - 5, NOW)))
    others = [one for one in entries if one.record.by != "@peer"]
    assert "@peer" in objections(ask(raised, *others, stale=stale).approvals)


@given(entries=histories(), stale=STALES)
def test_everything_that_does_not_count_says_why(entries: list[Decision], stale: Stale) -> None:
    for one in ask(*entries, stale=stale).approvals:
        assert one.counted or one.why


@pytest.mark.parametrize(
    ("signer", "kind", "why"),
    [
        ("junior", "branch", ""),
        ("junior", "environment", "a junior cannot approve a release"),
        ("peer", "environment", ""),
        ("senior", "environment", ""),
    ],
)
def test_a_junior_cannot_approve_a_release(signer: str, kind: Kind, why: str) -> None:
    people = {**PEOPLE, "@junior": Person("@junior", "junior", keys=(key_line("junior"),), emails=("j@x",))}
    target = replace(protection(), kind=kind)
    question = CountContext(CHANGE, replace(POLICY, people=people), target, NOW)
    (approval,) = count([entry(signer=signer)], question).approvals
    assert (approval.counted, approval.why) == (not why, why)


def test_of_a_stale_approval_the_commit_is_named_as_git_names_it() -> None:
    assert only(entry(head="0123456789abcdef" + "0" * 24), stale="head") == (
        False,
        "stale: given for commit 0123456789ab",
    )
