"""Find the keys of environment variables that code reads or sets."""

from __future__ import annotations

import ast

from gate.names.syntax.nodes import dotted_name

ENVIRONMENT = frozenset({"os.environ", "os.getenv", "os.putenv", "os.unsetenv"})
_BY_METHOD = frozenset({"get", "pop", "setdefault", "__getitem__"})
_BY_FIXTURE = frozenset({"monkeypatch.setenv", "monkeypatch.delenv"})


def environment_key(node: ast.AST) -> tuple[str, ast.Constant] | None:
    """Return the receiver and constant key of a lookup: `os.environ` and `"HOME"` for `os.environ["HOME"]`.

    The caller has to resolve the receiver's dotted name.
    """
    match node:
        case ast.Subscript(value=mapping, slice=ast.Constant(value=str()) as key):
            return dotted_name(mapping), key
        case ast.Compare(
            left=ast.Constant(value=str()) as key, ops=[ast.In() | ast.NotIn()], comparators=[mapping]
        ):
            return dotted_name(mapping), key
        case ast.Call(
            func=ast.Attribute(value=mapping, attr=method), args=[ast.Constant(value=str()) as key, *_]
        ) if method in _BY_METHOD:
            return dotted_name(mapping), key
        case ast.Call(func=function, args=[ast.Constant(value=str()) as key, *_]):
            return dotted_name(function), key
    return None


def sets_for_test(dotted: str) -> bool:
    """Return whether a function sets or removes a variable for one test."""
    return dotted in _BY_FIXTURE
