"""What an expression is: followed through assignments, imports, calls, attributes and annotations.

Reading is careful rather than clever: wherever something may be more than the text shows, it is anything.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import cached_property
from typing import Any

from gate.names.infer.annotations import Annotations
from gate.names.infer.calls import fitting, solved
from gate.names.infer.classes import MISSING, Classes, Missing
from gate.names.infer.cycles import Answers
from gate.names.infer.project_facts import ProjectFacts
from gate.names.infer.values import (
    NEVER,
    UNKNOWN,
    ClassValue,
    Coroutine,
    FunctionValue,
    Instance,
    ModuleValue,
    Tuple,
    Value,
    Values,
    Yielding,
    union,
)
from gate.names.resolve.modules import Modules
from gate.names.resolve.package_words import PackageWords
from gate.names.syntax.nodes import MANAGERS, Function, decorators, dotted_name, ends_before
from gate.names.syntax.reaching import reaching
from gate.names.syntax.scopes import Binding, Scope, own_nodes

DEEPEST = 50
UNANSWERED: Any = object()
# Decorators that leave a function what it is; `property` and its like are read where methods are.
HARMLESS = MANAGERS | {"abstractmethod", "override", "final", "overload", "staticmethod", "classmethod",
                       "type_check_only", "no_type_check", "deprecated"}  # fmt: skip
MAKES_CLASSES = frozenset({"namedtuple", "NamedTuple", "TypedDict", "NewType", "make_dataclass", "new_class"})
_LITERALS = {str: "str", bytes: "bytes", int: "int", float: "float", bool: "bool", complex: "complex"}
_COLLECTIONS = {ast.Dict: "dict", ast.DictComp: "dict", ast.List: "list", ast.ListComp: "list", ast.Set: "set",
                ast.SetComp: "set", ast.JoinedStr: "str"}  # fmt: skip


class Engine:
    """Answers what expressions are, and remembers it."""

    def __init__(
        self,
        modules: Modules,
        project: ProjectFacts | None = None,
        package_names: PackageWords | None = None,
        *,
        trusts_annotations: bool = True,
    ) -> None:
        """`modules` finds the text of everything that is imported; the project's annotations may be left out.

        A name among `package_names`, which installed packages define, is never wrong on a value of theirs.
        """
        self.modules = modules
        self.project = project or ProjectFacts()
        self.package_names = package_names or PackageWords()
        self.trusts_annotations = trusts_annotations
        self.classes = Classes(self)
        self.annotations = Annotations(self)
        self._answers = Answers()
        self._flows: dict[Scope, dict[ast.Name, Binding]] = {}

    @cached_property
    def without_annotations(self) -> Engine:
        """What the code does, whatever the project's annotations say that it does."""
        return Engine(self.modules, self.project, self.package_names, trusts_annotations=False)

    # -- expressions

    def infer(self, node: ast.expr, scope: Scope) -> Values:
        """What `node` may be when it is used in `scope`."""
        known: Values = self._answers.complete.get(node, UNANSWERED)
        if known is not UNANSWERED:
            return known
        if self._answers.depth > DEEPEST:
            return None
        return self._answers.of(node, lambda: self._infer(node, scope), NEVER)

    def _infer(self, node: ast.expr, scope: Scope) -> Values:
        if type(node) in _COLLECTIONS:
            found = self.builtin(_COLLECTIONS[type(node)])
            if isinstance(node, ast.ListComp | ast.SetComp) and found and isinstance(found[0], Instance):
                return (Instance(found[0].of, (self.infer(node.elt, scope),)),)
            return found
        match node:
            case ast.Constant(value=None):
                return ()
            case ast.Constant(value=value) if type(value) in _LITERALS:
                return self.builtin(_LITERALS[type(value)])
            case ast.Name():
                found = self._used(node, scope)
                if found and scope.asks_about(node.id):
                    # What is asked of a module is whether it has one name; it stays that module.
                    return found if all(isinstance(value, ModuleValue) for value in found) else None
                return found
            case ast.Attribute():
                if scope.asks_about(dotted_name(node) or ast.unparse(node)):
                    return None
                return self.attribute(node, scope)
            case ast.Call():
                return self.call(node, scope)
            case ast.Await():
                return self._awaited(self.infer(node.value, scope))
            case ast.BinOp():
                return self._binary(node, scope)
            case ast.BoolOp():
                return union([self.infer(value, scope) for value in node.values])
            case ast.IfExp():
                return union([self.infer(node.body, scope), self.infer(node.orelse, scope)])
            case ast.NamedExpr():
                return self.infer(node.value, scope)
            case ast.Subscript():
                return self._item(node, scope)
            case ast.GeneratorExp():
                return (Yielding(self.infer(node.elt, scope), is_manager=False),)
            case ast.Tuple() if not any(isinstance(item, ast.Starred) for item in node.elts):
                return (Tuple(tuple(self.infer(item, scope) for item in node.elts), is_written_out=True),)
        return None

    def is_heard(self, name: str) -> bool:
        """Whether there is no need to look for `name` in what installed packages derive from."""
        return (
            name in self.package_names.defined
            or name in self.package_names.said
            or (name.startswith("__") and name.endswith("__"))
        )

    def builtin(self, name: str) -> Values:
        """An instance of a builtin class."""
        found = self.member("builtins", name)
        if not found or isinstance(found, Missing):
            return None
        return tuple(Instance(value.of) for value in found if isinstance(value, ClassValue)) or None

    def _used(self, node: ast.Name, scope: Scope) -> Values:
        """What a name is where it is used: what the order of the statements leaves of its bindings."""
        if scope.kind == "class" and scope.parent is not None and node.id in scope.names:
            return self._used_in_class(node, scope, scope.parent)
        if len(scope.names.get(node.id, ())) > 1 and scope.source.origin == "project":
            if scope not in self._flows:
                self._flows[scope] = reaching(scope)
            seen = self._flows[scope].get(node)
            if seen is not None and not (scope.kind == "module" and node.id in scope.source.made_global):
                return self.binding(seen, scope)
        return self.name(node.id, scope)

    def _used_in_class(self, node: ast.Name, scope: Scope, around: Scope) -> Values:
        """What a name is in the body of a class: what is bound above it, else what it is around the class."""
        above = [
            one
            for one in scope.names[node.id]
            if ends_before(one.node, node) and not isinstance(one.node, ast.AnnAssign)
        ]
        if not above:
            return self._used(node, around)
        # Here it is the value itself, whatever its annotation says of instances.
        return union(
            [
                self.infer(one.node, scope) if one.how == "typed" and isinstance(one.node, ast.expr)
                else self.binding(one, scope)
                for one in above
            ]
        )  # fmt: skip

    def type_name(self, name: str, scope: Scope) -> Values:
        """What a name is in an annotation: a method called `list` hides no builtin there."""
        bindings = scope.names.get(name, [])
        is_method = bool(bindings) and all(one.how == "function" for one in bindings)
        if scope.kind == "class" and scope.parent is not None and is_method:
            return self.type_name(name, scope.parent)
        return self.name(name, scope)

    def name(self, name: str, scope: Scope) -> Values:
        """What a name is in a scope."""
        found = scope.lookup(name)
        if found is None:
            if scope.source.scope.stars:
                value = self.member(scope.source.name, name)
                return None if isinstance(value, Missing) else value
            if name in scope.source.made_global:
                return None
            value = self.member("builtins", name)
            return None if isinstance(value, Missing) else value
        bindings, owner = found
        if owner.kind == "module" and name in scope.source.made_global:
            return None
        return self.bound(bindings, owner)

    def bound(self, bindings: list[Binding], scope: Scope) -> Values:
        """What any of several bindings gives."""
        if len(bindings) > 8:
            return None
        if len(bindings) > 1 and all(binding.how == "function" for binding in bindings):
            return self._functions(bindings, scope)
        typed = [binding for binding in bindings if binding.how == "typed"]
        if typed:
            return self._declared(typed[0], bindings, scope)
        found = union([self.binding(binding, scope) for binding in bindings if binding.how != "added"])
        if found and any(binding.how == "added" for binding in bindings):
            numbers = {"int", "float", "bool", "complex"}
            if any(isinstance(value, Instance) and value.of.name in numbers for value in found):
                return None
        return found

    def _declared(self, typed: Binding, bindings: list[Binding], scope: Scope) -> Values:
        """What is declared, and what is assigned to it: `file: IO = StringIO()` is a `StringIO` as well."""
        if typed.annotation is not None and scope.source.is_overruled(typed.annotation):
            return UNKNOWN
        declared = self.binding(typed, scope)
        if not declared:
            return declared
        assigned = [
            self.infer(one.node, scope) if one.how == "typed" else self.binding(one, scope)
            for one in bindings
            if one.how in {"value", "entered", "typed"} and isinstance(one.node, ast.expr)
        ]
        return union([declared, *(values for values in assigned if values is not UNKNOWN)])

    def binding(self, binding: Binding, scope: Scope) -> Values:
        """What one binding gives."""
        return self._answers.of(binding, lambda: self._binding(binding, scope), NEVER)

    def _binding(self, binding: Binding, scope: Scope) -> Values:
        node = binding.node
        match binding.how:
            case "module":
                return (ModuleValue(binding.module),)
            case "member":
                if not binding.module:
                    return None
                inner = f"{binding.module}.{binding.name}"
                if binding.module == scope.source.name and binding.name == inner.rpartition(".")[2]:
                    if self.modules.module(inner) is not None:
                        return (ModuleValue(inner),)
                    return None
                found = self.member(binding.module, binding.name)
                return None if isinstance(found, Missing) else found
            case "function":
                return self._functions([binding], scope)
            case "class" if isinstance(node, ast.ClassDef):
                return (ClassValue(self.classes.of(node, scope)),)
            case "typed" if binding.annotation is not None:
                return self.annotations.read(binding.annotation, scope)
            case "parameter":
                return self.classes.parameter(binding, scope)
            case "rest":
                return self.builtin(binding.name)
            case "group":
                return self.builtin("ExceptionGroup")
        if not isinstance(node, ast.expr):
            return self._caught(node, scope) if isinstance(node, ast.ExceptHandler) else None
        value = self.infer(node, scope)
        if binding.how == "each":
            value = self.each(value)
        elif binding.how == "entered":
            value = self._entered(value)
        elif binding.how == "anything":
            return None
        for index in binding.path:
            value = self._part(value, index)
        return value

    def _functions(self, bindings: list[Binding], scope: Scope) -> Values:
        nodes = [binding.node for binding in bindings]
        functions = tuple(node for node in nodes if isinstance(node, Function))
        if len(functions) != len(nodes) or any(decorators(node) - HARMLESS for node in functions):
            return None
        return (FunctionValue(functions, scope),)

    def _caught(self, node: ast.ExceptHandler, scope: Scope) -> Values:
        if node.type is None:
            return None
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        found: list[Values] = []
        for kind in kinds:
            values = self.infer(kind, scope)
            if not values or not all(isinstance(value, ClassValue) for value in values):
                return None
            found.append(tuple(Instance(value.of) for value in values if isinstance(value, ClassValue)))
        return union(found)

    # -- modules

    def member(self, module: str, name: str) -> Values | Missing:
        """What a module's member is; MISSING if there is none for certain."""
        found: Values | Missing = self._answers.of((module, name), lambda: self._member(module, name), None)
        is_set_elsewhere = found is MISSING and name in self.project.stored_outside
        return UNKNOWN if is_set_elsewhere and self.modules.origin(module) == "project" else found

    def member_or_unknown(self, module: str, name: str) -> Values:
        """What a module's member is; unknown where there is none."""
        found = self.member(module, name)
        return UNKNOWN if isinstance(found, Missing) else found

    def _member(self, module: str, name: str) -> Values | Missing:
        if self.modules.is_replaced(module):
            return UNKNOWN
        for source in self.modules.sources(module):
            bindings = source.scope.names.get(name)
            if bindings:
                return None if name in source.made_global else self.bound(bindings, source.scope)
        part = f"{module}.{name}"
        is_part = self.modules.module(part) is not None
        for source in self.modules.sources(module):
            # The last one that brings the name along counts.
            for star in reversed(source.scope.stars):
                inner = self.modules.source(star)
                if inner is not None and not inner.is_exported(name):
                    continue
                found = self.member(star, name)
                if found is not MISSING:
                    # Whichever was imported last is there: the module itself, or what the star has brought along.
                    return UNKNOWN if is_part and found != (ModuleValue(part),) else found
        if is_part:
            return (ModuleValue(part),)
        return MISSING if self.modules.lacks(module, name) else None

    # -- attributes and calls

    def attribute(self, node: ast.Attribute, scope: Scope) -> Values:
        """What an attribute of an expression is."""
        owners = self.infer(node.value, scope)
        if not owners:
            return owners
        found = [self.attribute_of(owner, node.attr) for owner in owners]
        # Where only some have it, it is theirs that is meant.
        return union([value for value in found if not isinstance(value, Missing)])

    def attribute_of(self, owner: Value, name: str) -> Values | Missing:
        """The attribute of one value; MISSING if it has none for certain."""
        match owner:
            case ModuleValue(name=module):
                return self.member(module, name)
            case Instance() | ClassValue():
                return self.classes.attribute(owner, name)
            case Coroutine():
                return (
                    MISSING if name not in {"send", "throw", "close"} and not name.startswith("__") else None
                )
            case Tuple():
                return MISSING if name not in {"count", "index"} and not name.startswith("__") else None
        return None

    def call(self, node: ast.Call, scope: Scope) -> Values:
        """What a call gives."""
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args:
            return self.classes.parent(scope)
        callees = self.infer(node.func, scope)
        if not callees:
            return callees
        return union([self._called(callee, node, scope) for callee in callees])

    def _called(self, callee: Value, node: ast.Call, scope: Scope) -> Values:
        match callee:
            case ClassValue(of=kind):
                return self.classes.made(kind, node, scope)
            case FunctionValue():
                return self.returned(callee, node, scope)
            case Instance():
                method = self.classes.attribute(callee, "__call__")
                if not isinstance(method, Missing) and method:
                    return union(
                        [self.returned(one, node, scope) for one in method if isinstance(one, FunctionValue)]
                    )
        return None

    def returned(
        self, function: FunctionValue, node: ast.Call | None = None, scope: Scope | None = None
    ) -> Values:
        """What a function gives when it is called as `node` does in `scope`; any call where that is None."""
        origin = function.scope.source.origin
        # What a package's function gives leads far into the package, and is seldom what a mistake is about.
        if origin == "site" or (origin == "library" and function.definitions[0].name in MAKES_CLASSES):
            return None
        definitions = list(function.definitions)
        if node is not None and scope is not None:
            definitions = fitting(self, function, node, scope)
        return (
            union([self._returned(one, function, node, scope) for one in definitions])
            if definitions
            else None
        )

    def _returned(self, definition: Function, function: FunctionValue, node: ast.Call | None,
                  outer: Scope | None) -> Values:  # fmt: skip
        scope = function.scope.source.inner(definition, function.scope)
        is_declared = definition.returns is not None and (
            self.trusts_annotations or function.scope.source.origin != "project"
        )
        if is_declared and definition.returns is not None and not decorators(definition) & MANAGERS:
            known = dict(function.arguments)
            if node is not None and outer is not None:
                known = solved(self, function, definition, node, outer)
            result = self.annotations.read(definition.returns, function.scope, known, function.bound)
        elif function.scope.source.origin == "project":
            result = self._told(definition, scope, function)
        else:
            result = None
        if isinstance(definition, ast.AsyncFunctionDef):
            makes = any(isinstance(inner, ast.Yield) for inner in own_nodes(definition))
            return None if makes else (Coroutine(result),)
        if decorators(definition) & MANAGERS:
            return self._yielded(definition, scope, function, is_manager=True)
        return result

    def _yielded(
        self, definition: Function, scope: Scope, function: FunctionValue, *, is_manager: bool
    ) -> Values:
        """What a function yields, for a loop over it or for the `with` that enters it."""
        if function.scope.source.origin != "project":
            return None
        if self.classes.is_overridden(definition.name, function):
            return None
        given = [node.value for node in own_nodes(definition) if isinstance(node, ast.Yield)]
        if any(isinstance(node, ast.YieldFrom) for node in own_nodes(definition)):
            return None

        def work() -> Values:
            return union([self.infer(value, scope) if value else () for value in given]) if given else None

        return (Yielding(self._answers.of(("yields", definition), work, NEVER), is_manager),)

    def _told(self, definition: Function, scope: Scope, function: FunctionValue) -> Values:
        """What the `return`s of a function say."""
        if self._answers.depth > DEEPEST // 2 or self.classes.is_overridden(definition.name, function):
            return None
        returns: list[ast.expr] = []
        for node in own_nodes(definition):
            if isinstance(node, ast.Yield | ast.YieldFrom):
                return self._yielded(definition, scope, function, is_manager=False)
            if isinstance(node, ast.Return) and node.value is not None:
                returns.append(node.value)
            if isinstance(node, ast.Raise) and "NotImplemented" in ast.dump(node):
                return None

        def work() -> Values:
            return union([self.infer(value, scope) for value in returns]) if returns else None

        return self._answers.of(("returns", definition), work, NEVER)

    # -- the protocols of Python

    def method(self, owner: Value, name: str) -> Values:
        """What calling a method without arguments gives, as the language does it."""
        if not isinstance(owner, Instance):
            return None
        found = self.classes.attribute(owner, name)
        if isinstance(found, Missing) or not found:
            return None
        return union([self.returned(one) if isinstance(one, FunctionValue) else None for one in found])

    def each(self, values: Values) -> Values:
        """What iterating over any of `values` gives."""
        if not values:
            return values
        found: list[Values] = []
        for value in values:
            if isinstance(value, Tuple):
                found.append(union(list(value.items)) if value.items else None)
                continue
            if isinstance(value, Yielding):
                found.append(None if value.is_manager else value.result)
                continue
            iterators = self.method(value, "__iter__")
            found += [self.method(one, "__next__") for one in iterators] if iterators else [None]
        return union(found)

    def _entered(self, values: Values) -> Values:
        if not values:
            return values
        return union(
            [
                (value.result if value.is_manager else None)
                if isinstance(value, Yielding)
                else self.method(value, "__enter__")
                for value in values
            ]
        )

    def _awaited(self, values: Values) -> Values:
        if not values:
            return values
        return union([value.result if isinstance(value, Coroutine) else None for value in values])

    def _part(self, values: Values, index: int) -> Values:
        if not values:
            return values
        found: list[Values] = []
        for value in values:
            if isinstance(value, Tuple):
                found.append(value.items[index] if index < len(value.items) else None)
            else:
                found.append(self.each((value,)))
        return union(found)

    def _item(self, node: ast.Subscript, scope: Scope) -> Values:
        values = self.infer(node.value, scope)
        if not values:
            return values
        if scope.asks_about(ast.unparse(node)):
            return UNKNOWN
        found: list[Values] = []
        for value in values:
            index = node.slice.value if isinstance(node.slice, ast.Constant) else None
            if isinstance(value, Tuple):
                known = isinstance(index, int) and -len(value.items) <= index < len(value.items)
                found.append(value.items[index] if known and isinstance(index, int) else None)
            elif isinstance(value, Instance):
                method = self.classes.attribute(value, "__getitem__")
                call = ast.Call(func=node.value, args=[node.slice], keywords=[])
                if isinstance(method, Missing) or not method:
                    return None
                for function in method:
                    found += self._of_each_overload(function, call, scope)
            else:
                return None
        # Where nothing is known of one alternative, the others say nothing.
        return union(found) if found and all(found) else None

    def _of_each_overload(self, method: Value, call: ast.Call, scope: Scope) -> list[Values]:
        """What each definition of a method gives that fits a call."""
        if not isinstance(method, FunctionValue):
            return []
        fits = fitting(self, method, call, scope)
        return [
            self.returned(replace(method, definitions=(overload,)), call, scope) for overload in fits
        ] or [UNKNOWN]

    def _binary(self, node: ast.BinOp, scope: Scope) -> Values:
        left = self.infer(node.left, scope)
        if left == NEVER:
            return NEVER
        if not left or len(left) != 1 or not isinstance(left[0], Instance):
            return None
        name = left[0].of.name
        if left[0].of.origin != "library":
            return None
        if isinstance(node.op, ast.Mod) and name in {"str", "bytes"}:
            return left
        if isinstance(node.op, ast.Mult) and name in {"str", "bytes", "list"}:
            return left
        if isinstance(node.op, ast.Add) and name in {"str", "bytes"}:
            # What is on the right may turn the text into something of its own, as a column of a database does.
            return left if self.infer(node.right, scope) else UNKNOWN
        if isinstance(node.op, ast.Div) and name in {"Path", "PurePath", "PosixPath"}:
            return left
        return None
