"""Which findings matter, which were there before, and by what a finding is known again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gate.model import Broken, Finding, Outcome, Ran, Verdict
from gate.reports.context import no_lines


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one check, or of one requirement: what blocks, what else is new, what was there before."""

    id: str
    blocking: tuple[Finding, ...]
    other: tuple[Finding, ...] = ()
    old: tuple[Finding, ...] = ()

    def marked(self) -> Iterator[tuple[Finding, bool]]:
        """Every finding, and whether it blocks."""
        yield from ((finding, True) for finding in self.blocking)
        yield from ((finding, False) for finding in (*self.other, *self.old))


def place(finding: Finding) -> tuple[str, int, int, str]:
    """The order in which findings are shown: by file, then downwards."""
    return finding.path, finding.line, finding.column, finding.rule


def group_of(source: Ran | Outcome) -> Group:
    """The findings of `source`, each kind in the order of `place`. Those of a requirement block while it is open."""
    if isinstance(source, Outcome):
        found = tuple(sorted(source.findings, key=place))
        blocks = source.state in {"unmet", "undecided"}
        return Group(source.id, found, ()) if blocks else Group(source.id, (), found)
    rest = sorted((Counter(source.findings) - Counter(source.blocking)).elements(), key=place)
    return Group(
        source.id,
        tuple(sorted(source.blocking, key=place)),
        tuple(finding for finding in rest if finding.new),
        tuple(finding for finding in rest if not finding.new),
    )


def groups(verdict: Verdict) -> list[Group]:
    """The findings of every check that ran, then those of every requirement that has any."""
    ran = [group_of(result) for result in verdict.checks if isinstance(result, Ran)]
    return ran + [group_of(outcome) for outcome in verdict.outcomes if outcome.findings]


class Fingerprints:
    """Names for findings that stay the same when lines move, and that no two findings of a report share."""

    def __init__(self, lines: Callable[[str], Sequence[str]] = no_lines) -> None:
        """A new series; one report uses one. `lines` are those of the context."""
        self._seen: Counter[str] = Counter()
        self._lines = lru_cache(lines)

    def of(self, check: str, finding: Finding) -> str:
        """A hash of check, file, rule, message and line of code, and of which of several alike this one is."""
        from hashlib import sha256

        code = self._lines(finding.path) if finding.line else ()
        line = code[finding.line - 1].strip() if 0 < finding.line <= len(code) else ""
        identity = "\0".join((check, finding.path, finding.rule, finding.message, line))
        self._seen[identity] += 1
        full = f"{identity}\0{self._seen[identity]}"
        return sha256(full.encode("utf-8", "surrogatepass")).hexdigest()

    def marked(self, group: Group) -> list[tuple[Finding, bool, str]]:
        """What `group.marked()` says, with the names: of those alike, what was there before keeps the first."""
        marked = list(group.marked())
        names = [""] * len(marked)
        for at in sorted(range(len(marked)), key=lambda at: (marked[at][0].new, place(marked[at][0]))):
            names[at] = self.of(group.id, marked[at][0])
        return [(finding, blocks, name) for (finding, blocks), name in zip(marked, names, strict=True)]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something that blocks and is no finding: an unmet requirement, or a check that could not run.

    `paths` are the files that it is about, maybe none.
    """

    id: str
    title: str
    message: str
    paths: tuple[str, ...]

    @property
    def text(self) -> str:
        """Title and message in one line."""
        return f"{self.title}: {self.message}"


def obstacles(verdict: Verdict) -> list[Obstacle]:
    """Everything that blocks and is no finding, in the order of the verdict.

    The requirement `checks` is told by the checks themselves, unless one has no result at all.
    """
    found: list[Obstacle] = []
    told = any(isinstance(result, Broken) or getattr(result, "blocking", ()) for result in verdict.checks)
    for outcome in verdict.outcomes:
        if outcome.state not in {"unmet", "undecided"} or (outcome.id == "checks" and told):
            continue
        title = f"{outcome.id} {'could not be decided' if outcome.state == 'undecided' else 'is not met'}"
        paths = tuple(dict.fromkeys(path for missing in outcome.missing for path in missing.paths))
        found.append(Obstacle(outcome.id, title, "; ".join((outcome.reason, *outcome.advice)), paths))
    for result in verdict.checks:
        if isinstance(result, Broken):
            message = "; ".join(filter(None, (result.reason, result.hint)))
            found.append(Obstacle(result.id, f"{result.id} could not run", message, ()))
    return found
