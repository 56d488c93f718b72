"""The interface that the module of a rule implements."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    # Rule pages must not load what only checks need.
    from gate.finding import Finding
    from gate.names.infer.engine import Engine
    from gate.names.report.candidates import FileDiagnostics
    from gate.names.rules.context import Context
    from gate.names.rules.inspection import Inspection
    from gate.names.syntax.source import Scope

MARK = "# <-"
"""Marks the line with the finding in a bad example; the finding's hint follows, if it has one."""
ONE_FILE = "example.py"

Example = Mapping[str, str]
"""A small project: file contents by path."""
Examples = tuple[Example, ...]


@runtime_checkable
class Rule(Protocol):
    """A rule: a module of this package, listed in `RULES`."""

    ID: str
    SUMMARY: str
    """One sentence that says what is reported, shown as the rule's row in docs/names.md."""
    WHY: str
    """How the mistake fails, and what the rule ignores."""
    BAD: Examples
    """Each example has one finding of this rule, on the marked line, and no other finding."""
    GOOD: Examples
    """Each example has no findings."""

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield every finding of the rule in one file."""


@runtime_checkable
class NodeRule(Rule, Protocol):
    """A rule that inspects single nodes of the syntax tree."""

    NODES: tuple[type[ast.AST], ...]
    """Node types to inspect, except where the code expects that something is missing."""

    def inspect(self, node: ast.AST, scope: Scope, engine: Engine, diagnostics: FileDiagnostics) -> None:
        """Report candidates to `diagnostics`. `engine.infer(expression, scope)` returns an expression's possible
        values.

        This only runs for files that changed or whose imports changed, so it must decide by these alone. `check`
        decides by everything else.
        """


class Inspector(Protocol):
    """Follows the walk over one file for a rule."""

    def __init__(self, inspection: Inspection) -> None:
        """`inspection` describes the walk."""

    def inspect(self, node: ast.AST, scope: Scope) -> None:
        """Inspect a node, after its children. Candidates are reported to `inspection.diagnostics`."""

    def finish(self) -> None:
        """Report what only the whole file shows."""


@runtime_checkable
class FileRule(Rule, Protocol):
    """A rule that remembers parts of a file, or depends on how code is evaluated."""

    NODES: tuple[type[ast.AST], ...]
    """Node types to inspect everywhere."""
    Inspector: type[Inspector]
    """Instantiated for each file."""


def code(text: str) -> Example:
    """Return an example with a single Python file."""
    return {ONE_FILE: text}
