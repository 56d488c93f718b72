"""A call with too many or missing arguments, or of something that can't be called."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.finding import Finding
from gate.names.infer.values import FunctionValue, Instance, ModuleValue, Value
from gate.names.report.candidates import FileDiagnostics
from gate.names.resolve.modules import Module
from gate.names.rules.calls import CheckedCall, Mismatch, serialization_of
from gate.names.rules.context import Context
from gate.names.rules.inspection import Inspection
from gate.names.rules.lookups import is_super_uncalled, names_of
from gate.names.rules.rule import Examples, code
from gate.names.syntax.nodes import LAMBDA
from gate.names.syntax.source import Scope

ID = "wrong-call"
SUMMARY = "A call with too many or missing arguments, or of something that can't be called."
WHY = "Raises a TypeError when the call is made, often on a code path that no test runs."
BAD: Examples = (
    code("def save(data, path): ...\n\n\nsave({})  # <-\n"),
    code(
        "class Shop:\n    def sell(self, thing): ...\n\n    def open(self):\n"
        "        self.sell('tea', 2)  # <-\n"
    ),
    code("import os\n\nhome = os.environ('HOME')  # <- did you mean `os.environ.get`?\n"),
)
GOOD: Examples = (
    code("def save(data, *rest, **options): ...\n\n\nsave({}, 1, 2, path='x')\n"),
    code("def save(data, path): ...\n\n\narguments = [1, 2]\nsave(*arguments)\n"),
)


NODES = (ast.Subscript, ast.Attribute, ast.Call)


class Inspector:
    """Checks what one file calls, and what it subscripts."""

    def __init__(self, inspection: Inspection) -> None:
        """`inspection` knows the callees, and whether their arguments fit."""
        self._inspection = inspection
        self._engine = inspection.engine

    def inspect(self, node: ast.AST, scope: Scope) -> None:
        """Report a call that doesn't fit, a subscript of a function or module, or an attribute of `super` itself."""
        inspection = self._inspection
        match node:
            case ast.Attribute(ctx=ast.Load()) if not inspection.guard(node).expects_missing:
                if is_super_uncalled(node, scope):
                    hint = f"did you mean `super().{node.attr}`?"
                    self._report(node, "`super` is used without parentheses", hint)
            case ast.Subscript(ctx=ast.Load()):
                if not inspection.postponed and not inspection.guard(node).expects_missing:
                    self._subscripted(node, scope)
            case ast.Call() if inspection.is_evaluated(node):
                self._called(node, inspection.calls.checked(node, scope), scope)

    def finish(self) -> None:
        """Do nothing: each node has been checked already."""

    def _report(self, node: ast.expr | ast.keyword, message: str, hint: str = "") -> None:
        self._inspection.diagnostics.report(ID, node, message, hint=hint)

    def _subscripted(self, node: ast.Subscript, scope: Scope) -> None:
        values = self._engine.infer(node.value, scope)
        if values and all(map(_has_no_items, values)):
            kind = "function" if isinstance(values[0], FunctionValue) else "module"
            shown = ast.unparse(node.value)
            hint = "did you mean `environ`?" if shown.endswith("getenv") else ""
            self._report(node, f"`{shown}` is a {kind}, which can't be subscripted", hint)

    def _called(self, node: ast.Call, call: CheckedCall, scope: Scope) -> None:
        match call.callee:
            case ModuleValue(name=module):
                hint = f"did you mean `{call.shown}.{module.rpartition('.')[2]}`?"
                self._report(node, f"`{call.shown}` is a module, which can't be called", hint)
            case Instance() as instance if self._is_not_callable(instance, node.func, scope):
                hint = (
                    f"did you mean `{call.shown}.get`?" if "get" in names_of(self._engine, instance) else ""
                )
                self._report(node, f"`{call.shown}` is a `{instance.of.name}`, which can't be called", hint)
        if call.mismatch is not None:
            self._compared(node, call, call.mismatch)

    def _compared(self, node: ast.Call, call: CheckedCall, mismatch: Mismatch) -> None:
        """Report the arguments of a call that doesn't fit."""
        reason, shown = mismatch.reason, mismatch.shown
        if reason.kind == "twice" and reason.node is not None:
            self._report(reason.node, f"Multiple values for argument `{reason.name}` of `{shown}`")
        elif reason.kind == "self":
            self._report(node, f"Method `{shown}` has no parameter for the instance", "add `self`")
        elif reason.kind == "many":
            hint = f"did you mean `{shown.removesuffix('s')}`?" if shown.endswith(".dumps") else ""
            most = f"at most {reason.most}" if reason.most else "none"
            message = f"Too many positional arguments for `{shown}`: expected {most}, got {mismatch.count}"
            self._report(node, message, hint)
        elif reason.kind == "missing" and serialization_of(call.callee) is None:
            report_missing(self._inspection.diagnostics, ID, node, mismatch, call.module)

    def _is_not_callable(self, value: Instance, node: ast.expr, scope: Scope) -> bool:
        """Return whether a value of a standard library class can't be called, regardless of annotations.

        A call contradicts such an annotation, so the code itself has to show the value's type.
        """
        if value.of.origin != "library" or self._is_callable(value):
            return False
        values = self._engine.without_annotations.infer(node, scope)
        return bool(values) and all(
            isinstance(value, Instance) and not self._is_callable(value) for value in values or ()
        )

    def _is_callable(self, value: Instance) -> bool:
        order, is_incomplete = self._engine.classes.mro(value.of)
        return (
            is_incomplete
            or any("__call__" in cls.scope.names for cls, _ in order)
            or self._engine.classes.is_protocol(value.of)
        )


def _has_no_items(value: Value) -> bool:
    if isinstance(value, FunctionValue):
        # An older Python parses `type Pair[T] = …` as a lambda.
        return not any(definition.name == LAMBDA for definition in value.definitions)
    return isinstance(value, ModuleValue)


def report_missing(
    diagnostics: FileDiagnostics, rule: str, node: ast.Call, mismatch: Mismatch, module: Module | None
) -> None:
    """Report that a required argument is missing. `module` is the module that the function is looked up in."""
    shown, name = mismatch.shown, mismatch.reason.name
    top, _, function = shown.rpartition(".")
    # Suggest only names that the module has: `yaml` has no `loads`.
    alternatives = (f"{function}s", f"safe_{function}") if top and function in {"load", "dump"} else ()
    suggested = next(
        (f"{top}.{alternative}" for alternative in alternatives if module and alternative in module.names), ""
    )
    hint = f"did you mean `{suggested}`?" if suggested else ""
    diagnostics.report(rule, node, f"Missing argument `{name}` for `{shown}`", hint=hint)


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for calls that don't fit."""
    yield from context.decided(ID)
