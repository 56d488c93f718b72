"""`__all__`: the names that a module exports."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.names.syntax.object_reference import ObjectReference, reference_of


def exported(tree: ast.Module) -> Iterator[ObjectReference]:
    """Yield every string in `__all__`, at the position of its first letter."""
    for node in _statements(tree.body):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="__all__")], value=value)
                | ast.AnnAssign(target=ast.Name(id="__all__"), value=value)
                | ast.AugAssign(target=ast.Name(id="__all__"), value=value)
                | ast.Expr(
                    value=ast.Call(
                        func=ast.Attribute(value=ast.Name(id="__all__"), attr="append" | "extend"),
                        args=[value],
                    )
                )
            ):
                yield from _texts(value)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, including those under an `if`."""
    for node in body:
        yield node
        if isinstance(node, ast.If):
            yield from _statements([*node.body, *node.orelse])


def _texts(node: ast.expr | None) -> Iterator[ObjectReference]:
    match node:
        case ast.List(elts=items) | ast.Tuple(elts=items):
            for item in items:
                yield from _texts(item)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from _texts(left)
            yield from _texts(right)
        case ast.Call(
            func=ast.Name(id="list" | "tuple" | "set") | ast.Attribute(attr="list" | "tuple" | "set"),
            args=[items],
        ):
            yield from _texts(items)
        case ast.Constant(value=str()):
            yield reference_of(node)
