"""Classify findings as blocking, new, or existing, and compute the fingerprints that identify them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from gate.finding import Finding
from gate.model import Broken, Outcome, Ran, Verdict
from gate.reports.context import no_lines
from gate.reports.duplicates import Duplicates, find_duplicates, join_cases


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one check or requirement: blocking, other new, and existing at the base.

    `elsewhere` names, for each blocking finding omitted because another check reports the same mistake, that check;
    `also` maps the `id()` of a finding to the checks whose findings it replaces.
    """

    id: str
    blocking: tuple[Finding, ...]
    other: tuple[Finding, ...] = ()
    old: tuple[Finding, ...] = ()
    elsewhere: tuple[str, ...] = ()
    also: Mapping[int, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether any finding in the group blocks."""
        return bool(self.blocking or self.elsewhere)

    def marked(self) -> Iterator[tuple[Finding, bool]]:
        """Yield each finding, and whether it blocks."""
        yield from ((finding, True) for finding in self.blocking)
        yield from ((finding, False) for finding in (*self.other, *self.old))


def place(finding: Finding) -> tuple[str, int, int, str]:
    """Return the sort key for showing findings: by file, then by position."""
    return finding.path, finding.line, finding.column, finding.rule


def group_of(source: Ran | Outcome, duplicates: Duplicates | None = None) -> Group:
    """Return the findings of `source`, each kind sorted by `place`. Those of a requirement block while it isn't met.

    With `duplicates`, a mistake that another check reports better is omitted, and the cases of one test are joined.
    Findings that would block if the check were enforced are shown like new ones.
    """
    if isinstance(source, Outcome):
        findings = tuple(sorted(source.findings, key=place))
        return Group(source.id, findings, ()) if source.blocks else Group(source.id, (), findings)
    enforced = source.blocking if source.enforced else ()
    rest = sorted((Counter(source.findings) - Counter(enforced)).elements(), key=place)
    blocking = sorted(enforced, key=place)
    same = duplicates or Duplicates()
    shown = [finding for finding in blocking if id(finding) not in same.reported_by]
    noted = set() if source.enforced else set(source.blocking)
    return Group(
        source.id,
        tuple(join_cases(shown) if duplicates is not None else shown),
        tuple(finding for finding in rest if finding.new or finding in noted),
        tuple(finding for finding in rest if not finding.new and finding not in noted),
        tuple(same.reported_by[id(finding)] for finding in blocking if id(finding) in same.reported_by),
        same.also,
    )


def groups(verdict: Verdict) -> list[Group]:
    """Return the findings of every check that ran, then those of every requirement with findings, each mistake once."""
    same = find_duplicates(verdict.checks)
    ran = [group_of(result, same) for result in verdict.checks if isinstance(result, Ran)]
    # A check may report findings that a guardian has to approve; these are shown with that requirement.
    guarded = {finding for outcome in verdict.outcomes for finding in outcome.findings}
    ran = [replace(group, other=tuple(item for item in group.other if item not in guarded)) for group in ran]
    return ran + [group_of(outcome) for outcome in verdict.outcomes if outcome.findings]


def help_of(group: Group, finding: Finding) -> str:
    """Return the fix for a finding, and the other checks that report it, on one line, or ""."""
    return "; ".join(filter(None, (finding.hint, group.also.get(id(finding), ""))))


class Fingerprints:
    """Identifiers for findings that don't change when lines move, and are unique within a report."""

    def __init__(self, lines: Callable[[str], Sequence[str]] = no_lines) -> None:
        """Start a series, one per report. `lines` are those of the context."""
        self._seen: Counter[str] = Counter()
        self._lines = lru_cache(lines)

    def of(self, check: str, finding: Finding) -> str:
        """Return a hash of check, file, rule, message, and line of code, plus a number if several are alike."""
        from hashlib import sha256

        code = self._lines(finding.path) if finding.line else ()
        line = code[finding.line - 1].strip() if 0 < finding.line <= len(code) else ""
        identity = "\0".join((check, finding.path, finding.rule, finding.message, line))
        self._seen[identity] += 1
        full = f"{identity}\0{self._seen[identity]}"
        return sha256(full.encode("utf-8", "surrogatepass")).hexdigest()

    def marked(self, group: Group) -> list[tuple[Finding, bool, str]]:
        """Return `group.marked()` with fingerprints. Among identical findings, existing ones get the first."""
        marked = list(group.marked())
        names = [""] * len(marked)
        for at in sorted(range(len(marked)), key=lambda at: (marked[at][0].new, place(marked[at][0]))):
            names[at] = self.of(group.id, marked[at][0])
        return [(finding, blocks, name) for (finding, blocks), name in zip(marked, names, strict=True)]


@dataclass(frozen=True, slots=True)
class MergeBlocker:
    """A reason to block other than a finding: an unmet requirement, or a check that could not run.

    `paths` are the affected files, if any.
    """

    id: str
    title: str
    message: str
    paths: tuple[str, ...]

    @property
    def text(self) -> str:
        """The title and message in one line."""
        return f"{self.title}: {self.message}"


def obstacles(verdict: Verdict) -> list[MergeBlocker]:
    """Return every reason to block other than a finding, in the order of the verdict.

    The requirement `checks` is omitted if the checks themselves report the problem, but not if one has no result at
    all.
    """
    listed: list[MergeBlocker] = []
    reported = any(isinstance(result, Broken) or getattr(result, "blocking", ()) for result in verdict.checks)
    for outcome in verdict.outcomes:
        if not outcome.blocks or (outcome.id == "checks" and reported):
            continue
        title = f"{outcome.id} {'could not be decided' if outcome.state == 'undecided' else 'is not met'}"
        paths = tuple(dict.fromkeys(path for missing in outcome.missing for path in missing.paths))
        listed.append(MergeBlocker(outcome.id, title, "; ".join((outcome.reason, *outcome.advice)), paths))
    for result in verdict.checks:
        if isinstance(result, Broken) and result.enforced:
            message = "; ".join(filter(None, (result.reason, result.hint)))
            listed.append(MergeBlocker(result.id, f"{result.id} could not run", message, ()))
    return listed
