"""Lay out lines for a terminal: color, width, and characters that an encoding can't represent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from unicodedata import combining, east_asian_width

from gate.reports.context import ReportContext

SGR: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
ASCII: Final = {"✓": "+", "✗": "x", "–": "-", "…": "...", "│": "|", "⚠": "!"}
"""Every typographic character that gate itself writes, and its replacement where it can't be shown."""

Piece = tuple[str, str]
"""A style (words of `SGR`, or nothing) and the text it applies to."""

# Text in a log that a build server would execute as a command: GitHub's `::name::` at the start of a line and,
# anywhere, GitHub's and Azure's `##[name]`, Azure's `##vso[` and TeamCity's `##teamcity[`.
_COMMAND = re.compile(r"##(?=\w*\[)")
_SGR_CODE = re.compile("\x1b\\[[0-9;]*m")


def cells(text: str) -> int:
    """Return the number of terminal columns that `text` takes. Color codes take none."""
    if text.isascii() and "\x1b" not in text:
        return len(text)
    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1
        for char in _SGR_CODE.sub("", text)
    )


def inert(line: str) -> str:
    """Break up every workflow command in the line, so that a log can't give commands."""
    start = len(line) - len(line.lstrip())
    if line.startswith("::", start):
        line = f"{line[:start]}\\x3a{line[start + 1 :]}"
    return _COMMAND.sub(r"#\\x23", line)


@dataclass(frozen=True, slots=True)
class Ink:
    """The capabilities of the output: colors, width, and characters."""

    context: ReportContext

    def paint(self, text: str, style: str) -> str:
        """Return `text` in `style` if colors are enabled."""
        if not self.context.colour or not style or not text:
            return text
        codes = ";".join(SGR[word] for word in style.split())
        return f"\x1b[{codes}m{text}\x1b[0m"

    def flow(self, pieces: Iterable[Piece], indent: int = 0, hang: int = 4) -> list[str]:
        """Wrap `pieces` at spaces into lines that fit the width. Lines after the first are indented by `hang` more.

        Words longer than a line stay whole, so that people can copy paths.
        """
        lines: list[str] = []
        line, used = " " * indent, indent
        empty = True
        for style, text in pieces:
            for word in text.split():
                size = cells(word)
                if not empty and used + 1 + size > self.context.width:
                    lines.append(line)
                    line, used, empty = " " * (indent + hang), indent + hang, True
                line += ("" if empty else " ") + self.paint(word, style)
                used += size + (not empty)
                empty = False
        return lines if empty else [*lines, line]

    def cut(self, text: str, room: int) -> str:
        """Shorten `text` to `room` cells, with an ellipsis if something was cut off."""
        if cells(text) <= room:
            return text
        dots = "…" if _can_show("…", self.context.encoding) else ASCII["…"]
        shortened = ""
        used = len(dots)
        for char in text:
            used += cells(char)
            if used > room:
                break
            shortened += char
        return shortened + dots

    def sheet(self, lines: Iterable[str]) -> str:
        """Return the finished text, without commands for a build server or characters that the encoding lacks."""
        text = "".join(f"{inert(line.rstrip())}\n" for line in lines)
        encoding = self.context.encoding
        if encoding.lower().replace("-", "") == "utf8":
            return text
        for char, plain in ASCII.items():
            if not _can_show(char, encoding):
                text = text.replace(char, plain)
        return text.encode(encoding, "backslashreplace").decode(encoding)


def _can_show(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
