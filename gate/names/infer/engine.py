"""Infer what expressions may be, through assignments, imports, calls, attributes, and annotations.

A value is unknown wherever it may be more than the code shows. Results are cached.
"""

from __future__ import annotations

import ast
from functools import cached_property
from typing import Any

from gate.names.infer.annotations import Annotations
from gate.names.infer.attributes import Attributes
from gate.names.infer.classes import Classes
from gate.names.infer.construction import Construction
from gate.names.infer.cycles import Answers
from gate.names.infer.names import Names
from gate.names.infer.project_facts import ProjectFacts
from gate.names.infer.protocols import Protocols
from gate.names.infer.results import Results
from gate.names.infer.values import (
    MISSING,
    NEVER,
    ClassValue,
    Coroutine,
    FunctionValue,
    Instance,
    Missing,
    ModuleValue,
    NoneValue,
    Tuple,
    Value,
    Values,
    Yielding,
    union,
)
from gate.names.resolve.modules import Modules
from gate.names.resolve.package_words import PackageWords
from gate.names.syntax.nodes import LAMBDA, dotted_name, function_with
from gate.names.syntax.source import Scope

_UNANSWERED: Any = object()
_LITERALS = {str: "str", bytes: "bytes", int: "int", float: "float", bool: "bool", complex: "complex"}
_COLLECTIONS = {ast.Dict: "dict", ast.DictComp: "dict", ast.List: "list", ast.ListComp: "list", ast.Set: "set",
                ast.SetComp: "set", ast.JoinedStr: "str"}  # fmt: skip


class Engine:
    """Infers each expression once. The parts of inference reach each other through it."""

    def __init__(
        self,
        modules: Modules,
        project: ProjectFacts | None = None,
        package_names: PackageWords | None = None,
        *,
        trusts_annotations: bool = True,
    ) -> None:
        """Use `modules` to find the source of imports. Annotations of the project can be ignored.

        A name in `package_names`, which installed packages define, never counts as wrong on one of their values.
        """
        self.modules = modules
        self.project = project or ProjectFacts()
        self.package_names = package_names or PackageWords()
        self.trusts_annotations = trusts_annotations
        self.answers = Answers()
        self.classes = Classes(self)
        self.attributes = Attributes(self)
        self.construction = Construction(self)
        self.annotations = Annotations(self)
        self.names = Names(self)
        self.results = Results(self)
        self.protocols = Protocols(self)

    @cached_property
    def without_annotations(self) -> Engine:
        """An engine that infers what the code does, whatever the project's annotations say."""
        return Engine(self.modules, self.project, self.package_names, trusts_annotations=False)

    # -- expressions

    def infer(self, node: ast.expr, scope: Scope) -> Values:
        """Return the possible values of `node` in `scope`."""
        answer: Values = self.answers.complete.get(node, _UNANSWERED)
        if answer is not _UNANSWERED:
            return answer
        return self.answers.of(node, lambda: self._infer(node, scope), NEVER)

    def _infer(self, node: ast.expr, scope: Scope) -> Values:
        if type(node) in _COLLECTIONS and not hasattr(node, "is_template"):
            collection = self.builtin(_COLLECTIONS[type(node)])
            if (
                isinstance(node, ast.ListComp | ast.SetComp)
                and collection
                and isinstance(collection[0], Instance)
            ):
                return (Instance(collection[0].of, (self.infer(node.elt, scope),)),)
            return collection
        match node:
            case ast.Constant(value=None):
                return ()
            case ast.Constant(value=value) if type(value) in _LITERALS:
                return self.builtin(_LITERALS[type(value)])
            case ast.Name():
                values = self.names.used(node, scope)
                if values and scope.is_tested(node.id):
                    # A test of a module asks whether it has some name; it remains that module.
                    return values if all(isinstance(value, ModuleValue) for value in values) else None
                return values
            case ast.Attribute():
                if scope.source.replaced and scope.source.replaced.covers(node.attr, node.lineno):
                    return None
                if scope.is_tested(dotted_name(node) or ast.unparse(node)):
                    return None
                return self._attribute(node, scope)
            case ast.Call():
                return self.results.of_call(node, scope)
            case ast.Await():
                return self.protocols.awaited(self.infer(node.value, scope))
            case ast.BinOp():
                return self.protocols.binary(node, scope)
            case ast.BoolOp():
                return union([self.infer(value, scope) for value in node.values])
            case ast.IfExp():
                return union([self.infer(node.body, scope), self.infer(node.orelse, scope)])
            case ast.NamedExpr():
                return self.infer(node.value, scope)
            case ast.Subscript():
                return self.protocols.item(node, scope)
            case ast.Lambda():
                return (FunctionValue((function_with(LAMBDA, node.args),), scope),)
            case ast.GeneratorExp():
                return (Yielding(self.infer(node.elt, scope), is_manager=False),)
            case ast.Tuple() if not any(isinstance(item, ast.Starred) for item in node.elts):
                return (Tuple(tuple(self.infer(item, scope) for item in node.elts), is_written_out=True),)
        return None

    def is_known_to_packages(self, name: str) -> bool:
        """Return whether a package may define `name`, so that the bases of its classes needn't be searched for it."""
        return (
            name in self.package_names.defined
            or name in self.package_names.mentions
            or (name.startswith("__") and name.endswith("__"))
        )

    def builtin(self, name: str) -> Values:
        """Return an instance of a builtin class."""
        members = self.names.member("builtins", name)
        if not members or isinstance(members, Missing):
            return None
        return tuple(Instance(value.of) for value in members if isinstance(value, ClassValue)) or None

    # -- attributes and calls

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Values:
        """Return the possible values of an attribute expression."""
        owners = self.infer(node.value, scope)
        if not owners:
            return owners
        attributes = [self.attribute_of(owner, node.attr) for owner in owners]
        # If only some values have the attribute, one of those is intended.
        return union([value for value in attributes if not isinstance(value, Missing)])

    def attribute_of(self, owner: Value, name: str) -> Values | Missing:
        """Return the values of an attribute of `owner`, or MISSING if it certainly has none."""
        match owner:
            case ModuleValue(name=module):
                return self.names.member(module, name)
            case Instance() | ClassValue():
                return self.attributes.of(owner, name)
            case Coroutine():
                return (
                    MISSING if name not in {"send", "throw", "close"} and not name.startswith("__") else None
                )
            case Tuple():
                return MISSING if name not in {"count", "index"} and not name.startswith("__") else None
            case NoneValue():
                return MISSING if not name.startswith("__") else None
        return None
