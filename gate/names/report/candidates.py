"""What is found in a file: what is wrong for certain, and what the rules have to weigh."""

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
    """Something wrong at a place. `word` is what is written, `names` are what could be meant instead.

    `strange` says who else must not know `word` for that: no class of the project, nobody in it, nobody anywhere, or
    no function of the project that is not asynchronous.
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
    """The installed module that was looked into, if it was one."""


@dataclass(slots=True)
class FileDiagnostics:
    """What was found in a file, and the places of names that are known to be right."""

    told: list[Candidate] = field(default_factory=list)
    settled: set[Place] = field(default_factory=set)
    evidence: dict[Place, TypeHint] = field(default_factory=dict)
    """What the values most likely are in which other attributes are looked up."""
    doubtful: list[int] = field(default_factory=list)
    """Which of the file's imports are not certainly right."""
    exports: bool = True
    """Whether all that the file exports has to be looked for."""
    wrong: list[WrongJsonCall] = field(default_factory=list)
    """Calls of a `load` or `dump` that another file has imported, with a value of the wrong kind."""

    def tell(
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
        """Tell something about `node`; the place is another one if `at` is given."""
        line, column = at or (node.lineno, node.col_offset + 1)
        end = node.end_lineno or node.lineno
        others = frozenset(names) if word.startswith("__") else frozenset(names) - MODULE_NAMES
        self.told.append(
            Candidate(rule, line, column, end, message, word, others, unless_defined_in, hint, package)
        )
