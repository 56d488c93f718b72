"""An operator, a loop, or a subscript that a value doesn't support."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping

from gate.finding import Finding
from gate.names.hints.samples import Samples, fail, kind_of, samples_of
from gate.names.infer.engine import Engine
from gate.names.infer.values import NEVER, NONE, FunctionValue, Instance, ModuleValue, Tuple, Values
from gate.names.rules.context import Context
from gate.names.rules.inspection import Inspection
from gate.names.rules.rule import Examples, code
from gate.names.syntax.guards import Guard
from gate.names.syntax.nodes import LAMBDA
from gate.names.syntax.source import Scope

ID = "wrong-operand"
SUMMARY = "An operator, a loop, or a subscript that a value doesn't support."
WHY = """\
A TypeError when the line runs. Often the parentheses of a call or a conversion are missing, or the code is for Python
2, where `print` could write to a file and `dict.keys()` was a list. For values of builtin types, gate asks Python what
the operator does. It ignores annotations of the project, so the code itself has to show the types. Functions and
modules can be compared for equality and with `is`, so these comparisons aren't reported."""
BAD: Examples = (
    code("import sys\n\nprint >> sys.stderr, 'failed'  # <- use `print(…, file=…)`\n"),
    code(
        "import time\n\n\ndef since(start: float):\n    return time.time - start  # <- did you mean `time.time()`?\n"
    ),
    code(
        "class Basket:\n    def total(self):\n        return 1\n\n    def is_paid(self):\n"
        "        return self.total > 0  # <- did you mean `self.total()`?\n"
    ),
    code("def show(items):\n    return 'items: ' + len(items)  # <- convert it with `str(…)`\n"),
    code(
        "def show(items):\n    for number in len(items):  # <- did you mean `range(…)`?\n        print(number)\n"
    ),
    code(
        "def first(prices):\n    best = sorted(prices).sort()\n"
        "    return best[0]  # <- the call that produced it always returns `None`\n"
    ),
)
GOOD: Examples = (
    code("import time\n\nprint(time.time() - 1, print is None, time.time == print)\n"),
    code(
        "class Basket:\n    @property\n    def total(self):\n        return 1\n\n"
        "    def is_paid(self):\n        return self.total > 0\n"
    ),
    code(
        "from datetime import datetime, timedelta\n\n\ndef later(days: str):\n"
        "    return datetime.now() + 2 * timedelta(1), 'x' * 3, [1] + [2], days + 1\n"
    ),
)
NODES = (
    ast.BinOp,
    ast.Compare,
    ast.UnaryOp,
    ast.Subscript,
    ast.For,
    ast.comprehension,
    ast.Starred,
    ast.YieldFrom,
)
_PLAIN = frozenset({"str", "bytes", "int", "float", "bool", "complex", "list", "dict", "set", "tuple"})
_OPERATIONS: Mapping[type[ast.AST], tuple[str, Callable[..., object]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Mod: ("%", operator.mod),
    ast.Pow: ("**", operator.pow),
    ast.MatMult: ("@", operator.matmul),
    ast.LShift: ("<<", operator.lshift),
    ast.RShift: (">>", operator.rshift),
    ast.BitAnd: ("&", operator.and_),
    ast.BitXor: ("^", operator.xor),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.In: ("in", lambda item, container: item in container),
    ast.NotIn: ("not in", lambda item, container: item in container),
    ast.USub: ("-", operator.neg),
    ast.UAdd: ("+", operator.pos),
    ast.Invert: ("~", operator.invert),
}
"""What each operator does. `|` is missing, because it also writes types, in strings and before they exist."""


class Inspector:
    """Checks the operands of one file's operators, and what it loops over or takes items from."""

    def __init__(self, inspection: Inspection) -> None:
        """`inspection` knows which code is evaluated."""
        self._inspection = inspection
        self._engine = inspection.engine

    def inspect(self, node: ast.AST, scope: Scope) -> None:
        """Check one expression, unless code around it expects an error."""
        place = node.iter if isinstance(node, ast.comprehension) else node
        is_expected = self._inspection.guard(place) & Guard.ERROR
        if is_expected or not self._inspection.is_evaluated(place):
            return
        match node:
            case ast.BinOp(left=left, op=sign, right=right):
                self._operands(left, sign, right, scope)
            case ast.Compare(left=left, ops=signs, comparators=others):
                for first, comparison, second in zip([left, *others], signs, others, strict=False):
                    self._operands(first, comparison, second, scope)
            case ast.UnaryOp(op=unary, operand=operand) if type(unary) in _OPERATIONS:
                self._by_sample(operand, unary, (operand,), scope)
            case ast.Subscript(value=value, slice=index, ctx=ast.Load()):
                self._item(value, index, scope)
            case ast.For(iter=value) | ast.Starred(value=value, ctx=ast.Load()) | ast.YieldFrom(value=value):
                self._loop(value, scope)
            case ast.comprehension(iter=value, is_async=0):
                self._loop(value, scope)

    def finish(self) -> None:
        """Do nothing: each node has been checked already."""

    def _report(self, node: ast.expr, message: str, hint: str = "") -> None:
        self._inspection.diagnostics.report(ID, node, message, hint=hint)

    def _operands(self, left: ast.expr, sign: ast.AST, right: ast.expr, scope: Scope) -> None:
        if not self._without_operators(left, sign, right, scope) and type(sign) in _OPERATIONS:
            if isinstance(sign, ast.Mod) and _may_be_format(self._engine.infer(left, scope)):
                # The conversions decide, which `wrong-format` reads.
                return
            if isinstance(sign, ast.In | ast.NotIn) and fail(iter, samples_of(right, scope, self._engine)):
                # Nothing is in such a value, whatever is on the left.
                self._loop(right, scope)
                return
            self._by_sample(left, sign, (left, right), scope)

    def _by_sample(self, node: ast.expr, sign: ast.AST, operands: tuple[ast.expr, ...], scope: Scope) -> None:
        """Report operands that Python's own operator refuses."""
        shown, operation = _OPERATIONS[type(sign)]
        samples = [samples_of(operand, scope, self._engine) for operand in operands]
        if fail(operation, *samples):
            kinds = " and ".join(kind_of(one) for one in samples)
            self._report(node, f"Unsupported operands for `{shown}`: {kinds}", _operand_hint(sign, samples))

    def _without_operators(self, left: ast.expr, sign: ast.AST, right: ast.expr, scope: Scope) -> bool:
        """Report a function or a module among the operands, and return whether there is one.

        Nothing is reported if the other operand is unknown or may implement the operator.
        """
        engine = self._engine
        match sign:
            case ast.BitOr():
                return False
            case ast.operator() | ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE():
                pairs = [(left, right)]
            case _:
                return False
        if not (isinstance(sign, ast.Mod) and _may_be_format(engine.infer(left, scope))):
            pairs.append((right, left))
        is_print = isinstance(left, ast.Name) and left.id == "print" and isinstance(sign, ast.RShift)
        for operand, opposite in pairs:
            values = engine.infer(operand, scope)
            if _supports_none(values, engine) and (
                is_print or _has_no_operators_for_others(engine.infer(opposite, scope))
            ):
                if is_print:
                    self._report(
                        operand, "`print` is a function, which doesn't support `>>`", "use `print(…, file=…)`"
                    )
                else:
                    self._refused(operand, values, "which doesn't support operators")
                return True
        return False

    def _refused(self, node: ast.expr, values: Values, what: str) -> None:
        shown = ast.unparse(node)
        if values and isinstance(values[0], ModuleValue):
            self._report(node, f"`{shown}` is a module, {what}")
        else:
            self._report(node, f"`{shown}` is a function, {what}", f"did you mean `{shown}()`?")

    def _item(self, value: ast.expr, index: ast.expr, scope: Scope) -> None:
        """Report a subscript of a value that has no items, or none by such an index."""
        samples = samples_of(value, scope, self._engine)
        if isinstance(index, ast.Slice):
            indexes: Samples = (slice(None),)
        else:
            indexes = samples_of(index, scope, self._engine)
        if _has_no_items(samples):
            is_view = any(hasattr(one, "__iter__") for one in samples)
            hint = f"convert it with `list({ast.unparse(value)})`" if is_view else _none_hint(samples)
            self._report(value, f"Can't subscript {kind_of(samples)}", hint)
        elif fail(operator.getitem, samples, indexes):
            self._report(index, f"Can't subscript {kind_of(samples)} with {kind_of(indexes)}")

    def _loop(self, value: ast.expr, scope: Scope) -> None:
        """Report a loop over a value that can't be iterated over."""
        values = self._engine.infer(value, scope)
        if _supports_none(values, self._engine):
            self._refused(value, values, "which isn't iterable")
            return
        samples = samples_of(value, scope, self._engine)
        if fail(iter, samples):
            is_number = all(isinstance(one, int) for one in samples)
            hint = "did you mean `range(…)`?" if is_number else _none_hint(samples)
            self._report(value, f"Can't iterate over {kind_of(samples)}", hint)


def _has_no_items(samples: Samples) -> bool:
    return bool(samples) and not any(hasattr(one, "__getitem__") for one in samples)


def _operand_hint(sign: ast.AST, operands: list[Samples]) -> str:
    kinds = {type(one).__name__ for samples in operands for one in samples}
    if isinstance(sign, ast.Add) and "str" in kinds and kinds & {"int", "float"}:
        return "convert it with `str(…)`"
    if kinds & {"datetime", "date"} and kinds & {"int", "float"}:
        return "use a `timedelta`"
    if "str" in kinds and "bytes" in kinds:
        return "decode or encode one of them"
    return ""


def _none_hint(samples: Samples) -> str:
    is_none = all(one is None for one in samples)
    return "the call that produced it always returns `None`" if is_none else ""


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
    return values in {NEVER, NONE} or (
        bool(values)
        and all(
            isinstance(value, FunctionValue | ModuleValue | Tuple)
            or (isinstance(value, Instance) and value.of.origin == "library" and value.of.name in _PLAIN)
            for value in values or ()
        )
    )


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for operations that these values don't support."""
    yield from context.decided(ID)
