"""Explain why a line has a finding, or none: the rule, what was inferred and from where, and the names compared."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.finding import Finding
from gate.names.analysis import Analysis
from gate.names.infer.values import (
    NEVER,
    ClassValue,
    Coroutine,
    FunctionValue,
    Instance,
    ModuleValue,
    NoneValue,
    Value,
    Values,
)
from gate.names.report.candidates import Candidate, Place
from gate.names.rules import RULES, load
from gate.names.rules.context import Context
from gate.names.spelling.similarity import candidates, suggestions
from gate.names.store.project import File
from gate.names.syntax.nodes import Function, children
from gate.names.syntax.source import Scope, Source

MOST_SHOWN = 5
UNLESS = {
    "attribute": "no class or assignment of the project defines an attribute `{}`",
    "project": "nothing in the project defines `{}`",
    "model": "neither the project nor Django defines `{}`",
    "anywhere": "neither the project nor any package that it imports defines `{}`",
    "synchronous": "every function `{}` of the project is async",
}


def trace(analysis: Analysis, path: str, line: int) -> Iterator[str]:
    """Yield lines of text about each finding on a line of a file, and about each candidate not reported there."""
    findings = [
        item for item in analysis.findings() if item.path == path and item.line <= line <= item.end_line
    ]
    file = analysis.project.files.get(path)
    if file is None or file.is_notebook:
        for finding in findings:
            yield from _head(finding)
    else:
        yield from _in_python(analysis, file, line, findings)
    if not findings:
        yield f"{path}:{line}: no finding"


def _in_python(analysis: Analysis, file: File, line: int, findings: list[Finding]) -> Iterator[str]:
    diagnostics = analysis.project.diagnose(file, analysis.engine)
    context = analysis.context(file, diagnostics)
    view = _View(analysis, context, analysis.project.source(file))
    reported = {(item.rule, item.line, item.message) for item in findings}
    explained: set[int] = set()
    for rule in RULES:
        # Columns in the syntax tree count bytes, as these findings still do.
        for finding in load(rule).check(context):
            if not finding.line <= line <= finding.end_line:
                continue
            placed = next((item for item in findings if item.message == finding.message), finding)
            yield from _head(placed)
            if (finding.rule, finding.line, finding.message) not in reported:
                yield _row("not shown", "a comment on the line suppresses it")
            candidate = next((item for item in diagnostics.candidates if _is_of(item, finding)), None)
            if candidate is not None:
                explained.add(id(candidate))
            yield from view.explain((finding.line, finding.column), candidate)
    for candidate in diagnostics.candidates:
        if candidate.line <= line <= candidate.end_line and id(candidate) not in explained:
            yield f"{file.name}:{candidate.line}: not reported: {candidate.rule}: {candidate.message}"
            yield _row("reason", _why_dropped(context, candidate))


def _is_of(candidate: Candidate, finding: Finding) -> bool:
    return (candidate.line, candidate.column, candidate.message) == (
        finding.line,
        finding.column,
        finding.message,
    )


def _why_dropped(context: Context, candidate: Candidate) -> str:
    if context.is_defined_elsewhere(candidate):
        return f"`{candidate.word}` is defined, so it may be right here as well"
    return "another rule reports this place, or an installed package defines the name"


def _head(finding: Finding) -> Iterator[str]:
    hint = f" ({finding.hint})" if finding.hint else ""
    yield f"{finding.path}:{finding.line}:{finding.column}: {finding.rule}: {finding.message}{hint}"
    yield _row("rule", load(finding.rule).SUMMARY)
    edits = ", ".join(f"`{edit.old}` → `{edit.new}` on line {edit.line}" for edit in finding.fix)
    yield _row("fix", edits or "none is certain")


def _row(title: str, text: str) -> str:
    return f"  {title + ':':<11}{text}"


class _View:
    """What is known about positions in one file."""

    def __init__(self, analysis: Analysis, context: Context, source: Source) -> None:
        self._engine = analysis.engine
        self._context = context
        self._source = source
        self._lines = analysis.project.files[context.path].text.split("\n")
        self._nodes: dict[Place, list[tuple[ast.AST, Scope]]] = {}
        for node, scope in _with_scopes(source.tree, source.scope, source):
            if (position := _place_of(node)) is not None:
                self._nodes.setdefault(position, []).append((node, scope))

    def explain(self, position: Place, candidate: Candidate | None) -> Iterator[str]:
        """Yield what is known about the value at a position, and which names were compared."""
        word = candidate.word if candidate else ""
        for node, scope in self._nodes.get(position, ()):
            receiver = _receiver(node)
            if receiver is not None:
                yield from self._value(receiver, scope)
                word = word or getattr(node, "attr", "") or getattr(node, "arg", "")
                break
        if candidate is None and (hint := self._context.diagnostics.hints.get(position)) and hint.kind:
            yield _row("use", f"it is used like a `{hint.kind}` (evidence: {hint.strength})")
        if candidate is not None and candidate.unless_defined_in and word:
            yield _row("because", UNLESS[candidate.unless_defined_in].format(word))
        if word:
            yield from self._names(word, candidate)

    def _value(self, receiver: ast.expr, scope: Scope) -> Iterator[str]:
        shown = ast.unparse(receiver)
        yield _row("value", f"`{shown}` is {self._values(self._engine.infer(receiver, scope))}")
        root = receiver
        while isinstance(root, ast.Attribute | ast.Subscript | ast.Call):
            root = root.func if isinstance(root, ast.Call) else root.value
        bound = scope.lookup(root.id) if isinstance(root, ast.Name) else None
        for binding in bound[0][:MOST_SHOWN] if bound else ():
            line = getattr(binding.node, "lineno", 0)
            if 0 < line <= len(self._lines):
                yield _row("from", f"line {line}: {self._lines[line - 1].strip()}")

    def _values(self, values: Values) -> str:
        if values is None:
            return "of unknown type"
        if values == NEVER:
            return "`None` so far, or never reached"
        return " or ".join(map(self._described, values[:MOST_SHOWN]))

    def _described(self, value: Value) -> str:
        match value:
            case ModuleValue(name=name):
                return f"the module `{name}`"
            case Instance(of=kind):
                return f"an instance of `{kind.name}` ({_where(kind.scope.source, kind.node)})"
            case ClassValue(of=kind):
                return f"the class `{kind.name}` ({_where(kind.scope.source, kind.node)})"
            case FunctionValue(definitions=(first, *_), scope=scope):
                return f"the function `{first.name}` ({_where(scope.source, first)})"
            case NoneValue():
                return "`None`"
            case Coroutine(result=result):
                return f"a coroutine; awaited, it is {self._values(result)}"
        return f"a {type(value).__name__.lower()}"

    def _names(self, word: str, candidate: Candidate | None) -> Iterator[str]:
        vocabulary = self._context.vocabulary
        yield _row(
            "written",
            f"`{word}`: as an attribute or keyword, the project uses it {_times(vocabulary.used.get(word, 0))}",
        )
        if candidate is not None and candidate.names:
            close = suggestions(word, candidate.names)
            yield _row(
                "compared", f"{len(candidate.names)} names that could be used there; closest: {_list(close)}"
            )
            return
        close = [*candidates(word, vocabulary.usual), *candidates(word, vocabulary.elsewhere)]
        counted = [f"`{name}` (used {_times(vocabulary.used.get(name, 0))})" for name in dict.fromkeys(close)]
        yield _row(
            "compared",
            f"the vocabulary of the project and its packages; closest: {', '.join(counted[:MOST_SHOWN]) or 'none'}",
        )


def _list(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:MOST_SHOWN]) or "none"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times" if count else "nowhere"


def _where(source: Source, node: ast.AST) -> str:
    origin = {"project": "", "library": " of the standard library", "site": " of an installed package"}
    return f"module `{source.name}`{origin.get(source.origin, '')}, line {getattr(node, 'lineno', 0)}"


def _receiver(node: ast.AST) -> ast.expr | None:
    """Return the receiver of an attribute, or the callee of a call."""
    match node:
        case ast.Attribute(value=value):
            return value
        case ast.Call(func=function):
            return function
    return None


def _place_of(node: ast.AST) -> Place | None:
    """Return the position of a finding about `node`: of an attribute's own name, or else of the node's start."""
    if isinstance(node, ast.Attribute):
        return node.end_lineno or node.lineno, max((node.end_col_offset or 0) - len(node.attr) + 1, 1)
    if isinstance(node, ast.expr | ast.keyword):
        return node.lineno, node.col_offset + 1
    return None


def _with_scopes(node: ast.AST, scope: Scope, source: Source) -> Iterator[tuple[ast.AST, Scope]]:
    """Yield all nodes below `node` with the scope that resolves their names. A keyword also counts as its call."""
    for child in children(node):
        yield child, scope
        if isinstance(child, ast.keyword) and isinstance(node, ast.Call):
            yield ast.copy_location(ast.Call(node.func, [], []), child), scope
        inner = scope
        if isinstance(child, Function | ast.Lambda | ast.ClassDef):
            inner = source.inner(child, scope)
        yield from _with_scopes(child, inner, source)
