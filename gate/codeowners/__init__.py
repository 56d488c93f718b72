"""Code owners: find the CODEOWNERS file, parse it, and look up the owners of a path. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from gate.codeowners import bitbucket, gitea, github, gitlab
from gate.codeowners.lines import encoding_mistake, odd_characters
from gate.codeowners.places import ALL_PLACES, PLACES, SHARED, locate
from gate.codeowners.rules import CodeOwners, Rule, Section
from gate.errors import Mistake
from gate.policy.types import Dialect

__all__ = [
    "ALL_PLACES",
    "DIALECTS",
    "PLACES",
    "SIZE_LIMIT",
    "CodeOwners",
    "Rule",
    "Section",
    "hint_for",
    "locate",
    "parse",
]

DIALECTS: Mapping[Dialect, Callable[[bytes, str], CodeOwners]] = {
    "github": github.parse,
    "gitlab": gitlab.parse,
    "gitea": gitea.parse,
    "bitbucket": bitbucket.parse,
}

SIZE_LIMIT = 3 * 1024 * 1024
"""GitHub ignores files of this size in bytes or larger; gate rejects them everywhere."""


def parse(data: bytes, file: str, dialect: Dialect) -> CodeOwners:
    """Parse `data`, the content of `file`. Errors never raise; they are listed in `mistakes`."""
    if len(data) >= SIZE_LIMIT:
        size = f"{len(data):,} bytes, and the forge reads none of {SIZE_LIMIT:,} or more"
        return CodeOwners(file, (), (Mistake(file, 0, 0, f"the file is too large: {size}"),))
    problem = encoding_mistake(data)
    if problem is not None:
        line, message = problem
        return CodeOwners(file, (), (Mistake(file, line, 1, message),))
    owners = DIALECTS[dialect](data, file)
    odd = [Mistake(file, *position) for position in odd_characters(data)]
    if not odd:
        return owners
    mistakes = sorted((*owners.mistakes, *odd), key=lambda mistake: (mistake.line, mistake.column))
    return replace(owners, mistakes=tuple(mistakes))


def hint_for(data: bytes, owners: CodeOwners, dialect: Dialect, named: Dialect | None, *, base: bool) -> str:
    """Return what to do about the mistakes in a file: fix them where it is, or it may be written for another forge.

    `base` says whether it is the base branch's file, and not the one in the working tree. `named` is the dialect that
    the policy names. If the dialect was guessed, the guess may be wrong.
    """
    fix = f"fix these lines of {owners.file}{' on the base branch' if base else ''}"
    if base:
        fix += "; `gate owners --lint` checks them before you commit"
    if named is not None or owners.file not in SHARED or not owners.mistakes:
        return fix
    alternatives = [
        dialect_name
        for dialect_name in ("gitlab", "github")
        if dialect_name != dialect
        and len(parse(data, owners.file, dialect_name).mistakes) < len(owners.mistakes)
    ]
    if not alternatives:
        return fix
    forge = {"gitlab": "GitLab", "github": "GitHub"}[alternatives[0]]
    return (
        f"this file was read as one for {dialect}; if it is for {forge}, set `owners: {{dialect: {alternatives[0]}}}`"
        f" in gate.yaml; else {fix}"
    )
