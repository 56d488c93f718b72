"""Read a notebook's code cells as one Python file, and map findings in it back to the notebook."""

from __future__ import annotations

import ast
import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from gate.finding import Edit, Finding

TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]|[^\s\[\]{},:"]+')
PIECE = re.compile(r"\\u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w|\\u\w{4}|\\.|.", re.DOTALL)
# Names that IPython adds to the builtins. It takes two lines so that no comment in a cell can declare another
# encoding.
PRELUDE = "display = get_ipython = In = Out = exit = quit = _ = __ = ___ = _i = _ii = _iii = _ih = _oh = _dh = None\n\n"
ANY_NAMES = "from ipython_magic import *\n"
"""Replaces a magic that may bind names, such as `%run`, and a cell that can't be parsed."""
HARMLESS = frozenset({
    "autoreload", "cd", "conda", "config", "debug", "env", "history", "load_ext", "ls", "lsmagic", "matplotlib",
    "memit", "mkdir", "pdb", "pip", "precision", "pwd", "reload_ext", "set_env", "tensorboard", "time", "timeit",
    "watermark", "who", "whos", "bash", "cmd", "html", "HTML", "javascript", "js", "latex", "markdown", "script",
    "sh", "svg",
})  # fmt: skip
AROUND = frozenset({"time", "timeit"})
"""Magics followed by Python code, for a line or a cell."""
CAPTURED = re.compile(r"(\s*[A-Za-z_][\w, ]*=)\s*[!%]")
HELP = re.compile(r"\s*\?|[^#'\"]*\?\s*$")


@dataclass(frozen=True, slots=True)
class _Text:
    """A string in the notebook's JSON: its value, its start in the file, and its raw text."""

    value: str
    start: int
    raw: str

    def offset(self, position: int) -> int:
        """Return the offset in the file of the character at `position` in the value."""
        if "\\" not in self.raw:
            return self.start + 1 + position
        pieces = PIECE.findall(self.raw[1:-1])
        return self.start + 1 + sum(map(len, pieces[:position]))


@dataclass(frozen=True, slots=True)
class _Cell:
    """A code cell: its number among all cells, and the strings that make up its source."""

    number: int
    texts: tuple[_Text, ...]

    @property
    def source(self) -> str:
        """The source as written."""
        return "".join(text.value for text in self.texts)

    def offset(self, position: int) -> int:
        """Return the offset in the file of the character at `position` in the source."""
        for text in self.texts:
            if position < len(text.value):
                return text.offset(position)
            position -= len(text.value)
        return self.texts[-1].offset(len(self.texts[-1].value)) if self.texts else 0


class Notebook:
    """The code of a Python notebook. `text` is a single file with all code cells in order."""

    def __init__(self, raw: str, cells: list[_Cell]) -> None:
        """Join the code cells. `raw` is the content of the file."""
        self._raw = raw
        self._cells = cells
        self._first: list[int] = []
        self._shifts: dict[int, int] = {}
        parts = [PRELUDE]
        line = 1 + PRELUDE.count("\n")
        is_open = False
        for cell in cells:
            self._first.append(line)
            code, opens = self._python(cell.source, line)
            is_open = is_open or opens
            parts.append(code + "\n")
            line += code.count("\n") + 1
        self.text = "".join(parts) + (ANY_NAMES if is_open else "")

    def _python(self, source: str, line: int) -> tuple[str, bool]:
        """Return a cell as Python with the same number of lines, and whether it may bind names that gate can't see."""
        if not source.lstrip().startswith("%%") and _parses(source):
            return source, False
        lines = source.split("\n")
        code_lines: list[str] = []
        opens = False
        for number, text in enumerate(lines):
            code, magic = _plain(text)
            if magic.startswith("%%"):
                opens = opens or magic.lstrip("%") not in HARMLESS
                if magic.lstrip("%") not in AROUND:
                    return "\n" * (len(lines) - 1), opens
                code = ""
            opens = opens or (bool(magic) and magic.lstrip("%!?") not in HARMLESS | {""})
            if magic in {"%time", "%timeit"}:
                self._shifts[line + number] = len(text) - len(code)
            code_lines.append(code)
        joined = "\n".join(code_lines)
        return (joined, opens) if _parses(joined) else ("\n" * (len(lines) - 1), True)

    def placed(self, finding: Finding) -> Finding | None:
        """Return the finding at its position in the notebook file, with its cell in the hint.

        Returns None for an undefined name without a fix: the kernel may define it, so only certain typos are reported.
        """
        index = bisect_right(self._first, finding.line) - 1
        if index < 0 or (finding.rule == "undefined-name" and not finding.fix):
            return None
        cell, line = self._cells[index], finding.line - self._first[index] + 1
        start, column = self._place(finding.line, finding.column)
        end, _ = self._place(finding.end_line, 1)
        hint = f"{finding.hint} (cell {cell.number}, line {line})".strip()
        fix = tuple(Edit(*self._place(edit.line, edit.column), edit.old, edit.new) for edit in finding.fix)
        return replace(finding, line=start, column=column, end_line=max(start, end), hint=hint, fix=fix)

    def _place(self, line: int, column: int) -> tuple[int, int]:
        index = max(bisect_right(self._first, line) - 1, 0)
        cell = self._cells[index]
        preceding = cell.source.split("\n")[: line - self._first[index]]
        position = sum(len(text) + 1 for text in preceding) + column - 1 + self._shifts.get(line, 0)
        offset = cell.offset(max(position, 0))
        start = self._raw.rfind("\n", 0, offset) + 1
        return self._raw.count("\n", 0, offset) + 1, offset - start + 1


def read(data: bytes) -> Notebook | None:
    """Parse the notebook in `data`. Returns None if its format is unknown or its language isn't Python."""
    try:
        raw = data.decode("utf-8").replace("\r\n", "\n")
        content = json.loads(raw)
        metadata = content.get("metadata") or {}
        spec = metadata.get("kernelspec") or {}
        language = (metadata.get("language_info") or {}).get("name") or spec.get("language") or "python"
        if content.get("nbformat", 4) < 4 or "python" not in str(language).casefold():
            return None
        notebook = Notebook(raw, list(_cells(_value(TOKEN.finditer(raw)))))
        notebook.text.encode("utf-8")
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return notebook


def _value(tokens: Iterator[re.Match[str]], first: re.Match[str] | None = None) -> object:
    """Read a value from JSON that is known to be valid: strings as `_Text`, numbers and constants as None."""
    token = first or next(tokens)
    match token[0][0]:
        case "{":
            entries: dict[str, object] = {}
            while (key := next(tokens))[0] != "}":
                entries[json.loads(key[0])] = _value(tokens)
            return entries
        case "[":
            items = []
            while (item := next(tokens))[0] != "]":
                items.append(_value(tokens, item))
            return items
        case '"':
            return _Text(json.loads(token[0]), token.start(), token[0])
    return None


def _cells(root: object) -> Iterator[_Cell]:
    cells = root.get("cells") if isinstance(root, dict) else None
    for number, cell in enumerate(cells if isinstance(cells, list) else [], 1):
        kind, source = (cell.get("cell_type"), cell.get("source")) if isinstance(cell, dict) else (None, None)
        texts = source if isinstance(source, list) else [source]
        if isinstance(kind, _Text) and kind.value == "code":
            yield _Cell(number, tuple(text for text in texts if isinstance(text, _Text)))


def _plain(line: str) -> tuple[str, str]:
    """Return a cell's line without IPython syntax, and the name of its magic, or "" if it has none."""
    stripped = line.lstrip()
    indent = line[: len(line) - len(stripped)]
    captured = CAPTURED.match(line)
    if captured:
        return f"{captured[1]} None", "!"
    if stripped.startswith(("%", "!")):
        word, _, rest = stripped.partition(" ")
        if word in {"%time", "%timeit"} and not rest.lstrip().startswith("-"):
            return indent + rest.lstrip(), word
        return f"{indent}pass", word if word.startswith("%") else "!"
    if HELP.match(line):
        return f"{indent}pass", "?"
    return line, ""


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
