"""Code that no check reads, and text that looks different from what it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gate.finding import Finding
from gate.weakenings.file_diff import PLAIN, SOURCES, FileDiff, cookie, lines_of, weakening

PASSED_OVER = frozenset({
    ".bzr", ".direnv", ".eggs", ".git-rewrite", ".hg", ".ipynb_checkpoints", ".mypy_cache", ".nox", ".pants.d",
    ".pyenv", ".pytest_cache", ".pytype", ".ruff_cache", ".svn", ".tox", ".venv", ".vscode", "__pypackages__",
    "_build", "buck-out", "build", "dist", "node_modules", "site-packages", "venv",
})  # fmt: skip
"""Folders that ruff and others exclude by default (https://docs.astral.sh/ruff/settings/#exclude)."""
CODE = (*SOURCES, ".ipynb")
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that make a line read differently from how it runs (CVE-2021-42574)."""


def find(files: Iterable[FileDiff]) -> Iterator[Finding]:
    """Yield a finding for each file that no check would read, and for each line that people would misread."""
    files = list(files)
    gone = [file.path for file in files if file.new is None and file.path.endswith(CODE)]
    for file in files:
        yield from _out_of_sight(file)
        if file.link and file.new is not None:
            yield from _elsewhere(file, gone)
        if file.new is not None and file.path.endswith(CODE):
            yield from _misleading(file, file.new)


def _out_of_sight(file: FileDiff) -> Iterator[Finding]:
    if file.renamed_from.endswith(SOURCES) and not file.path.endswith(CODE):
        message = f"{file.renamed_from} is renamed, so no check reads it"
        yield weakening(file.path, "unseen-code", message)
    skipped = PASSED_OVER & set(file.path.split("/")[:-1])
    arrives = file.new is not None and (file.old is None or file.renamed_from != "")
    if arrives and file.path.endswith(CODE) and skipped:
        yield weakening(file.path, "unseen-code", f"tools skip folders named `{min(skipped)}`")


def _elsewhere(file: FileDiff, gone: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for a symlink or submodule that replaces code or is named like code."""
    if file.path.endswith(CODE) or any(path.startswith(f"{file.path}/") for path in gone):
        yield weakening(file.path, "unseen-code", "a link or a submodule: its code is stored elsewhere")


def _misleading(file: FileDiff, new: bytes) -> Iterator[Finding]:
    encoding = cookie(new)
    if encoding and not PLAIN.fullmatch(encoding) and encoding != cookie(file.old or b""):
        message = f"Python would read it as `{encoding}`, so it can be different code than it appears"
        yield weakening(file.path, "odd-encoding", message, 1)
    old_counts = _odd(file.old_text)
    for (line, what), number in _odd(file.new_text).items():
        if (line, what) not in old_counts:
            yield weakening(file.path, "hidden-text", what, number)


def _odd(text: str) -> dict[tuple[str, str], int]:
    """Return each line that runs differently from how it reads, with the reason, and its line number."""
    counts = {}
    for number, line in enumerate(lines_of(text), 1):
        if TURNING.search(line):
            counts[line, "direction-changing characters make it look different from what runs"] = number
    for number, line in enumerate(re.split(r"\r?\n", text), 1):
        if "\r" in line:
            counts[line, "a carriage return hides a line break in the middle of this line"] = number
    return counts
