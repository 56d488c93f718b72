"""Scopes and what binds a name in them, as Python reads them."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gate.names.syntax.nodes import LEAVES, children, dotted_name, parameters

if TYPE_CHECKING:
    from gate.names.syntax.source import Source

How = Literal["value", "typed", "each", "entered", "module", "member", "function", "class", "parameter", "caught",
              "added", "rest", "group", "anything"]  # fmt: skip
TYPE_PARAMETER = re.compile(
    r"(?:AnyStr|SupportsRichComparisonT|_(?:[A-Z]|[A-Z]\w*T|[KV]T|[ST])\d?(?:_co|_contra)?(?:_\d)?)$"
)
_BIND_NOTHING: frozenset[type[ast.AST]] = frozenset({
    ast.Attribute, ast.Expr, ast.Return, ast.BinOp, ast.BoolOp, ast.Compare, ast.UnaryOp, ast.Subscript, ast.List,
    ast.Tuple, ast.Dict, ast.Set, ast.keyword, ast.Raise, ast.Try, ast.With, ast.JoinedStr,
    ast.FormattedValue, ast.IfExp, ast.Await, ast.Starred, ast.Slice, ast.Assert, ast.Delete, ast.While,
})  # fmt: skip
"""Kinds of nodes that bind nothing by themselves; told first, since most nodes are of these."""
ASKING = frozenset({"isinstance", "hasattr", "issubclass", "callable", "type", "getattr"})


@dataclass(slots=True, eq=False)
class Binding:
    """One way in which a name gets its value. `node` is the value's expression, or the statement itself.

    `path` leads into the value where it is unpacked; `module` and `name` are those of an import.
    """

    how: How
    node: ast.AST
    path: tuple[int, ...] = ()
    annotation: ast.expr | None = None
    module: str = ""
    name: str = ""
    inside: ast.AST | None = None
    """The comprehension, or the handler of an exception, outside of which the name is not bound."""


class Scope:
    """The names of a module, a class's body or a function."""

    __slots__ = (
        "asked",
        "elsewhere",
        "first_star",
        "kind",
        "names",
        "node",
        "nonlocals",
        "parent",
        "source",
        "stars",
        "type_parameters",
    )

    def __init__(self, kind: Literal["module", "class", "function"], node: ast.AST, parent: Scope | None,
                 source: Source) -> None:  # fmt: skip
        """Read what the scope of `node` binds; `elsewhere` is what it binds for other versions and platforms."""
        self.kind = kind
        self.node = node
        self.parent = parent
        self.source = source
        self.names: dict[str, list[Binding]] = {}
        self.asked: set[str] = set()
        self.stars: list[str] = []
        self.type_parameters: set[str] = set()
        """Names that functions inside see as well, even in a class."""
        self.first_star = 0
        """The line of the first `from module import *`."""
        self.nonlocals: set[str] = set()
        self.elsewhere: set[str] = set()
        _Reader(self).read()

    def bind(self, name: str, binding: Binding) -> None:
        """Add one more way in which `name` gets a value."""
        self.names.setdefault(name, []).append(binding)

    def lookup(self, name: str) -> tuple[list[Binding], Scope] | None:
        """Where a name that is used here is bound, builtins aside."""
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

    def asks_about(self, text: str) -> bool:
        """Whether code here or around looks at what `text` is before it is used."""
        scope: Scope | None = self
        while scope is not None:
            if text in scope.asked:
                return True
            scope = scope.parent
        return False


class _Reader:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._of_groups: set[ast.ExceptHandler] = set()
        """Handlers of `except*`."""

    def read(self) -> None:
        node = self._scope.node
        match node:
            case ast.Lambda():
                self._parameters(node.args)
                self._all([node.body])
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._type_parameters(node)
                self._parameters(node.args)
                self._all(node.body)
            case ast.ClassDef():
                self._type_parameters(node)
                self._all(node.body)
            case ast.Module():
                self._all(node.body)

    def _type_parameters(self, node: ast.AST) -> None:
        for parameter in getattr(node, "type_params", ()):
            self._scope.bind(parameter.name, Binding("anything", parameter))
            self._scope.type_parameters.add(parameter.name)

    def _parameters(self, arguments: ast.arguments) -> None:
        for argument in parameters(arguments):
            self._scope.bind(argument.arg, Binding("parameter", argument, annotation=argument.annotation))
        for rest, kind in ((arguments.vararg, "tuple"), (arguments.kwarg, "dict")):
            if rest:
                self._scope.bind(rest.arg, Binding("rest", rest, name=kind))

    def _all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self._one(node)

    def _one(self, node: ast.AST) -> None:
        kind = type(node)
        if kind in LEAVES:
            # In a module, `global` says what is so anyway.
            if self._scope.kind != "module" and (kind is ast.Global or kind is ast.Nonlocal):
                self._scope.nonlocals.update(node.names)  # type: ignore[attr-defined]  # as its kind says
            return
        if kind in _BIND_NOTHING:
            self._all(children(node))
            return
        bind = self._scope.bind
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                bind(node.name, Binding("function", node))
                self._all(node.decorator_list)
                self._all([value for value in (*node.args.defaults, *node.args.kw_defaults) if value])
                return
            case ast.ClassDef():
                bind(node.name, Binding("class", node))
                self._all([*node.decorator_list, *node.bases, *node.keywords])
                return
            case ast.Lambda():
                self._all([value for value in (*node.args.defaults, *node.args.kw_defaults) if value])
                return
            case ast.Assign():
                for target in node.targets:
                    self._target(target, "value", node.value, ())
                self._one(node.value)
                return
            case ast.AnnAssign():
                if isinstance(node.target, ast.Name):
                    bind(node.target.id, Binding("typed", node.value or node, annotation=node.annotation))
            case ast.AugAssign():
                if isinstance(node.target, ast.Name):
                    bind(node.target.id, Binding("added", node.value))
            case ast.NamedExpr():
                self._target(node.target, "value", node.value, ())
            case ast.For() | ast.AsyncFor():
                self._target(
                    node.target, "anything" if isinstance(node, ast.AsyncFor) else "each", node.iter, ()
                )
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                for one in node.generators:
                    self._target(one.target, "anything" if one.is_async else "each", one.iter, (), node)
            case ast.withitem():
                if node.optional_vars is not None:
                    self._target(node.optional_vars, "entered", node.context_expr, ())
            case ast.Import():
                for alias in node.names:
                    top = alias.name.partition(".")[0]
                    bind(
                        alias.asname or top,
                        Binding("module", node, module=alias.name if alias.asname else top),
                    )
                return
            case ast.ImportFrom():
                module = self._scope.source.absolute(node)
                for alias in node.names:
                    if alias.name == "*":
                        self._scope.stars.append(module)
                        self._scope.first_star = self._scope.first_star or node.lineno
                    else:
                        bind(
                            alias.asname or alias.name,
                            Binding("member", node, module=module, name=alias.name),
                        )
                return
            case ast.ExceptHandler():
                if node.name:
                    bind(
                        node.name,
                        Binding("group" if node in self._of_groups else "caught", node, inside=node),
                    )
            case ast.TryStar():
                self._of_groups.update(node.handlers)
            case ast.Call():
                if isinstance(node.func, ast.Name) and node.func.id in ASKING and node.args:
                    asked = ast.unparse(node.args[0])
                    self._scope.asked.add(asked)
                    if len(node.args) > 1 and isinstance(name := getattr(node.args[1], "value", None), str):
                        self._scope.asked.add(f"{asked}.{name}")
            case ast.MatchAs() | ast.MatchStar():
                if node.name:
                    bind(node.name, Binding("anything", node))
            case ast.MatchMapping():
                if node.rest:
                    bind(node.rest, Binding("anything", node))
            case ast.If():
                taken = _branch(node.test, self._scope.source.target)
                if taken is not None:
                    kept, left = (node.body, node.orelse) if taken else (node.orelse, node.body)
                    self._all(kept)
                    self._elsewhere(left)
                    return
            case ast.Match():
                self._scope.asked.add(ast.unparse(node.subject))
            case _:
                if type(node).__name__ == "TypeAlias":
                    alias_name: ast.Name = node.name  # type: ignore[attr-defined]  # Python 3.12 and later
                    bind(alias_name.id, Binding("anything", node))
        self._all(children(node))

    def _elsewhere(self, nodes: list[ast.stmt]) -> None:
        """Names that are there on another version or platform."""
        if nodes:
            other = Scope("function", ast.Module(nodes, []), None, self._scope.source)
            self._scope.elsewhere |= other.names.keys() | other.elsewhere

    def _target(
        self,
        target: ast.expr,
        how: How,
        value: ast.expr,
        path: tuple[int, ...],
        inside: ast.AST | None = None,
    ) -> None:
        match target:
            case ast.Name():
                self._scope.bind(target.id, Binding(how, value, path, inside=inside))
            case ast.Tuple() | ast.List():
                starred = False
                for number, item in enumerate(target.elts):
                    starred = starred or isinstance(item, ast.Starred)
                    inner = item.value if isinstance(item, ast.Starred) else item
                    self._target(inner, "anything" if starred else how, value, (*path, number), inside)
            case ast.Attribute():
                text = dotted_name(target)
                if text and text.partition(".")[0] not in {"self", "cls"}:
                    # Whoever sets it here knows better than its class what it is.
                    self._scope.asked.add(text)
                self._one(target.value)
            case ast.Subscript():
                self._one(target.value)


def _branch(test: ast.expr, target: tuple[int, int]) -> bool | None:
    """Whether the body of an `if` on the version or the platform counts; None for any other question."""
    match test:
        case ast.Compare(left=ast.Attribute(value=ast.Name(id="sys"), attr="version_info"), ops=[op],
                         comparators=[ast.Tuple(elts=items)]):  # fmt: skip
            asked = tuple(item.value for item in items if isinstance(item, ast.Constant))
            have = (*target, *(sys.version_info[2:] if target == sys.version_info[:2] else (0,)))[
                : len(asked)
            ]
            return (
                have >= asked if isinstance(op, ast.GtE) else have < asked if isinstance(op, ast.Lt) else None
            )
        case ast.Compare(left=ast.Attribute(value=ast.Name(id="sys"), attr="platform"), ops=[op],
                         comparators=[ast.Constant(value=name)]):  # fmt: skip
            return (sys.platform == name) == isinstance(op, ast.Eq)
    return None
