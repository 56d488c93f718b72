"""Parse types that aren't code: comments such as `# type: List[int]`, and strings as in `def f(a: "Item")`."""

from __future__ import annotations

import ast
import collections.abc
import re
import typing
from collections.abc import Iterator

from gate.names.read.decoding import text_of
from gate.names.syntax.nodes import Function, children, last_name, walk

Place = tuple[int, int]
_CLASS = re.compile(r"(?:[\w.]+\.)?_?[A-Z]\w*(?:\[[\w\[\]., |]*\])?$")
"""The form of a type, unlike that of a parameter's description."""
_GENERIC = frozenset(typing.__all__) | frozenset(collections.abc.__all__) | {
    "list", "dict", "tuple", "set", "frozenset", "type", "deque", "defaultdict", "OrderedDict", "Counter", "ChainMap",
}  # fmt: skip
ARGUMENT_TYPES = frozenset({"Arg", "DefaultArg", "NamedArg", "DefaultNamedArg", "VarArg", "KwArg"})
"""Constructors in `mypy_extensions` for the parameters of a `Callable`."""
_MAY_BE_ANY = re.compile(rb"#[ \t]*+type:[ \t]*+(?!ignore\b)")
"""Most files have no type comments other than `ignore`, so they aren't parsed a second time."""


def types_in_comments(data: bytes) -> dict[Place, list[ast.expr]]:
    """Return the types in comments, by the position of the statement or parameter that they annotate.

    Empty for a file with a misplaced type comment, because it can't be parsed with comments.
    """
    if not _MAY_BE_ANY.search(data):
        return {}
    try:
        tree = ast.parse(data, type_comments=True)
    except (SyntaxError, ValueError):
        return {}
    lines = [line.encode() for line in text_of(data).split("\n")]
    by_position: dict[Place, list[ast.expr]] = {}
    for node in walk(tree):
        comment = getattr(node, "type_comment", None)
        if comment and isinstance(node, ast.stmt | ast.arg):
            types = _parsed(comment, is_function=isinstance(node, Function))
            if types and _put(types, comment.encode(), _lines_of(node), lines):
                by_position[node.lineno, node.col_offset] = types
    return by_position


def texts_of_types(annotation: ast.expr, *, is_certain: bool = False) -> Iterator[tuple[ast.Constant, bool]]:
    """Yield the strings in an annotation that are types, and whether each is one for certain.

    A string on its own may be a description, and some packages put other strings into brackets. The values of a
    `Literal` and the metadata in `Annotated` aren't types.
    """
    match annotation:
        case ast.Constant(value=str(text)):
            yield annotation, is_certain or _CLASS.match(text) is not None
        case ast.Subscript(value=outer, slice=inside):
            first = inside.elts[:1] if isinstance(inside, ast.Tuple) else [inside]
            name = last_name(outer)
            for part in [] if name == "Literal" else first if name == "Annotated" else [inside]:
                yield from texts_of_types(part, is_certain=name in _GENERIC)
        case ast.Call(func=function, args=[first, *_]) if last_name(function) in ARGUMENT_TYPES:
            yield from texts_of_types(first, is_certain=True)
        case ast.Dict(values=fields):
            # `TypedDict[{"name": "Item"}]`
            for field in fields if is_certain else ():
                yield from texts_of_types(field, is_certain=True)
        case ast.Tuple() | ast.List() | ast.BinOp():
            for inner in children(annotation):
                if isinstance(inner, ast.expr):
                    yield from texts_of_types(inner, is_certain=is_certain)


def type_in_text(text: ast.Constant) -> ast.expr | None:
    """Return the type in a string, with its positions in the file.

    None if the string isn't a type, or if positions in it aren't obvious, as with escapes or triple quotes.
    """
    content = str(text.value)
    quotes = (text.end_col_offset or 0) - text.col_offset - len(content.encode("utf-8", "replace"))
    if quotes != 2 or text.end_lineno != text.lineno:
        return None
    try:
        expression = ast.parse(content, mode="eval").body
    except (SyntaxError, ValueError):
        return None
    _move([expression], text.lineno, text.col_offset + 1)
    return expression


def _parsed(comment: str, *, is_function: bool) -> list[ast.expr]:
    try:
        if is_function:
            signature = ast.parse(comment, mode="func_type")
            return [*signature.argtypes, signature.returns]
        return [ast.parse(comment, mode="eval").body]
    except (SyntaxError, ValueError):
        return []


def _lines_of(node: ast.stmt | ast.arg) -> range:
    """Return the lines where a node's comment may be: at its end, or between its head and its body."""
    body: list[ast.stmt] = getattr(node, "body", [])
    last = node.end_lineno or node.lineno
    return range(node.lineno, body[0].lineno + 1) if body else range(last, last + 2)


def _put(types: list[ast.expr], comment: bytes, numbers: range, lines: list[bytes]) -> bool:
    """Give the types their positions in the file. Returns False if the comment can't be located."""
    for number in numbers:
        at = lines[number - 1].rfind(comment) if number <= len(lines) else -1
        if at >= 0 and _MAY_BE_ANY.search(lines[number - 1], 0, at):
            _move(types, number, at)
            return True
    return False


def _move(types: list[ast.expr], number: int, column: int) -> None:
    """Move expressions that were parsed as one line to its place in the file."""
    for annotation in types:
        for node in walk(annotation):
            if isinstance(node, ast.expr):
                node.lineno = node.end_lineno = number
                node.col_offset += column
                node.end_col_offset = (node.end_col_offset or 0) + column
