"""The source of the standard library, for what its stubs leave out. Nothing else of the source counts."""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from gate.names.read.newer_syntax import parse
from gate.names.syntax.bindings import bindings_in
from gate.names.syntax.nodes import walk
from gate.names.syntax.reachability import Version
from gate.names.syntax.source import Source

_LARGEST = 4 * 1024 * 1024
"""Larger files are not read: they contain data."""


def read_source(path: Path) -> tuple[ast.Module, bytes] | None:
    """The syntax tree and the content of a file; None if it can't be read, isn't Python, or is too large."""
    try:
        if path.stat().st_size > _LARGEST:
            return None
        data = path.read_bytes()
        return parse(data), data
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


@cache
def read_library(path: Path) -> tuple[ast.Module, bytes] | None:
    """Like `read_source`, for a file of the standard library: it doesn't change while this process runs."""
    return read_source(path)


def library_sources(name: str, target: Version) -> Iterator[Source]:
    """The source of a module of the standard library without its stub, read for a version of Python."""
    path = Path(sysconfig.get_path("stdlib")).joinpath(*name.split("."))
    for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
        content = read_library(file)
        if content is not None:
            yield Source(name, "library", *content, is_package=file.stem == "__init__", target=target)


def attributes_defined(tree: ast.Module) -> Iterator[str]:
    """What any class in a module has in its body, and what is set on any object."""
    for node in walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.ClassDef):
            for statement in node.body:
                yield from (name for name, binding in bindings_in(statement) if binding.inside is None)
