"""Find what weakens checks in a change: to settings, suppressions, tests, stubs, or gate's own files.

Pure: takes both versions of every changed file and returns findings. Settings are compared by meaning, so a reordered
or reformatted file weakens nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gate.finding import Finding
from gate.weakenings.analysis.settings_files import NAMES
from gate.weakenings.detectors import (
    environments,
    gate_files,
    hidden_code,
    ignore_files,
    package_indexes,
    removed_tests,
    settings,
    shadowed_modules,
    suppressions,
    version_pins,
)
from gate.weakenings.file_diff import FileDiff

DETECTORS = (
    gate_files.find,
    ignore_files.find,
    suppressions.find,
    removed_tests.find,
    shadowed_modules.find,
    hidden_code.find,
    version_pins.find,
    package_indexes.find,
    environments.find,
)

SETTINGS = tuple(sorted(NAMES))
"""Files at the top of a tree with settings of the checks."""

__all__ = ["SETTINGS", "FileDiff", "find_weakenings", "may_weaken"]


def may_weaken(path: str) -> bool:
    """Return whether a change to the file at `path` could weaken checks. Other files need not be read."""
    name = path.rpartition("/")[2]
    return (
        name.endswith((".pth", *shadowed_modules.COMPILED))
        or suppressions.may_hold(path)
        or name in NAMES | ignore_files.NAMES | {"py.typed"}
        or version_pins.FILES.search(path) is not None
        or package_indexes.may_hold(path)
        or environments.is_part(path)
        or gate_files.is_guarded(path)
    )


def find_weakenings(
    files: Iterable[FileDiff], around: Mapping[str, bytes] | None = None
) -> tuple[Finding, ...]:
    """Return everything that weakens checks in the changed files, in path order.

    `around` are the settings files (`SETTINGS`) at the top of the base, whether the change touches them or not.
    """
    diffs = sorted(files, key=lambda side: side.path)
    findings = [finding for detector in DETECTORS for finding in detector(diffs)]
    findings += settings.find(diffs, around or {})
    return tuple(sorted(findings, key=lambda finding: (finding.path, finding.line, finding.rule)))
