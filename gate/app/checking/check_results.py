"""Get the results of a change's checks: from a trusted verdict, from the parts of shards, or by running them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gate.app.checking.evidence import EvidenceReader
from gate.app.checking.request import CheckRequest
from gate.app.checking.rules_at_base import Rules
from gate.finding import FEWER_TESTS, NEW_SKIP, SKIPPED_NOW, Finding
from gate.git.repository import Repository
from gate.model import Change, CheckResult, Ran
from gate.policy.types import CheckSettings

if TYPE_CHECKING:
    from gate.environment import Environment
    from gate.log.trusted_verdicts import Attestation
    from gate.runner import Event
    from gate.runner.shards import ShardTests


@dataclass(frozen=True, slots=True)
class CheckResults:
    """The results, the settings of their checks, and where they come from."""

    results: tuple[CheckResult, ...]
    settings: tuple[CheckSettings, ...]
    environments: tuple[Environment, ...] = ()
    attestation: Attestation | None = None
    shard_tests: Mapping[tuple[str, str], ShardTests] = field(default_factory=dict)


def check_results(
    repository: Repository,
    change: Change,
    rules: Rules,
    request: CheckRequest,
    evidence: EvidenceReader,
    progress: Callable[[Event], None],
    now: int,
) -> CheckResults:
    """Get the results of the checks in the cheapest way that the policy and the request allow."""
    if rules.takes_verdicts:
        from gate.log.trusted_verdicts import find_attestation

        attestation = find_attestation(repository, evidence.log, change, rules.policy, rules.protection, now)
        if attestation is not None:
            return CheckResults(attestation.results, rules.checks, attestation=attestation)
    if request.parts:
        from gate.app.checking.shards import join, part_files, read_parts

        parts = read_parts(part_files(request.parts), change, rules.policy, now, unsigned=request.unsigned)
        return CheckResults(join(parts, rules.checks), rules.checks)
    if not change.tree or request.trust_only:
        return CheckResults((), rules.checks)
    # Imported here: a server takes the results from a verdict, and doesn't wait for what runs checks.
    from gate.app.checking.running import run_checks

    settings = tuple(
        check
        for index, check in enumerate(rules.checks)
        if request.shard is None or check.tool == "pytest" or request.shard.has(index)
    )
    results, environments, shard_tests = run_checks(
        repository, change, rules.policy, settings, request, progress, evidence, now
    )
    return CheckResults(results, settings, environments, shard_tests=shard_tests)


def with_fewer_tests(weakenings: Sequence[Finding], checks: Iterable[CheckResult]) -> tuple[Finding, ...]:
    """Return the weakened checks with the findings about tests that no longer run.

    A skipped test is left out if the code that skips it, in the same file, is among them already.
    """
    skips = {finding.path for finding in weakenings if finding.rule == NEW_SKIP}
    fewer = (
        finding
        for result in checks
        if isinstance(result, Ran)
        for finding in result.findings
        if finding.rule == FEWER_TESTS
        and not (finding.path in skips and finding.message.startswith(SKIPPED_NOW))
    )
    return (*weakenings, *fewer)
