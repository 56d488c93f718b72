"""What holds whatever people do: nobody but its owners opens a gate. On the pure core, with many examples."""

from __future__ import annotations

import base64
import hashlib
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gate.approvals.content import Contents, contents_of
from gate.approvals.count import CountContext, count
from gate.approvals.decisions import Decision, Reviewed, Signed, Unsigned
from gate.approvals.record import Kind, Record
from gate.codeowners import parse
from gate.model import Approval, Author, Change, FileChange
from gate.policy.types import (
    ApprovalRule,
    OwnersRequired,
    Person,
    Policy,
    Protection,
    Require,
    Role,
    SeniorityRequired,
    Stale,
)
from gate.requirements.facts import Facts
from gate.verdict import decide

NOW = 1_800_000_000
FILES = ("a.py", "docs/b.md", "web/c.py")
OWNERS = ("@nehemiah", "@bob", "@ada")
OTHERS = ("@peer", "@newhire", "@ci", "@stranger")
CODEOWNERS = parse(b"* @nehemiah\n/docs/ @bob\n/web/ @acme/web\n", "CODEOWNERS", "github")


def blob(name: str) -> str:
    """The text of somebody's key."""
    raw = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + hashlib.sha256(name.encode()).digest()
    return base64.b64encode(raw).decode()


def person(name: str, role: Role, senior: str = "") -> Person:
    return Person(name, role, senior, emails=(f"{name[1:]}@x",), keys=(f"ssh-ed25519 {blob(name)}",))


POLICY = Policy(
    repository="acme/x",
    people={
        "@nehemiah": person("@nehemiah", "senior"),
        "@ada": person("@ada", "senior"),
        "@bob": person("@bob", "member"),
        "@peer": person("@peer", "member"),
        "@newhire": person("@newhire", "junior", senior="@nehemiah"),
        "@ci": person("@ci", "bot"),
    },
    teams={"@acme/web": ("@bob", "@ada"), "@acme/guardians": ("@nehemiah", "@ada")},
)
Versions = dict[str, int]

pytestmark = pytest.mark.slow


def protection(stale: Stale) -> Protection:
    require = Require(
        OwnersRequired(stale), (ApprovalRule(),), SeniorityRequired(), guarded=("@acme/guardians",), checks=()
    )
    return Protection(require)


def change_of(versions: Versions, head: int, base: int, authors: frozenset[str]) -> Change:
    """The change that sets these files to these versions."""
    files = tuple(
        FileChange(path, "modified", "100644", "100644", "0" * 40, f"{version:040x}")
        for path, version in sorted(versions.items())
    )
    return Change(
        repository="acme/x",
        into="refs/heads/main",
        base=f"{base:040x}",
        head=f"{head:040x}",
        merge_base="b" * 40,
        tree="c" * 40,
        base_tree="d" * 40,
        digest=hashlib.sha256(repr(files).encode()).hexdigest(),
        authors=tuple(Author(email, email) for email in sorted(authors)),
        files=files,
    )


def approvals(
    change: Change, entries: list[Decision], stale: Stale, lists: dict[str, Contents]
) -> tuple[Approval, ...]:
    earlier = frozenset(entry.id for entry in entries if entry.record.change != change.digest)
    question = CountContext(change, POLICY, protection(stale), NOW, earlier, earlier, lists)
    return count(entries, question).approvals


def opens(change: Change, counted: tuple[Approval, ...], stale: Stale) -> bool:
    owned = CODEOWNERS.owners_of_all([file.path for file in change.files])
    facts = Facts(change, POLICY, protection(stale), "CODEOWNERS", owned, counted)
    return decide(facts).decision == "pass"


def record(change: Change, kind: Kind, by: str, at: int, nonce: int, of: str = "") -> Record:
    return Record(
        kind, change.repository, change.into, change.base, change.head, change.digest, by, at, f"{nonce:032x}",
        reason="a reason", of=of,
    )  # fmt: skip


class PeopleWhoAreNoOwners(RuleBasedStateMachine):
    """An owner of everything has approved one content. From then on only others act."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Decision] = []
        self.lists: dict[str, Contents] = {}
        self.versions: Versions = {"a.py": 1}
        self.head = self.base = 1
        self.authors = frozenset({"newhire@x"})
        self.stale: Stale = "change"
        self.approved: Change | None = None

    @property
    def change(self) -> Change:
        return change_of(self.versions, self.head, self.base, self.authors)

    def add(self, made: Record, signature: Signed | Unsigned) -> None:
        self.lists[self.change.digest] = contents_of(self.change.files)
        self.entries.append(Decision(f"{len(self.entries):064x}", made, signature))

    @initialize(
        stale=st.sampled_from(["change", "owned", "head"]),
        versions=st.dictionaries(st.sampled_from(FILES), st.integers(1, 2), min_size=1),
        approve=st.booleans(),
    )
    def start(self, stale: Stale, versions: Versions, approve: bool) -> None:
        self.stale, self.versions = stale, versions
        if approve:
            self.approved = self.change
            for by in OWNERS:
                self.add(record(self.change, "approve", by, NOW - 1000, 0), Signed(blob(by)))
            assert self.is_open()

    def is_open(self) -> bool:
        change = self.change
        return opens(change, approvals(change, self.entries, self.stale, self.lists), self.stale)

    @rule(path=st.sampled_from(FILES), version=st.integers(1, 3), author=st.sampled_from([*OTHERS, "@ghost"]))
    def push(self, path: str, version: int, author: str) -> None:
        self.versions = {**self.versions, path: version}
        self.authors |= {f"{author[1:]}@x"}
        self.head += 1

    @rule(path=st.sampled_from(FILES))
    def take_a_file_out_again(self, path: str) -> None:
        rest = {name: version for name, version in self.versions.items() if name != path}
        self.versions = rest or self.versions
        self.head += 1

    @rule()
    def rebase(self) -> None:
        self.base += 1
        self.head += 1

    @rule(
        who=st.sampled_from(OTHERS),
        kind=st.sampled_from(["approve", "approve", "block", "waive", "verdict"]),
        name=st.sampled_from([*OWNERS, *OTHERS]),
        own_name=st.booleans(),
        at=st.integers(NOW - 2000, NOW + 2000),
        signed=st.booleans(),
    )
    def say(self, who: str, kind: Kind, name: str, own_name: bool, at: int, signed: bool) -> None:
        """Record something, in the own name or another's, with the own key or none."""
        by = who if own_name else name
        signature = Signed(blob(who)) if signed else Unsigned("its signature is not valid", blob(by))
        self.add(record(self.change, kind, by, at, len(self.entries)), signature)

    @rule(
        who=st.sampled_from(OTHERS),
        name=st.sampled_from(OWNERS),
        number=st.integers(0, 30),
        own=st.booleans(),
    )
    def revoke(self, who: str, name: str, number: int, own: bool) -> None:
        """Take back something, be it one's own or not."""
        if self.entries:
            target = self.entries[number % len(self.entries)]
            by = who if own else name
            made = record(self.change, "revoke", by, NOW, len(self.entries), target.id)
            self.add(replace(made, change=target.record.change), Signed(blob(who)))

    @invariant()
    def the_gate_opens_for_nothing_that_no_owner_approved(self) -> None:
        if not self.is_open():
            return
        assert self.approved is not None
        before, now = contents_of(self.approved.files), contents_of(self.change.files)
        match self.stale:
            case "change":
                assert now == before
            case "owned":
                assert now.items() <= before.items()
            case "head":
                assert self.change.head == self.approved.head


PeopleWhoAreNoOwners.TestCase.settings = settings(max_examples=150, stateful_step_count=20, deadline=None)
TestPeopleWhoAreNoOwners = PeopleWhoAreNoOwners.TestCase

VERSIONS = st.dictionaries(st.sampled_from(FILES), st.integers(1, 2), min_size=1)
CHANGES = st.builds(
    change_of,
    VERSIONS,
    head=st.integers(1, 2),
    base=st.integers(1, 2),
    authors=st.frozensets(
        st.sampled_from(["newhire@x", "peer@x", "ghost@x", "bob@x"]), min_size=1, max_size=2
    ),
)
SIGNERS = st.sampled_from([*OWNERS, *OTHERS])
STALE: st.SearchStrategy[Stale] = st.sampled_from(["change", "owned", "head"])


@st.composite
def logs(draw: st.DrawFn) -> tuple[Change, list[Decision], dict[str, Contents], Stale]:
    """A change, and records about it and about another form of it, by anyone."""
    change, other = draw(CHANGES), draw(CHANGES)
    entries: list[Decision] = []
    for number in range(draw(st.integers(1, 9))):
        about = change if draw(st.integers(0, 3)) else other
        signer = draw(SIGNERS)
        by = signer if draw(st.integers(0, 5)) else draw(SIGNERS)
        at = NOW - 100 + draw(st.integers(0, 5))
        kind: Kind = draw(st.sampled_from(["approve", "approve", "approve", "block", "waive", "revoke"]))
        if kind == "revoke" and entries:
            target = draw(st.sampled_from(entries))
            made = record(about, kind, by, at, number, target.id)
            made = replace(made, change=target.record.change)
        else:
            made = record(about, "approve" if kind == "revoke" else kind, by, at, number)
        entries.append(Decision(f"{number:064x}", made, Signed(blob(signer))))
    lists = {one.digest: contents_of(one.files) for one in (change, other)}
    return change, entries, lists, draw(STALE)


Log = tuple[Change, list[Decision], dict[str, Contents], Stale]
MANY = settings(max_examples=400)


@MANY
@given(logs(), st.randoms(use_true_random=False))
def test_the_order_of_the_records_never_matters(log: Log, chance: random.Random) -> None:
    change, entries, lists, stale = log
    mixed = [*entries, *chance.sample(entries, len(entries) // 2)]
    chance.shuffle(mixed)
    assert approvals(change, mixed, stale, lists) == approvals(change, entries, stale, lists)


@MANY
@given(logs(), st.data())
def test_taking_an_approval_away_never_opens_the_gate(log: Log, data: st.DataObject) -> None:
    change, entries, lists, stale = log
    if opens(change, approvals(change, entries, stale, lists), stale):
        return
    given_ = [entry for entry in entries if entry.record.kind in {"approve", "waive"}]
    if not given_:
        return
    gone = data.draw(st.sampled_from(given_))
    rest = [entry for entry in entries if entry.id != gone.id]
    assert not opens(change, approvals(change, rest, stale, lists), stale)


@MANY
@given(logs(), st.data())
def test_taking_back_ones_own_approval_never_opens_the_gate(log: Log, data: st.DataObject) -> None:
    change, entries, lists, stale = log
    if opens(change, approvals(change, entries, stale, lists), stale):
        return
    given_ = [entry for entry in entries if entry.record.kind in {"approve", "waive"}]
    if not given_:
        return
    taken = data.draw(st.sampled_from(given_)).record
    identity = next(entry.id for entry in entries if entry.record is taken)
    made = replace(record(change, "revoke", taken.by, NOW, 99, identity), change=taken.change)
    after = [*entries, Decision("f" * 64, made, Signed(blob(taken.by)))]
    assert not opens(change, approvals(change, after, stale, lists), stale)


@MANY
@given(logs())
def test_what_others_say_never_opens_what_the_owners_have_not(log: Log) -> None:
    """An open gate is still open by the owners' own word alone, where nobody but they was asked for."""
    change, entries, lists, stale = log
    if not opens(change, approvals(change, entries, stale, lists), stale):
        return
    keys = {blob(name) for name in OWNERS}
    owners = [
        entry
        for entry in entries
        if not isinstance(entry.signature, Reviewed) and entry.signature.key in keys
    ]
    # To take back what the log does not have closes the gate, so a revocation leaves with what it revokes.
    gone = {entry.id for entry in entries} - {entry.id for entry in owners}
    owners = [entry for entry in owners if entry.record.of not in gone]
    assert opens(change, approvals(change, owners, stale, lists), stale)


@MANY
@given(logs(), SIGNERS)
def test_an_objection_always_closes_the_gate(log: Log, who: str) -> None:
    change, entries, lists, stale = log
    if who == "@stranger":
        return
    objection = Decision("f" * 64, record(change, "block", who, NOW, 99), Signed(blob(who)))
    counted = approvals(change, [*entries, objection], stale, lists)
    waived = any(one.counted and one.kind == "waive" for one in counted)
    assert waived or not opens(change, counted, stale)
