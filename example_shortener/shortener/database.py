"""Open the sqlite file, and create and migrate its tables."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from shortener.migrations import steps

MIGRATIONS = steps()

PATIENCE = 10.0
"""Seconds that a migration waits for other writers."""
MOMENT = 1.0
"""Seconds that a request waits for another program that writes."""


def connect(database: Path, *, create: bool = False, patience: float = PATIENCE) -> sqlite3.Connection:
    """Return a connection in autocommit mode: each statement is its own transaction, unless one is begun.

    A database that has disappeared is an error, not a reason to start with an empty one: a missing file is created only
    with `create`.
    """
    uri = f"{database.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    connection = sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None)
    # With the write-ahead log, this loses nothing if a process is killed, and writes eight times as fast.
    connection.execute("PRAGMA synchronous = NORMAL")
    # Everybody waits while the log is moved into the database, so do it less often. The log grows to 16 MB.
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    return connection


class _Open(threading.local):
    """What one thread has opened. `file` is the identity of the database file at that time."""

    file: tuple[Path, int, int, int] | None = None
    connection: sqlite3.Connection
    patience: float = MOMENT
    lock: int = -1


_open = _Open()
_blocked_until = 0.0
"""Until then, no request of this process waits for other programs: one has already waited in vain."""


def shared(database: Path) -> sqlite3.Connection:
    """Return this thread's connection, opened once, and again if another file has replaced the database."""
    try:
        status = database.stat()
    except OSError:
        # `connect` raises sqlite's own error.
        return connect(database)
    file = (database, os.getpid(), status.st_dev, status.st_ino)
    if _open.file != file:
        connection = connect(database, patience=MOMENT)
        if _open.file is not None:
            _open.connection.close()
        if _open.lock >= 0:
            os.close(_open.lock)
        _open.connection, _open.file, _open.patience, _open.lock = connection, file, MOMENT, -1
    return _open.connection


def write(database: Path, statement: str, values: Sequence[object]) -> list[Any]:
    """Execute one statement while no other thread or worker of the service writes, and return its rows.

    sqlite would make them wait too, but by polling: with this lock, each continues as soon as it can. If another
    program writes for longer than a moment, only the first one waits for it. The others fail at once, so that they can
    redirect without counting.
    """
    global _blocked_until
    connection = shared(database)
    if _open.lock < 0:
        # If there's no lock file, since the disk is full or read-only, rely on sqlite's polling.
        with suppress(OSError):
            _open.lock = os.open(f"{database}-lock", os.O_RDWR | os.O_CREAT, 0o644)
    lock = _open.lock
    if lock >= 0:
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        patience = 0.0 if time.monotonic() < _blocked_until else MOMENT
        if patience != _open.patience:
            connection.execute(f"PRAGMA busy_timeout = {patience * 1000:.0f}")
            _open.patience = patience
        # To the end of the rows: before that, sqlite doesn't let others write.
        return connection.execute(statement, values).fetchall()
    except sqlite3.OperationalError:
        _blocked_until = time.monotonic() + 10 * MOMENT
        raise
    finally:
        if lock >= 0:
            fcntl.flock(lock, fcntl.LOCK_UN)


def migrate(database: Path, number: int | None = None) -> int:
    """Bring the tables up to date, if they aren't already. Many workers may do this at once.

    With `number`, migrate to exactly that step, forward or back; data dropped by a step back is lost.
    Returns the step that was reached.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    with closing(connect(database, create=True)) as connection:
        _log_ahead(connection)
        # A worker also has to start while somebody else writes.
        if number is None and (version := _version(connection)) >= len(MIGRATIONS):
            return version
        connection.execute("BEGIN IMMEDIATE")
        version = _version(connection)
        # A database that a later release has already migrated stays at its step.
        goal = max(version, len(MIGRATIONS)) if number is None else number
        if max(version, goal) > len(MIGRATIONS) and goal != version:
            raise ValueError(f"the tables are at step {version}, which this release does not know")
        for step in MIGRATIONS[version:goal]:
            connection.execute(step.forward)
        for step in reversed(MIGRATIONS[goal:version]):
            connection.execute(step.back)
        if goal != version:
            connection.execute(f"PRAGMA user_version = {goal}")
        connection.execute("COMMIT")
    return goal


def is_ready(database: Path) -> bool:
    """Return whether the database answers and has every table that this release needs."""
    try:
        with closing(connect(database)) as connection:
            connection.execute("SELECT code FROM links LIMIT 1").fetchone()
            return _version(connection) >= len(MIGRATIONS)
    except sqlite3.Error:
        return False


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Turn on the write-ahead log, so that readers and writers don't wait for each other. The database remembers it.

    If two connections switch at once, sqlite immediately reports to one of them that the database is locked, regardless
    of its timeout, so wait here (https://www.sqlite.org/c3ref/busy_handler.html).
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
