"""Measure how much a test asserts: what in it could fail, and over how many cases. Based on syntax alone.

Only what plainly can't fail or can't be reached is ignored. The rest is left to reviewers.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SWALLOWED = frozenset({"AssertionError", "Exception", "BaseException", "Failed", "ExceptionGroup"})
UNCOLLECTED = frozenset({"fixture", "property", "contextmanager", "asynccontextmanager"})
"""Decorators that make a function something other than a test."""
LISTS = (ast.List, ast.Tuple, ast.Set)


@dataclass(frozen=True, slots=True)
class Strength:
    """The assertions of a test, and its number of cases, or 0 if that is unknown."""

    asserts: int
    cases: int


def strength(test: ast.FunctionDef | ast.AsyncFunctionDef, lists: Mapping[str, int]) -> Strength:
    """Measure one test. `lists` maps the names of the module's lists to their lengths."""
    called = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    # A generator never runs as a test.
    asserts = 0 if _yields(test) else _in_body(test.body, called)
    cases = 1
    for mark in test.decorator_list:
        cases *= _cases(mark, lists)
    return Strength(asserts, cases)


def is_test(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether pytest would collect the function, by its name and decorators."""
    return node.name.startswith("test") and not any(
        _name(mark) in UNCOLLECTED for mark in node.decorator_list
    )


def takes_arguments(node: ast.ClassDef) -> bool:
    """Return whether pytest collects nothing from the class because its constructor takes arguments."""
    own = {child.name for child in node.body if isinstance(child, ast.FunctionDef)}
    return bool(own & {"__init__", "__new__"}) and not any(_name(b).endswith("TestCase") for b in node.bases)


def lists_in(body: Iterable[ast.stmt]) -> dict[str, int]:
    """Return the lengths of the lists that the statements assign to names."""
    return {
        target.id: len(node.value.elts)
        for node in body
        if isinstance(node, ast.Assign) and isinstance(node.value, LISTS)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _cases(mark: ast.expr, lists: Mapping[str, int]) -> int:
    if not isinstance(mark, ast.Call) or _name(mark) != "parametrize":
        return 1
    named = [each.value for each in mark.keywords if each.arg == "argvalues"]
    match [*mark.args[1:2], *named]:
        case [ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements), *_]:
            countable = not any(isinstance(element, ast.Starred) for element in elements)
            # An empty list is less than any unknown number.
            return len(elements) or -1 if countable else 0
        case [ast.Name(id=name), *_]:
            return lists.get(name, 0)
    return 0


def _in_body(body: Iterable[ast.stmt], called: set[str]) -> int:
    assertions = 0
    for node in body:
        assertions += _in_statement(node, called)
        if isinstance(node, ast.Return | ast.Raise | ast.Break | ast.Continue):
            break
    return assertions


def _in_statement(node: ast.stmt, called: set[str]) -> int:
    match node:
        case ast.If(test=test, body=body, orelse=orelse) if _constant(test) is not None:
            return _in_body(body if _constant(test) else orelse, called)
        case ast.While(test=test, orelse=orelse) if _constant(test) is False:
            return _in_body(orelse, called)
        case ast.For(iter=over, orelse=orelse) | ast.AsyncFor(iter=over, orelse=orelse) if _empty(over):
            return _in_body(orelse, called)
        case ast.With(items=items, body=body) if any(_suppresses(item.context_expr) for item in items):
            return 0
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=last) if any(
            map(_swallows, handlers)
        ):
            return _in_body(orelse, called) + _in_body(last, called)
        case ast.FunctionDef(name=name, decorator_list=[]) if name not in called:
            return 0
        case ast.Assert(test=test):
            return int(_constant(test) is not True) + sum(map(_in_expression, ast.walk(test)))
    assertions = 0
    for field in ("body", "orelse", "finalbody"):
        assertions += _in_body(getattr(node, field, ()), called)
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        assertions += _in_body(part.body, called)
    inner = (child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr | ast.withitem))
    return assertions + sum(_in_expression(child) for outer in inner for child in ast.walk(outer))


def _in_expression(node: ast.AST) -> int:
    """Return 1 for a call that can fail by itself, such as `assertEqual` or `raises`, else 0."""
    if not isinstance(node, ast.Call):
        return 0
    name = _name(node)
    if not (name.startswith("assert") or name in {"raises", "warns", "fail"}):
        return 0
    # Comparing constants only asserts nothing.
    return int(not node.args or not all(isinstance(arg, ast.Constant) for arg in node.args))


def _yields(test: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    inner = {
        id(child)
        for node in ast.walk(test)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and node is not test
        for child in ast.walk(node)
    }
    return any(
        isinstance(node, ast.Yield | ast.YieldFrom) and id(node) not in inner for node in ast.walk(test)
    )


def _constant(node: ast.expr) -> bool | None:
    """Return the constant value of a condition, or None if it isn't constant."""
    match node:
        case ast.Constant(value=value):
            return bool(value)
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return bool(parts)
        case ast.Dict(keys=keys):
            return bool(keys)
        case ast.Lambda():
            return True
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            operand_value = _constant(operand)
            return None if operand_value is None else not operand_value
        case ast.BoolOp(op=op, values=values):
            decisive = isinstance(op, ast.Or)
            values_known = [_constant(value) for value in values]
            return decisive if decisive in values_known else (None if None in values_known else not decisive)
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is() | ast.LtE() | ast.GtE()], comparators=[right]):
            same = ast.dump(left) == ast.dump(right) and not _calls(left)
            return True if same else None
    return None


def _calls(node: ast.expr) -> bool:
    return any(isinstance(child, ast.Call | ast.Await) for child in ast.walk(node))


def _empty(node: ast.expr) -> bool:
    return _constant(node) is False


def _suppresses(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call) and _name(node) == "suppress" and any(_swallowed(arg) for arg in node.args)
    )


def _swallows(handler: ast.ExceptHandler) -> bool:
    caught = handler.type is None or _swallowed(handler.type)
    raises = any(
        isinstance(node, ast.Raise | ast.Assert) or _in_expression(node) for node in ast.walk(handler)
    )
    return caught and not raises


def _swallowed(node: ast.expr) -> bool:
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(_name(part) in SWALLOWED for part in parts)


def _name(node: ast.AST) -> str:
    """Return the last part of a dotted name, or of the name of a callee."""
    match node:
        case ast.Call(func=function):
            return _name(function)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""
