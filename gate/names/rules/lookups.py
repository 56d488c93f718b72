"""Which values an attribute is looked up in that lack it: what the rules about attributes have in common."""

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
    Tuple,
    Value,
    Values,
)
from gate.names.report.candidates import FileDiagnostics, Place, UnlessDefinedIn
from gate.names.resolve.modules import MODULE_NAMES
from gate.names.spelling.similarity import candidates, is_common_typo
from gate.names.syntax.source import Scope

GET_ATTRIBUTES_FROM_CALLERS = frozenset({"LogRecord", "Namespace", "SimpleNamespace", "Values"})
"""Classes of the standard library whose instances get the attributes that callers name: `extra={...}` of a log call."""


@dataclass(frozen=True, slots=True)
class FailedLookup:
    """An attribute that is read, and that none of `owners` has."""

    node: ast.Attribute
    owners: tuple[Value, ...]
    position: Place
    """Where the attribute's name stands."""
    names: frozenset[str]
    """What the owners have instead."""
    shown: str
    """What the owners are called in a message."""
    unless_defined_in: UnlessDefinedIn


def position_of(node: ast.Attribute) -> Place:
    """Where the name of an attribute stands."""
    return node.end_lineno or node.lineno, max((node.end_col_offset or 0) - len(node.attr) + 1, 1)


def is_special(name: str) -> bool:
    """Whether Python itself gives a meaning to names like this one."""
    return name.startswith("__") and name.endswith("__")


def is_super_uncalled(node: ast.expr, scope: Scope) -> bool:
    """Whether something is looked up in `super` itself: the parentheses are missing."""
    match node:
        case ast.Attribute(value=ast.Name(id="super")):
            return scope.lookup("super") is None
    return False


class Lookups:
    """Looks at each attribute that one file reads."""

    def __init__(self, engine: Engine, usage: UsageInference, diagnostics: FileDiagnostics) -> None:
        """Places that are surely right, and hints of what unknown values are, go to `diagnostics`."""
        self._engine = engine
        self._usage = usage
        self._diagnostics = diagnostics
        self._last: tuple[ast.Attribute | None, FailedLookup | None] = None, None

    def failed(self, node: ast.Attribute, scope: Scope) -> FailedLookup | None:
        """What is known of an attribute that certainly isn't there; None if it is there, or may be."""
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
        """How strange a word has to be that no class of the project has which `owners` are of.

        Where nothing derives from these classes, no word counts but what somebody defines as an attribute.
        """
        classes = map(class_of, owners)
        is_final = all(cls is not None and cls.name not in self._engine.project.bases for cls in classes)
        return "attribute" if is_final else "project"

    def _is_typo_in_alternative(
        self, name: str, owners: tuple[Value, ...], lacking: tuple[Value, ...]
    ) -> bool:
        """Whether one of several modules that a name may resolve to lacks `name`, and it is a typo of what that has.

        Each stands in for the other (`try: import simplejson as json`), so the words of one that is there show what is
        expected of one that is not.
        """
        return all(isinstance(owner, ModuleValue) for owner in owners) and self._is_typo(name, lacking)

    def _is_typo(self, name: str, owners: tuple[Value, ...]) -> bool:
        """Whether `name` is a typo of what one of `owners` has."""
        return any(
            is_common_typo(name, member)
            for owner in owners
            for member in candidates(name, names_of(self._engine, owner) - MODULE_NAMES)
        )

    def _may_be_more(self, owner: Value) -> bool:
        """Whether it is meant for classes that derive from it, and that may get attributes from elsewhere."""
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
        # The other bases of a mixin's heirs are not those of the mixin.
        classes, project = self._engine.classes, self._engine.project
        if "mixin" in owner.of.name.casefold():
            # What it is mixed into has the rest, wherever that is.
            return True
        if any(
            cls.name in project.recombined for cls, _ in classes.mro(owner.of, include_third_party=False)[0]
        ):
            return True
        is_shared = owner.of.origin != "project" or owner.of.name in project.combined
        return (is_shared and classes.has_subclasses(owner.of)) or classes.is_abstract(owner.of)

    def _looked_up(self, owner: Value, name: str) -> Values | Missing:
        """The attribute; of a module only whether it is there, which is known without looking what it is."""
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
    """All attributes of a value that can be read."""
    if isinstance(owner, ModuleValue):
        module = engine.modules.module(owner.name)
        return set(module.names) if module else set()
    if isinstance(owner, Tuple):
        return {"count", "index"}
    kind = class_of(owner)
    if kind is None:
        return set()
    line = engine.classes.mro(kind)[0]
    return {name for one, _ in line for name in (*one.scope.names, *one.instance_attributes)}


def label(value: Value) -> str:
    """What a value is called in a message."""
    match value:
        case ModuleValue(name=name):
            return name
        case Instance(of=kind) | ClassValue(of=kind):
            return kind.name
        case Tuple():
            return "tuple"
    return "function"
