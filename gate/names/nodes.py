"""Walking a syntax tree, as fast as Python can: most of the time of the check goes here."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

_LEAVES = frozenset({"ctx", "op", "ops", "id", "attr", "arg", "name", "asname", "module",
                     "level", "kind", "type_comment", "lineno", "simple", "conversion", "is_async",
                     "type_ignores"})  # fmt: skip
_FIELDS: dict[type[ast.AST], Callable[[ast.AST], tuple[Any, ...]]] = {}
# `arg` and `name` are texts nearly everywhere; where they are nodes, they have to be walked.
_NODES = {"TypeAlias": ("name",)}
_WITH_GAPS = frozenset({ast.Dict, ast.arguments})
"""Where lists have gaps: `**more` has no key, and a keyword may have no default."""
LEAVES: frozenset[type[ast.AST]] = frozenset(
    {ast.Name, ast.Constant, ast.alias, ast.Pass, ast.Global, ast.Nonlocal}
)
"""Kinds of nodes that have nothing below."""


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below, in the order of the text; operators and contexts aside."""
    kind = type(node)
    fields = _FIELDS.get(kind) or _fields(kind)
    found: list[ast.AST] = []
    for value in fields(node):
        if type(value) is list:
            if value:
                if kind in _WITH_GAPS or not isinstance(value[0], ast.AST):
                    found += [item for item in value if isinstance(item, ast.AST)]
                else:
                    found += value
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def _fields(kind: type[ast.AST]) -> Callable[[ast.AST], tuple[Any, ...]]:
    more = _NODES.get(kind.__name__, ())
    names = [name for name in kind._fields if name not in _LEAVES or name in more]
    if kind is ast.Constant:
        names = []
    # With fewer than two names, it would not give a tuple.
    names += ["_attributes", "_fields"][: max(2 - len(names), 0)]
    found = _FIELDS[kind] = attrgetter(*names)
    return found


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all that is below, in no particular order."""
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        if type(one) not in LEAVES:
            stack += children(one)


def dotted_name(node: ast.expr) -> str:
    """`a.b.c`; empty for anything that is not made of names alone."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted_name(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""
