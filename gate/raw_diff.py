"""The one parser of git's raw diffs: `git diff-tree -r -z --raw --no-renames --no-abbrev`, and lists kept in that form.

Pure. What is no such diff raises ValueError; git itself never gives one.
"""

from __future__ import annotations

from gate.model import FileChange, Status, decode_path

STATUSES: dict[str, Status] = {"A": "added", "D": "deleted"}


def parse_raw(raw: bytes) -> tuple[FileChange, ...]:
    """The files in a raw, NUL-separated, rename-free diff, in its order."""
    fields = raw.split(b"\0")
    if fields.pop() != b"" or len(fields) % 2:
        raise ValueError("a list of changes ends within an entry")
    return tuple(parse_entry(head, path) for head, path in zip(fields[::2], fields[1::2], strict=True))


def parse_entry(head: bytes, path: bytes) -> FileChange:
    """One file: `:OLD_MODE NEW_MODE OLD NEW STATUS`, and its path."""
    if not head.startswith(b":"):
        raise ValueError("an entry of a list of changes must start with a colon")
    old_mode, new_mode, old, new, status = head[1:].decode("ascii").split(" ")
    return FileChange(decode_path(path), STATUSES.get(status, "modified"), old_mode, new_mode, old, new)
