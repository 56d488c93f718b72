"""Compile modules of a tree without running any of them: `python -I compile_ahead.py REQUEST FOLDER`.

REQUEST is a JSON object: `site` (the folder of gate's own pytest if the project has none, else empty), `tests`, and
`modules` (for each file its path, a name, and the path of a copy, because the tree itself is watched). For each file
that compiles without a warning, FOLDER gets a file of that name, written atomically: for modules the bytecode that
Python would cache, for tests the bytecode that pytest would cache, with asserts rewritten. `layout` is written first
and says how both are named and whether pytest compares file times. This file must work with Python 3.7 and later.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import marshal
import os
import struct
import sys
import warnings
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

CHECKED_BY_CONTENT = struct.pack("<L", 3)
CHECKED_BY_TIME = struct.pack("<L", 0)


class Rewriter:
    """pytest's assertion rewriting. `tail` is the suffix of its files, or empty if this pytest has none."""

    def __init__(self, folder: Path) -> None:
        """Test on a small file in `folder` what this pytest would read."""
        self.tail = ""
        self.flags = b""
        try:
            from _pytest.assertion import rewrite

            self._rewrite = rewrite.rewrite_asserts
            source, compiled = folder / "try.py", folder / "try.pyc"
            source.write_bytes(b"assert not 1\n")
            for flags in (CHECKED_BY_CONTENT, CHECKED_BY_TIME):
                write(compiled, header(source, flags) + marshal.dumps(self.compiled(source, source)))
                if rewrite._read_pyc(source, compiled) is not None:  # noqa: SLF001  pytest has no public API for it
                    self.tail, self.flags = rewrite.PYC_TAIL, flags
                    break
        except Exception:  # noqa: S110  without these internals, pytest compiles tests itself
            pass

    def compiled(self, path: Path, copy: Path) -> CodeType:
        """Return the code of a test file, as pytest would run it."""
        source = copy.read_bytes()
        tree = ast.parse(source, filename=str(path))
        self._rewrite(tree, source, str(path), None)
        return compile(tree, str(path), "exec", dont_inherit=True)


def header(path: Path, flags: bytes) -> bytes:
    """Return the first 16 bytes of cached bytecode."""
    if flags == CHECKED_BY_CONTENT:
        return importlib.util.MAGIC_NUMBER + flags + importlib.util.source_hash(path.read_bytes())
    status = path.stat()
    stamps = struct.pack("<LL", int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)
    return importlib.util.MAGIC_NUMBER + flags + stamps


def write(path: Path, data: bytes) -> None:
    """Write a file atomically."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(data)
    new.replace(path)


def step_back() -> None:
    """Lower the priority of this process, so it uses only idle processor time."""
    try:
        if sys.platform != "win32":
            os.nice(19)
        Path("/proc/self/autogroup").write_text("19")
    except OSError:
        pass


def main() -> None:
    """Compile the files in the request, tests first because they take longest."""
    request, folder = map(Path, sys.argv[1:])
    step_back()
    tasks = json.loads(request.read_text("utf-8"))
    if tasks["site"]:
        sys.path.append(tasks["site"])
    rewriter = Rewriter(folder)
    tail = Path(importlib.util.cache_from_source("x.py")).name[1:]
    layout = {"module": tail, "test": rewriter.tail, "by_time": rewriter.flags == CHECKED_BY_TIME}
    write(folder / "layout", json.dumps(layout).encode())
    # Imports of byte code don't repeat compiler warnings, so compile only what has none.
    warnings.simplefilter("error")
    wanted = [(*task, rewriter.flags) for task in tasks["tests"] if rewriter.tail]
    for name, key, file, flags in [*wanted, *((*task, b"") for task in tasks["modules"])]:
        path, copy = Path(name), Path(file)
        try:
            source = copy.read_bytes()
            code = (
                rewriter.compiled(path, copy) if flags else compile(source, name, "exec", dont_inherit=True)
            )
            write(folder / key, header(copy, flags or CHECKED_BY_CONTENT) + marshal.dumps(code))
        except Exception:  # noqa: S112  the import will report what doesn't compile
            continue


if __name__ == "__main__":
    main()
