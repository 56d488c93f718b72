"""Infer what a decorated function in a class body is when looked up on the class or on an instance."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from gate.names.infer.values import UNKNOWN, Class, ClassValue, FunctionValue, Instance, Value, Values, union
from gate.names.syntax.bindings import Binding
from gate.names.syntax.nodes import MANAGERS, Function, decorators

if TYPE_CHECKING:
    from gate.names.infer.classes import TypeArguments
    from gate.names.infer.engine import Engine

LEAVE_METHODS = frozenset({"abstractmethod", "override", "final", "overload", "staticmethod", "classmethod",
                           "deprecated", "abstractclassmethod", "abstractstaticmethod",
                           "type_check_only"})  # fmt: skip
"""Decorators that don't change a method's parameters or result."""
PROPERTIES = frozenset({"property", "cached_property", "abstractproperty"})
FIRST_IS_CLASS = frozenset({"__new__", "__init_subclass__", "__class_getitem__"})
"""Methods that implicitly take the class, without a `classmethod` decorator."""
_TAKES_NO_SELF = frozenset({"staticmethod", "classmethod"})
_USUAL_SELF = frozenset({"self", "cls", "mcs", "mcls", "metacls", "klass", "this", "_", "_self", "__self"})


class Methods:
    """Infers the results of looking up the bindings in a class body."""

    def __init__(self, engine: Engine) -> None:
        """Use `engine` to infer the values in the body."""
        self._engine = engine
        self._classes = engine.classes

    def of(self, bindings: list[Binding], owner: Instance | ClassValue, cls: Class,
           arguments: TypeArguments) -> Values:  # fmt: skip
        """Return the values of `bindings` in the body of `cls` when they are looked up on `owner`.

        `arguments` are the values of type parameters.
        """
        functions = tuple(binding.node for binding in bindings if isinstance(binding.node, Function))
        if len(functions) == len(bindings):
            return self._method(functions, owner, cls, arguments)
        if functions:
            return None
        if all(binding.how in {"value", "typed"} for binding in bindings):
            order, is_incomplete = self._classes.mro(cls)
            if any(ancestor.name == "Enum" and ancestor.origin == "library" for ancestor, _ in order):
                return (Instance(cls),)
            if is_incomplete and cls.origin == "site":
                # A base in a package may transform the class body in any way.
                return None
        values = self._class_variable(bindings, owner, cls, arguments)
        return None if values and any(self._may_be_descriptor(value) for value in values) else values

    def _method(self, functions: tuple[Function, ...], owner: Instance | ClassValue, cls: Class,
                arguments: TypeArguments) -> Values:  # fmt: skip
        names = set().union(*(decorators(node) for node in functions))
        items = tuple(arguments.items())
        if names & PROPERTIES:
            if isinstance(owner, ClassValue) or not decorators(functions[0]) <= PROPERTIES | LEAVE_METHODS:
                return None
            return self._engine.results.of_function(FunctionValue(functions[:1], cls.scope, owner, items))
        if names - LEAVE_METHODS - MANAGERS or (
            not names & _TAKES_NO_SELF and self._may_take_no_self(cls, functions[0])
        ):
            return None
        if functions[0].name == "__new__" or "staticmethod" in names:
            # `__new__` is called with an explicit class: `type.__new__(cls, name, bases, body)`.
            return (FunctionValue(functions, cls.scope, None, items),)
        if "classmethod" in names or functions[0].name in FIRST_IS_CLASS:
            return (FunctionValue(functions, cls.scope, ClassValue(owner.of), items),)
        if isinstance(owner, ClassValue):
            return (FunctionValue(functions, cls.scope, None, items, called_on=cls),)
        return (FunctionValue(functions, cls.scope, owner, items),)

    def _class_variable(self, bindings: list[Binding], owner: Instance | ClassValue, cls: Class,
                        arguments: TypeArguments) -> Values:  # fmt: skip
        typed = [binding for binding in bindings if binding.how == "typed"]
        if not typed or typed[0].annotation is None:
            return self._engine.names.bound(bindings, cls.scope)
        if cls.scope.source.is_overruled(typed[0].annotation):
            return UNKNOWN
        values = self._engine.annotations.read(typed[0].annotation, cls.scope, arguments, owner)
        if values and isinstance(typed[0].node, ast.expr) and cls.origin == "project":
            assigned = self._engine.infer(typed[0].node, cls.scope)
            return values if assigned is UNKNOWN else union([values, assigned])
        return values

    def _may_take_no_self(self, cls: Class, method: Function) -> bool:
        """Return whether an unreadable base may change what a function without `self` is.

        Interfaces are written this way: their methods list what a caller passes.
        """
        own = [*method.args.posonlyargs, *method.args.args]
        return (not own or own[0].arg not in _USUAL_SELF) and self._classes.is_incomplete(cls)

    def _may_be_descriptor(self, value: Value) -> bool:
        """Return whether a value in a class body may become something else when it is looked up."""
        if isinstance(value, FunctionValue):
            return True
        if not isinstance(value, Instance):
            return False
        return value.of.origin == "site" or self._classes.is_incomplete(value.of) or any(
            "__get__" in ancestor.scope.names
            for ancestor, _ in self._classes.mro(value.of, include_third_party=False)[0]
        )  # fmt: skip


def are_methods(bindings: list[Binding]) -> bool:
    """Return whether a name in a class is bound only to functions."""
    return all(binding.how == "function" for binding in bindings)
