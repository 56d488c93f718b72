"""Where instances come from: calls of classes, the parameters of methods, and `super()`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from gate.names.infer.calls import fitting, solved
from gate.names.infer.class_bodies import HARMLESS_OF_CLASSES
from gate.names.infer.methods import FIRST_IS_CLASS, LEAVE_METHODS, PROPERTIES, are_methods
from gate.names.infer.values import Class, ClassValue, FunctionValue, Instance, Values
from gate.names.syntax.bindings import Binding
from gate.names.syntax.nodes import Function, decorators, parameters
from gate.names.syntax.source import Scope

if TYPE_CHECKING:
    from gate.names.infer.engine import Engine

_MAKE_OTHERS = frozenset({"super", "type", "property", "staticmethod", "classmethod", "NamedTuple", "TypedDict",
                          "NewType"})  # fmt: skip
"""Classes of the standard library a call of which gives something else than an instance."""


class Construction:
    """Infers what calls of classes give, and what `self`, `cls` and `super()` are."""

    def __init__(self, engine: Engine) -> None:
        """`engine` infers arguments and annotations."""
        self._engine = engine
        self._classes = engine.classes

    def instance(self, cls: Class, node: ast.Call, scope: Scope) -> Values:
        """What the call `node` of a class gives."""
        if cls.origin == "library" and (cls.name in _MAKE_OTHERS or self._classes.is_a(cls, "Enum")):
            return None
        new = cls.scope.names.get("__new__")
        if cls.origin == "library" and new and are_methods(new):
            functions = tuple(binding.node for binding in new if isinstance(binding.node, Function))
            made = self._engine.results.of_function(
                FunctionValue(functions, cls.scope, ClassValue(cls)), node, scope
            )
            has_no_parameters = not self._classes.type_parameters(cls)
            if made and all(
                isinstance(value, Instance) and (has_no_parameters or value.arguments) for value in made
            ):
                return made
        names = self._classes.type_parameters(cls)
        constructor = self.constructor(cls) if names else None
        if constructor is not None:
            for definition in fitting(self._engine, constructor, node, scope)[:1]:
                arguments = solved(self._engine, constructor, definition, node, scope)
                return (Instance(cls, tuple(arguments.get(name) for name in names)),)
        return (Instance(cls),)

    def constructor(self, cls: Class, *, include_third_party: bool = False) -> FunctionValue | None:
        """The `__init__` or `__new__` whose parameters a call of the class has to fit; None if it is not known."""
        order, is_incomplete = self._classes.mro(cls, include_third_party=include_third_party)
        if is_incomplete or self._classes.is_a(cls, "Enum", "tuple", "TypedDict", "type"):
            return None
        for ancestor, _ in order:
            if decorators(ancestor.node) - HARMLESS_OF_CLASSES or ancestor.dynamic:
                return None
            for name in ("__init__", "__new__"):
                bindings = ancestor.scope.names.get(name)
                if bindings:
                    functions = tuple(
                        binding.node for binding in bindings if isinstance(binding.node, Function)
                    )
                    if len(functions) != len(bindings) or ancestor.name == "object":
                        return None
                    return FunctionValue(functions, ancestor.scope, Instance(cls))
        return None

    def parameter(self, binding: Binding, scope: Scope) -> Values:
        """What a parameter is: `self`, `cls`, or what its annotation says."""
        node, argument = scope.node, binding.node
        if isinstance(node, Function) and scope.parent is not None and scope.parent.kind == "class":
            first = next(iter(parameters(node.args)), None)
            names = decorators(node)
            if argument is first and "staticmethod" not in names:
                outer = scope.parent
                if not isinstance(outer.node, ast.ClassDef) or outer.parent is None:
                    return None
                cls = self._classes.of(outer.node, outer.parent)
                is_class = "classmethod" in names or node.name in FIRST_IS_CLASS
                if not is_class and names - LEAVE_METHODS - PROPERTIES and first.arg != "self":
                    return None
                return (ClassValue(cls) if is_class else Instance(cls),)
        if binding.annotation is None:
            return None
        return self._engine.annotations.read(binding.annotation, scope.parent or scope)

    def parent(self, scope: Scope) -> Values:
        """What `super()` is in a method: only in a class with one base from which nothing derives in turn.

        In a subclass, another of its bases may come next.
        """
        around: Scope | None = scope
        while around is not None and around.kind != "class":
            around = around.parent
        if around is None or not isinstance(around.node, ast.ClassDef) or around.parent is None:
            return None
        node = around.node
        if (
            len(node.bases) != 1
            or node.keywords
            or node.name in self._engine.project.bases
            or isinstance(node.bases[0], ast.Subscript)
        ):
            return None
        values = self._engine.infer(node.bases[0], around.parent)
        if not values or len(values) != 1 or not isinstance(values[0], ClassValue):
            return None
        base = values[0].of
        if base.origin == "site" or base.node.keywords or self._classes.is_a(base, "type", "tuple", "Enum"):
            return None
        return None if self._classes.is_incomplete(base) else (Instance(base),)
