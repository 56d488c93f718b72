"""Detect names that a module creates only at run time, by means other than a binding.

Each function searches the bytes of the file first, since most files do nothing of the kind.
"""

from __future__ import annotations

import ast
import re

from gate.names.syntax.nodes import own_nodes, walk

_GLOBAL = re.compile(rb"(?:^[ \t]+|[:;][ \t]*)global[ \t]+([^#\n;]+)", re.MULTILINE)
_MAY_WRITE_GLOBALS = re.compile(
    rb"\b(?:globals|vars|locals|exec)\s*\(|\bsetattr\s*\(\s*(?:module\b|[\w.]+\s*[\[(])|\bsys\s*\.\s*modules\b"
)


def declared_global(data: bytes) -> frozenset[str]:
    """Return the names after `global`, which functions bind in the module."""
    names = (name for match in _GLOBAL.finditer(data) for name in match[1].split(b","))
    return frozenset(name.strip().decode("utf-8", "replace") for name in names)


def writes_globals(tree: ast.Module, data: bytes) -> bool:
    """Return whether the module may get names that none of its statements binds."""
    return _MAY_WRITE_GLOBALS.search(data) is not None and any(map(_writes_globals, walk(tree)))


def binds_by_name(tree: ast.Module, data: bytes) -> bool:
    """Return whether the module binds names that are only known at run time: `globals()[name] = value`."""
    if _MAY_WRITE_GLOBALS.search(data) is None:
        return False
    # Outside functions, the local scope is the global scope.
    return any(
        _stores_in(node, "globals") or _sets_on_module(node) or _executes(node, in_globals=True)
        for node in walk(tree)
    ) or any(
        _stores_in(node, "locals") or _stores_in(node, "vars") or _executes(node, in_globals=False)
        for node in own_nodes(tree)
    )


def objects_set_by_name(tree: ast.Module, data: bytes) -> frozenset[str]:
    """Return the names of objects that get attributes with computed names: `setattr(Table, name, value)`."""
    if b"setattr" not in data:
        return frozenset()
    return frozenset(
        call.args[0].id
        for call in walk(tree)
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") == "setattr"
        and len(call.args) > 1
        and isinstance(call.args[0], ast.Name)
        and not isinstance(call.args[1], ast.Constant)
    )


def _stores_in(node: ast.AST, function: str) -> bool:
    """Return whether `node` stores something in the dictionary that `function()` returns."""
    match node:
        case (
            ast.Subscript(value=ast.Call(func=ast.Name(id=name), args=[]), ctx=ast.Store())
            | ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id=name), args=[]), attr="update"))
        ):
            return name == function
    return False


def _executes(node: ast.AST, *, in_globals: bool) -> bool:
    """Return whether `node` runs code that binds names in the module if `in_globals`, or else where it is."""
    match node:
        case ast.Call(func=ast.Name(id="exec" | "execfile"), args=[_, *rest]):
            match rest:
                case [ast.Call(func=ast.Name(id="globals")), *_]:
                    return in_globals
            return not rest and not in_globals
    return False


def _sets_on_module(node: ast.AST) -> bool:
    """Return whether `node` sets an attribute with a computed name on the module itself."""
    match node:
        case ast.Call(
            func=ast.Name(id="setattr"),
            args=[
                ast.Subscript(value=ast.Attribute(attr="modules"), slice=ast.Name(id="__name__")),
                name,
                *_,
            ],
        ):
            return not isinstance(name, ast.Constant)
    return False


def _writes_globals(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="globals" | "vars" | "exec")):
            return True
        case ast.Call(
            func=ast.Name(id="setattr"), args=[ast.Subscript() | ast.Call() | ast.Name(id="module"), *_]
        ):
            return True
        case ast.Attribute(value=ast.Name(id="sys"), attr="modules"):
            return True
    return False
