"""Look up attributes: what `value.name` is, and whether it certainly doesn't exist."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from gate.names.infer.class_bodies import has_generated_methods
from gate.names.infer.classes import MRO, TypeArguments, substituted
from gate.names.infer.methods import Methods, are_methods
from gate.names.infer.values import (
    MISSING,
    UNKNOWN,
    Class,
    ClassValue,
    Instance,
    Missing,
    Values,
    union,
)
from gate.names.spelling.synonyms import synonyms_of
from gate.names.syntax.nodes import Function, name_of, parameters, walk

if TYPE_CHECKING:
    from gate.names.infer.engine import Engine

_TAKE_NO_ATTRIBUTES = frozenset({"str", "bytes", "bytearray", "int", "float", "complex", "bool", "list", "dict", "set",
                                 "frozenset", "tuple", "range", "slice", "memoryview"})  # fmt: skip
OF_NAMED_TUPLES = frozenset({"_asdict", "_field_defaults", "_fields", "_make", "_replace"})
"""Extra attributes of a value annotated as a tuple, since named tuples are tuples."""
_WRITTEN_BY_DECORATORS = frozenset(
    {"__init__", "__new__", "__post_init__", "__lt__", "__le__", "__gt__", "__ge__"}
)
OF_CLASSES_ONLY = frozenset({"__name__", "__qualname__", "__mro__", "__bases__"})
"""Attributes of classes that their instances lack."""
_HOOKS = ("__set_name__", "contribute_to_class")
"""Methods called with the class in whose body the object is assigned."""
_ABSTRACT_MODULES = frozenset({"typing", "collections.abc", "_collections_abc", "numbers", "io", "_io"})


class Attributes:
    """Looks up attributes of classes and instances."""

    def __init__(self, engine: Engine) -> None:
        """Use `engine` to infer what is assigned to attributes."""
        self._engine = engine
        self._project = engine.project
        self._classes = engine.classes
        self._methods = Methods(engine)

    def of(self, owner: Instance | ClassValue, name: str) -> Values | Missing:
        """Return the values of an attribute, or MISSING if it certainly doesn't exist."""
        if name in OF_NAMED_TUPLES and owner.of.name == "tuple" and owner.of.origin == "library":
            return UNKNOWN
        order, is_incomplete = self._classes.mro(
            owner.of, include_third_party=not self._engine.is_known_to_packages(name)
        )
        arguments = owner.arguments if isinstance(owner, Instance) else ()
        own = dict(zip(self._classes.type_parameters(owner.of), arguments, strict=False))
        for cls, inherited in order:
            if name in cls.scope.names or (isinstance(owner, Instance) and name in cls.instance_attributes):
                if is_incomplete and cls is order[-1][0] and cls is not owner.of:
                    # A base that can't be resolved precedes `object`.
                    return UNKNOWN
                type_arguments = (
                    own
                    if cls is owner.of
                    else {key: substituted(value, own) for key, value in inherited.items()}
                )
                return self._defined_in(cls, owner, name, type_arguments)
            if name in _WRITTEN_BY_DECORATORS and has_generated_methods(cls):
                return UNKNOWN
        if is_incomplete or self._may_be_set_elsewhere(owner, name, order):
            return UNKNOWN
        if isinstance(owner, ClassValue):
            if any(name in cls.instance_attributes for cls, _ in order):
                return UNKNOWN
            may_have = self._metaclass_has(order, name) or (
                self._classes.is_a(owner.of, "Enum") and any(_adds_members(cls) for cls, _ in order)
            )
        else:
            may_have = self._is_in_subclass(owner.of, name)
        return UNKNOWN if may_have or self._is_beyond_stub(order, name) else MISSING

    def _defined_in(
        self, cls: Class, owner: Instance | ClassValue, name: str, type_arguments: TypeArguments
    ) -> Values:
        """Return the values of an attribute as defined by `cls`, the first class in the MRO that has it."""
        bindings = cls.scope.names.get(name)
        is_method = bool(bindings) and are_methods(bindings or [])
        if cls.origin == "project" and not is_method and (cls.dynamic or self._classes.varies(cls, name)):
            # A value assigned by `setattr`, in a subclass, or from outside may be anything.
            return UNKNOWN
        values = [self._methods.of(bindings, owner, cls, type_arguments)] if bindings else []
        if cls.origin == "project" and self._classes.varies(cls, name):
            return values[0]
        assigned = cls.instance_attributes.get(name) if isinstance(owner, Instance) else None
        if assigned and cls.origin == "site":
            # Don't follow what a package assigns to `self`: that would read the whole package.
            return UNKNOWN
        for value, annotation, scope in assigned or ():
            declared = UNKNOWN if annotation is None else self._engine.annotations.read(annotation, scope)
            if value is not None and (annotation is None or declared):
                inferred = self._engine.infer(value, scope)
            else:
                inferred = UNKNOWN
            if annotation is None:
                values.append(inferred)
            else:
                values.append(declared if inferred is UNKNOWN else union([declared, inferred]))
        return union(values) or UNKNOWN

    def _may_be_set_elsewhere(self, owner: Instance | ClassValue, name: str, order: MRO) -> bool:
        """Return whether the attribute may be set outside the classes, or on another version or platform."""
        is_of_class = name in OF_CLASSES_ONLY and isinstance(owner, Instance)
        if (name.startswith("__") and not is_of_class) or self._classes.is_protocol(owner.of):
            return True
        if name in self._project.stored_outside and not self._is_foreign(name, owner.of):
            return True
        return any(
            name in cls.scope.elsewhere
            or self._project.sets_any(f"{cls.scope.source.name}.{cls.name}")
            or self._is_extended(cls)
            for cls, _ in order
        )

    def _is_extended(self, cls: Class) -> bool:
        """Return whether an object in the class body adds attributes with computed names to the class."""
        if cls.origin != "project":
            return False
        for node in cls.node.body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
                for value in self._engine.infer(node.value.func, cls.scope) or ():
                    if isinstance(value, ClassValue) and self._extends(value.of):
                        return True
        return False

    def _extends(self, cls: Class) -> bool:
        """Return whether a class of the project has a hook that receives the enclosing class and adds attributes to it.

        What the fields of Django add is known.
        """
        return any(
            isinstance(binding.node, Function)
            and any(_sets_computed_name(node, parameters(binding.node.args)) for node in walk(binding.node))
            for ancestor, _ in self._classes.mro(cls, include_third_party=False)[0]
            if ancestor.origin == "project"
            for hook in _HOOKS
            for binding in ancestor.scope.names.get(hook, ())
        )

    def _metaclass_has(self, order: MRO, name: str) -> bool:
        """Return whether a metaclass may have an attribute, such as `register` of `ABCMeta` or `mro` of `type`."""
        metaclasses: list[Values] = [self._engine.names.member_or_unknown("builtins", "type")]
        for cls, _ in order:
            for word in cls.node.keywords:
                if word.arg == "metaclass":
                    metaclasses.append(self._engine.infer(word.value, cls.scope.parent or cls.scope))
            if self._classes.is_protocol(cls) or cls.scope.source.name in _ABSTRACT_MODULES:
                metaclasses.append(self._engine.names.member_or_unknown("abc", "ABCMeta"))
        for values in metaclasses:
            for value in values or ():
                if not isinstance(value, ClassValue):
                    return True
                ancestors, is_incomplete = self._classes.mro(value.of)
                if (is_incomplete and value.of.name != "ModelBase") or any(
                    name in ancestor.scope.names or name in ancestor.instance_attributes
                    for ancestor, _ in ancestors
                ):
                    return True
        return False

    def _is_beyond_stub(self, order: MRO, name: str) -> bool:
        """Return whether the source of a library class has an attribute that its stub omits."""
        if name.startswith("_") and "__" in name[2:] and name not in OF_CLASSES_ONLY:
            # A mangled private name of another class.
            return True
        modules = self._engine.modules
        return any(
            cls.origin == "library"
            and (
                modules.has_beside_stub(cls.scope.source.name, cls.name, name)
                or (cls.name.startswith("_") and modules.is_only_in_stub(cls.scope.source.name, cls.name))
            )
            for cls, _ in order
        )

    def _is_in_subclass(self, cls: Class, name: str) -> bool:
        """Return whether a subclass in the same module has the attribute, such as `elts` for some `ast.expr`.

        Code that receives the base class tests for the subclass in ways that can't all be followed.
        """
        if cls.origin == "project":
            return False
        derived = {cls.name}
        for node in cls.scope.source.tree.body:
            if isinstance(node, ast.ClassDef) and any(name_of(base) in derived for base in node.bases):
                derived.add(node.name)
                scope = cls.scope.source.inner(node, cls.scope.source.scope)
                if name in scope.names or name in scope.elsewhere:
                    return True
        return False

    def _is_foreign(self, name: str, cls: Class) -> bool:
        """Return whether other languages use this name for something that a builtin class calls differently.

        Nobody sets such a name on a list or a string. Any other name that code sets may belong to an object that is
        only annotated as a list or a string.
        """
        is_builtin = cls.scope.source.name == "builtins" and cls.name in _TAKE_NO_ATTRIBUTES
        return is_builtin and cls.name not in self._project.bases and bool(synonyms_of(name, cls.scope.names))


def _sets_computed_name(node: ast.AST, arguments: list[ast.arg]) -> bool:
    """Return whether `node` is a call that sets a computed attribute on one of the parameters `arguments`."""
    match node:
        case ast.Call(func=ast.Name(id="setattr"), args=[ast.Name(id=owner), name, _]):
            return not isinstance(name, ast.Constant) and any(argument.arg == owner for argument in arguments)
    return False


def _adds_members(cls: Class) -> bool:
    """Return whether the body of an enum class creates members that it doesn't spell out."""
    return cls.origin != "library" and any(
        isinstance(node, ast.For | ast.While | ast.With)
        or (isinstance(node, ast.Call) and name_of(node) in {"vars", "locals", "exec"})
        for statement in cls.node.body
        if not isinstance(statement, Function)
        for node in walk(statement)
    )
