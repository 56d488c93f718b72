"""Parse the output of `--raw -z --no-abbrev`, and lists of changes stored in that format. The only such parser.

Pure. Raises ValueError for anything that git itself never prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gate.model import FileChange, Status, decode_path

STATUSES: dict[str, Status] = {"A": "added", "D": "deleted"}


@dataclass(frozen=True, slots=True)
class LoggedCommit:
    """A commit from `git log --raw`: the output of `--format`, and the files it changed."""

    header: str
    files: list[FileChange] = field(default_factory=list)


def parse_raw(raw: bytes) -> tuple[FileChange, ...]:
    """Parse a raw, NUL-separated diff without rename detection, in order."""
    fields = raw.split(b"\0")
    if fields.pop() != b"" or len(fields) % 2:
        raise ValueError("a list of changes ends within an entry")
    return tuple(_entry(head, path) for head, path in zip(fields[::2], fields[1::2], strict=True))


def parse_log(raw: bytes) -> list[LoggedCommit]:
    """Parse the output of `git log --raw -z --no-renames`, in order, where `--format` prints one line.

    With an empty format, all files belong to a single commit without a header.
    """
    commits: list[LoggedCommit] = []
    fields = iter(raw.split(b"\0"))
    # Between commits, git prints one more separator, and a newline after the `--format` output.
    for item in (item.lstrip(b"\n") for item in fields):
        if item.startswith(b":"):
            commits = commits or [LoggedCommit("")]
            commits[-1].files.append(_entry(item, _path(fields)))
        elif item:
            commits.append(LoggedCommit(item.decode("ascii")))
    return commits


def parse_renames(raw: bytes) -> dict[str, str]:
    """Return the old path of each renamed file by its new one, from a raw diff made with `-M`."""
    renames = {}
    fields = iter(raw.split(b"\0")[:-1])
    for head in fields:
        old = _path(fields)
        if _fields_of(head)[4].startswith("R"):
            renames[decode_path(_path(fields))] = decode_path(old)
    return renames


def _path(fields: Iterator[bytes]) -> bytes:
    path = next(fields, b"")
    if not path:
        raise ValueError("a list of changes ends within an entry")
    return path


def _entry(head: bytes, path: bytes) -> FileChange:
    old_mode, new_mode, old, new, status = _fields_of(head)
    return FileChange(decode_path(path), STATUSES.get(status, "modified"), old_mode, new_mode, old, new)


def _fields_of(head: bytes) -> tuple[str, str, str, str, str]:
    """Parse the header of a file: `:OLD_MODE NEW_MODE OLD NEW STATUS`."""
    if not head.startswith(b":"):
        raise ValueError("an entry of a list of changes must start with a colon")
    old_mode, new_mode, old, new, status = head[1:].decode("ascii").split(" ")
    return old_mode, new_mode, old, new, status
