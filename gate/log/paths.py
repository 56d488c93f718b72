"""The paths in the log's tree, including those that older versions of gate used."""

from __future__ import annotations

import re

LOG_TRAILER = "%(trailers:key=Gate-Log,valueonly,separator=%x2C)"
"""The `git log` format for the log commits that a commit refers to: one, or several separated by commas."""
PLACES = re.compile(
    r"records/[0-9a-f]{2}/[0-9a-f]{64}(\.json|(\.[0-9a-f]{40,64})?\.sig)"
    r"|changes/([0-9a-f]{2}/)?[0-9a-f]{64}|verdicts/([0-9a-f]{2}/)?[0-9a-f]{64}\.json"
)
"""The paths that the log can contain. Older versions of gate wrote `changes/` and `verdicts/` as flat folders."""
_FLAT = re.compile(r"(changes|verdicts)/([0-9a-f]{2})([0-9a-f]{62}(?:\.json)?)")


def record_path(identity: str) -> str:
    """Return the path of the record with this id."""
    return f"records/{identity[:2]}/{identity}.json"


def signature_path(identity: str) -> str:
    """Return the path of its signature."""
    return f"records/{identity[:2]}/{identity}.sig"


def change_path(digest: str) -> str:
    """Return the path of the list of the change with this digest."""
    return f"changes/{digest[:2]}/{digest}"


def verdict_path(digest: str) -> str:
    """Return the path of the JSON verdict with this SHA-256."""
    return f"verdicts/{digest[:2]}/{digest}.json"


def sharded(path: str) -> str:
    """Return the path with a file of an old flat folder moved into its subfolder."""
    flat = _FLAT.fullmatch(path)
    return f"{flat[1]}/{flat[2]}/{flat[2]}{flat[3]}" if flat else path


def is_flat(path: str) -> bool:
    """Return whether the file is in a flat folder, as written by older versions of gate."""
    return _FLAT.fullmatch(path) is not None
