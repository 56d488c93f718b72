"""Something raised or caught that isn't an exception."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.finding import Finding
from gate.names.hints.samples import kind_of, samples_of
from gate.names.infer.engine import Engine
from gate.names.infer.values import Class, ClassValue, FunctionValue, ModuleValue, Value
from gate.names.rules.context import Context
from gate.names.rules.inspection import Inspection
from gate.names.rules.rule import Examples, code
from gate.names.syntax.guards import Guard
from gate.names.syntax.nodes import LAMBDA
from gate.names.syntax.source import Scope

ID = "wrong-exception"
SUMMARY = "Something raised or caught that isn't an exception."
WHY = """\
A TypeError takes the place of the exception: when the `raise` runs, or when another exception reaches the `except`.
Few tests run such code. `NotImplemented` is a value for operators, not the exception `NotImplementedError`."""
BAD: Examples = (
    code(
        "def sell(thing):\n    raise f'no {thing} left'  # <- raise an exception, such as `ValueError(…)`\n"
    ),
    code(
        "class Shop:\n    def sell(self):\n        raise NotImplemented  # <- did you mean `NotImplementedError`?\n"
    ),
    code(
        "def read(path):\n    try:\n        return open(path)\n    except 'OSError':  # <-\n        return None\n"
    ),
    code(
        "import errno\n\n\ndef read(path):\n    try:\n        return open(path)\n"
        "    except errno:  # <-\n        return None\n"
    ),
    code("class Sold:\n    pass\n\n\ndef sell():\n    raise Sold  # <- derive it from `Exception`\n"),
)
GOOD: Examples = (
    code("def again(error: str):\n    raise error\n"),
    code(
        "def read(path):\n    try:\n        return open(path)\n    except (OSError, ValueError) as error:\n"
        "        raise RuntimeError from error\n"
    ),
    code("def sell():\n    raise StopIteration from None\n"),
)
NODES = (ast.Raise, ast.ExceptHandler)


class Inspector:
    """Checks what one file raises and catches."""

    def __init__(self, inspection: Inspection) -> None:
        """`inspection` knows which code is evaluated."""
        self._inspection = inspection
        self._engine = inspection.engine

    def inspect(self, node: ast.AST, scope: Scope) -> None:
        """Check the exception and the cause of a `raise`, or what an `except` names."""
        if not self._inspection.is_evaluated(node) or self._inspection.guard(node) & Guard.ERROR:
            return
        match node:
            case ast.Raise(exc=raised, cause=cause):
                self._check(raised, scope, "raise")
                if not (isinstance(cause, ast.Constant) and cause.value is None):
                    self._check(cause, scope, "raise from")
            case ast.ExceptHandler(type=ast.Tuple(elts=caught)):
                for one in caught:
                    self._check(one, scope, "catch")
            case ast.ExceptHandler(type=caught):
                self._check(caught, scope, "catch")

    def finish(self) -> None:
        """Do nothing: each statement has been checked already."""

    def _check(self, node: ast.expr | None, scope: Scope, use: str) -> None:
        if node is None:
            return
        named = node.func if isinstance(node, ast.Call) else node
        if isinstance(named, ast.Name) and named.id == "NotImplemented" and scope.lookup(named.id) is None:
            self._report(named, "`NotImplemented` isn't an exception", "did you mean `NotImplementedError`?")
        elif samples := samples_of(node, scope, self._engine):
            # What a tuple in an `except` contains isn't known here.
            if use != "catch" or all(one != () for one in samples):
                hint = "raise an exception, such as `ValueError(…)`" if use == "raise" else ""
                self._report(node, f"Can't {use} {kind_of(samples)}", hint)
        elif values := self._engine.without_annotations.infer(node, scope):
            problems = [_problem(value, self._engine) for value in values]
            if problems[0] is not None and all(problems):
                what, hint = problems[0]
                self._report(node, f"Can't {use} `{ast.unparse(node)}`: it is {what}, not an exception", hint)

    def _report(self, node: ast.expr, message: str, hint: str) -> None:
        self._inspection.diagnostics.report(ID, node, message, hint=hint)


def _problem(value: Value, engine: Engine) -> tuple[str, str] | None:
    """Return what a value is that certainly isn't an exception, and a hint, or None if it may be one."""
    match value:
        case ModuleValue():
            return "a module", ""
        case FunctionValue(definitions=[definition, *_]) if definition.name != LAMBDA:
            is_overridden = engine.classes.is_overridden(definition.name, value)
            return None if is_overridden else ("a function", f"did you mean `{definition.name}()`?")
        case ClassValue(of=kind) if not _may_be_exception(kind, engine):
            hint = "derive it from `Exception`" if kind.origin == "project" else ""
            return "a class", hint
    return None


def _may_be_exception(kind: Class, engine: Engine) -> bool:
    order, is_incomplete = engine.classes.mro(kind)
    is_decorated = kind.origin != "library" and bool(kind.node.decorator_list)
    is_plain = not (is_incomplete or kind.dynamic or is_decorated)
    return not is_plain or any(cls.name == "BaseException" or cls.node.keywords for cls, _ in order)


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for what can't be raised or caught."""
    yield from context.decided(ID)
