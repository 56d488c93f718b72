"""Split a file into the pieces that others can see. A file that sees no changed piece isn't checked again.

Anything inferred about a name comes from a lookup by that name: in the checked file, or in a visible piece of another.
So a piece matters to a file if the file mentions its name, or if any piece of the project does (then it's *public*),
apart from where it is defined.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gate.names.store.cache import digest
from gate.names.syntax.nodes import Function, walk
from gate.names.syntax.type_tests import TYPE_TESTS

WORD = re.compile(r"[^\W\d]\w*")
REACHES_ANYTHING = re.compile(r"\b(?:globals|setattr|vars|exec|__dict__|delattr|modules)\b")
"""A file that contains one of these words is treated as a single piece."""

ASKS = re.compile(rf"\b(?:{'|'.join(sorted(TYPE_TESTS))})\s*\(")


@dataclass(frozen=True, slots=True)
class ModuleInterface:
    """The pieces of a file by name, each as a digest. `rest` is the digest of everything without a name of its own."""

    rest: str
    pieces: Mapping[str, str]
    mentions: frozenset[str]
    """The words in the pieces, except the names they define."""
    words: frozenset[str]
    """All words in the file."""


def interface_of(tree: ast.Module, text: str) -> ModuleInterface:
    """Split a file into pieces."""
    words = frozenset(map(sys.intern, WORD.findall(text)))
    if REACHES_ANYTHING.search(text):
        return ModuleInterface(digest(text), {}, words, words)
    lines = text.split("\n")
    reader = _Reader(lines)
    reader.body(tree.body, "")
    rest = reader.left(1, len(lines))
    mentions = reader.mentions | set(WORD.findall(rest))
    pieces = {name: digest(*parts) for name, parts in reader.pieces.items()}
    return ModuleInterface(digest(rest), pieces, frozenset(map(sys.intern, mentions)), words)


class _Reader:
    def __init__(self, lines: list[str]) -> None:
        self._lines: list[str | None] = [*lines]
        self.pieces: dict[str, list[str]] = {}
        self.mentions: set[str] = set()

    def body(self, nodes: Iterable[ast.stmt], inside: str) -> None:
        """Take the named pieces out of the body of a module, or of the class called `inside`."""
        for node in nodes:
            if not self._is_alone(node):
                continue
            first = min(
                [node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))]
            )
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    inner = [child for statement in node.body for child in walk(statement)]
                    stored = [
                        child.attr
                        for child in inner
                        if isinstance(child, ast.Attribute) and _is_stored(child)
                    ]
                    self._shorten(node, inner, stores=bool(stored))
                    if not _is_special(node.name):
                        names = [node.name, *stored, *_globals(inner)]
                        self._take(first, node, Counter(names), inside)
                case ast.ClassDef():
                    self.body(node.body, f"{inside}.{node.name}")
                    if not inside:
                        self._take(first, node, Counter([node.name]), inside)
                case ast.Expr() if not self._decides(node):
                    self._drop(first, node.end_lineno or node.lineno)
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)) if (
                    not inside and not _is_special(name)
                ):
                    self._take(first, node, Counter([name]), inside)

    def _take(self, first: int, node: ast.stmt, defined: Counter[str], inside: str) -> None:
        text = f"{inside}\n{self.left(first, node.end_lineno or node.lineno)}"
        if not inside and ASKS.search(text):
            # A type test at module level affects the whole file.
            return
        self.mentions.update(Counter(WORD.findall(text)) - defined)
        for name in defined:
            self.pieces.setdefault(name, []).append(text)
        self._drop(first, node.end_lineno or node.lineno)

    def left(self, first: int, last: int) -> str:
        """Return what is left of some lines, without comments."""
        lines = (line.rstrip() for line in self._lines[first - 1 : last] if line is not None)
        return "\n".join(line for line in lines if line and not line.lstrip().startswith("#"))

    def _drop(self, first: int, last: int) -> None:
        self._lines[first - 1 : last] = [None] * (last - first + 1)

    def _shorten(self, node: Function, inner: list[ast.AST], *, stores: bool) -> None:
        """Drop the body if only the signature counts, or else the statements in it that don't affect inference.

        `inner` is every node in the body, and `stores` is whether any of them sets an attribute.
        """
        if any(isinstance(child, ast.Yield | ast.YieldFrom | ast.Global) for child in inner):
            return
        is_declared = node.returns is not None and not stores
        for statement in (
            node.body if is_declared else [child for child in inner if isinstance(child, ast.Expr)]
        ):
            if self._is_alone(statement) and (is_declared or not self._decides(statement)):
                self._drop(statement.lineno, statement.end_lineno or statement.lineno)

    def _decides(self, node: ast.stmt) -> bool:
        """Return whether an expression statement binds a name or tests what something is."""
        text = self.left(node.lineno, node.end_lineno or node.lineno)
        return ":=" in text or ASKS.search(text) is not None

    def _is_alone(self, node: ast.stmt) -> bool:
        """Return whether a statement shares its lines with no other statement."""
        first, last = self._lines[node.lineno - 1], self._lines[(node.end_lineno or node.lineno) - 1]
        if first is None or last is None:
            return False
        rest = last.encode()[node.end_col_offset :].strip()
        return not first.encode()[: node.col_offset].strip() and (not rest or rest.startswith(b"#"))


def _globals(inner: list[ast.AST]) -> Iterator[str]:
    """Yield the module's names that a function binds, once for each mention that the binding needs."""
    names = {name for node in inner if isinstance(node, ast.Global) for name in node.names}
    for node in inner if names else ():
        match node:
            case ast.Global():
                yield from node.names
            case ast.Name(id=name, ctx=ast.Store()) if name in names:
                yield name


def _is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load)


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
