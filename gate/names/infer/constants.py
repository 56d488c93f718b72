"""Follow names and attributes to the one constant that they are bound to."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from gate.names.infer.values import ClassValue, Instance, ModuleValue
from gate.names.syntax.source import Scope

if TYPE_CHECKING:
    from gate.names.infer.engine import Engine

_FURTHEST = 5
"""The most imports from module to module that are followed."""


def constant_text(engine: Engine, node: ast.expr, scope: Scope, steps: int = _FURTHEST) -> str | None:
    """Return the string that an expression certainly is: a literal, or a name or attribute bound only to one."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            bound = scope.lookup(name)
            return _bound(engine, name, bound[1], steps) if bound is not None else None
        case ast.Attribute(value=value, attr=name):
            match engine.infer(value, scope):
                case [ModuleValue(name=module)]:
                    return _of_module(engine, module, name, steps)
                case [Instance(of=kind) | ClassValue(of=kind)] if kind.origin == "project":
                    is_own = not (
                        kind.dynamic or engine.classes.varies(kind, name) or name in kind.instance_attributes
                    )
                    return _bound(engine, name, kind.scope, steps) if is_own else None
    return None


def _of_module(engine: Engine, module: str, name: str, steps: int) -> str | None:
    source = engine.modules.source(module)
    return _bound(engine, name, source.scope, steps - 1) if source is not None else None


def _bound(engine: Engine, name: str, scope: Scope, steps: int) -> str | None:
    bindings = scope.names.get(name, [])
    is_set_elsewhere = (
        name in scope.elsewhere or name in scope.source.made_global or name in engine.project.stored_outside
    )
    if len(bindings) != 1 or bindings[0].path or is_set_elsewhere or not steps:
        return None
    binding = bindings[0]
    if binding.how == "member":
        return _of_module(engine, binding.module, binding.name, steps)
    if binding.how in {"value", "typed"} and isinstance(binding.node, ast.expr):
        return constant_text(engine, binding.node, scope, steps - 1)
    return None
