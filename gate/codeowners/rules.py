"""What every dialect parses to: rules in sections, and an answer for a path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gate.codeowners.matcher import NONE, Matcher, Pattern
from gate.errors import Mistake


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a CODEOWNERS file: who must approve what it matches.

    `owners` is empty where the line takes ownership away. `section` is empty outside GitLab's sections;
    `required` is the number of approvals that it asks for, `optional` means that none is needed.
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
        """`.github/CODEOWNERS:3`; without a line the file alone."""
        return f"{self.file}:{self.line}" if self.line else self.file


class LastMatch(Protocol):
    """Says which of some patterns is the last to match a path; `Matcher` does, and Gitea's expressions do."""

    def last(self, path: str) -> int:
        """The number of the last pattern that matches, or NONE."""


@dataclass(frozen=True, slots=True)
class Section:
    """Rules of which the last match counts, unless an exclusion takes the path out."""

    rules: tuple[Rule, ...]
    matcher: LastMatch
    exclusions: LastMatch | None = None

    def rule_for(self, path: str) -> Rule | None:
        """The rule that counts for `path`."""
        if self.exclusions is not None and self.exclusions.last(path) != NONE:
            return None
        number = self.matcher.last(path)
        return None if number == NONE else self.rules[number]


@dataclass(frozen=True, slots=True)
class CodeOwners:
    """A parsed CODEOWNERS file.

    `mistakes` are the lines that say nothing, which the forge would skip; `hint` says what to do about them.
    """

    file: str
    sections: tuple[Section, ...]
    mistakes: tuple[Mistake, ...] = ()
    hint: str = ""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule, in the order of the file."""
        return tuple(
            sorted((rule for section in self.sections for rule in section.rules), key=lambda rule: rule.line)
        )

    def owners_of(self, path: str) -> tuple[Rule, ...]:
        """The rules that count for `path`, at most one a section; none means that no rule matches."""
        rules = (section.rule_for(path) for section in self.sections)
        return tuple(rule for rule in rules if rule is not None)

    def owners_of_all(self, paths: Iterable[str]) -> dict[str, tuple[Rule, ...]]:
        """`owners_of` for each path."""
        if len(self.sections) == 1 and self.sections[0].exclusions is None:
            section = self.sections[0]
            # One tuple a rule, not one a path: tens of thousands of paths share a few rules.
            answers: dict[int, tuple[Rule, ...]] = {
                number: (rule,) for number, rule in enumerate(section.rules)
            }
            answers[NONE] = ()
            last = section.matcher.last
            return {path: answers[last(path)] for path in paths}
        return {path: self.owners_of(path) for path in paths}


def one_section(rules: Sequence[Rule], patterns: Sequence[Pattern]) -> Section:
    """A section without exclusions."""
    return Section(tuple(rules), Matcher(patterns))
