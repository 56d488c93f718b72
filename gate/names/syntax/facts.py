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
"""Names of objects that are a whole column of values, or the functions of a database."""


class Use(NamedTuple):
    """A use of a name. `owner` is the module in which it is looked up, if that is certain."""

    name: str
    line: int
    column: int
    end_line: int
    owner: str = ""
    receiver: str = ""
    """The last name of what an attribute is looked up in: `form` in `self.form.data`."""
    root: str = ""
    """The module that the first name of it was imported from."""


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
    """What classes and modules have, and what is set on any object: no parameters, local names or strings."""
    only_imported: set[str] = field(default_factory=set)
    """Words that occur in the file only because it imports them."""
    stored: set[str] = field(default_factory=set)
    """Attributes that are set on another object than `self`; on a module, also with its name: `logging.TRACE`."""
    members_of_classes: list[str] = field(default_factory=list)
    """Attributes of each class, once for each class that has them."""
    links: set[str] = field(default_factory=set)
    """The modules that it may import, those that may be missing included."""
    fields: set[str] = field(default_factory=set)
    """Attributes that classes annotate as values."""
    functions: set[str] = field(default_factory=set)
    """The names of functions and classes."""
    bases: set[str] = field(default_factory=set)
    """The names of classes from which others are derived."""
    library_bases: set[str] = field(default_factory=set)
    """The full names of the classes of the standard library from which others are derived."""
    combined: set[str] = field(default_factory=set)
    """Those of them that are derived from together with others."""
    recombined: set[str] = field(default_factory=set)
    """Classes that the code derives others from while it runs, together with bases that cannot be read."""
    synchronous: set[str] = field(default_factory=set)
    """The names of functions that are not asynchronous."""
    texts: set[str] = field(default_factory=set)
    """Words in strings: code that sets attributes by name may use them."""
    environment_keys: list[Use] = field(default_factory=list)
    """Keys of environment variables. Those that only a test sets have an owner."""
    fixtures: set[str] = field(default_factory=set)
    """The fixtures of pytest that it defines."""
    fixture_requests: list[FixtureRequest] = field(default_factory=list)
    """What its tests and fixtures ask for."""
    refused: set[tuple[int, int, str]] = field(default_factory=set)
    """What only Python's compiler reports: line, column and message."""


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
