"""The sqlite file: how it is opened, and how its tables come to be."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from shortener.migrations import steps

MIGRATIONS = steps()

PATIENCE = 10.0
"""Seconds that a writer waits for the one before it."""


def connect(database: Path, *, create: bool = False) -> sqlite3.Connection:
    """A connection on which each statement is a transaction of its own, unless one is begun.

    A database that has gone away is an error, not a reason to start with an empty one: only with `create`
    is a missing file made.
    """
    uri = f"{database.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    connection = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
    # With the write-ahead log this loses nothing when a process is killed, and writes eight times as fast.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


class _Open(threading.local):
    """The connection and the lock of one thread, as of the file that the database was when they were opened."""

    file: tuple[Path, int, int, int] | None = None
    connection: sqlite3.Connection
    lock: int = -1


_open = _Open()


def shared(database: Path) -> sqlite3.Connection:
    """This thread's connection, opened once; again where another file has taken the place of the database."""
    try:
        status = database.stat()
    except OSError:
        # `connect` says it in sqlite's words.
        return connect(database)
    file = (database, os.getpid(), status.st_dev, status.st_ino)
    if _open.file != file:
        connection = connect(database)
        if _open.file is not None:
            _open.connection.close()
        if _open.lock >= 0:
            os.close(_open.lock)
        _open.connection, _open.file, _open.lock = connection, file, -1
    return _open.connection


@contextmanager
def writing(database: Path) -> Iterator[sqlite3.Connection]:
    """This thread's connection, while no other thread or worker of the service writes.

    sqlite has them wait as well, but by looking again every now and then: here each goes on as soon as it can.
    """
    connection = shared(database)
    # Where no lock can be had, since the disk is full or read-only, sqlite's waiting has to do.
    with suppress(OSError):
        if _open.lock < 0:
            _open.lock = os.open(f"{database}-lock", os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(_open.lock, fcntl.LOCK_EX)
    try:
        yield connection
    finally:
        if _open.lock >= 0:
            fcntl.flock(_open.lock, fcntl.LOCK_UN)


def migrate(database: Path, number: int | None = None) -> int:
    """Bring the tables up to date, and do nothing where they are. Many workers may do this at once.

    With `number`, take them to exactly that step, forward or back; what a step back drops is gone.
    Returns the step at which they are.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    with closing(connect(database, create=True)) as connection:
        _log_ahead(connection)
        connection.execute("BEGIN IMMEDIATE")
        version = _version(connection)
        # A database that a later release has already taken further keeps its number.
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
    """Whether the database answers and has every table that this release needs."""
    try:
        with closing(connect(database)) as connection:
            connection.execute("SELECT code FROM links LIMIT 1").fetchone()
            return _version(connection) >= len(MIGRATIONS)
    except sqlite3.Error:
        return False


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Readers do not wait for a writer, and the other way round. The database remembers it.

    Where two make this switch at once, sqlite tells one of them at once that the database is locked, whatever
    its timeout, so the waiting is done here (https://www.sqlite.org/c3ref/busy_handler.html).
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
