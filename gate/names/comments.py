"""Types that stand in comments: `x = []  # type: List[int]`, and `# type: (int) -> str` of a function."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from gate.names.nodes import walk
from gate.names.source import text_of
from gate.names.values import Function

Place = tuple[int, int]
_MAY_BE_ANY = re.compile(rb"#[ \t]*type:[ \t]*(?!ignore\b)")
"""Most files have none, or say only what a type checker is to ignore: they are not parsed a second time."""


def types_in_comments(data: bytes) -> dict[Place, list[ast.expr]]:
    """The types in the comments of a source file, by the place of the statement or parameter that they are about.

    Nothing for a file with such a comment in a place that takes none: with comments, that is no Python.
    """
    if not _MAY_BE_ANY.search(data):
        return {}
    try:
        tree = ast.parse(data, type_comments=True)
    except (SyntaxError, ValueError):
        return {}
    lines = [line.encode() for line in text_of(data).split("\n")]
    found: dict[Place, list[ast.expr]] = {}
    for node in walk(tree):
        comment = getattr(node, "type_comment", None)
        if comment and isinstance(node, ast.stmt | ast.arg):
            types = _parsed(comment, is_function=isinstance(node, Function))
            if types and _put(types, comment.encode(), _lines_of(node), lines):
                found[node.lineno, node.col_offset] = types
    return found


def _parsed(comment: str, *, is_function: bool) -> list[ast.expr]:
    try:
        if is_function:
            told = ast.parse(comment, mode="func_type")
            return [*told.argtypes, told.returns]
        return [ast.parse(comment, mode="eval").body]
    except (SyntaxError, ValueError):
        return []


def _lines_of(node: ast.stmt | ast.arg) -> range:
    """Where the comment about a node may be: at its end, or between its head and its body."""
    body: list[ast.stmt] = getattr(node, "body", [])
    last = node.end_lineno or node.lineno
    return range(node.lineno, body[0].lineno + 1) if body else range(last, last + 2)


def _put(types: list[ast.expr], comment: bytes, numbers: range, lines: list[bytes]) -> bool:
    """Give the types the places that they have in the file; False where the comment is not found."""
    for number in numbers:
        at = lines[number - 1].rfind(comment) if number <= len(lines) else -1
        if at >= 0 and _MAY_BE_ANY.search(lines[number - 1], 0, at):
            for node in _expressions(types):
                node.lineno = node.end_lineno = number
                node.col_offset += at
                node.end_col_offset = (node.end_col_offset or 0) + at
            return True
    return False


def _expressions(types: list[ast.expr]) -> Iterator[ast.expr]:
    return (node for one in types for node in walk(one) if isinstance(node, ast.expr))
