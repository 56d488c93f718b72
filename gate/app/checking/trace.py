"""Explain why the names check reports a line, by running it on the working tree."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from gate import process
from gate.environment.find import find_environment
from gate.errors import UsageError
from gate.git.repository import Repository


def trace_finding(position: str, folder: Path) -> str:
    """Return what the names check knows about `FILE:LINE`. The file is relative to `folder` or to the working tree."""
    match = re.fullmatch(r"(.+?):(\d+)(?::\d+)?", position)
    if match is None:
        raise UsageError(f"expected FILE:LINE, not {position!r}", "copy it from the report of `gate check`")
    repository = Repository.find(folder)
    top = repository.work_tree
    if top is None:
        raise UsageError("a bare repository has no files to read", "run this in a clone")
    file = next((candidate for candidate in (folder / match[1], top / match[1]) if candidate.is_file()), None)
    if file is None:
        raise UsageError(f"{match[1]} not found", "use a path relative to the current folder")
    path = os.path.relpath(file.resolve(), top.resolve())
    argv = [sys.executable, "-P", "-m", "gate.names", "--root", str(top), "--trace", f"{path}:{match[2]}"]
    argv += ["--cache", str(repository.state_dir / "cache" / "names-trace")]
    environment = find_environment(top)
    if environment.found:
        argv += ["--python", str(environment.python)]
    finished = process.run(argv)
    if finished.returncode != 0:
        message = finished.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise UsageError(f"{path} could not be traced: {message}", "use a file in this repository")
    return finished.stdout.decode("utf-8", "replace")
