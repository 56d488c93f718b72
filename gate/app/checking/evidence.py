"""What git and the approval log say about a change, gathered while its checks run."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from gate.app.checking.rules_at_base import Rules
from gate.gather import Ownership, ownership_at, weakenings_in
from gate.git.repository import Repository
from gate.model import Change, Finding

# What serves to decide, and not to start the tools, is imported where it is used: the tools run by then.
if TYPE_CHECKING:
    from gate.log.admitted import ApprovalLog
    from gate.log.decisions import Evidence


@dataclass(frozen=True, slots=True)
class Gathered:
    """Who owns what is touched, what is recorded about it, and which checks it weakens."""

    ownership: Ownership
    decisions: Evidence
    weakenings: tuple[Finding, ...]


class Gathering:
    """Gathers evidence in one thread beside the checks. It begins when they are under way, so it never delays them."""

    def __init__(
        self, repository: Repository, change: Change, rules: Rules, log: ApprovalLog | None, now: int
    ) -> None:
        """`log` is the state of the approval log to go by, if not the present one."""
        self._under_way = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        # Which checks run at all is decided by the log, if verdicts of others count: then it comes first.
        if not rules.asks_verdicts:
            self._pool.submit(self._under_way.wait)
        self._log = self._pool.submit(lambda: log or _complete_log(repository, change))
        self._ownership = self._pool.submit(ownership_at, repository, change, rules.policy, rules.owners_at)
        self._decisions = self._pool.submit(lambda: _decisions(repository, self.log, change, rules, now))
        self._weakenings = self._pool.submit(weakenings_in, repository, change, rules.policy)
        self._pool.submit(_import_what_decides)

    @property
    def log(self) -> ApprovalLog:
        """The state of the approval log that decides."""
        return self._log.result()

    def begin(self) -> None:
        """The checks are under way, or there are none."""
        self._under_way.set()

    def result(self) -> Gathered:
        """All of it; waits for it, and raises what went wrong."""
        self.begin()
        return Gathered(self._ownership.result(), self._decisions.result(), self._weakenings.result())

    def __enter__(self) -> Self:
        """Ended with the `with`, whatever happens in it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is being read."""
        self.begin()
        self._pool.shutdown()


def _complete_log(repository: Repository, change: Change) -> ApprovalLog:
    from gate.log.decisions import complete_log

    return complete_log(repository, change.base)


def _decisions(repository: Repository, log: ApprovalLog, change: Change, rules: Rules, now: int) -> Evidence:
    from gate.log.decisions import decisions_in

    return decisions_in(repository, log, change, rules.policy, rules.protection, now)


def _import_what_decides() -> None:
    """Import what comes after the tools while they run."""
    import gate.requirements.not_required
    import gate.verdict  # noqa: F401  it is the loading that counts
