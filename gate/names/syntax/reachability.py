"""Decide which branches run on a version of Python and a platform."""

from __future__ import annotations

import ast
import sys

Version = tuple[int, int]
OWN_VERSION: Version = sys.version_info[:2]


def is_over(test: ast.expr, oldest: Version) -> bool:
    """Return whether the body of an `if` runs only on versions before `oldest`: `if sys.version_info < (3, 11)`."""
    match test:
        case ast.Compare(left=ast.Attribute(attr="version_info"), ops=[ast.Lt()]):
            return branch_taken(test, oldest) is False
        case ast.BoolOp(op=ast.And(), values=values):
            return any(is_over(value, oldest) for value in values)
    return False


def branch_taken(test: ast.expr, target: Version) -> bool | None:
    """Return whether the body of an `if` runs on `target` and this platform, or None if something else decides."""
    match test:
        case ast.Compare(left=ast.Attribute(value=ast.Name(id="sys"), attr="version_info"), ops=[operator],
                         comparators=[ast.Tuple(elts=items)]):  # fmt: skip
            required = tuple(item.value for item in items if isinstance(item, ast.Constant))
            rest = sys.version_info[2:] if target == OWN_VERSION else (0,)
            actual = (*target, *rest)[: len(required)]
            match operator:
                case ast.GtE():
                    return actual >= required
                case ast.Lt():
                    return actual < required
        case ast.Compare(left=ast.Attribute(value=ast.Name(id="sys"), attr="platform"), ops=[operator],
                         comparators=[ast.Constant(value=name)]):  # fmt: skip
            return (sys.platform == name) == isinstance(operator, ast.Eq)
    return None
