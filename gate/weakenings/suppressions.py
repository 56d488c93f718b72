"""New comments and marks that silence a check on a line, in a file, or for a test."""

from __future__ import annotations

import ast
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator

from gate.model import Finding
from gate.weakenings.sides import Sides, weakening
from gate.weakenings.silencers import Silencer, silencers

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
SOURCES = (".py", ".pyi", ".ipynb")
SETTINGS = (".toml", ".cfg", ".ini", ".conf", ".yaml", ".yml", "Procfile")
"""Files in which the names check follows names of objects."""
HEEDED = frozenset({"gate-ignore"})
"""What is heeded in settings as well."""
HIDES = {
    "noqa": "would hide lint findings",
    "ruff-disable": "would hide lint findings",
    "type-ignore": "would hide type errors",
    "mypy-inline": "would hide type errors, by a setting of its own",
    "no-type-check": "would hide type errors, since mypy passes over what is below it",
    "gate-ignore": "would hide findings of the names check",
    "no-cover": "would hide missing tests from the coverage",
    "skip": "would hide a failing test",
    "test-hook": "has a say in which tests run, and in what is reported of them",
}


def find(files: Iterable[Sides]) -> Iterator[Finding]:
    """A finding for each suppression that is new: over another line of code, or another test, than before."""
    for file in files:
        if file.new is None or not may_hold(file.path):
            continue
        before = Counter(_what(mark) for mark in marks(file.path, file.old_text))
        for mark in marks(file.path, file.new_text):
            if before[_what(mark)]:
                before[_what(mark)] -= 1
            else:
                yield weakening(file.path, f"new-{mark.kind}", f"`{mark.text}` {HIDES[mark.kind]}", mark.line)


def may_hold(path: str) -> bool:
    """Whether a file at `path` may hold a suppression that a check heeds."""
    return path.endswith((*SOURCES, *SETTINGS))


def marks(path: str, source: str) -> Iterator[Silencer]:
    """Every suppression in `source`, its text with blanks normalised, over the code that stands before it."""
    # Strings may speak of noqa without silencing anything, so the file is read as Python reads it; what is no
    # Python, a notebook or settings, is read line by line, where a mark too many only asks for one more look.
    try:
        if not path.endswith((".py", ".pyi")):
            raise SyntaxError
        tokens = list(tokenize.generate_tokens(iter(source.splitlines(keepends=True)).__next__))
        found = list(silencers(ast.parse(source), source))
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        lines = [(number, *line.partition("#")) for number, line in enumerate(source.splitlines(), 1)]
        comments = [(number, mark + rest, code) for number, code, mark, rest in lines if mark]
    else:
        yield from found
        comments = [
            (token.start[0], token.string, token.line[: token.start[1]])
            for token in tokens
            if token.type == tokenize.COMMENT
        ]
    for number, comment, code in comments:
        for kind, pattern in COMMENTS.items():
            if kind in HEEDED or path.endswith(SOURCES):
                for match in pattern.finditer(comment):
                    yield Silencer(kind, " ".join(match[0].split()), code.strip(), number)


def _what(mark: Silencer) -> tuple[str, str, str]:
    return mark.kind, mark.text, mark.over
