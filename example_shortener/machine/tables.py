"""Migrate the database across releases: copy it first, then run the release's own scripts, forward or back."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from machine.builds import LONGEST, interpreter, variables
from machine.environments import Environment, Running
from machine.problems import Refused
from machine.system import PATIENCE, read_json, replace, run, visible

KEPT = 5
"""How many copies from before migrations to preserve."""


def migrate(environment: Environment, release: Running, number: int | None = None) -> int:
    """Migrate the tables to the release's newest step, or to step `number`, and return the step.

    A copy is made first. Raises Refused if that fails, or if a step applied to the tables differs from the one with the
    same number in this release: then its numbers don't apply to these tables.
    """
    tree, database = environment.tree(release), environment.database
    steps, taken = _steps(tree), _taken(database)
    for before, own in zip(taken, steps, strict=False):
        if before != own:
            raise Refused(
                f"{own[0]}: the tables have taken {before[0]} in its place, of another release or as it was before;"
                " keep that one unchanged, and give this one the next number"
            )
    if len(taken) == len(steps) and number is None and database.exists():
        return len(taken)
    backup(database)
    argv = [interpreter(environment, tree), "-m", "shortener.migrations", str(database)]
    argv += [] if number is None else [str(number)]
    code, output = run(argv, cwd=tree, env=variables(environment, environment.folder), seconds=LONGEST)
    last = visible(output.splitlines()[-1] if output else f"exit code {code}")
    if code or not last.isdecimal():
        raise Refused(f"the tables cannot be changed: {last}")
    replace(_note(database), json.dumps(max(steps, taken, key=len)[: int(last)], indent=1))
    return int(last)


def newest_step(environment: Environment, release: Running) -> int:
    """Return the number of migration steps in the release."""
    return len(_steps(environment.tree(release)))


def backup(database: Path) -> None:
    """Make a consistent copy of the database in `backups` while it is in use."""
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


def _steps(tree: Path) -> list[list[str]]:
    """Return the name of each of the release's steps, with a digest of its content."""
    scripts = sorted((tree / "shortener" / "migrations").glob("*.forward.sql"))
    return [[script.name, hashlib.sha256(script.read_bytes()).hexdigest()] for script in scripts]


def _taken(database: Path) -> list[list[str]]:
    """Return the steps that were applied to the tables, in order."""
    note = _note(database)
    return list(read_json(note)) if note.exists() else []


def _note(database: Path) -> Path:
    return database.with_name("steps.json")
