"""The state that rules can query while a file is walked."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cached_property

from gate.names.hints.usage import UsageInference
from gate.names.infer.engine import Engine
from gate.names.infer.values import Values
from gate.names.report.candidates import FileDiagnostics
from gate.names.rules.calls import Calls
from gate.names.rules.lookups import FailedLookup, Lookups
from gate.names.syntax.guards import Guard
from gate.names.syntax.source import Scope, Source


@dataclass
class Inspection:
    """A walk over one file: the file, what is known about others, and how Python evaluates the current code."""

    engine: Engine
    source: Source
    diagnostics: FileDiagnostics = field(default_factory=FileDiagnostics)
    postponed: int = 0
    """The number of enclosing annotations that are never evaluated."""
    in_class: int = 0
    """The number of enclosing annotations in class bodies; since Python 3.14 these may use names bound later."""
    unrun: int = 0
    """The number of enclosing expressions that may not be types, but descriptions, or input for another tool."""
    texts: int = 0
    """The number of enclosing types written in comments or strings."""

    @cached_property
    def usage(self) -> UsageInference:
        """Inference from how the file uses values."""
        return UsageInference(self.engine)

    @cached_property
    def lookups(self) -> Lookups:
        """The checks of the attributes that the file reads."""
        return Lookups(self.engine, self.usage, self.diagnostics)

    @cached_property
    def calls(self) -> Calls:
        """The checks of the file's calls."""
        return Calls(self.engine, self.diagnostics)

    def guard(self, node: ast.AST) -> Guard:
        """Return the failures that the code around a node is prepared for."""
        return self.source.guards.of(node)

    def is_evaluated(self, node: ast.AST) -> bool:
        """Return whether Python evaluates a node, and no code around it expects a lookup to fail there."""
        return not (self.postponed or self.source.is_stub or self.guard(node).expects_missing)

    def failed_lookup(self, node: ast.Attribute, scope: Scope) -> FailedLookup | None:
        """Return the details of a read of an attribute that certainly doesn't exist, else None."""
        is_read = isinstance(node.ctx, ast.Load) and not self.guard(node).expects_missing
        return self.lookups.failed(node, scope) if is_read else None

    def infer(self, node: ast.expr, scope: Scope) -> Values:
        """Return the possible values of an expression."""
        return self.engine.infer(node, scope)
