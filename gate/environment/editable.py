"""Find what is installed in editable mode: by reference to a source folder, not as a copy."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MOST_SOURCES = 3000
MAPPING = re.compile(rb"^MAPPING\b[^=\n]*=\s*(\{.*?\})\s*$", re.MULTILINE | re.DOTALL)
SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist"})


@dataclass(frozen=True, slots=True)
class Editable:
    """An editable install. Modules are imported from `folder`, as the file `entry` of the environment says."""

    entry: str
    folder: str


def editables(site_packages: Iterable[Path]) -> tuple[Editable, ...]:
    """Return the editable installs in `.pth` files and in setuptools' tables of modules."""
    entries = []
    for site in site_packages:
        try:
            names = sorted(os.listdir(site))  # noqa: PTH208  only names are needed
        except OSError:
            continue
        for name in names:
            if name.endswith(".pth"):
                entries += [Editable(str(site / name), folder) for folder in _lines(site / name, site)]
            elif name.startswith("__editable__") and name.endswith("_finder.py"):
                entries += [Editable(str(site / name), folder) for folder in _table(site / name)]
    return tuple(dict.fromkeys(entries))


def _lines(path: Path, site: Path) -> list[str]:
    try:
        lines = path.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []
    folders = [
        os.path.normpath(site / line.strip())
        for line in lines
        if line.strip() and not line.startswith(("#", "import ", "import\t"))
    ]
    return [folder for folder in folders if Path(folder).is_dir()]


def _table(path: Path) -> list[str]:
    """Return the folders that contain the packages in setuptools' table."""
    try:
        match = MAPPING.search(path.read_bytes())
        table = ast.literal_eval(match[1].decode("utf-8")) if match else {}
        return sorted({str(Path(finder).parent) for finder in table.values()})
    except (OSError, ValueError, SyntaxError, TypeError, AttributeError):
        return []


def sources_of(folders: Iterable[str]) -> list[str]:
    """Return the Python files below `folders`, at most MOST_SOURCES, sorted within each folder."""
    paths: list[str] = []
    for folder in dict.fromkeys(folders):
        for path, below, files in os.walk(folder):
            below[:] = sorted(name for name in below if name not in SKIPPED and not name.startswith("."))
            paths += [f"{path}/{name}" for name in sorted(files) if name.endswith(".py")]
            if len(paths) >= MOST_SOURCES:
                return paths[:MOST_SOURCES]
    return paths
