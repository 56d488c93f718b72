"""Find the attributes that tests replace: there, nothing is known about what they take and return."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from gate.names.syntax.nodes import Function, decorators, last_name, walk

_MARKERS = (b"patch", b"setattr", b"should_receive", b"should_call")
"""Every file that replaces attributes contains one of these."""
_REPLACING = frozenset({"setattr", "patch", "should_receive", "should_call", "spy"})
_SHARED = frozenset({"setUp", "setup_method", "setUpClass", "setup_class", "asyncSetUp"})
Lines = tuple[int, int]


class ReplacedNames:
    """The attributes that a file replaces, as by `mock.patch.object(shop, "sell")`, and the lines where it does so."""

    def __init__(self, tree: ast.Module, data: bytes) -> None:
        """Find them in `tree`, parsed from `data`."""
        self._lines: defaultdict[str, list[Lines]] = defaultdict(list)
        if any(marker in data for marker in _MARKERS):
            for statement in tree.body:
                self._read(statement)

    def __bool__(self) -> bool:
        """Whether the file replaces any attribute."""
        return bool(self._lines)

    def covers(self, name: str, line: int) -> bool:
        """Return whether an attribute of this name may be replaced in a line."""
        return any(first <= line <= last for first, last in self._lines.get(name, ()))

    def _read(self, statement: ast.stmt) -> None:
        """Record what a function or a method replaces while it runs, or what other code replaces for the whole file."""
        if isinstance(statement, ast.ClassDef):
            shared = [
                node
                for node in statement.body
                if not isinstance(node, Function) or node.name in _SHARED or _is_fixture(node)
            ]
            for node in [*statement.decorator_list, *shared]:
                self._record(node, statement)
            for node in statement.body:
                if node not in shared:
                    self._record(node, node)
        elif isinstance(statement, Function) and not _is_fixture(statement):
            self._record(statement, statement)
        else:
            self._record(statement, None)

    def _record(self, node: ast.AST, around: ast.stmt | None) -> None:
        """Record the names that `node` replaces in the statement `around`, or everywhere if it is None."""
        lines = (0, 10**9) if around is None else (around.lineno, around.end_lineno or around.lineno)
        for inner in (node, *walk(node)):
            if isinstance(inner, ast.Call):
                for name in _replaced_by(inner):
                    self._lines[name].append(lines)


def _is_fixture(node: ast.stmt) -> bool:
    return isinstance(node, Function) and any("fixture" in name for name in decorators(node))


def _replaced_by(call: ast.Call) -> Iterator[str]:
    """Yield the names of the attributes that a call replaces."""
    match call.func:
        case ast.Attribute(value=owner, attr="object") if last_name(owner) == "patch":
            named = call.args[1:2]
        case ast.Attribute(value=owner, attr="multiple") if last_name(owner) == "patch":
            named = []
            yield from (word.arg for word in call.keywords if word.arg)
        case function if last_name(function) in _REPLACING:
            named = call.args[:2]
        case _:
            return
    for argument in named:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value.rpartition(".")[2]
