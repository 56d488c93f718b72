"""Detect files that were meant as the policy, and branch names in it with a typo. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from fnmatch import fnmatchcase

from gate.policy.files import POLICY_FILE
from gate.policy.types import Policy

_NAME = re.compile(r"\.?(?P<stem>[^/.]+)\.(?:ya?ml|json|toml)(?:\.txt)?", re.IGNORECASE)
_SIMILAR = 0.75
"""The difflib ratio from which one name counts as a typo of the other."""
_PROTECT = re.compile(rb"""^(?:protect|\{?\s*["']protect["'])\s*:|^\[protect\b""", re.MULTILINE)
_SECTION = re.compile(rb"^(?:people|teams|checks|owners|extends|environment)\s*:", re.MULTILINE)
_VERSION = re.compile(rb"^version\s*:\s*1\b", re.MULTILINE)


def may_be_policy(path: str) -> bool:
    """Return whether a file, other than the policy itself, has a name that someone may have meant for it."""
    match = _NAME.fullmatch(path.rpartition("/")[2])
    return path != POLICY_FILE and match is not None and _alike(match["stem"], "gate") > _SIMILAR


def looks_like_policy(data: bytes) -> bool:
    """Return whether the content of a file is a policy, rather than something else with that name."""
    text = data.replace(b"\0", b"").lstrip(b"\xff\xfe\xef\xbb\xbf")
    return bool(_PROTECT.search(text) or (_VERSION.search(text) and _SECTION.search(text)))


def meant_branch(policy: Policy, branch: str, *, default: bool, existing: Iterable[str]) -> str:
    """Return the name in `protect` that was probably meant for `branch` (a short name), if it isn't listed; else "".

    A name or pattern in a different case counts. For the default branch, so does a typo, or the other of the two usual
    default names, if no such branch exists.
    """
    if not policy.branches or policy.protects(branch):
        return ""
    branches_present = set(existing)
    names = [name for name in policy.branches if name not in branches_present]
    for name in names:
        if fnmatchcase(branch.casefold(), name.casefold()):
            return name
    usual = {"main", "master"}
    for name in names if default else ():
        if {name, branch} == usual or _alike(name, branch) >= _SIMILAR:
            return name
    return ""


def _alike(left: str, right: str) -> float:
    return SequenceMatcher(None, left.casefold(), right.casefold()).ratio()
