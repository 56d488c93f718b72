"""What names are given in a scope, and what is asked about them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.names.hints.naming import LINES_CALLS, Kind
from gate.names.syntax.nodes import Function, children, walk

_ASKING = frozenset({"isinstance", "hasattr", "callable", "type", "issubclass", "getattr"})


def is_text(node: ast.expr) -> bool:
    """Whether it is written out text."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


def name_called(node: ast.Call) -> str:
    """The last name of what a call calls."""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def last_name(node: ast.expr | None) -> str:
    """The last name of an expression; nothing where it has none."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def asks_about(name: str, scope: ast.AST) -> bool:
    """Whether the code looks at what a value is before it uses it."""
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _ASKING
        and bool(node.args)
        and isinstance(node.args[0], ast.Name)
        and node.args[0].id == name
        for node in own_nodes_of(scope)
    )


def default_of(argument: ast.arg, arguments: ast.arguments) -> ast.expr | None:
    """What a parameter is where nothing is given."""
    positional = [*arguments.posonlyargs, *arguments.args]
    if argument in positional:
        number = positional.index(argument) - len(positional) + len(arguments.defaults)
        return arguments.defaults[number] if number >= 0 else None
    if argument in arguments.kwonlyargs:
        return arguments.kw_defaults[arguments.kwonlyargs.index(argument)]
    return None


def arguments_of(arguments: ast.arguments) -> list[ast.arg]:
    """The parameters that take one value each."""
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]


def own_nodes_of(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope, without those of the functions inside it."""
    for child in children(scope):
        yield child
        if not isinstance(child, Function | ast.Lambda):
            yield from own_nodes_of(child)


def returned_by(function: Function) -> list[ast.expr]:
    """What a function returns; nothing for a generator."""
    generator = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own_nodes_of(function))
    if generator:
        return []
    return [
        node.value
        for node in own_nodes_of(function)
        if isinstance(node, ast.Return) and node.value is not None
    ]


def given_to(name: str, scope: ast.AST) -> Iterator[ast.expr | Kind]:
    """What `name` is given in a scope: expressions, or a kind where the statement says it; `` for the unknown."""
    for node in own_nodes_of(scope):
        match node:
            case ast.Assign(targets=targets, value=value):
                if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                    yield value
                elif any(is_stored_in(name, target) for target in targets):
                    yield (
                        "text" if isinstance(value, ast.Call) and name_called(value) in LINES_CALLS else ""
                    )
            case ast.AnnAssign(target=ast.Name(id=target), value=value) if target == name:
                yield value if value is not None else ""
            case ast.NamedExpr(target=ast.Name(id=target), value=value) if target == name:
                yield value
            case ast.AugAssign(target=ast.Name(id=target)) if target == name:
                yield ""
            case ast.withitem(context_expr=value, optional_vars=ast.Name(id=target)) if target == name:
                yield value
            case (
                ast.For(target=target, iter=each)
                | ast.AsyncFor(target=target, iter=each)
                | ast.comprehension(target=target, iter=each)
            ) if is_stored_in(name, target):
                lines = (
                    isinstance(target, ast.Name)
                    and isinstance(each, ast.Call)
                    and name_called(each) in LINES_CALLS
                )
                yield "text" if lines else ""
            case ast.ExceptHandler(name=target) if target == name:
                yield ""
            case ast.Global(names=names) | ast.Nonlocal(names=names) if name in names:
                yield ""


def is_stored_in(name: str, target: ast.AST) -> bool:
    """Whether a target of an assignment stores a name."""
    return any(isinstance(node, ast.Name) and node.id == name for node in walk(target))
