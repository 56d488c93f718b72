"""References to objects by name in strings."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """A string that names an object, at the position of its first letter. `kind` says how to interpret it."""

    text: str
    line: int
    column: int
    kind: str = ""


def reference_of(node: ast.Constant, kind: str = "") -> ObjectReference:
    """Return a string of the source as a reference."""
    return ObjectReference(str(node.value), node.lineno, node.col_offset + 2, kind)
