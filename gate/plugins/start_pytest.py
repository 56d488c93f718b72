"""Start pytest on a tree: `python start_pytest.py ROOT PATHS OWN TEST… -- ARGUMENTS`.

pytest and gate's plugin are imported before the tree can be, so that a module in the tree with one of their names can't
replace them. PATHS are the folders (separated like PATH) that imports search first; OWN is the folder of gate's own
pytest if the project has none, else empty. If any TEST is given, no other tests are run, and missing ones are ignored.
With GATE_FILES, the name of a JSON list, only the test files in that list are run, and with GATE_EACH each in its own
process (see `each_file.py`). This file must work with Python 3.7 and later.
"""

from __future__ import annotations

import importlib.machinery
import json
import os
import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# All that pytest needs. The project's tests must not see the other packages installed with gate.
PYTEST = frozenset(
    {"pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments", "exceptiongroup", "tomli"}
)

NOT_USABLE = "gate: pytest cannot be imported: "


class GatesOwn:
    """The last import finder, which finds pytest in gate's own packages, and nothing else there."""

    def __init__(self, site: str) -> None:
        """Search `site`, the folder in which gate's packages are installed."""
        self.site = site

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of `name` if it is part of pytest."""
        del path, target
        if name not in PYTEST:
            return None
        return importlib.machinery.PathFinder.find_spec(name, [self.site])

    def find_distributions(self, context: Any) -> Iterable[Any]:
        """Return the metadata of a part of pytest if requested by name. It isn't in the list of everything."""
        from importlib.metadata import DistributionFinder, MetadataPathFinder

        if context.name is None or context.name.lower() not in PYTEST:
            return []
        wanted = DistributionFinder.Context(name=context.name, path=[self.site])
        return MetadataPathFinder.find_distributions(wanted)


def is_part_of_pytest(folders: list[str]) -> bool:
    """Return whether the tree is the source of something that pytest needs, which its tests must then import."""
    return any(
        os.path.exists(os.path.join(folder, name, "__init__.py")) for folder in folders for name in PYTEST
    )


def start() -> int:
    """Run pytest and return its exit code."""
    _, root, paths, own, *rest = sys.argv
    files, each = os.environ.pop("GATE_FILES", ""), os.environ.pop("GATE_EACH", "")
    tests, arguments = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    folder = os.path.dirname(os.path.abspath(__file__))
    if own:
        sys.meta_path.append(GatesOwn(own))
    sys.path[:] = [entry for entry in sys.path if entry not in {folder, ""}]
    first = [path for path in paths.split(os.pathsep) if path]
    if is_part_of_pytest(first):
        sys.path[:0] = first
    sys.path.insert(0, folder)
    try:
        # Import here, before anything in the tree can shadow it.
        recorder = import_module("gate_inputs")
        # Only in this process: programs that the tests start write byte code as usual.
        sys.dont_write_bytecode = True
        recorder.start()
        report = import_module("gate_report")
        report.ONLY.update(tests)
        each_file = import_module("each_file") if each else None
        import pytest
    except Exception as error:  # a pytest for another Python may raise anything
        sys.stderr.write(f"{NOT_USABLE}{type(error).__name__}: {error}\n")
        return 3

    sys.path[:] = [*first, *(entry for entry in sys.path if entry not in {*first, folder}), folder]
    # For programs that the tests start: the environment alone would give them another tree.
    children = os.environ.pop("GATE_CHILDREN_PATH", "")
    if children:
        os.environ["PYTHONPATH"] = children
    os.chdir(root)
    if files:
        with open(files, encoding="utf-8") as file:
            report.State.files = json.load(file)
    sys.argv = ["pytest", *arguments]
    if each_file is not None:
        status, more = each_file.one_by_one(report.State.files, each)
        if not more:
            return int(status)
        arguments += more
    status = int(pytest.main(["-p", "gate_report", *arguments]))
    if each_file is not None:
        each_file.report()
    return status


if __name__ == "__main__":
    sys.exit(start())
