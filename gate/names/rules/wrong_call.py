"""A call with too many or missing arguments, or of something that can't be called."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.finding import Finding
from gate.names.infer.engine import Engine
from gate.names.infer.values import FunctionValue, ModuleValue, Value
from gate.names.report.candidates import FileDiagnostics
from gate.names.resolve.modules import Module
from gate.names.rules.context import Context
from gate.names.rules.rule import Examples, code
from gate.names.syntax.nodes import LAMBDA
from gate.names.syntax.source import Scope

ID = "wrong-call"
SUMMARY = "A call with too many or missing arguments, or of something that can't be called."
WHY = "A TypeError when the call is made, often on a path that nobody has tried."
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


NODES = (ast.Subscript,)


def inspect(node: ast.AST, scope: Scope, engine: Engine, diagnostics: FileDiagnostics) -> None:
    """A function or a module that is subscripted."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
        return
    values = engine.infer(node.value, scope)
    if values and all(map(_has_no_items, values)):
        kind = "function" if isinstance(values[0], FunctionValue) else "module"
        shown = ast.unparse(node.value)
        hint = "did you mean `environ`?" if shown.endswith("getenv") else ""
        diagnostics.report(ID, node, f"`{shown}` is a {kind}: it has no items", hint=hint)


def _has_no_items(value: Value) -> bool:
    if isinstance(value, FunctionValue):
        # `type Pair[T] = …` is read as a lambda by a Python that does not know the statement.
        return not any(definition.name == LAMBDA for definition in value.definitions)
    return isinstance(value, ModuleValue)


def report_module(diagnostics: FileDiagnostics, node: ast.expr, shown: str, module: str) -> None:
    """A module that is called."""
    hint = f"did you mean `{shown}.{module.rpartition('.')[2]}`?"
    diagnostics.report(ID, node, f"`{shown}` is a module: it cannot be called", hint=hint)


def report_instance(
    diagnostics: FileDiagnostics, node: ast.expr, shown: str, kind: str, *, has_get: bool
) -> None:
    """An instance of a class without `__call__` that is called."""
    hint = f"did you mean `{shown}.get`?" if has_get else ""
    diagnostics.report(ID, node, f"`{shown}` is a `{kind}`: it cannot be called", hint=hint)


def report_super(diagnostics: FileDiagnostics, node: ast.Attribute) -> None:
    """`super.name`, without parentheses."""
    hint = f"did you mean `super().{node.attr}`?"
    diagnostics.report(ID, node, "`super` is looked into without being called", hint=hint)


def report_twice(diagnostics: FileDiagnostics, node: ast.keyword, shown: str, name: str) -> None:
    """An argument that is given by position and by name."""
    diagnostics.report(ID, node, f"`{shown}` gets `{name}` twice: by position and by name")


def report_many(diagnostics: FileDiagnostics, node: ast.Call, shown: str, most: int, given: int) -> None:
    """More positional arguments than the function takes."""
    hint = f"did you mean `{shown.removesuffix('s')}`?" if shown.endswith(".dumps") else ""
    count = f"at most {most} argument{'s' * (most > 1)}" if most else "no arguments"
    diagnostics.report(ID, node, f"`{shown}` takes {count} by position, and gets {given}", hint=hint)


def report_missing(
    diagnostics: FileDiagnostics,
    node: ast.Call,
    shown: str,
    name: str,
    module: Module | None,
    rule: str = ID,
) -> None:
    """A required argument that is not given; `module` is where the function is looked up."""
    top, _, function = shown.rpartition(".")
    # Only what the module has can be meant: `yaml` has no `loads`.
    alternatives = (f"{function}s", f"safe_{function}") if top and function in {"load", "dump"} else ()
    suggested = next(
        (f"{top}.{alternative}" for alternative in alternatives if module and alternative in module.names), ""
    )
    hint = f"did you mean `{suggested}`?" if suggested else ""
    diagnostics.report(rule, node, f"`{shown}` needs its argument `{name}`", hint=hint)


def check(context: Context) -> Iterator[Finding]:
    """Calls that inference found not to fit."""
    yield from context.decided(ID)
