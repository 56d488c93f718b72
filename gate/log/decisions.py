"""The recorded decisions about a change: selected from the log, verified, and counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from gate.approvals.content import Contents, alike, contents_of, parse_contents
from gate.approvals.count import CountContext, count
from gate.approvals.reviews import ReviewDecisions
from gate.errors import CannotDecide
from gate.git.repository import Repository
from gate.log.admitted import ApprovalLog, decisions_of, open_log
from gate.log.carried_over import carry
from gate.log.history import read_list_blobs
from gate.log.index import LoggedRecord
from gate.log.paths import LOG_TRAILER
from gate.log.retired import mark_earlier
from gate.log.spent import spent_on
from gate.log.store import LOG, contains
from gate.log.sync import fetch, remote_of
from gate.model import OID, Approval, Change
from gate.policy.types import Policy, Protection

RECENT_COMMITS = 20
"""The number of commits of the protected branch to search for the last one that names a commit of the log."""
MOST_ALIKE = 200
"""The maximum number of approvals of similar changes to consider, latest first. All objections are considered."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """The recorded decisions about a change.

    `until` is the next time, in seconds since the epoch, at which they change without a new record, or None. `gap` says
    why the local log may be incomplete, so that an absent record proves nothing. `records` are about the change,
    counted or not. `refused` says why other records are not admitted, by ID.
    """

    approvals: tuple[Approval, ...] = ()
    until: int | None = None
    gap: str = ""
    records: tuple[LoggedRecord, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


def decisions_about(
    repository: Repository,
    change: Change,
    policy: Policy,
    protection: Protection,
    now: int,
    reviewed: ReviewDecisions | None = None,
) -> Decisions:
    """Count the recorded decisions about `change`, under the policy at its base, at the time `now`.

    `reviewed` are decisions from reviews, counted together with signed ones.
    """
    log = complete_log(repository, change.base)
    return decisions_in(repository, log, change, policy, protection, now, reviewed)


def complete_log(repository: Repository, base: str, commits: Iterable[str] = ()) -> ApprovalLog:
    """Return the log, after fetching it if it lacks what the protected branch at `base` refers to.

    That happens after a plain `git pull` of somebody's merge. If the fetch fails, `Decisions.gap` says what is missing.
    """
    log = open_log(repository, commits)
    if _missing(log, base) and repository.overlay is None and (remote := remote_of(repository)):
        with suppress(CannotDecide):
            fetch(repository, remote)
            return open_log(repository, commits)
    return log


def decisions_in(
    repository: Repository,
    log: ApprovalLog,
    change: Change,
    policy: Policy,
    protection: Protection,
    now: int,
    reviewed: ReviewDecisions | None = None,
) -> Decisions:
    """Count like `decisions_about`, for this state of the log."""
    gap = _gap(log, change.base)
    if not (log.tip or reviewed) or not change.digest:
        return Decisions(gap=gap)
    log = log.trusting(policy)
    question, chosen = find(repository, log, change, policy, protection, now)
    decisions = mark_earlier(log, change.base, decisions_of(chosen, policy))
    if reviewed:
        question = question.with_reviews(reviewed)
        question = carry(repository, question, [(record.id, record.record) for record in reviewed.decisions])
        decisions = [*decisions, *reviewed.decisions]
    counted = count(decisions, question)
    return Decisions(counted.approvals, counted.until, gap, tuple(chosen), log.rejected)


def find(
    repository: Repository, log: ApprovalLog, change: Change, policy: Policy, protection: Protection, now: int
) -> tuple[CountContext, list[LoggedRecord]]:
    """Return the records relevant to `change`, and the context in which they count."""
    contents = contents_of(change.files)
    lineage = set(repository.text("rev-list", f"{change.base}..{change.head}").split()) if log.tip else set()
    touching = log.touching(contents)
    chosen = log.select({change.digest, *touching}, lineage)
    blobs = log.lists_of({record.record.change for record in chosen})
    read = read_list_blobs(repository, blobs.values())
    lists = {digest: parse_contents(read[blob]) for digest, blob in blobs.items() if blob in read}
    lists[change.digest] = contents
    certain = {record.id for record in chosen if record.record.head in lineage}
    similar = _similar(chosen, certain, contents, lists, change, policy)
    sure, perhaps = _by_same_authors(repository, similar, change)
    certain |= sure
    earlier = frozenset(certain | perhaps)
    question = CountContext(change, policy, protection, now, earlier, frozenset(certain), lists)
    question = carry(repository, question, [(record.id, record.record) for record in chosen])
    earlier = question.earlier
    related = {record.id for record in chosen if record.record.change == change.digest} | earlier
    bearing = [record for record in chosen if record.id in related or record.record.of in related]
    spent = spent_on(repository, change.base, bearing, contents, lists)
    return replace(question, spent=spent), bearing


def _similar(
    chosen: Sequence[LoggedRecord],
    certain: set[str],
    contents: Contents,
    lists: Mapping[str, Contents],
    change: Change,
    policy: Policy,
) -> list[LoggedRecord]:
    """Return records of other content that may be about an earlier version of the change, before a rebase or amend."""
    target = (policy.repository, change.into)
    like = [
        item
        for item in chosen
        if item.record.change != change.digest
        and item.id not in certain
        and (item.record.repository, item.record.into) == target
        and alike(lists.get(item.record.change, {}), contents)
    ]
    closing = [item for item in like if item.record.kind in {"block", "revoke"}]
    settled = [item for item in like if item.record.kind not in {"block", "revoke"}]
    return closing + sorted(settled, key=lambda record: record.record.at)[-MOST_ALIKE:]


def _by_same_authors(
    repository: Repository, records: Iterable[LoggedRecord], change: Change
) -> tuple[set[str], set[str]]:
    """Return the ids of records about work by the same authors, and of those that may be: their commit is missing.

    Changes merged into the protected branch in the meantime aren't earlier versions of anything.
    """
    records = list(records)
    if not records:
        return set(), set()
    heads = "".join(f"{record.record.head}\n" for record in records)
    form = "--format=%H%x00%ae%x00%ce"
    raw = repository.run("log", "--no-walk", "--ignore-missing", "--stdin", form, stdin=heads.encode())
    emails = {}
    for line in raw.decode("utf-8", "replace").split("\n")[:-1]:
        oid, author, committer = line.split("\0")
        emails[oid] = {author.casefold(), committer.casefold()}
    authors = {author.email.casefold() for author in change.authors}
    perhaps = {record.id for record in records if record.record.head not in emails}
    theirs = [record for record in records if emails.get(record.record.head, set()) & authors]
    revisions = "".join(f"{record.record.head}\n" for record in theirs) + f"^{change.base}\n"
    # git walks far back in history to find what has merged, so do it only if there is something to find.
    raw = (
        repository.run("rev-list", "--ignore-missing", "--stdin", stdin=revisions.encode()) if theirs else b""
    )
    still_open = set(raw.decode("ascii").split())
    return {record.id for record in theirs if record.record.head in still_open}, perhaps


def _gap(log: ApprovalLog, base: str) -> str:
    """Return why the local log may be incomplete, or "": the protected branch refers to a later state."""
    missing = _missing(log, base)
    if not missing:
        return ""
    what = "the approval log in this clone lacks" if log.tip else "the approval log is not here, and has"
    reason = f"{what} what {missing.merge} refers to (commit {missing.log_commit[:12]} of the log)"
    if not (remote := remote_of(log.repository)):
        return reason
    # The log has been fetched: what's missing now was never pushed, or the remote could not be reached.
    push = f"the person who merged that ({missing.who}) runs `git push {remote} {LOG}`"
    return f"{reason}: {remote} does not have it, or cannot be reached; {push}"


@dataclass(frozen=True, slots=True)
class _Missing:
    """A missing commit of the log, the merge that refers to it, and who made that merge."""

    log_commit: str
    merge: str
    who: str


def _missing(log: ApprovalLog, base: str) -> _Missing | None:
    """Return the log commit that the branch last referred to, if the log contains neither it nor its replacement."""
    repository, tip = log.repository, log.tip
    form = f"--format=%h%x00%cn%x00{LOG_TRAILER}"
    command = ("log", "--first-parent", f"-{RECENT_COMMITS}", form, base)
    lines = repository.once(command, lambda: repository.text(*command)).split("\n")
    for merge, who, log_commit in (line.split("\0", 2) for line in lines if line.count("\0") == 2):
        if OID.fullmatch(log_commit):
            is_here = contains(repository, tip, log_commit) or log.state(log_commit)
            return None if is_here else _Missing(log_commit, merge, who)
    return None
