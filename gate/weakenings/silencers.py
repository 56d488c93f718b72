"""What in the code of a file keeps tests from running, or mypy from looking: read from the syntax, not the text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

SKIPS = frozenset({
    "skip", "skipif", "xfail", "importorskip", "skipIf", "skipUnless", "expectedFailure", "skipTest", "SkipTest",
    "Skipped", "XFailed",
})  # fmt: skip
"""What pytest and unittest have to leave out a test, or to expect that it fails."""
HIDDEN = frozenset({"collect_ignore", "collect_ignore_glob", "__test__"})
"""What pytest reads to pass something over."""
HARMLESS_HOOKS = frozenset({"pytest_addoption", "pytest_addhooks"})
"""Hooks that decide nothing about a test; every other one could run something else, or report it."""
TEST_LIBRARIES = re.compile(r"\b_?(?:pytest|unittest)\b")


@dataclass(frozen=True, slots=True)
class Silencer:
    """A place that silences: of which kind, as it is written, over which function or class, in which line."""

    kind: str
    text: str
    over: str
    line: int


def silencers(tree: ast.Module, source: str) -> Iterator[Silencer]:
    """Every such place in a file."""
    return _within(tree, "", bool(TEST_LIBRARIES.search(source)))


def _within(node: ast.AST, over: str, tests: bool) -> Iterator[Silencer]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        over = f"{over}.{node.name}"
    for kind, text in (*_skip(node, tests), *_unchecked(node)):
        yield Silencer(kind, text, over, getattr(node, "lineno", 0))
    yield from _hook(node)
    for child in ast.iter_child_nodes(node):
        yield from _within(child, over, tests)


def _skip(node: ast.AST, tests: bool) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()) if name in HIDDEN:
            yield "skip", name
        case ast.Attribute(attr=name) if tests and name in SKIPS | HIDDEN:
            yield "skip", ast.unparse(node)
        case ast.ImportFrom(module=str(module), names=names) if TEST_LIBRARIES.search(module):
            yield from (("skip", f"{module}.{alias.name}") for alias in names if alias.name in SKIPS)
        case ast.Call(args=args) if tests:
            # `getattr(pytest, "skip")`, `item.add_marker("xfail")`
            words = (arg.value for arg in args if isinstance(arg, ast.Constant))
            yield from (
                ("skip", ast.unparse(node)) for word in words if isinstance(word, str) and word in SKIPS
            )


def _hook(node: ast.AST) -> Iterator[Silencer]:
    # With all that it does: one that was there is another one when it does something else.
    match node:
        case ast.FunctionDef(name=name) if name.startswith("pytest_") and name not in HARMLESS_HOOKS:
            yield Silencer("test-hook", name, ast.unparse(node), node.lineno)
        case (
            ast.Assign(targets=[ast.Name(id="pytest_plugins")])
            | ast.AnnAssign(target=ast.Name(id="pytest_plugins"))
        ):
            yield Silencer("test-hook", "pytest_plugins", ast.unparse(node), node.lineno)


def _unchecked(node: ast.AST) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Name(id="no_type_check" | "no_type_check_decorator" as name, ctx=ast.Load()):
            yield "no-type-check", name
        case ast.Attribute(attr="no_type_check" | "no_type_check_decorator" as name):
            yield "no-type-check", name
        case ast.alias(name="no_type_check" | "no_type_check_decorator" as name, asname=str()):
            yield "no-type-check", name
        case ast.UnaryOp(op=ast.Not(), operand=operand) if _is_type_checking(operand):
            yield "no-type-check", ast.unparse(node)
        case ast.If(test=test, orelse=[_, *_]) if _is_type_checking(test):
            yield "no-type-check", f"{ast.unparse(test)} … else"


def _is_type_checking(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id in {"TYPE_CHECKING", "MYPY"}) or (
        isinstance(node, ast.Attribute) and node.attr == "TYPE_CHECKING"
    )
