"""Classes and their bases: the method resolution order, and whether all of it can be read."""

from __future__ import annotations

import ast
from functools import cached_property
from typing import TYPE_CHECKING

from gate.names.infer.class_bodies import is_model, read_class
from gate.names.infer.values import (
    TYPE_PARAMETER,
    Class,
    ClassValue,
    FunctionValue,
    Instance,
    Parameter,
    Values,
    union,
)
from gate.names.syntax.nodes import Function, decorators, name_of
from gate.names.syntax.source import Scope

if TYPE_CHECKING:
    from gate.names.infer.engine import Engine

TypeArguments = dict[str, Values]
"""The values of type parameters, by name."""
MRO = list[tuple[Class, TypeArguments]]
"""A class and its bases in method resolution order, each with its type arguments."""


class Classes:
    """The classes of all files, with their bases. A class that may have unreadable bases is *incomplete*."""

    def __init__(self, engine: Engine) -> None:
        """Use `engine` to infer the bases."""
        self._engine = engine
        self._project = engine.project
        self._classes: dict[ast.ClassDef, Class] = {}
        self._orders: dict[Class, tuple[MRO, bool]] = {}
        self._near_orders: dict[Class, tuple[MRO, bool]] = {}

    def of(self, node: ast.ClassDef, scope: Scope) -> Class:
        """Return the class that `node` defines in `scope`."""
        cls = self._classes.get(node)
        if cls is None:
            cls = self._classes[node] = read_class(node, scope)
        return cls

    def mro(self, cls: Class, *, include_third_party: bool = True) -> tuple[MRO, bool]:
        """Return the class and its bases, and whether it's incomplete.

        Without `include_third_party`, the bases of classes in installed packages aren't read, because that takes time.
        """
        orders = self._orders if include_third_party else self._near_orders
        if cls in orders:
            return orders[cls]
        question = "mro", cls, include_third_party
        unknown: tuple[MRO, bool] = [(cls, {})], True

        def work() -> tuple[MRO, bool]:
            return self._compute_mro(cls, include_third_party=include_third_party)

        answer: tuple[MRO, bool] | None = self._engine.answers.of(question, work, unknown)
        order = unknown if answer is None else answer
        if question in self._engine.answers.complete:
            orders[cls] = order
        return order

    def _compute_mro(self, cls: Class, *, include_third_party: bool) -> tuple[MRO, bool]:
        if is_model(cls):
            # Its own bases add no attribute that is looked up in a model.
            return [(cls, {})], False
        if cls.origin == "site" and not include_third_party:
            return [(cls, {})], True
        order: dict[Class, TypeArguments] = {cls: {}}
        is_incomplete = cls.dynamic
        for base in cls.node.bases:
            inner = base.value if isinstance(base, ast.Subscript) else base
            if getattr(inner, "id", getattr(inner, "attr", "")) in {"Generic", "Protocol"}:
                continue
            values = self._engine.infer(inner, cls.scope.parent or cls.scope)
            if not values or len(values) != 1 or not isinstance(values[0], ClassValue):
                is_incomplete = True
                continue
            base_order, is_base_incomplete = self.mro(values[0].of, include_third_party=include_third_party)
            is_incomplete = is_incomplete or is_base_incomplete
            arguments = self._arguments_of_base(values[0].of, base, cls)
            for ancestor, own_arguments in base_order:
                passed_on = {name: substituted(value, arguments) for name, value in own_arguments.items()}
                order.setdefault(ancestor, passed_on or arguments)
            order[values[0].of] = arguments
        ordered = list(order.items())
        if cls.name != "object" or cls.origin != "library":
            for value in self._engine.builtin("object") or ():
                if isinstance(value, Instance):
                    ordered = [entry for entry in ordered if entry[0] is not value.of] + [(value.of, {})]
        return ordered, is_incomplete

    def _arguments_of_base(self, base: Class, node: ast.expr, cls: Class) -> TypeArguments:
        names = self.type_parameters(base)
        if not names or not isinstance(node, ast.Subscript):
            return {}
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        own = self.type_parameters(cls)
        scope = cls.scope.parent or cls.scope
        if len(items) > len(names) == 1:
            # The items of `tuple[str, int]` are of any of these types.
            return {names[0]: union([self._engine.annotations.read(item, scope) for item in items])}
        return {
            # A type parameter of the class itself is known only per instance, so pass it on by name.
            name: (Parameter(item.id),) if isinstance(item, ast.Name) and item.id in own
            else self._engine.annotations.read(item, scope)
            for name, item in zip(names, items, strict=False)
        }  # fmt: skip

    def type_parameters(self, cls: Class) -> list[str]:
        """Return the names of a class's type parameters, in order."""
        # Before Python 3.12, only nodes rewritten for it have the attribute.
        written = getattr(cls.node, "type_params", None)
        if written:
            return [parameter.name for parameter in written]
        parameters_of_bases: dict[str, None] = {}
        for base in cls.node.bases:
            if isinstance(base, ast.Subscript):
                names = [node.id for node in ast.walk(base.slice) if isinstance(node, ast.Name)]
                names = [name for name in names if TYPE_PARAMETER.match(name)]
                if getattr(base.value, "id", "") in {"Generic", "Protocol"}:
                    return names
                parameters_of_bases.update(dict.fromkeys(names))
        return list(parameters_of_bases)

    # -- kinds of classes

    def is_django_model(self, cls: Class) -> bool:
        """Return whether a class derives from Django's `Model`."""
        return any(is_model(ancestor) for ancestor, _ in self.mro(cls, include_third_party=False)[0])

    def is_incomplete(self, cls: Class) -> bool:
        """Return whether instances may have attributes that can't be read anywhere."""
        return self.mro(cls, include_third_party=False)[1]

    def is_protocol(self, cls: Class) -> bool:
        """Return whether a class is a protocol, so that any class with the right attributes counts as this one."""
        return any(getattr(base, "id", getattr(getattr(base, "value", None), "id", "")) == "Protocol"
                   for base in cls.node.bases)  # fmt: skip

    def is_a(self, cls: Class, *names: str) -> bool:
        """Return whether a class is, or derives from, a standard library class with one of these names."""
        return any(
            ancestor.name in names and ancestor.origin == "library"
            for ancestor, _ in self.mro(cls, include_third_party=False)[0]
        )

    def is_abstract(self, cls: Class) -> bool:
        """Return whether a library class is meant for subclassing, so that instances have more than it shows."""
        return cls.origin != "project" and (
            self.is_protocol(cls)
            or any(word.arg == "metaclass" and name_of(word.value) == "ABCMeta" for word in cls.node.keywords)
            or any(
                "abstractmethod" in decorators(item) for item in cls.node.body if isinstance(item, Function)
            )
        )

    # -- what other code of the project makes of a class

    def has_subclasses(self, cls: Class) -> bool:
        """Return whether the project subclasses `cls`, or a standard library class that derives from it."""
        return cls.name in self._project.bases or cls in self._ancestors_in_library

    @cached_property
    def _ancestors_in_library(self) -> frozenset[Class]:
        ancestors: set[Class] = set()
        for full_name in sorted(self._project.library_bases):
            module, _, name = full_name.rpartition(".")
            for value in self._engine.names.member_or_unknown(module, name) or ():
                if isinstance(value, ClassValue):
                    ancestors.update(cls for cls, _ in self.mro(value.of, include_third_party=False)[0])
        return frozenset(cls for cls in ancestors if cls.scope.source.name != "builtins")

    def varies(self, cls: Class, name: str) -> bool:
        """Return whether a subclass, or code outside the class, may redefine an attribute."""
        is_redefined = cls.name in self._project.bases and self._project.defined.get(name, 0) > 1
        return is_redefined or name in self._project.stored_outside

    def is_overridden(self, name: str, function: FunctionValue) -> bool:
        """Return whether a subclass may override this method."""
        if function.bound is None:
            return False
        outer, definer = function.bound.of, function.scope.node
        is_inherited = (
            isinstance(definer, ast.ClassDef)
            and definer.name in self._project.bases
            and self._project.defined.get(name, 0) > 1
        )
        return self.varies(outer, name) or (is_inherited and function.scope.source.origin == "project")


def substituted(value: Values, arguments: TypeArguments) -> Values:
    """Resolve a base's type parameter through `arguments`, the type parameters of the instance.

    Any other value is returned unchanged.
    """
    if value and isinstance(value[0], Parameter):
        return arguments.get(value[0].name)
    return value
