"""Both versions of a changed file, as detectors receive them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gate.finding import Finding

SOURCES = (".py", ".pyi", ".pyw")
TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test|tests?)\.py$|(?:^|/)tests?/.*\.py$")
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.MULTILINE)
"""An encoding declaration as in PEP 263, which counts only in the first two lines."""
PLAIN = re.compile(r"utf-?8(?:-sig)?|(?:us-?)?ascii|latin-?1|iso-?8859-?\d+|cp125\d", re.IGNORECASE)
"""Encodings in which bytes that look like ASCII are ASCII."""


@dataclass(frozen=True, slots=True)
class FileDiff:
    """A changed path with its content before and after, None if it doesn't exist.

    `renamed_from` is the previous path if git detects a rename; `old` is then the content at that path. The previous
    path has a FileDiff of its own, because what a file there decided no longer applies. `link` is True if either
    version is a symlink or a submodule.
    """

    path: str
    old: bytes | None
    new: bytes | None
    renamed_from: str = ""
    link: bool = False

    @property
    def old_text(self) -> str:
        """The content before as text. Bytes that aren't UTF-8 are preserved."""
        return self._text(self.old)

    @property
    def new_text(self) -> str:
        """The content after as text. Bytes that aren't UTF-8 are preserved."""
        return self._text(self.new)

    def _text(self, data: bytes | None) -> str:
        """Decode the content, as Python would if it is a Python file."""
        encoding = cookie(data) if data and self.path.endswith(SOURCES) else ""
        if not PLAIN.fullmatch(encoding):
            encoding = "utf-8"
        return (data or b"").removeprefix(b"\xef\xbb\xbf").decode(encoding, "surrogateescape")

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


def cookie(data: bytes) -> str:
    """Return the encoding declared in the first two lines of a Python file, or ""."""
    match = _COOKIE.search(b"\n".join(re.split(rb"\r\n|\r|\n", data)[:2]))
    return match[1].decode("ascii").replace("_", "-") if match else ""


def lines_of(text: str) -> list[str]:
    """Split text into lines as Python and the tools do: form feeds and Unicode separators don't end a line."""
    return re.split(r"\r\n|\r|\n", text)


def weakening(path: str, rule: str, message: str, line: int = 0, hint: str = "") -> Finding:
    """Build a finding. `message` says what would no longer be checked."""
    return Finding(path, line, 1 if line else 0, line, rule, "error", message, hint)
