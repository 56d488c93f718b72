"""Find code that keeps tests from running, or mypy from checking. Based on syntax, not on text."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

from gate.weakenings.file_diff import TEST_FILE, lines_of

SKIPS = frozenset({
    "skip", "skipif", "xfail", "importorskip", "skipIf", "skipUnless", "expectedFailure", "skipTest", "SkipTest",
    "Skipped", "XFailed",
})  # fmt: skip
"""Names with which pytest and unittest skip a test, or expect it to fail."""
HIDDEN = frozenset({"collect_ignore", "collect_ignore_glob", "__test__"})
"""Names that pytest reads to exclude something from collection."""
HOOK = re.compile(
    r"pytest_(?:collect\w*|itemcollected|deselected|ignore_collect|generate_tests|make\w+|pyfunc_call|runtest\w*"
    r"|report\w*|fixture_\w+|assert\w+|session\w+|configure|unconfigure|cmdline_\w+|load_\w+|plugin\w*|terminal_\w+"
    r"|warning_\w+|internalerror|keyboard_interrupt|exception_interact|\w+_pdb|markeval_namespace|xdist\w*"
    r"|test\w+|unraisable\w*)"
)
"""Hooks of pytest and xdist, and the list of further plugins."""
HARMLESS_HOOKS = frozenset({"pytest_addoption", "pytest_addhooks"})
"""Hooks that don't affect tests; any other could run or report something else."""
TEST_LIBRARIES = re.compile(r"\b_?(?:pytest|unittest)\b")
CHECKING = frozenset({"TYPE_CHECKING", "MYPY"})
DECLARING = (
    ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef,
    ast.Pass,
)  # fmt: skip
"""Statements that may appear below `if TYPE_CHECKING:`, since they hide no code that runs."""
UNREADABLE = {
    "skip": re.compile(rf"\b(?:\.(?:{'|'.join(SKIPS)})|importorskip|skipIf|{'|'.join(HIDDEN)})\b"),
    "test-hook": HOOK,
    "no-type-check": re.compile(r"\bno_type_check|\b(?:TYPE_CHECKING|MYPY)\b(?!:)"),
}
"""In a file that can't be parsed here, perhaps because it needs a newer Python, a word is enough."""


WORDS = re.compile(
    rf"\b(?:{'|'.join(SKIPS | HIDDEN | CHECKING)}|no_type_check\w*|pytest_\w+|__getattr__)\b|\bimport[ (]*\*"
    r"|\\[xuUN0-7]"
)
"""A file without any of these words, and without an escape sequence that could spell one, has no suppression."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """A suppression: its kind, its text, the code it applies to, and its line."""

    kind: str
    text: str
    over: str
    line: int


@dataclass(frozen=True, slots=True)
class _Scope:
    """The enclosing functions and conditions of a node."""

    tests: bool
    conftest: bool
    stub: bool
    checking: frozenset[str]
    over: str = ""

    def within(self, what: str) -> _Scope:
        return replace(self, over=f"{self.over}.{what}")


def may_suppress(source: str) -> bool:
    """Return whether a file could contain a suppression. Most can't, and need not be parsed."""
    return WORDS.search(_as_named(source)) is not None


def suppressions(tree: ast.Module, source: str, path: str) -> Iterator[Suppression]:
    """Yield every suppression in a file."""
    aliases = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name in CHECKING
    }
    conftest = path.rpartition("/")[2] == "conftest.py"
    tests = bool(conftest or TEST_LIBRARIES.search(_as_named(source)) or TEST_FILE.search(path))
    scope = _Scope(tests, conftest, path.endswith(".pyi"), CHECKING | aliases)
    yield from _within(tree, scope)


def unreadable_suppressions(source: str) -> Iterator[Suppression]:
    """Yield possible suppressions in a file that this version of Python can't parse."""
    for number, line in enumerate(lines_of(_as_named(source)), 1):
        for kind, words in UNREADABLE.items():
            if words.search(line):
                yield Suppression(kind, line.strip(), "", number)


def _as_named(source: str) -> str:
    """Normalize identifiers as Python does: full-width letters equal ordinary ones."""
    return source if source.isascii() else unicodedata.normalize("NFKC", source)


def _within(node: ast.AST, scope: _Scope) -> Iterator[Suppression]:
    line = getattr(node, "lineno", 0)
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            scope = scope.within(name)
        case ast.If(test=test, body=body, orelse=[]) if _is_checking(test, scope) and _declares(body):
            for statement in body:
                yield from _within(statement, scope)
            return
        case ast.If(test=test) | ast.While(test=test) if scope.tests:
            # A skip under a different condition is a different skip.
            scope = scope.within(f"if {ast.unparse(test)}")
    for kind, text in (*_skips(node, scope), *_unchecked(node, scope)):
        yield Suppression(kind, text, scope.over, line)
    yield from _hooks(node, scope)
    if isinstance(node, ast.Call) and scope.tests and _is_skip(node.func):
        # The call was already reported as a whole.
        children: list[ast.AST] = [*node.args, *node.keywords]
    else:
        children = list(ast.iter_child_nodes(node))
    for child in children:
        yield from _within(child, scope)


def _is_skip(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in SKIPS


def _skips(node: ast.AST, scope: _Scope) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Assign() | ast.AugAssign() | ast.AnnAssign() | ast.Expr() if _names(node) & HIDDEN:
            yield "skip", ast.unparse(node)
        case ast.ImportFrom(module=str(module), names=names) if scope.tests or TEST_LIBRARIES.search(module):
            yield from (("skip", f"{module}.{alias.name}") for alias in names if alias.name in SKIPS | HIDDEN)
        case _ if not scope.tests:
            return
        case ast.Call(func=function) if _is_skip(function):
            yield "skip", ast.unparse(node)
        case ast.Call(func=ast.Name(id=name)) | ast.Raise(exc=ast.Name(id=name)) if name in SKIPS:
            yield "skip", ast.unparse(node)
        case ast.Attribute(attr=name) if name in SKIPS | HIDDEN:
            yield "skip", ast.unparse(node)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            marks = (mark for mark in node.decorator_list if isinstance(mark, ast.Name))
            yield from (("skip", mark.id) for mark in marks if mark.id in SKIPS)
        case ast.Call() | ast.Subscript(ctx=ast.Store()) if _words(node) & (SKIPS | HIDDEN):
            # `getattr(pytest, "skip")`, `item.add_marker("xfail")`, `globals()["collect_ignore"] = …`
            yield "skip", ast.unparse(node)


def _hooks(node: ast.AST, scope: _Scope) -> Iterator[Suppression]:
    # The whole body counts: a hook that does something else is a different hook.
    names: set[str] = set()
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("pytest_"):
            names = {name}
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.NamedExpr() | ast.Expr():
            names = {name for name in _names(node) if HOOK.fullmatch(name)}
        case ast.ImportFrom(names=aliases):
            brought = {alias.asname or alias.name for alias in aliases}
            names = {name for name in brought if HOOK.fullmatch(name) or (name == "*" and scope.conftest)}
        case ast.Call() | ast.Subscript(ctx=ast.Store()):
            names = {word for word in _words(node) if HOOK.fullmatch(word)}
    for name in sorted(names - HARMLESS_HOOKS):
        yield Suppression("test-hook", name, ast.unparse(node), getattr(node, "lineno", 0))


def _unchecked(node: ast.AST, scope: _Scope) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Name(id="no_type_check" | "no_type_check_decorator" as name, ctx=ast.Load()):
            yield "no-type-check", name
        case ast.Attribute(attr="no_type_check" | "no_type_check_decorator" as name):
            yield "no-type-check", name
        case ast.alias(name="no_type_check" | "no_type_check_decorator" as name, asname=str()):
            yield "no-type-check", name
        case ast.If(test=test, body=body, orelse=orelse) if _is_checking(test, scope):
            if orelse:
                yield "no-type-check", f"{ast.unparse(test)} … else"
            elif not _declares(body):
                yield "no-type-check", f"if {ast.unparse(test)}: {ast.unparse(body[-1])}"
        case (
            ast.UnaryOp()
            | ast.BoolOp()
            | ast.Compare()
            | ast.IfExp()
            | ast.While()
            | ast.Assert()
            | ast.Call()
        ):
            if any(_is_checking(child, scope) for child in ast.iter_child_nodes(node)):
                yield "no-type-check", ast.unparse(node)
        case ast.FunctionDef(name="__getattr__") if scope.stub:
            yield "any-name", "def __getattr__"


def _is_checking(node: ast.AST, scope: _Scope) -> bool:
    match node:
        case ast.Name(id=name, ctx=ast.Load()):
            return name in scope.checking
        case ast.Attribute(attr="TYPE_CHECKING"):
            return True
    return False


def _declares(body: list[ast.stmt]) -> bool:
    # mypy may see anything in a declaration of an unknown type; that is left to reviewers.
    return all(
        isinstance(child, DECLARING)
        or (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant))
        or (isinstance(child, ast.If) and _declares([*child.body, *child.orelse]))
        for child in body
    )


def _names(node: ast.AST) -> set[str]:
    return {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}


def _words(node: ast.Call | ast.Subscript) -> set[str]:
    """Return the string arguments of a call, or the string keys of a subscript."""
    arguments = (
        [*node.args, *(each.value for each in node.keywords)] if isinstance(node, ast.Call) else [node.slice]
    )
    return {
        child.value for child in arguments if isinstance(child, ast.Constant) and isinstance(child.value, str)
    }
