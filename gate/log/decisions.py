"""The recorded decisions about one change: found in the log, verified, and counted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gate.approvals.content import Contents, alike, contents_of, parse_contents
from gate.approvals.count import Question, count
from gate.approvals.keys import holders
from gate.approvals.reviews import Given
from gate.git.repository import Repository
from gate.log.carried import carry
from gate.log.history import read_list_blobs
from gate.log.index import Found, Index, open_index
from gate.log.proofs import prove
from gate.log.store import contains, settle
from gate.model import Approval, Change
from gate.policy.types import Policy, Protection

WITNESSES = 20
"""How many steps of the protected branch are searched for the last one that names a commit of the log."""
MOST_ALIKE = 200
"""Of approvals given for similar changes only so many, the latest, are looked at; of objections all."""
TRAILER = "Gate-Log"
_OID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the log says about a change.

    `until` is the next moment (in seconds since the epoch) at which time alone would alter it. `gap` says why
    the log that is here may lack decisions; then nothing can be concluded from what it does not hold.
    `records` are those that bear upon the change, whatever they are worth; `refused` what is no record at all.
    """

    approvals: tuple[Approval, ...] = ()
    until: int | None = None
    gap: str = ""
    records: tuple[Found, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


def decisions_about(
    repository: Repository,
    change: Change,
    policy: Policy,
    protection: Protection,
    now: int,
    given: Given | None = None,
) -> Evidence:
    """Count what is recorded about `change`, with the policy at its base, at the time `now`.

    `given` are decisions from reviews, to be counted along with what is signed. Nothing is fetched: see
    `gate.log.sync`.
    """
    return decisions_in(repository, open_log(repository), change, policy, protection, now, given)


def open_log(repository: Repository) -> Index:
    """The log of this repository, after everything that was fetched has been taken in."""
    tip = settle(repository)
    return open_index(repository, tip) if tip else Index("")


def decisions_in(
    repository: Repository,
    index: Index,
    change: Change,
    policy: Policy,
    protection: Protection,
    now: int,
    given: Given | None = None,
) -> Evidence:
    """Like `decisions_about`, by this state of the log."""
    gap = _gap(repository, change.base, index.tip)
    if not (index.tip or given) or not change.digest:
        return Evidence(gap=gap)
    question, chosen = find(repository, index, change, policy, protection, now)
    keys = {blob: holder.key for blob, holder in holders(policy).items()}
    entries = prove(repository, chosen, keys)
    if given:
        question = question.with_reviews(given)
        question = carry(repository, question, [(entry.id, entry.record) for entry in given.entries])
        entries = [*entries, *given.entries]
    counted = count(entries, question)
    return Evidence(counted.approvals, counted.until, gap, tuple(chosen), index.refusals())


def find(
    repository: Repository, index: Index, change: Change, policy: Policy, protection: Protection, now: int
) -> tuple[Question, list[Found]]:
    """The records that bear upon `change`, and the question that they answer."""
    contents = contents_of(change.files)
    lineage = (
        set(repository.text("rev-list", f"{change.base}..{change.head}").split()) if index.records else set()
    )
    touching = index.touching(contents)
    chosen = index.select({change.digest, *touching}, lineage)
    blobs = index.lists_of({found.record.change for found in chosen})
    read = read_list_blobs(repository, blobs.values())
    lists = {digest: parse_contents(read[blob]) for digest, blob in blobs.items() if blob in read}
    lists[change.digest] = contents
    certain = {found.id for found in chosen if found.record.head in lineage}
    similar = _similar(chosen, certain, contents, lists, change, policy)
    sure, perhaps = _by_same_authors(repository, similar, change)
    certain |= sure
    earlier = frozenset(certain | perhaps)
    question = Question(change, policy, protection, now, earlier, frozenset(certain), lists)
    question = carry(repository, question, [(found.id, found.record) for found in chosen])
    earlier = question.earlier
    related = {found.id for found in chosen if found.record.change == change.digest} | earlier
    bearing = [found for found in chosen if found.id in related or found.record.of in related]
    return question, bearing


def _similar(
    chosen: Sequence[Found],
    certain: set[str],
    contents: Contents,
    lists: Mapping[str, Contents],
    change: Change,
    policy: Policy,
) -> list[Found]:
    """Records of other content that might be about an earlier form of the change: rebased or amended since."""
    place = (policy.repository, change.into)
    like = [
        found
        for found in chosen
        if found.record.change != change.digest
        and found.id not in certain
        and (found.record.repository, found.record.into) == place
        and alike(lists.get(found.record.change, {}), contents)
    ]
    closing = [found for found in like if found.record.kind in {"block", "revoke"}]
    others = [found for found in like if found.record.kind not in {"block", "revoke"}]
    return closing + sorted(others, key=lambda found: found.record.at)[-MOST_ALIKE:]


def _by_same_authors(
    repository: Repository, records: Iterable[Found], change: Change
) -> tuple[set[str], set[str]]:
    """Which of the records are about work of the same authors, and which may be: their commit is not here.

    What has landed on the protected branch in the meantime is no earlier form of anything.
    """
    records = list(records)
    if not records:
        return set(), set()
    heads = "".join(f"{found.record.head}\n" for found in records)
    form = "--format=%H%x00%ae%x00%ce"
    raw = repository.run("log", "--no-walk", "--ignore-missing", "--stdin", form, stdin=heads.encode())
    emails = {}
    for line in raw.decode("utf-8", "replace").split("\n")[:-1]:
        oid, author, committer = line.split("\0")
        emails[oid] = {author.casefold(), committer.casefold()}
    authors = {author.email.casefold() for author in change.authors}
    perhaps = {found.id for found in records if found.record.head not in emails}
    theirs = [found for found in records if emails.get(found.record.head, set()) & authors]
    asked = "".join(f"{found.record.head}\n" for found in theirs) + f"^{change.base}\n"
    # To tell what has landed, git walks far back into history: only where there is something to tell.
    raw = repository.run("rev-list", "--ignore-missing", "--stdin", stdin=asked.encode()) if theirs else b""
    still_open = set(raw.decode("ascii").split())
    return {found.id for found in theirs if found.record.head in still_open}, perhaps


def _gap(repository: Repository, base: str, tip: str) -> str:
    """Why the log here may be incomplete, or nothing: the protected branch knows a later state of it."""
    witness = last_witness(repository, base)
    if not witness or contains(repository, tip, witness):
        return ""
    if not tip:
        return f"the log of approvals is not here, and the protected branch refers to it ({witness[:12]})"
    return f"the log of approvals here lacks what the protected branch refers to ({witness[:12]})"


def last_witness(repository: Repository, base: str) -> str:
    """The commit of the log that the protected branch last referred to, or nothing."""
    form = f"--format=%(trailers:key={TRAILER},valueonly,separator=%x2C)"
    said = repository.text("log", "--first-parent", f"-{WITNESSES}", form, base)
    return next((line for line in said.splitlines() if _OID.fullmatch(line)), "")
