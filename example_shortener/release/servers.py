"""One release, running: its own copy of the code, its own gunicorn on its own port, the data of all."""

from __future__ import annotations

import http.client
import os
import time
from pathlib import Path

from release.problems import CannotGo, Refused
from release.processes import PATIENCE, TICK, Program


def environment(database: Path, scratch: Path) -> dict[str, str]:
    """What a release sees of this one's environment, which is little: no token of a CI server reaches it."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME", "TZ") if name in os.environ}
    return {
        **kept,
        "SHORTENER_DATABASE": str(database),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(scratch),
    }


def start(program: Program, python: str, tree: Path, database: Path, workers: int) -> int:
    """Start the release in `tree` with that Python; returns its port once it is ready.

    Raises Refused if it never is.
    """
    scratch = program.log.with_suffix(".tmp")
    scratch.mkdir(exist_ok=True)
    bind = ["--bind", "127.0.0.1:0", "--workers", str(workers)]
    program.start(
        [python, "-m", "gunicorn", "--config", "python:shortener.serving", *bind],
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
