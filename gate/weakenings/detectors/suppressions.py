"""New comments and marks that suppress a check on a line, in a file, or for a test."""

from __future__ import annotations

import ast
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator

from gate.finding import Finding
from gate.weakenings.analysis.skips import Suppression, may_suppress, suppressions, unreadable_suppressions
from gate.weakenings.analysis.suppression_comments import comments, lines_with_comments, may_comment
from gate.weakenings.file_diff import SOURCES, FileDiff, weakening

NOTEBOOK = ".ipynb"
SETTINGS = (".toml", ".cfg", ".ini", ".conf", ".yaml", ".yml", "Procfile")
"""Files in which the names check resolves names of objects."""
HEEDED = frozenset({"gate-ignore"})
"""Suppressions that also work in settings."""
HIDES = {
    "noqa": "would hide lint findings",
    "ruff-disable": "would hide lint findings",
    "type-ignore": "would hide type errors",
    "mypy-inline": "would hide type errors, by a setting of its own",
    "no-type-check": "would hide type errors, since mypy skips everything below it",
    "any-name": "would hide type errors, since the stub then has every name",
    "gate-ignore": "would hide findings of the names check",
    "no-cover": "would hide missing tests from the coverage",
    "tool-ignore": "would hide findings of the tool that reads it",
    "format-off": "would hide code from the formatter",
    "skip": "would hide a failing test",
    "test-hook": "decides which tests run, or what is reported about them",
}


def find(files: Iterable[FileDiff]) -> Iterator[Finding]:
    """Yield a finding for each new suppression: one over other code, or another test, than before."""
    for file in files:
        if not may_hold(file.path):
            continue
        old, new = list(marks(file.path, file.old_text)), list(marks(file.path, file.new_text))
        old_counts = Counter(_what(mark) for mark in old)
        for mark in new:
            if old_counts[_what(mark)]:
                old_counts[_what(mark)] -= 1
            else:
                yield weakening(file.path, f"new-{mark.kind}", f"`{mark.text}` {HIDES[mark.kind]}", mark.line)
        hooks = {mark.text for mark in old if mark.kind == "test-hook"}
        for name in sorted(hooks - {mark.text for mark in new if mark.kind == "test-hook"}):
            yield weakening(
                file.path,
                "lost-test-hook",
                f"`{name}` was removed, which may have selected tests or reported results",
            )


def may_hold(path: str) -> bool:
    """Return whether a file at `path` may contain a suppression that a check respects."""
    return path.endswith((*SOURCES, NOTEBOOK, *SETTINGS))


def marks(path: str, source: str) -> Iterator[Suppression]:
    """Yield every suppression in `source`, with whitespace normalized, together with the code before it."""
    # Strings may mention noqa without suppressing anything, so Python files are read as Python reads them.
    # Others, notebooks and settings, are read line by line, where a false match only means one more review.
    if not path.endswith(SOURCES):
        candidates = list(lines_with_comments(source))
        yield from (mark for mark in candidates if mark.kind in HEEDED or path.endswith(NOTEBOOK))
        return
    spoken, commented = may_suppress(source), may_comment(source)
    try:
        tree = ast.parse(source) if spoken or commented else ast.Module([], [])
        candidates = list(suppressions(tree, source, path)) if spoken else []
        candidates += comments(source) if commented else ()
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        candidates = [*unreadable_suppressions(source), *lines_with_comments(source)]
    yield from candidates


def _what(mark: Suppression) -> tuple[str, str, str]:
    return mark.kind, mark.text, mark.over
