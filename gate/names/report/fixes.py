"""Locate findings exactly and verify their fixes: the wrong word must be there, and no use of it may remain."""

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
"""Nodes with a scope of their own."""


def settled(findings: Sequence[Finding], text: str) -> Iterator[Finding]:
    """Yield the findings of one Python file with columns in characters, each with its fix only if that is certain.

    The input has columns in bytes of UTF-8, like Python's parser, and fixes that the rules haven't verified.
    """
    lines = text.split("\n")
    file = _File(text)
    replaced = {edit.old for finding in findings for edit in finding.fix}
    for finding in findings:
        located = [_found(lines, edit) for edit in finding.fix]
        edits = [edit for edit in located if edit is not None and edit.new not in replaced]
        fix = tuple(edits) if len(edits) == len(located) else ()
        if fix and finding.rule in {"unknown-module", "unknown-member"}:
            fix = _with_uses(fix, file, lines)
        if fix and finding.rule == "undefined-name":
            fix = fix if _is_bound(fix[0], file) else ()
        column = _character(lines, finding.line, finding.column)
        if fix and (finding.fix[0].line, finding.fix[0].column) == (finding.line, finding.column):
            column = fix[0].column
        yield replace(finding, column=column, fix=fix)


class _File:
    """The syntax tree of one file, parsed when a fix needs it, and the names that its nodes bind and use."""

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
        """All imported names."""
        return [node for node in self._nodes if isinstance(node, ast.alias)]

    @cached_property
    def bindings(self) -> Counter[str]:
        """The number of bindings of each name."""
        return Counter(name for node in self._nodes for name in names_bound(node))

    @cached_property
    def names(self) -> dict[str, list[ast.Name]]:
        """The nodes that mention each name."""
        mentions: dict[str, list[ast.Name]] = {}
        for node in self._nodes:
            if isinstance(node, ast.Name):
                mentions.setdefault(node.id, []).append(node)
        return mentions


def _character(lines: Sequence[str], line: int, column: int) -> int:
    content = lines[line - 1] if 0 < line <= len(lines) else ""
    if content.isascii() or column < 1:
        return column
    return len(content.encode("utf-8", "surrogatepass")[: column - 1].decode("utf-8", "replace")) + 1


def _found(lines: Sequence[str], edit: Edit) -> Edit | None:
    """Return the edit where its word really is: at its position, or else where it occurs only once on the line."""
    if not 0 < edit.line <= len(lines):
        return None
    line = lines[edit.line - 1]
    columns = [match.start() + 1 for match in re.finditer(rf"(?<!\w){re.escape(edit.old)}(?!\w)", line)]
    column = _character(lines, edit.line, edit.column)
    if column in columns:
        return replace(edit, column=column)
    # A name imported from a misspelt module has another position than the module, and before Python 3.12, positions
    # inside f-strings are inexact.
    return replace(edit, column=columns[0]) if len(columns) == 1 else None


def _with_uses(fix: tuple[Edit, ...], file: _File, lines: Sequence[str]) -> tuple[Edit, ...]:
    """Return the fix of an import together with all uses of the wrong name in the file.

    Returns no fix if the file also binds one of the two names in another way.
    """
    (edit,) = fix
    aliases = [alias for alias in file.aliases if _binds(alias, edit)]
    if not aliases:
        return fix
    bound_names = [name for name in (edit.old, edit.new) for _ in range(file.bindings[name])]
    if len(aliases) > 1 or bound_names != [edit.old]:
        return ()
    uses = [
        _found(lines, Edit(node.lineno, node.col_offset + 1, edit.old, edit.new))
        for node in file.names.get(edit.old, ())
    ]
    return () if None in uses else (*fix, *(use for use in uses if use))


def _binds(alias: object, edit: Edit) -> bool:
    """Return whether the import binds its own, misspelled name."""
    return isinstance(alias, ast.alias) and alias.name == edit.old and alias.asname in {None, edit.old}


def _is_bound(edit: Edit, file: _File) -> bool:
    """Return whether the line can see the correct name. If only the case differs, the module must import that name."""
    if edit.old.casefold() != edit.new.casefold():
        return edit.new in _visible(file.tree, edit.line)
    return any(
        edit.new in names_bound(node)
        for node in file.tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
    )


def _visible(tree: ast.Module, line: int) -> set[str]:
    """Return the names visible on a line: builtins, the module's names, and those of the enclosing functions."""
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
