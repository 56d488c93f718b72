"""New comments and marks that silence a check on a line, in a file, or for a test."""

from __future__ import annotations

import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator

from gate.model import Finding
from gate.weakenings.sides import Sides, weakening

COMMENTS = {
    "noqa": re.compile(r"#\s*(?:(?:ruff|flake8)\s*:\s*)?noqa\b(?:\s*:\s*[A-Z0-9, ]+)?", re.IGNORECASE),
    "ruff-disable": re.compile(
        r"#\s*ruff\s*:\s*(?:disable|ignore|isort\s*:\s*skip_file)[^#]*", re.IGNORECASE
    ),
    "type-ignore": re.compile(r"#\s*(?:type|pyright|ty|pyrefly)\s*:\s*ignore\b(?:\[[^\]]*\])?"),
    "mypy-inline": re.compile(r"#\s*(?:mypy|pyright)\s*:\s*(?!ignore(?:\[|\s|$))\S[^#]*"),
    "gate-ignore": re.compile(r"#\s*gate\s*:\s*ignore\b(?:\[[^\]]*\])?"),
    "no-cover": re.compile(r"#\s*pragma\s*:\s*no\s*(?:cover|branch)\b"),
}
SKIPS = re.compile(
    r"""\b(?:pytest\s*\.\s*(?:mark\s*\.\s*(?:skip|skipif|xfail)|skip|xfail|importorskip)
    |unittest\s*\.\s*(?:skip|skipIf|skipUnless|expectedFailure)|(?:self\s*\.\s*)skipTest
    |mark\s*\.\s*(?:skip|skipif|xfail)|collect_ignore(?:_glob)?)\b""",
    re.VERBOSE,
)
HIDES = {
    "noqa": "lint findings",
    "ruff-disable": "lint findings",
    "type-ignore": "type errors",
    "mypy-inline": "type errors, by a setting of its own",
    "gate-ignore": "findings of the names check",
    "no-cover": "missing tests from the coverage",
    "skip": "a failing test",
}


def find(files: Iterable[Sides]) -> Iterator[Finding]:
    """A finding for each suppression that the new side has more often than the old one."""
    for file in files:
        if file.new is None or not file.path.endswith((".py", ".pyi", ".ipynb")):
            continue
        before = Counter((kind, text) for kind, text, _ in marks(file.old_text))
        for kind, text, line in marks(file.new_text):
            if before[kind, text]:
                before[kind, text] -= 1
            else:
                yield weakening(file.path, f"new-{kind}", f"`{text}` would hide {HIDES[kind]}", line)


def marks(source: str) -> Iterator[tuple[str, str, int]]:
    """Every suppression in `source`: its kind, its text with blanks normalised, and its line."""
    for line, comment in _comments(source):
        for kind, pattern in COMMENTS.items():
            for match in pattern.finditer(comment):
                yield kind, " ".join(match[0].split()), line
    for number, text in enumerate(source.splitlines(), 1):
        for match in SKIPS.finditer(text):
            yield "skip", "".join(match[0].split()), number


def _comments(source: str) -> list[tuple[int, str]]:
    # Strings may speak of noqa without silencing anything, so the file is read as Python reads it; a
    # file that is no Python is read line by line, where a mark too many only asks for one more look.
    try:
        tokens = list(tokenize.generate_tokens(iter(source.splitlines(keepends=True)).__next__))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return [(number, line) for number, line in enumerate(source.splitlines(), 1) if "#" in line]
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]
