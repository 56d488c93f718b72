"""Patterns of paths in the policy: `frontend/`, `docs/**/*.rst`, `*.ts`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

_PART = re.compile(r"(?:(?<=/)|^)\*\*/|\*\*|\*|\?|[^*?/]+|/")
_DEEP = {"**/": "(?:[^/]+/)*?", "**": ".*?"}


def any_matches(paths: Iterable[str], patterns: Iterable[str]) -> bool:
    """Whether any of `paths` matches any of `patterns`."""
    wanted = tuple(patterns)
    return any(matches(path, pattern) for path in paths for pattern in wanted)


def matches(path: str, pattern: str) -> bool:
    """Whether a path matches: as in .gitignore, a folder matches all in it, and a name alone matches anywhere."""
    return bool(_compiled(pattern).match(path))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    anchored = "/" in pattern.rstrip("/")
    parts = [*([] if anchored else ["**/"]), *_PART.findall(pattern.strip("/"))]
    end = "/" if pattern.endswith("/") else r"(?:/|\Z)"
    stretches: list[list[str]] = [[]]
    for part in parts:
        if part in _DEEP:
            stretches.append([])
        stretches[-1].append(part)
    *inner, last = stretches
    return re.compile("".join([*map(_stretch, inner), _stretch(last, end)]), re.DOTALL)


def _stretch(parts: Iterable[str], end: str = "") -> str:
    """The expression of what begins with `**`, or with the pattern, and goes on to the next `**`.

    What follows a wildcard may be taken where it is first found, for good: the rest of the path that is left to the
    next one is never smaller for it. So no pattern, however it is made up, can set the search going back and forth.
    """
    deep = ""
    blocks = [""]
    for part in parts:
        if part in _DEEP:
            deep = _DEEP[part]
        elif part == "*":
            blocks.append("")
        else:
            blocks[-1] += "[^/]" if part == "?" else re.escape(part)
    blocks[-1] += end
    first, *others = blocks
    return f"(?>{deep}{first}{''.join(f'(?>[^/]*?{block})' for block in others)})"
