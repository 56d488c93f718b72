"""Run merges and diffs the same way everywhere, whatever the user has configured."""

from __future__ import annotations

from gate.git.repository import Repository

# Settings of the user or in the change have no effect. The limits are git's own: without a limit, a change that
# moves thousands of files keeps git busy for minutes. Since git 2.43, a bare repository would read attributes
# from its HEAD; the empty tree has none.
MERGE_SETTINGS = (
    "-c", "merge.default=text",
    "-c", "merge.renames=true",
    "-c", "merge.directoryRenames=conflict",
    "-c", "merge.renormalize=false",
    "-c", "merge.renameLimit=7000",
    "-c", "core.attributesFile=/dev/null",
    "-c", "attr.tree=4b825dc642cb6eb9a060e54bf8d69288fbee4904",
)  # fmt: skip
RAW_DIFF = (
    "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--ignore-submodules=none",
)  # fmt: skip
"""Arguments to list a change, used everywhere. Without the last one, a `.gitmodules` could hide a submodule's move."""
RAW_LOG = (
    "log", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--ignore-submodules=none",
    "--no-show-signature", "--no-follow",
)  # fmt: skip
"""Arguments to list the changes of many commits, for `gate.raw_diff.parse_log`."""
FIRST_PARENTS = ("--first-parent", "--diff-merges=first-parent")
"""Arguments for first-parent history, with each commit compared to the one before it."""


def raw_diff(repository: Repository, old: str, new: str) -> bytes:
    """Return git's raw diff between two trees or commits, given by their full ids."""
    return repository.once(("diff", old, new), lambda: repository.run(*RAW_DIFF, old, new))
