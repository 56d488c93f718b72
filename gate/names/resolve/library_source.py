"""Read the source of the standard library, only for what its stubs leave out."""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from gate.names.read.newer_syntax import parse
from gate.names.syntax.bindings import bindings_in
from gate.names.syntax.nodes import last_name, walk
from gate.names.syntax.reachability import Version
from gate.names.syntax.source import Source

_LARGEST = 4 * 1024 * 1024
"""Larger files contain data, and are skipped."""


def read_source(path: Path) -> tuple[ast.Module, bytes] | None:
    """Return the syntax tree and content of a file, or None if it can't be read, isn't Python, or is too large."""
    try:
        if path.stat().st_size > _LARGEST:
            return None
        data = path.read_bytes()
        return parse(data), data
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


@cache
def read_library(path: Path) -> tuple[ast.Module, bytes] | None:
    """Read a standard library file like `read_source`, but only once: it doesn't change while this process runs."""
    return read_source(path)


def library_sources(name: str, target: Version) -> Iterator[Source]:
    """Yield the source files, not the stub, of a standard library module, as read for the `target` version of
    Python.
    """
    path = Path(sysconfig.get_path("stdlib")).joinpath(*name.split("."))
    for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
        content = read_library(file)
        if content is not None:
            yield Source(name, "library", *content, is_package=file.stem == "__init__", target=target)


@dataclass
class AttributesInSource:
    """The attributes that a module's source defines in each class, and those that it sets on objects of unknown
    class.
    """

    of_classes: dict[str, set[str]] = field(default_factory=dict)
    bases: dict[str, set[str]] = field(default_factory=dict)
    of_any: set[str] = field(default_factory=set)

    def read(self, tree: ast.Module) -> None:
        """Add the attributes that one file defines."""
        of_self: set[ast.AST] = set()
        for node in walk(tree):
            if isinstance(node, ast.ClassDef):
                attributes = self.of_classes.setdefault(node.name, set())
                self.bases.setdefault(node.name, set()).update(map(last_name, node.bases))
                for statement in node.body:
                    attributes |= {name for name, binding in bindings_in(statement) if binding.inside is None}
                for inner in walk(node):
                    match inner:
                        case ast.Attribute(value=ast.Name(id="self" | "cls"), ctx=ast.Store()):
                            attributes.add(inner.attr)
                            of_self.add(inner)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node not in of_self:
                self.of_any.add(node.attr)

    def has(self, cls: str, name: str) -> bool:
        """Return whether a class may have an attribute. A class that isn't in the source may have those of every
        class.
        """
        if name in self.of_any:
            return True
        if cls not in self.of_classes:
            return any(name in names for names in self.of_classes.values())
        seen: set[str] = set()
        classes = [cls]
        while classes:
            current = classes.pop()
            if current not in seen and current in self.of_classes:
                seen.add(current)
                if name in self.of_classes[current]:
                    return True
                classes += self.bases[current]
        return False
