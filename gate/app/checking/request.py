"""What `gate check` is asked, and what it answers."""

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
    from gate.runner.shares import Piece, Share


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What is asked: may `head` (HEAD) enter `into` (the default branch)?

    `staged` asks about the index instead, `index_file` naming the one that git prepared for a hook. `base`
    stands in for the branch's tip. `only` runs no other checks than these; `cached_only` starts none at all, and
    takes what earlier runs have left. With `trust_only` the checks are taken from a verdict that the policy
    trusts, or not at all. `key` is the SSH key of the person who would release something, if not the usual one.
    `reviews` names the request on a forge whose reviews count as well. With `rerun` no cached result is used. With
    `compare`, tests whose recorded pass would hold for this tree run, and are compared with it.
    With `allow_lock_out`, a change after which nobody could merge anything is not blocked for it.
    Only the `share` of the checks runs; or none, and what they found is in the `parts` that all shares have left.
    """

    start: Path
    into: str | None = None
    head: str | None = None
    base: str | None = None
    staged: bool = False
    index_file: str | None = None
    only: tuple[str, ...] = ()
    fail_fast: bool = False
    cached_only: bool = False
    trust_only: bool = False
    key: str | None = None
    reviews: PullRequestRef | None = None
    rerun: bool = False
    compare: bool = False
    allow_lock_out: bool = False
    share: Share | None = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict, and what it rests on outside of git: the environments in which the checks ran, by `settings`.

    There are none where no check was asked for, or a verdict was taken over.

    `until` is the second since the epoch at which it stops to hold by itself, as a key expires. `attestation` is the
    verdict that the checks were taken from, where they did not have to run; `trusted` says whose that can be.
    `warnings` are to be shown even where the verdict passes in silence.
    """

    verdict: Verdict
    repository: Repository
    environments: tuple[Environment, ...]
    until: int | None = None
    attestation: Attestation | None = None
    trusted: tuple[str, ...] = ()
    settings: tuple[CheckSettings, ...] = ()
    warnings: tuple[str, ...] = ()
    pieces: Mapping[tuple[str, str], Piece] = field(default_factory=dict)
    """What of which tests ran, in a share."""
    locked_out: tuple[str, ...] = ()
    """Whom the change would lock out who is not locked out today, in sentences."""

    @property
    def repeatable(self) -> bool:
        """Whether the same answer holds next time: every check ran, and no test or command failed.

        A failing test may be flaky, so that asking again has to run it again.
        """
        from gate.checks import TOOLS

        running = {check.id for check in self.settings if TOOLS[check.tool].runs_code}
        return all(
            isinstance(result, Ran) and not (result.findings and result.id in running)
            for result in self.verdict.checks
        )


def no_progress(_event: Event) -> None:
    """Show no progress."""
