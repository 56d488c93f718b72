"""Recognize modules that are missing from the tree but will exist: ignored by git, or written by the build."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

BUILD_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in", "Makefile", "meson.build", "CMakeLists.txt",
               ".gitattributes", ".dockerignore", "hatch_build.py", "noxfile.py", "tox.ini")  # fmt: skip
LARGEST = 256 * 1024


class GeneratedModules:
    """Recognizes missing modules that the project generates."""

    def __init__(self, root: Path | None) -> None:
        """Read nothing yet; files are read on the first query."""
        self._root = root

    def has(self, module: str) -> bool:
        """Return whether a missing module's file is ignored by git or named in a build file."""
        if self._root is None:
            return False
        stem = module.replace(".", "/")
        paths = [f"{folder}{stem}{end}" for folder in ("", "src/") for end in (".py", "", "/__init__.py")]
        if any(fnmatchcase(path, pattern) for path in paths for pattern in self._ignored):
            return True
        return (
            re.search(rf"(?<![\w.-]){re.escape(stem.rpartition('/')[2])}\.(?:py|so|pyx|c)\b", self._builds)
            is not None
        )

    @cached_property
    def _ignored(self) -> list[str]:
        """The patterns of all `.gitignore` files, rewritten to match whole paths from the root."""
        root = self._root
        if root is None:
            return []
        files = [root / ".gitignore", *root.glob("*/.gitignore"), *root.glob("*/*/.gitignore")]
        return [pattern for file in files for pattern in _patterns(file, root)]

    @cached_property
    def _builds(self) -> str:
        if self._root is None:
            return ""
        return "\n".join(_text(self._root / name) for name in BUILD_FILES)


def _patterns(file: Path, root: Path) -> Iterator[str]:
    folder = file.parent.relative_to(root).as_posix()
    prefix = "" if folder == "." else f"{folder}/"
    for line in _text(file).splitlines():
        pattern = line.strip()
        # Patterns that ignore all Python files, and those that start with `!`, don't identify a module.
        if not pattern or pattern.startswith(("#", "!")) or not re.search(r"\w{2}", pattern):
            continue
        pattern = pattern.removesuffix("/").removesuffix("/*").removesuffix("/**")
        anchored = "/" in pattern
        pattern = pattern.lstrip("/")
        if pattern in {"*.py", "*.pyc", "*.py[cod]", "*.so"}:
            continue
        yield f"{prefix}{pattern}"
        yield f"{prefix}{pattern}/*"
        if not anchored:
            yield f"{prefix}*/{pattern}"
            yield f"{prefix}*/{pattern}/*"


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace") if file.stat().st_size <= LARGEST else ""
    except OSError:
        return ""
