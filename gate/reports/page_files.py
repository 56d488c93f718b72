"""The files of the HTML page: what changed since the base, each with its difference line by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from gate.model import FileChange, Verdict
from gate.reports.context import ReportContext
from gate.reports.markup import escape
from gate.reports.page_owners import needed
from gate.reports.select import groups
from gate.reports.words import count, visible_path

FEW_FILES: Final = 30
MOST_FILES: Final = 2000
MOST_DIFFERENCES: Final = 60
"""So many files are shown line by line; a larger change is read where it was written."""
LONGEST_FILE: Final = 3000
MOST_ROWS: Final = 400
OPEN_ROWS: Final = 60
"""Differences are open from the start while all of them together are no longer than this."""
LONGEST_LINE: Final = 400
AROUND: Final = 3
SUBMODULE: Final = "160000"


@dataclass(frozen=True, slots=True)
class Difference:
    """A file's difference as rows of the page, and how many lines came and went."""

    rows: tuple[str, ...]
    added: int
    removed: int


def files(verdict: Verdict, context: ReportContext) -> str:
    """Every file that differs from the base, with what it still waits for."""
    change = verdict.change
    if not change.files:
        return "<p>Merging changes nothing.</p>"
    reasons = _reasons(verdict)
    room = OPEN_ROWS
    rows = []
    for place, file in enumerate(change.files[:MOST_FILES]):
        shown = _difference(file, verdict, context) if place < MOST_DIFFERENCES else None
        room -= len(shown.rows) if shown else 0
        rows.append(_file(file, verdict, reasons.get(file.path, ()), shown, opened=room >= 0))
    first = f'<ul class="files">{"".join(rows[:FEW_FILES])}</ul>'
    if len(change.files) <= FEW_FILES:
        return first
    more = len(change.files) - MOST_FILES
    tail = f'<p class="quiet">… and {count(more, "more file")}.</p>' if more > 0 else ""
    title = count(len(change.files) - FEW_FILES, "more file")
    rest = f'<ul class="files">{"".join(rows[FEW_FILES:])}</ul>'
    return f"{first}<details><summary>{title}</summary>{rest}{tail}</details>"


def _reasons(verdict: Verdict) -> dict[str, list[str]]:
    """By path, what keeps the file from being merged: findings, then requirements."""
    found: dict[str, int] = {}
    for group in groups(verdict):
        for finding in group.blocking:
            found[finding.path] = found.get(finding.path, 0) + 1
    reasons = {path: [count(number, "finding")] for path, number in found.items()}
    for outcome, missing in needed(verdict):
        for path in missing.paths:
            names = reasons.setdefault(path, [])
            names += [outcome.id] * (outcome.id not in names)
    return reasons


def _file(
    file: FileChange, verdict: Verdict, reasons: Sequence[str], shown: Difference | None, *, opened: bool
) -> str:
    came = verdict.change.renames.get(file.path, "")
    origin = f'<br><span class="quiet">from {escape(visible_path(came))}</span>' if came else ""
    sizes = ""
    if shown and not shown.rows:
        sizes = '<span class="quiet">no line</span>'
    elif shown:
        sizes = f'<span class="added">+{shown.added:,}</span> <span class="removed">−{shown.removed:,}</span>'
    waits = f'<span class="no">blocked by {escape(", ".join(reasons))}</span>' if reasons else ""
    head = (
        f'<span class="path">{escape(visible_path(file.path))}{origin}</span>'
        f'<span class="sizes">{sizes}</span><span class="quiet">{escape(_status(file, verdict))}</span>{waits}'
    )
    if not shown or not shown.rows:
        return f'<li class="file"><div class="line">{head}</div></li>'
    code = f'<pre class="code">{"".join(shown.rows)}</pre>'
    state = " open" if opened else ""
    return f'<li class="file"><details{state}><summary class="line">{head}</summary>{code}</details></li>'


def _status(file: FileChange, verdict: Verdict) -> str:
    renames = verdict.change.renames
    status: str = "renamed" if file.path in renames else file.status
    if file.status == "deleted" and file.path in renames.values():
        status = "moved away"
    modes = (file.old_mode, file.new_mode)
    if SUBMODULE in modes:
        status += f" (submodule, {file.old[:12] or 'none'} to {file.new[:12] or 'none'})"
    elif file.status == "modified" and all(modes) and modes[0] != modes[1]:
        status += f", mode {modes[0]} to {modes[1]}"
    return status


def _difference(file: FileChange, verdict: Verdict, context: ReportContext) -> Difference | None:
    """None where there is none to show: of a submodule, of what is no text, of a file that is too long."""
    renames = verdict.change.renames
    moved = file.status == "deleted" and file.path in renames.values()
    if SUBMODULE in (file.old_mode, file.new_mode) or moved:
        return None
    old = () if file.status == "added" and file.path not in renames else _old(file, renames, context)
    new = () if file.status == "deleted" else context.lines(file.path)
    if not (old or new) or max(len(old), len(new)) > LONGEST_FILE:
        return None
    if any("\0" in line for line in (*old, *new)):
        return None
    return _compared(old, new)


def _old(file: FileChange, renames: Mapping[str, str], context: ReportContext) -> Sequence[str]:
    return context.before(renames.get(file.path, file.path))


def _compared(old: Sequence[str], new: Sequence[str]) -> Difference:
    rows: list[str] = []
    added = removed = 0
    for number, group in enumerate(SequenceMatcher(None, old, new).get_grouped_opcodes(AROUND)):
        if number:
            rows.append('<span class="gap">⋯</span>')
        for kind, start, end, new_start, new_end in group:
            if kind == "equal":
                rows += [_row("", at, new[at - 1]) for at in range(new_start + 1, new_end + 1)]
                continue
            removed += end - start
            added += new_end - new_start
            rows += [_row("removed", at, old[at - 1]) for at in range(start + 1, end + 1)]
            rows += [_row("added", at, new[at - 1]) for at in range(new_start + 1, new_end + 1)]
    if len(rows) > MOST_ROWS:
        left = len(rows) - MOST_ROWS
        rows = [*rows[:MOST_ROWS], f'<span class="gap">… and {count(left, "more line")}</span>']
    return Difference(tuple(rows), added, removed)


def _row(kind: str, number: int, text: str) -> str:
    sign = {"removed": "−", "added": "+", "": " "}[kind]
    shown = text.rstrip("\r\n")
    cut = shown[:LONGEST_LINE] + ("…" if len(shown) > LONGEST_LINE else "")
    style = f' class="{kind}"' if kind else ""
    return f"<span{style}><i>{number}</i>{sign} {escape(cut.replace(chr(9), '    '))}</span>"
