"""The files of the HTML page, by folder: each with its diff against the base, and the findings inside it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gate.model import FileChange, ReviewRequest, Verdict
from gate.reports.context import ReportContext
from gate.reports.findings import groups
from gate.reports.markup import escape
from gate.reports.page_diff import Difference, Row, compare
from gate.reports.page_findings import card
from gate.reports.words import visible_path
from gate.requirements.review_requests import TOP, who
from gate.wording import capitalized, count, listed

MOST_FILES: Final = 2000
MOST_DIFFERENCES: Final = 60
"""The maximum number of files shown line by line; larger changes are better read elsewhere."""
MOST_FINDINGS: Final = 300
LONGEST_FILE: Final = 3000
MOST_ROWS: Final = 400
OPEN_ROWS: Final = 60
"""Without findings, files are expanded while all of them together have no more rows than this."""
LONGEST_LINE: Final = 400
SUBMODULE: Final = "160000"
_WORD: Final = re.compile(r"[\w.]+|\S")


@dataclass(slots=True)
class _File:
    """A file to show. `cards` are its findings by line; 0 means the whole file."""

    path: str
    change: FileChange | None = None
    cards: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    blocking: int = 0
    columns: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))


def files(verdict: Verdict, context: ReportContext) -> str:
    """Return all changed files and all others with findings, those with findings first."""
    shown = _files(verdict)
    if not shown:
        return "<p>No files changed.</p>"
    waiting, approved = _waiting(verdict), _approved(verdict)
    # If a file has blocking findings, the others are collapsed, so that findings are easy to find.
    left = {"differences": MOST_DIFFERENCES, "open": 0 if any(file.blocking for file in shown) else OPEN_ROWS}
    by_folder: dict[str, list[_File]] = {}
    for file in shown[:MOST_FILES]:
        by_folder.setdefault(file.path.rpartition("/")[0], []).append(file)
    people = {path: [who(request) for request in requests] for path, requests in waiting.items()}
    _join_subfolders(by_folder, {**approved, **people})
    parts = [
        _folder(folder, members, waiting, approved, verdict, context, left)
        for folder, members in sorted(
            by_folder.items(), key=lambda item: (not any(file.blocking for file in item[1]), item[0])
        )
    ]
    more = len(shown) - MOST_FILES
    tail = f'<p class="quiet">… and {count(more, "more file")}.</p>' if more > 0 else ""
    return "\n".join(parts) + tail


def _join_subfolders(by_folder: dict[str, list[_File]], people: Mapping[str, list[str]]) -> None:
    """Move the files of folders into the folder above if the same people approve all of them."""
    groups = {
        folder: {tuple(people.get(file.path, ())) for file in by_folder[folder]} for folder in by_folder
    }
    for folder in sorted(by_folder, reverse=True):
        above = [name for name in by_folder if name and folder.startswith(f"{name}/")]
        nearest = max(above, key=len, default="")
        if nearest and groups[folder] == groups[nearest] and len(groups[folder]) == 1 and any(groups[folder]):
            by_folder[nearest] += by_folder.pop(folder)


def _files(verdict: Verdict) -> list[_File]:
    files = {file.path: _File(file.path, file) for file in verdict.change.files}
    number = 0
    for group in groups(verdict):
        for finding, blocks in group.marked():
            if not (blocks or finding.new) or not finding.path or number == MOST_FINDINGS:
                continue
            number += 1
            file = files.setdefault(finding.path, _File(finding.path))
            file.cards[finding.line].append(
                card(group.id, finding, group.also.get(id(finding), ""), blocks=blocks)
            )
            file.blocking += blocks
            file.columns[finding.line].append(finding.column)
    return sorted(files.values(), key=lambda file: (not file.blocking, not file.cards))


def of_no_file(verdict: Verdict) -> str:
    """Return the findings that aren't about a particular file."""
    return "".join(
        card(group.id, finding, "", blocks=blocks)
        for group in groups(verdict)
        for finding, blocks in group.marked()
        if not finding.path and (blocks or finding.new)
    )


def left_out(verdict: Verdict) -> int:
    """Return the number of findings that the page doesn't show."""
    return max(sum(len(group.blocking) + len(group.other) for group in groups(verdict)) - MOST_FINDINGS, 0)


def _waiting(verdict: Verdict) -> Mapping[str, list[ReviewRequest]]:
    """Return the requests for approval by path."""
    waiting: dict[str, list[ReviewRequest]] = {}
    for request in verdict.reviewers:
        for path in request.paths:
            waiting.setdefault(path, []).append(request)
    return waiting


def _approved(verdict: Verdict) -> Mapping[str, list[str]]:
    """Return the code owners who approved, by path."""
    approved: dict[str, list[str]] = {}
    for approval in verdict.approvals:
        for path in approval.owned if approval.counted and approval.kind == "approve" else ():
            approved.setdefault(path, []).append(approval.by)
    return {path: list(dict.fromkeys(names)) for path, names in approved.items()}


def _folder(
    folder: str,
    members: Sequence[_File],
    waiting: Mapping[str, list[ReviewRequest]],
    approved: Mapping[str, list[str]],
    verdict: Verdict,
    context: ReportContext,
    left: dict[str, int],
) -> str:
    rows = "".join(_file(file, folder, verdict, context, left) for file in members)
    requests = {who(request): request for file in members for request in waiting.get(file.path, ())}
    names = [f"({name})" if len(requests) > 1 and not requests[name].required else name for name in requests]
    waits = f" · needs approval from {escape(listed(names))}" if names else ""
    by = list(dict.fromkeys(name for file in members for name in approved.get(file.path, ())))
    waits += f" · approved by {escape(listed(by))}" if by and not names else ""
    title = f'<span class="path">{escape(visible_path(folder + "/"))}</span>' if folder else capitalized(TOP)
    about = f'<span class="quiet small">{count(len(members), "file")}{waits}</span>'
    return f'<h3 class="folder">{title} {about}</h3><ul class="files">{rows}</ul>'


def _file(file: _File, folder: str, verdict: Verdict, context: ReportContext, left: dict[str, int]) -> str:
    difference = _difference(file, verdict, context) if left["differences"] > 0 else None
    left["differences"] -= 1
    body = _body(file, difference)
    if not file.cards:
        left["open"] -= len(difference.rows) if difference else 0
    head = _head(file, folder, difference, verdict)
    if not body:
        return f'<li class="file"><div class="line">{head}</div></li>'
    state = " open" if file.cards or left["open"] >= 0 else ""
    return f'<li class="file"><details{state}><summary class="line">{head}</summary>{body}</details></li>'


def _head(file: _File, folder: str, difference: Difference | None, verdict: Verdict) -> str:
    name = file.path.removeprefix(f"{folder}/") if folder else file.path
    came = verdict.change.renames.get(file.path, "")
    origin = f' <span class="quiet">from {escape(visible_path(came))}</span>' if came else ""
    sizes = ""
    if difference and (difference.added or difference.removed):
        sizes = f'<span class="added">+{difference.added:,}</span> <span class="removed">−{difference.removed:,}</span>'
    blocking = f'<span class="state no">{count(file.blocking, "finding")}</span>' if file.blocking else ""
    return (
        f'<span class="path">{escape(visible_path(name))}{origin}</span>{blocking}'
        f'<span class="sizes">{sizes}</span><span class="quiet small">{escape(_status(file, verdict))}</span>'
    )


def _status(file: _File, verdict: Verdict) -> str:
    change = file.change
    if change is None:
        return "not changed"
    renames = verdict.change.renames
    status: str = "renamed" if file.path in renames else change.status
    if change.status == "deleted" and file.path in renames.values():
        status = "moved"
    modes = (change.old_mode, change.new_mode)
    if SUBMODULE in modes:
        status += f" (submodule, {change.old[:12] or 'none'} to {change.new[:12] or 'none'})"
    elif change.status == "modified" and all(modes) and modes[0] != modes[1]:
        status += f", mode {modes[0]} to {modes[1]}"
    return status


def _difference(file: _File, verdict: Verdict, context: ReportContext) -> Difference | None:
    """Return the diff, or None if there is none to show: for a submodule, a binary file, or a file that is too long."""
    change, renames = file.change, verdict.change.renames
    new = () if change and change.status == "deleted" else context.lines(file.path)
    old: Sequence[str] = new
    if change:
        moved = change.status == "deleted" and file.path in renames.values()
        if SUBMODULE in (change.old_mode, change.new_mode) or moved:
            return None
        old = (
            () if change.status == "added" and file.path not in renames else _old(file.path, renames, context)
        )
    if not (old or new) or max(len(old), len(new)) > LONGEST_FILE:
        return None
    if any("\0" in line for line in (*old, *new)):
        return None
    return compare(old, new, file.cards.keys())


def _old(path: str, renames: Mapping[str, str], context: ReportContext) -> Sequence[str]:
    return context.before(renames.get(path, path))


def _body(file: _File, difference: Difference | None) -> str:
    """Return the rows with each finding below its line. Findings on lines that aren't shown come first."""
    rows = difference.rows if difference else ()
    numbers = {row.new for row in rows[:MOST_ROWS]}
    first = "".join(
        text for line, cards in sorted(file.cards.items()) if line not in numbers for text in cards
    )
    code = []
    for row in rows[:MOST_ROWS]:
        cards = file.cards.get(row.new, ()) if row.new else ()
        code.append(_row(row, file.columns[row.new] if cards else ()))
        code += cards
    if len(rows) > MOST_ROWS:
        code.append(f'<div class="row gap">… and {count(len(rows) - MOST_ROWS, "more line")}</div>')
    return first + (f'<div class="code">{"".join(code)}</div>' if code else "")


def _row(row: Row, columns: Sequence[int]) -> str:
    if row.kind == "gap":
        return '<div class="row gap">⋯</div>'
    sign = {"removed": "−", "added": "+"}.get(row.kind, " ")
    style = " ".join(filter(None, ("row", row.kind, "hit" if columns else "")))
    numbers = f"<i>{row.old or ''}</i><i>{row.new or ''}</i>"
    return f'<div class="{style}">{numbers}<span>{sign} {_code(row, columns)}</span></div>'


def _code(row: Row, columns: Sequence[int]) -> str:
    """Return the line with its changes marked or, if it has findings, with the words at their `columns` underlined."""
    text = row.text.rstrip("\r\n")
    cut = text[:LONGEST_LINE]
    marks = [(start, end, "b") for start, end in row.spans]
    words = [_WORD.match(cut, column - 1) for column in columns if column]
    if spans := {(word.start(), word.end(), "mark") for word in words if word}:
        marks = sorted(spans)
    parts, at = [], 0
    for start, end, tag in marks:
        end = min(end, len(cut))
        if start < at or start >= end:
            continue
        parts += [_plain(cut[at:start]), f"<{tag}>{_plain(cut[start:end])}</{tag}>"]
        at = end
    return "".join(parts) + _plain(cut[at:]) + ("…" if len(text) > LONGEST_LINE else "")


def _plain(text: str) -> str:
    return escape(text.replace("\t", "    "))
