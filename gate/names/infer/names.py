"""Resolve names: in a scope, in an annotation, and as members of modules."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from gate.names.infer.values import (
    MISSING,
    NEVER,
    UNKNOWN,
    ClassValue,
    FunctionValue,
    Instance,
    Missing,
    ModuleValue,
    Values,
    union,
)
from gate.names.syntax.binding_order import is_of_comprehension, is_seen, start
from gate.names.syntax.bindings import Binding
from gate.names.syntax.nodes import MANAGERS, Function, decorators, ends_before, walk
from gate.names.syntax.reaching import reaching
from gate.names.syntax.source import Scope

if TYPE_CHECKING:
    from gate.names.infer.engine import Engine

_HARMLESS = MANAGERS | {"abstractmethod", "override", "final", "overload", "staticmethod", "classmethod",
                        "type_check_only", "no_type_check", "deprecated"}  # fmt: skip
"""Decorators that don't change a function; `property` and the like are handled with methods."""
_MOST_BINDINGS = 8
"""Names with more bindings than this are not followed."""
_NUMBERS = frozenset({"int", "float", "bool", "complex"})
"""Types that `+=` may change to another numeric type."""


class Names:
    """Infers the values that names are bound to."""

    def __init__(self, engine: Engine) -> None:
        """Use `engine` to infer the bound values."""
        self._engine = engine
        self._flows: dict[Scope, dict[ast.Name, Binding]] = {}
        self._nonlocals: dict[Scope, frozenset[str]] = {}

    def used(self, node: ast.Name, scope: Scope) -> Values:
        """Return the values of a name where it is used, given the bindings that reach it in statement order."""
        if scope.kind == "class" and scope.parent is not None and node.id in scope.names:
            return self._used_in_class(node, scope, scope.parent)
        if len(scope.names.get(node.id, ())) > 1 and scope.source.origin == "project":
            if scope not in self._flows:
                self._flows[scope] = reaching(scope)
            binding = self._flows[scope].get(node)
            if binding is not None and not (scope.kind == "module" and node.id in scope.source.made_global):
                return self.binding(binding, scope)
        bound = scope.lookup(node.id)
        if bound is not None and any(map(is_of_comprehension, bound[0])):
            return self._beside_comprehensions(node, *bound)
        return self.in_scope(node.id, scope)

    def _beside_comprehensions(self, node: ast.Name, bindings: list[Binding], scope: Scope) -> Values:
        """Resolve a name that comprehensions bind: inside one, to its own binding, and elsewhere as if they didn't."""
        seen = [binding for binding in bindings if is_of_comprehension(binding) and is_seen(binding, node)]
        if seen:
            innermost = max(start(binding.inside) for binding in seen if binding.inside is not None)
            return self.bound(
                [binding for binding in seen if binding.inside and start(binding.inside) == innermost], scope
            )
        statements = [binding for binding in bindings if not is_of_comprehension(binding)]
        if statements:
            is_rebound = scope.kind == "module" and node.id in scope.source.made_global
            return UNKNOWN if is_rebound else self.bound(statements, scope)
        return (
            self.member_or_unknown("builtins", node.id)
            if scope.parent is None
            else self.used(node, scope.parent)
        )

    def _used_in_class(self, node: ast.Name, scope: Scope, around: Scope) -> Values:
        """Resolve a name in a class body: to the bindings above it, or else to those around the class."""
        above = [
            binding
            for binding in scope.names[node.id]
            if ends_before(binding.node, node) and not isinstance(binding.node, ast.AnnAssign)
        ]
        if not above:
            return self.used(node, around)
        # In the class body it is the assigned value, whatever its annotation says about instances.
        return union(
            [
                self._engine.infer(binding.node, scope)
                if binding.how == "typed" and isinstance(binding.node, ast.expr)
                else self.binding(binding, scope)
                for binding in above
            ]
        )  # fmt: skip

    def in_annotation(self, name: str, scope: Scope) -> Values:
        """Resolve a name in an annotation. A method called `list` doesn't hide the builtin there."""
        bindings = scope.names.get(name, [])
        is_method = bool(bindings) and all(binding.how == "function" for binding in bindings)
        if scope.kind == "class" and scope.parent is not None and is_method:
            return self.in_annotation(name, scope.parent)
        return self.in_scope(name, scope)

    def in_scope(self, name: str, scope: Scope) -> Values:
        """Return the values of a name in a scope."""
        bound = scope.lookup(name)
        if bound is None:
            if scope.source.scope.stars:
                return self.member_or_unknown(scope.source.name, name)
            if name in scope.source.made_global:
                return UNKNOWN
            return self.member_or_unknown("builtins", name)
        bindings, owner = bound
        if owner.kind == "module" and name in scope.source.made_global:
            return UNKNOWN
        return UNKNOWN if self._is_rebound_inside(name, owner) else self.bound(bindings, owner)

    def _is_rebound_inside(self, name: str, scope: Scope) -> bool:
        """Return whether a function inside another function gives the outer one's name a new value."""
        if scope.kind != "function" or b"nonlocal" not in scope.source.data:
            return False
        if scope not in self._nonlocals:
            declarations = [node for node in walk(scope.node) if isinstance(node, ast.Nonlocal)]
            self._nonlocals[scope] = frozenset(name for node in declarations for name in node.names)
        return name in self._nonlocals[scope]

    def bound(self, bindings: list[Binding], scope: Scope) -> Values:
        """Return the values that any of several bindings gives."""
        if len(bindings) > _MOST_BINDINGS:
            return UNKNOWN
        if len(bindings) > 1 and all(binding.how == "function" for binding in bindings):
            return self._functions(bindings, scope)
        typed = [binding for binding in bindings if binding.how == "typed"]
        if typed:
            return self._declared(typed[0], bindings, scope)
        values = union([self.binding(binding, scope) for binding in bindings if binding.how != "added"])
        if not values or not any(binding.how == "added" for binding in bindings):
            return values
        may_change = any(isinstance(value, Instance) and value.of.name in _NUMBERS for value in values)
        return UNKNOWN if may_change else values

    def _declared(self, typed: Binding, bindings: list[Binding], scope: Scope) -> Values:
        """Return the declared and the assigned values: `file: IO = StringIO()` is also a `StringIO`."""
        if typed.annotation is not None and scope.source.is_overruled(typed.annotation):
            return UNKNOWN
        declared = self.binding(typed, scope)
        if not declared:
            return declared
        assigned = [
            self._engine.infer(binding.node, scope)
            if binding.how == "typed"
            else self.binding(binding, scope)
            for binding in bindings
            if binding.how in {"value", "entered", "typed"} and isinstance(binding.node, ast.expr)
        ]
        return union([declared, *(values for values in assigned if values is not UNKNOWN)])

    def binding(self, binding: Binding, scope: Scope) -> Values:
        """Return the values that one binding gives."""
        return self._engine.answers.of(binding, lambda: self._binding(binding, scope), NEVER)

    def _binding(self, binding: Binding, scope: Scope) -> Values:
        node = binding.node
        match binding.how:
            case "module":
                return (ModuleValue(binding.module),)
            case "member":
                return self._imported(binding, scope)
            case "function":
                return self._functions([binding], scope)
            case "class" if isinstance(node, ast.ClassDef):
                return (ClassValue(self._engine.classes.of(node, scope)),)
            case "typed" if binding.annotation is not None:
                return self._engine.annotations.read(binding.annotation, scope)
            case "parameter":
                return self._engine.construction.parameter(binding, scope)
            case "rest":
                return self._engine.builtin(binding.name)
            case "group":
                return self._engine.builtin("ExceptionGroup")
            case "anything":
                return UNKNOWN
        if isinstance(node, ast.expr):
            return self._assigned(binding, self._engine.infer(node, scope))
        return self._caught(node, scope) if isinstance(node, ast.ExceptHandler) else UNKNOWN

    def _imported(self, binding: Binding, scope: Scope) -> Values:
        """Return the values that `from module import name` binds."""
        if not binding.module:
            return UNKNOWN
        inner = f"{binding.module}.{binding.name}"
        if binding.module == scope.source.name and binding.name == inner.rpartition(".")[2]:
            return UNKNOWN if self._engine.modules.module(inner) is None else (ModuleValue(inner),)
        return self.member_or_unknown(binding.module, binding.name)

    def _assigned(self, binding: Binding, value: Values) -> Values:
        """Return the part of a value that a target gets if the value is iterated, entered, or unpacked."""
        if binding.how == "each":
            value = self._engine.protocols.each(value)
        elif binding.how == "entered":
            value = self._engine.protocols.entered(value)
        for index in binding.path:
            value = self._engine.protocols.unpacked(value, index)
        return value

    def _functions(self, bindings: list[Binding], scope: Scope) -> Values:
        nodes = [binding.node for binding in bindings]
        functions = tuple(node for node in nodes if isinstance(node, Function))
        if len(functions) != len(nodes) or any(decorators(node) - _HARMLESS for node in functions):
            return UNKNOWN
        return (FunctionValue(functions, scope),)

    def _caught(self, node: ast.ExceptHandler, scope: Scope) -> Values:
        if node.type is None:
            return UNKNOWN
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        caught: list[Values] = []
        for kind in kinds:
            values = self._engine.infer(kind, scope)
            if not values or not all(isinstance(value, ClassValue) for value in values):
                return UNKNOWN
            caught.append(tuple(Instance(value.of) for value in values if isinstance(value, ClassValue)))
        return union(caught)

    # -- modules

    def member(self, module: str, name: str) -> Values | Missing:
        """Return the values of a module's member, or MISSING if it certainly doesn't exist."""
        member: Values | Missing = self._engine.answers.of(
            (module, name), lambda: self._member(module, name), None
        )
        if member is not MISSING:
            return member
        stored = self._engine.project.stored_outside
        is_own = self._engine.modules.origin(module) == "project"
        is_stored = f"{module}.{name}" in stored or (is_own and name in stored)
        return UNKNOWN if is_stored or self._engine.project.sets_any(module) else MISSING

    def member_or_unknown(self, module: str, name: str) -> Values:
        """Return the values of a module's member, or UNKNOWN if it doesn't exist."""
        member = self.member(module, name)
        return UNKNOWN if isinstance(member, Missing) else member

    def _member(self, module: str, name: str) -> Values | Missing:
        if self._engine.modules.is_replaced(module):
            return UNKNOWN
        for source in self._engine.modules.sources(module):
            bindings = source.scope.names.get(name)
            if bindings and source.keeps_to_itself(name, bindings):
                is_missing = source.origin == "library" and self._engine.modules.lacks(module, name)
                return MISSING if is_missing else UNKNOWN
            if bindings:
                is_uncertain = name in source.made_global
                return UNKNOWN if is_uncertain else self.bound(bindings, source.scope)
        part = f"{module}.{name}"
        is_part = self._engine.modules.module(part) is not None
        for source in self._engine.modules.sources(module):
            # The last star import that provides the name wins.
            for star in reversed(source.scope.stars):
                inner = self._engine.modules.source(star)
                if inner is not None and not inner.is_exported(name):
                    continue
                member = self.member(star, name)
                if member is not MISSING:
                    # It may be the submodule or the star import's binding, depending on which was imported last.
                    return UNKNOWN if is_part and member != (ModuleValue(part),) else member
        if is_part:
            return (ModuleValue(part),)
        return MISSING if self._engine.modules.lacks(module, name) else UNKNOWN
