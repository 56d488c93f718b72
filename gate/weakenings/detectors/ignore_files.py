"""Ignore files of git, which many tools respect too, even for tracked files."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator

from gate.finding import Finding
from gate.weakenings.file_diff import FileDiff, weakening

NAMES = frozenset({".gitignore", ".ignore", ".ruffignore"})
NO_CODE = frozenset({"__pycache__", "build", "dist", "node_modules", "venv", "htmlcov"})
CODE = ("py", "pyi", "pyw", "ipynb")


def find(files: Iterable[FileDiff]) -> Iterator[Finding]:
    """Yield a finding for each pattern that could hide code, and for each exception that no longer applies."""
    for file in files:
        if file.name not in NAMES:
            continue
        old, new = _patterns(file.old_text), _patterns(file.new_text)
        for pattern, line in new.items():
            if not pattern.startswith("!") and pattern not in old and _may_hide_code(pattern):
                message = f"tools that honor git's ignore rules would skip `{pattern}`"
                yield weakening(file.path, "ignored-code", message, line)
        for pattern in old:
            if pattern.startswith("!") and not _holds(pattern, list(old), list(new)):
                message = f"`{pattern}` no longer keeps tools from skipping what it matches"
                yield weakening(file.path, "ignored-code", message, new.get(pattern, 0))


def _patterns(text: str) -> dict[str, int]:
    """Return the patterns with their lines, in the order of their last occurrence."""
    patterns: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        pattern = line.strip()
        if pattern and not pattern.startswith("#"):
            patterns.pop(pattern, None)
            patterns[pattern] = number
    return patterns


def _holds(exception: str, old: list[str], new: list[str]) -> bool:
    """Return whether an exception still follows every pattern that it followed before."""
    if exception not in new:
        return not any(not pattern.startswith("!") for pattern in new)
    later = set(new[new.index(exception) :])
    return not any(pattern in later for pattern in old[: old.index(exception)] if not pattern.startswith("!"))


def _may_hide_code(pattern: str) -> bool:
    last = pattern.rstrip("/").rpartition("/")[2].replace("\\", "")
    if last.startswith(".") or last in NO_CODE:
        return False
    name, dot, ending = last.rpartition(".")
    if not dot or re.search(r"\[[^\]]*$", name):
        return True
    return any(fnmatch.fnmatchcase(code, ending) for code in CODE)
