"""The diff between two versions of a file as rows, with both line numbers and the changed words of each line."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal

AROUND: Final = 3
"""Unchanged lines shown before and after a change."""
AROUND_FINDING: Final = 2
"""Unchanged lines shown before and after a finding that isn't on a changed line."""
MOST_TOKENS: Final = 200
LEAST_ALIKE: Final = 0.4
"""The similarity below which lines are shown as two lines, with no words marked."""

Kind = Literal["", "added", "removed", "gap"]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a diff. `old` and `new` are its line numbers, or 0; `spans` are the parts of it that changed."""

    kind: Kind
    old: int
    new: int
    text: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """The rows to show of a file, with gaps where lines are omitted, and the numbers of added and removed lines."""

    rows: tuple[Row, ...]
    added: int
    removed: int


def compare(old: Sequence[str], new: Sequence[str], lines: Collection[int] = ()) -> Difference:
    """Return the diff with a few lines around each change, and around each of the `lines` of the new version."""
    rows: list[Row] = []
    for kind, start, end, new_start, new_end in SequenceMatcher(None, old, new).get_opcodes():
        if kind == "equal":
            rows += [Row("", start + n + 1, new_start + n + 1, old[start + n]) for n in range(end - start)]
        else:
            rows += _changed(old[start:end], new[new_start:new_end], start, new_start)
    shown = sorted(_shown(rows, frozenset(lines)))
    return Difference(
        tuple(_with_gaps(rows, shown)),
        sum(row.kind == "added" for row in rows),
        sum(row.kind == "removed" for row in rows),
    )


def _changed(old: Sequence[str], new: Sequence[str], start: int, new_start: int) -> list[Row]:
    marks = [_words(old_line, new_line) for old_line, new_line in zip(old, new, strict=False)]
    none: tuple[Span, ...] = ()
    removed = [
        Row("removed", start + n + 1, 0, text, marks[n][0] if n < len(marks) else none)
        for n, text in enumerate(old)
    ]
    return removed + [
        Row("added", 0, new_start + n + 1, text, marks[n][1] if n < len(marks) else none)
        for n, text in enumerate(new)
    ]


def _words(old_line: str, new_line: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Return the parts of two lines that differ, word by word. Empty if the lines have little in common."""
    old, new = _tokens(old_line), _tokens(new_line)
    if max(len(old), len(new)) > MOST_TOKENS:
        return (), ()
    matcher = SequenceMatcher(None, [text for _, text in old], [text for _, text in new], autojunk=False)
    if matcher.ratio() < LEAST_ALIKE:
        return (), ()
    changes = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    return (
        tuple(_span(old, first, last) for _, first, last, _, _ in changes if last > first),
        tuple(_span(new, first, last) for _, _, _, first, last in changes if last > first),
    )


def _tokens(text: str) -> list[tuple[int, str]]:
    return [(match.start(), match[0]) for match in re.finditer(r"\w+|\s+|[^\w\s]", text)]


def _span(tokens: Sequence[tuple[int, str]], first: int, last: int) -> Span:
    return tokens[first][0], tokens[last - 1][0] + len(tokens[last - 1][1])


def _shown(rows: Sequence[Row], lines: Collection[int]) -> set[int]:
    shown: set[int] = set()
    for at, row in enumerate(rows):
        around = AROUND if row.kind else AROUND_FINDING if row.new in lines else -1
        if around >= 0:
            shown.update(range(max(at - around, 0), min(at + around + 1, len(rows))))
    return shown


def _with_gaps(rows: Sequence[Row], shown: Sequence[int]) -> Iterator[Row]:
    last = -1
    for at in shown:
        if at != last + 1:
            yield Row("gap", 0, 0, "")
        yield rows[at]
        last = at
    if shown and last < len(rows) - 1:
        yield Row("gap", 0, 0, "")
