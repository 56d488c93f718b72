"""Names that nothing binds."""

from __future__ import annotations

import ast
import builtins

from gate.names.classes import MISSING
from gate.names.infer import Engine
from gate.names.judged import Judged, Strange
from gate.names.modules import Source
from gate.names.near import candidates, is_typical
from gate.names.nodes import Function
from gate.names.order import Order
from gate.names.scopes import Scope, parameters

BUILTINS = frozenset(dir(builtins)) | {
    "__file__", "__name__", "__path__", "__doc__", "__spec__", "__package__", "__loader__", "__builtins__",
    "__annotations__", "__dict__", "__class__", "__module__", "__qualname__", "WindowsError", "reveal_type",
    "_",
}  # fmt: skip
OF_PYTHON_2 = frozenset({"unicode", "basestring", "long", "unichr", "xrange", "raw_input", "reduce", "reload", "file",
                         "execfile", "cmp", "apply", "buffer", "intern", "coerce", "StandardError"})  # fmt: skip


def _builtins_of(engine: Engine) -> frozenset[str]:
    """The builtins of the version that the project is for, as far as this interpreter has them not."""
    source = engine.modules.source("builtins")
    if source is None:
        return frozenset()
    defined = {
        name
        for name, bindings in source.scope.names.items()
        if bindings[0].how in {"class", "function"} and not name.startswith("_")
    }
    return frozenset(defined - {"function", "ellipsis", "reveal_locals"})


class Unbound:
    """Looks at each name that one file reads."""

    def __init__(self, engine: Engine, source: Source, found: Judged) -> None:
        """What is wrong goes to `found`."""
        self._engine = engine
        self._source = source
        self._found = found
        self._order = Order()
        self._builtins = BUILTINS | _builtins_of(engine)
        self._opens = any(self._is_open_star(star) for star in source.scope.stars)

    def name(self, node: ast.Name, scope: Scope, *, is_asked: bool, is_run: bool) -> None:
        """A name that is read. `is_asked`: behind a question for the kind of Python; a type may never be run."""
        name = node.id
        if is_asked and name in OF_PYTHON_2:
            return
        if scope.lookup(name) is not None or name in self._builtins:
            return
        if name in self._source.made_global or name in self._source.scope.elsewhere:
            return
        # What runs while the module is read sees only the stars above it.
        is_early = scope is self._source.scope and node.lineno < self._source.scope.first_star
        stars = [] if is_early else self._source.scope.stars
        if self._opens and stars:
            return
        seen: set[str] = set()
        for star in stars:
            module = self._engine.modules.module(star)
            if module is not None and name in module.names:
                return
            seen |= module.names if module is not None else set()
        around: Scope | None = scope
        while around is not None:
            if name in around.elsewhere or name in around.nonlocals:
                return
            seen |= around.names.keys()
            around = around.parent
        if is_asked and not any(is_typical(name, one) for one in candidates(name, seen | BUILTINS)):
            # Another version may have it.
            return
        if not is_run and (
            self._engine.member("typing", name) is not MISSING
            or all(name.casefold() == one.casefold() for one in candidates(name, seen | BUILTINS))
        ):
            # Nothing runs this, so nobody needs an import; and it may be for those who read, or for another tool.
            return
        own = self._attribute_of_self(name, scope)
        if own:
            self._found.tell(
                "undefined-name", node, f"Undefined name `{name}`", hint=f"did you mean `{own}`?"
            )
            return
        mine: Strange = "" if is_run else "anywhere"
        message = f"Undefined name `{name}`"
        self._found.tell("undefined-name", node, message, name, seen | BUILTINS, strange=mine)

    def too_early(self, node: ast.Name, scope: Scope) -> None:
        """A name that the scope binds, and that is surely not bound where it is used."""
        name = node.id
        if (
            scope.kind == "class"
            or name not in scope.names
            or name in scope.nonlocals
            or self._source.is_stub
        ):
            return
        if name in self._source.made_global or name in scope.elsewhere or scope.stars:
            return
        is_module = scope.kind == "module"
        if is_module and (name in self._builtins or self._source.writes_globals):
            return
        is_seen_around = scope.parent is not None and scope.parent.lookup(name) is not None
        if self._order.is_outside(node, scope):
            if not is_seen_around and name not in self._builtins:
                self._found.tell(
                    "undefined-name", node, f"Undefined name `{name}`", hint=self._elsewhere(node, scope)
                )
        elif self._order.is_bound_later(node, scope):
            line = min(getattr(one.node, "lineno", 0) for one in scope.names[name])
            message = f"`{name}` is used before it is bound"
            self._found.tell("undefined-name", node, message, hint=f"it is bound on line {line}")

    def _elsewhere(self, node: ast.Name, scope: Scope) -> str:
        """Where the name is bound instead."""
        inside = scope.names[node.id][0].inside
        what = "the handler of the exception" if isinstance(inside, ast.ExceptHandler) else "a comprehension"
        return f"it is bound only inside {what} on line {getattr(inside, 'lineno', 0)}"

    def _attribute_of_self(self, name: str, scope: Scope) -> str:
        """`self.name`, where the class around has such an attribute; empty otherwise."""
        around: Scope | None = scope
        while around is not None and around.parent is not None and around.parent.kind != "class":
            around = around.parent
        if around is None or around.parent is None or not isinstance(around.node, Function):
            return ""
        outer, method = around.parent, around.node
        own = parameters(method.args)
        if not own or not isinstance(outer.node, ast.ClassDef) or outer.parent is None:
            return ""
        kind = self._engine.classes.of(outer.node, outer.parent)
        line = self._engine.classes.line(kind, far=False)[0]
        has = any(name in one.stores or (one.name != "object" and name in one.scope.names) for one, _ in line)
        return f"{own[0].arg}.{name}" if has else ""

    def _is_open_star(self, star: str) -> bool:
        module = self._engine.modules.module(star)
        return module is None or module.open
