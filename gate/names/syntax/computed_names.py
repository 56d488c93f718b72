"""Find the constant parts of attribute names that code computes: `get_` in `setattr(owner, f"get_{name}", …)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import product

from gate.names.syntax.nodes import Function, children, walk

Affixes = tuple[str, str]
"""How a computed name begins and how it ends. Both may be empty."""
_ANYTHING: Affixes = ("", "")
_SHORTEST = 2
"""Fewer constant characters say nothing about a name."""
_MOST_STEPS = 4


def affixes_of_attributes(tree: ast.Module, data: bytes) -> set[Affixes]:
    """Return the affixes of all names that a file passes to `setattr` or stores in `__dict__`."""
    if b"setattr" not in data and b"__dict__" not in data:
        return set()
    found: set[Affixes] = set()
    for around in [tree, *(node for node in walk(tree) if isinstance(node, Function))]:
        for node in _own(around):
            match node:
                case ast.Call(func=ast.Name(id="setattr"), args=[_, name, _]):
                    found.update(_affixes(name, around, _MOST_STEPS))
                case ast.Subscript(value=ast.Attribute(attr="__dict__"), slice=name, ctx=ast.Store()):
                    found.update(_affixes(name, around, _MOST_STEPS))
    return {(first, last) for first, last in found if len(first) + len(last) >= _SHORTEST}


def _own(around: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function or module, except those in its functions."""
    for child in children(around):
        yield child
        if not isinstance(child, Function):
            yield from _own(child)


def _affixes(node: ast.expr, around: ast.AST, steps: int) -> set[Affixes]:
    """Return how the names begin and end that an expression in the function `around` may give."""
    if not steps:
        return {_ANYTHING}
    match node:
        case ast.Constant(value=str(text)):
            return {(text, text)}
        case ast.JoinedStr(values=[first, *_, last]) | ast.JoinedStr(values=[first as last]):
            return _joined(first, last, around, steps)
        case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
            return _affixes(value, around, steps - 1)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _joined(left, right, around, steps)
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod()):
            return {(text.partition("%")[0], text.rpartition("%")[2][1:])}
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            return {(text.partition("{")[0], text.rpartition("}")[2])}
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            return {one for item in items for one in _affixes(item, around, steps - 1)}
        case ast.Name(id=name):
            values = list(_given(name, around))
            return {one for value in values for one in _affixes(value, around, steps - 1)} or {_ANYTHING}
    return {_ANYTHING}


def _joined(left: ast.expr, right: ast.expr, around: ast.AST, steps: int) -> set[Affixes]:
    """Return the beginnings of one part with the ends of another."""
    begins, ends = _affixes(left, around, steps - 1), _affixes(right, around, steps - 1)
    return {(first, last) for (first, _), (_, last) in product(begins, ends)}


def _given(name: str, around: ast.AST) -> Iterator[ast.expr]:
    """Yield what a function assigns to a local name, and what it loops over with the name."""
    for node in _own(around):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                yield value
            case (
                ast.For(target=ast.Name(id=target), iter=value)
                | ast.comprehension(target=ast.Name(id=target), iter=value)
            ) if target == name:
                yield value
