"""The kinds of values that inference distinguishes."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from gate.names.syntax.nodes import Function

if TYPE_CHECKING:
    from gate.names.syntax.source import Scope

TYPE_PARAMETER = re.compile(
    r"(?:AnyStr|SupportsRichComparisonT|_(?:[A-Z]|[A-Z]\w*T|[KV]T|[ST])\d?(?:_co|_contra)?(?:_\d)?)$"
)
"""The naming pattern of type parameters in stubs."""


@dataclass(frozen=True, slots=True)
class ModuleValue:
    """A module, by its full name."""

    name: str


@dataclass(slots=True, eq=False)
class Class:
    """A class: its definition, and what its body shows. Created by `read_class`."""

    node: ast.ClassDef
    scope: Scope
    """The scope of the class body."""
    origin: str
    """`project`, `library` (the standard library) or `site` (an installed package)."""
    instance_attributes: dict[str, list[tuple[ast.expr | None, ast.expr | None, Scope]]] = field(
        default_factory=dict
    )
    """Attributes that its methods set on `self`: value, annotation, and the scope of both."""
    dynamic: bool = False
    """Whether it may have attributes that its source doesn't show."""

    @property
    def name(self) -> str:
        """The name, without that of the module."""
        return self.node.name


@dataclass(frozen=True, slots=True)
class ClassValue:
    """A class itself."""

    of: Class


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance of a class or of a subclass. `arguments` are the values of its type parameters."""

    of: Class
    arguments: tuple[Values, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionValue:
    """A function. Several definitions are overloads, and any of them may apply.

    `bound` is the instance or class whose method it is, or None for a plain function.
    """

    definitions: tuple[Function, ...]
    scope: Scope
    bound: Instance | ClassValue | None = None
    arguments: tuple[tuple[str, Values], ...] = ()
    called_on: Class | None = None
    """The class from which the method was looked up without an instance: its first argument has to be an instance."""


@dataclass(frozen=True, slots=True)
class Partial:
    """A `functools.partial` of a function or a class. `call` is the call that passes the first arguments."""

    of: FunctionValue | ClassValue
    call: ast.Call

    def joined(self, call: ast.Call) -> ast.Call:
        """Return the call of the wrapped function that `call` results in."""
        later = {word.arg for word in call.keywords}
        words = [word for word in self.call.keywords if word.arg is None or word.arg not in later]
        first = self.call.args[0] if self.call.args else self.call.func
        made = ast.Call(func=first, args=[*self.call.args[1:], *call.args], keywords=[*words, *call.keywords])
        return ast.copy_location(made, call)


@dataclass(frozen=True, slots=True)
class Coroutine:
    """The result of calling an async function, until it is awaited."""

    result: Values
    overridden_as: str = ""
    """The name of the method that returned it, if a subclass overrides that method, maybe without `async`."""


@dataclass(frozen=True, slots=True)
class Yielding:
    """A generator, or a context manager made from a generator function. `result` is what it yields."""

    result: Values
    is_manager: bool


@dataclass(frozen=True, slots=True)
class Tuple:
    """A tuple of known length."""

    items: tuple[Values, ...]
    is_written_out: bool = False
    """Whether it is a tuple display; a tuple known only by annotation may be a named tuple."""


@dataclass(frozen=True, slots=True)
class NoneValue:
    """The `None` that a call certainly returns. Beside other values, it is left out: code tests for it in many ways."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A type parameter that a class passes to its base. Its value is known only for each instance."""

    name: str


Value = (
    Parameter
    | ModuleValue
    | ClassValue
    | Instance
    | FunctionValue
    | Partial
    | Coroutine
    | Yielding
    | Tuple
    | NoneValue
)
Values = tuple[Value, ...] | None
"""All possible values; see `UNKNOWN` and `NEVER`."""
UNKNOWN: Values = None
"""Any value is possible."""
NEVER: Values = ()
"""No value so far: a variable that is still `None`, a function that never returns, or an inference in progress."""
NONE = (NoneValue(),)
"""Certainly `None`."""


def union(alternatives: list[Values]) -> Values:
    """Return the values in any of these alternatives, or UNKNOWN if one is, or there are too many."""
    if len(alternatives) == 1:
        return alternatives[0]
    merged: dict[Value, None] = {}
    for values in alternatives:
        if values is None:
            return None
        merged.update(dict.fromkeys(values))
    if len(merged) > 1:
        merged.pop(NONE[0], None)
    return tuple(merged) if len(merged) <= 12 else None


class Missing(Enum):
    """The answer that an attribute certainly doesn't exist."""

    MISSING = "missing"


MISSING = Missing.MISSING
