"""The facts about one file that don't depend on other files: what it defines, and each use of a name.

They are computed once per file content, and cached. The rules and the project's vocabulary read them.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import NamedTuple

from gate.names.syntax.fixtures import FixtureRequest
from gate.names.syntax.object_reference import ObjectReference

COLUMNS = frozenset({"str", "dt", "func", "F", "sa", "fn"})
"""Names of objects that represent a whole column of values, or the functions of a database."""


CHANGES_SIGNATURE = frozenset({"__defaults__", "__kwdefaults__", "__code__", "__signature__"})
"""Attributes of a function that say what it takes when they are set."""
ANY_NAME = "*"
"""The attribute that `setattr(owner, name, value)` sets, whose name is computed."""


class Use(NamedTuple):
    """A use of a name. `owner` is the module in which it is looked up, if that is certain."""

    name: str
    line: int
    column: int
    end_line: int
    owner: str = ""
    receiver: str = ""
    """The last name in the receiver of an attribute: `form` in `self.form.data`."""
    root: str = ""
    """The module from which the receiver's first name was imported."""


@dataclass(slots=True)
class Facts:
    """The definitions and uses in one file."""

    words: set[str] = field(default_factory=set)
    attributes: list[Use] = field(default_factory=list)
    keywords: list[Use] = field(default_factory=list)
    members: list[Use] = field(default_factory=list)
    imports: list[Use] = field(default_factory=list)
    exports: list[ObjectReference] = field(default_factory=list)
    references: list[ObjectReference] = field(default_factory=list)
    attributes_defined: set[str] = field(default_factory=set)
    """Names in classes and modules, and attributes set on any object, but no parameters, local names, or strings."""
    only_imported: set[str] = field(default_factory=set)
    """Words that occur in the file only in imports."""
    stored: set[str] = field(default_factory=set)
    """Attributes set on anything but `self`; for an import, also qualified: `logging.TRACE`, `logging.*`."""
    affixes: set[tuple[str, str]] = field(default_factory=set)
    """How attributes begin and end whose names are computed: `("get_", "")` for `setattr(owner, f"get_{name}", 1)`."""
    members_of_classes: list[str] = field(default_factory=list)
    """The attributes of all classes, one entry for each class that has the attribute."""
    links: set[str] = field(default_factory=set)
    """The modules that it may import, including optional ones."""
    fields: set[str] = field(default_factory=set)
    """Attributes annotated as values in classes."""
    functions: set[str] = field(default_factory=set)
    """Names of functions and classes."""
    bases: set[str] = field(default_factory=set)
    """Names of base classes."""
    library_bases: set[str] = field(default_factory=set)
    """Qualified names of base classes from the standard library."""
    combined: set[str] = field(default_factory=set)
    """The base classes that are combined with other bases in a class."""
    recombined: set[str] = field(default_factory=set)
    """Classes that the code subclasses at runtime, together with bases that can't be resolved."""
    synchronous: set[str] = field(default_factory=set)
    """Names of functions that are not async."""
    texts: set[str] = field(default_factory=set)
    """Words in strings: code may set attributes by these names."""
    environment_keys: list[Use] = field(default_factory=list)
    """Keys of environment variables. Those that only a test sets have an owner."""
    fixtures: set[str] = field(default_factory=set)
    """The pytest fixtures that the file defines."""
    fixture_requests: list[FixtureRequest] = field(default_factory=list)
    """The fixtures that its tests and fixtures request."""
    refused: set[tuple[int, int, str]] = field(default_factory=set)
    """Errors that only Python's compiler reports: line, column, and message."""


def receiver_of(node: ast.expr) -> str:
    """Return the last name of a receiver, with brackets for an item and parentheses for a result."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value):
            return f"{receiver_of(value)}[]"
        case ast.Call(func=function):
            return f"{receiver_of(function)}()"
        case ast.Await(value=value):
            return receiver_of(value)
    return ""
