"""Findings put in their exact place, and their fixes proven: the wrong word is there, and nothing of it remains."""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from gate.finding import Edit, Finding
from gate.names.read.newer_syntax import parse
from gate.names.syntax.bindings import names_bound

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
INNER = FUNCTIONS | ast.ClassDef | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
"""What has names of its own."""


def settled(findings: Sequence[Finding], text: str) -> Iterator[Finding]:
    """The findings of one file of Python with columns in characters, each with its fix if that is certain.

    Until here columns count the bytes of UTF-8, as Python's parser does, and fixes are what the rules believe.
    """
    lines = text.split("\n")
    file = _File(text)
    wrong = {edit.old for finding in findings for edit in finding.fix}
    for finding in findings:
        found = [_found(lines, edit) for edit in finding.fix]
        edits = [edit for edit in found if edit is not None and edit.new not in wrong]
        fix = tuple(edits) if len(edits) == len(found) else ()
        if fix and finding.rule in {"unknown-module", "unknown-member"}:
            fix = _with_uses(fix, file, lines)
        if fix and finding.rule == "undefined-name":
            fix = fix if _is_bound(fix[0], file) else ()
        column = _character(lines, finding.line, finding.column)
        if fix and (finding.fix[0].line, finding.fix[0].column) == (finding.line, finding.column):
            column = fix[0].column
        yield replace(finding, column=column, fix=fix)


class _File:
    """The tree of one file, read when a fix asks for it, and what its nodes bind and use, each listed once."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def tree(self) -> ast.Module:
        return parse(self._text.encode("utf-8", "surrogatepass"))

    @cached_property
    def _nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def aliases(self) -> list[ast.alias]:
        """Everything that is imported."""
        return [node for node in self._nodes if isinstance(node, ast.alias)]

    @cached_property
    def bindings(self) -> Counter[str]:
        """How often each name is bound."""
        return Counter(name for node in self._nodes for name in names_bound(node))

    @cached_property
    def names(self) -> dict[str, list[ast.Name]]:
        """The places of each name."""
        found: dict[str, list[ast.Name]] = {}
        for node in self._nodes:
            if isinstance(node, ast.Name):
                found.setdefault(node.id, []).append(node)
        return found


def _character(lines: Sequence[str], line: int, column: int) -> int:
    content = lines[line - 1] if 0 < line <= len(lines) else ""
    if content.isascii() or column < 1:
        return column
    return len(content.encode("utf-8", "surrogatepass")[: column - 1].decode("utf-8", "replace")) + 1


def _found(lines: Sequence[str], edit: Edit) -> Edit | None:
    """The edit where its word really stands: at its place, else where the line has the word just once."""
    if not 0 < edit.line <= len(lines):
        return None
    line = lines[edit.line - 1]
    places = [match.start() + 1 for match in re.finditer(rf"(?<!\w){re.escape(edit.old)}(?!\w)", line)]
    column = _character(lines, edit.line, edit.column)
    if column in places:
        return replace(edit, column=column)
    # The place of what is imported from a misspelt module is not that of the module; nor are the places
    # inside f-strings exact before Python 3.12.
    return replace(edit, column=places[0]) if len(places) == 1 else None


def _with_uses(fix: tuple[Edit, ...], file: _File, lines: Sequence[str]) -> tuple[Edit, ...]:
    """The fix of an import, and of whatever the file then looks up under the wrong name.

    Nothing is certain if the file binds either name in another way as well.
    """
    (edit,) = fix
    aliases = [alias for alias in file.aliases if _binds(alias, edit)]
    if not aliases:
        return fix
    others = [name for name in (edit.old, edit.new) for _ in range(file.bindings[name])]
    if len(aliases) > 1 or others != [edit.old]:
        return ()
    uses = [
        _found(lines, Edit(node.lineno, node.col_offset + 1, edit.old, edit.new))
        for node in file.names.get(edit.old, ())
    ]
    return () if None in uses else (*fix, *(use for use in uses if use))


def _binds(alias: object, edit: Edit) -> bool:
    """Whether what is imported there is bound under its own, misspelt, name."""
    return isinstance(alias, ast.alias) and alias.name == edit.old and alias.asname in {None, edit.old}


def _is_bound(edit: Edit, file: _File) -> bool:
    """Whether the line can see the right name; in another case it must be that of something imported."""
    if edit.old.casefold() != edit.new.casefold():
        return edit.new in _visible(file.tree, edit.line)
    return any(
        edit.new in names_bound(node)
        for node in file.tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
    )


def _visible(tree: ast.Module, line: int) -> set[str]:
    """The names that a line can see: builtins, the module's own, and those of the functions around it."""
    names = set(dir(builtins))
    for scope in ast.walk(tree):
        around = isinstance(scope, FUNCTIONS) and scope.lineno <= line <= (scope.end_lineno or 0)
        if scope is tree or around:
            names.update(name for node in _own(scope) for name in names_bound(node))
    return names


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, INNER):
            yield from _own(child)
