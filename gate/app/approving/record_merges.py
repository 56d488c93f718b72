"""Record merges made on a forge in the log: CI signs that the checks pass on each of them.

With a forge, it first records the reviews of the pull request that each merge closed.

`gate merge` records this itself. A merge with a forge's button leaves nothing that an audit, or an environment that
requires `passed: [main]`, could verify.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from gate.app.approving.record_reviews import RecordedReviews, record_reviews
from gate.app.check import check
from gate.app.checking.request import CheckRequest, no_progress
from gate.app.recording.signing import StoredRecord
from gate.app.recording.verdict import Unrecorded, bring_log, invalid_rules_explained, record_verdict
from gate.errors import InvalidInput, UsageError
from gate.forges.places import PullRequestRef
from gate.forges.wire import NoPullRequest
from gate.git.objects import resolve
from gate.git.repository import Repository
from gate.git.revisions import default_branch
from gate.runner import Event


@dataclass(frozen=True, slots=True)
class RecordedMerge:
    """A move of the branch from `base` to `head`, and the recorded verdict about it, or why it could not be signed.

    `reviews` are those of its pull request. None if reviews weren't requested, or if the move has no pull request.
    """

    base: str
    head: str
    verdict: StoredRecord | Unrecorded
    reviews: RecordedReviews | None = None


def record_merges(
    start: Path,
    span: str,
    now: int,
    *,
    into: str | None = None,
    key: str | None = None,
    forge: PullRequestRef | None = None,
    progress: Callable[[Event], None] = no_progress,
) -> Iterator[RecordedMerge]:
    """Check each move of the branch in `span` (`BEFORE..AFTER`, or the single commit AFTER), and sign the verdicts.

    With `forge`, first record the reviews of the pull request that made each move.

    Raises UsageError if the span is invalid, or if the policy doesn't list the key. Raises InvalidInput for a move from
    a commit with invalid rules, after the other moves are recorded.
    """
    repository = Repository.find(start)
    bring_log(start)
    branch = (into or default_branch(repository)).removeprefix("refs/heads/")
    invalid = None
    for base, head in _moves(repository, span):
        try:
            with invalid_rules_explained(head[:12], branch):
                reviews = _reviews(start, forge, base, head, branch, key, now)
                answer = check(CheckRequest(start, into=branch, head=head, base=base), progress)
        except InvalidInput as error:
            # Later merges may have valid rules, and are still recorded.
            invalid = invalid or error
            continue
        yield RecordedMerge(base, head, record_verdict(start, answer, key, now), reviews)
    if invalid:
        raise invalid


def _reviews(
    start: Path, forge: PullRequestRef | None, base: str, head: str, into: str, key: str | None, now: int
) -> RecordedReviews | None:
    """Record the reviews of the pull request that moved the branch. Return None if there is no pull request."""
    if forge is None:
        return None
    request = replace(forge, number=0, commit=head, queued=False)
    try:
        return record_reviews(start, request, now, rev=head, into=into, base=base, key=key)
    except NoPullRequest:
        return None


def _moves(repository: Repository, span: str) -> list[tuple[str, str]]:
    """Return the start and end of each move: each commit, and first the whole span if it may be one rebased change."""
    before, dots, after = span.partition("..")
    names = [before, after or "HEAD"] if dots else [f"{span}^", span]
    commits = resolve(repository, names)
    for name in names:
        if name not in commits:
            raise UsageError(
                f"{name!r} is not a known revision", "use BEFORE..AFTER, and fetch the whole history"
            )
    bottom, top = commits[names[0]], commits[names[1]]
    lines = repository.text(
        "rev-list", "--first-parent", "--reverse", "--parents", f"{bottom}..{top}"
    ).splitlines()
    steps = [line.split() for line in lines]
    if steps and (len(steps[0]) < 2 or steps[0][1] != bottom):
        raise UsageError(
            f"{bottom[:12]} was never the tip of the branch now at {top[:12]}",
            f"start at a commit that `git log --first-parent {top[:12]}` lists",
        )
    moves = [(parents[0], commit) for commit, *parents in steps]
    plain = all(len(step) == 2 for step in steps)
    return [*([(bottom, top)] if plain and len(steps) > 1 else []), *moves]
