"""What a rule can ask while a file is walked."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from gate.names.infer.engine import Engine
from gate.names.infer.values import Values
from gate.names.report.candidates import FileDiagnostics
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

    def guard(self, node: ast.AST) -> Guard:
        """What the code around a node is prepared for."""
        return self.source.guards.of(node)

    def is_evaluated(self, node: ast.AST) -> bool:
        """Whether Python evaluates a node, and no code around it expects that a look-up fails there."""
        return not (self.postponed or self.source.is_stub or self.guard(node).expects_missing)

    def infer(self, node: ast.expr, scope: Scope) -> Values:
        """What an expression may be."""
        return self.engine.infer(node, scope)
