"""`__all__`: names that a module promises and does not have."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from gate.names.report.finding import Edit, Finding
from gate.names.resolve.modules import Modules
from gate.names.spelling.similarity import closest, is_sole
from gate.names.syntax.object_reference import ObjectReference, told

RULE = "undefined-export"


def exported(tree: ast.Module) -> Iterator[ObjectReference]:
    """Every name that stands as text in `__all__`, at the place of its first letter."""
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="__all__")], value=value)
                | ast.AnnAssign(target=ast.Name(id="__all__"), value=value)
                | ast.AugAssign(target=ast.Name(id="__all__"), value=value)
                | ast.Expr(
                    value=ast.Call(
                        func=ast.Attribute(value=ast.Name(id="__all__"), attr="append" | "extend"),
                        args=[value],
                    )
                )
            ):
                yield from _texts(value)


def _texts(node: ast.expr | None) -> Iterator[ObjectReference]:
    match node:
        case ast.List(elts=items) | ast.Tuple(elts=items):
            for item in items:
                yield from _texts(item)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from _texts(left)
            yield from _texts(right)
        case ast.Constant(value=str()):
            yield told(node)


def missing(
    path: str, module: str, exports: Iterable[ObjectReference], modules: Modules
) -> Iterator[Finding]:
    """A finding for each export that the module does not have, unless it may have more than can be read."""
    own = modules.module(module)
    if own is None or own.open:
        return
    for name in exports:
        if name.text not in own.names and modules.module(f"{module}.{name.text}") is None:
            right = closest(name.text, own.own)
            hint = f"did you mean `{right}`?" if right else ""
            message = f"`__all__` names `{name.text}`, which this module does not have"
            sole = is_sole(name.text, right, own.names)
            fix = (Edit(name.line, name.column, name.text, right),) if sole else ()
            yield Finding(path, name.line, name.column, name.line, RULE, message, hint, fix)
