"""The same slip, told more than once: a misspelt name is an undefined name to ruff and to mypy as well, and a mistake
in what a test calls fails every case of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from gate.model import CheckResult, Finding, Ran

FIRST: Final = "names"
"""The check that says most about such a slip: what was meant."""
# The rules of other tools that speak of a name that is not there, or of a call of the wrong kind.
UNDEFINED: Final = "F821"
SAME_PLACE: Final = frozenset({UNDEFINED, "name-defined"})
SAME_LINE: Final = frozenset(
    {"attr-defined", "union-attr", "arg-type", "call-arg", "call-overload", "import-not-found", "import"}
)
TEST_FAILED: Final = "test-failed"
"""The rule of a test that failed; its hint is the command that runs it again."""


@dataclass(frozen=True, slots=True)
class Alike:
    """`told_by` has, for a finding that need not be told, the check that tells it; `also`, for one that does, who
    else says the same.
    """

    told_by: Mapping[Finding, str] = field(default_factory=dict)
    also: Mapping[Finding, str] = field(default_factory=dict)


def alike(results: Iterable[CheckResult]) -> Alike:
    """Which findings that block need not be told in full, since `names` tells of the same slip, or else ruff.

    No more of a rule in a line than there are findings which tell it better.
    """
    ran = [result for result in results if isinstance(result, Ran)]
    told: defaultdict[tuple[str, int], list[tuple[str, Finding]]] = defaultdict(list)
    for result in sorted(ran, key=lambda result: result.id != FIRST):
        for finding in sorted(result.blocking, key=lambda one: one.column):
            if result.id == FIRST or finding.rule == UNDEFINED:
                told[finding.path, finding.line].append((result.id, finding))
    told_by: dict[Finding, str] = {}
    also: dict[Finding, str] = {}
    for result in ran:
        free = {place: [one for one in some if one[0] != result.id] for place, some in told.items()}
        for finding in () if result.id == FIRST else sorted(result.blocking, key=lambda one: one.column):
            candidates = free.get((finding.path, finding.line), [])
            better = next((one for one in candidates if one[1] not in told_by and _tells(one, finding)), None)
            if better is not None:
                candidates.remove(better)
                check, first = better
                also[first] = f"{also.get(first, 'also')}{',' * (first in also)} {result.id} {finding.rule}"
                told_by[finding] = check
    return Alike(told_by, also)


def _tells(told: tuple[str, Finding], finding: Finding) -> bool:
    """Whether the finding of a check says what the other one does."""
    check, better = told
    same_place = finding.rule in SAME_PLACE and finding.column == better.column
    return same_place or (check == FIRST and finding.rule in SAME_LINE)


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
