"""Tests that a change removes: deleted, renamed so that they aren't collected, or stripped of assertions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from gate.finding import Finding
from gate.weakenings.analysis.assertions import Strength, is_test, lists_in, strength, takes_arguments
from gate.weakenings.file_diff import SOURCES, TEST_FILE, FileDiff, weakening

COLLECTED = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test)\.py$")
"""Files that pytest collects by default."""


def find(files: Iterable[FileDiff]) -> Iterator[Finding]:
    """Yield a finding for each removed test, and for each that asserts less than before.

    A test that moved to another file of the same change isn't removed if pytest collects it there.
    """
    both = [(file, *_both(file)) for file in files]
    moved = {file.renamed_from for file, _, _ in both}
    arrived = _Arrived((file, name, now[name]) for file, old, now in both for name in now.keys() - old.keys())
    for file, old, now in both:
        old_path = file.renamed_from or file.path
        if file.old is None or file.path in moved or not TEST_FILE.search(old_path):
            continue
        if file.new is not None and not TEST_FILE.search(file.path):
            message = f"{old_path} is renamed, so pytest no longer collects it"
            yield weakening(file.path, "deleted-test", message)
        for name, old_test in sorted(old.items()):
            new_test = now.get(name) or arrived.take(name, collected=bool(COLLECTED.search(old_path)))
            if new_test is None:
                how = "is deleted with its file" if file.new is None else "is gone"
                yield weakening(file.path, "deleted-test", f"the test `{name}` {how}")
            else:
                for message in _weaker(name, old_test, new_test):
                    yield weakening(file.path, "emptied-test", message)


class _Arrived:
    """Tests that are new in their file. Each may be one that moved from another file."""

    def __init__(self, tests: Iterable[tuple[FileDiff, str, Strength]]) -> None:
        self._waiting: dict[str, list[tuple[bool, Strength]]] = {}
        for file, name, measured in tests:
            seen = bool(COLLECTED.search(file.path))
            self._waiting.setdefault(name, []).append((seen, measured))

    def take(self, name: str, *, collected: bool) -> Strength | None:
        """Return the strongest test with this name that isn't taken yet, collected by pytest if required."""
        waiting = self._waiting.get(name, [])
        fitting = [entry for entry in waiting if entry[0] or not collected]
        if not fitting:
            return None
        best = max(fitting, key=lambda candidate: (candidate[1].asserts, candidate[1].cases))
        waiting.remove(best)
        return best[1]


def _both(file: FileDiff) -> tuple[dict[str, Strength], dict[str, Strength]]:
    """Return the tests before and after the change."""
    if not file.path.endswith(SOURCES):
        return {}, {}
    old, now = _tests(file.old_text), _tests(file.new_text)
    if old is None and now is None:
        # The code may need a newer Python; its text is the only evidence then.
        return _by_word(file.old_text), _by_word(file.new_text)
    return old or {}, now or {}


def _by_word(source: str) -> dict[str, Strength]:
    parts = re.split(r"^[ \t]*(?:async[ \t]+)?def[ \t]+(test\w*)", source, flags=re.MULTILINE)
    return {
        name: Strength(body.count("assert"), 0) for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def _weaker(name: str, old: Strength, new: Strength) -> Iterator[str]:
    if new.asserts < old.asserts:
        yield f"the test `{name}` asserts less: {new.asserts} instead of {old.asserts}"
    if old.cases and new.cases and new.cases < old.cases:
        yield f"the test `{name}` has fewer cases: {max(new.cases, 0)} instead of {old.cases}"


def _tests(source: str) -> dict[str, Strength] | None:
    """Return the tests in a file by name, with the strength of each, or None if it can't be parsed."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    return _tests_in(tree.body, "", lists_in(tree.body))


def _tests_in(body: list[ast.stmt], prefix: str, lists: Mapping[str, int]) -> dict[str, Strength]:
    tests: dict[str, Strength] = {}
    for node in body:
        # A name that is bound again replaces the test that had it.
        for name in _bound(node):
            tests = {key: count for key, count in tests.items() if key.split(".")[0] != name}
        if isinstance(node, ast.ClassDef) and not takes_arguments(node):
            tests |= _tests_in(node.body, f"{node.name}.", lists)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_test(node):
            tests[node.name] = strength(node, lists)
    return {f"{prefix}{name}": count for name, count in tests.items()}


def _bound(node: ast.stmt) -> set[str]:
    """Return the names that a statement in a module or class binds or deletes."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {node.name}
    stored = {
        child.id
        for child in ast.walk(node)
        if isinstance(child, ast.Name) and not isinstance(child.ctx, ast.Load)
    }
    imported = {
        (alias.asname or alias.name)
        for child in ast.walk(node)
        if isinstance(child, ast.Import | ast.ImportFrom)
        for alias in child.names
    }
    return stored | imported
