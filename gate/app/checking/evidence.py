"""Read what git and the approval log say about a change while its checks run."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from gate.app.checking.rules_at_base import Rules
from gate.finding import Finding
from gate.gather.weakenings import weakenings_in
from gate.git.repository import Repository
from gate.model import Change, CheckResult

# Modules that decide are imported where they're used: by then the tools are running.
if TYPE_CHECKING:
    from gate.approvals.quarantine import Quarantine
    from gate.log.admitted import ApprovalLog
    from gate.log.decisions import Decisions


@dataclass(frozen=True, slots=True)
class Evidence:
    """The decisions recorded about a change, the checks it weakens, and the quarantined tests of the branch."""

    decisions: Decisions
    weakenings: tuple[Finding, ...]
    quarantines: tuple[Quarantine, ...] = ()

    @property
    def until(self) -> int | None:
        """The next moment at which time alone would alter it, in seconds since the epoch."""
        ends = [item.end for item in self.quarantines if not item.why_not]
        return min([*ends, *filter(None, [self.decisions.until])], default=None)


class EvidenceReader:
    """Reads the evidence in its own thread, once the checks are running, so that it never delays them."""

    def __init__(
        self, repository: Repository, change: Change, rules: Rules, log: ApprovalLog | None, now: int
    ) -> None:
        """Prepare to read. `log` is the approval log to use instead of the current one."""
        self._repository = repository
        self._change = change
        self._rules = rules
        self._given_log = log
        self._now = now
        self._pool = ThreadPoolExecutor(1)
        self._evidence: Future[Evidence] | None = None

    @cached_property
    def log(self) -> ApprovalLog:
        """The approval log to use."""
        from gate.log.decisions import complete_log

        return self._given_log or complete_log(self._repository, self._change.base)

    def begin(self) -> None:
        """Start reading unless already started. Call it when the checks are running."""
        self._begun()

    def result(self) -> Evidence:
        """Wait for the evidence. Raises any error that occurred while reading it."""
        return self._begun().result()

    def judge(self, result: CheckResult) -> CheckResult:
        """Return the result of a check in which failures of quarantined tests don't block."""
        if not result.failed:
            return result
        from gate.approvals.quarantine import apply

        return apply(result, self.result().quarantines)

    def _begun(self) -> Future[Evidence]:
        if self._evidence is None:
            self._evidence = self._pool.submit(self._read)
        return self._evidence

    def _read(self) -> Evidence:
        from gate.log.decisions import decisions_in
        from gate.log.quarantines import quarantines_for

        policy, protection = self._rules.policy, self._rules.protection
        decisions = decisions_in(self._repository, self.log, self._change, policy, protection, self._now)
        weakenings = weakenings_in(self._repository, self._change, policy)
        quarantines = quarantines_for(self.log, self._change, policy, protection, self._now)
        _import_what_decides()
        return Evidence(decisions, weakenings, quarantines)

    def __enter__(self) -> Self:
        """Return the reader. Its thread ends with the `with` block, whatever happens in it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the thread to end."""
        self._pool.shutdown()


def _import_what_decides() -> None:
    """Import the modules needed after the checks, while their tools run."""
    import gate.requirements.not_required
    import gate.verdict  # noqa: F401  imported only to load it
