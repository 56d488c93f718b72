"""Decode files as Python does, and normalize line endings to those that its parser counts."""

from __future__ import annotations

import io
import re
import tokenize

LINE_END = re.compile(r"\r\n|\r|\n")


def encoding_of(data: bytes) -> str:
    """Return a source file's encoding from its BOM or encoding cookie. Raises SyntaxError if it is unknown."""
    return tokenize.detect_encoding(io.BytesIO(data).readline)[0]


def plain_text_of(data: bytes) -> str:
    r"""Decode a settings file and normalize its line endings to `\n`. Undecodable bytes are replaced."""
    return LINE_END.sub("\n", data.decode("utf-8-sig", "replace"))


def text_of(data: bytes) -> str:
    r"""Decode source without its byte order mark, with line endings as `\n`. Undecodable bytes are replaced."""
    return LINE_END.sub("\n", data.decode(encoding_of(data), "replace"))
