"""What all dialects share: reading lines, and splitting them where white space is not escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator

WORD = re.compile(r"(?:\\.|[^\s\\]|\\$)+", re.DOTALL)
ODD_SPACE = re.compile(r"[^\S \t\r\n]|\r(?!\n|\Z)|[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
ODD_BYTES = (b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x1f", b"\r")


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


def odd_spaces(data: bytes) -> Iterator[tuple[int, int, str]]:
    """Line, column and character of what looks like a blank and is none to a forge, or cannot be seen.

    What stands in a comment does no harm and is left out.
    """
    if data.isascii() and not any(byte in data for byte in ODD_BYTES):
        return
    text = text_of(data)
    for match in ODD_SPACE.finditer(text):
        start = text.rfind("\n", 0, match.start()) + 1
        before = text[start : match.start()]
        if not re.search(r"(?:^|\s)#", before):
            yield text.count("\n", 0, start) + 1, len(before) + 1, match[0]


def column_of(line: str, number: int) -> int:
    """The column, from 1, at which the word `number` of the line begins."""
    for found, match in enumerate(WORD.finditer(line)):
        if found == number:
            return match.start() + 1
    return 1
