"""What all dialects share: reading lines, and splitting them where white space is not escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator

WORD = re.compile(r"(?:\\.|[^\s\\]|\\$)+", re.DOTALL)
ODD_SPACE = re.compile(r"(?:(?![ \t\n])\s|[\u200b-\u200f\u2060\ufeff])(?<!\r)|\r(?!\n|\Z)")
"""White space that looks like a blank and is none to a forge, or that cannot be seen at all."""


def text_of(data: bytes) -> str:
    """A file as text, losing nothing but a byte order mark."""
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def lines_of(data: bytes) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers, without their ends; a byte order mark is dropped."""
    for number, line in enumerate(text_of(data).split("\n"), 1):
        yield number, line.removesuffix("\r")


def words_of(line: str) -> list[str]:
    """The words of a line as they are written; a backslash keeps what follows in the word, a comment ends it all."""
    if "\\" not in line:
        words = line.split()
        if "#" not in line:
            return words
    else:
        words = WORD.findall(line)
    for number, word in enumerate(words):
        if word[0] == "#":
            return words[:number]
    return words


def column_of(line: str, number: int) -> int:
    """The column, from 1, at which the word `number` of the line begins."""
    for found, match in enumerate(WORD.finditer(line)):
        if found == number:
            return match.start() + 1
    return 1
