"""What in a change weakens checks: settings, suppressions, tests, stubs and the gate itself.

Pure: both sides of every changed file in, findings out. A change of settings is evaluated by what it means,
so a reordered or reformatted file is no weakening.
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
"""The files at the top of a tree that decide what the checks see."""

__all__ = ["SETTINGS", "FileDiff", "find_weakenings", "may_weaken"]


def may_weaken(path: str) -> bool:
    """Whether a change of the file at `path` can be a weakening at all; the rest need not be read."""
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
    """Every weakening in the changed files, in the order of their paths.

    `around` are the settings at the top of the base (`SETTINGS`) that are there, touched or not.
    """
    diffs = sorted(files, key=lambda side: side.path)
    findings = [finding for detector in DETECTORS for finding in detector(diffs)]
    findings += settings.find(diffs, around or {})
    return tuple(sorted(findings, key=lambda finding: (finding.path, finding.line, finding.rule)))
