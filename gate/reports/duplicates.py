"""Show a mistake once, even if several checks report it.

An undefined name is reported by `names`, the linter, and the type checker; a syntax error by every tool that reads the
file; a mistake in code that a parametrized test calls fails each of its cases.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from gate.finding import TEST_FAILED, Finding
from gate.model import CheckResult, Ran

PREFERRED: Final = "names"
"""The check whose message is best for such a mistake: it says what was meant."""
SYNTAX_ERRORS: Final = frozenset({"syntax", "syntax-error", "invalid-syntax", "E999"})
UNDEFINED_NAMES: Final = frozenset(
    {
        "F821",
        "name-defined",
        "undefined-name",
        "unresolved-reference",
        "unknown-name",
        "reportUndefinedVariable",
    }
)
"""Rules of linters and type checkers for an undefined name: the same mistake if the column is the same."""
TYPE_ERRORS: Final = frozenset(
    {
        *(
            "attr-defined",
            "union-attr",
            "arg-type",
            "call-arg",
            "call-overload",
            "import-not-found",
            "import",
        ),
        *("unresolved-attribute", "possibly-unbound-attribute", "invalid-argument-type", "unknown-argument"),
        *("missing-argument", "too-many-positional-arguments", "no-matching-overload", "unresolved-import"),
        *("missing-attribute", "bad-argument-type", "bad-argument-count", "missing-import", "import-error"),
        *("unexpected-keyword", "missing-module-attribute"),
        *("reportAttributeAccessIssue", "reportArgumentType", "reportCallIssue", "reportMissingImports"),
        *("reportOptionalMemberAccess", "reportMissingModuleSource"),
    }
)
"""Rules of type checkers for mistakes that `names` reports too: the same mistake if the line is the same."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Findings about the same mistake, by `id()`.

    `reported_by` maps a hidden finding to the check that reports its mistake better; `also` maps a shown finding to the
    other checks and rules that report it.
    """

    reported_by: Mapping[int, str] = field(default_factory=dict)
    also: Mapping[int, str] = field(default_factory=dict)


def find_duplicates(results: Iterable[CheckResult]) -> Duplicates:
    """Return the blocking findings whose mistake another finding reports better, by `id()` of the finding.

    A finding replaces at most one of each other check, so that two mistakes never become one. Only a syntax error
    replaces all those of other checks in the file, because each parser continues differently after the first one.
    """
    ran = (result for result in results if isinstance(result, Ran))
    better: defaultdict[tuple[str, int], list[tuple[str, Finding]]] = defaultdict(list)
    reported_by: dict[int, str] = {}
    also: dict[int, dict[str, None]] = {}
    for result in sorted(ran, key=lambda result: result.id != PREFERRED):
        free = {key: list(items) for key, items in better.items()}
        for finding in sorted(result.blocking, key=lambda item: item.column):
            position = finding.path, 0 if finding.rule in SYNTAX_ERRORS else finding.line
            match = next((item for item in free.get(position, ()) if _same(item, finding)), None)
            if match is None:
                if result.id == PREFERRED or finding.rule in UNDEFINED_NAMES | SYNTAX_ERRORS:
                    better[position].append((result.id, finding))
                continue
            if finding.rule not in SYNTAX_ERRORS:
                free[position].remove(match)
            also.setdefault(id(match[1]), {})[f"`{result.id}` ({finding.rule})"] = None
            reported_by[id(finding)] = match[0]
    return Duplicates(
        reported_by, {key: f"also reported by {', '.join(names)}" for key, names in also.items()}
    )


def _same(reported: tuple[str, Finding], finding: Finding) -> bool:
    """Return whether both findings, on one line or in a file that can't be parsed, are about the same mistake."""
    check, better = reported
    if finding.rule in SYNTAX_ERRORS:
        return better.rule in SYNTAX_ERRORS
    same_place = finding.rule in UNDEFINED_NAMES and finding.column == better.column
    return same_place or (check == PREFERRED and finding.rule in TYPE_ERRORS)


def join_cases(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, with the failing cases of one parametrized test merged into the first."""
    cases: dict[object, list[Finding]] = {}
    for number, finding in enumerate(findings):
        test = _test_of(finding)
        cases.setdefault((test, finding.new) if test else number, []).append(finding)
    return [items[0] if len(items) == 1 else _joined(items) for items in cases.values()]


def _test_of(finding: Finding) -> str:
    """Return the id that selects all cases of a failed test, or "" for any other finding."""
    file, _, name = finding.hint.partition("::")
    if finding.rule != TEST_FAILED or not name.endswith("]"):
        return ""
    return f"{file}::{name.partition('[')[0]}"


def _joined(cases: list[Finding]) -> Finding:
    test = _test_of(cases[0])
    name = test.partition("::")[2]
    return replace(
        cases[0], message=f"{len(cases)} cases of {name} fail, the first: {cases[0].message}", hint=test
    )
