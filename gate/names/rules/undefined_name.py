"""A name that is undefined: nothing in the file defines it, and it isn't a builtin."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.finding import Finding
from gate.names.infer.engine import Engine
from gate.names.infer.values import MISSING
from gate.names.report.candidates import Candidate, UnlessDefinedIn
from gate.names.report.finding import finding_at
from gate.names.rules.context import Context
from gate.names.rules.inspection import Inspection
from gate.names.rules.rule import Examples, code
from gate.names.spelling.similarity import (
    candidates,
    closest_match,
    is_common_typo,
    is_transposition_or_doubling,
    sole_fix,
    suggestions,
)
from gate.names.syntax.binding_order import Order
from gate.names.syntax.builtin_names import BUILTINS, OF_PYTHON_2, is_defined_by_tool, is_defined_here
from gate.names.syntax.guards import Guard
from gate.names.syntax.nodes import Function, parameters, walk
from gate.names.syntax.source import Scope

ID = "undefined-name"
SUMMARY = "A name that is undefined: nothing in the file defines it, and it isn't a builtin."
WHY = """\
Raises a NameError when the line runs. A typical mistake is `Json.loads(text)` for `json.loads(text)`. In a type comment
or a quoted annotation, gate reports a name only if it is a typo of a visible name and nothing in the project defines
it."""
BAD: Examples = (
    code("import json\n\n\ndef read(text):\n    return Json.loads(text)  # <- did you mean `json`?\n"),
    code("def count(items):\n    return lenn(items)  # <- did you mean `len`?\n"),
    code("from os.path import *\n\nprint(jion)  # <- did you mean `join`?\n"),
    code("def read(text):\n    return json.loads(text)  # <- add `import json`\n"),
    code("class Shop:\n    def best(self) -> 'Sohp':  # <- did you mean `Shop`?\n        return self\n"),
    code("class Shop: ...\n\n\nshops = []  # type: list[Sohp]  # <- did you mean `Shop`?\n"),
)
GOOD: Examples = (
    {
        "lazy.py": "globals().update({'jion': 1})\n",
        "example.py": "from lazy import *\n\nprint(jion)\n",
    },
    code("shops = []  # type: List[Shop]  # type: ignore\n\n\nclass Shop: ...\n"),
    code("def start():\n    global state\n    state = 1\n\n\ndef show():\n    print(state)\n"),
)


NODES = (ast.Name, ast.AugAssign)


class Inspector:
    """Checks each name that a file reads or deletes."""

    def __init__(self, inspection: Inspection) -> None:
        """`inspection` knows how names are evaluated."""
        self._inspection = inspection
        self._engine = inspection.engine
        self._source = inspection.source
        self._order = Order()
        self._builtins = BUILTINS | _builtins_of(inspection.engine)
        self._opens = any(self._is_open_star(star) for star in inspection.source.scope.stars)

    def inspect(self, node: ast.AST, scope: Scope) -> None:
        """Check a name, or the target of `name += …`, which is read before it is assigned."""
        inspection = self._inspection
        if isinstance(node, ast.AugAssign):
            target = node.target
            if (
                isinstance(target, ast.Name)
                and inspection.is_evaluated(node)
                and not inspection.guard(target) & ~Guard.ERROR
            ):
                self._added_to(target, scope)
        elif isinstance(node, ast.Name):
            guard = inspection.guard(node) & ~Guard.ERROR
            if isinstance(node.ctx, ast.Load) and not guard & Guard.NAME:
                self._read(node, scope, is_asked=bool(guard & Guard.VERSION))
                if not inspection.postponed and not inspection.in_class and not guard:
                    self._too_early(node, scope)
            elif isinstance(node.ctx, ast.Del) and not guard:
                self._deleted(node, scope)

    def finish(self) -> None:
        """Do nothing: each name has been checked already."""

    def _report(self, node: ast.Name, message: str, hint: str = "") -> None:
        self._inspection.diagnostics.report(ID, node, message, hint=hint)

    def _read(self, node: ast.Name, scope: Scope, *, is_asked: bool) -> None:
        """Check a name that is read. `is_asked` says whether the code around it checks the Python version."""
        name, is_run = node.id, not self._inspection.unrun
        if is_asked and name in OF_PYTHON_2:
            return
        bound = scope.lookup(name)
        if bound is not None:
            self._read_bound(node, scope, bound[1])
        if bound is not None or (name in self._builtins and is_defined_here(name, scope)):
            return
        if name in self._source.made_global or name in self._source.scope.elsewhere:
            return
        if (
            is_defined_by_tool(name, self._source)
            or f"builtins.{name}" in self._engine.project.stored_outside
        ):
            return
        # Code that runs during import sees only the star imports above it.
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
            has_star = around.kind == "function" and bool(around.stars)
            if name in around.elsewhere or name in around.nonlocals or has_star:
                # A star import in a function is an error of its own.
                return
            seen |= around.names.keys()
            around = around.parent
        may_be_bound = is_asked or self._source.binds_by_name
        if may_be_bound and not any(is_common_typo(name, word) for word in candidates(name, seen | BUILTINS)):
            # It may exist on another version, or be bound by code that can't be analyzed.
            return
        if self._inspection.texts and self._engine.names.member("typing", name) is not MISSING:
            # This is never evaluated, so it needs no import.
            return
        if not is_run and (
            all(name.casefold() == candidate.casefold() for candidate in candidates(name, seen | BUILTINS))
        ):
            # It may be meant for readers, or for another tool.
            return
        own = self._attribute_of_self(name, scope)
        if own:
            self._report(node, f"Undefined name `{name}`", f"did you mean `{own}`?")
            return
        elsewhere: UnlessDefinedIn = "" if is_run else "anywhere"
        self._inspection.diagnostics.report(
            ID, node, f"Undefined name `{name}`", name, seen | BUILTINS, unless_defined_in=elsewhere
        )

    def _read_bound(self, node: ast.Name, scope: Scope, owner: Scope) -> None:
        """Check a name that `owner` binds, or only seems to bind."""
        if self._is_hidden(node, scope):
            hint = "a comprehension in a class body doesn't see the names of the class"
            self._report(node, f"Undefined name `{node.id}`", hint)
        elif owner is not scope and self._is_only_declared(node.id, owner):
            self._report_early(node, self._later(node, owner))

    def _is_hidden(self, node: ast.Name, scope: Scope) -> bool:
        """Return whether a comprehension in a class reads a name that only the class binds."""
        if (
            scope.kind != "class"
            or not self._order.is_hidden(node, scope)
            or node.id in self._builtins
            or self._source.writes_globals
        ):
            return False
        stars = self._source.scope.stars
        return not stars and (scope.parent is None or scope.parent.lookup(node.id) is None)

    def _is_only_declared(self, name: str, scope: Scope) -> bool:
        """Return whether an enclosing function only annotates a name, and no nested function assigns it either."""
        return (
            scope.kind == "function"
            and all(isinstance(binding.node, ast.AnnAssign) for binding in scope.names[name])
            and not self._is_bound_inside(name, scope)
        )

    def _added_to(self, node: ast.Name, scope: Scope) -> None:
        """Check the target of `name += …`, which is read before it is assigned."""
        if scope.lookup(node.id) is not None:
            self._too_early(node, scope)

    def _deleted(self, node: ast.Name, scope: Scope) -> None:
        """Check a name after `del`. In a function, `del` makes the name local, so it can't delete an outer one."""
        is_local = scope.kind == "function" and node.id not in scope.nonlocals
        if is_local and node.id not in scope.names and scope.lookup(node.id) is not None:
            self._report(node, f"`{node.id}` is deleted here but never assigned in this function")
        else:
            self._read(node, scope, is_asked=False)
            self._too_early(node, scope)

    def _too_early(self, node: ast.Name, scope: Scope) -> None:
        """Report a name that the scope binds, but certainly not before this use."""
        if self._source.is_stub or self._source.scope.stars:
            return
        around = scope
        owner: Scope | None = None
        # A class body runs where it is defined, so it sees only what is bound by then.
        while around.kind == "class" and around.parent is not None:
            if node.id in around.nonlocals or node.id in around.type_parameters:
                return
            if node.id in around.names:
                if not self._order.is_bound_later(node, around):
                    return
                owner = around
            around = around.parent
        if self._is_own(node.id, around):
            self._compare_order(node, around)
        elif owner is not None and not self._may_be_around(node.id, around):
            self._report_early(node, self._later(node, owner))

    def _may_be_around(self, name: str, scope: Scope) -> bool:
        """Return whether a name that a class binds too late may come from a scope around the class."""
        module = self._source
        is_global = name in module.made_global or name in module.scope.elsewhere or module.writes_globals
        return scope.lookup(name) is not None or name in self._builtins or is_global

    def _is_own(self, name: str, scope: Scope) -> bool:
        """Return whether only the scope's own code binds the name, in a known order."""
        if name not in scope.names or name in scope.elsewhere:
            return False
        if scope.kind == "module":
            return not (
                name in self._builtins or name in self._source.made_global or self._source.writes_globals
            )
        return name not in scope.nonlocals

    def _compare_order(self, node: ast.Name, scope: Scope) -> None:
        name = node.id
        around = scope.parent
        while around is not None and around.kind == "class":
            around = around.parent
        is_seen_around = around is not None and around.lookup(name) is not None
        if self._order.is_outside(node, scope):
            if not is_seen_around and name not in self._builtins:
                self._report(node, f"Undefined name `{name}`", self._elsewhere(node, scope))
        elif self._order.is_bound_later(node, scope):
            if not self._is_bound_inside(name, scope):
                self._report_early(node, self._later(node, scope))
        elif (deletion := self._order.deletion(node, scope)) and not self._is_bound_inside(name, scope):
            message = f"`{name}` is used after it was deleted"
            self._report(node, message, f"it is deleted on line {deletion.lineno}")

    def _is_bound_inside(self, name: str, scope: Scope) -> bool:
        """Return whether a nested function binds the name in this scope."""
        return scope.kind == "function" and any(
            isinstance(inner, ast.Nonlocal) and name in inner.names for inner in walk(scope.node)
        )

    def _report_early(self, node: ast.Name, hint: str) -> None:
        self._report(node, f"`{node.id}` is used before it is defined", hint)

    def _later(self, node: ast.Name, scope: Scope) -> str:
        """Return a hint about where the name gets its first value, or why it never does."""
        lines = [
            getattr(binding.node, "lineno", 0)
            for binding in scope.names[node.id]
            if binding.how != "added"
            and not isinstance(binding.node, ast.AnnAssign)
            and binding.inside is None
        ]
        if lines:
            return f"it is defined on line {min(lines)}"
        if scope.kind == "function" and self._source.scope.names.get(node.id):
            return f"`{node.id}` is a local variable here: add `global {node.id}`"
        return "it is never assigned a value"

    def _elsewhere(self, node: ast.Name, scope: Scope) -> str:
        """Return a hint about where the name is bound instead."""
        inside = scope.names[node.id][0].inside
        what = "the `except` clause" if isinstance(inside, ast.ExceptHandler) else "a comprehension"
        return f"it is only defined in {what} on line {getattr(inside, 'lineno', 0)}"

    def _attribute_of_self(self, name: str, scope: Scope) -> str:
        """Return `self.NAME` if the enclosing class has this attribute, else ""."""
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
            name in cls.instance_attributes or (cls.name != "object" and name in cls.scope.names)
            for cls, _ in line
        )
        return f"{own[0].arg}.{name}" if has else ""

    def _is_open_star(self, star: str) -> bool:
        module = self._engine.modules.module(star)
        return module is None or module.open


def _builtins_of(engine: Engine) -> frozenset[str]:
    """Return the builtins of the project's Python version, including those that this interpreter lacks."""
    source = engine.modules.source("builtins")
    if source is None:
        return frozenset()
    defined = {
        name
        for name, bindings in source.scope.names.items()
        if bindings[0].how in {"class", "function"} and not name.startswith("_")
    }
    return frozenset(defined - {"function", "ellipsis", "reveal_locals"})


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for names that are undefined, or not yet bound. A module may be meant that wasn't imported."""
    for candidate in context.candidates(ID):
        if candidate.word:
            yield _finding(context, candidate)
        else:
            yield context.plain(candidate, candidate.hint)


def _finding(context: Context, candidate: Candidate) -> Finding:
    word, modules = candidate.word, context.vocabulary.modules
    position = candidate.line, candidate.column
    use = context.lookups_in_undefined.get(position)
    module = modules.module(word)
    names = module.own if module is not None else frozenset[str]()
    suggested = suggestions(word, candidate.names)
    if use is not None and (use.name in names or position in context.unimported_typos):
        return context.plain(candidate, f"add `import {word}`")
    if not suggested and word in names:
        # A name shared with its module: `datetime.now()`, `getpass()`.
        return context.plain(candidate, f"add `from {word} import {word}`")
    if not suggested and use is None and modules.source(word) is not None:
        return context.plain(candidate, f"add `import {word}`")
    if not suggested and module is None:
        suggested = suggestions(word, modules.top_level)
    if not suggested and (close := closest_match(word, context.vocabulary.project)):
        suggested = [close]
    fix = None
    if suggested and suggested[0].casefold() == word.casefold():
        # It differs only in case from one name in this file.
        fix = word, suggested[0]
    elif suggested and is_transposition_or_doubling(word, suggested[0]):
        # Among all visible names, only a mechanical typo is certain.
        fix = sole_fix(word, suggested, candidate.names)
    return finding_at(context.path, candidate, ID, candidate.message, suggested, fix)
