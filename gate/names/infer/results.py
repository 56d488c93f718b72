"""Infer the results of calls: from a function's annotation or `return` statements, or as an instance."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from gate.names.infer.calls import fitting, solved
from gate.names.infer.construction import is_super_of_own_class
from gate.names.infer.generated import named_tuple
from gate.names.infer.values import (
    NEVER,
    NONE,
    UNKNOWN,
    Class,
    ClassValue,
    Coroutine,
    FunctionValue,
    Instance,
    Missing,
    Partial,
    Value,
    Values,
    Yielding,
    union,
)
from gate.names.syntax.nodes import MANAGERS, Function, decorators, own_nodes
from gate.names.syntax.source import Scope

if TYPE_CHECKING:
    from gate.names.infer.engine import Engine

_MAKES_CLASSES = frozenset(
    {"namedtuple", "NamedTuple", "TypedDict", "NewType", "make_dataclass", "new_class"}
)


def _is_none(annotation: ast.expr) -> bool:
    return isinstance(annotation, ast.Constant) and annotation.value is None


class Results:
    """Infers the results of calls."""

    def __init__(self, engine: Engine) -> None:
        """Use `engine` to infer callees and arguments."""
        self._engine = engine

    def of_call(self, node: ast.Call, scope: Scope) -> Values:
        """Return the result of a call."""
        if isinstance(node.func, ast.Name) and scope.lookup(node.func.id) is None:
            if node.func.id == "super":
                own = is_super_of_own_class(node, scope)
                return self._engine.construction.parent(scope) if own else UNKNOWN
            if node.func.id == "type" and len(node.args) == 1 and not node.keywords:
                return self._class_of(node.args[0], scope)
        callees = self._engine.infer(node.func, scope)
        if not callees:
            return callees
        return union([self._called(callee, node, scope) for callee in callees])

    def _called(self, callee: Value, node: ast.Call, scope: Scope) -> Values:
        match callee:
            case ClassValue(of=Class(origin="library", name="partial") as cls):
                return self._partial(cls, node, scope)
            case ClassValue(of=Class(origin="library", name="NamedTuple")):
                return self._named_tuple(node)
            case ClassValue(of=cls):
                return self._engine.construction.instance(cls, node, scope)
            case FunctionValue(definitions=[ast.FunctionDef(name="namedtuple"), *_]) if (
                callee.scope.source.origin == "library"
            ):
                return self._named_tuple(node)
            case Partial():
                return self._called(callee.of, callee.joined(node), scope)
            case FunctionValue():
                return self.of_function(callee, node, scope)
            case Instance():
                method = self._engine.attributes.of(callee, "__call__")
                if not isinstance(method, Missing) and method:
                    functions = [item for item in method if isinstance(item, FunctionValue)]
                    return union([self.of_function(function, node, scope) for function in functions])
        return UNKNOWN

    def _class_of(self, node: ast.expr, scope: Scope) -> Values:
        """Return the result of calling `type(…)` with an expression."""
        values = self._engine.infer(node, scope)
        if not values or not all(isinstance(value, Instance) for value in values):
            return UNKNOWN
        return tuple(ClassValue(value.of) for value in values if isinstance(value, Instance))

    def _partial(self, cls: Class, node: ast.Call, scope: Scope) -> Values:
        """Return the result of `functools.partial`: an instance of its class if the function is unknown."""
        is_shown = bool(node.args) and not isinstance(node.args[0], ast.Starred)
        match self._engine.infer(node.args[0], scope) if is_shown else UNKNOWN:
            case [FunctionValue() | ClassValue() as function]:
                return (Partial(function, node),)
        return (Instance(cls),)

    def _named_tuple(self, node: ast.Call) -> Values:
        """Return the class that a call of `namedtuple` or `NamedTuple` creates."""
        source = self._engine.modules.source("typing")
        definition = named_tuple(node)
        if definition is None or source is None:
            return UNKNOWN
        return (ClassValue(self._engine.classes.of(definition, source.scope)),)

    def of_function(
        self, function: FunctionValue, node: ast.Call | None = None, scope: Scope | None = None
    ) -> Values:
        """Return what a function returns to the call `node` in `scope`, or to any call if `node` is None."""
        origin = function.scope.source.origin
        # Following a package's function leads deep into the package, and few mistakes concern its result.
        if origin == "site" or (origin == "library" and function.definitions[0].name in _MAKES_CLASSES):
            return UNKNOWN
        definitions = list(function.definitions)
        if node is not None and scope is not None:
            definitions = fitting(self._engine, function, node, scope)
        if not definitions:
            return UNKNOWN
        return union([self._returned(definition, function, node, scope) for definition in definitions])

    def _returned(self, definition: Function, function: FunctionValue, node: ast.Call | None,
                  outer: Scope | None) -> Values:  # fmt: skip
        scope = function.scope.source.inner(definition, function.scope)
        origin = function.scope.source.origin
        is_declared = definition.returns is not None and (
            self._engine.trusts_annotations or origin != "project"
        )
        if is_declared and definition.returns is not None and not decorators(definition) & MANAGERS:
            type_arguments = dict(function.arguments)
            if node is not None and outer is not None:
                type_arguments = solved(self._engine, function, definition, node, outer)
            result = self._engine.annotations.read(
                definition.returns, function.scope, type_arguments, function.bound
            )
            if origin == "library" and _is_none(definition.returns):
                is_overridden = self._engine.classes.is_overridden(definition.name, function)
                result = result if is_overridden else NONE
        elif origin == "project":
            result = self._by_returns(definition, scope, function)
        else:
            result = UNKNOWN
        if isinstance(definition, ast.AsyncFunctionDef):
            is_generator = any(isinstance(inner, ast.Yield) for inner in own_nodes(definition))
            is_overridden = self._engine.classes.is_overridden(definition.name, function)
            return UNKNOWN if is_generator else (Coroutine(result, definition.name if is_overridden else ""),)
        if decorators(definition) & MANAGERS:
            return self._yielded(definition, scope, function, is_manager=True)
        return result

    def _yielded(
        self, definition: Function, scope: Scope, function: FunctionValue, *, is_manager: bool
    ) -> Values:
        """Return what a function yields, to a loop over it or to the `with` that enters it."""
        if function.scope.source.origin != "project":
            return UNKNOWN
        if self._engine.classes.is_overridden(definition.name, function):
            return UNKNOWN
        yielded = [node.value for node in own_nodes(definition) if isinstance(node, ast.Yield)]
        if any(isinstance(node, ast.YieldFrom) for node in own_nodes(definition)):
            return UNKNOWN

        def work() -> Values:
            values = [self._engine.infer(value, scope) if value else NEVER for value in yielded]
            return union(values) if yielded else UNKNOWN

        return (Yielding(self._engine.answers.of(("yields", definition), work, NEVER), is_manager),)

    def _by_returns(self, definition: Function, scope: Scope, function: FunctionValue) -> Values:
        """Return the values of a function's `return` statements."""
        if self._engine.classes.is_overridden(definition.name, function):
            return UNKNOWN
        returns: list[ast.expr] = []
        for node in own_nodes(definition):
            if isinstance(node, ast.Yield | ast.YieldFrom):
                return self._yielded(definition, scope, function, is_manager=False)
            if isinstance(node, ast.Return) and node.value is not None:
                returns.append(node.value)
            if isinstance(node, ast.Raise) and "NotImplemented" in ast.dump(node):
                return UNKNOWN

        def work() -> Values:
            return union([self._engine.infer(value, scope) for value in returns]) if returns else UNKNOWN

        return self._engine.answers.of(("returns", definition), work, NEVER)
