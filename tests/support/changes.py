"""A change of two files by one author, for tests of code that evaluates a change."""

from __future__ import annotations

from gate.model import Author, Change, FileChange

FILES = tuple(
    FileChange(path, "modified", "100644", "100644", "0" * 40, "1" * 40) for path in ("a.py", "b.py")
)
CHANGE = Change(
    repository="",
    into="refs/heads/main",
    base="b" * 40,
    head="a" * 40,
    merge_base="b" * 40,
    tree="c" * 40,
    base_tree="d" * 40,
    digest="e" * 64,
    authors=(Author("New", "new@x"),),
    files=FILES,
)
