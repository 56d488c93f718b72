"""What the commands of the policy run out of the tree: a script that the change rewrites checks what it likes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gate.model import FileChange, Finding
from gate.policy.types import CheckSettings
from gate.weakenings.sides import weakening

WORD = re.compile(r"[^\s\"'`;&|()<>=]+")
RUN_BY: dict[str, tuple[str, ...]] = {
    "make": ("Makefile", "makefile", "GNUmakefile"),
    "nox": ("noxfile.py",),
    "tox": ("tox.ini", "tox.toml"),
    "just": ("justfile", "Justfile", ".justfile"),
    "invoke": ("tasks.py",),
    "task": ("Taskfile.yml", "Taskfile.yaml"),
    "npm": ("package.json",),
}
"""What some programs run without being told."""


def find(files: Iterable[FileChange], checks: Iterable[CheckSettings]) -> Iterator[Finding]:
    """A finding for each changed file that the command of a check names."""
    named = {path: check.id for check in checks for path in _named(check)}
    for file in files:
        if file.path in named:
            message = f"changes what the check `{named[file.path]}` runs"
            yield weakening(file.path, "guarded-command", message)


def _named(check: CheckSettings) -> Iterator[str]:
    words = [word for part in (*check.command, *check.args) for word in WORD.findall(part)]
    for before, word in zip(["", *words], words, strict=False):
        yield word.removeprefix("./")
        yield from RUN_BY.get(word.rpartition("/")[2], ())
        if before == "-m":
            path = word.replace(".", "/")
            yield from (f"{path}.py", f"{path}/__main__.py", f"{path}/__init__.py")
