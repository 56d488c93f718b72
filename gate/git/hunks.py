"""Is a file's change still the one that was approved, although the base has moved in the same file?

Exactly then: both are changes of a text file that keeps its mode; what git makes of merging the approved change
onto the file as it is at the base now is, without a conflict, the very file that would be merged; and the lines
that it removes and adds are the same, byte for byte, hunk by hunk, in the same order.
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
"""Bytes of a file above which an approval goes stale as it would otherwise."""

_DIFF = (
    "-c", "diff.suppressBlankEmpty=false", "-c", "core.attributesFile=/dev/null",
    "diff", "-U0", "--inter-hunk-context=0", "--diff-algorithm=myers", "--no-indent-heuristic", "--text",
    "--no-ext-diff", "--no-textconv", "--no-color", "--no-prefix",
)  # fmt: skip
_HUNK = re.compile(rb"^@@ .*\n", re.MULTILINE)


class HunkComparison:
    """Compares changes of files, each pair once."""

    def __init__(self, repository: Repository) -> None:
        """Of the objects in this repository; what is not there compares equal to nothing."""
        self._repository = repository
        self._hunks: dict[tuple[str, str], tuple[bytes, ...] | None] = {}
        self._blobs: dict[str, bytes | None] = {}

    def equivalent(self, approved: Contents, now: Contents) -> frozenset[str]:
        """The paths of `now` that are not as in `before`, and whose change is the same all the same."""
        return frozenset(
            path
            for path, content in now.items()
            if path in approved and approved[path] != content and self.same(approved[path], content)
        )

    def same(self, approved: Content, proposed: Content) -> bool:
        """Is the second change the first one, on a file that has moved elsewhere?"""
        modes = {*approved[:2], *proposed[:2]}
        if len(modes) != 1 or not modes <= REGULAR_MODES:
            return False
        return self.same_hunks(approved, proposed) and self._merges_to(approved, proposed)

    def same_hunks(self, approved: Content, proposed: Content) -> bool:
        """Do both changes remove and add the same lines?"""
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
        """The removed and added lines of each hunk, without where they stand; None for what is binary, or not here."""
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
    """What the commits of a branch (by first parents) have changed in these paths since `start`, up to `base`."""
    raw = repository.run(
        "--literal-pathspecs", *RAW_LOG, *FIRST_PARENTS, "--format=", f"{start}..{base}", "--",
        *map(encode_path, paths),
    )  # fmt: skip
    files = [file for commit in parse_log(raw) for file in commit.files]
    return [(file.path, (file.old_mode, file.new_mode, file.old, file.new)) for file in files]
