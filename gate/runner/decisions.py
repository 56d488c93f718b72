"""Store the last decisions about each check's tests, for `gate explain --tests`. No verdict depends on them.

Contradictions between selected tests and a full run are stored too. They indicate a defect of the recorder, so
everything runs until somebody has acknowledged them.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gate.json_input import parse_json
from gate.result_cache import key_of

FOLDER = "tests"
DIFFERENCES = "differences.json"
LARGEST = 50_000_000


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether and why a test file runs. An empty path means the whole suite."""

    path: str
    runs: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Decided:
    """The decisions about the test suite of one check, for one project and tree."""

    check: str
    folder: str
    tree: str
    mode: str
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Tests that failed although a recorded pass of theirs would have been reused."""

    check: str
    folder: str
    tree: str
    tests: tuple[str, ...]
    at: int


def write_decided(state_dir: Path, decided: Decided) -> None:
    """Store the newest decision. Does nothing if the folder isn't writable."""
    name = f"{decided.check}-{key_of(decided.folder)[:12]}.json"
    _write(state_dir / FOLDER / name, asdict(decided))


def read_decided(state_dir: Path) -> list[Decided]:
    """Return the newest decision about each suite."""
    decided = []
    for path in sorted((state_dir / FOLDER).glob("*-*.json")):
        fields = _read(path)
        with contextlib.suppress(KeyError, TypeError):
            rows = tuple(Decision(**row) for row in fields["decisions"])
            decided.append(Decided(**{**fields, "decisions": rows}))
    return decided


def record_difference(state_dir: Path, check: str, folder: str, tree: str, tests: Collection[str]) -> None:
    """Record that these tests failed although they wouldn't have run. From now on, all tests of the check run."""
    new = Difference(check, folder, tree, tuple(sorted(tests)[:100]), int(time.time()))
    remaining = [item for item in differences(state_dir) if (item.check, item.folder) != (check, folder)]
    _write_differences(state_dir, [*remaining, new])


def differences(state_dir: Path) -> list[Difference]:
    """Return the differences that nobody has acknowledged yet."""
    rows = _read(state_dir / FOLDER / DIFFERENCES).get("differences", [])
    with contextlib.suppress(KeyError, TypeError):
        return [Difference(**{**row, "tests": tuple(row["tests"])}) for row in rows]
    return []


def acknowledge(state_dir: Path) -> int:
    """Allow test selection again. Return the number of acknowledged differences."""
    acknowledged = differences(state_dir)
    _write_differences(state_dir, [])
    return len(acknowledged)


def _write_differences(state_dir: Path, entries: Sequence[Difference]) -> None:
    _write(state_dir / FOLDER / DIFFERENCES, {"differences": [asdict(item) for item in entries]})


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            return {}
        fields = parse_json(path.read_text("utf-8"))
        return fields if isinstance(fields, dict) else {}
    except (OSError, ValueError, RecursionError):
        return {}


def _write(path: Path, data: object) -> None:
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        temporary.write_text(json.dumps(data), "utf-8")
        temporary.replace(path)
