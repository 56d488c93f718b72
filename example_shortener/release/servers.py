"""One release, running: its own copy of the code, its own gunicorn on its own port, the data of all."""

from __future__ import annotations

import http.client
import os
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from release.problems import CannotGo, Refused
from release.processes import PATIENCE, TICK, Program, run

KEPT = 5
"""Copies of the data, made before it is changed."""


def environment(database: Path, scratch: Path) -> dict[str, str]:
    """What a release sees of this one's environment, which is little: no token of a CI server reaches it."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME", "TZ") if name in os.environ}
    return {
        **kept,
        "SHORTENER_DATABASE": str(database),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(scratch),
    }


def start(program: Program, tree: Path, database: Path, workers: int) -> int:
    """Start the release in `tree`; returns its port once it is ready. Raises Refused if it never is."""
    scratch = program.log.with_suffix(".tmp")
    scratch.mkdir(exist_ok=True)
    bind = ["--bind", "127.0.0.1:0", "--workers", str(workers)]
    program.start(
        [sys.executable, "-m", "gunicorn", "--config", "python:shortener.serving", *bind],
        cwd=tree,
        env=environment(database, scratch),
    )
    try:
        port = int(program.wait_for(r"Listening at: http://127\.0\.0\.1:(\d+)"))
        _wait_ready(program, port)
    except CannotGo as error:
        program.stop()
        raise Refused(str(error)) from error
    return port


def migrate(tree: Path, database: Path, number: int | None = None) -> str:
    """Take the tables to where the release in `tree` wants them, after making a copy; returns the step."""
    backup(database)
    wish = [] if number is None else [str(number)]
    code, said = run(
        [sys.executable, "-m", "shortener.migrations", str(database), *wish],
        cwd=tree,
        env=environment(database, database.parent),
    )
    if code:
        last = said.splitlines()[-1:] or [f"exit code {code}"]
        raise Refused(f"the data cannot be brought up to date: {last[0]}")
    return said


def newest_step(tree: Path) -> int:
    """How many steps of the tables the release in `tree` knows."""
    return len(list((tree / "shortener" / "migrations").glob("*.forward.sql")))


def backup(database: Path) -> None:
    """A copy of the data as it is at one moment, in `backups` beside it, while it is being written to."""
    if not database.exists():
        return
    folder = database.parent / "backups"
    folder.mkdir(exist_ok=True)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("VACUUM INTO ?", (str(folder / f"{time.time_ns()}.db"),))
    for old in sorted(folder.glob("*.db"))[:-KEPT]:
        old.unlink()


def ask(port: int, method: str, path: str, body: str = "", timeout: float = 5.0) -> tuple[int, str, str]:
    """The status, the Location and the text that 127.0.0.1:port answers. Status 0 is no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body or None, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Location", ""), answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, "", str(error) or type(error).__name__
    finally:
        connection.close()


def _wait_ready(program: Program, port: int) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        status, _, text = ask(port, "GET", "/readyz", timeout=2)
        if status == 200:
            return
        if program.pid is None or time.monotonic() > end:
            raise CannotGo(f"the release did not become ready: {text.strip() or status} (see {program.log})")
        time.sleep(TICK)
