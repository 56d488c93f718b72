"""The two sides of a changed file, as the detectors get them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gate.finding import Finding

SOURCES = (".py", ".pyi", ".pyw")
TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test|tests?)\.py$|(?:^|/)tests?/.*\.py$")
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.MULTILINE)
"""As PEP 263 has it; it counts in the first two lines."""
PLAIN = re.compile(r"utf-?8(?:-sig)?|(?:us-?)?ascii|latin-?1|iso-?8859-?\d+|cp125\d", re.IGNORECASE)
"""Encodings in which bytes that look like ASCII are just that."""


@dataclass(frozen=True, slots=True)
class FileDiff:
    """A changed path with its content before and after; None where it does not exist.

    `renamed_from` names the path that it had before, where git sees a rename; `old` is then its content
    there. That path has sides of its own, since what a file there decided, it no longer does.
    `link` is True if either side is a symbolic link or a submodule.
    """

    path: str
    old: bytes | None
    new: bytes | None
    renamed_from: str = ""
    link: bool = False

    @property
    def old_text(self) -> str:
        """The content before, as text; bytes that are not UTF-8 survive."""
        return self._text(self.old)

    @property
    def new_text(self) -> str:
        """The content after, as text; bytes that are not UTF-8 survive."""
        return self._text(self.new)

    def _text(self, data: bytes | None) -> str:
        """As Python would read it, if it is Python."""
        encoding = cookie(data) if data and self.path.endswith(SOURCES) else ""
        if not PLAIN.fullmatch(encoding):
            encoding = "utf-8"
        return (data or b"").removeprefix(b"\xef\xbb\xbf").decode(encoding, "surrogateescape")

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


def cookie(data: bytes) -> str:
    """The encoding that the first two lines of a Python file name; "" if they name none."""
    match = _COOKIE.search(b"\n".join(re.split(rb"\r\n|\r|\n", data)[:2]))
    return match[1].decode("ascii").replace("_", "-") if match else ""


def lines_of(text: str) -> list[str]:
    """The lines as Python and the tools count them: a form feed or a Unicode separator ends none."""
    return re.split(r"\r\n|\r|\n", text)


def weakening(path: str, rule: str, message: str, line: int = 0, hint: str = "") -> Finding:
    """One weakening; `message` says what would no longer be seen."""
    return Finding(path, line, 1 if line else 0, line, rule, "error", message, hint)
