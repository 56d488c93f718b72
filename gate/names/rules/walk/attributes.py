"""Attributes and items of values whose kind is known."""

from __future__ import annotations

import ast
from typing import TypedDict

from gate.names.hints.usage import NOTHING, UsageInference
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
from gate.names.report.candidates import FileDiagnostics, UnlessDefinedIn
from gate.names.resolve.modules import MODULE_NAMES
from gate.names.rules import unknown_attribute, unknown_member, wrong_call
from gate.names.spelling.similarity import candidates, is_common_typo
from gate.names.syntax.builtin_names import BUILTINS
from gate.names.syntax.source import Scope

GET_ATTRIBUTES_FROM_CALLERS = frozenset({"LogRecord", "Namespace", "SimpleNamespace", "Values"})
"""Classes of the standard library whose instances get the attributes that callers name: `extra={...}` of a log call."""
DUNDERS = frozenset(
    name
    for one in (object, type, int, str, list, dict, set, bytes, BaseException, ast, TypedDict, len, ast.parse, property)
    for name in dir(one)
    if name.startswith("__") and name.endswith("__")
) | BUILTINS | {
    "__enter__", "__exit__", "__aenter__", "__aexit__", "__await__", "__aiter__", "__anext__", "__del__", "__all__",
    "__get__", "__set__", "__delete__", "__set_name__", "__post_init__", "__slots__", "__wrapped__", "__version__",
    "__self__", "__func__", "__args__", "__origin__", "__bytes__", "__bool__", "__next__", "__call__", "__copy__",
    "__deepcopy__", "__fields__", "__members__", "__table__", "__tablename__", "__required_keys__", "__author__",
}  # fmt: skip


def is_super_uncalled(node: ast.expr, scope: Scope) -> bool:
    """Whether something is looked up in `super` itself: the parentheses are missing."""
    match node:
        case ast.Attribute(value=ast.Name(id="super")):
            return scope.lookup("super") is None
    return False


class AttributeChecks:
    """Looks at each attribute and item that one file reads."""

    def __init__(self, engine: Engine, likely: UsageInference, found: FileDiagnostics) -> None:
        """What is wrong goes to `found`, and of other values what they most `likely` are."""
        self._engine = engine
        self._likely = likely
        self._found = found

    def attribute(self, node: ast.Attribute, scope: Scope) -> None:
        """An attribute that is read."""
        name = node.attr
        if is_super_uncalled(node, scope):
            wrong_call.report_super(self._found, node)
            return
        end = node.end_lineno or node.lineno
        place = end, max((node.end_col_offset or 0) - len(name) + 1, 1)
        if name.startswith("__") and name.endswith("__"):
            suggestions = [one for one in candidates(name, DUNDERS) if is_common_typo(name, one)]
            if name not in DUNDERS and suggestions:
                unknown_attribute.report_dunder(self._found, node, suggestions, place)
            return
        owners = self._engine.infer(node.value, scope)
        if not owners:
            hint = self._likely.of(node, scope)
            if hint != NOTHING:
                self._found.hints[place] = hint
            return
        found = [self._looked_up(owner, name) for owner in owners]
        without = tuple(owner for owner, one in zip(owners, found, strict=True) if one is MISSING)
        is_sure = len(without) == len(owners)
        if not is_sure:
            if any(one is not MISSING and one is not None for one in found):
                self._found.resolved.add(place)
                return
            if not self._is_typo_in_alternative(name, owners, without):
                return
            owners = without
        if any(isinstance(owner, Coroutine) for owner in owners):
            return
        if isinstance(owners[0], ModuleValue) and scope.is_tested(ast.unparse(node)):
            return
        names: set[str] = set()
        for owner in owners:
            names |= names_of(self._engine, owner)
        kinds = " or ".join(dict.fromkeys(f"`{label(owner)}`" for owner in owners))
        origins = {kind.origin for owner in owners if (kind := class_of(owner)) is not None}
        mine: UnlessDefinedIn = (
            "anywhere" if "site" in origins else self._of_project(owners) if "project" in origins else ""
        )
        if any(kind and self._engine.classes.is_django_model(kind) for kind in map(class_of, owners)):
            mine = "model"
            names |= {"objects", "pk", "id", "DoesNotExist", "MultipleObjectsReturned"}
        if not is_sure or (any(self._may_be_more(owner) for owner in owners) and name != "message"):
            mine = "model" if mine == "model" else "anywhere"
        if isinstance(owners[0], ModuleValue):
            module = owners[0].name
            package = module if self._engine.modules.origin(module) == "site" else ""
            unknown_member.report(self._found, node, kinds, names, place, mine, package)
        else:
            unknown_attribute.report(self._found, node, kinds, names, place, mine)

    def _of_project(self, owners: tuple[Value, ...]) -> UnlessDefinedIn:
        """How strange a word has to be that no class of the project has which `owners` are of.

        Where nothing derives from these classes, no word counts but what somebody defines as an attribute.
        """
        kinds = [class_of(owner) for owner in owners]
        is_final = all(kind is not None and kind.name not in self._engine.project.bases for kind in kinds)
        return "attribute" if is_final else "project"

    def _is_typo_in_alternative(
        self, name: str, owners: tuple[Value, ...], without: tuple[Value, ...]
    ) -> bool:
        """Whether one of several modules that a name may resolve to lacks `name`, and it is a typo of what that has.

        Each stands in for the other (`try: import simplejson as json`), so the words of one that is there show what is
        expected of one that is not.
        """
        return all(isinstance(owner, ModuleValue) for owner in owners) and any(
            is_common_typo(name, one)
            for owner in without
            for one in candidates(name, names_of(self._engine, owner) - MODULE_NAMES)
        )

    def _may_be_more(self, owner: Value) -> bool:
        """Whether it is meant for classes that derive from it, and that may get attributes from elsewhere."""
        if isinstance(owner, Tuple):
            return not owner.is_written_out
        if not isinstance(owner, Instance | ClassValue) or (
            isinstance(owner, ClassValue) and owner.of.origin != "project"
        ):
            return False
        if owner.of.name in GET_ATTRIBUTES_FROM_CALLERS and owner.of.origin == "library":
            return True
        if owner.of.scope.source.name == "builtins":
            return owner.of.name in {"Exception", "BaseException"}
        # The other bases of a mixin's heirs are not those of the mixin.
        classes, project = self._engine.classes, self._engine.project
        if "mixin" in owner.of.name.casefold():
            # What it is mixed into has the rest, wherever that is.
            return True
        if any(
            one.name in project.recombined for one, _ in classes.mro(owner.of, include_third_party=False)[0]
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
