"""Bytecode for the tree in which tests run: compiled by gate from blobs, and copied in for one run.

Python caches bytecode next to the source and trusts it by timestamp and size, and anything that runs in a tree can
write there, so runs neither find nor leave any. This module saves the cost of that. While tests run, a separate
low-priority process compiles the modules without running them. gate caches the bytecode by content, and copies it into
the tree before the next run; Python and pytest compare it with the source again.

The first run in a repository compiles nothing ahead: on a build server it is the only one, and a new repository has
more urgent work.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import struct
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gate.checks.suites import TEST_FILE
from gate.git.objects import Entry
from gate.json_input import parse_json
from gate.process import Cancel, supervise
from gate.result_cache import ResultCache, key_of

COMPILER = str(Path(__file__).parents[1] / "plugins" / "compile_ahead.py")
MOST_FILES = 2000
"""At most this many files are compiled ahead, tests first."""
MOST_CACHED = 4 * MOST_FILES
MOST_OUTPUT = 64 * 1024
HEAD_START = 0.7
"""Seconds for which only the tests run; compiling ahead gains little for runs that end within this time."""
CACHE = "__pycache__"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python that will read the bytecode, with its installed packages, and gate's own pytest if it has none."""

    python: str
    identity: str
    site: str
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    key: str
    test: bool


@contextlib.contextmanager
def lent_bytecode(
    root: Path, entries: tuple[Entry, ...], interpreter: Interpreter, state: Path, timeout: float
) -> Iterator[threading.Thread | None]:
    """Provide bytecode for the clean tree in `root`, which contains `entries`.

    The yielded thread compiles what is missing, but no longer than the `with` block lasts. Failures are not reported:
    without bytecode the run only takes longer.
    """
    folder = state / "bytecode"
    if _is_new(folder):
        yield None
        return
    cache = ResultCache(folder, MOST_CACHED)
    layout_key = key_of("layout", interpreter.identity)
    missing = [
        source
        for source in _sources(root, entries, interpreter)
        if not _lend(source, cache, cache.get(layout_key))
    ]
    if not missing:
        yield None
        return
    over = Cancel()
    with tempfile.TemporaryDirectory(prefix="gate-", ignore_cleanup_errors=True, dir=state) as scratch:
        copies = _copied(missing, Path(scratch))
        compiler = threading.Thread(
            target=_compile, args=(copies, interpreter, Path(scratch), timeout, over), daemon=True
        )
        compiler.start()
        try:
            yield compiler
        finally:
            over.set()
            compiler.join()
            _keep(missing, cache, Path(scratch), layout_key)


def _is_new(folder: Path) -> bool:
    """Return whether the folder didn't exist yet, and create it."""
    try:
        folder.mkdir(parents=True)
    except OSError:
        return not folder.is_dir()
    return True


def _sources(root: Path, entries: tuple[Entry, ...], interpreter: Interpreter) -> list[_Source]:
    files = [entry for entry in entries if entry.path.endswith(".py") and entry.mode.startswith("100")]
    files.sort(key=lambda entry: not _is_test(entry.path))
    return [
        _Source(
            root / entry.path,
            # The byte code includes the file name, for tracebacks.
            key_of("code", interpreter.identity, entry.oid, str(root / entry.path)),
            _is_test(entry.path),
        )
        for entry in files[:MOST_FILES]
    ]


def _is_test(path: str) -> bool:
    return bool(TEST_FILE.search(path)) or path.rpartition("/")[2] == "conftest.py"


def _lend(source: _Source, cache: ResultCache, layout: bytes | None) -> bool:
    """Copy the cached bytecode of a file into the tree. Return whether there was any."""
    code = cache.get(source.key) if layout else None
    if layout is None or code is None:
        return False
    naming = parse_json(layout)
    if source.test and naming["by_time"]:
        status = source.path.stat()
        stamps = struct.pack("<LL", int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)
        code = code[:8] + stamps + code[16:]
    folder = source.path.parent / CACHE
    with contextlib.suppress(OSError):
        # A symlink in its place would lead out of the tree.
        if not folder.is_symlink():
            folder.mkdir(exist_ok=True)
            target = folder / f"{source.path.stem}{naming['test' if source.test else 'module']}"
            with target.open("xb") as file:
                file.write(code)
    return True


def _copied(missing: list[_Source], scratch: Path) -> list[tuple[_Source, str]]:
    """Link or copy the sources, because opening files of the tree itself would be recorded while tests run."""
    copies = []
    for number, source in enumerate(missing):
        copy = os.path.join(scratch, f"{number}.py")  # noqa: PTH118  there may be thousands
        try:
            os.link(source.path, copy, follow_symlinks=False)
        except OSError:
            with contextlib.suppress(OSError):
                shutil.copy2(source.path, copy)
        copies.append((source, copy))
    return copies


def _compile(
    copies: list[tuple[_Source, str]], interpreter: Interpreter, folder: Path, timeout: float, over: Cancel
) -> None:
    tasks: dict[bool, list[tuple[str, str, str]]] = {True: [], False: []}
    for source, copy in copies:
        tasks[source.test].append((os.fspath(source.path), source.key, copy))
    # At first, leave the processor to the other checks.
    if over.wait(HEAD_START):
        return
    request = folder / "request"
    with contextlib.suppress(OSError, ValueError):
        request.write_text(
            json.dumps({"site": interpreter.site, "tests": tasks[True], "modules": tasks[False]}), "utf-8"
        )
        supervise(
            [interpreter.python, "-I", COMPILER, str(request), str(folder)],
            cwd=str(folder),
            env=interpreter.env,
            timeout=timeout,
            limit=MOST_OUTPUT,
            cancel=over,
        )


def _keep(compiled: list[_Source], cache: ResultCache, folder: Path, layout_key: str) -> None:
    with contextlib.suppress(OSError):
        cache.put(layout_key, (folder / "layout").read_bytes())
    for source in compiled:
        with contextlib.suppress(OSError):
            cache.put(source.key, (folder / source.key).read_bytes())
