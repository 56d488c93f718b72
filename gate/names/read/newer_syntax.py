"""Parse Python that is newer than the running interpreter by rewriting it, line by line, to older syntax.

Type parameters, `type` statements, f-strings with arbitrary nested quotes, template strings, and `except A, B:` become
older syntax on the same lines. In a rewritten part, only the names are checked.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from gate.names.read.decoding import encoding_of

NEWEST = (3, 14)
"""The newest Python version whose grammar this module knows."""
_PREFIX = re.compile(r"(?<!\w)([rRbBuUfFtT]{0,2})('''|\"\"\"|'|\")")
_DEFINITION = re.compile(r"\b(?:def|class)[ \t]+(\w+)[ \t]*\[")
_TYPE = re.compile(r"^([ \t]*)type[ \t]+(\w+)[ \t]*(?=[\[=])", re.MULTILINE)
_EXCEPT = re.compile(r"^([ \t]*except\*?[ \t]+)((?!\()[^:\n#]+,[^:\n#]+?)([ \t]*:)", re.MULTILINE)


class TypeParameter(ast.AST):
    """A type parameter of a function or a class."""

    def __init__(
        self, name: str, bound: ast.expr | None = None, default_value: ast.expr | None = None
    ) -> None:
        """`bound` is the expression after the colon, and `default_value` the one after the equals sign."""
        self.name = name
        self.bound = bound
        self.default_value = default_value


def parse(data: bytes, *, is_newer: bool = True) -> ast.Module:
    """Parse a file, which may be written for a newer Python if `is_newer`. Raises SyntaxError like `ast.parse`."""
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
    positions = {_place(text, start) for start in templates}
    parameters: dict[tuple[int, str], list[TypeParameter]] = {}
    text = _without_type_parameters(text, parameters)
    text = _EXCEPT.sub(lambda match: f"{match[1]}({match[2]}){match[3]}", _without_type_statements(text))
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            vars(node)["type_params"] = parameters.get((node.lineno, node.name), [])
        elif isinstance(node, ast.JoinedStr) and (node.lineno, node.col_offset) in positions:
            vars(node)["is_template"] = True
    return tree


def _place(text: str, position: int) -> tuple[int, int]:
    """Return the line of a position and its column in bytes, as in syntax trees."""
    line_start = text.rfind("\n", 0, position) + 1
    return text.count("\n", 0, position) + 1, len(text[line_start:position].encode())


@dataclass(frozen=True, slots=True)
class _String:
    """A string literal: its start and end, its prefix, its quotes, and the replacement fields of an f-string."""

    start: int
    end: int
    prefix: str
    quotes: str
    fields: tuple[tuple[int, int], ...] = ()


def _strings(text: str, start: int, end: int) -> Iterator[_String]:
    """Yield the string literals in a piece of code, skipping comments."""
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
    """Return the position of the `}` that ends a replacement field. Raises SyntaxError if there is none."""
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
    """Rewrite f-strings so that their fields only have quotes and characters that an older Python allows there.

    The start positions of template strings in the result are added to `templates`.
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
    """Return a field's code with other quotes around each string in it. A string that can't have them is emptied."""
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
    """Blank out the content of strings and comments, so that only code is left."""
    pieces: list[str] = []
    done = 0
    for string in _strings(text, 0, len(text)):
        pieces += [text[done : string.start], re.sub(r"[^\n]", "_", text[string.start : string.end])]
        done = string.end
    code = "".join([*pieces, text[done:]])
    return re.sub(r"#[^\n]*", lambda match: " " * len(match[0]), code)


def _without_type_parameters(text: str, parameters: dict[tuple[int, str], list[TypeParameter]]) -> str:
    """Remove the type parameters of functions and classes from the text, and add them to `parameters`."""
    code = _code(text)
    characters = list(text)
    for match in _DEFINITION.finditer(code):
        end = _closing(code, match.end())
        line = code.count("\n", 0, match.start()) + 1
        parameters[line, match[1]] = [
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
    """Replace each type alias with a lambda, because its value, too, is only evaluated on demand."""
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
    """Return where the bracket opened before `position` is closed. Raises SyntaxError if it never is."""
    depth = 1
    while position < len(code):
        depth += (code[position] in "([{") - (code[position] in ")]}")
        if not depth:
            return position
        position += 1
    raise SyntaxError("'[' was never closed")


def _parameters(code: str, start: int, end: int) -> Iterator[tuple[str, slice | None, slice | None]]:
    """Yield the type parameters between two brackets: the name, and the slices of the bound and the default."""
    for part in _split(code, start, end, ","):
        named, *bounds = _split(code, part.start, part.stop, ":")
        *_, last = (named, *bounds)
        bound, *defaults = _split(code, last.start, last.stop, "=")
        name = re.match(r"[\s*]*(\w+)", code[named])
        if name is not None:
            yield name[1], bound if bounds else None, defaults[0] if defaults else None


def _split(code: str, start: int, end: int, separator: str) -> list[slice]:
    """Split a piece of code at the separators that aren't inside brackets."""
    depth, parts = 0, []
    for position in range(start, end):
        char = code[position]
        depth += (char in "([{") - (char in ")]}")
        if char == separator and not depth:
            parts.append(slice(start, position))
            start = position + 1
    return [*parts, slice(start, end)]


def _expression(text: str, part: slice | None) -> ast.expr | None:
    """Parse part of the text as an expression with correct positions. Returns None if it is missing or invalid."""
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
