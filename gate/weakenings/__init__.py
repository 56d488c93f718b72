"""What in a change would make the gate see less: settings, suppressions, tests, stubs and the gate itself.

Pure: both sides of every changed file in, findings out. A change of settings is judged by what it means,
so a reordered or reformatted file is no weakening.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gate.model import Finding
from gate.weakenings import (
    environments,
    ignored,
    indexes,
    pins,
    places,
    settings,
    shadows,
    suppressions,
    tests,
    unseen,
)
from gate.weakenings.reading import NAMES
from gate.weakenings.sides import Sides

DETECTORS = (
    places.find, ignored.find, suppressions.find, tests.find, shadows.find, unseen.find, pins.find, indexes.find,
    environments.find,
)  # fmt: skip

SETTINGS = tuple(sorted(NAMES))
"""The files at the top of a tree that decide what the checks see."""

__all__ = ["SETTINGS", "Sides", "find_weakenings", "may_weaken"]


def may_weaken(path: str) -> bool:
    """Whether a change of the file at `path` can be a weakening at all; the rest need not be read."""
    name = path.rpartition("/")[2]
    return (
        name.endswith((".pth", *shadows.COMPILED))
        or suppressions.may_hold(path)
        or name in NAMES | ignored.NAMES | {"py.typed"}
        or pins.FILES.search(path) is not None
        or indexes.FILES.search(path) is not None
        or environments.is_part(path)
        or places.is_guarded(path)
    )


def find_weakenings(files: Iterable[Sides], around: Mapping[str, bytes] | None = None) -> tuple[Finding, ...]:
    """Every weakening in the changed files, in the order of their paths.

    `around` are the settings at the top of the base (`SETTINGS`) that are there, touched or not.
    """
    sides = sorted(files, key=lambda side: side.path)
    found = [finding for detector in DETECTORS for finding in detector(sides)]
    found += settings.find(sides, around or {})
    return tuple(sorted(found, key=lambda finding: (finding.path, finding.line, finding.rule)))
