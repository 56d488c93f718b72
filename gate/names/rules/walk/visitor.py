"""Walk one file and pass each node to the checks for it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import cache

from gate.names.infer.engine import Engine
from gate.names.report.candidates import FileDiagnostics
from gate.names.rules import RULES, load
from gate.names.rules.inspection import Inspection
from gate.names.rules.rule import FileRule, Inspector, NodeRule
from gate.names.syntax.nodes import Function, children, last_name
from gate.names.syntax.source import Scope, Source
from gate.names.syntax.type_comments import ARGUMENT_TYPES, texts_of_types, type_in_text, types_in_comments


@cache
def node_rules() -> Mapping[type[ast.AST], list[NodeRule]]:
    """Return the rules that inspect single nodes, by the type of node."""
    rules: dict[type[ast.AST], list[NodeRule]] = {}
    for rule in map(load, RULES):
        if isinstance(rule, NodeRule):
            for kind in rule.NODES:
                rules.setdefault(kind, []).append(rule)
    return rules


@cache
def file_rules() -> list[FileRule]:
    """Return the rules that follow the walk over a file."""
    return [rule for rule in map(load, RULES) if isinstance(rule, FileRule)]


_OF_TYPES = frozenset({"typing", "typing_extensions", "collections", "mypy_extensions"})


class Visitor:
    """Walks one file with an engine that knows the others."""

    def __init__(self, engine: Engine, source: Source) -> None:
        """Create the rules' inspectors for `source`, a file of the project."""
        self._engine = engine
        self._source = source
        self._rules = node_rules()
        self._inspection = Inspection(engine, source)
        self.found = self._inspection.diagnostics
        self._inspectors: list[Inspector] = []
        self._inspectors_of: dict[type[ast.AST], list[Inspector]] = {}
        for rule in file_rules():
            inspector = rule.Inspector(self._inspection)
            self._inspectors.append(inspector)
            for kind in rule.NODES:
                self._inspectors_of.setdefault(kind, []).append(inspector)
        self._comments = types_in_comments(source.data)
        self._guards = source.guards
        self._unchecked = 0
        """The number of enclosing functions whose annotations are declared not to be types."""

    def judge(self) -> FileDiagnostics:
        """Walk the file, and return everything that is certain about it."""
        self._all(self._source.tree.body, self._source.scope)
        for inspector in self._inspectors:
            inspector.finish()
        return self.found

    def _all(self, nodes: Iterable[ast.AST], scope: Scope) -> None:
        for node in nodes:
            self._one(node, scope)

    def _one(self, node: ast.AST, scope: Scope) -> None:
        self._visit(node, scope)
        for inspector in self._inspectors_of.get(type(node), ()):
            inspector.inspect(node, scope)
        rules = self._rules.get(type(node))
        if rules and not self._inspection.postponed and not self._guards.of(node).expects_missing:
            for rule in rules:
                rule.inspect(node, scope, self._engine, self.found)

    def _visit(self, node: ast.AST, scope: Scope) -> None:
        self._inspection.usage.note(node)
        if self._comments and isinstance(node, ast.stmt):
            self._commented(node, scope)
        match node:
            case ast.Name() | ast.Constant():
                return
            case ast.Attribute():
                self._one(node.value, scope)
                return
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node, scope)
                return
            case ast.Lambda():
                self._all([value for value in (*node.args.defaults, *node.args.kw_defaults) if value], scope)
                self._one(node.body, self._source.inner(node, scope))
                return
            case ast.ClassDef():
                self._all(node.decorator_list, scope)
                outer = self._inside(node, scope)
                self._type_parameters(node, outer)
                self._all([*node.bases, *node.keywords], outer)
                self._all(node.body, self._source.inner(node, scope))
                return
        if isinstance(node, ast.AnnAssign):
            # Python never evaluates annotations of local variables.
            self._inspection.postponed += scope.kind == "function"
            self._annotation(node.annotation, scope)
            self._inspection.postponed -= scope.kind == "function"
            self._all([node.target, *([node.value] if node.value else [])], scope)
        else:
            self._all(children(node), scope)
        if isinstance(node, ast.Call | ast.Subscript) and self._inspection.is_evaluated(node):
            self._types_given(node, scope)

    def _commented(self, node: ast.stmt | ast.arg, scope: Scope) -> None:
        """Visit the types in a comment on a statement or a parameter, like annotations."""
        for annotation in self._comments.get((node.lineno, node.col_offset), ()):
            self._type(annotation, scope)

    def _annotation(self, node: ast.expr, scope: Scope) -> None:
        is_postponed = self._source.postpones_annotations
        self._inspection.postponed += is_postponed
        self._inspection.in_class += scope.kind == "class"
        self._one(node, scope)
        self._inspection.in_class -= scope.kind == "class"
        self._inspection.postponed -= is_postponed
        self._texts(node, scope)

    def _texts(self, node: ast.expr, scope: Scope, *, is_certain: bool = False) -> None:
        """Visit the types in an expression that are written as strings."""
        if self._unchecked:
            return
        for text, is_type in texts_of_types(node, is_certain=is_certain):
            annotation = type_in_text(text)
            if annotation is not None:
                self._type(annotation, scope, is_certain=is_type)

    def _type(self, node: ast.expr, scope: Scope, *, is_certain: bool = False) -> None:
        self._inspection.unrun += not is_certain
        self._inspection.texts += 1
        self._inspection.postponed += 1
        self._one(node, scope)
        self._inspection.texts -= 1
        self._inspection.unrun -= not is_certain
        self._inspection.postponed -= 1

    def _types_given(self, node: ast.Call | ast.Subscript, scope: Scope) -> None:
        """Visit the types that are passed to typing constructs: `cast("Item", x)`, `List["Item"]`."""
        name = self._name_in_typing(node.func if isinstance(node, ast.Call) else node.value, scope)
        if isinstance(node, ast.Subscript):
            if name and name not in {"Literal", "Annotated"}:
                self._texts(node.slice, scope, is_certain=True)
            return
        by_name = {word.arg: word.value for word in node.keywords}
        types: list[ast.expr | None] = []
        if name == "cast":
            types = [*node.args[:1], by_name.get("typ")]
        elif name == "TypeVar":
            types = [*node.args[1:], by_name.get("bound"), by_name.get("default")]
        elif name in ARGUMENT_TYPES:
            types = [*node.args[:1], by_name.get("type")]
        for item in filter(None, types):
            self._texts(item, scope, is_certain=True)

    def _name_in_typing(self, node: ast.expr, scope: Scope) -> str:
        """Return the name of a node's object in `typing` or a similar module, or "" if it comes from elsewhere."""
        first = node
        while isinstance(first, ast.Attribute):
            first = first.value
        bound = scope.lookup(first.id) if isinstance(first, ast.Name) else None
        if bound is None or len(bound[0]) != 1 or bound[0][0].module.partition(".")[0] not in _OF_TYPES:
            return ""
        if (
            bound[0][0].module == "collections"
            and "abc" not in ast.unparse(node)
            and bound[0][0].name != "abc"
        ):
            return ""
        return node.attr if isinstance(node, ast.Attribute) else bound[0][0].name

    def _type_parameters(self, node: ast.AST, scope: Scope) -> None:
        """Visit the bounds and defaults of type parameters, which Python evaluates only on demand."""
        for parameter in getattr(node, "type_params", ()):
            for bound in (getattr(parameter, "bound", None), getattr(parameter, "default_value", None)):
                if bound is not None:
                    self._inspection.postponed += 1
                    self._one(bound, scope)
                    self._inspection.postponed -= 1

    def _inside(self, node: ast.ClassDef | Function, scope: Scope) -> Scope:
        """Return the scope in which the definition's type parameters are visible, or `scope` if it has none."""
        return self._source.inner(node, scope) if getattr(node, "type_params", None) else scope

    def _function(self, node: Function, scope: Scope) -> None:
        self._all(node.decorator_list, scope)
        outer = self._inside(node, scope)
        self._type_parameters(node, outer)
        is_unchecked = any(last_name(decorator) == "no_type_check" for decorator in node.decorator_list)
        self._unchecked += is_unchecked
        arguments = node.args
        self._all([value for value in (*arguments.defaults, *arguments.kw_defaults) if value], scope)
        every = [
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            arguments.vararg,
            arguments.kwarg,
        ]
        for parameter in every:
            if parameter is not None and parameter.annotation is not None:
                self._annotation(parameter.annotation, outer)
        for parameter in every if self._comments else ():
            if parameter is not None:
                self._commented(parameter, outer)
        if node.returns is not None:
            self._annotation(node.returns, outer)
        self._all(node.body, self._source.inner(node, scope))
        self._unchecked -= is_unchecked
