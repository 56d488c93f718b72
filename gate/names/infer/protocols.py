"""Infer the results of Python's protocols: iteration, `with`, `await`, unpacking, subscripts, and operators."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from gate.names.infer.calls import fitting
from gate.names.infer.values import (
    NEVER,
    UNKNOWN,
    Coroutine,
    FunctionValue,
    Instance,
    Missing,
    Tuple,
    Value,
    Values,
    Yielding,
    union,
)
from gate.names.syntax.source import Scope

if TYPE_CHECKING:
    from gate.names.infer.engine import Engine


class Protocols:
    """Infers what the language itself does with values by calling special methods."""

    def __init__(self, engine: Engine) -> None:
        """Use `engine` to infer the operands."""
        self._engine = engine

    def method(self, owner: Value, name: str) -> Values:
        """Return the result of calling a method without arguments, as the language does."""
        if not isinstance(owner, Instance):
            return UNKNOWN
        methods = self._engine.attributes.of(owner, name)
        if isinstance(methods, Missing) or not methods:
            return UNKNOWN
        of_function = self._engine.results.of_function
        return union([of_function(item) if isinstance(item, FunctionValue) else UNKNOWN for item in methods])

    def each(self, values: Values) -> Values:
        """Return the values that iterating over any of `values` gives."""
        if not values:
            return values
        results: list[Values] = []
        for value in values:
            if isinstance(value, Tuple):
                results.append(union(list(value.items)) if value.items else None)
                continue
            if isinstance(value, Yielding):
                results.append(None if value.is_manager else value.result)
                continue
            iterators = self.method(value, "__iter__")
            results += [self.method(iterator, "__next__") for iterator in iterators] if iterators else [None]
        return union(results)

    def entered(self, values: Values) -> Values:
        """Return what `with` binds when it enters any of `values`."""
        if not values:
            return values
        return union(
            [
                (value.result if value.is_manager else UNKNOWN)
                if isinstance(value, Yielding)
                else self.method(value, "__enter__")
                for value in values
            ]
        )

    def awaited(self, values: Values) -> Values:
        """Return the result of awaiting any of `values`."""
        if not values:
            return values
        return union([value.result if isinstance(value, Coroutine) else None for value in values])

    def unpacked(self, values: Values, index: int) -> Values:
        """Return the item at `index` when any of `values` is unpacked."""
        if not values:
            return values
        results: list[Values] = []
        for value in values:
            if isinstance(value, Tuple):
                results.append(value.items[index] if index < len(value.items) else None)
            else:
                results.append(self.each((value,)))
        return union(results)

    def item(self, node: ast.Subscript, scope: Scope) -> Values:
        """Return the result of a subscript."""
        values = self._engine.infer(node.value, scope)
        if not values:
            return values
        if scope.is_tested(ast.unparse(node)):
            return UNKNOWN
        results: list[Values] = []
        for value in values:
            index = node.slice.value if isinstance(node.slice, ast.Constant) else None
            if isinstance(value, Tuple):
                is_in_range = isinstance(index, int) and -len(value.items) <= index < len(value.items)
                results.append(value.items[index] if is_in_range and isinstance(index, int) else None)
            elif isinstance(value, Instance):
                method = self._engine.attributes.of(value, "__getitem__")
                call = ast.Call(func=node.value, args=[node.slice], keywords=[])
                if isinstance(method, Missing) or not method:
                    return UNKNOWN
                for function in method:
                    results += self._of_each_overload(function, call, scope)
            else:
                return UNKNOWN
        # One unknown alternative makes the whole result unknown.
        return union(results) if results and all(results) else None

    def _of_each_overload(self, method: Value, call: ast.Call, scope: Scope) -> list[Values]:
        """Return the result of each overload of a method that fits a call."""
        if not isinstance(method, FunctionValue):
            return []
        fits = fitting(self._engine, method, call, scope)
        return [
            self._engine.results.of_function(replace(method, definitions=(overload,)), call, scope)
            for overload in fits
        ] or [UNKNOWN]

    def binary(self, node: ast.BinOp, scope: Scope) -> Values:
        """Return the result of an operator, for the few standard library classes for which it is simple."""
        left = self._engine.infer(node.left, scope)
        if left == NEVER:
            return NEVER
        if not left or len(left) != 1 or not isinstance(left[0], Instance):
            return UNKNOWN
        name = left[0].of.name
        if left[0].of.origin != "library":
            return UNKNOWN
        if isinstance(node.op, ast.Mod) and name in {"str", "bytes"}:
            return left
        if isinstance(node.op, ast.Mult) and name in {"str", "bytes", "list"}:
            return left
        if isinstance(node.op, ast.Add) and name in {"str", "bytes"}:
            # The right operand may determine the result, as a database column does.
            return left if self._engine.infer(node.right, scope) else UNKNOWN
        if isinstance(node.op, ast.Div) and name in {"Path", "PurePath", "PosixPath"}:
            return left
        return UNKNOWN
