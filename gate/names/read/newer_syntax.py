"""Python that is newer than the interpreter that reads it: rewritten to what this one can parse, line by line.

Type parameters, `type` statements, f-strings that nest any quotes, template strings and `except A, B:` become older
syntax on the same lines. Only the names in a rewritten part are checked.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from gate.names.read.decoding import encoding_of

NEWEST = (3, 14)
"""The version up to which this module knows the grammar."""
_PREFIX = re.compile(r"(?<!\w)([rRbBuUfFtT]{0,2})('''|\"\"\"|'|\")")
_DEFINITION = re.compile(r"\b(?:def|class)[ \t]+(\w+)[ \t]*\[")
_TYPE = re.compile(r"^([ \t]*)type[ \t]+(\w+)[ \t]*(?=[\[=])", re.MULTILINE)
_EXCEPT = re.compile(r"^([ \t]*except\*?[ \t]+)((?!\()[^:\n#]+,[^:\n#]+?)([ \t]*:)", re.MULTILINE)


class TypeParameter(ast.AST):
    """A type parameter of a function or a class, by its name."""

    def __init__(
        self, name: str, bound: ast.expr | None = None, default_value: ast.expr | None = None
    ) -> None:
        """`bound` is what stands after the colon, `default_value` what stands after the equals sign."""
        self.name = name
        self.bound = bound
        self.default_value = default_value


def parse(data: bytes, *, is_newer: bool = True) -> ast.Module:
    """Parse a file that may be written for a newer Python, if `is_newer`. Raises SyntaxError as `ast.parse` does."""
    try:
        return ast.parse(data)
    except SyntaxError as error:
        if not is_newer or sys.version_info >= NEWEST:
            raise
        try:
            return _parse_rewritten(data.decode(encoding_of(data)))
        except (SyntaxError, ValueError):
            raise error from None


def _parse_rewritten(text: str) -> ast.Module:
    templates: set[int] = set()
    text = _older_strings(text, templates)
    places = {_place(text, start) for start in templates}
    parameters: dict[tuple[int, str], list[TypeParameter]] = {}
    text = _without_type_parameters(text, parameters)
    text = _EXCEPT.sub(lambda match: f"{match[1]}({match[2]}){match[3]}", _without_type_statements(text))
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            vars(node)["type_params"] = parameters.get((node.lineno, node.name), [])
        elif isinstance(node, ast.JoinedStr) and (node.lineno, node.col_offset) in places:
            vars(node)["is_template"] = True
    return tree


def _place(text: str, position: int) -> tuple[int, int]:
    """The line of a position, and its column in bytes, as syntax trees have them."""
    line_start = text.rfind("\n", 0, position) + 1
    return text.count("\n", 0, position) + 1, len(text[line_start:position].encode())


@dataclass(frozen=True, slots=True)
class _String:
    """A string literal: where it begins and ends, its prefix, its quotes, and the fields of an f-string."""

    start: int
    end: int
    prefix: str
    quotes: str
    fields: tuple[tuple[int, int], ...] = ()


def _strings(text: str, start: int, end: int) -> Iterator[_String]:
    """The string literals in a piece of code; comments are passed over."""
    position = start
    while position < end:
        char = text[position]
        if char == "#":
            position = _end_of_line(text, position)
        elif (char in "'\"" or char.isalpha()) and (match := _PREFIX.match(text, position)):
            string = _string(text, match)
            yield string
            position = string.end
        else:
            position += 1


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _string(text: str, match: re.Match[str]) -> _String:
    prefix, quotes = match[1], match[2]
    is_formatted = bool(set(prefix.lower()) & {"f", "t"})
    fields: list[tuple[int, int]] = []
    position = match.end()
    while position < len(text):
        if text.startswith(quotes, position):
            return _String(match.start(), position + len(quotes), prefix, quotes, tuple(fields))
        char = text[position]
        if char == "\\" or (is_formatted and text.startswith(("{{", "}}"), position)):
            position += 2
        elif is_formatted and char == "{":
            end = _end_of_field(text, position + 1)
            fields.append((position + 1, end))
            position = end + 1
        elif char == "\n" and len(quotes) == 1:
            raise SyntaxError("unterminated string literal")
        else:
            position += 1
    raise SyntaxError("unterminated string literal")


def _end_of_field(text: str, position: int) -> int:
    """Where the `}` of a replacement field is."""
    depth = 0
    while position < len(text):
        char = text[position]
        if char == "}" and not depth:
            return position
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif (char in "'\"" or char.isalpha()) and (match := _PREFIX.match(text, position)):
            position = _string(text, match).end
            continue
        position += 1
    raise SyntaxError("unterminated replacement field")


def _older_strings(text: str, templates: set[int]) -> str:
    """The text with f-strings whose fields have only quotes and characters that an older Python allows there.

    Where template strings begin in it goes to `templates`.
    """
    pieces: list[str] = []
    done = length = 0
    for string in _strings(text, 0, len(text)):
        if not string.fields and "t" not in string.prefix.lower():
            continue
        older = _older_string(text, string)
        length += string.start - done
        if "t" in string.prefix.lower():
            templates.add(length)
        length += len(older)
        pieces += [text[done : string.start], older]
        done = string.end
    return "".join([*pieces, text[done:]])


def _older_string(text: str, string: _String) -> str:
    prefix = re.sub("[tT]", "f", string.prefix)
    body_end = string.end - len(string.quotes)
    quotes = string.quotes
    if len(quotes) == 1 and any("\n" in text[start:end] for start, end in string.fields):
        quotes *= 3
    pieces = [prefix, quotes]
    done = string.start + len(string.prefix) + len(string.quotes)
    inner = "'" if string.quotes[0] == '"' else '"'
    for start, end in string.fields:
        pieces += [text[done:start], _older_field(text, start, end, inner)]
        done = end
    return "".join([*pieces, text[done:body_end], quotes])


def _older_field(text: str, start: int, end: int, quote: str) -> str:
    """The code of a field, each string in it with the other kind of quotes, and emptied where it cannot have these."""
    pieces: list[str] = []
    done = start
    for string in _strings(text, start, end):
        content = text[
            string.start + len(string.prefix) + len(string.quotes) : string.end - len(string.quotes)
        ]
        prefix = string.prefix
        if string.fields or re.search(r"[\\\n'\"]", content):
            prefix, content = "", " "
        pieces += [text[done : string.start], prefix, quote, content, quote]
        done = string.end
    return re.sub(r"#[^\n]*(?=\n)", "", "".join([*pieces, text[done:end]])).replace("\\\n", " \n")


def _code(text: str) -> str:
    """The text with the content of strings and comments blanked, so that what is left is code."""
    pieces: list[str] = []
    done = 0
    for string in _strings(text, 0, len(text)):
        pieces += [text[done : string.start], re.sub(r"[^\n]", "_", text[string.start : string.end])]
        done = string.end
    code = "".join([*pieces, text[done:]])
    return re.sub(r"#[^\n]*", lambda match: " " * len(match[0]), code)


def _without_type_parameters(text: str, found: dict[tuple[int, str], list[TypeParameter]]) -> str:
    """The text without the type parameters of functions and classes, whose names go to `found`."""
    code = _code(text)
    characters = list(text)
    for match in _DEFINITION.finditer(code):
        end = _closing(code, match.end())
        line = code.count("\n", 0, match.start()) + 1
        found[line, match[1]] = [
            TypeParameter(name, *(_expression(text, part) for part in parts))
            for name, *parts in _parameters(code, match.end(), end)
        ]
        for position in range(match.end() - 1, end + 1):
            if characters[position] != "\n":
                characters[position] = " "
            else:
                characters[position - 1] = "\\"
    return "".join(characters)


def _without_type_statements(text: str) -> str:
    """The text with a lambda for each type alias: what it says is evaluated only when somebody asks for it."""
    code = _code(text)
    pieces: list[str] = []
    done = 0
    for match in _TYPE.finditer(code):
        position, names, bounds = match.end(), "", ""
        if code[position] == "[":
            end = _closing(code, position + 1)
            type_parameters = list(_parameters(code, position + 1, end))
            names = ", ".join(name for name, *_ in type_parameters)
            bounds = "".join(
                f" ({' '.join(text[part].split())}) and"
                for _, *parts in type_parameters
                for part in parts
                if part
            )
            position = end + 1
        equals = code.find("=", position)
        pieces += [text[done : match.start()], match[1], match[2], " = lambda ", names, ":", bounds]
        done = equals + 1
    return "".join([*pieces, text[done:]])


def _closing(code: str, position: int) -> int:
    """Where the bracket is closed that was opened before `position`."""
    depth = 1
    while position < len(code):
        depth += (code[position] in "([{") - (code[position] in ")]}")
        if not depth:
            return position
        position += 1
    raise SyntaxError("'[' was never closed")


def _parameters(code: str, start: int, end: int) -> Iterator[tuple[str, slice | None, slice | None]]:
    """The type parameters between two brackets: each name, and where its bound and its default stand."""
    for part in _split(code, start, end, ","):
        named, *bounds = _split(code, part.start, part.stop, ":")
        *_, last = (named, *bounds)
        bound, *defaults = _split(code, last.start, last.stop, "=")
        name = re.match(r"[\s*]*(\w+)", code[named])
        if name is not None:
            yield name[1], bound if bounds else None, defaults[0] if defaults else None


def _split(code: str, start: int, end: int, separator: str) -> list[slice]:
    """The parts of a piece of code between separators that are in no brackets."""
    depth, parts = 0, []
    for position in range(start, end):
        char = code[position]
        depth += (char in "([{") - (char in ")]}")
        if char == separator and not depth:
            parts.append(slice(start, position))
            start = position + 1
    return [*parts, slice(start, end)]


def _expression(text: str, part: slice | None) -> ast.expr | None:
    """The expression that stands in a part of the text, at its place; None if there is none, or it cannot be read."""
    if part is None:
        return None
    try:
        expression = ast.parse(f"({text[part]})", mode="eval").body
    except (SyntaxError, ValueError):
        return None
    line = text.count("\n", 0, part.start) + 1
    column = len(text[text.rfind("\n", 0, part.start) + 1 : part.start].encode()) - 1
    for node in ast.walk(expression):
        if isinstance(node, ast.expr):
            shift = column if node.lineno == 1 else 0
            node.col_offset += shift
            node.end_col_offset = (node.end_col_offset or 0) + shift
            node.lineno += line - 1
            node.end_lineno = (node.end_lineno or 1) + line - 1
    return expression
