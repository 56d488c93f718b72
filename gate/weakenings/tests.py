"""Tests that a change takes away: deleted, renamed out of sight, or emptied of what they assert."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from gate.model import Finding
from gate.weakenings.sides import Sides, weakening

TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test|tests?)\.py$|(?:^|/)tests?/.*\.py$")

COLLECTED = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test)\.py$")
"""What pytest collects unless the settings say otherwise."""


def find(files: Iterable[Sides]) -> Iterator[Finding]:
    """A finding for each test that is gone, and for each file whose tests assert less than before.

    A test that moved to another file of the same change is not gone, if pytest collects that one as well.
    """
    files = list(files)
    present = [(file.path, set(_tests(file.new_text))) for file in files if file.new is not None]
    remaining = {name for _, names in present for name in names}
    collected = {name for path, names in present if COLLECTED.search(path) for name in names}
    moved = {file.renamed_from for file in files}
    for file in files:
        old_path = file.renamed_from or file.path
        if file.old is None or file.path in moved or not TEST_FILE.search(old_path):
            continue
        gone = sorted(set(_tests(file.old_text)) - (collected if COLLECTED.search(old_path) else remaining))
        for name in gone:
            how = "is deleted with its file" if file.new is None else "is gone"
            yield weakening(file.path, "deleted-test", f"the test `{name}` {how}")
        if file.new is None or gone:
            continue
        if not TEST_FILE.search(file.path):
            yield weakening(
                file.path, "deleted-test", f"{old_path} is renamed to what pytest does not collect"
            )
        now = _tests(file.new_text)
        for name, asserts in _tests(file.old_text).items():
            if name in now and now[name] < asserts:
                yield weakening(
                    file.path,
                    "emptied-test",
                    f"the test `{name}` asserts less: {now[name]} instead of {asserts}",
                )


def _tests(source: str) -> dict[str, int]:
    """The tests in a file by name, with the number of things that each asserts."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    return _tests_in(tree.body, "")


def _tests_in(body: list[ast.stmt], prefix: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for node in body:
        # What binds a name anew takes the place of the test that had it.
        for name in _bound(node):
            found = {key: count for key, count in found.items() if key.split(".")[0] != name}
        if isinstance(node, ast.ClassDef):
            found |= _tests_in(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            found[node.name] = sum(_asserts(child) for child in ast.walk(node))
    return {f"{prefix}{name}": count for name, count in found.items()}


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement at the top of a file or a class binds or deletes."""
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


def _asserts(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Call):
        return False
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return called.startswith("assert") or called in {"raises", "warns", "fail"}
