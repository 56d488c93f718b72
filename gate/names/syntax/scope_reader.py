"""Read what a module, class, or function body binds, tests, and imports, in one pass that skips inner definitions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from typing import Literal

from gate.names.syntax.bindings import ASSIGNMENT_NODES, BINDING_NODES, Binding, bindings_of, targets_of
from gate.names.syntax.nodes import LEAVES, children, dotted_name, name_of
from gate.names.syntax.reachability import Version, branch_taken, is_over
from gate.names.syntax.type_tests import tested_texts

ScopeKind = Literal["module", "class", "function"]
_PLAIN: frozenset[type[ast.AST]] = frozenset({
    ast.Attribute, ast.Expr, ast.Return, ast.BinOp, ast.BoolOp, ast.Compare, ast.UnaryOp, ast.Subscript, ast.List,
    ast.Tuple, ast.Dict, ast.Set, ast.keyword, ast.Raise, ast.Try, ast.With, ast.JoinedStr, ast.FormattedValue,
    ast.IfExp, ast.Await, ast.Starred, ast.Slice, ast.Assert, ast.Delete, ast.While,
})  # fmt: skip
"""Node types that only contribute their children; tested first, since most nodes have one of these types."""

_UNUSUAL = frozenset({"deleted", "declared", "star", "member", "caught"})
"""Kinds of bindings that give no value here, or one that depends on more than the node."""


class ScopeContents:
    """The contents of one scope."""

    __slots__ = (
        "elsewhere",
        "first_star",
        "names",
        "nonlocals",
        "removed",
        "stars",
        "tested",
        "type_parameters",
    )

    def __init__(self) -> None:
        """Start empty."""
        self.names: dict[str, list[Binding]] = {}
        """The bindings that give each name a value here."""
        self.elsewhere: set[str] = set()
        """Names bound only on other versions or platforms."""
        self.removed: set[str] = set()
        """Names bound only on versions older than the oldest one that matters."""
        self.nonlocals: set[str] = set()
        """Names that `global` or `nonlocal` declare to belong to an outer scope."""
        self.type_parameters: set[str] = set()
        """Names that nested functions can also use, even in a class."""
        self.tested: set[str] = set()
        """Expressions whose type or attributes are tested."""
        self.stars: list[str] = []
        """The modules of star imports, in order."""
        self.first_star = 0
        """The line of the first star import."""


class ScopeReader:
    """Reads one scope."""

    def __init__(
        self,
        contents: ScopeContents,
        kind: ScopeKind,
        absolute: Callable[[ast.ImportFrom], str],
        target: Version,
        oldest: Version | None = None,
    ) -> None:
        """Create a reader. `absolute` resolves the module of an import, and `target` decides version tests.

        What only versions before `oldest` bind isn't even recorded as bound elsewhere.
        """
        self._contents = contents
        self._kind = kind
        self._absolute = absolute
        self._target = target
        self._oldest = oldest
        self._of_groups: set[ast.AST] = set()
        """Handlers of `except*`."""
        self._class_lookups: set[ast.AST] = set()
        """Nodes called or used for a lookup right away: `type(self)()` and `type(self).name` are no tests."""

    def read(self, node: ast.AST) -> None:
        """Read the definition or module `node`."""
        for parameter in getattr(node, "type_params", ()):
            # On Python 3.11, these are gate's own node types.
            self._bind(parameter.name, Binding("anything", parameter))
            self._contents.type_parameters.add(parameter.name)
        match node:
            case ast.Lambda(args=arguments, body=body):
                self._bind_all(arguments)
                self._one(body)
            case ast.FunctionDef(args=arguments) | ast.AsyncFunctionDef(args=arguments):
                self._bind_all(arguments)
                self._all(node.body)
            case ast.ClassDef() | ast.Module():
                self._all(node.body)

    def _bind(self, name: str, binding: Binding) -> None:
        self._contents.names.setdefault(name, []).append(binding)

    def _bind_all(self, node: ast.AST) -> None:
        for name, binding in bindings_of(node):
            if binding.how not in _UNUSUAL or self._gives_value(name, binding):
                self._bind(name, binding)

    def _gives_value(self, name: str, binding: Binding) -> bool:
        """Complete a binding with what only the scope knows, and return whether it gives the name a value here."""
        match binding:
            case Binding(how="declared"):
                # At module level, `global` has no effect.
                if self._kind != "module":
                    self._contents.nonlocals.add(name)
            case Binding(how="star" | "member", node=ast.ImportFrom() as statement):
                binding.module = self._absolute(statement)
                if binding.how == "member":
                    return True
                self._contents.stars.append(binding.module)
                self._contents.first_star = self._contents.first_star or statement.lineno
            case Binding(how="caught", node=handler):
                if handler in self._of_groups:
                    binding.how = "group"
                return True
        return False

    def _all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self._one(node)

    def _one(self, node: ast.AST) -> None:
        kind = type(node)
        if kind in _PLAIN:
            below = children(node)
            if kind is ast.Attribute:
                self._class_lookups.update(below)
            self._all(below)
            return
        if kind in ASSIGNMENT_NODES:
            self._assign(node)
        elif kind in BINDING_NODES:
            self._bind_all(node)
        if kind in LEAVES:
            return
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._all([*node.decorator_list, *_defaults(node.args)])
                return
            case ast.ClassDef():
                self._all([*node.decorator_list, *node.bases, *node.keywords])
                return
            case ast.Lambda():
                self._all(_defaults(node.args))
                return
            case ast.TryStar():
                self._of_groups.update(node.handlers)
            case ast.Call():
                self._read_call(node)
            case ast.Match():
                self._contents.tested.add(ast.unparse(node.subject))
            case ast.If():
                taken = branch_taken(node.test, self._target)
                if taken is not None:
                    self._all(node.body if taken else node.orelse)
                    is_removed = self._oldest is not None and not taken and is_over(node.test, self._oldest)
                    names = self._contents.removed if is_removed else self._contents.elsewhere
                    names |= self._bound_in(node.orelse if taken else node.body)
                    return
        self._all(children(node))

    def _read_call(self, node: ast.Call) -> None:
        self._class_lookups.add(node.func)
        if node not in self._class_lookups or name_of(node.func) != "type":
            self._contents.tested.update(tested_texts(node))

    def _assign(self, node: ast.AST) -> None:
        for target, binding in targets_of(node):
            if isinstance(target, ast.Name):
                self._bind(target.id, binding)
            elif isinstance(target, ast.Attribute) and binding.how not in {"typed", "added"}:
                self._note_stored(target)

    def _note_stored(self, target: ast.Attribute) -> None:
        """Record an attribute that is set on another object: its type is better known here than in the class."""
        text = dotted_name(target)
        if text and text.partition(".")[0] not in {"self", "cls"}:
            self._contents.tested.add(text)

    def _bound_in(self, nodes: list[ast.stmt]) -> AbstractSet[str]:
        """Return the names that statements for another version or platform bind."""
        if not nodes:
            return frozenset()
        contents = ScopeContents()
        ScopeReader(contents, "function", self._absolute, self._target, self._oldest).read(
            ast.Module(nodes, [])
        )
        return contents.names.keys() | contents.elsewhere


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [value for value in (*arguments.defaults, *arguments.kw_defaults) if value]
