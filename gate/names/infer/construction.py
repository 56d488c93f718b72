"""Infer where instances come from: calls of classes, the parameters of methods, and `super()`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from gate.names.infer.calls import fitting, solved
from gate.names.infer.class_bodies import HARMLESS_OF_CLASSES
from gate.names.infer.generated import Unreadable, generated_by, generated_constructor, replacement
from gate.names.infer.methods import FIRST_IS_CLASS, LEAVE_METHODS, PROPERTIES, are_methods
from gate.names.infer.values import Class, ClassValue, FunctionValue, Instance, Values
from gate.names.syntax.bindings import Binding
from gate.names.syntax.nodes import Function, decorators, parameters
from gate.names.syntax.source import Scope

if TYPE_CHECKING:
    from gate.names.infer.engine import Engine

_MAKE_OTHERS = frozenset({"super", "type", "property", "staticmethod", "classmethod", "NamedTuple", "TypedDict",
                          "NewType"})  # fmt: skip
"""Standard library classes whose calls return something other than an instance."""


class Construction:
    """Infers the results of calling classes, and what `self`, `cls`, and `super()` are."""

    def __init__(self, engine: Engine) -> None:
        """Use `engine` to infer arguments and annotations."""
        self._engine = engine
        self._classes = engine.classes
        self._generated_constructors: dict[Class, Function | None] = {}

    def instance(self, cls: Class, node: ast.Call, scope: Scope) -> Values:
        """Return the result of `node`, a call of a class."""
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
        """Return the `__init__` or `__new__` that a call of the class must fit, or None if it's unknown."""
        order, is_incomplete = self._classes.mro(cls, include_third_party=include_third_party)
        if is_incomplete or self._classes.is_a(cls, "Enum", "TypedDict", "type"):
            return None
        is_tuple = self._classes.is_a(cls, "tuple")
        for number, (ancestor, _) in enumerate(order):
            names = [name for name in ("__init__", "__new__") if name in ancestor.scope.names]
            if not names and generated_by(ancestor):
                return self._generated(cls, [base for base, _ in order[number:]])
            is_unreadable = ancestor.dynamic or (
                not names and decorators(ancestor.node) - HARMLESS_OF_CLASSES
            )
            if is_unreadable or (is_tuple and ancestor.origin == "library"):
                return None
            for name in names:
                bindings = ancestor.scope.names[name]
                functions = tuple(binding.node for binding in bindings if isinstance(binding.node, Function))
                if len(functions) != len(bindings) or ancestor.name == "object":
                    return None
                if self._is_of_stub_only(ancestor, name):
                    return None
                return FunctionValue(functions, ancestor.scope, Instance(cls))
        return None

    def _is_of_stub_only(self, cls: Class, name: str) -> bool:
        """Return whether only the stub gives an exception a constructor.

        In its source, the class takes what any exception takes.
        """
        return (
            cls.origin == "library"
            and self._classes.is_a(cls, "BaseException")
            and self._engine.modules.is_beyond_source(cls.scope.source.name, cls.name, name)
        )

    def takes_nothing(self, cls: Class) -> bool:
        """Return whether a class of the project has no constructor, so that a call takes no arguments."""
        order, is_incomplete = self._classes.mro(cls)
        project = self._engine.project
        return (
            not is_incomplete
            and not project.stored_outside & {"__init__", "__new__"}
            and all(
                ancestor.name == "object"
                if ancestor.origin == "library"
                else ancestor.origin == "project"
                and not ancestor.scope.source.is_stub
                and not ancestor.dynamic
                and not ancestor.node.decorator_list
                and not ancestor.node.keywords
                and not {"__init__", "__new__"} & (ancestor.scope.names.keys() | ancestor.scope.elsewhere)
                for ancestor, _ in order
            )
        )

    def _generated(self, cls: Class, order: list[Class]) -> FunctionValue | None:
        """Return the constructor that a decorator or base generates for the first class in `order`.

        Returns None if the classes don't show what it takes.
        """
        first = order[0]
        if first not in self._generated_constructors:
            try:
                self._generated_constructors[first] = generated_constructor(order)
            except Unreadable:
                self._generated_constructors[first] = None
        definition = self._generated_constructors[first]
        return FunctionValue((definition,), first.scope, Instance(cls)) if definition is not None else None

    def is_generated(self, cls: Class) -> bool:
        """Return whether a decorator or a base generates the constructor, so that it isn't written out anywhere."""
        for ancestor, _ in self._classes.mro(cls, include_third_party=False)[0]:
            if "__init__" in ancestor.scope.names or "__new__" in ancestor.scope.names:
                return False
            if generated_by(ancestor):
                return True
        return False

    def replacing(self, owner: Instance) -> FunctionValue | None:
        """Return the function that copies an instance with some fields changed, or None if it's unknown."""
        order, is_incomplete = self._classes.mro(owner.of, include_third_party=False)
        if is_incomplete or not self.is_generated(owner.of) or owner.of.name in self._engine.project.bases:
            return None
        start = next(number for number, (ancestor, _) in enumerate(order) if generated_by(ancestor))
        try:
            copy = replacement(ancestor for ancestor, _ in order[start:])
        except Unreadable:
            return None
        return FunctionValue((copy,), order[start][0].scope, owner)

    def parameter(self, binding: Binding, scope: Scope) -> Values:
        """Return the values of a parameter: `self`, `cls`, or what its annotation says."""
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
        """Return what `super()` is in a method, if the class has a single base and isn't subclassed.

        In a subclass, another of its bases may come next.
        """
        around = class_around(scope)
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


def class_around(scope: Scope) -> Scope | None:
    """Return the scope of the enclosing class, or None."""
    around: Scope | None = scope
    while around is not None and around.kind != "class":
        around = around.parent
    return around


def is_super_of_own_class(node: ast.Call, scope: Scope) -> bool:
    """Return whether `super` is called without arguments, or explicitly for the enclosing class."""
    if not node.args:
        return True
    around = class_around(scope)
    match node.args, around.node if around else None:
        case [ast.Name(id=name), ast.Name()], ast.ClassDef(name=own):
            return name in {own, "__class__"}
    return False
