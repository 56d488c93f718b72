"""Parse Python files that describe a project, such as setup.py and noxfile.py, without running them. Pure."""

from __future__ import annotations

import ast


def parse_script(data: bytes) -> ast.Module | None:
    """Return the syntax tree of a script, or None if it can't be parsed."""
    try:
        return ast.parse(data)
    except (SyntaxError, ValueError, RecursionError):
        return None


def constants_of(tree: ast.Module) -> dict[str, ast.expr]:
    """Return the expression last assigned to each top-level name of a script."""
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
