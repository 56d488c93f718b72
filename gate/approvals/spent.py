"""Decide when an approval has been used. Pure.

An approval or a waiver is *spent* for a base if the protected branch already had what it approves: if, at some commit
after the base that it was given for, up to and including the base in question, any file of the change had exactly the
approved content and mode; or if the commit that it was given for is already part of the branch. One file is enough: at
the base in question that file differs again, so somebody reverted it. A change that was merged and reverted must be
approved again, however it comes back, also as a part of a larger change that was approved before the revert.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gate.approvals.content import Contents
from gate.model import FileChange

State = tuple[str, str]
"""A file on the branch: mode and blob."""


class Timeline:
    """The changes by each commit of a branch, numbered from 1 for the first after `start`."""

    def __init__(self, changes: Iterable[Sequence[FileChange]]) -> None:
        """Create the timeline from the changes that each commit made to the one before it, oldest first."""
        self._numbers: dict[str, list[int]] = {}
        self._states: dict[str, list[State]] = {}
        for number, files in enumerate(changes, 1):
            for file in files:
                self._numbers.setdefault(file.path, []).append(number)
                self._states.setdefault(file.path, []).append((file.new_mode, file.new))

    def first_with(self, contents: Contents, start: int, until: int) -> int:
        """Return the first commit after number `start`, up to `until`, that gave a file its new content, or 0."""
        found = (
            number
            for path, (_, mode, _, new) in contents.items()
            for number, state in self._between(path, start, until)
            if state == (mode, new)
        )
        return min(found, default=0)

    def _between(self, path: str, start: int, until: int) -> Iterator[tuple[int, State]]:
        """Yield the commits after `start`, up to `until`, that changed a path, each with the path's new state."""
        numbers = self._numbers.get(path, [])
        first, end = bisect_right(numbers, start), bisect_right(numbers, until)
        return zip(numbers[first:end], self._states.get(path, [])[first:end], strict=True)


def files_of(lists: Mapping[str, Contents], change: str, now: Contents) -> Contents:
    """Return the contents for which an approval of the change with this digest counts now: the files that are
    unchanged.
    """
    approved = lists.get(change, now)
    return {path: content for path, content in now.items() if approved.get(path) == content}
