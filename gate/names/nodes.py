"""Walking a syntax tree, as fast as Python can: most of the time of the check goes here."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_LEAVES = frozenset({"ctx", "op", "ops", "id", "attr", "arg", "name", "asname", "module",
                     "level", "kind", "type_comment", "lineno", "simple", "conversion", "is_async",
                     "type_ignores"})  # fmt: skip
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}
# `arg` and `name` are texts nearly everywhere; where they are nodes, they have to be walked.
_NODES = {"TypeAlias": ("name",)}


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below, in the order of the text; operators and contexts aside."""
    kind = type(node)
    fields = _FIELDS.get(kind)
    if fields is None:
        more = _NODES.get(kind.__name__, ())
        fields = tuple(name for name in kind._fields if name not in _LEAVES or name in more)
        if kind is ast.Constant:
            fields = ()
        _FIELDS[kind] = fields
    found: list[ast.AST] = []
    for name in fields:
        value = getattr(node, name, None)
        if value is None:
            continue
        if type(value) is list:
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all that is below, in no particular order."""
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        stack += children(one)
