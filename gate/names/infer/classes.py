"""Classes: where their attributes come from, and whether all of them can be seen."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING

from gate.names.infer.calls import fitting, solved
from gate.names.infer.values import (
    UNKNOWN,
    Class,
    ClassValue,
    FunctionValue,
    Instance,
    Parameter,
    Value,
    Values,
    union,
)
from gate.names.spelling.synonyms import synonyms_of
from gate.names.syntax.nodes import LEAVES, MANAGERS, Function, children, decorators, name_of, walk
from gate.names.syntax.scopes import TYPE_PARAMETER, Binding, Scope, parameters

if TYPE_CHECKING:
    from gate.names.infer.engine import Engine

Environment = dict[str, Values]
Line = list[tuple[Class, Environment]]


class Missing(Enum):
    """The answer that there is no such attribute, for certain."""

    MISSING = "missing"


MISSING = Missing.MISSING
_STORING: frozenset[type[ast.AST]] = frozenset({ast.Attribute, ast.Call, ast.Assign, ast.AnnAssign})
DYNAMIC = frozenset({"__getattr__", "__getattribute__"})
PLAIN_METACLASSES = frozenset({"ModelBase", "ABCMeta", "EnumMeta", "EnumType", "type"})
PLAIN_DECORATORS = frozenset({"dataclass", "total_ordering", "final", "runtime_checkable", "unique", "define",
                              "frozen", "mutable", "attrs", "type_check_only", "disjoint_base",
                              "deprecated", "verify"})  # fmt: skip
SAME = frozenset({"abstractmethod", "override", "final", "overload", "staticmethod", "classmethod", "deprecated",
                  "abstractclassmethod", "abstractstaticmethod", "type_check_only"})  # fmt: skip
PROPERTIES = frozenset({"property", "cached_property", "abstractproperty"})
HARMLESS_OF_CLASSES = frozenset(
    {"final", "runtime_checkable", "type_check_only", "disjoint_base", "deprecated"}
)
MAKES_OTHERS = frozenset({"super", "type", "property", "staticmethod", "classmethod", "NamedTuple", "TypedDict",
                          "NewType"})  # fmt: skip
_TAKE_NO_ATTRIBUTES = frozenset({"str", "bytes", "bytearray", "int", "float", "complex", "bool", "list", "dict", "set",
                                 "frozenset", "tuple", "range", "slice", "memoryview"})  # fmt: skip
_WRITTEN_BY_DECORATORS = frozenset(
    {"__init__", "__new__", "__post_init__", "__lt__", "__le__", "__gt__", "__ge__"}
)
_ABSTRACT_MODULES = frozenset({"typing", "collections.abc", "_collections_abc", "numbers", "io", "_io"})
_TAKES_NO_SELF = frozenset({"staticmethod", "classmethod"})
_USUAL_SELF = frozenset({"self", "cls", "mcs", "mcls", "metacls", "klass", "this", "_", "_self", "__self"})
_FIRST_IS_CLASS = frozenset({"__new__", "__init_subclass__", "__class_getitem__"})


class Classes:
    """What is known of each class."""

    def __init__(self, engine: Engine) -> None:
        """`engine` knows what the names in them are."""
        self._engine = engine
        self._project = engine.project
        self._known: dict[ast.ClassDef, Class] = {}
        self._lines: dict[Class, tuple[Line, bool]] = {}
        self._near: dict[Class, tuple[Line, bool]] = {}

    def of(self, node: ast.ClassDef, scope: Scope) -> Class:
        """The class that `node` makes in `scope`."""
        found = self._known.get(node)
        if found is None:
            found = Class(node, scope.source.inner(node, scope), scope.source.origin)
            self._known[node] = found
            self._read(found)
        return found

    def _read(self, found: Class) -> None:
        node = found.node
        found.dynamic = bool(
            DYNAMIC & found.scope.names.keys()
            or node.name in found.scope.source.set_by_name
            or decorators(node) - PLAIN_DECORATORS
            or any(
                word.arg == "metaclass" and name_of(word.value) not in PLAIN_METACLASSES
                for word in node.keywords
            )
        )
        if found.scope.source.is_stub:
            return
        for method in _methods(node.body):
            own = [*method.args.posonlyargs, *method.args.args]
            if own and "staticmethod" not in decorators(method):
                self._stores(found, method, own[0].arg)
        if _is_model(found):
            # It sets what its fields are called, which the classes that derive from it show.
            found.dynamic = False

    def _stores(self, found: Class, method: Function, own: str) -> None:
        scope: Scope | None = None
        stack: list[ast.AST] = list(method.body)
        while stack:
            node = stack.pop()
            if type(node) in LEAVES:
                continue
            stack += children(node)
            if type(node) not in _STORING:
                continue
            match node:
                case ast.Attribute(value=ast.Name(id=name), attr="__dict__") if name == own:
                    found.dynamic = True
                case ast.Call(func=ast.Name(id="setattr" | "vars"), args=[ast.Name(id=name), *_]) if (
                    name == own
                ):
                    found.dynamic = True
                case ast.Attribute(value=ast.Name(id=name), ctx=ast.Store()) if name == own:
                    found.stores.setdefault(node.attr, [])
                case ast.withitem(optional_vars=target) | ast.For(target=target) if target is not None:
                    for item in walk(target):
                        if isinstance(item, ast.Attribute) and _is_name(item.value, own):
                            found.stores.setdefault(item.attr, []).append((None, None, found.scope))
                case ast.Assign() | ast.AnnAssign():
                    scope = scope or found.scope.source.inner(method, found.scope)
                    self._assigned(found, node, own, scope)

    def _assigned(self, found: Class, node: ast.Assign | ast.AnnAssign, own: str, scope: Scope) -> None:
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Attribute) and _is_name(target.value, own):
                annotation = node.annotation if isinstance(node, ast.AnnAssign) else None
                found.stores.setdefault(target.attr, []).append((node.value, annotation, scope))
            elif isinstance(target, ast.Tuple | ast.List):
                beside = _side_by_side(target, node.value)
                for item in walk(target):
                    if isinstance(item, ast.Attribute) and _is_name(item.value, own):
                        found.stores.setdefault(item.attr, []).append((beside.get(item), None, scope))

    # -- the line of descent

    def line(self, kind: Class, *, far: bool = True) -> tuple[Line, bool]:
        """The class and what it derives from, nearest first, and whether more may be there than can be read.

        Unless it has to look `far`, it does not read what installed packages derive from: that costs time.
        """
        lines = self._lines if far else self._near
        if kind not in lines:
            lines[kind] = [(kind, {})], True
            lines[kind] = self._descent(kind, far=far)
        return lines[kind]

    def _descent(self, kind: Class, *, far: bool) -> tuple[Line, bool]:
        if _is_model(kind):
            # What it derives from itself adds nothing that is looked up in a model.
            return [(kind, {})], False
        if kind.origin == "site" and not far:
            return [(kind, {})], True
        found: dict[Class, Environment] = {kind: {}}
        is_open = kind.dynamic
        for base in kind.node.bases:
            inner = base.value if isinstance(base, ast.Subscript) else base
            if getattr(inner, "id", getattr(inner, "attr", "")) in {"Generic", "Protocol"}:
                continue
            values = self._engine.infer(inner, kind.scope.parent or kind.scope)
            if not values or len(values) != 1 or not isinstance(values[0], ClassValue):
                is_open = True
                continue
            line, is_base_open = self.line(values[0].of, far=far)
            is_open = is_open or is_base_open
            given = self._given(values[0].of, base, kind)
            for one, environment in line:
                found.setdefault(
                    one, {name: _put(value, given) for name, value in environment.items()} or given
                )
            found[values[0].of] = given
        ordered = list(found.items())
        if kind.name != "object" or kind.origin != "library":
            for value in self._engine.builtin("object") or ():
                if isinstance(value, Instance):
                    ordered = [one for one in ordered if one[0] is not value.of] + [(value.of, {})]
        return ordered, is_open

    def _given(self, base: Class, node: ast.expr, kind: Class) -> Environment:
        names = self.type_parameters(base)
        if not names or not isinstance(node, ast.Subscript):
            return {}
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        own = self.type_parameters(kind)
        scope = kind.scope.parent or kind.scope
        return {
            # A parameter of the class itself is known only for each instance: it is passed on by its name.
            name: (Parameter(item.id),) if isinstance(item, ast.Name) and item.id in own
            else self._engine.annotations.read(item, scope)
            for name, item in zip(names, items, strict=False)
        }  # fmt: skip

    def type_parameters(self, kind: Class) -> list[str]:
        """The names of a class's type parameters, in order."""
        if getattr(kind.node, "type_params", None):
            return [parameter.name for parameter in kind.node.type_params]  # type: ignore[attr-defined]
        found: dict[str, None] = {}
        for base in kind.node.bases:
            if isinstance(base, ast.Subscript):
                names = [node.id for node in ast.walk(base.slice) if isinstance(node, ast.Name)]
                names = [name for name in names if TYPE_PARAMETER.match(name)]
                if getattr(base.value, "id", "") in {"Generic", "Protocol"}:
                    return names
                found.update(dict.fromkeys(names))
        return list(found)

    def parent(self, scope: Scope) -> Values:
        """What `super()` is in a method: only of a class with one base that nothing derives from in turn.

        Where something does, another of its bases may be what comes next.
        """
        around: Scope | None = scope
        while around is not None and around.kind != "class":
            around = around.parent
        if around is None or not isinstance(around.node, ast.ClassDef) or around.parent is None:
            return None
        node = around.node
        if (
            len(node.bases) != 1
            or node.keywords
            or node.name in self._project.bases
            or isinstance(node.bases[0], ast.Subscript)
        ):
            return None
        values = self._engine.infer(node.bases[0], around.parent)
        if not values or len(values) != 1 or not isinstance(values[0], ClassValue):
            return None
        base = values[0].of
        if base.origin == "site" or base.node.keywords or self.is_a(base, "type", "tuple", "Enum"):
            return None
        if self.is_open(base):
            return None
        return (Instance(base),)

    def is_django_model(self, kind: Class) -> bool:
        """Whether it derives from Django's `Model`."""
        return any(map(_is_model, (one for one, _ in self.line(kind, far=False)[0])))

    def is_open(self, kind: Class) -> bool:
        """Whether instances may have attributes that cannot be read anywhere."""
        return self.line(kind, far=False)[1]

    def is_protocol(self, kind: Class) -> bool:
        """Whether it stands for anything of the right shape."""
        return any(getattr(base, "id", getattr(getattr(base, "value", None), "id", "")) == "Protocol"
                   for base in kind.node.bases)  # fmt: skip

    def is_a(self, kind: Class, *names: str) -> bool:
        """Whether a class is, or derives from, one of the standard library's called so."""
        return any(one.name in names and one.origin == "library" for one, _ in self.line(kind, far=False)[0])

    # -- attributes

    def attribute(self, owner: Instance | ClassValue, name: str) -> Values | Missing:
        """What an attribute is; MISSING if there is none for certain."""
        line, is_open = self.line(owner.of, far=not self._engine.is_heard(name))
        arguments = owner.arguments if isinstance(owner, Instance) else ()
        given = dict(zip(self.type_parameters(owner.of), arguments, strict=False))
        for kind, environment in line:
            bindings = kind.scope.names.get(name)
            stores = kind.stores.get(name) if isinstance(owner, Instance) else None
            if bindings is None and stores is None:
                if name in _WRITTEN_BY_DECORATORS and _has_methods_written(kind):
                    return UNKNOWN
                continue
            if kind.dynamic and kind.origin == "project" and not (bindings and _is_method(bindings)):
                # What is stored behind the back of the text may be anything.
                return UNKNOWN
            known = (
                given if kind is owner.of else {key: _put(value, given) for key, value in environment.items()}
            )
            if kind.origin == "project" and self._varies(kind, name):
                return (
                    self._bound(bindings, owner, kind, known) if bindings and _is_method(bindings) else None
                )
            found = [self._bound(bindings, owner, kind, known)] if bindings else []
            if stores and kind.origin == "site":
                # What a package keeps in itself is followed no further: it would be read in its whole breadth.
                return None
            for stored, annotation, scope in stores or ():
                if annotation is not None:
                    declared = self._engine.annotations.read(annotation, scope)
                    value = self._engine.infer(stored, scope) if stored is not None and declared else UNKNOWN
                    found.append(declared if value is UNKNOWN else union([declared, value]))
                else:
                    found.append(self._engine.infer(stored, scope) if stored is not None else None)
            return union(found) or None
        if is_open or name.startswith("__"):
            return None
        if name in self._project.stored_outside and not self._is_foreign(name, owner.of):
            return None
        if self.is_protocol(owner.of) or any(name in kind.scope.elsewhere for kind, _ in line):
            return None
        if isinstance(owner, ClassValue):
            if any(name in kind.stores for kind, _ in line):
                return None
            may_have = self.is_a(owner.of, "Enum") or self._metaclass_has(line, name)
            return UNKNOWN if may_have or self._is_beyond_stub(line, name) else MISSING
        if self._is_beyond_stub(line, name) or self._is_in_subclass(owner.of, name):
            return UNKNOWN
        return MISSING

    def _metaclass_has(self, line: Line, name: str) -> bool:
        """Whether the class of a class has an attribute: `register` of `ABCMeta`, `mro` of `type`."""
        metaclasses: list[Values] = [self._engine.member_or_unknown("builtins", "type")]
        for kind, _ in line:
            for word in kind.node.keywords:
                if word.arg == "metaclass":
                    metaclasses.append(self._engine.infer(word.value, kind.scope.parent or kind.scope))
            if self.is_protocol(kind) or kind.scope.source.name in _ABSTRACT_MODULES:
                metaclasses.append(self._engine.member_or_unknown("abc", "ABCMeta"))
        for values in metaclasses:
            for value in values or ():
                if not isinstance(value, ClassValue):
                    return True
                descent, is_open = self.line(value.of)
                if (is_open and value.of.name != "ModelBase") or any(
                    name in one.scope.names or name in one.stores for one, _ in descent
                ):
                    return True
        return False

    def _is_beyond_stub(self, line: Line, name: str) -> bool:
        """Whether the source of a library's class has an attribute that its stub leaves out."""
        if name.startswith("_") and "__" in name[2:]:
            # A private name of another class, as Python mangles it.
            return True
        modules = self._engine.modules
        return any(
            kind.origin == "library"
            and (
                name in modules.attributes_beside_stub(kind.scope.source.name)
                or (kind.name.startswith("_") and modules.is_only_in_stub(kind.scope.source.name, kind.name))
            )
            for kind, _ in line
        )

    def _is_in_subclass(self, kind: Class, name: str) -> bool:
        """Whether a class beside `kind` that derives from it has an attribute: `elts` of what is some `ast.expr`.

        What is annotated with the base is asked for its class in ways that cannot all be followed.
        """
        if kind.origin == "project":
            return False
        derived = {kind.name}
        for node in kind.scope.source.tree.body:
            if isinstance(node, ast.ClassDef) and any(name_of(base) in derived for base in node.bases):
                derived.add(node.name)
                scope = kind.scope.source.inner(node, kind.scope.source.scope)
                if name in scope.names or name in scope.elsewhere:
                    return True
        return False

    def is_abstract(self, kind: Class) -> bool:
        """Whether a class of a library is there to be derived from, so that its instances have more than it shows."""
        return kind.origin != "project" and (
            self.is_protocol(kind)
            or any(
                word.arg == "metaclass" and name_of(word.value) == "ABCMeta" for word in kind.node.keywords
            )
            or any("abstractmethod" in decorators(one) for one in kind.node.body if isinstance(one, Function))
        )

    def _is_foreign(self, name: str, kind: Class) -> bool:
        """Whether other languages call so what a builtin calls otherwise: nobody sets that on a list or a text.

        Another name that somebody sets may be meant for what a list or a text only stands in for.
        """
        is_builtin = kind.scope.source.name == "builtins" and kind.name in _TAKE_NO_ATTRIBUTES
        return (
            is_builtin and kind.name not in self._project.bases and bool(synonyms_of(name, kind.scope.names))
        )

    def _varies(self, kind: Class, name: str) -> bool:
        """Whether a derived class may have made something else of it, or somebody from outside."""
        derived = kind.name in self._project.bases and self._project.defined.get(name, 0) > 1
        return derived or name in self._project.stored_outside

    def _bound(
        self, bindings: list[Binding], owner: Instance | ClassValue, kind: Class, known: Environment
    ) -> Values:
        functions = tuple(binding.node for binding in bindings if isinstance(binding.node, Function))
        if len(functions) == len(bindings):
            told = set().union(*(decorators(node) for node in functions))
            bound = owner
            items = tuple(known.items())
            if told & PROPERTIES:
                if isinstance(owner, ClassValue):
                    return None
                getter = FunctionValue(functions[:1], kind.scope, owner, items)
                return (
                    self._engine.returned(getter) if decorators(functions[0]) <= PROPERTIES | SAME else None
                )
            if told - SAME - MANAGERS or (
                not told & _TAKES_NO_SELF and self._may_take_no_self(kind, functions[0])
            ):
                return None
            if functions[0].name == "__new__":
                # It is called with the class by hand: `type.__new__(cls, name, bases, body)`.
                return (FunctionValue(functions, kind.scope, None, items),)
            if "staticmethod" in told:
                return (FunctionValue(functions, kind.scope, None, items),)
            if "classmethod" in told or functions[0].name in _FIRST_IS_CLASS:
                return (FunctionValue(functions, kind.scope, ClassValue(owner.of), items),)
            if isinstance(bound, ClassValue):
                return (FunctionValue(functions, kind.scope, None, items, called_on=kind),)
            return (FunctionValue(functions, kind.scope, bound, items),)
        if functions:
            return None
        if all(binding.how in {"value", "typed"} for binding in bindings):
            line, is_open = self.line(kind)
            if any(one.name == "Enum" and one.origin == "library" for one, _ in line):
                return (Instance(kind),)
            if is_open and kind.origin == "site":
                # What a package derives its class from may make anything of what the body says.
                return None
        typed = [binding for binding in bindings if binding.how == "typed"]
        if typed and typed[0].annotation is not None:
            if kind.scope.source.is_overruled(typed[0].annotation):
                return UNKNOWN
            found = self._engine.annotations.read(typed[0].annotation, kind.scope, known, owner)
            if found and isinstance(typed[0].node, ast.expr) and kind.origin == "project":
                value = self._engine.infer(typed[0].node, kind.scope)
                found = found if value is UNKNOWN else union([found, value])
        else:
            found = self._engine.bound(bindings, kind.scope)
        return None if found and any(self._may_be_descriptor(value) for value in found) else found

    def _may_take_no_self(self, kind: Class, method: Function) -> bool:
        """Whether a base that cannot be read may make something else of a function without `self`.

        Interfaces are written so: what stands there is what a caller gives.
        """
        own = [*method.args.posonlyargs, *method.args.args]
        return (not own or own[0].arg not in _USUAL_SELF) and self.is_open(kind)

    def _may_be_descriptor(self, value: Value) -> bool:
        """Whether a value in a class's body may give something else when it is asked for."""
        if isinstance(value, FunctionValue):
            return True
        if not isinstance(value, Instance):
            return False
        return value.of.origin == "site" or self.is_open(value.of) or any(
            "__get__" in one.scope.names for one, _ in self.line(value.of, far=False)[0]
        )  # fmt: skip

    # -- calls

    def made(self, kind: Class, node: ast.Call, scope: Scope) -> Values:
        """What calling a class gives."""
        if kind.origin == "library" and (kind.name in MAKES_OTHERS or self.is_a(kind, "Enum")):
            return None
        new = kind.scope.names.get("__new__")
        if kind.origin == "library" and new and _is_method(new):
            functions = tuple(binding.node for binding in new if isinstance(binding.node, Function))
            made = self._engine.returned(FunctionValue(functions, kind.scope, ClassValue(kind)), node, scope)
            whole = not self.type_parameters(kind)
            if made and all(isinstance(value, Instance) and (whole or value.arguments) for value in made):
                return made
        parameters_of = self.type_parameters(kind)
        maker = self.maker(kind) if parameters_of else None
        if maker is not None:
            for definition in fitting(self._engine, maker, node, scope)[:1]:
                known = solved(self._engine, maker, definition, node, scope)
                return (Instance(kind, tuple(known.get(name) for name in parameters_of)),)
        return (Instance(kind),)

    def maker(self, kind: Class, *, far: bool = False) -> FunctionValue | None:
        """The `__init__` or `__new__` that a call of the class has to fit; None where that cannot be told."""
        line, is_open = self.line(kind, far=far)
        if is_open or self.is_a(kind, "Enum", "tuple", "TypedDict", "type"):
            return None
        for one, _ in line:
            if decorators(one.node) - HARMLESS_OF_CLASSES or one.dynamic:
                return None
            for name in ("__init__", "__new__"):
                bindings = one.scope.names.get(name)
                if bindings:
                    functions = tuple(
                        binding.node for binding in bindings if isinstance(binding.node, Function)
                    )
                    if len(functions) != len(bindings) or one.name == "object":
                        return None
                    return FunctionValue(functions, one.scope, Instance(kind))
        return None

    def is_overridden(self, name: str, function: FunctionValue) -> bool:
        """Whether a derived class may have another method in the place of this one."""
        if function.bound is None:
            return False
        outer, definer = function.bound.of, function.scope.node
        inherited = (
            isinstance(definer, ast.ClassDef)
            and definer.name in self._project.bases
            and self._project.defined.get(name, 0) > 1
        )
        return self._varies(outer, name) or (inherited and function.scope.source.origin == "project")

    def parameter(self, binding: Binding, scope: Scope) -> Values:
        """What a parameter is: `self`, or what its annotation says."""
        node, argument = scope.node, binding.node
        if isinstance(node, Function) and scope.parent is not None and scope.parent.kind == "class":
            first = next(iter(parameters(node.args)), None)
            told = decorators(node)
            if argument is first and "staticmethod" not in told:
                outer = scope.parent
                if not isinstance(outer.node, ast.ClassDef) or outer.parent is None:
                    return None
                kind = self.of(outer.node, outer.parent)
                is_class = "classmethod" in told or node.name in _FIRST_IS_CLASS
                if not is_class and told - SAME - PROPERTIES and first.arg != "self":
                    return None
                return (ClassValue(kind) if is_class else Instance(kind),)
        if binding.annotation is None:
            return None
        return self._engine.annotations.read(binding.annotation, scope.parent or scope)


def _is_model(kind: Class) -> bool:
    return kind.name == "Model" and kind.scope.source.name == "django.db.models.base"


def _has_methods_written(kind: Class) -> bool:
    """Whether a decorator or a metaclass may write methods into the class, as `dataclass` does."""
    return bool(
        kind.dynamic
        or decorators(kind.node) - HARMLESS_OF_CLASSES
        or (kind.origin == "project" and any(word.arg == "metaclass" for word in kind.node.keywords))
    )


def _put(value: Values, given: Environment) -> Values:
    """What a base's type parameter is for an instance whose own are `given`."""
    if value and isinstance(value[0], Parameter):
        return given.get(value[0].name)
    return value


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _side_by_side(target: ast.Tuple | ast.List, value: ast.expr | None) -> dict[ast.expr, ast.expr]:
    """What each of several targets gets, where as many values are written out: `self.a, self.b = A(), B()`."""
    if not isinstance(value, ast.Tuple | ast.List) or len(value.elts) != len(target.elts):
        return {}
    if any(isinstance(item, ast.Starred) for item in (*target.elts, *value.elts)):
        return {}
    return dict(zip(target.elts, value.elts, strict=True))


def _is_method(bindings: list[Binding]) -> bool:
    return all(binding.how == "function" for binding in bindings)


def _methods(body: list[ast.stmt]) -> Iterator[Function]:
    for node in body:
        if isinstance(node, Function):
            yield node
        elif isinstance(node, ast.If | ast.Try | ast.TryStar):
            yield from _methods([*node.body, *node.orelse])
