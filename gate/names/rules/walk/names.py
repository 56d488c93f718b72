"""Names that nothing binds."""

from __future__ import annotations

import ast

from gate.names.infer.engine import Engine
from gate.names.infer.values import MISSING
from gate.names.report.candidates import FileDiagnostics, UnlessDefinedIn
from gate.names.rules import undefined_name
from gate.names.spelling.similarity import candidates, is_common_typo
from gate.names.syntax.binding_order import Order
from gate.names.syntax.builtin_names import BUILTINS
from gate.names.syntax.nodes import Function, parameters, walk
from gate.names.syntax.source import Scope, Source

_GIVEN_BY_TOOLS = {
    "conf": {"tags"},
    "ipython_config": {"get_config", "c"},
    "ipython_kernel_config": {"get_config", "c"},
    "jupyter_config": {"get_config", "c"},
    "jupyter_server_config": {"get_config", "c"},
    "jupyter_notebook_config": {"get_config", "c"},
    "jupyterhub_config": {"get_config", "c"},
    "SConstruct": {"Environment", "ARGUMENTS", "Export", "Import", "SConscript"},
}
"""What Sphinx, Jupyter and SCons put into the files that they read, by the name of the module."""
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


def _is_given_by_tool(name: str, source: Source) -> bool:
    """Whether the program that reads a file of this name gives it such a name."""
    return name in _GIVEN_BY_TOOLS.get(source.name.rpartition(".")[2], ())


def _is_given(name: str, scope: Scope) -> bool:
    """Whether Python gives a name of this kind here: some are there only in packages or in bodies of classes."""
    match name:
        case "__path__":
            return scope.source.is_package
        case "__module__" | "__qualname__":
            return scope.kind == "class"
        case "__class__":
            around: Scope | None = scope if scope.kind == "function" else None
            while around is not None and around.kind != "class":
                around = around.parent
            return around is not None
    return True


class UndefinedNames:
    """Looks at each name that one file reads."""

    def __init__(self, engine: Engine, source: Source, found: FileDiagnostics) -> None:
        """What is wrong goes to `found`."""
        self._engine = engine
        self._source = source
        self._found = found
        self._order = Order()
        self._builtins = BUILTINS | _builtins_of(engine)
        self._opens = any(self._is_open_star(star) for star in source.scope.stars)

    def name(
        self, node: ast.Name, scope: Scope, *, is_asked: bool, is_run: bool, is_text: bool = False
    ) -> None:
        """A name that is read. `is_asked`: behind a question for the kind of Python; a type may never be run."""
        name = node.id
        if is_asked and name in OF_PYTHON_2:
            return
        bound = scope.lookup(name)
        if bound is not None and bound[1] is not scope and self._is_only_declared(name, bound[1]):
            undefined_name.report_early(self._found, node, self._later(node, bound[1]))
        if bound is not None or (name in self._builtins and _is_given(name, scope)):
            return
        if name in self._source.made_global or name in self._source.scope.elsewhere:
            return
        if _is_given_by_tool(name, self._source):
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
        may_be_bound = is_asked or self._source.binds_by_name
        if may_be_bound and not any(is_common_typo(name, word) for word in candidates(name, seen | BUILTINS)):
            # Another version may have it, or whatever binds names that the text does not show.
            return
        if is_text and self._engine.names.member("typing", name) is not MISSING:
            # Nothing runs this, so nobody needs an import.
            return
        if not is_run and (
            all(name.casefold() == one.casefold() for one in candidates(name, seen | BUILTINS))
        ):
            # It may be for those who read, or for another tool.
            return
        own = self._attribute_of_self(name, scope)
        if own:
            undefined_name.report_attribute(self._found, node, own)
            return
        mine: UnlessDefinedIn = "" if is_run else "anywhere"
        undefined_name.report(self._found, node, seen | BUILTINS, unless_defined_in=mine)

    def _is_only_declared(self, name: str, scope: Scope) -> bool:
        """Whether a function around says the type of a name, and neither it nor a function inside gives it a value."""
        return (
            scope.kind == "function"
            and all(isinstance(binding.node, ast.AnnAssign) for binding in scope.names[name])
            and not self._is_bound_inside(name, scope)
        )

    def added_to(self, node: ast.Name, scope: Scope) -> None:
        """The target of `name += …`, which is read before it is stored."""
        if scope.lookup(node.id) is not None:
            self.too_early(node, scope)

    def deleted(self, node: ast.Name, scope: Scope) -> None:
        """A name after `del`. In a function that makes it a local one, so no other of that name is deleted."""
        is_local = scope.kind == "function" and node.id not in scope.nonlocals
        if is_local and node.id not in scope.names and scope.lookup(node.id) is not None:
            undefined_name.report_deletion(self._found, node)
        else:
            self.name(node, scope, is_asked=False, is_run=True)
            self.too_early(node, scope)

    def too_early(self, node: ast.Name, scope: Scope) -> None:
        """A name that the scope binds, and that is surely not bound where it is used."""
        if self._source.is_stub or self._source.scope.stars:
            return
        around = scope
        owner: Scope | None = None
        # The body of a class runs where it stands, and sees what is bound there until then.
        while around.kind == "class" and around.parent is not None:
            if node.id in around.nonlocals or node.id in around.type_parameters:
                return
            if node.id in around.names:
                if not self._order.is_bound_later(node, around):
                    return
                owner = around
            around = around.parent
        if self._is_own(node.id, around):
            self._too_early(node, around)
        elif owner is not None and not self._may_be_around(node.id, around):
            undefined_name.report_early(self._found, node, self._later(node, owner))

    def _may_be_around(self, name: str, scope: Scope) -> bool:
        """Whether a name that a class binds too late may be another one, of the scope around the class."""
        module = self._source
        is_global = name in module.made_global or name in module.scope.elsewhere or module.writes_globals
        return scope.lookup(name) is not None or name in self._builtins or is_global

    def _is_own(self, name: str, scope: Scope) -> bool:
        """Whether only the code of the scope itself binds the name there, in an order that the text tells."""
        if name not in scope.names or name in scope.elsewhere:
            return False
        if scope.kind == "module":
            return not (
                name in self._builtins or name in self._source.made_global or self._source.writes_globals
            )
        return name not in scope.nonlocals

    def _too_early(self, node: ast.Name, scope: Scope) -> None:
        name = node.id
        around = scope.parent
        while around is not None and around.kind == "class":
            around = around.parent
        is_seen_around = around is not None and around.lookup(name) is not None
        if self._order.is_outside(node, scope):
            if not is_seen_around and name not in self._builtins:
                undefined_name.report_outside(self._found, node, self._elsewhere(node, scope))
        elif self._order.is_bound_later(node, scope):
            if not self._is_bound_inside(name, scope):
                undefined_name.report_early(self._found, node, self._later(node, scope))
        elif (deletion := self._order.deletion(node, scope)) and not self._is_bound_inside(name, scope):
            undefined_name.report_deleted(self._found, node, deletion.lineno)

    def _is_bound_inside(self, name: str, scope: Scope) -> bool:
        """Whether a function inside binds the name out here."""
        return scope.kind == "function" and any(
            isinstance(one, ast.Nonlocal) and name in one.names for one in walk(scope.node)
        )

    def _later(self, node: ast.Name, scope: Scope) -> str:
        """Where the name gets its first value, or why it never does."""
        lines = [
            getattr(one.node, "lineno", 0)
            for one in scope.names[node.id]
            if one.how != "added" and not isinstance(one.node, ast.AnnAssign) and one.inside is None
        ]
        if lines:
            return f"it is bound on line {min(lines)}"
        if scope.kind == "function" and self._source.scope.names.get(node.id):
            return f"`{node.id}` is a local name here: add `global {node.id}`"
        return "nothing gives it a value"

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
        line = self._engine.classes.mro(kind, include_third_party=False)[0]
        has = any(
            name in one.instance_attributes or (one.name != "object" and name in one.scope.names)
            for one, _ in line
        )
        return f"{own[0].arg}.{name}" if has else ""

    def _is_open_star(self, star: str) -> bool:
        module = self._engine.modules.module(star)
        return module is None or module.open
