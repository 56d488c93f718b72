"""Interpret type annotations."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gate.names.infer.values import UNKNOWN, Class, ClassValue, Instance, Tuple, Values, union
from gate.names.syntax.source import Scope

if TYPE_CHECKING:
    from gate.names.infer.engine import Engine

UNTELLING = frozenset({"Any", "_SpecialForm", "_ProtocolMeta", "NotImplementedType", "_NotImplementedType", "type",
                       "_TypedDict", "TypedDict"})  # fmt: skip
"""Standard library classes whose instances may be anything: special forms, and classes that act like a class."""
_ANY = frozenset({"Any", "object", "Callable", "Protocol", "AnyStr", "Never", "Incomplete", "Unused",
                  "Buffer", "ReadableBuffer", "WriteableBuffer", "TypedDict"})  # fmt: skip
_WRAPPERS = frozenset({"Final", "ClassVar", "Annotated", "Required", "NotRequired", "ReadOnly", "InitVar"})
_OLD = {"List": "list", "Dict": "dict", "Set": "set", "FrozenSet": "frozenset", "Tuple": "tuple", "Type": "type",
        "Text": "str"}  # fmt: skip


def is_untelling(kind: Class) -> bool:
    """Return whether being an instance of `kind` says nothing about an object's attributes."""
    return kind.origin == "library" and kind.name in UNTELLING


class Annotations:
    """Interprets annotations in the scopes in which they appear."""

    def __init__(self, engine: Engine) -> None:
        """Use `engine` to resolve the names in annotations."""
        self._engine = engine
        self._depth = 0

    def read(self, node: ast.expr, scope: Scope, type_arguments: Mapping[str, Values] | None = None,
             bound: Instance | ClassValue | None = None) -> Values:  # fmt: skip
        """Return the possible values of something annotated with `node`.

        `type_arguments` are the values of type parameters, and `bound` is what `Self` resolves to.
        """
        if self._depth > 12 or (scope.source.origin == "project" and not self._engine.trusts_annotations):
            return None
        self._depth += 1
        try:
            return self._read(node, scope, type_arguments or {}, bound)
        finally:
            self._depth -= 1

    def _read(self, node: ast.expr, scope: Scope, type_arguments: Mapping[str, Values],
              bound: Instance | ClassValue | None) -> Values:  # fmt: skip
        match node:
            case ast.Constant(value=None):
                return ()
            case ast.Constant(value=str(text)):
                try:
                    return self.read(ast.parse(text.strip(), mode="eval").body, scope, type_arguments, bound)
                except SyntaxError:
                    return None
            case ast.Name(id=name) if name in type_arguments:
                return type_arguments[name]
            case ast.Name(id="Self"):
                return (Instance(bound.of),) if isinstance(bound, ClassValue) else (bound,) if bound else None
            case ast.Name() | ast.Attribute():
                return self._named(node, scope)
            case ast.BinOp(op=ast.BitOr()):
                return union(
                    [self.read(side, scope, type_arguments, bound) for side in (node.left, node.right)]
                )
            case ast.Subscript():
                return self._subscript(node, scope, type_arguments, bound)
        return None

    def _named(self, node: ast.Name | ast.Attribute, scope: Scope) -> Values:
        name = node.id if isinstance(node, ast.Name) else node.attr
        if name in _ANY:
            return None
        if name == "MaybeNone":
            return ()
        if name in _OLD and self._is_of_typing(node, scope):
            return self._engine.builtin(_OLD[name])
        values = (
            self._engine.names.in_annotation(name, scope)
            if isinstance(node, ast.Name)
            else self._engine.infer(node, scope)
        )
        if values and all(isinstance(value, ClassValue) for value in values):
            if any(is_untelling(value.of) for value in values if isinstance(value, ClassValue)):
                return UNKNOWN
            return tuple(Instance(value.of) for value in values if isinstance(value, ClassValue))
        if isinstance(node, ast.Name):
            return self._alias(node.id, scope)
        return None

    def _is_of_typing(self, node: ast.expr, scope: Scope) -> bool:
        """Return whether a name such as `List` is the one from `typing`. A project may have a `Type` of its own."""
        if isinstance(node, ast.Attribute):
            return getattr(node.value, "id", "") in {"typing", "typing_extensions", "t", "builtins"}
        resolved = scope.lookup(node.id) if isinstance(node, ast.Name) else None
        if resolved is None or resolved[1].source.name == "builtins":
            return True
        return all(
            binding.how == "member" and binding.module in {"typing", "typing_extensions", "types"}
            for binding in resolved[0]
        )

    def _alias(self, name: str, scope: Scope) -> Values:
        """Resolve a type alias, such as `StrPath: TypeAlias = str | PathLike[str]`."""
        definition = self._definition(name, scope)
        return self.read(definition[0], definition[1]) if definition else None

    def _definition(self, name: str, scope: Scope) -> tuple[ast.expr, Scope] | None:
        where = scope.lookup(name)
        if where is None or len(where[0]) != 1:
            return None
        binding, owner = where[0][0], where[1]
        if binding.how == "member":
            source = self._engine.modules.source(binding.module)
            return (
                self._definition(binding.name, source.scope) if source and source.scope is not scope else None
            )
        node = binding.node
        if binding.how in {"value", "typed"} and isinstance(
            node, ast.Subscript | ast.BinOp | ast.Name | ast.Attribute
        ):
            return (node, owner) if not (isinstance(node, ast.Name) and node.id == name) else None
        return None

    def literals(self, node: ast.expr | None, scope: Scope) -> frozenset[object] | None:
        """Return the constants that an annotation made of literals allows, or None for any other annotation."""
        match node:
            case ast.Constant(value=None):
                return frozenset({None})
            case ast.Subscript(value=ast.Name(id="Literal") | ast.Attribute(attr="Literal"), slice=inside):
                items = inside.elts if isinstance(inside, ast.Tuple) else [inside]
                return frozenset(item.value for item in items if isinstance(item, ast.Constant))
            case ast.BinOp(op=ast.BitOr()):
                sides = [self.literals(side, scope) for side in (node.left, node.right)]
                return (
                    None
                    if None in sides
                    else frozenset().union(*(side for side in sides if side is not None))
                )
            case ast.Name(id=name) if self._depth < 8:
                definition = self._definition(name, scope)
                self._depth += 1
                try:
                    return self.literals(*definition) if definition else None
                finally:
                    self._depth -= 1
        return None

    def _subscript(self, node: ast.Subscript, scope: Scope, type_arguments: Mapping[str, Values],
                   bound: Instance | ClassValue | None) -> Values:  # fmt: skip
        outer = node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", "")
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if outer == "Optional":
            return self.read(items[0], scope, type_arguments, bound)
        if outer == "Union":
            return union([self.read(item, scope, type_arguments, bound) for item in items])
        if outer in _WRAPPERS:
            return self.read(items[0], scope, type_arguments, bound)
        if outer == "Literal":
            return union([self._engine.infer(item, scope) for item in items])
        if outer in {"type", "Type"} and self._is_of_typing(node.value, scope):
            inner = self.read(items[0], scope, type_arguments, bound)
            if not inner or not all(isinstance(value, Instance) for value in inner):
                return None
            return tuple(ClassValue(value.of) for value in inner if isinstance(value, Instance))
        if outer in {"tuple", "Tuple"} and items and self._is_of_typing(node.value, scope):
            if isinstance(items[-1], ast.Constant) and items[-1].value is Ellipsis:
                items = items[:1]
            else:
                return (Tuple(tuple(self.read(item, scope, type_arguments, bound) for item in items)),)
        if outer in _ANY:
            return None
        owner = (
            self._engine.builtin(_OLD[outer])
            if outer in _OLD and self._is_of_typing(node.value, scope)
            else self.read(node.value, scope, type_arguments, bound)
        )
        if not owner or len(owner) != 1 or not isinstance(owner[0], Instance):
            return None
        return (
            Instance(owner[0].of, tuple(self.read(item, scope, type_arguments, bound) for item in items)),
        )
