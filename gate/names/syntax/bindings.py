"""Find the names that code binds. Only this module knows which statements and expressions of Python bind names.

`bindings_of` looks at one node and nothing below it, so walking a tree yields each binding once. The position of the
node determines the scope: `ast.arguments` and type parameters bind inside their definition, and a walrus binds outside
of the comprehension around it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gate.names.syntax.nodes import own_nodes, parameters

How = Literal["value", "typed", "each", "entered", "module", "member", "star", "function", "class", "parameter",
              "caught", "added", "rest", "group", "deleted", "declared", "anything"]  # fmt: skip
"""How a name gets its value; "deleted" and "declared" (by `global` and `nonlocal`) give it none."""


@dataclass(slots=True, eq=False)
class Binding:
    """One way in which a name gets its value. `node` is the value's expression, or the statement itself.

    `path` are the indices of the item in an unpacked value. `module` and `name` are those of an import, as written.
    """

    how: How
    node: ast.AST
    path: tuple[int, ...] = ()
    annotation: ast.expr | None = None
    module: str = ""
    name: str = ""
    inside: ast.AST | None = None
    """The comprehension or exception handler outside of which the name is unbound."""


Bound = tuple[str, Binding]
Target = tuple[ast.expr, Binding]
"""An assigned name, attribute, or subscript, with its binding."""


def bindings_of(node: ast.AST) -> Iterator[Bound]:
    """Yield the names that a node itself binds, in source order. `from module import *` binds `*`."""
    binder = _BINDERS.get(type(node))
    if binder is not None:
        yield from binder(node)


def targets_of(node: ast.AST) -> Iterator[Target]:
    """Yield the targets of an assignment: names, attributes, and subscripts, taken out of tuples and lists."""
    assign = _ASSIGNMENTS.get(type(node))
    if assign is not None:
        yield from assign(node)


def names_bound(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node itself binds, deletes, or declares."""
    return (name for name, binding in bindings_of(node) if binding.how != "star")


def bindings_in(statement: ast.AST) -> Iterator[Bound]:
    """Yield everything that a statement binds in its scope, including in the blocks and expressions inside it."""
    yield from bindings_of(statement)
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        for node in own_nodes(statement):
            yield from bindings_of(node)


# -- assignments


def _unpacked(target: ast.expr, how: How, value: ast.expr, path: tuple[int, ...] = (),
              inside: ast.AST | None = None) -> Iterator[Target]:  # fmt: skip
    if not isinstance(target, ast.Tuple | ast.List):
        yield target, Binding(how, value, path, inside=inside)
        return
    is_starred = False
    for number, item in enumerate(target.elts):
        is_starred = is_starred or isinstance(item, ast.Starred)
        inner = item.value if isinstance(item, ast.Starred) else item
        yield from _unpacked(inner, "anything" if is_starred else how, value, (*path, number), inside)


def _of_assign(node: ast.Assign) -> Iterator[Target]:
    for target in node.targets:
        yield from _unpacked(target, "value", node.value)


def _of_annotated(node: ast.AnnAssign) -> Iterator[Target]:
    yield node.target, Binding("typed", node.value or node, annotation=node.annotation)


def _of_augmented(node: ast.AugAssign) -> Iterator[Target]:
    yield node.target, Binding("added", node.value)


def _of_walrus(node: ast.NamedExpr) -> Iterator[Target]:
    yield node.target, Binding("value", node.value)


def _of_loop(node: ast.For) -> Iterator[Target]:
    return _unpacked(node.target, "each", node.iter)


def _of_async_loop(node: ast.AsyncFor) -> Iterator[Target]:
    return _unpacked(node.target, "anything", node.iter)


def _of_with(node: ast.withitem) -> Iterator[Target]:
    if node.optional_vars is not None:
        yield from _unpacked(node.optional_vars, "entered", node.context_expr)


def _of_comprehension(node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> Iterator[Target]:
    for part in node.generators:
        yield from _unpacked(part.target, "anything" if part.is_async else "each", part.iter, (), node)


_ASSIGNMENTS: Mapping[type[ast.AST], Callable[[Any], Iterator[Target]]] = {
    ast.Assign: _of_assign,
    ast.AnnAssign: _of_annotated,
    ast.AugAssign: _of_augmented,
    ast.NamedExpr: _of_walrus,
    ast.For: _of_loop,
    ast.AsyncFor: _of_async_loop,
    ast.withitem: _of_with,
    ast.ListComp: _of_comprehension,
    ast.SetComp: _of_comprehension,
    ast.DictComp: _of_comprehension,
    ast.GeneratorExp: _of_comprehension,
}


def _names_among_targets(node: ast.AST) -> Iterator[Bound]:
    return ((target.id, binding) for target, binding in targets_of(node) if isinstance(target, ast.Name))


# -- everything else


def _deleted(node: ast.Delete) -> Iterator[Bound]:
    for target in node.targets:
        for item, binding in _unpacked(target, "deleted", target):
            if isinstance(item, ast.Name):
                yield item.id, binding


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Bound]:
    yield node.name, Binding("function", node)


def _class(node: ast.ClassDef) -> Iterator[Bound]:
    yield node.name, Binding("class", node)


def _arguments(node: ast.arguments) -> Iterator[Bound]:
    for argument in parameters(node):
        yield argument.arg, Binding("parameter", argument, annotation=argument.annotation)
    for rest, kind in ((node.vararg, "tuple"), (node.kwarg, "dict")):
        if rest:
            yield rest.arg, Binding("rest", rest, name=kind)


def _import(node: ast.Import) -> Iterator[Bound]:
    for alias in node.names:
        top = alias.name.partition(".")[0]
        yield alias.asname or top, Binding("module", node, module=alias.name if alias.asname else top)


def _import_from(node: ast.ImportFrom) -> Iterator[Bound]:
    for alias in node.names:
        how: How = "star" if alias.name == "*" else "member"
        yield alias.asname or alias.name, Binding(how, node, module=node.module or "", name=alias.name)


def _handler(node: ast.ExceptHandler) -> Iterator[Bound]:
    if node.name:
        yield node.name, Binding("caught", node, inside=node)


def _pattern(node: ast.MatchAs | ast.MatchStar) -> Iterator[Bound]:
    if node.name:
        yield node.name, Binding("anything", node)


def _mapping_pattern(node: ast.MatchMapping) -> Iterator[Bound]:
    if node.rest:
        yield node.rest, Binding("anything", node)


def _declared(node: ast.Global | ast.Nonlocal) -> Iterator[Bound]:
    for name in node.names:
        yield name, Binding("declared", node)


def _type_alias(node: ast.AST) -> Iterator[Bound]:
    name: ast.Name = getattr(node, "name")  # noqa: B009  only in Python 3.12 and later
    yield name.id, Binding("anything", node)


def _type_parameter(node: ast.AST) -> Iterator[Bound]:
    name: str = getattr(node, "name")  # noqa: B009  only in Python 3.12 and later
    yield name, Binding("anything", node)


_BINDERS: Mapping[type[ast.AST], Callable[[Any], Iterator[Bound]]] = {
    **dict.fromkeys(_ASSIGNMENTS, _names_among_targets),
    ast.Delete: _deleted,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.arguments: _arguments,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.ExceptHandler: _handler,
    ast.MatchAs: _pattern,
    ast.MatchStar: _pattern,
    ast.MatchMapping: _mapping_pattern,
    ast.Global: _declared,
    ast.Nonlocal: _declared,
    # Only in Python 3.12 and later; gate also runs on 3.11.
    **{
        getattr(ast, kind): binder
        for kind, binder in (
            ("TypeAlias", _type_alias),
            ("TypeVar", _type_parameter),
            ("ParamSpec", _type_parameter),
            ("TypeVarTuple", _type_parameter),
        )
        if hasattr(ast, kind)
    },
}
BINDING_NODES = frozenset(_BINDERS)
"""Node types that bind names."""
ASSIGNMENT_NODES = frozenset(_ASSIGNMENTS)
"""The subset of node types that assign to targets."""
