"""List completions for shells: branches, revisions, environments, people, checks, and topics."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from gate.git.repository import Repository
from gate.policy.files import POLICY_FILE
from gate.policy.load import load_policy
from gate.policy.types import Policy
from gate.rules import stored_here
from gate.topics import topics

REMOTE = "origin/"


def words(kind: str, start: Path) -> list[str]:
    """Return the completions of a `kind` in the repository around `start`. Raises GateError if there is none."""
    return LISTS[kind](start)


def _branches(start: Path) -> list[str]:
    """Return the branches by their names on the remote."""
    return sorted({name.removeprefix(REMOTE) for name in _refs(start, "refs/heads", "refs/remotes/origin")})


def _revisions(start: Path) -> list[str]:
    return _refs(start, "refs/heads", "refs/remotes", "refs/tags")


def _refs(start: Path, *roots: str) -> list[str]:
    output = Repository.find(start).run("for-each-ref", "--format=%(refname) %(symref)", *roots)
    lines = os.fsdecode(output).splitlines()
    names = [line.rstrip() for line in lines if " refs/" not in line]
    return [name.split("/", 2)[2] for name in names]


def _people(start: Path) -> list[str]:
    policy = _policy(start)
    return [*policy.people, *policy.teams]


def _checks(start: Path) -> list[str]:
    return list(_policy(start).checks)


def _environments(start: Path) -> list[str]:
    return [name for name, entry in _policy(start).protect.items() if entry.kind == "environment"]


def _topics(_start: Path) -> list[str]:
    return list(topics())


def _policy(start: Path) -> Policy:
    """Return the policy in the working tree, which is fine here because it decides nothing."""
    root = Repository.find(start).work_tree or start
    path = root / POLICY_FILE
    return load_policy(path.read_bytes() if path.is_file() else None, POLICY_FILE, stored_here(root))


LISTS: dict[str, Callable[[Path], list[str]]] = {
    "branches": _branches,
    "revisions": _revisions,
    "environments": _environments,
    "people": _people,
    "checks": _checks,
    "topics": _topics,
}
