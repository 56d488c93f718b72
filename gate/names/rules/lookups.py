"""Find the values that lack an attribute that is read from them, as shared by all rules about attributes."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from gate.names.hints.usage import NOTHING, UsageInference
from gate.names.infer.attributes import OF_CLASSES_ONLY
from gate.names.infer.calls import class_of
from gate.names.infer.engine import Engine
from gate.names.infer.values import (
    MISSING,
    ClassValue,
    Coroutine,
    Instance,
    Missing,
    ModuleValue,
    NoneValue,
    Tuple,
    Value,
    Values,
)
from gate.names.report.candidates import FileDiagnostics, Place, UnlessDefinedIn
from gate.names.resolve.modules import MODULE_NAMES
from gate.names.spelling.similarity import candidates, is_common_typo
from gate.names.syntax.source import Scope

GET_ATTRIBUTES_FROM_CALLERS = frozenset({"LogRecord", "Namespace", "SimpleNamespace", "Values"})
"""Standard library classes whose instances get attributes named by callers, such as `extra={...}` of a log call."""


@dataclass(frozen=True, slots=True)
class FailedLookup:
    """A read of an attribute that none of `owners` has."""

    node: ast.Attribute
    owners: tuple[Value, ...]
    position: Place
    """The position of the attribute's name."""
    names: frozenset[str]
    """The names that the owners do have."""
    shown: str
    """The owners as shown in a message."""
    unless_defined_in: UnlessDefinedIn


def position_of(node: ast.Attribute) -> Place:
    """Return the position of the attribute's name."""
    return node.end_lineno or node.lineno, max((node.end_col_offset or 0) - len(node.attr) + 1, 1)


def is_special(name: str) -> bool:
    """Return whether a name has the form that Python reserves for special names (`__name__`)."""
    return name.startswith("__") and name.endswith("__")


def is_super_uncalled(node: ast.expr, scope: Scope) -> bool:
    """Return whether an attribute is read from `super` itself: the parentheses are missing."""
    match node:
        case ast.Attribute(value=ast.Name(id="super")):
            return scope.lookup("super") is None
    return False


class Lookups:
    """Checks each attribute that one file reads."""

    def __init__(self, engine: Engine, usage: UsageInference, diagnostics: FileDiagnostics) -> None:
        """Positions that are certainly correct, and hints about unknown values, are added to `diagnostics`."""
        self._engine = engine
        self._usage = usage
        self._diagnostics = diagnostics
        self._last: tuple[ast.Attribute | None, FailedLookup | None] = None, None

    def failed(self, node: ast.Attribute, scope: Scope) -> FailedLookup | None:
        """Return the details if the attribute certainly doesn't exist; None if it exists or may exist."""
        if self._last[0] is not node:
            self._last = node, self._failed(node, scope)
        return self._last[1]

    def _failed(self, node: ast.Attribute, scope: Scope) -> FailedLookup | None:
        name = node.attr
        if (is_special(name) and name not in OF_CLASSES_ONLY) or is_super_uncalled(node, scope):
            return None
        position = position_of(node)
        owners = self._engine.infer(node.value, scope)
        if not owners:
            hint = self._usage.of(node, scope)
            if hint != NOTHING:
                self._diagnostics.hints[position] = hint
            return None
        attributes = [self._looked_up(owner, name) for owner in owners]
        lacking = tuple(owner for owner, values in zip(owners, attributes, strict=True) if values is MISSING)
        is_certain = len(lacking) == len(owners)
        if not is_certain:
            if any(values is not MISSING and values is not None for values in attributes):
                self._diagnostics.resolved.add(position)
                return None
            if not self._is_typo_in_alternative(name, owners, lacking):
                return None
        if any(isinstance(owner, Coroutine) for owner in lacking):
            return None
        if any(map(_gets_attributes_from_callers, lacking)) and not self._is_typo(name, lacking):
            return None
        if isinstance(lacking[0], ModuleValue) and scope.is_tested(ast.unparse(node)):
            return None
        return self._described(node, lacking, position, is_certain=is_certain)

    def _described(
        self, node: ast.Attribute, owners: tuple[Value, ...], position: Place, *, is_certain: bool
    ) -> FailedLookup:
        names = {word for owner in owners for word in names_of(self._engine, owner)}
        classes = [cls for owner in owners if (cls := class_of(owner)) is not None]
        origins = {cls.origin for cls in classes}
        unless: UnlessDefinedIn = (
            "anywhere" if "site" in origins else self._of_project(owners) if "project" in origins else ""
        )
        if any(map(self._engine.classes.is_django_model, classes)):
            unless = "model"
            names |= {"objects", "pk", "id", "DoesNotExist", "MultipleObjectsReturned"}
        if not is_certain or (node.attr != "message" and any(map(self._may_be_more, owners))):
            unless = "model" if unless == "model" else "anywhere"
        shown = " or ".join(dict.fromkeys(f"`{label(owner)}`" for owner in owners))
        return FailedLookup(node, owners, position, frozenset(names), shown, unless)

    def _of_project(self, owners: tuple[Value, ...]) -> UnlessDefinedIn:
        """Return which code must not define a word for it to be reported as missing from the project's classes
        `owners`.

        If these classes have no subclasses, only words that are defined as attributes count.
        """
        classes = map(class_of, owners)
        is_final = all(cls is not None and cls.name not in self._engine.project.bases for cls in classes)
        return "attribute" if is_final else "project"

    def _is_typo_in_alternative(
        self, name: str, owners: tuple[Value, ...], lacking: tuple[Value, ...]
    ) -> bool:
        """Return whether `owners` are alternative modules, and `name` is a typo of a name in one that lacks it.

        The modules replace each other (`try: import simplejson as json`), so the names in an installed one show what to
        expect from one that isn't installed.
        """
        return all(isinstance(owner, ModuleValue) for owner in owners) and self._is_typo(name, lacking)

    def _is_typo(self, name: str, owners: tuple[Value, ...]) -> bool:
        """Return whether `name` is a common typo of a name that one of `owners` has."""
        return any(
            is_common_typo(name, member)
            for owner in owners
            for member in candidates(name, names_of(self._engine, owner) - MODULE_NAMES)
        )

    def _may_be_more(self, owner: Value) -> bool:
        """Return whether a value may have attributes that subclasses or other code add."""
        if isinstance(owner, Tuple):
            return not owner.is_written_out
        if not isinstance(owner, Instance | ClassValue) or (
            isinstance(owner, ClassValue) and owner.of.origin != "project"
        ):
            return False
        if _gets_attributes_from_callers(owner):
            return True
        if owner.of.scope.source.name == "builtins":
            return owner.of.name in {"Exception", "BaseException"}
        # A subclass of a mixin has other bases that the mixin lacks.
        classes, project = self._engine.classes, self._engine.project
        if "mixin" in owner.of.name.casefold():
            # The class that uses the mixin provides the rest.
            return True
        if any(
            cls.name in project.recombined for cls, _ in classes.mro(owner.of, include_third_party=False)[0]
        ):
            return True
        is_shared = owner.of.origin != "project" or owner.of.name in project.combined
        return (is_shared and classes.has_subclasses(owner.of)) or classes.is_abstract(owner.of)

    def _looked_up(self, owner: Value, name: str) -> Values | Missing:
        """Return the attribute. If a module has the name, return () without inferring its value."""
        if isinstance(owner, ModuleValue):
            module = self._engine.modules.module(owner.name)
            if module is not None and name in module.names:
                return ()
        return self._engine.attribute_of(owner, name)


def _gets_attributes_from_callers(owner: Value) -> bool:
    match owner:
        case Instance(of=kind):
            return kind.name in GET_ATTRIBUTES_FROM_CALLERS and kind.origin == "library"
    return False


def names_of(engine: Engine, owner: Value) -> set[str]:
    """Return all attributes of a value that gate can read."""
    if isinstance(owner, ModuleValue):
        module = engine.modules.module(owner.name)
        return set(module.names) if module else set()
    if isinstance(owner, Tuple):
        return {"count", "index"}
    kind = class_of(owner)
    if kind is None:
        return set()
    line = engine.classes.mro(kind)[0]
    return {name for cls, _ in line for name in (*cls.scope.names, *cls.instance_attributes)}


def label(value: Value) -> str:
    """Return the name of a value in messages."""
    match value:
        case ModuleValue(name=name):
            return name
        case Instance(of=kind) | ClassValue(of=kind):
            return kind.name
        case Tuple():
            return "tuple"
        case NoneValue():
            return "None"
    return "function"
