"""Report code that parses but doesn't compile, such as `return` outside a function, or duplicate parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def refused_by_compiler(tree: ast.Module, *, is_notebook: bool) -> Iterator[tuple[int, int, str]]:
    """Yield the line, column, and message of the first error that only the compiler reports."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if is_notebook else 0
    try:
        compile(tree, "<unknown>", "exec", flags=flags, dont_inherit=True)
    except SyntaxError as error:
        yield error.lineno or 1, error.offset or 1, error.msg
    except (ValueError, RecursionError, MemoryError):
        return
