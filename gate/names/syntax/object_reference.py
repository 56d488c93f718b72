"""A name that stands in a text."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """A text that names something, at the place of its first letter. `kind` says how it is to be understood."""

    text: str
    line: int
    column: int
    kind: str = ""


def told(node: ast.Constant, kind: str = "") -> ObjectReference:
    """What a string of the source names."""
    return ObjectReference(str(node.value), node.lineno, node.col_offset + 2, kind)
