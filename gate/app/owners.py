"""Look up the owners of files, and lint CODEOWNERS."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gate.app.lock_outs import lock_outs
from gate.codeowners import ALL_PLACES, CodeOwners, Rule, hint_for, locate, parse
from gate.codeowners.places import FOLDERS, is_folder_of_places, is_owners_file, near_misses
from gate.errors import InvalidInput, Mistake, UsageError
from gate.gather.ownership import codeowners_at, refuse_near_misses
from gate.git.objects import list_entries, list_index, list_tree, read_sparse, resolve
from gate.git.repository import Repository
from gate.model import decode_path
from gate.policy.files import POLICY_FILE
from gate.policy.load import load_policy
from gate.policy.types import Policy
from gate.rules import behind_links, policy_at, stored_here

FEW = 100
"""The maximum number of paths to ask git about individually; for more, the whole tree is listed."""


@dataclass(frozen=True, slots=True)
class Owned:
    """The owners of some paths, by `file` as of the revision `at`. `file` is empty if there is no CODEOWNERS.

    `whole` says that the paths are all files of the commit.
    """

    file: str
    at: str
    paths: Mapping[str, tuple[Rule, ...]]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Lint:
    """The problems in a CODEOWNERS file: `mistakes` make it invalid, `warnings` don't.

    `unlisted` are those warnings that name an owner whom the policy doesn't list. `hint` says what to do about the
    mistakes.
    """

    file: str
    rules: int
    mistakes: tuple[Mistake, ...]
    warnings: tuple[Mistake, ...]
    unlisted: frozenset[Mistake] = frozenset()
    hint: str = ""


def owners_of(start: Path, paths: Sequence[str], revision: str = "HEAD") -> Owned:
    """Return the owners of `paths`, or of every file if none are given, by the CODEOWNERS committed at `revision`.

    Paths are relative to `start`. A folder includes the files below it, and a path that doesn't exist is a new file.
    Raises InvalidInput if the file has mistakes.
    """
    repository = Repository.find(start)
    commit = _commit(repository, revision)
    code_owners = codeowners_at(repository, commit, policy_at(repository, commit))
    if not paths:
        return _owned(
            code_owners, revision, [entry.path for entry in list_tree(repository, commit)], whole=True
        )
    requested = {_in_tree(repository, start, path): path for path in paths}
    narrow = "" not in requested and len(requested) <= FEW
    files = list_tree(repository, commit, requested if narrow else ())
    return _owned(code_owners, revision, _expanded(requested, dict.fromkeys(entry.path for entry in files)))


def owners_of_change(start: Path, paths: Sequence[str], into: str | None, head: str | None) -> Owned:
    """Return the owners of the files that a change touches (only `paths`, if given), by the CODEOWNERS at its base."""
    from gate.git.change import read_change

    repository = Repository.find(start)
    change = read_change(repository, into=into, head=head)
    code_owners = codeowners_at(repository, change.base, policy_at(repository, change.base))
    if not change.tree:
        raise UsageError(f"there is no merge result: {change.merge_blocker}", "run `gate check` for details")
    touched = [entry.path for entry in change.files]
    if paths:
        requested = [_in_tree(repository, start, path) for path in paths]
        touched = [
            path for path in touched if any(path == folder or _is_below(path, folder) for folder in requested)
        ]
    return _owned(code_owners, f"the tip of {change.into.removeprefix('refs/heads/')}", touched)


def lint(start: Path, revision: str | None = None) -> Lint:
    """Check the CODEOWNERS file in the working tree, or the one committed at `revision`.

    In a bare repository, `revision` defaults to HEAD. Raises UsageError if there is no such file.
    """
    repository = Repository.find(start)
    top = repository.work_tree
    if top is None or revision is not None:
        commit = _commit(repository, revision or "HEAD")
        policy = policy_at(repository, commit)
        owners = codeowners_at(repository, commit, policy)
        present: Iterable[str] = [e.path for e in list_entries(repository, commit, ALL_PLACES)]
        tracked: Iterable[str] = (entry.path for entry in list_tree(repository, commit))
    else:
        files, links = _in_working_tree(top)
        files = read_sparse(repository, (POLICY_FILE, *ALL_PLACES)) | files
        policy = load_policy(files.pop(POLICY_FILE, None), POLICY_FILE, stored_here(top))
        owners = _read_here(repository, top, files, links, policy)
        present, tracked = files, list_index(repository)
    if owners is None:
        raise UsageError("there is no CODEOWNERS file", "create one, for example .github/CODEOWNERS")
    paths = list(tracked)
    idle = {*present, *filter(is_owners_file, paths)}
    unlisted = _unlisted(owners, policy)
    warnings = [*_shadowed(sorted(idle), owners.file), *_idle(owners, paths), *unlisted]
    if not owners.mistakes:
        warnings += lock_outs(repository, policy, owners, paths)
    ordered = sorted(warnings, key=lambda item: (item.line, item.column))
    return Lint(
        owners.file, len(owners.rules), owners.mistakes, tuple(ordered), frozenset(unlisted), owners.hint
    )


def _read_here(
    repository: Repository, top: Path, files: Mapping[str, bytes], links: Sequence[str], policy: Policy
) -> CodeOwners | None:
    """Return the file that counts in a working tree, or None. Raises InvalidInput like `codeowners_at`."""
    located = locate(files, policy.dialect)
    if links:
        raise behind_links(links)
    if located is None:
        missed = near_misses(_candidates(repository, top), policy.dialect)
        if missed:
            raise refuse_near_misses(missed, policy)
        return None
    file, dialect = located
    owners = parse(files[file], file, dialect)
    return replace(owners, hint=hint_for(files[file], owners, dialect, policy.dialect, base=False))


def _candidates(repository: Repository, top: Path) -> list[str]:
    """Return files that may be meant as CODEOWNERS: tracked ones near the top, and all in a forge's folders."""
    folders = [top, *(path for path in top.iterdir() if is_folder_of_places(path.name) and path.is_dir())]
    present = {
        path.relative_to(top).as_posix()
        for folder in folders
        for path in folder.iterdir()
        if path.is_file() and not path.is_symlink()
    }
    tracked = (path for path in list_index(repository) if (top / path).is_file())
    shallow = (p for p in tracked if p.count("/") < 2 or is_folder_of_places(p.partition("/")[0]))
    return sorted(present.union(shallow))


def _commit(repository: Repository, revision: str) -> str:
    commits = resolve(repository, [revision])
    if revision not in commits:
        raise UsageError(f"{revision!r} is not a known revision", "commit first, or check the spelling")
    return commits[revision]


def _in_working_tree(top: Path) -> tuple[dict[str, bytes], list[str]]:
    """Return the contents of the policy and CODEOWNERS files, and the symlinks among these files and their folders."""
    files: dict[str, bytes] = {}
    links = [
        folder
        for folder in FOLDERS
        if (top / folder).is_symlink() and (folder != "docs" or (top / folder / "CODEOWNERS").is_file())
    ]
    for path_name in (POLICY_FILE, *ALL_PLACES):
        path = top / path_name
        try:
            if path.parent.is_symlink():
                continue
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                files[path_name] = path.read_bytes()
            elif not stat.S_ISDIR(mode):
                links.append(path_name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise UsageError(f"{path_name} cannot be read: {error.strerror}") from error
    return files, links


def _in_tree(repository: Repository, start: Path, path: str) -> str:
    """Return a path as git has it: relative to the top, without `.` and `..`, "" for the top itself."""
    inner = decode_path(os.fsencode(path))
    top = repository.work_tree
    if top is not None:
        # Resolve only the folder: the path itself may be a symlink, which git stores as such.
        absolute = os.path.normpath(Path(os.path.realpath(start)) / inner)
        inner = os.path.relpath(absolute, os.path.realpath(top))
    inner = os.path.normpath(inner)
    if inner == ".." or inner.startswith(("../", "/")):
        raise UsageError(f"{path} is not inside the repository", "give paths relative to the current folder")
    return "" if inner == "." else inner


def _is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _expanded(requested: Mapping[str, str], files: Mapping[str, None]) -> list[str]:
    """Return the files that the requested paths include, each once. The values are the paths as the user wrote them."""
    selected: dict[str, None] = {}
    for path, written in requested.items():
        below = [] if path in files else [file for file in files if _is_below(file, path)]
        if not below and (written.endswith("/") or not path):
            raise UsageError(f"no tracked file in {written}", "`git status` lists uncommitted files")
        selected |= dict.fromkeys(below or [path])
    return list(selected)


def _owned(code_owners: CodeOwners | None, at: str, paths: Sequence[str], *, whole: bool = False) -> Owned:
    if code_owners is None:
        return Owned("", at, dict.fromkeys(paths, ()), whole)
    if code_owners.mistakes:
        raise InvalidInput(code_owners.mistakes, code_owners.hint)
    return Owned(code_owners.file, at, code_owners.owners_of_all(paths), whole)


def _shadowed(present: Iterable[str], file: str) -> list[Mistake]:
    return [
        Mistake(shadowed_file, 0, 0, f"ignored: only {file} is read")
        for shadowed_file in present
        if shadowed_file != file
    ]


def _idle(owners: CodeOwners, paths: Sequence[str]) -> list[Mistake]:
    """Return a warning for each rule without effect: no file matches, or later rules override it for every match."""
    if not paths:
        return []
    counting = {rule for rules in owners.owners_of_all(paths).values() for rule in rules}
    why = "it matches no file, or later lines override it for every file"
    return [
        Mistake(rule.file, rule.line, rule.column, f"`{rule.pattern}` has no effect: {why}")
        for rule in owners.rules
        if rule not in counting
    ]


def _unlisted(owners: CodeOwners, policy: Policy) -> list[Mistake]:
    """Return a warning for each owner whom the policy doesn't list, at its first occurrence."""
    if not policy.people:
        return []
    from gate.requirements.owners import people_of

    first: dict[str, Rule] = {}
    for rule in owners.rules:
        for owner in rule.owners:
            first.setdefault(owner.casefold(), rule)
    return [
        Mistake(rule.file, rule.line, rule.column, f"{owner} is not in `people` or `teams` of gate.yaml")
        for owner, rule in first.items()
        if not people_of(policy, [owner])
    ]
