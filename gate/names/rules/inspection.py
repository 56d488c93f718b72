"""What a rule can ask while a file is walked."""

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
    """The walk over one file: the file, what is known of the others, and how the code being walked is evaluated."""

    engine: Engine
    source: Source
    diagnostics: FileDiagnostics = field(default_factory=FileDiagnostics)
    postponed: int = 0
    """How many annotations around are never evaluated."""
    in_class: int = 0
    """How many annotations around are in the body of a class: since Python 3.14 they may name what comes later."""
    unrun: int = 0
    """How many expressions around may be no types at all, but descriptions, or what another tool reads."""
    texts: int = 0
    """How many types around are written in a comment or a string."""

    @cached_property
    def usage(self) -> UsageInference:
        """What is done with values in the file."""
        return UsageInference(self.engine)

    @cached_property
    def lookups(self) -> Lookups:
        """The attributes that the file reads."""
        return Lookups(self.engine, self.usage, self.diagnostics)

    @cached_property
    def calls(self) -> Calls:
        """What the file calls."""
        return Calls(self.engine, self.diagnostics)

    def guard(self, node: ast.AST) -> Guard:
        """What the code around a node is prepared for."""
        return self.source.guards.of(node)

    def is_evaluated(self, node: ast.AST) -> bool:
        """Whether Python evaluates a node, and no code around it expects that a look-up fails there."""
        return not (self.postponed or self.source.is_stub or self.guard(node).expects_missing)

    def failed_lookup(self, node: ast.Attribute, scope: Scope) -> FailedLookup | None:
        """What is known of an attribute that is read, and certainly isn't there."""
        is_read = isinstance(node.ctx, ast.Load) and not self.guard(node).expects_missing
        return self.lookups.failed(node, scope) if is_read else None

    def infer(self, node: ast.expr, scope: Scope) -> Values:
        """What an expression may be."""
        return self.engine.infer(node, scope)
