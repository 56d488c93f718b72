"""Who owns what, and what is wrong in CODEOWNERS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gate.codeowners import PLACES, CodeOwners, Rule, locate, parse
from gate.errors import InvalidInput, Mistake, UsageError
from gate.gather import codeowners_at, policy_at
from gate.git.change import read_change
from gate.git.objects import list_tree, resolve
from gate.git.repository import Repository
from gate.policy.load import POLICY_FILE, load_policy
from gate.policy.types import Policy


@dataclass(frozen=True, slots=True)
class Owned:
    """Who owns each of some paths. `file` is empty where there is no CODEOWNERS file."""

    file: str
    paths: Mapping[str, tuple[Rule, ...]]


@dataclass(frozen=True, slots=True)
class Lint:
    """What is wrong in a CODEOWNERS file: `mistakes` make it invalid, `warnings` are worth a look."""

    file: str
    rules: int
    mistakes: tuple[Mistake, ...]
    warnings: tuple[Mistake, ...]


def owners_of(start: Path, paths: Sequence[str], revision: str = "HEAD") -> Owned:
    """Who owns `paths`, or every file of `revision` where none are given, by the CODEOWNERS of `revision`.

    Paths are as seen from `start`. Raises InvalidInput if the file has mistakes.
    """
    repository = Repository.find(start)
    commits = resolve(repository, [revision])
    if revision not in commits:
        raise UsageError(f"{revision!r} stands for no commit here", "commit first, or check the spelling")
    commit = commits[revision]
    found = codeowners_at(repository, commit, policy_at(repository, commit))
    wanted = [_in_tree(repository, start, path) for path in paths]
    if not wanted:
        wanted = [entry.path for entry in list_tree(repository, commit)]
    return _owned(found, wanted)


def owners_of_change(start: Path, into: str | None, head: str | None) -> Owned:
    """Who owns what a change touches, by the CODEOWNERS at its base."""
    repository = Repository.find(start)
    change = read_change(repository, into=into, head=head)
    found = codeowners_at(repository, change.base, policy_at(repository, change.base))
    return _owned(found, [entry.path for entry in change.files])


def lint(start: Path) -> Lint:
    """Look at the CODEOWNERS file as it is in the working tree, before it is committed.

    Raises UsageError where there is none.
    """
    repository = Repository.find(start)
    top = repository.work_tree
    if top is None:
        raise UsageError("a bare repository has no working tree to look at", "run it in a clone")
    places = dict.fromkeys(place for group in PLACES.values() for place in group)
    present = {place: (top / place).read_bytes() for place in places if (top / place).is_file()}
    policy_file = top / POLICY_FILE
    policy = load_policy(policy_file.read_bytes() if policy_file.is_file() else None)
    located = locate(present, policy.dialect)
    if located is None:
        raise UsageError("there is no CODEOWNERS file", f"write one, at {PLACES['github'][0]} for instance")
    file, dialect = located
    owners = parse(present[file], file, dialect)
    tree = resolve(repository, ["HEAD"]).get("HEAD")
    paths = [entry.path for entry in list_tree(repository, tree)] if tree else []
    warnings = [*_shadowed(present, file), *_idle(owners, paths), *_strangers(owners, policy)]
    return Lint(file, len(owners.rules), owners.mistakes, tuple(sorted(warnings, key=lambda item: item.line)))


def _in_tree(repository: Repository, start: Path, path: str) -> str:
    top = repository.work_tree
    if top is None:
        return path.removeprefix("./")
    absolute = Path(start).resolve() / path
    try:
        return str(absolute.relative_to(top.resolve()))
    except ValueError:
        raise UsageError(f"{path} is not inside the repository {top}") from None


def _owned(found: CodeOwners | None, paths: Sequence[str]) -> Owned:
    if found is None:
        return Owned("", dict.fromkeys(paths, ()))
    if found.mistakes:
        raise InvalidInput(
            found.mistakes, "mend these lines; no answer from the rest of the file can be trusted"
        )
    return Owned(found.file, found.owners_of_all(paths))


def _shadowed(present: Mapping[str, bytes], file: str) -> list[Mistake]:
    return [
        Mistake(other, 0, 0, f"says nothing: {file} takes precedence") for other in present if other != file
    ]


def _idle(owners: CodeOwners, paths: Sequence[str]) -> list[Mistake]:
    """Rules that count for no file, be it that none matches or that later rules take them all."""
    if not paths:
        return []
    counting = {rule for rules in owners.owners_of_all(paths).values() for rule in rules}
    return [
        Mistake(rule.file, rule.line, rule.column, f"`{rule.pattern}` decides about no file of HEAD")
        for rule in owners.rules
        if rule not in counting
    ]


def _strangers(owners: CodeOwners, policy: Policy) -> list[Mistake]:
    if not policy.people:
        return []
    from gate.requirements.owners import people_of

    return [
        Mistake(
            rule.file, rule.line, rule.column, f"{owner} is nobody in `people` or `teams` of {policy.file}"
        )
        for rule in owners.rules
        for owner in rule.owners
        if not people_of(policy, [owner])
    ]
