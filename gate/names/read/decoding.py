"""The text of a file as Python reads it: decoded, and cut into the lines that a parser counts."""

from __future__ import annotations

import io
import re
import tokenize

LINE_END = re.compile(r"\r\n|\r|\n")


def encoding_of(data: bytes) -> str:
    """The encoding of a source file, by its byte order mark or its cookie; raises SyntaxError if it is unknown."""
    return tokenize.detect_encoding(io.BytesIO(data).readline)[0]


def plain_text_of(data: bytes) -> str:
    """The text of a file of settings, its line ends made `\\n`; what cannot be decoded is replaced."""
    return LINE_END.sub("\n", data.decode("utf-8-sig", "replace"))


def text_of(data: bytes) -> str:
    """The source, its line ends made `\\n`, without a byte order mark; what cannot be decoded is replaced."""
    return LINE_END.sub("\n", data.decode(encoding_of(data), "replace"))
