"""Decide when an approval has been used. Pure.

An approval or a waiver is *spent* for a base if the protected branch already had what it approves: if, at some commit
after the base that it was given for, up to and including the base in question, each file of the change had exactly the
approved content and mode; or if the commit that it was given for is already part of the branch. A change that was
merged and reverted must be approved again, however it comes back.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

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
        """Return the first commit after number `start`, up to `until`, at which the branch had these contents, or 0.

        Every file must have changed since `start` to its new content: at `start`, they are as before the change.
        """
        wanted = {path: (new_mode, new) for path, (_, new_mode, _, new) in contents.items()}
        for number in sorted({n for path in wanted for n in self._between(path, start, until)}):
            if all(self._at(path, number, start) == state for path, state in wanted.items()):
                return number
        return 0

    def _between(self, path: str, start: int, until: int) -> Sequence[int]:
        numbers = self._numbers.get(path, [])
        return numbers[bisect_right(numbers, start) : bisect_right(numbers, until)]

    def _at(self, path: str, number: int, start: int) -> State | None:
        """Return the state of a path at a commit, or None if it hasn't changed since `start`."""
        numbers = self._numbers.get(path, [])
        last = bisect_right(numbers, number) - 1
        return self._states[path][last] if last >= 0 and numbers[last] > start else None


def files_of(lists: Mapping[str, Contents], change: str, now: Contents) -> Contents:
    """Return the contents for which an approval of the change with this digest counts now: the files that are
    unchanged.
    """
    approved = lists.get(change, now)
    return {path: content for path, content in now.items() if approved.get(path) == content}
