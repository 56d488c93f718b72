"""Constructors that a decorator or a base class generates: those of dataclasses, attrs classes, and named tuples.

Each becomes a function definition, so that a call is compared with it like with one that is written out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.names.syntax.nodes import Function, dotted_name, function_with
from gate.names.syntax.source import Scope

if TYPE_CHECKING:
    from gate.names.infer.values import Class

DATACLASS = frozenset({"dataclasses.dataclass"})
_ATTRS_BY_CALL = frozenset({"attr.s", "attr.attrs", "attr.attributes"})
"""Decorators that without `auto_attribs` only count what is a call of `attr.ib`."""
ATTRS = _ATTRS_BY_CALL | frozenset(
    f"{module}.{name}"
    for module in ("attr", "attrs")
    for name in ("define", "frozen", "mutable", "dataclass")
)
NAMED_TUPLES = frozenset({"typing.NamedTuple", "typing_extensions.NamedTuple"})
_FIELD_CALLS = frozenset(
    {"dataclasses.field", "attr.ib", "attr.attrib", "attr.attr", "attr.field", "attrs.field"}
)
_READABLE_OPTIONS = frozenset(
    {"init", "repr", "eq", "order", "unsafe_hash", "frozen", "match_args", "kw_only", "slots", "weakref_slot",
     "auto_attribs", "hash", "cmp", "str", "cache_hash", "auto_exc", "collect_by_mro", "auto_detect"}
)  # fmt: skip
"""Arguments of the decorators that do not make other fields than the class shows."""


class Unreadable(Exception):
    """Which arguments the constructor takes cannot be read from the class."""


@dataclass(frozen=True, slots=True)
class _Field:
    parameter: str
    has_default: bool
    is_keyword_only: bool
    is_parameter: bool = True


def qualified_name(node: ast.expr, scope: Scope) -> str:
    """The full name of what an imported name or an attribute of an imported module is; empty for anything else."""
    dotted = dotted_name(node.func if isinstance(node, ast.Call) else node)
    first, _, rest = dotted.partition(".")
    bound = scope.lookup(first) if first else None
    if bound is None or len(bound[0]) != 1:
        return ""
    binding = bound[0][0]
    if binding.how == "module":
        return f"{binding.module}.{rest}" if rest else binding.module
    if binding.how == "member":
        return ".".join(filter(None, (binding.module, binding.name, rest)))
    return ""


def generated_by(kind: Class) -> str:
    """The full name of the decorator or base that writes the constructor of a class; empty if none does."""
    scope = kind.scope.parent or kind.scope
    for decorator in kind.node.decorator_list:
        name = qualified_name(decorator, scope)
        if name in DATACLASS or name in ATTRS:
            return name
    for base in kind.node.bases:
        name = qualified_name(base, scope)
        if name in NAMED_TUPLES or (name == "" and _is_typing_itself(base, scope)):
            return "typing.NamedTuple"
    return ""


def _is_typing_itself(base: ast.expr, scope: Scope) -> bool:
    return scope.source.name == "typing" and isinstance(base, ast.Name) and base.id == "NamedTuple"


def generated_constructor(order: Iterable[Class]) -> Function:
    """The generated constructor of the first class; the others are those that it derives from, nearest first.

    Raises Unreadable if the classes do not show what it takes.
    """
    classes = list(order)
    name = generated_by(classes[0])
    fields: dict[str, _Field] = {}
    is_tuple = name in NAMED_TUPLES
    for kind in classes[:1] if is_tuple else reversed(classes):
        if generated_by(kind):
            fields.update(_fields(kind))
    taken = [item for item in fields.values() if item.is_parameter]
    positional = [item for item in taken if not item.is_keyword_only]
    words = [item for item in taken if item.is_keyword_only]
    first_default = next(
        (number for number, item in enumerate(positional) if item.has_default), len(positional)
    )
    default = ast.Constant(value=None)
    arguments = ast.arguments(
        posonlyargs=[],
        args=[ast.arg("cls" if is_tuple else "self"), *(ast.arg(item.parameter) for item in positional)],
        kwonlyargs=[ast.arg(item.parameter) for item in words],
        defaults=[default] * (len(positional) - first_default),
        kw_defaults=[default if item.has_default else None for item in words],
        vararg=None,
        kwarg=None,
    )
    return function_with("__init__", arguments)


def replacement(order: Iterable[Class]) -> Function:
    """The function that copies an instance of a class, with other values for some fields.

    Raises Unreadable if the classes do not show which fields there are.
    """
    arguments = generated_constructor(order).args
    words = [*arguments.args[1:], *arguments.kwonlyargs]
    default = ast.Constant(value=None)
    return function_with(
        "replace",
        ast.arguments(
            posonlyargs=[ast.arg("instance")], args=[], kwonlyargs=words, defaults=[],
            kw_defaults=[default] * len(words), vararg=None, kwarg=None,
        ),
    )  # fmt: skip


def named_tuple(node: ast.Call) -> ast.ClassDef | None:
    """The class that `namedtuple(name, fields)` makes, as one that derives from `NamedTuple`.

    None if the call does not show its fields.
    """
    options = {word.arg: word.value for word in node.keywords}
    if len(node.args) != 2 or options.keys() - {"defaults", "module"}:
        return None
    title, listed = node.args
    names = _field_names(listed)
    defaults = options.get("defaults", ast.Tuple(elts=[]))
    if (
        names is None
        or not isinstance(title, ast.Constant)
        or not isinstance(title.value, str)
        or not isinstance(defaults, ast.Tuple | ast.List)
    ):
        return None
    if any(isinstance(item, ast.Starred) for item in defaults.elts):
        return None
    first = len(names) - len(defaults.elts)
    lines = [f"{name}: 'Any'{' = ...' if number >= first else ''}" for number, name in enumerate(names)]
    text = f"class {title.value}(NamedTuple):\n " + "\n ".join(lines or ["pass"])
    try:
        (made,) = ast.parse(text).body
    except (SyntaxError, ValueError):
        return None
    return made if isinstance(made, ast.ClassDef) else None


def _field_names(node: ast.expr) -> list[str] | None:
    match node:
        case ast.Constant(value=str(text)):
            return text.replace(",", " ").split()
        case ast.Tuple(elts=items) | ast.List(elts=items):
            first = [item.elts[0] if isinstance(item, ast.Tuple) and item.elts else item for item in items]
            names = [item.value for item in first if isinstance(item, ast.Constant)]
            if len(names) == len(items) and all(isinstance(name, str) for name in names):
                return [str(name) for name in names]
    return None


def _fields(kind: Class) -> dict[str, _Field]:
    scope = kind.scope.parent or kind.scope
    name = generated_by(kind)
    options = _options(kind, scope)
    if options.get("init") is False:
        raise Unreadable
    is_attrs = name in ATTRS
    statements = list(kind.node.body)
    is_annotated = options.get("auto_attribs", name not in _ATTRS_BY_CALL)
    if is_attrs and options.get("auto_attribs") is None and name not in _ATTRS_BY_CALL:
        # Where something is only called a field, annotations alone make none.
        is_annotated = not any(_is_field_assigned(item, scope) for item in statements)
    keywords_only = options.get("kw_only") is True
    defaults = set(_default_methods(statements))
    fields: dict[str, _Field] = {}
    for statement in statements:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=word), annotation=annotation, value=value):
                text = ast.unparse(annotation)
                if "ClassVar" in text:
                    continue
                if text.rpartition(".")[2] == "KW_ONLY":
                    keywords_only = True
                    continue
                if not is_annotated and not _is_field(value, scope):
                    continue
            case ast.Assign(targets=[ast.Name(id=word)], value=value) if is_attrs and _is_field(value, scope):
                pass
            case ast.If() | ast.For() | ast.With() | ast.Try() if _has_fields(statement):
                raise Unreadable
            case _:
                continue
        fields[word] = _field(word, value, scope, is_attrs=is_attrs, keywords_only=keywords_only,
                             has_default_method=word in defaults)  # fmt: skip
    return fields


def _field(word: str, value: ast.expr | None, scope: Scope, *, is_attrs: bool, keywords_only: bool,
           has_default_method: bool) -> _Field:  # fmt: skip
    parameter = word.lstrip("_") if is_attrs else word
    if not isinstance(value, ast.Call):
        return _Field(parameter, value is not None or has_default_method, keywords_only)
    if not _is_field(value, scope):
        if not dotted_name(value.func).rpartition(".")[2][:1].isupper():
            # Whatever makes the field may be a function of the project that calls `field` itself.
            raise Unreadable
        return _Field(parameter, True, keywords_only)
    options = {word.arg: word.value for word in value.keywords}
    if None in options or value.args:
        raise Unreadable
    if (alias := options.get("alias")) is not None:
        if not isinstance(alias, ast.Constant):
            raise Unreadable
        parameter = str(alias.value)
    init = _constant(options.get("init"), default=True)
    only = _constant(options.get("kw_only"), default=keywords_only)
    has_default = has_default_method or bool(options.keys() & {"default", "default_factory", "factory"})
    return _Field(parameter, has_default, only, init)


def _constant(node: ast.expr | None, *, default: bool) -> bool:
    if node is None:
        return default
    if not isinstance(node, ast.Constant):
        raise Unreadable
    return default if node.value is None else bool(node.value)


def _options(kind: Class, scope: Scope) -> dict[str, object]:
    for decorator in kind.node.decorator_list:
        name = qualified_name(decorator, scope)
        if (name in DATACLASS or name in ATTRS) and isinstance(decorator, ast.Call):
            if decorator.args or any(word.arg not in _READABLE_OPTIONS for word in decorator.keywords):
                raise Unreadable
            for word in decorator.keywords:
                if word.arg in {"init", "kw_only", "auto_attribs"} and not isinstance(
                    word.value, ast.Constant
                ):
                    raise Unreadable
            return {word.arg: getattr(word.value, "value", None) for word in decorator.keywords if word.arg}
    return {}


def _default_methods(statements: list[ast.stmt]) -> Iterator[str]:
    """The fields of which a method gives the default: `@size.default`."""
    for statement in statements:
        for decorator in getattr(statement, "decorator_list", ()):
            match decorator:
                case ast.Attribute(value=ast.Name(id=word), attr="default"):
                    yield word


def _is_field(node: ast.expr | None, scope: Scope) -> bool:
    return isinstance(node, ast.Call) and qualified_name(node, scope) in _FIELD_CALLS


def _is_field_assigned(statement: ast.stmt, scope: Scope) -> bool:
    return isinstance(statement, ast.Assign) and _is_field(statement.value, scope)


def _has_fields(statement: ast.stmt) -> bool:
    return any(isinstance(node, ast.AnnAssign | ast.Assign) for node in ast.walk(statement))
