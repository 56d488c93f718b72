"""Decide whether a file's change is still the approved one after the base moved elsewhere in the same file.

It is if all of this holds: both sides are text files with the same mode; merging the approved change onto the
current base file succeeds without conflicts and gives exactly the file that would be merged; and the removed and
added lines are the same, byte for byte, hunk by hunk, in the same order.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from gate.approvals.content import Content, Contents
from gate.git.merging import FIRST_PARENTS, RAW_LOG
from gate.git.objects import REGULAR_MODES
from gate.git.repository import Repository
from gate.model import encode_path
from gate.raw_diff import parse_log

LARGEST = 1_000_000
"""Bytes of a file above which hunks aren't compared, so that two changes never count as the same."""

_DIFF = (
    "-c", "diff.suppressBlankEmpty=false", "-c", "core.attributesFile=/dev/null",
    "diff", "-U0", "--inter-hunk-context=0", "--diff-algorithm=myers", "--no-indent-heuristic", "--text",
    "--no-ext-diff", "--no-textconv", "--no-color", "--no-prefix",
)  # fmt: skip
_HUNK = re.compile(rb"^@@ .*\n", re.MULTILINE)


class HunkComparison:
    """Compares changes to files and caches each comparison."""

    def __init__(self, repository: Repository) -> None:
        """Compare objects in this repository. An object that is missing never compares equal."""
        self._repository = repository
        self._hunks: dict[tuple[str, str], tuple[bytes, ...] | None] = {}
        self._blobs: dict[str, bytes | None] = {}

    def equivalent(self, approved: Contents, now: Contents) -> frozenset[str]:
        """Return the paths of `now` whose content differs from `approved` but whose change is the same."""
        return frozenset(
            path
            for path, content in now.items()
            if path in approved and approved[path] != content and self.same(approved[path], content)
        )

    def same(self, approved: Content, proposed: Content) -> bool:
        """Return whether both make the same change, on a file that may have changed elsewhere."""
        modes = {*approved[:2], *proposed[:2]}
        if len(modes) != 1 or not modes <= REGULAR_MODES:
            return False
        return self.same_hunks(approved, proposed) and self._merges_to(approved, proposed)

    def same_hunks(self, approved: Content, proposed: Content) -> bool:
        """Return whether both changes remove and add the same lines."""
        first, second = (self._hunks_of(change[2], change[3]) for change in (approved, proposed))
        return first is not None and first == second

    def _merges_to(self, approved: Content, proposed: Content) -> bool:
        contents = [self._blob(oid) for oid in (proposed[2], approved[2], approved[3])]
        with tempfile.TemporaryDirectory(prefix="gate-hunks-") as folder:
            names = [Path(folder) / name for name in ("ours", "ancestor", "theirs")]
            for name, content in zip(names, contents, strict=True):
                name.write_bytes(content or b"")
            done = self._repository.attempt("merge-file", "-p", "-q", *map(str, names))
        return done.returncode == 0 and done.stdout == self._blob(proposed[3])

    def _hunks_of(self, old: str, new: str) -> tuple[bytes, ...] | None:
        """Return the removed and added lines of each hunk without line numbers, or None for binary or missing files."""
        key = (old, new)
        if key not in self._hunks:
            texts = [self._blob(oid) for oid in key]
            if any(text is None or b"\0" in text or len(text) > LARGEST for text in texts):
                self._hunks[key] = None
            else:
                _, *hunks = _HUNK.split(self._repository.run(*_DIFF, old, new))
                self._hunks[key] = tuple(hunks)
        return self._hunks[key]

    def _blob(self, oid: str) -> bytes | None:
        if oid not in self._blobs:
            done = self._repository.attempt("cat-file", "blob", oid)
            self._blobs[oid] = done.stdout if done.returncode == 0 else None
        return self._blobs[oid]


def entered_since(
    repository: Repository, start: str, base: str, paths: Iterable[str]
) -> list[tuple[str, Content]]:
    """Return the changes to these paths that first-parent commits between `start` and `base` made."""
    raw = repository.run(
        "--literal-pathspecs", *RAW_LOG, *FIRST_PARENTS, "--format=", f"{start}..{base}", "--",
        *map(encode_path, paths),
    )  # fmt: skip
    files = [file for commit in parse_log(raw) for file in commit.files]
    return [(file.path, (file.old_mode, file.new_mode, file.old, file.new)) for file in files]
