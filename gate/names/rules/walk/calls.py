"""Calls: what cannot be called, and arguments that do not fit."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from gate.names.hints.load_dump import FAMILY, READS_OR_WRITES, LoadAndDump
from gate.names.hints.text_arguments import TextKinds
from gate.names.infer.calls import Misfit, class_of, misfit, misspelt_keywords, signature_of, spread_out
from gate.names.infer.engine import Engine
from gate.names.infer.values import (
    Class,
    ClassValue,
    FunctionValue,
    Instance,
    ModuleValue,
    Partial,
    Value,
    Values,
)
from gate.names.report.candidates import FileDiagnostics, UnlessDefinedIn
from gate.names.resolve.modules import Module
from gate.names.rules import unexpected_keyword, wrong_argument, wrong_call, wrong_json_argument
from gate.names.rules.walk.attributes import is_super_uncalled, names_of
from gate.names.syntax.nodes import Function, is_stub, last_name
from gate.names.syntax.source import Scope

_SPECIFIC_FIRST = ("keyword", "twice", "many", "missing")
"""The kinds of reasons for which a call does not fit, the most specific one first."""
_NO_ARGUMENTS = ast.Call(func=ast.Name(id=""), args=[], keywords=[])


class CallChecks:
    """Looks at each call in one file."""

    def __init__(self, engine: Engine, found: FileDiagnostics) -> None:
        """What is wrong goes to `found`."""
        self._engine = engine
        self._text = TextKinds(engine)
        self._found = found
        self._owners: dict[ast.expr, str] = {}
        """The modules in which functions that are called are looked up."""
        self._passed_on: dict[ast.Call, tuple[str, str]] = {}
        """Calls of a `load` or `dump` that another file has imported: its module and its name."""

    def finish(self, tree: ast.Module) -> None:
        """Check the arguments of each `load` and `dump` that another file has imported."""
        if self._passed_on:
            self._found.json_calls = list(LoadAndDump(tree).wrong_calls(self._passed_on))

    def call(self, node: ast.Call, scope: Scope) -> None:
        """A call of anything."""
        if is_super_uncalled(node.func, scope):
            return
        callees = self._engine.infer(node.func, scope)
        if isinstance(node.func, ast.Attribute):
            owners = self._engine.infer(node.func.value, scope) or ()
            if len(owners) == 1 and isinstance(owners[0], ModuleValue):
                self._owners[node.func] = owners[0].name
        passed_on = self._passed_on_as(node, callees, scope)
        if passed_on is not None:
            self._passed_on[node] = passed_on
        if not callees or len(callees) != 1:
            return
        callee = callees[0]
        shown = ast.unparse(node.func)
        shown = shown if len(shown) < 60 else shown.rpartition(".")[2]
        if isinstance(callee, ModuleValue):
            wrong_call.report_module(self._found, node, shown, callee.name)
        if (
            isinstance(callee, Instance)
            and callee.of.origin == "library"
            and not self._is_callable(callee)
            and self._is_corroborated(node.func, scope)
        ):
            has_get = "get" in names_of(self._engine, callee)
            wrong_call.report_instance(self._found, node, shown, callee.of.name, has_get=has_get)
        wrong_text = self._text.wrong(node, callee, scope)
        if wrong_text is not None:
            rule = wrong_json_argument if _of_family(callee) else wrong_argument
            rule.report(self._found, node, wrong_text.message, wrong_text.hint)
            return
        if isinstance(callee, Partial):
            self._fits(node, callee.joined(node), callee.of, shown, scope)
        elif isinstance(callee, ClassValue) and is_partial(callee.of):
            for value in self._engine.infer(node, scope) or ():
                if isinstance(value, Partial):
                    target = ast.unparse(node.args[0])
                    self._fits(node, value.joined(_NO_ARGUMENTS), value.of, target, scope, is_complete=False)
        else:
            self._fits(node, node, callee, shown, scope)

    def _fits(
        self,
        node: ast.Call,
        call: ast.Call,
        callee: Value,
        shown: str,
        scope: Scope,
        *,
        is_complete: bool = True,
    ) -> None:
        """Compare `call`, which is what `node` comes to, with the parameters of what it calls.

        Unless it `is_complete`, more arguments follow later.
        """
        signature = signature_of(self._engine, callee, call, scope)
        if signature is None:
            return
        for wrong in misspelt_keywords(signature, call):
            unless_defined_in: UnlessDefinedIn = (
                "" if signature.scope.source.origin == "library" else "anywhere"
            )
            if wrong.node is not None:
                unexpected_keyword.report(
                    self._found, wrong.node, shown, wrong.taken, unless_defined_in=unless_defined_in
                )
        misfits = [
            reason
            for definition in signature.definitions
            if (reason := misfit(self._engine, signature, definition, call, scope)) is not None
        ]
        for one in signature.definitions:
            self._settle(call, one, takes_all=signature.scope.source.origin == "library")
        is_template = self._is_template(signature) and not self._is_exact(callee, node.func, scope)
        # Where the arguments fit but for the kind of one, as in another overload, that is no matter of names.
        fits = len(misfits) < len(signature.definitions) or any(reason.kind == "value" for reason in misfits)
        if not fits and not is_template and (is_complete or any(one.kind != "missing" for one in misfits)):
            self._misfit(call, shown, callee, misfits, node)

    def _passed_on_as(self, node: ast.Call, callees: Values, scope: Scope) -> tuple[str, str] | None:
        """The module and the name of the `load` or `dump` that is called, if another file has imported it.

        What this file imports itself, `LoadAndDump` knows by itself.
        """
        function = node.func
        if last_name(function) not in READS_OR_WRITES:
            return None
        root = function.value if isinstance(function, ast.Attribute) else function
        bound = scope.lookup(root.id) if isinstance(root, ast.Name) else None
        if bound and any(one.how == "module" or one.module in FAMILY for one in bound[0]):
            return None
        if not isinstance(function, ast.Attribute):
            return _of_family(callees[0]) if callees and len(callees) == 1 else None
        owners = self._engine.infer(root, scope) or ()
        modules = [one.name for one in owners if isinstance(one, ModuleValue)]
        family = [name for name in modules if name in FAMILY]
        if not family or len(modules) < len(owners):
            return None
        return next((name for name in family if name == last_name(root)), family[-1]), function.attr

    def _is_corroborated(self, node: ast.expr, scope: Scope) -> bool:
        """Whether the code itself shows that something cannot be called: that it is called speaks against what it is
        annotated with.
        """
        values = self._engine.without_annotations.infer(node, scope)
        return bool(values) and all(
            isinstance(value, Instance) and not self._is_callable(value) for value in values or ()
        )

    def _is_callable(self, callee: Instance) -> bool:
        line, is_open = self._engine.classes.mro(callee.of)
        return (
            is_open
            or any("__call__" in one.scope.names for one, _ in line)
            or self._engine.classes.is_protocol(callee.of)
        )

    def _module_of(self, function: ast.expr) -> Module | None:
        """The module in which a function is looked up."""
        return self._engine.modules.module(self._owners.get(function, ""))

    def _is_template(self, signature: FunctionValue) -> bool:
        """Whether a method is only there to be overridden, maybe with other parameters."""
        if not any(map(is_stub, signature.definitions)):
            return False
        name, kind = signature.definitions[0].name, class_of(signature.bound)
        if name == "__init__" and kind is not None and self._engine.construction.is_generated(kind):
            # The classes that derive from it get constructors of their own without writing them.
            return kind.name in self._engine.project.bases
        return self._engine.classes.is_overridden(name, signature)

    def _is_exact(self, callee: Value, function: ast.expr, scope: Scope) -> bool:
        """Whether a class is called by its own name, so that it is none of those that derive from it."""
        if not isinstance(callee, ClassValue):
            return False
        if isinstance(function, ast.Name):
            bound = scope.lookup(function.id)
            return bound is not None and all(binding.how in {"class", "member"} for binding in bound[0])
        return function in self._owners

    def _settle(self, node: ast.Call, definition: Function, *, takes_all: bool) -> None:
        arguments = definition.args
        names = {one.arg for one in (*arguments.args, *arguments.kwonlyargs)}
        for word in node.keywords:
            if word.arg in names or (takes_all and arguments.kwarg):
                self._found.resolved.add((word.lineno, word.col_offset + 1))

    def _misfit(
        self, call: ast.Call, shown: str, callee: Value, misfits: Sequence[Misfit], node: ast.Call
    ) -> None:
        """Report the most specific of the reasons for which `call` fits no overload."""
        wrong = min(misfits, key=lambda reason: _SPECIFIC_FIRST.index(reason.kind))
        taken = {name for reason in misfits if reason.name == wrong.name for name in reason.taken}
        if wrong.kind == "keyword" and wrong.node is not None:
            unexpected_keyword.report(self._found, wrong.node, shown, taken)
        elif wrong.kind == "twice" and wrong.node is not None:
            wrong_call.report_twice(self._found, wrong.node, shown, wrong.name)
        elif wrong.kind == "many":
            wrong_call.report_many(self._found, node, shown, wrong.most, len(spread_out(call).args))
        elif wrong.kind == "missing" and _of_family(callee):
            wrong_json_argument.report_missing(
                self._found, node, shown, wrong.name, self._module_of(node.func)
            )
        elif wrong.kind == "missing":
            wrong_call.report_missing(self._found, node, shown, wrong.name, self._module_of(node.func))


def is_partial(kind: Class) -> bool:
    """Whether a class is `functools.partial`."""
    return kind.name == "partial" and kind.origin == "library"


def _of_family(callee: Value) -> tuple[str, str] | None:
    """The module and the name of a `load`, `loads`, `dump` or `dumps`; None for anything else."""
    if not isinstance(callee, FunctionValue):
        return None
    module = callee.scope.source.name.partition(".")[0].removeprefix("_")
    name = callee.definitions[0].name
    return (module, name) if module in FAMILY and name in READS_OR_WRITES else None
