"""The parsed form of every dialect: sections of rules, and lookups by path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gate.codeowners.matcher import NONE, Matcher, Pattern
from gate.errors import Mistake


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a CODEOWNERS file: who must approve the files it matches.

    `owners` is empty if the line removes ownership. `section` is empty except for GitLab's sections; `required` is the
    number of approvals, and `optional` means that none is needed.
    """

    file: str
    line: int
    column: int
    section: str
    pattern: str
    owners: tuple[str, ...]
    required: int = 1
    optional: bool = False

    @property
    def place(self) -> str:
        """File and line, such as `.github/CODEOWNERS:3`, or the file alone."""
        return f"{self.file}:{self.line}" if self.line else self.file


class LastMatch(Protocol):
    """Finds the last pattern that matches a path. Implemented by `Matcher` and by Gitea's `Expression`."""

    def last(self, path: str) -> int:
        """Return the number of the last pattern that matches, or NONE."""


@dataclass(frozen=True, slots=True)
class Section:
    """Rules of which the last match counts, unless an exclusion matches the path."""

    rules: tuple[Rule, ...]
    matcher: LastMatch
    exclusions: LastMatch | None = None

    def rule_for(self, path: str) -> Rule | None:
        """Return the rule that counts for `path`."""
        if self.exclusions is not None and self.exclusions.last(path) != NONE:
            return None
        number = self.matcher.last(path)
        return None if number == NONE else self.rules[number]


@dataclass(frozen=True, slots=True)
class CodeOwners:
    """A parsed CODEOWNERS file.

    `mistakes` are invalid lines, which the forge would skip; `hint` says what to do about them.
    """

    file: str
    sections: tuple[Section, ...]
    mistakes: tuple[Mistake, ...] = ()
    hint: str = ""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, in file order."""
        return tuple(
            sorted((rule for section in self.sections for rule in section.rules), key=lambda rule: rule.line)
        )

    def owners_of(self, path: str) -> tuple[Rule, ...]:
        """Return the rules that count for `path`, at most one per section."""
        rules = (section.rule_for(path) for section in self.sections)
        return tuple(rule for rule in rules if rule is not None)

    def owners_of_all(self, paths: Iterable[str]) -> dict[str, tuple[Rule, ...]]:
        """Return `owners_of` for each path."""
        if len(self.sections) == 1 and self.sections[0].exclusions is None:
            section = self.sections[0]
            # One tuple per rule, not per path: tens of thousands of paths share a few rules.
            answers: dict[int, tuple[Rule, ...]] = {
                number: (rule,) for number, rule in enumerate(section.rules)
            }
            answers[NONE] = ()
            last = section.matcher.last
            return {path: answers[last(path)] for path in paths}
        return {path: self.owners_of(path) for path in paths}


def one_section(rules: Sequence[Rule], patterns: Sequence[Pattern]) -> Section:
    """Return a section without exclusions."""
    return Section(tuple(rules), Matcher(patterns))
