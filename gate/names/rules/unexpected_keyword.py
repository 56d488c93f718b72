"""A keyword argument that the call doesn't accept, or a typo of one."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from gate.finding import Finding
from gate.names.infer.django_models import is_model, queried_model, typo_in_path
from gate.names.infer.values import Class, ClassValue
from gate.names.report.candidates import UnlessDefinedIn
from gate.names.report.finding import finding_at
from gate.names.rules.calls import CheckedCall
from gate.names.rules.context import Context
from gate.names.rules.inspection import Inspection
from gate.names.rules.rule import Examples, code
from gate.names.spelling.similarity import candidates, is_common_typo
from gate.names.spelling.vocabulary import ProjectVocabulary
from gate.names.syntax.facts import Use
from gate.names.syntax.guards import Guard
from gate.names.syntax.nodes import name_of
from gate.names.syntax.source import Scope

ID = "unexpected-keyword"
SUMMARY = "A keyword argument that the call doesn't accept, or a typo of one."
WHY = "Raises a TypeError when the call is made. If the function accepts `**options`, the option is silently ignored."
BAD: Examples = (
    code(
        "def save(data, indent=2): ...\n\n\ndef main(data):\n    save(data, indent=4)\n"
        "    save(data, indent=8)\n    save(data, indnet=4)  # <- did you mean `indent`?\n"
    ),
)
GOOD: Examples = (code("def show(**options): ...\n\n\nshow(widget_frobnication=1)\n"),)

NODES = (ast.Call,)
_TAKE_FIELDS = frozenset({"filter", "exclude", "get", "create", "get_or_create", "update_or_create", "update",
                          "aget", "acreate", "aupdate", "aget_or_create", "aupdate_or_create"})  # fmt: skip
_TAKE_PATHS = frozenset({"order_by", "values", "values_list", "only", "defer", "select_related", "prefetch_related",
                         "distinct", "dates", "datetimes", "earliest", "latest"})  # fmt: skip
_NAMED_BY_CALLER = frozenset({"subTest", "SimpleNamespace", "Namespace", "configure_mock", "Mock", "MagicMock",
                              "AsyncMock", "bind"})  # fmt: skip
"""Functions whose keyword arguments are names that the caller chooses."""
MOST_USED = 2
"""A keyword that the project uses more often is not a typo."""


class Inspector:
    """Checks the keywords of each call in one file, and the fields in queries of Django models."""

    def __init__(self, inspection: Inspection) -> None:
        """`inspection` knows the callees, and whether their arguments fit."""
        self._inspection = inspection
        self._engine = inspection.engine

    def inspect(self, node: ast.AST, scope: Scope) -> None:
        """Report a keyword that the function doesn't accept, or a queried field that the model doesn't have."""
        if not isinstance(node, ast.Call):
            return
        if self._inspection.is_evaluated(node):
            self._compare(self._inspection.calls.checked(node, scope))
        guard = self._inspection.guard(node)
        if not (self._inspection.postponed or guard.expects_missing or guard & Guard.ERROR):
            self._compare_query(node, scope)

    def finish(self) -> None:
        """Do nothing: each call has been checked already."""

    def _compare(self, call: CheckedCall) -> None:
        for typo in call.typos:
            self._report(typo.node, typo.shown, typo.accepted, typo.unless_defined_in)
        if call.mismatch is not None and call.mismatch.reason.kind == "keyword":
            keyword = call.mismatch.reason.node
            if keyword is not None:
                self._report(keyword, call.mismatch.shown, call.mismatch.accepted)

    def _report(
        self, node: ast.keyword, shown: str, accepted: Collection[str], unless: UnlessDefinedIn = ""
    ) -> None:
        word = node.arg or ""
        message = f"Unexpected keyword argument `{word}` for `{shown}`"
        self._inspection.diagnostics.report(ID, node, message, word, accepted, unless_defined_in=unless)

    def _compare_query(self, node: ast.Call, scope: Scope) -> None:
        """Check a query of a Django model, or a call of the model itself."""
        texts: list[ast.expr] = []
        if isinstance(node.func, ast.Attribute) and node.func.attr in _TAKE_FIELDS | _TAKE_PATHS:
            model = queried_model(self._engine, node.func, scope)
            texts = node.args if node.func.attr in _TAKE_PATHS else []
        elif node.keywords and isinstance(node.func, ast.Name):
            values = self._engine.infer(node.func, scope)
            called = (
                values[0].of if values and isinstance(values[0], ClassValue) and len(values) == 1 else None
            )
            model = called if called is not None and is_model(self._engine, called) else None
        else:
            return
        if model is None:
            return
        for text in texts:
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                self._compare_path(model, text, text.value.lstrip("-"))
        for word in [*node.keywords, *_conditions(node)]:
            if word.arg is not None and word.arg != "defaults":
                self._compare_path(model, word, word.arg)

    def _compare_path(self, model: Class, node: ast.expr | ast.keyword, path: str) -> None:
        typo = typo_in_path(self._engine, model, path)
        if typo is not None:
            part, names = typo
            message = f"`{model.name}` has no field `{part}`"
            self._inspection.diagnostics.report(ID, node, message, part, names)


def _conditions(node: ast.Call) -> Iterator[ast.keyword]:
    """Yield the keywords of each `Q(…)` among the arguments of a query."""
    for argument in node.args:
        for inner in ast.walk(argument):
            if isinstance(inner, ast.Call) and name_of(inner) == "Q":
                yield from inner.keywords


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for keywords that the function doesn't accept, or that are typos if the function is unknown."""
    yield from context.decided(ID)
    vocabulary = context.vocabulary
    for use in context.open_keywords:
        if use.receiver in _NAMED_BY_CALLER:
            continue
        if suggested := vocabulary.right_words(use, keyword=True):
            fix = vocabulary.fix(use.name, suggested[0])
            yield finding_at(
                context.path, use, ID, f"Unexpected keyword argument `{use.name}`", suggested, fix
            )
        elif suggested := _of_package(use, vocabulary):
            callee = use.receiver or use.root.partition(".")[0]
            message = f"Unexpected keyword argument `{use.name}` for `{callee}`"
            yield finding_at(context.path, use, ID, message, vocabulary.ordered(use.name, suggested))


def _of_package(use: Use, vocabulary: ProjectVocabulary) -> list[str]:
    """Return suggestions for a keyword that the function's package never mentions: words of which it is a common
    typo.
    """
    name, top = use.name, use.root.partition(".")[0]
    packages = vocabulary.packages
    if not top or name in vocabulary.own or vocabulary.used.get(name, 0) > MOST_USED:
        return []
    if vocabulary.modules.origin(top) != "site" or not packages.knows(top) or packages.reaches(top, name):
        return []
    words = packages.words_of(top)
    return [
        word for word in candidates(name, words.mentions | words.defined, 2) if is_common_typo(name, word)
    ]
