"""Read one class statement: the class, what its methods assign to `self`, and whether it shows everything.

Only the statement itself is read: bases, decorators, and metaclasses are just names here, and no types are inferred.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.names.infer.generated import ATTRS, qualified_name
from gate.names.infer.values import Class
from gate.names.syntax.bindings import Binding, targets_of
from gate.names.syntax.nodes import LEAVES, Function, children, decorators, name_of
from gate.names.syntax.source import Scope

_STORING: frozenset[type[ast.AST]] = frozenset(
    {ast.Attribute, ast.Call, ast.Assign, ast.AnnAssign, ast.For, ast.AsyncFor, ast.withitem}
)
_DYNAMIC = frozenset({"__getattr__", "__getattribute__"})
_PLAIN_METACLASSES = frozenset({"ModelBase", "ABCMeta", "EnumMeta", "EnumType", "type"})
_PLAIN_DECORATORS = frozenset({"dataclass", "total_ordering", "final", "runtime_checkable", "unique", "define",
                               "frozen", "mutable", "attrs", "type_check_only", "disjoint_base",
                               "deprecated", "verify"})  # fmt: skip
HARMLESS_OF_CLASSES = frozenset(
    {"final", "runtime_checkable", "type_check_only", "disjoint_base", "deprecated"}
)
"""Decorators that don't change the methods of a class."""


def read_class(node: ast.ClassDef, scope: Scope) -> Class:
    """Return the class that `node` defines in `scope`."""
    cls = Class(node, scope.source.inner(node, scope), scope.source.origin)
    cls.dynamic = bool(
        _DYNAMIC & cls.scope.names.keys()
        or node.name in cls.scope.source.set_by_name
        or any(
            name_of(decorator) not in _PLAIN_DECORATORS and qualified_name(decorator, scope) not in ATTRS
            for decorator in node.decorator_list
        )
        or any(
            word.arg == "metaclass" and name_of(word.value) not in _PLAIN_METACLASSES
            for word in node.keywords
        )
    )
    if cls.scope.source.is_stub:
        return cls
    for method in _methods(node.body):
        own = [*method.args.posonlyargs, *method.args.args]
        if own and "staticmethod" not in decorators(method):
            _read_method(cls, method, own[0].arg)
    if is_model(cls):
        # It sets attributes named after fields, which its subclasses declare.
        cls.dynamic = False
    return cls


def _read_method(cls: Class, method: Function, own: str) -> None:
    """Record what a method assigns to attributes of its first parameter, which is called `own`."""
    scope: Scope | None = None
    stack: list[ast.AST] = list(method.body)
    while stack:
        node = stack.pop()
        if type(node) in LEAVES:
            continue
        stack += children(node)
        if type(node) not in _STORING:
            continue
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr="__dict__") if name == own:
                cls.dynamic = True
            case ast.Call(func=ast.Name(id="setattr" | "vars"), args=[ast.Name(id=name), *_]) if name == own:
                cls.dynamic = True
            case ast.Attribute(value=ast.Name(id=name), ctx=ast.Store()) if name == own:
                cls.instance_attributes.setdefault(node.attr, [])
        for target, binding in targets_of(node):
            if (
                isinstance(target, ast.Attribute)
                and isinstance(target.value, ast.Name)
                and target.value.id == own
            ):
                scope = scope or cls.scope.source.inner(method, cls.scope)
                if binding.how != "added":
                    value = _value_of(binding)
                    cls.instance_attributes.setdefault(target.attr, []).append(
                        (value, binding.annotation, scope)
                    )


def _value_of(binding: Binding) -> ast.expr | None:
    """Return the assigned expression, such as `A()` and `B()` in `self.a, self.b = A(), B()`.

    Returns None if it isn't written out.
    """
    value = binding.node
    for index in binding.path:
        if not isinstance(value, ast.Tuple | ast.List) or len(value.elts) <= index:
            return None
        if any(isinstance(item, ast.Starred) for item in value.elts):
            return None
        value = value.elts[index]
    is_whole = binding.how in {"value", "typed"}
    return value if is_whole and isinstance(value, ast.expr) else None


def is_model(kind: Class) -> bool:
    """Return whether `kind` is Django's `Model` itself."""
    return kind.name == "Model" and kind.scope.source.name == "django.db.models.base"


def has_generated_methods(kind: Class) -> bool:
    """Return whether a decorator or a metaclass may add methods to the class, as `dataclass` does."""
    return bool(
        kind.dynamic
        or decorators(kind.node) - HARMLESS_OF_CLASSES
        or (kind.origin == "project" and any(word.arg == "metaclass" for word in kind.node.keywords))
    )


def _methods(body: list[ast.stmt]) -> Iterator[Function]:
    """Yield the methods of a class, including conditional ones."""
    for node in body:
        if isinstance(node, Function):
            yield node
        elif isinstance(node, ast.If | ast.Try | ast.TryStar):
            yield from _methods([*node.body, *node.orelse])
