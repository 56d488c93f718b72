"""Find tests of values: code after `isinstance(value, Kind)` knows more than the value's definition says."""

from __future__ import annotations

import ast
from collections.abc import Iterator

TYPE_TESTS = frozenset({"isinstance", "hasattr", "issubclass", "callable", "type", "getattr"})
"""Functions that test the type or the attributes of a value."""


def tested_value(node: ast.AST) -> ast.expr | None:
    """Return the value whose type or attributes a call tests, or None."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=[value, *_]) if name in TYPE_TESTS:
            return value
    return None


def tested_texts(node: ast.Call) -> Iterator[str]:
    """Yield the expressions that a call tests, as strings: `x` and `x.name` for `hasattr(x, "name")`."""
    value = tested_value(node)
    if value is None:
        return
    text = ast.unparse(value)
    yield text
    if len(node.args) > 1 and isinstance(name := getattr(node.args[1], "value", None), str):
        yield f"{text}.{name}"
