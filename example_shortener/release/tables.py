"""The data while releases change: copied first, then taken forward or back by the release's own scripts."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from release.problems import Refused
from release.processes import PATIENCE, run
from release.servers import environment

KEPT = 5
"""Copies of the data, made before it is changed."""


def migrate(python: str, tree: Path, database: Path, number: int | None = None) -> int:
    """Take the tables to where the release in `tree` wants them, or to step `number`; returns the step.

    A copy is made before. Raises Refused if that fails, or if a step that the tables have taken is another one
    in this release: then its number says nothing about them.
    """
    _compare(tree, database)
    backup(database)
    wish = [] if number is None else [str(number)]
    code, said = run(
        [python, "-m", "shortener.migrations", str(database), *wish],
        cwd=tree,
        env=environment(database, database.parent),
    )
    last = said.splitlines()[-1:] or [f"exit code {code}"]
    if code:
        raise Refused(f"the tables cannot be changed: {last[0]}")
    step = int(last[0])
    known = max(_steps(tree), _taken(database), key=len)
    _note(database).write_text(json.dumps(known[:step], indent=1), "utf-8")
    return step


def newest_step(tree: Path) -> int:
    """How many steps of the tables the release in `tree` knows."""
    return len(_steps(tree))


def backup(database: Path) -> None:
    """A copy of the data as it is at one moment, in `backups` beside it, while it is being written to."""
    if not database.exists():
        return
    folder = database.parent / "backups"
    folder.mkdir(exist_ok=True)
    copy = folder / f"{time.time_ns()}.db"
    try:
        with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
    except sqlite3.Error as error:
        copy.unlink(missing_ok=True)
        raise Refused(f"{database} cannot be copied, so nothing is changed: {error}") from error
    for old in sorted(folder.glob("*.db"))[:-KEPT]:
        old.unlink()


def _compare(tree: Path, database: Path) -> None:
    """Raise Refused if a step that was taken is another one in this release."""
    for taken, own in zip(_taken(database), _steps(tree), strict=False):
        if taken != own:
            raise Refused(
                f"{own[0]}: the tables have taken {taken[0]} in its place, of another release or as it was before;"
                " take that one along, unchanged, and give this one the next number"
            )


def _steps(tree: Path) -> list[list[str]]:
    """The release's steps: each its name, and a digest of what it does."""
    scripts = sorted((tree / "shortener" / "migrations").glob("*.forward.sql"))
    return [[script.name, hashlib.sha256(script.read_bytes()).hexdigest()] for script in scripts]


def _taken(database: Path) -> list[list[str]]:
    """The steps that the tables have taken, in order."""
    found: list[list[str]] = (
        json.loads(_note(database).read_text("utf-8")) if _note(database).exists() else []
    )
    return found


def _note(database: Path) -> Path:
    return database.with_name("steps.json")
