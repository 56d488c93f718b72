"""Who can sign records: everyone whom the policy of a protected branch lists or has listed.

Whether a record counts is decided by the policy at the base of each change. This is only about admission: a record that
none of these people signed in their own name is treated as absent wherever the log is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

from gate.approvals.keys import readable_keys
from gate.errors import InvalidInput
from gate.git.branches import ORIGIN
from gate.git.merging import FIRST_PARENTS, RAW_LOG
from gate.git.repository import Repository
from gate.json_input import parse_json
from gate.model import BRANCHES
from gate.policy.files import POLICY_FILE
from gate.policy.keys import PublicKey, parse_key
from gate.policy.types import Policy
from gate.raw_diff import parse_log
from gate.rules import ProtectedBranches, policy_at
from gate.store import read_entry, write_entry

FORMAT = "signers 1"


def key_id(blob: str) -> str:
    """Return the short name of a key (its base64 text), under which the log's index stores who claims to have
    signed.
    """
    return blake2b(blob.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Signers:
    """Current and former keys: the names of their holders by the key's line in the policy."""

    names: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def keys(self) -> Mapping[str, tuple[PublicKey, frozenset[str]]]:
        """Return each key and its holders by the key's short name."""
        return {key_id((key := parse_key(line)).blob): (key, names) for line, names in self.names.items()}

    def __or__(self, other: Signers) -> Signers:
        """Return the signers of both."""
        if all(self.names.get(line, frozenset()) >= more for line, more in other.names.items()):
            return self
        names = dict(self.names)
        for line, more in other.names.items():
            names[line] = names.get(line, frozenset()) | more
        return Signers(names)


def signers_in(policy: Policy) -> Signers:
    """Return the signers that a policy lists. An invalid key belongs to nobody."""
    by_key: dict[str, set[str]] = {}
    for holder in readable_keys(policy):
        by_key.setdefault(holder.key.line, set()).add(holder.person)
    return Signers({line: frozenset(names) for line, names in by_key.items()})


def read_signers(repository: Repository, commits: Iterable[str] = ()) -> Signers:
    """Return everyone listed by any policy in the history of a protected branch or of one of `commits`.

    Only first-parent history counts: the commits that the branch itself pointed to. The result is cached and extended.
    """
    tips = _protected_tips(repository)
    path = repository.state_dir / "log" / "signers"
    seen, signers = _load(path)
    if set(tips) != set(seen):
        signers = signers | _listed(repository, tips, seen)
        _save(path, tips, signers)
    unread = [commit for commit in dict.fromkeys(commits) if commit not in tips]
    return signers | _listed(repository, unread, tips) if unread else signers


def _protected_tips(repository: Repository) -> list[str]:
    branches = ProtectedBranches.known(repository)
    prefixes = (BRANCHES, ORIGIN) if repository.work_tree else (BRANCHES,)
    raw = repository.text("for-each-ref", "--format=%(objectname) %(objecttype) %(refname)", *prefixes)
    tips = set()
    for line in raw.splitlines():
        oid, kind, ref = line.split(" ", 2)
        name = next(ref.removeprefix(prefix) for prefix in prefixes if ref.startswith(prefix))
        if kind == "commit" and branches.protects(name):
            tips.add(oid)
    return sorted(tips)


def _listed(repository: Repository, tips: Sequence[str], seen: Sequence[str]) -> Signers:
    """Return the signers in every policy in the history of `tips` but not of `seen`."""
    if not tips:
        return Signers()
    excluded = "".join(f"^{oid}\n" for oid in seen)
    request = ("".join(f"{oid}\n" for oid in tips) + excluded).encode("ascii")
    raw = repository.run(
        *RAW_LOG, *FIRST_PARENTS, "--root", "--format=%H", "--ignore-missing", "--stdin", "--", POLICY_FILE,
        stdin=request,
    )  # fmt: skip
    commits: dict[str, str] = {}
    for commit in parse_log(raw):
        for file in commit.files:
            commits.setdefault(file.new, commit.header)
    signers = Signers()
    for oid in commits.values():
        try:
            signers = signers | signers_in(policy_at(repository, oid))
        except InvalidInput:
            continue
    return signers


def _load(path: Path) -> tuple[list[str], Signers]:
    """Return the cached tips and signers, or nothing if the file is damaged."""
    try:
        data = parse_json(read_entry(path, FORMAT) or b"null")
        names = {parse_key(line).line: frozenset(map(str, names)) for line, names in data["names"].items()}
        return [str(tip) for tip in data["tips"]], Signers(names)
    except (ValueError, LookupError, TypeError, AttributeError):
        return [], Signers()


def _save(path: Path, tips: Sequence[str], signers: Signers) -> None:
    data = {"tips": list(tips), "names": {line: sorted(names) for line, names in signers.names.items()}}
    write_entry(path, FORMAT, json.dumps(data).encode())
