"""The projects of a tree: located once, checked one after the other, with their results joined."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gate.checks.checkers import SETTINGS
from gate.checks.projects import (
    READ,
    TOP,
    Layout,
    Project,
    dependencies,
    is_inside,
    layout,
    names_of,
    owner,
    words_of,
)
from gate.checks.tool import SETTINGS_FILES
from gate.finding import Finding
from gate.model import Broken, Change, CheckResult, Ran, Skipped
from gate.runner.checked_tree import CheckedTree

PER_PROJECT = frozenset({"pytest", *SETTINGS})
"""Tools that handle a single project, so they run in each one."""
MOST_NOTES = 4


@dataclass(slots=True)
class Projects:
    """The projects of one tree, computed on first use."""

    side: CheckedTree
    _layout: Layout | None = None
    _depends: dict[str, frozenset[str]] | None = None
    _for_tool: dict[str, tuple[Project, ...]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, tool: str) -> tuple[Project, ...]:
        """Return the projects in which `tool` runs: only the top folder if there are no others."""
        if tool not in PER_PROJECT:
            return (TOP,)
        with self._lock:
            if tool not in self._for_tool:
                self._for_tool[tool] = self._projects(tool)
            return self._for_tool[tool]

    def _projects(self, tool: str) -> tuple[Project, ...]:
        if not any(self._names().folders):
            return (TOP,)
        layout = self._known()
        separate = layout.separate(tool)
        if not separate:
            return (TOP,)
        files = [path for path in self.side.files if path.endswith(".py")]
        depends = self._dependencies(layout)
        projects = []
        for folder in ("", *separate):
            left_out = tuple(path for path in separate if path != folder and is_inside(path, folder))
            inside = (path for path in files if is_inside(path, folder))
            if any(not any(is_inside(path, out) for out in left_out) for path in inside):
                other_folders = {
                    path
                    for path in (*layout.folders, *layout.foreign)
                    if path and not is_inside(folder, path)
                }
                related = {path for own in depends if is_inside(own, folder) for path in depends[own]}
                unrelated = frozenset(other_folders - related) if folder else frozenset[str]()
                projects.append(
                    Project(folder, left_out, frozenset(p for p in unrelated if not is_inside(p, folder)))
                )
        return tuple(projects) or (TOP,)

    def _names(self) -> Layout:
        """Return the projects according to file names alone, without reading any file."""
        if self._layout is None:
            self._layout = layout(self.side.files)
        return self._layout

    def _known(self) -> Layout:
        """Return the projects and their settings."""
        layout = self._names()
        if layout.settings:
            return layout
        wanted = {
            f"{folder}/{name}".removeprefix("/") for folder in layout.folders for name in SETTINGS_FILES
        }
        read = self.side.contents(entry for entry in self.side.entries if entry.path in wanted)
        settings: dict[str, dict[str, bytes]] = {folder: {} for folder in layout.folders}
        for path, data in read.items():
            folder, _, name = path.rpartition("/")
            settings[folder][name] = data
        self._layout = replace(layout, settings=settings)
        return self._layout

    def _dependencies(self, layout: Layout) -> dict[str, frozenset[str]]:
        """Return which projects each project mentions, in any text, because any may lead to another."""
        if self._depends is None:
            folders = [folder for folder in (*layout.folders, *layout.foreign) if folder]
            texts: dict[str, list[str]] = {folder: [] for folder in folders}
            for path in self.side.files:
                if path.endswith(READ) and (folder := owner(path, folders)):
                    texts[folder].append(path)
            read = self.side.contents(entry for entry in self.side.entries if owner(entry.path, folders))
            words = {
                folder: frozenset[str]().union(*(words_of(read[path]) for path in paths))
                for folder, paths in texts.items()
            }
            names = {
                folder: names_of(folder, texts[folder], layout.settings.get(folder, {})) for folder in folders
            }
            self._depends = dependencies(names, words)
        return self._depends


def change_in(change: Change, project: Project) -> Change:
    """Return the part of a change inside a project, with paths relative to it."""
    if not project.folder and not project.left_out:
        return change

    def is_own(path: str) -> bool:
        return is_inside(path, project.folder) and not any(is_inside(path, out) for out in project.left_out)

    def inner(path: str) -> str:
        return path.removeprefix(f"{project.folder}/") if project.folder else path

    files = tuple(replace(file, path=inner(file.path)) for file in change.files if is_own(file.path))
    renames = {inner(new): inner(old) for new, old in change.renames.items() if is_own(new) and is_own(old)}
    return replace(change, files=files, renames=renames)


def joined_results(check: str, results: Sequence[tuple[str, CheckResult]]) -> CheckResult:
    """Join the results of a check in all projects. A project that could not run is never a pass."""
    if len(results) == 1:
        return _outside(*results[0])
    placed = [(folder, _outside(folder, result)) for folder, result in results]
    ran = [(folder, result) for folder, result in placed if isinstance(result, Ran)]
    broken = [(folder, result) for folder, result in placed if isinstance(result, Broken)]
    skipped = [result for _, result in placed if isinstance(result, Skipped)]
    blocking = tuple(finding for _, result in ran for finding in result.blocking)
    if broken and not blocking:
        reasons = "; ".join(dict.fromkeys(result.reason for _, result in broken[:MOST_NOTES]))
        more = f"; and {len(broken) - MOST_NOTES} more" if broken[MOST_NOTES:] else ""
        first = broken[0][1]
        return replace(first, reason=reasons + more, seconds=sum(result.seconds for _, result in broken))
    if skipped and not blocking:
        return skipped[0]
    working = [(folder, result) for folder, result in ran if not result.empty] or ran
    notes = [f"{folder or 'top'}: {result.note}" for folder, result in working if result.note]
    notes += [result.reason for _, result in broken]
    more = f"; and {len(notes) - MOST_NOTES} more" if notes[MOST_NOTES:] else ""
    seen = [result.seen for _, result in ran]
    return Ran(
        check,
        tuple(finding for _, result in ran for finding in result.findings),
        blocking,
        sum(result.seconds for _, result in ran),
        all(result.cached for _, result in ran),
        "; ".join(notes[:MOST_NOTES]) + more,
        None if None in seen else sum(number or 0 for number in seen),
    )


def _outside(folder: str, result: CheckResult) -> CheckResult:
    """Return the result of a project with paths relative to the whole repository."""
    if not folder:
        return result
    if isinstance(result, Ran):
        findings = tuple(_placed(folder, finding) for finding in result.findings)
        return replace(
            result, findings=findings, blocking=tuple(_placed(folder, item) for item in result.blocking)
        )
    return replace(result, reason=f"{folder}: {result.reason}")


def _placed(folder: str, finding: Finding) -> Finding:
    message = finding.message if finding.path else f"{folder}: {finding.message}"
    path = f"{folder}/{finding.path}" if finding.path else ""
    hint = f"cd {folder} && {finding.hint}" if finding.test and finding.hint else finding.hint
    test = f"{folder}/{finding.test}" if finding.test else ""
    return replace(finding, path=path, message=message, hint=hint, test=test)
