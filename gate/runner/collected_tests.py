"""Find tests that a change keeps from being collected or run although their code still exists."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gate.checks import Report
from gate.checks.pytest import decides_tests
from gate.finding import FEWER_TESTS, SKIPPED_NOW, Finding
from gate.git.objects import read_objects
from gate.git.repository import Repository
from gate.model import Change
from gate.wording import count

HOOKS = re.compile(rb"\bpytest_\w|\bcollect_ignore|\b__test__\b")
"""What in a Python file can affect which tests are collected."""


class CollectedTests:
    """Compares the tests collected with a change with those of its base."""

    def __init__(self, repository: Repository, change: Change) -> None:
        """Compare within `change`, whose objects `repository` has."""
        self._repository, self._change = repository, change

    def fewer(self, report: Report, base: Report) -> tuple[Finding, ...]:
        """Return findings about tests of the base that are no longer collected or run though their code exists."""
        missing = self._moved(base.tests) - report.tests
        removed = self._removed_in_sight(missing)
        gone = sorted(missing - removed)
        skipped = sorted((report.skipped - base.skipped) & base.tests)
        fewer = report.seen is not None and base.seen is not None and report.seen < base.seen and not removed
        messages = {}
        if gone or fewer:
            number = report.seen or 0
            are = "is" if number == 1 else "are"
            message = f"{count(number, 'test')} {are} collected, but {base.seen} on the base"
            messages[message + (f"; missing: {first_of(gone)}" if gone else "")] = gone
        if skipped:
            messages[f"{SKIPPED_NOW}: {first_of(skipped)}"] = skipped
        return tuple(
            Finding(self._cause(tests), 0, 0, 0, FEWER_TESTS, "warning", message)
            for message, tests in messages.items()
        )

    def _cause(self, tests: Sequence[str]) -> str:
        """Return the changed file that most likely hides the tests. A guardian has to approve it."""
        if touched := self._touches_tests():
            return touched
        changed = [entry.path for entry in self._change.files]
        own = [path for path in (test.partition("::")[0] for test in tests) if path in changed]
        code = [path for path in changed if path.endswith(".py")]
        return next(iter((*own, *code, *changed)), "")

    def _moved(self, tests: frozenset[str]) -> frozenset[str]:
        """Return the tests of the base by their names after the change renamed their files."""
        new_path = {old: new for new, old in self._change.renames.items()}
        parts = (test.partition("::") for test in tests)
        return frozenset(f"{new_path.get(path, path)}{mark}{name}" for path, mark, name in parts)

    def _removed_in_sight(self, tests: frozenset[str]) -> frozenset[str]:
        """Return the tests whose code the change removes. Deleted tests are reported by the detectors."""
        changed = {entry.path: entry.new for entry in self._change.files}
        files = {entry.path: entry.new for entry in self._change.files if entry.new_mode.startswith("100")}
        wanted = {test.partition("::")[0] for test in tests}
        contents = read_objects(self._repository, [files[path] for path in sorted(wanted & files.keys())])
        removed = set()
        for test in (test for test in tests if test.partition("::")[0] in changed):
            path, _, name = test.partition("::")
            function = re.escape(name.rpartition("::")[2]).encode("utf-8", "surrogateescape")
            if not re.search(rb"\b" + function + rb"\b", contents.get(changed[path], b"")):
                removed.add(test)
        return frozenset(removed)

    def _touches_tests(self) -> str:
        """Return the first changed file that may decide which tests are collected, or ""."""
        oids: dict[str, str] = {}
        for entry in self._change.files:
            if decides_tests(entry.path):
                return entry.path
            if entry.path.endswith(".py"):
                modes = ((entry.old_mode, entry.old), (entry.new_mode, entry.new))
                oids |= {oid: entry.path for mode, oid in modes if mode.startswith("100")}
        contents = read_objects(self._repository, oids)
        return next((path for oid, path in oids.items() if HOOKS.search(contents[oid])), "")


def first_of(names: Sequence[str]) -> str:
    """Return the first name, and the number of others."""
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")
