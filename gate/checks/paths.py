"""Patterns of paths in the policy: `frontend/`, `docs/**/*.rst`, `*.ts`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

PART = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+")
MEANING = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def any_matches(paths: Iterable[str], patterns: Iterable[str]) -> bool:
    """Whether any of `paths` matches any of `patterns`."""
    wanted = tuple(patterns)
    return any(matches(path, pattern) for path in paths for pattern in wanted)


def matches(path: str, pattern: str) -> bool:
    """Whether a path matches: as in .gitignore, a folder matches all in it, and a name alone matches anywhere."""
    return bool(_compiled(pattern).match(path))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    glob = pattern.strip("/")
    anchored = "/" in pattern.rstrip("/")
    body = "".join(MEANING.get(part) or re.escape(part) for part in PART.findall(glob))
    return re.compile(
        f"{'' if anchored else '(?:.*/)?'}{body}{'/' if pattern.endswith('/') else '(?:/|$)'}", re.DOTALL
    )
