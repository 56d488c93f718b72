"""Fix findings that have a certain fix: compute the new content of files, and apply it to the working tree."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from gate.app.checking.request import Answer
from gate.checks.apply_fixes import apply_fixes
from gate.errors import UsageError
from gate.finding import Edit, Finding
from gate.git.objects import read_blobs
from gate.git.repository import Repository
from gate.model import Ran
from gate.store import write_atomically


@dataclass(frozen=True, slots=True)
class FileFix:
    """A file of the checked tree, before and after applying `fixes`."""

    path: str
    before: bytes
    after: bytes
    fixes: tuple[tuple[Edit, ...], ...]


def fixable(answer: Answer, *, everything: bool) -> list[Finding]:
    """Return the findings with a known fix: those that block, or with `everything`, all of them."""
    return [
        finding
        for result in answer.verdict.checks
        if isinstance(result, Ran)
        for finding in (result.findings if everything else result.blocking)
        if finding.fix
    ]


def fixes_of(answer: Answer, findings: Iterable[Finding]) -> list[FileFix]:
    """Return the files of the merge result with the findings fixed. Writes nothing."""
    fixes: defaultdict[str, list[tuple[Edit, ...]]] = defaultdict(list)
    for finding in findings:
        fixes[finding.path].append(finding.fix)
    contents = read_blobs(answer.repository, answer.verdict.change.tree, sorted(fixes))
    files = []
    for path, content in contents.items():
        fixed = apply_fixes(path, content, fixes[path]) if content is not None else None
        if content is not None and fixed is not None:
            files.append(FileFix(path, content, fixed, tuple(fixes[path])))
    return files


def apply(repository: Repository, file: FileFix) -> str:
    """Fix the file in the working tree. Return why it was not changed, or "" if it was.

    Only changes a file that has the checked content (apart from line endings), and replaces it atomically. Raises
    UsageError in a bare repository.
    """
    if repository.work_tree is None:
        raise UsageError("a bare repository has no working tree to fix", "run gate in a clone")
    target = repository.work_tree / os.fsdecode(file.path.encode("utf-8", "surrogateescape"))
    try:
        if target.is_symlink() or target.resolve() != repository.work_tree.resolve() / target.relative_to(
            repository.work_tree
        ):
            return "is reached through a symbolic link"
        content = target.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if content != file.before and content.replace(b"\r\n", b"\n") != file.before:
        return "was checked in a different version: your working tree has other content"
    fixed_text = file.after if content == file.before else apply_fixes(file.path, content, file.fixes)
    if fixed_text is None:
        return "cannot be fixed because of its line endings"
    try:
        write_atomically(target, fixed_text, durable=True, expected=content)
    except OSError as error:
        return f"cannot be written: {error.strerror}"
    return ""
