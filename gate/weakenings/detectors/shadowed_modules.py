"""New modules and stubs that shadow real ones."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

from gate.finding import Finding
from gate.weakenings.file_diff import FileDiff, weakening

# Modules that Python or the checks run or import themselves, whatever the changed code does.
TOOLS = re.compile(
    r"ruff|mypyc?|_?pytest|pytest_\w+|pluggy|iniconfig|gate|sitecustomize|usercustomize|xdist|coverage|hypothesis|anyio"
)
COMPILED = (".pyc", ".pyo", ".so", ".pyd", ".dll", ".dylib")
"""Files that Python imports although nobody can read them; bytecode can turn off the comparison with its source."""
TOP_LEVEL = re.compile(r"^(?:(?:src|lib|python|tests?)/)?([A-Za-z_]\w*)(?:\.pyi?|/__init__\.pyi?)$")


def find(files: Iterable[FileDiff]) -> Iterator[Finding]:
    """Yield a finding for each added file that shadows a library, a tool, or a typed module."""
    for file in files:
        if file.path.endswith(COMPILED) and file.new is not None:
            yield weakening(
                file.path, "compiled-code", "could be imported in place of source, and nobody can review it"
            )
        if file.old is not None and not file.renamed_from:
            if file.new is None and file.name == "py.typed":
                yield weakening(
                    file.path, "lost-py-typed", "without it, users' type checkers ignore the package's types"
                )
            continue
        if file.new is None:
            continue
        top = TOP_LEVEL.match(file.path)
        if top and top[1] in sys.stdlib_module_names:
            yield weakening(
                file.path,
                "shadowed-library",
                f"would be imported in place of the standard library's `{top[1]}`",
            )
        elif top and TOOLS.fullmatch(top[1]):
            yield weakening(file.path, "shadowed-tool", f"would be imported in place of `{top[1]}`")
        if file.path.endswith(".pyi"):
            yield weakening(
                file.path, "shadowing-stub", "type checkers would read this stub instead of the code"
            )
        if file.path.endswith(".pth"):
            yield weakening(file.path, "path-file", "a `.pth` file runs code when Python starts")
