"""A Python file: its syntax tree, its scopes, and what its text says about both.

Everything is computed on first use, and only once.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import Literal

from gate.names.syntax import dynamic_names
from gate.names.syntax.bindings import Binding
from gate.names.syntax.guards import Guards
from gate.names.syntax.nodes import walk
from gate.names.syntax.reachability import OWN_VERSION, Version
from gate.names.syntax.replaced_names import ReplacedNames
from gate.names.syntax.scope_reader import ScopeContents, ScopeKind, ScopeReader

Origin = Literal["project", "library", "site"]
"""Where a module comes from: the checked tree, the standard library, or an installed package."""
_IGNORED_TYPE = re.compile(rb"#\s*(?:type|pyright|ty|pyrefly)\s*:\s*ignore\b")
_NAME_IN_STRING = re.compile(rb"['\"]([A-Za-z_]\w*)['\"]")


class Scope(ScopeContents):
    """The names of a module, a class body, or a function, with the enclosing scopes."""

    __slots__ = ("kind", "node", "parent", "source")

    def __init__(self, kind: ScopeKind, node: ast.AST, parent: Scope | None, source: Source) -> None:
        """Read what `node` contains. `parent` is the enclosing scope."""
        super().__init__()
        self.kind = kind
        self.node = node
        self.parent = parent
        self.source = source
        ScopeReader(self, kind, source.absolute, source.target, source.oldest).read(node)

    def lookup(self, name: str) -> tuple[list[Binding], Scope] | None:
        """Return the bindings of a name used here, and their scope, or None. Builtins aren't looked up."""
        scope: Scope | None = self
        while scope is not None:
            if (
                (scope.kind != "class" or scope is self or name in scope.type_parameters)
                and name in scope.names
                and name not in scope.nonlocals
            ):
                return scope.names[name], scope
            scope = scope.parent
        return None

    def is_tested(self, text: str) -> bool:
        """Return whether code in this scope or an enclosing one tests the type of the expression `text`."""
        scope: Scope | None = self
        while scope is not None:
            if text in scope.tested:
                return True
            scope = scope.parent
        return False


class Source:
    """A Python file."""

    def __init__(self, name: str, origin: Origin, tree: ast.Module, data: bytes, *, is_package: bool,
                 is_stub: bool = False, target: Version | None = None,
                 oldest: Version | None = None) -> None:  # fmt: skip
        """Create a source. `name` is its module name, `data` its content, and `target` its Python version.

        If `oldest` is given, what only earlier versions have doesn't count.
        """
        self.target = target or OWN_VERSION
        self.oldest = oldest
        self.is_stub = is_stub
        self.name = name
        self.origin = origin
        self.tree = tree
        self.is_package = is_package
        self.data = data

    @cached_property
    def scope(self) -> Scope:
        """The scope of the module itself."""
        return Scope("module", self.tree, None, self)

    @cached_property
    def postpones_annotations(self) -> bool:
        """Whether annotations aren't evaluated where they are written."""
        return (
            self.is_stub
            or self.target >= (3, 14)
            or any(
                isinstance(node, ast.ImportFrom)
                and node.module == "__future__"
                and any(alias.name == "annotations" for alias in node.names)
                for node in self.tree.body
            )
        )

    @cached_property
    def strings(self) -> Counter[str]:
        """The number of occurrences in the file of each string that is an identifier."""
        return Counter(match.decode("utf-8", "replace") for match in _NAME_IN_STRING.findall(self.data))

    def is_exported(self, name: str) -> bool:
        """Return whether `from module import *` may import a name of the module."""
        if "__all__" not in self.scope.names:
            return not name.startswith("_")
        # A computed list may contain any name.
        is_plain = all(
            isinstance(binding.node, ast.List | ast.Tuple) for binding in self.scope.names["__all__"]
        )
        return not is_plain or name in self.exports

    def keeps_to_itself(self, name: str, bindings: list[Binding]) -> bool:
        """Return whether a stub imports a name only for itself: `from a import b`, but not `from a import b as b`.

        The module itself may have something else under that name.
        """
        return (
            self.is_stub
            and name not in self.exports
            and all(
                isinstance(binding.node, ast.Import | ast.ImportFrom)
                and all(alias.asname != name for alias in binding.node.names)
                for binding in bindings
            )
        )

    @cached_property
    def exports(self) -> list[str]:
        """The names in `__all__` that are literals."""
        return [
            item.value
            for node in _statements(self.tree.body)
            if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
            and any(
                getattr(target, "id", "") == "__all__"
                for target in getattr(node, "targets", [getattr(node, "target", None)])
            )
            for item in walk(node)
            if isinstance(item, ast.Constant) and isinstance(item.value, str)
        ]

    @cached_property
    def guards(self) -> Guards:
        """The places where code expects that a lookup or an import may fail."""
        return Guards(self.tree)

    @cached_property
    def own_names(self) -> frozenset[str]:
        """The names that the module binds. `from . import part` in the package itself doesn't bind `part`."""
        return frozenset(
            name
            for name, bindings in self.scope.names.items()
            if any(
                binding.how != "member" or binding.module != self.name or binding.name != name
                for binding in bindings
            )
        )

    @cached_property
    def made_global(self) -> frozenset[str]:
        """The names that functions bind in the module with `global`."""
        return dynamic_names.declared_global(self.data)

    @cached_property
    def writes_globals(self) -> bool:
        """Whether the module may get names that none of its statements binds."""
        if "__getattr__" in self.scope.names:
            return True
        return self.binds_by_name or dynamic_names.writes_globals(self.tree, self.data)

    @cached_property
    def set_by_name(self) -> frozenset[str]:
        """The names of objects that get attributes with computed names."""
        return dynamic_names.objects_set_by_name(self.tree, self.data)

    @cached_property
    def replaced(self) -> ReplacedNames:
        """The attributes that the file, a test, replaces."""
        return ReplacedNames(self.tree, self.data)

    @cached_property
    def binds_by_name(self) -> bool:
        """Whether the module binds names that are only known at run time."""
        return dynamic_names.binds_by_name(self.tree, self.data)

    def is_overruled(self, annotation: ast.expr) -> bool:
        """Return whether a comment makes type checkers ignore the line, because another type is assigned there."""
        return not self.is_stub and annotation.lineno in self._ignored_lines

    @cached_property
    def _ignored_lines(self) -> frozenset[int]:
        return frozenset(
            self.data.count(b"\n", 0, match.start()) + 1 for match in _IGNORED_TYPE.finditer(self.data)
        )

    @cached_property
    def scopes(self) -> dict[ast.AST, Scope]:
        """The scopes of functions and classes that were requested so far."""
        return {}

    def inner(self, node: ast.AST, parent: Scope) -> Scope:
        """Return the scope of a function, lambda, or class in this file."""
        scope = self.scopes.get(node)
        if scope is None:
            kind: ScopeKind = "class" if isinstance(node, ast.ClassDef) else "function"
            scope = self.scopes[node] = Scope(kind, node, parent, self)
        return scope

    def absolute(self, node: ast.ImportFrom) -> str:
        """Return the full name of the module that `node` imports from."""
        return absolute(node, self.name, self.is_package)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, including those under `if` and `try`."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from _statements([*node.body, *node.orelse])


def absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """Return the full name of the module that `node` imports from, inside the module called `module`."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    keep = len(parts) - node.level + (1 if is_package else 0)
    return ".".join([*parts[: max(keep, 0)], *([node.module] if node.module else [])])
