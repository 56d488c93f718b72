"""Files that git doesn't track: those that the policy copies into the checkout, and those that a failure lacks."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gate.checks import Report, Unreadable
from gate.git.objects import Entry

MISSING_MODULE = re.compile(
    r"No module named '([\w.]+)'|the tests need `([\w.]+)`|cannot import name '(\w+)' from '([\w.]+)'"
)
MISSING_FILE = re.compile(r"No such file or directory: '([^'\n]+)'|FileNotFoundError[^'\n]*'([^'\n]+)'")
MOST_NAMED = 4


def brought_files(away: str, patterns: Sequence[str], entries: Iterable[Entry]) -> list[str]:
    """Return the untracked files of the working tree that match `bring`, relative to its top."""
    tracked = {entry.path for entry in entries}
    matching = []
    for pattern in patterns:
        for path in sorted(Path(away).glob(pattern)) if pattern else ():
            paths = [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if file.is_file()]
            matching += [
                file.relative_to(away).as_posix()
                for file in paths
                if file.resolve().is_relative_to(Path(away).resolve())
            ]
    return [path for path in dict.fromkeys(matching) if path not in tracked and not path.startswith(".git/")]


def stamps(away: str, paths: Iterable[str]) -> tuple[str, ...]:
    """Return the part of a result's cache key that covers copied files."""
    stats = ((path, os.stat(f"{away}/{path}")) for path in paths)  # noqa: PTH116  there may be many
    return tuple(f"brought {path} {status.st_mtime_ns} {status.st_size}" for path, status in stats)


def bring(away: str, paths: Iterable[str], root: Path) -> None:
    """Copy files of the working tree to the same paths in the checkout at `root`."""
    for path in paths:
        target = root / path
        # A symlink in the path could lead out of the tree.
        if target.parent.resolve().is_relative_to(root.resolve()) or not target.parent.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(Path(away, path), target)


def explained(
    report: Report | Unreadable,
    check: str,
    away: str,
    entries: Sequence[Entry],
    roots: Iterable[str],
    absent: Sequence[str],
) -> Report | Unreadable:
    """Return `report`, with files named that a clone lacks, if something fails because of that."""
    failed = isinstance(report, Unreadable) or bool(report.findings)
    if not failed or not away:
        return report
    text = report.reason if isinstance(report, Unreadable) else "\n".join(f.message for f in report.findings)
    tracked = {entry.path for entry in entries}
    missed = [
        path for path in dict.fromkeys(_named(text, Path(away), tracked, roots)) if path not in tracked
    ][:MOST_NAMED]
    sentences = list(absent)
    if missed:
        verb = "is" if len(missed) == 1 else "are"
        sentences.append(f"{', '.join(missed)} {verb} in the working tree and not in git")
    if not sentences:
        return report
    way_out = (
        f"commit what is missing, or `checks: {{{check}: {{bring: [{', '.join(missed)}]}}}}`"
        if missed
        else ""
    )
    if isinstance(report, Unreadable):
        reason = "; ".join([report.reason, *sentences])
        return replace(report, reason=reason, hint=way_out or report.hint)
    return replace(report, note="; ".join(filter(None, [report.note, *sentences, way_out])))


def _named(text: str, away: Path, tracked: set[str], roots: Iterable[str]) -> Iterator[str]:
    """Yield files of the working tree that messages report as missing."""
    for match in MISSING_MODULE.finditer(text):
        name = match[1] or match[2] or f"{match[4]}.{match[3]}"
        for root in dict.fromkeys([*roots, "src", ""]):
            base = Path(away, root, *name.split("."))
            for path in (
                base.with_suffix(".py"),
                base / "__init__.py",
                *sorted(base.parent.glob(f"{base.name}.*.so")),
            ):
                if path.is_file():
                    yield path.relative_to(away).as_posix()
    for match in MISSING_FILE.finditer(text):
        name = match[1] or match[2]
        parts = Path(name).parts
        # An absolute path is in the checkout: one of its suffixes is a path in the tree.
        for start in range(len(parts)):
            path = away.joinpath(*[part for part in parts[start:] if part not in {"/", ".."}])
            relative = path.relative_to(away).as_posix()
            if relative != "." and path.is_file() and relative not in tracked:
                yield relative
                break
