"""Where things are: the files in the log's tree, those of older versions too, and the commits that refer to the log."""

from __future__ import annotations

import re

LOG_TRAILER = "%(trailers:key=Gate-Log,valueonly,separator=%x2C)"
"""How `git log` prints the commits of the log that a commit refers to: one, or several with commas between them."""
PLACES = re.compile(
    r"records/[0-9a-f]{2}/[0-9a-f]{64}(\.json|(\.[0-9a-f]{40,64})?\.sig)"
    r"|changes/([0-9a-f]{2}/)?[0-9a-f]{64}|verdicts/([0-9a-f]{2}/)?[0-9a-f]{64}\.json"
)
"""The paths that a log has. Older versions of gate wrote `changes/` and `verdicts/` as flat folders."""
_FLAT = re.compile(r"(changes|verdicts)/([0-9a-f]{2})([0-9a-f]{62}(?:\.json)?)")


def record_path(identity: str) -> str:
    """Where the record with this id is."""
    return f"records/{identity[:2]}/{identity}.json"


def signature_path(identity: str) -> str:
    """Where its signature is."""
    return f"records/{identity[:2]}/{identity}.sig"


def change_path(digest: str) -> str:
    """Where the list of the change with this digest is."""
    return f"changes/{digest[:2]}/{digest}"


def verdict_path(digest: str) -> str:
    """Where the JSON verdict with this sha256 is."""
    return f"verdicts/{digest[:2]}/{digest}.json"


def sharded(path: str) -> str:
    """The same path, with a file of an old flat folder put into its subfolder."""
    flat = _FLAT.fullmatch(path)
    return f"{flat[1]}/{flat[2]}/{flat[2]}{flat[3]}" if flat else path


def is_flat(path: str) -> bool:
    """Is the file in a flat folder, as older versions of gate wrote it?"""
    return _FLAT.fullmatch(path) is not None
