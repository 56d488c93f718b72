"""Fields of Django models, and the paths that name them in queries: `author__name__icontains`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from gate.names.infer.generated import qualified_name
from gate.names.infer.values import Class, ClassValue
from gate.names.spelling.similarity import candidates, is_common_typo
from gate.names.syntax.nodes import name_of
from gate.names.syntax.source import Scope

if TYPE_CHECKING:
    from gate.names.infer.engine import Engine

_RELATIONS = frozenset({"ForeignKey", "OneToOneField", "ManyToManyField"})
_WITH_KEYS = frozenset({"JSONField", "HStoreField"})
"""Fields that accept lookups by any key."""
_LOOKUPS = frozenset(
    """
    exact iexact contains icontains in gt gte lt lte startswith istartswith endswith iendswith range date year iso_year
    month day week week_day iso_week_day quarter time hour minute second isnull regex iregex
    """.split()  # noqa: SIM905  a table that is read as one
)
_COMPUTES = frozenset({"annotate", "alias", "extra", "aggregate", "raw", "union"})
"""Query methods after which a query has names besides those of the model's fields."""


def is_model(engine: Engine, cls: Class) -> bool:
    """Return whether a class of the project is a Django model."""
    return cls.origin == "project" and any(_is_model_base(engine, base, cls) for base in cls.node.bases)


def _is_model_base(engine: Engine, base: ast.expr, cls: Class) -> bool:
    scope = cls.scope.parent or cls.scope
    if qualified_name(base, scope) in {"django.db.models.Model", "django.db.models.base.Model"}:
        return True
    match engine.infer(base, scope):
        case [ClassValue(of=parent)] if parent is not cls:
            return is_model(engine, parent)
    return False


def queried_model(engine: Engine, node: ast.expr, scope: Scope) -> Class | None:
    """Return the model of a chain like `Item.objects.filter(…).exclude`, or None for anything else."""
    is_query = False
    while isinstance(node, ast.Attribute | ast.Call):
        if isinstance(node, ast.Attribute):
            if node.attr in _COMPUTES:
                return None
            is_query = is_query or node.attr == "objects"
            node = node.value
        else:
            node = node.func
    match engine.infer(node, scope) if is_query else None:
        case [ClassValue(of=cls)] if is_model(engine, cls):
            return cls
    return None


def typo_in_path(engine: Engine, cls: Class, path: str) -> tuple[str, list[str]] | None:
    """Return the first part of a path that is a typo of a field or lookup, with suggestions, or None."""
    model: Class | None = cls
    for part in path.split("__"):
        fields = _fields(engine, model) if model is not None else {}
        if part in fields:
            field = fields[part]
            if field is not None and name_of(field) in _WITH_KEYS:
                return None
            model = _related(engine, field, model) if model is not None else None
            continue
        if part in _LOOKUPS:
            return None
        names = set(fields) or set(_LOOKUPS)
        intended = [
            name for name in candidates(part, names) if is_common_typo(part, name) and part + "s" != name
        ]
        return (part, intended) if intended else None
    return None


def _fields(engine: Engine, cls: Class) -> dict[str, ast.Call | None]:
    """Return the names that queries use for a model's fields, with the calls that create the fields."""
    fields: dict[str, ast.Call | None] = {"id": None, "pk": None}
    for ancestor, _ in engine.classes.mro(cls, include_third_party=False)[0]:
        if ancestor.origin != "project":
            continue
        for name, bindings in ancestor.scope.names.items():
            value = bindings[-1].node
            if isinstance(value, ast.Call):
                fields.setdefault(name, value)
                if name_of(value) in _RELATIONS:
                    fields.setdefault(f"{name}_id", None)
    return fields


def _related(engine: Engine, field: ast.Call | None, cls: Class) -> Class | None:
    """Return the model that a field refers to, or None."""
    if field is None or name_of(field) not in _RELATIONS or not field.args:
        return None
    scope = cls.scope.parent or cls.scope
    match field.args[0]:
        case ast.Constant(value="self"):
            return cls
        case ast.Constant(value=str(name)) if name.isidentifier():
            values = engine.names.in_scope(name, scope)
        case target:
            values = engine.infer(target, scope)
    match values:
        case [ClassValue(of=related)] if is_model(engine, related):
            return related
    return None
