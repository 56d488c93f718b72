"""Mark code that expects something to fail or to be missing, in one pass over a file for all rules.

`try` with its handlers, `suppress`, `pytest.raises`, and the like, tests for the version or the platform, tests that
are expected to fail: all code for the case that a name is missing is marked here, and nowhere else.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator
from enum import IntFlag

from gate.names.syntax.nodes import children, last_name, walk

VERSION_NAMES = frozenset({"implementation", "python_implementation", "platform", "version_info", "PYPY", "PY2", "PY3",
                           "TYPE_CHECKING", "find_spec", "hexversion", "__version__", "__version_info__"})  # fmt: skip
"""Names used only in code that depends on a version, a platform, or an installed package."""
VERSION_FLAG = re.compile(r"(?i)_?(?:is_)?(?:py|python)_?[23]k?\d*(?:_(?:plus|or_later|or_newer))?$|is_pypy$")
"""Names of flags for such tests that are imported from other modules."""
VERSION_CALLS = frozenset({"Version", "LooseVersion", "StrictVersion", "parse_version"})
LOOKUP_ERRORS = frozenset({"ImportError", "ModuleNotFoundError", "AttributeError", "NameError", "TypeError"})
IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError"})
EXPECTING_CALL = re.compile(r"(?i)rais|suppress|throws")
EXPECTS_AN_ERROR = re.compile(r"(?i)rais|throws")
"""Calls that fail if there's no error, so an error is certainly expected."""
ANY_ERROR = frozenset({"Exception", "BaseException"})
EXPECTED_FAILURES = frozenset({"xfail", "expectedFailure"})


class Guard(IntFlag):
    """The failures that a node is prepared for."""

    NONE = 0
    LOOKUP = 1
    """A lookup, call, or import may fail: the error is handled or expected."""
    NAME = 2
    """A name may be undefined."""
    IMPORT = 4
    """An import may fail, since any error is handled."""
    VERSION = 8
    """It runs only on some versions or platforms."""
    FALLBACK = 16
    """It replaces a failed import, so it is meant for another environment."""

    ERROR = 32
    """Some error is expected, of any type."""

    @property
    def expects_missing(self) -> bool:
        """Whether a lookup may fail here without being a mistake."""
        return bool(self & (Guard.LOOKUP | Guard.VERSION))

    @property
    def expects_import_error(self) -> bool:
        """Whether an import may fail here without being a mistake."""
        return bool(self & (Guard.LOOKUP | Guard.VERSION | Guard.FALLBACK | Guard.IMPORT))

    @property
    def is_uncertain(self) -> bool:
        """Whether words used here say little about what is defined elsewhere."""
        return bool(self & (Guard.LOOKUP | Guard.VERSION | Guard.FALLBACK))


class Guards:
    """The guards of each node in a file."""

    def __init__(self, tree: ast.Module) -> None:
        """Mark all guarded nodes. Most files have few."""
        self._marks: dict[ast.AST, Guard] = {}
        flags = frozenset(_version_flags(tree))
        modules = frozenset(_imported_modules(tree))
        for node in walk(tree):
            for guard, guarded in _guarded(node, flags, modules):
                if guard:
                    self._mark(guard, guarded)

    def of(self, node: ast.AST) -> Guard:
        """Return the failures that `node` is prepared for."""
        return self._marks.get(node, Guard.NONE)

    def _mark(self, guard: Guard, roots: Iterable[ast.AST]) -> None:
        for root in roots:
            for node in walk(root):
                self._marks[node] = self._marks.get(node, Guard.NONE) | guard


def _guarded(
    node: ast.AST, flags: frozenset[str], modules: frozenset[str]
) -> Iterator[tuple[Guard, Iterable[ast.AST]]]:
    """Yield the nodes that `node` guards directly, and how."""
    match node:
        case ast.Try() | ast.TryStar():
            yield from _in_try(node)
        case ast.With() | ast.AsyncWith():
            caught = {name for item in node.items for name in _expected_errors(item.context_expr)}
            yield _guard_against(caught) | _guard_of_errors(node), node.body
        case ast.Call(func=function) if EXPECTING_CALL.search(last_name(function)):
            caught = set(_expected_errors(node))
            # `pytest.raises(TypeError, function, …)`: the callee is among the arguments.
            yield _guard_against(caught), node.args
        case ast.If() | ast.IfExp() | ast.While() if asks_for_version(node.test, flags):
            yield Guard.VERSION, children(node)
        case ast.If() | ast.IfExp() if (branch := _without_member(node, modules)) is not None:
            yield Guard.VERSION, branch
        case ast.comprehension(ifs=tests) if any(asks_for_version(test, flags) for test in tests):
            yield Guard.VERSION, tests
        case ast.BoolOp(values=values) if any(asks_for_version(value, flags) for value in values):
            yield Guard.VERSION, values
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() if node.decorator_list:
            yield _decorated(node.decorator_list, flags), node.body


def _in_try(node: ast.Try | ast.TryStar) -> Iterator[tuple[Guard, Iterable[ast.AST]]]:
    caught = {name for handler in node.handlers for name in caught_by(handler)}
    guard = _guard_against(caught)
    if guard:
        yield guard, node.body
    elif caught & ANY_ERROR:
        yield (
            Guard.IMPORT,
            (statement for statement in node.body if isinstance(statement, ast.Import | ast.ImportFrom)),
        )
    for handler in node.handlers:
        if not IMPORT_ERRORS.isdisjoint(caught_by(handler)):
            yield Guard.FALLBACK, [handler]


def _guard_against(errors: Collection[str]) -> Guard:
    guard = Guard.NONE
    if not LOOKUP_ERRORS.isdisjoint(errors):
        guard |= Guard.LOOKUP
    if "NameError" in errors:
        guard |= Guard.NAME
    return guard


def _guard_of_errors(node: ast.With | ast.AsyncWith) -> Guard:
    """Return Guard.ERROR if a block fails without an error in it."""
    calls = (item.context_expr for item in node.items)
    is_expected = any(
        isinstance(call, ast.Call) and EXPECTS_AN_ERROR.search(last_name(call.func)) for call in calls
    )
    return Guard.ERROR if is_expected else Guard.NONE


def _expected_errors(node: ast.AST) -> Iterator[str]:
    """Yield the errors that a call such as `suppress(…)`, `pytest.raises(…)`, or `assertRaises(…)` expects."""
    if not isinstance(node, ast.Call):
        return
    expected = LOOKUP_ERRORS | (ANY_ERROR if EXPECTS_AN_ERROR.search(last_name(node.func)) else frozenset())
    for argument in (*node.args, *(word.value for word in node.keywords)):
        for error in argument.elts if isinstance(argument, ast.Tuple) else [argument]:
            name = last_name(error)
            if name in ANY_ERROR & expected:
                yield from LOOKUP_ERRORS
            elif name in expected:
                yield name


def _decorated(decorators: list[ast.expr], flags: frozenset[str]) -> Guard:
    """Return the guard of a test that is skipped on some versions, or is expected to fail."""
    guard = Guard.NONE
    for decorator in decorators:
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        if last_name(function) in EXPECTED_FAILURES:
            guard |= Guard.LOOKUP | Guard.NAME
        values = (
            [*decorator.args, *(word.value for word in decorator.keywords)]
            if isinstance(decorator, ast.Call)
            else []
        )
        if any(asks_for_version(value, flags) for value in values):
            guard |= Guard.VERSION
    return guard


def _without_member(node: ast.If | ast.IfExp, modules: frozenset[str]) -> Iterable[ast.AST] | None:
    """Return the branch for versions of a module without some member: the `else` of `if hasattr(os, "fork")`."""
    is_negated = isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
    test = node.test.operand if isinstance(node.test, ast.UnaryOp) and is_negated else node.test
    match test:
        case ast.Call(func=ast.Name(id="hasattr"), args=[ast.Name(id=name), ast.Constant()]) if (
            name in modules
        ):
            branch = node.body if is_negated else node.orelse
            return branch if isinstance(branch, list) else [branch]
    return None


def _imported_modules(tree: ast.Module) -> Iterator[str]:
    """Yield the names that the module gives to other modules at its top level."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)


def _version_flags(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module gives to version tests: `PY3K = sys.version_info > (3,)`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and asks_for_version(node.value, frozenset()):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def asks_for_version(test: ast.AST, flags: frozenset[str]) -> bool:
    """Return whether an expression depends on a version, on the platform, or on what is installed."""
    for node in walk(test):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in VERSION_NAMES:
                return True
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in flags or VERSION_FLAG.match(name):
                return True
            case ast.Attribute(value=ast.Name(id="os"), attr="name"):
                return True
            case ast.Attribute(attr="VERSION") if isinstance(test, ast.Compare):
                return True
            case ast.Call(func=function) if last_name(function) in VERSION_CALLS:
                return True
    return False


def caught_by(handler: ast.ExceptHandler) -> set[str]:
    """Return the last part of the name of each error that a handler catches."""
    if handler.type is None:
        return {"BaseException"}
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {last_name(kind) for kind in kinds}
