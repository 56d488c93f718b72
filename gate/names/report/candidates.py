"""Collect what inference finds in a file, for the rules to decide."""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from gate.names.hints.load_dump import WrongJsonCall
from gate.names.hints.usage import TypeHint
from gate.names.resolve.modules import MODULE_NAMES

Place = tuple[int, int]
UnlessDefinedIn = Literal["", "attribute", "project", "model", "anywhere", "synchronous"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible mistake at a position. `word` is the written word, and `names` are the ones that may be meant.

    `unless_defined_in` says which other code must not define `word`: attributes of classes, the project, the project or
    Django, any code, or functions of the project that aren't async. If it is empty, no other code matters.
    """

    rule: str
    line: int
    column: int
    end_line: int
    message: str
    word: str = ""
    names: frozenset[str] = frozenset()
    unless_defined_in: UnlessDefinedIn = ""
    hint: str = ""
    package: str = ""
    """The installed module in which the name was looked up, if any."""


@dataclass(slots=True)
class FileDiagnostics:
    """The results of inference for one file."""

    candidates: list[Candidate] = field(default_factory=list)
    resolved: set[Place] = field(default_factory=set)
    """Positions of names that are known to be right."""
    hints: dict[Place, TypeHint] = field(default_factory=dict)
    """The likely types of values in other attribute lookups."""
    unresolved_imports: list[int] = field(default_factory=list)
    """Indexes of the file's imports that are not certainly right."""
    lacks_exports: bool = True
    """Whether the module may lack a name that it exports."""
    json_calls: list[WrongJsonCall] = field(default_factory=list)
    """Calls of `load` or `dump` with a value of the wrong kind."""

    def report(
        self,
        rule: str,
        node: ast.expr | ast.keyword,
        message: str,
        word: str = "",
        names: Collection[str] = (),
        *,
        unless_defined_in: UnlessDefinedIn = "",
        hint: str = "",
        at: Place | None = None,
        package: str = "",
    ) -> None:
        """Report `node` to a rule, at its own position unless `at` is given."""
        line, column = at or (node.lineno, node.col_offset + 1)
        end = node.end_lineno or node.lineno
        alternatives = frozenset(names) if word.startswith("__") else frozenset(names) - MODULE_NAMES
        self.candidates.append(
            Candidate(rule, line, column, end, message, word, alternatives, unless_defined_in, hint, package)
        )
