"""Python files that describe a project, such as setup.py and noxfile.py: parsed, never run. Pure."""

from __future__ import annotations

import ast


def parse_script(data: bytes) -> ast.Module | None:
    """The syntax tree of a script; None if it can't be parsed."""
    try:
        return ast.parse(data)
    except (SyntaxError, ValueError, RecursionError):
        return None


def constants_of(tree: ast.Module) -> dict[str, ast.expr]:
    """What is assigned to each name at the top of a script; the last assignment counts."""
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
