"""An operator on a function or a module, which support none."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.finding import Finding
from gate.names.infer.engine import Engine
from gate.names.infer.values import NEVER, FunctionValue, Instance, ModuleValue, Tuple, Values
from gate.names.report.candidates import FileDiagnostics
from gate.names.rules.context import Context
from gate.names.rules.rule import Examples, code
from gate.names.syntax.nodes import LAMBDA
from gate.names.syntax.source import Scope

ID = "wrong-operand"
SUMMARY = "An arithmetic or ordering operator on a function or a module."
WHY = """\
A TypeError when the line runs. Mostly the parentheses of a call are missing, or a `print` of Python 2 writes to a file.
Functions and modules can be compared for equality and with `is`, so these comparisons aren't reported."""
BAD: Examples = (
    code("import sys\n\nprint >> sys.stderr, 'failed'  # <- use `print(…, file=…)`\n"),
    code(
        "import time\n\n\ndef since(start: float):\n    return time.time - start  # <- did you mean `time.time()`?\n"
    ),
    code(
        "class Basket:\n    def total(self):\n        return 1\n\n    def is_paid(self):\n"
        "        return self.total > 0  # <- did you mean `self.total()`?\n"
    ),
)
GOOD: Examples = (
    code("import time\n\nprint(time.time() - 1, print is None, time.time == print)\n"),
    code(
        "class Basket:\n    @property\n    def total(self):\n        return 1\n\n"
        "    def is_paid(self):\n        return self.total > 0\n"
    ),
)
NODES = (ast.BinOp, ast.Compare)
_PLAIN = frozenset({"str", "bytes", "int", "float", "bool", "complex", "list", "dict", "set", "tuple"})


def inspect(node: ast.AST, scope: Scope, engine: Engine, diagnostics: FileDiagnostics) -> None:
    """Check both operands. Nothing is reported if the other operand is unknown or may implement the operator."""
    match node:
        case ast.BinOp(left=left, op=operator, right=right) if not isinstance(operator, ast.BitOr):
            pairs = [(left, right)]
            if not (isinstance(operator, ast.Mod) and _may_be_format(engine.infer(left, scope))):
                pairs.append((right, left))
            is_print = isinstance(left, ast.Name) and left.id == "print" and isinstance(operator, ast.RShift)
        case ast.Compare(left=left, ops=[ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE()], comparators=[right]):
            pairs = [(left, right), (right, left)]
            is_print = False
        case _:
            return
    for operand, opposite in pairs:
        values = engine.infer(operand, scope)
        if not _supports_none(values, engine):
            continue
        if not is_print and not _has_no_operators_for_others(engine.infer(opposite, scope)):
            continue
        shown = ast.unparse(operand)
        if is_print:
            diagnostics.report(
                ID, operand, "`print` is a function: it has no `>>`", hint="use `print(…, file=…)`"
            )
        elif values and isinstance(values[0], ModuleValue):
            diagnostics.report(ID, operand, f"`{shown}` is a module: it supports no operators")
        else:
            hint = f"did you mean `{shown}()`?"
            diagnostics.report(ID, operand, f"`{shown}` is a function: it supports no operators", hint=hint)
        return


def _may_be_format(values: Values) -> bool:
    """Return whether `%` with these values on its left may format any value on its right."""
    return values is None or any(
        isinstance(value, Instance) and value.of.name in {"str", "bytes", "bytearray"} for value in values
    )


def _supports_none(values: Values, engine: Engine) -> bool:
    """Return whether a value is certainly a function or a module, which support no operators."""
    match values:
        case [ModuleValue()]:
            return True
        case [FunctionValue(definitions=[definition, *_]) as function]:
            # An older Python parses `type Pair[T] = …` as a lambda.
            return definition.name != LAMBDA and not engine.classes.is_overridden(definition.name, function)
    return False


def _has_no_operators_for_others(values: Values) -> bool:
    """Return whether a value certainly doesn't implement operators for functions and modules."""
    return values == NEVER or (
        bool(values)
        and all(
            isinstance(value, FunctionValue | ModuleValue | Tuple)
            or (isinstance(value, Instance) and value.of.origin == "library" and value.of.name in _PLAIN)
            for value in values or ()
        )
    )


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for operators with such an operand."""
    yield from context.decided(ID)
