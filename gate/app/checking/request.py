"""The question that `gate check` answers, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gate.git.repository import Repository
from gate.model import Ran, Verdict
from gate.policy.types import CheckSettings

if TYPE_CHECKING:
    from gate.environment import Environment
    from gate.forges.places import PullRequestRef
    from gate.log.trusted_verdicts import Attestation
    from gate.runner import Event
    from gate.runner.shards import Shard, ShardTests


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """The question: can `head` (HEAD) merge into `into` (the default branch)?

    With `staged`, it is about the index instead; `index_file` is the one that git prepared for a hook. `base` replaces
    the branch's tip. `only` limits the checks to these. `at_commit` omits those that the
    policy leaves to the push. With `cached_only`, no check is started: only cached results
    are used. With `trust_only`, the checks are taken from a verdict that the policy trusts, or not at all. `key` is the
    SSH key of the person who would release something, if not the usual one. `reviews` names the pull request on a forge
    whose reviews count as well. With `rerun`, no cached result is used. With `compare`, tests whose recorded pass would
    be valid for this tree run anyway, and are compared with it. With `allow_lock_out`, a change after which nobody
    could merge anything isn't blocked for that. Only the `shard` of the checks runs; with `parts`, no check runs, and
    the results are read from these files, written by all shards.
    """

    start: Path
    into: str | None = None
    head: str | None = None
    base: str | None = None
    staged: bool = False
    index_file: str | None = None
    only: tuple[str, ...] = ()
    at_commit: bool = False
    fail_fast: bool = False
    cached_only: bool = False
    trust_only: bool = False
    key: str | None = None
    reviews: PullRequestRef | None = None
    rerun: bool = False
    compare: bool = False
    allow_lock_out: bool = False
    shard: Shard | None = None
    parts: tuple[str, ...] = ()
    unsigned: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict, and what it depends on outside of git: the environments in which the checks with `settings` ran.

    There are no environments if no check was required, or if the results come from another verdict.

    `until` is the time, in seconds since the epoch, when the answer stops being valid, for example because a key
    expires. `attestation` is the verdict that the results were taken from, if the checks didn't have to run; `trusted`
    are those whose verdicts can be used. `warnings` are shown even if a pass is otherwise silent.
    """

    verdict: Verdict
    repository: Repository
    environments: tuple[Environment, ...]
    until: int | None = None
    attestation: Attestation | None = None
    trusted: tuple[str, ...] = ()
    settings: tuple[CheckSettings, ...] = ()
    warnings: tuple[str, ...] = ()
    shard_tests: Mapping[tuple[str, str], ShardTests] = field(default_factory=dict)
    """In a shard, which tests ran."""
    deferred: tuple[str, ...] = ()
    """At a commit, the required checks that run at the push."""
    locked_out: tuple[str, ...] = ()
    """How the change would lock out people who can merge today, one sentence for each problem."""

    @property
    def repeatable(self) -> bool:
        """Whether the answer stays the same next time: every check ran, and no test or command failed.

        A failing test may be flaky, so the next check has to run it again.
        """
        from gate.checks import TOOLS

        running = {check.id for check in self.settings if TOOLS[check.tool].runs_code}
        return all(
            isinstance(result, Ran) and not (result.findings and result.id in running)
            for result in self.verdict.checks
        )


def no_progress(_event: Event) -> None:
    """Show no progress."""
