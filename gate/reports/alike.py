"""The same slip, told more than once: a misspelt name is an undefined name to ruff and to mypy as well, and a mistake
in what a test calls fails every case of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from gate.model import CheckResult, Finding, Ran

FIRST: Final = "names"
"""The check that says most about such a slip: what was meant."""
# The rules of other tools that speak of a name that is not there, or of a call of the wrong kind.
SAME_PLACE: Final = frozenset({"F821", "name-defined"})
SAME_LINE: Final = frozenset(
    {"attr-defined", "union-attr", "arg-type", "call-arg", "call-overload", "import-not-found", "import"}
)

TEST_FAILED: Final = "test-failed"
"""The rule of a test that failed; its hint is the command that runs it again."""

Alike = Mapping[Finding, str]
"""For a finding of `names` what else says the same, and for each of those the check that tells it better."""


def alike(results: Iterable[CheckResult]) -> Alike:
    """Which findings that block need not be told in full, since `names` tells of the same slip.

    No more of a rule in a line than `names` has findings there.
    """
    ran = [result for result in results if isinstance(result, Ran)]
    told: defaultdict[tuple[str, int], list[Finding]] = defaultdict(list)
    for result in ran:
        if result.id == FIRST:
            for finding in sorted(result.blocking, key=lambda one: one.column):
                told[finding.path, finding.line].append(finding)
    found: dict[Finding, str] = {}
    for result in ran:
        free = {place: list(findings) for place, findings in told.items()}
        for finding in () if result.id == FIRST else sorted(result.blocking, key=lambda one: one.column):
            better = _better(finding, free.get((finding.path, finding.line), []))
            if better is not None:
                free[finding.path, finding.line].remove(better)
                found[better] = (
                    f"{found.get(better, 'also')}{',' * (better in found)} {result.id} {finding.rule}"
                )
                found[finding] = FIRST
    return found


def _better(finding: Finding, candidates: Iterable[Finding]) -> Finding | None:
    for candidate in candidates:
        if finding.rule in SAME_LINE or (finding.rule in SAME_PLACE and finding.column == candidate.column):
            return candidate
    return None


def cases_together(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, with the failing cases of one parametrised test in the place of the first, as one."""
    cases: dict[object, list[Finding]] = {}
    for number, finding in enumerate(findings):
        test = _test_of(finding)
        cases.setdefault((test, finding.new) if test else number, []).append(finding)
    return [some[0] if len(some) == 1 else _together(some) for some in cases.values()]


def _test_of(finding: Finding) -> str:
    """What starts all cases of the test that failed in one of them; empty for anything else."""
    file, _, name = finding.hint.partition("::")
    if finding.rule != TEST_FAILED or not name.endswith("]"):
        return ""
    return f"{file}::{name.partition('[')[0]}"


def _together(cases: list[Finding]) -> Finding:
    test = _test_of(cases[0])
    name = test.partition("::")[2]
    return replace(
        cases[0], message=f"{len(cases)} cases of {name} fail, the first: {cases[0].message}", hint=test
    )
