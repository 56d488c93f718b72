"""What all dialects share: reading lines, and splitting them where white space is not escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

TOKEN = re.compile(r"(?:\\.|[^\s\\]|\\$)+", re.DOTALL)
WORD = re.compile(r"\S+")


class Token(NamedTuple):
    """A word of a line as it is written, and the column at which it begins, from 1."""

    text: str
    column: int


def lines_of(data: bytes) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers, without their ends; a byte order mark is dropped."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    for number, line in enumerate(text.split("\n"), 1):
        yield number, line.removesuffix("\r")


def tokens_of(line: str) -> list[Token]:
    """The words of a line; a backslash keeps what follows in the word. A comment ends the line."""
    found = []
    for match in (TOKEN if "\\" in line else WORD).finditer(line):
        if match[0].startswith("#"):
            break
        found.append(Token(match[0], match.start() + 1))
    return found


def unescaped(text: str) -> str:
    """`text` with each backslash taken away, and what follows it kept."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
