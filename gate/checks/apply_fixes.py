"""Apply fixes to the content of a file, preserving its encoding, line endings, and byte order mark. Pure."""

from __future__ import annotations

import ast
import re
import tokenize
import warnings
from collections.abc import Iterable

from gate.finding import Edit
from gate.json_input import parse_json
from gate.settings_input import parse_toml

LINE = re.compile(r"\r\n|\r|\n")
BOM = b"\xef\xbb\xbf"


def apply_fixes(path: str, data: bytes, fixes: Iterable[tuple[Edit, ...]]) -> bytes | None:
    """Return `data` with every fix that can be applied as a whole, or None if none can or the result would be invalid.

    A fix is skipped if the text to replace isn't where it should be, or if the fix overlaps another one.
    """
    try:
        codec = _codec(path, data)
        text = data.removeprefix(BOM).decode(codec)
    except (LookupError, SyntaxError, ValueError):
        return None
    starts = [0, *(match.end() for match in LINE.finditer(text))]
    taken: dict[tuple[int, int], str] = {}
    for fix in fixes:
        spans = [_span(text, starts, edit) for edit in fix]
        whole = {span: edit.new for span, edit in zip(spans, fix, strict=True) if span is not None}
        if None not in spans and all(_fits(span, new, taken) for span, new in whole.items()):
            taken |= whole
    fixed_text = text
    for (start, end), new in sorted(taken.items(), reverse=True):
        fixed_text = fixed_text[:start] + new + fixed_text[end:]
    if fixed_text == text or not _reads(path, fixed_text):
        return None
    try:
        result = (BOM if data.startswith(BOM) else b"") + fixed_text.encode(codec)
    except UnicodeEncodeError:
        return None
    # Some encodings don't round-trip; then the rest of the file would change too.
    return result if text.encode(codec) == data.removeprefix(BOM) else None


def _codec(path: str, data: bytes) -> str:
    if not path.endswith((".py", ".pyi")):
        return "utf-8"
    encoding = tokenize.detect_encoding(iter(data.splitlines(keepends=True)).__next__)[0]
    return "utf-8" if encoding == "utf-8-sig" else encoding


def _span(text: str, starts: list[int], edit: Edit) -> tuple[int, int] | None:
    if not 0 < edit.line <= len(starts) or edit.column < 1:
        return None
    start = starts[edit.line - 1] + edit.column - 1
    end = start + len(edit.old)
    return (start, end) if edit.old and text[start:end] == edit.old else None


def _fits(span: tuple[int, int], new: str, taken: dict[tuple[int, int], str]) -> bool:
    """Return whether no other fix changes this range, except for an identical one."""
    if span in taken:
        return taken[span] == new
    return all(span[1] <= start or end <= span[0] for start, end in taken)


def _reads(path: str, text: str) -> bool:
    """Return whether the file can still be parsed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if path.endswith((".py", ".pyi")):
                ast.parse(text)
        if path.endswith((".ipynb", ".json")):
            parse_json(text)
        if path.endswith(".toml"):
            parse_toml(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
