"""Asking the edges for the facts that the requirements look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gate.codeowners import PLACES, Rule, locate, parse
from gate.errors import InvalidInput
from gate.git.objects import read_blob, read_blobs
from gate.git.repository import Repository
from gate.model import Change
from gate.policy.load import POLICY_FILE, load_policy
from gate.policy.types import Policy


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns what a change touches. `file` is empty where the base has no CODEOWNERS."""

    file: str
    rules: Mapping[str, tuple[Rule, ...]]


def policy_at(repository: Repository, commit: str) -> Policy:
    """The policy in the tree of `commit`; raises InvalidInput with every mistake in it."""
    return load_policy(read_blob(repository, commit, POLICY_FILE), POLICY_FILE)


def ownership_at(repository: Repository, change: Change, policy: Policy) -> Ownership:
    """Who owns the changed paths by the CODEOWNERS at the base; raises InvalidInput with every mistake in it."""
    places = [place for group in PLACES.values() for place in group]
    present = {
        place: blob
        for place, blob in read_blobs(repository, change.base, places).items()
        if blob is not None
    }
    found = locate(present, policy.dialect)
    if found is None:
        return Ownership("", {})
    file, dialect = found
    owners = parse(present[file], file, dialect)
    if owners.mistakes:
        raise InvalidInput(owners.mistakes, "mend it on the base branch; `gate owners --lint` shows the same")
    return Ownership(file, owners.owners_of_all([entry.path for entry in change.files]))
