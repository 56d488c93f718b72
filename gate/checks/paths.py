"""Match path patterns in the policy: `frontend/`, `docs/**/*.rst`, `*.ts`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

_PART = re.compile(r"(?:(?<=/)|^)\*\*/|\*\*|\*|\?|[^*?/]+|/")
_DEEP = {"**/": "(?:[^/]+/)*?", "**": ".*?"}


def any_matches(paths: Iterable[str], patterns: Iterable[str]) -> bool:
    """Return whether any of `paths` matches any of `patterns`."""
    wanted = tuple(patterns)
    return any(matches(path, pattern) for path in paths for pattern in wanted)


def matches(path: str, pattern: str) -> bool:
    """Return whether a path matches. As in .gitignore, a folder matches everything in it, and a bare name matches
    anywhere.
    """
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
    """Return the expression for the part of a pattern up to the next `**`.

    The text after a wildcard is matched possessively at its first occurrence. That never leaves less of the path for
    the rest of the pattern, and no pattern can cause backtracking.
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
