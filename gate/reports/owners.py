"""The owners of paths, as text and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from gate.codeowners import Rule
from gate.reports.context import ReportContext
from gate.reports.terminal_text import Ink, cells
from gate.reports.words import visible, visible_path
from gate.wording import count

Ownership = Mapping[str, tuple[Rule, ...]]
"""The rules that count for each path: none if no rule matches, one without owners if a line removes ownership."""
WIDEST: Final = 40
_MIXED: Final = -1


def to_data(paths: Ownership) -> list[dict[str, object]]:
    """Return the output of `gate owners --format json`, which scripts rely on."""
    return [
        {
            "path": path,
            "rules": [
                {
                    "section": rule.section,
                    "rule": rule.place,
                    "owners": list(rule.owners),
                    "required": rule.required,
                    "optional": rule.optional,
                }
                for rule in rules
            ],
        }
        for path, rules in paths.items()
    ]


def render(paths: Ownership, file: str, at: str, context: ReportContext, *, by_folder: bool) -> str:
    """Return the paths below the rules that count for them, in the order of the file; paths without a rule come last.

    `at` is the commit that `file` is from. With `by_folder`, a folder replaces everything below it if that has the same
    owners; `paths` must then be complete.
    """
    ink = Ink(context)
    if not file:
        return ink.sheet([f"There is no CODEOWNERS file at {at}, so nobody owns anything."])
    groups = sorted(set(paths.values()), key=lambda rules: (not rules, [rule.line for rule in rules]))
    number = {rules: index for index, rules in enumerate(groups)}
    below: list[list[str]] = [[] for _ in groups]
    for name, (group, files) in _shown({path: number[rules] for path, rules in paths.items()}, by_folder):
        below[group].append(_entry(name, files))
    room = min(max((cells(_who(rule)) for rules in groups for rule in rules), default=0), WIDEST)
    lines: list[str] = []
    for rules, names in zip(groups, below, strict=True):
        lines += [*_heading(rules, room, ink), *(f"    {name}" for name in names)]
    return ink.sheet([*lines, *([""] if lines else []), *ink.flow([("", _summary(paths, file, at))], 0, 0)])


def _shown(groups: Mapping[str, int], by_folder: bool) -> Iterable[tuple[str, tuple[int, int]]]:
    """Return what to show, in order: a path, or a folder with its `/`, with its group and number of files."""
    if not by_folder:
        return [(path, (group, 1)) for path, group in groups.items()]
    folders: dict[str, int] = {}
    files: dict[str, int] = {}
    for path, group in groups.items():
        for folder in _above(path):
            if folders.setdefault(folder, group) != group:
                folders[folder] = _MIXED
            files[folder] = files.get(folder, 0) + 1
    shown: dict[str, tuple[int, int]] = {}
    for path, group in groups.items():
        whole = (name for name in reversed(_above(path)) if folders[name] != _MIXED and files[name] > 1)
        folder = next(whole, path)
        shown[folder] = (group, files.get(folder, 1))
    return shown.items()


def _above(path: str) -> list[str]:
    """Return the folders that contain a path, each ending in `/`, the nearest first. The top is ""."""
    sections = []
    while path:
        path = path.rstrip("/").rpartition("/")[0]
        path = f"{path}/" if path else ""
        sections.append(path)
    return sections


def _entry(name: str, files: int) -> str:
    if files == 1:
        return visible_path(name)
    shown = visible_path(name) if name else "every file"
    return f"{shown}{' ' * max(WIDEST - 4 - cells(shown), 2)}{count(files, 'file')}"


def _who(rule: Rule) -> str:
    if not rule.owners:
        return "owned by nobody: this line has no owner"
    who = ", ".join(map(visible, rule.owners))
    if rule.optional:
        who = f"{who} (optional)"
    elif rule.required > 1:
        who = f"{rule.required} of {who}"
    return f"[{visible(rule.section)}] {who}" if rule.section else who


def _heading(rules: Sequence[Rule], room: int, ink: Ink) -> list[str]:
    if not rules:
        return [ink.paint("no rule matches", "bold yellow")]
    lines: list[str] = []
    for rule in rules:
        who, style = _who(rule), "bold" if rule.owners else "bold yellow"
        where = f"{visible(rule.place)}  {visible(rule.pattern)}"
        if cells(who) > room:
            lines += ink.flow([(style, who)])
            who = ""
        where = ink.cut(where, max(ink.context.width - room - 2, 20))
        lines.append(f"{ink.paint(who, style)}{' ' * (room - cells(who))}  {ink.paint(where, 'dim')}")
    return lines


def _summary(paths: Ownership, file: str, at: str) -> str:
    without = sum(not rules for rules in paths.values())
    owned = sum(any(rule.owners for rule in rules) for rules in paths.values())
    if not paths:
        return f"no files ({visible(file)} at {at})"
    counts = [f"{owned:,} owned"]
    if len(paths) > owned + without:
        counts.append(f"{len(paths) - owned - without:,} owned by nobody")
    if without:
        counts.append(f"{without:,} without a rule")
    return f"{count(len(paths), 'file')}: {', '.join(counts)} ({visible(file)} at {at})"
