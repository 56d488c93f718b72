"""Check whether a call fits its callee: too many arguments, a missing one, or an unexpected keyword."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from gate.names.infer.values import TYPE_PARAMETER, Class, ClassValue, FunctionValue, Instance, Values, union
from gate.names.spelling.similarity import candidates
from gate.names.syntax.nodes import Function, is_stub, parameters
from gate.names.syntax.source import Scope

if TYPE_CHECKING:
    from gate.names.infer.engine import Engine


@dataclass(frozen=True, slots=True)
class Misfit:
    """The reason why a call doesn't fit. `name` is the keyword, or the parameter that gets no argument."""

    kind: Literal["keyword", "twice", "many", "self", "missing", "value"]
    name: str = ""
    node: ast.keyword | None = None
    taken: tuple[str, ...] = ()
    most: int = 0


def fitting(engine: Engine, function: FunctionValue, call: ast.Call, scope: Scope) -> list[Function]:
    """Return the definitions of a function that `call` fits, without a final fallback for unknown types."""
    if len(function.definitions) == 1:
        return list(function.definitions)
    definitions = [
        definition
        for definition in function.definitions
        if misfit(engine, function, definition, call, scope) is None
    ]
    if len(definitions) > 1 and definitions[-1] is function.definitions[-1] and _is_fallback(definitions[-1]):
        definitions.pop()
    is_library = function.scope.source.origin == "library"
    if (
        len(definitions) > 1
        and is_library
        and not any(_may_prefer(engine, function, definitions[0], later, call) for later in definitions[1:])
    ):
        return definitions[:1]
    return definitions


def _may_prefer(
    engine: Engine, function: FunctionValue, first: Function, later: Function, call: ast.Call
) -> bool:
    """Return whether an argument of unknown kind may rule out the first of two overloads that a call fits.

    A literal can't, since it has been compared. Nor can an argument that both annotate alike.
    """
    if any(isinstance(argument, ast.Starred) for argument in call.args) or any(
        word.arg is None for word in call.keywords
    ):
        return True
    (first_annotations, later_annotations) = (
        _annotations(function, definition, call) for definition in (first, later)
    )
    return any(
        ast.dump(annotation) != ast.dump(later_annotation)
        and not (isinstance(value, ast.Constant) and engine.annotations.literals(annotation, function.scope))
        for (value, annotation), (_, later_annotation) in zip(
            first_annotations, later_annotations, strict=True
        )
        if annotation is not None and later_annotation is not None
    )


def _annotations(
    function: FunctionValue, definition: Function, call: ast.Call
) -> list[tuple[ast.expr, ast.expr | None]]:
    """Return each argument with the annotation of its parameter."""
    arguments = definition.args
    positional = [*arguments.posonlyargs, *arguments.args][1 if takes_self(function, definition) else 0 :]
    by_name = {parameter.arg: parameter.annotation for parameter in (*positional, *arguments.kwonlyargs)}
    by_position = [parameter.annotation for parameter in positional]
    return [
        *(
            (value, by_position[index] if index < len(by_position) else None)
            for index, value in enumerate(call.args)
        ),
        *((word.value, by_name.get(word.arg or "")) for word in call.keywords),
    ]


def _is_fallback(definition: Function) -> bool:
    annotation = (
        definition.returns.slice if isinstance(definition.returns, ast.Subscript) else definition.returns
    )
    return annotation is not None and any(
        isinstance(alternative, ast.Name) and alternative.id == "Any"
        for alternative in _alternatives(annotation)
    )


def misfit(engine: Engine, function: FunctionValue, definition: Function, call: ast.Call,
           scope: Scope) -> Misfit | None:  # fmt: skip
    """Return why `call`, made in `scope`, doesn't fit this definition, or None if it does or may fit."""
    call = spread_out(call)
    arguments = definition.args
    skip = 1 if takes_self(function, definition) else 0
    positional = [*arguments.posonlyargs, *arguments.args]
    if skip and not positional:
        # Interfaces may declare methods without `self`.
        takes_any = arguments.vararg or is_stub(definition) or definition.decorator_list
        return None if takes_any or function.scope.source.origin != "project" else Misfit("self")
    required = len(positional) - len(arguments.defaults)
    positional_only = {parameter.arg for parameter in arguments.posonlyargs}
    positional_only |= {
        parameter.arg
        for parameter in arguments.args
        if parameter.arg.startswith("__") and not parameter.arg.endswith("__")
    }
    starred = any(isinstance(argument, ast.Starred) for argument in call.args)
    spread = any(word.arg is None for word in call.keywords)
    slots = positional[skip:]
    count = sum(not isinstance(argument, ast.Starred) for argument in call.args)
    if count > len(slots) and not arguments.vararg:
        return Misfit("many", most=len(slots))
    names = {parameter.arg for parameter in (*slots, *arguments.kwonlyargs)} - positional_only
    filled = {parameter.arg for parameter in slots[: len(call.args)]}
    for word in call.keywords:
        if (
            word.arg in filled & names
            and not starred
            and not (arguments.kwarg and function.scope.source.is_stub)
        ):
            return Misfit("twice", word.arg or "", word)
        if word.arg is None or arguments.kwarg:
            continue
        if word.arg not in names:
            taken = tuple(sorted(names - {keyword.arg or "" for keyword in call.keywords}))
            return Misfit("keyword", word.arg, word, taken)
    if not spread:
        by_name = {word.arg for word in call.keywords if word.arg}
        filled_or_named = filled | by_name
        for number, parameter in enumerate(slots if not starred else ()):
            is_given = parameter.arg in (filled if parameter.arg in positional_only else filled_or_named)
            if number + skip < required and not is_given:
                return Misfit("missing", parameter.arg)
        for parameter, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if default is None and parameter.arg not in by_name:
                return Misfit("missing", parameter.arg)
    if len(function.definitions) > 1 and not starred and function.scope.source.origin != "site":
        annotations = {parameter.arg: parameter.annotation for parameter in (*slots, *arguments.kwonlyargs)}
        return _wrong_value(
            engine, function, call, scope, annotations, [parameter.arg for parameter in slots]
        )
    return None


def spread_out(call: ast.Call) -> ast.Call:
    """Expand unpacked literals in a call: `f(*(1, 2), **{"a": 3})` becomes `f(1, 2, a=3)`."""
    stars = (ast.Tuple, ast.List)
    if not any(
        isinstance(argument, ast.Starred) and isinstance(argument.value, stars) for argument in call.args
    ) and not any(word.arg is None and isinstance(word.value, ast.Dict) for word in call.keywords):
        return call
    arguments: list[ast.expr] = []
    for argument in call.args:
        is_written = isinstance(argument, ast.Starred) and isinstance(argument.value, stars)
        arguments += argument.value.elts if is_written else [argument]  # type: ignore[attr-defined]  # as its kind says
    keywords: list[ast.keyword] = []
    for word in call.keywords:
        match word:
            case ast.keyword(arg=None, value=ast.Dict(keys=keys, values=values)) if all(
                isinstance(key, ast.Constant) and isinstance(key.value, str) for key in keys
            ):
                for key, value in zip(keys, values, strict=True):
                    made = ast.keyword(arg=key.value, value=value)  # type: ignore[union-attr]  # a constant
                    keywords.append(ast.copy_location(made, key or value))
            case _:
                keywords.append(word)
    return ast.copy_location(ast.Call(func=call.func, args=arguments, keywords=keywords), call)


def misspelt_keywords(function: FunctionValue, call: ast.Call) -> list[Misfit]:
    """Return keywords that only `**kwargs` accepts, and that are one typo away from a parameter without a value.

    The parameter with the similar name is meant, and the code that receives the rest won't know the keyword.
    """
    misfits: dict[str, Misfit] = {}
    for definition in function.definitions:
        arguments = definition.args
        if not arguments.kwarg:
            return []
        positional = [*arguments.posonlyargs, *arguments.args][1 if takes_self(function, definition) else 0 :]
        names = {parameter.arg for parameter in (*positional, *arguments.kwonlyargs)}
        filled = {parameter.arg for parameter in positional[: len(call.args)]} | {
            word.arg for word in call.keywords
        }
        for word in call.keywords:
            if word.arg in names:
                misfits.pop(word.arg or "", None)
            elif word.arg and (
                similar := [name for name in _near(word.arg, names, function) if name not in filled]
            ):
                misfits.setdefault(word.arg, Misfit("keyword", word.arg, word, tuple(similar)))
    named = {
        parameter.arg for definition in function.definitions for parameter in parameters(definition.args)
    }
    return [misfit for name, misfit in misfits.items() if name not in named]


def _near(word: str, names: set[str], function: FunctionValue) -> list[str]:
    is_library = function.scope.source.origin == "library"
    return [
        name
        for name in candidates(word, names)
        # A public name is never a typo of a private parameter.
        if (is_library or word.casefold() != name.casefold()) and name.startswith("_") <= word.startswith("_")
    ]


def _wrong_value(engine: Engine, function: FunctionValue, call: ast.Call, scope: Scope,
                 annotations: dict[str, ast.expr | None], positional: list[str]) -> Misfit | None:  # fmt: skip
    """Return a misfit if an argument rules out this overload.

    Overloads are distinguished by constants, as in `open(path, "rb")`, or by the kinds of values.
    """
    arguments = [
        *zip(positional, call.args, strict=False),
        *((word.arg or "", word.value) for word in call.keywords),
    ]
    for name, value in arguments:
        annotation = annotations.get(name)
        if annotation is None:
            continue
        if isinstance(value, ast.Constant):
            allowed = engine.annotations.literals(annotation, function.scope)
            if allowed is not None and not any(
                value.value is literal or value.value == literal for literal in allowed
            ):
                return Misfit("value", name)
        if isinstance(value, ast.Slice):
            if not _is_slice(annotation) and not _may_be_slice(annotation):
                return Misfit("value", name)
            continue
        kinds = engine.infer(value, scope)
        if _is_slice(annotation):
            # A slice may be stored in a variable, so a value of unknown type may be one.
            if isinstance(value, ast.Constant) or (kinds and not any(map(_is_a_slice, kinds))):
                return Misfit("value", name)
        elif not accepts(engine, annotation, function, kinds):
            return Misfit("value", name)
    return None


def _is_a_slice(value: object) -> bool:
    return isinstance(value, Instance) and value.of.name == "slice"


def _is_slice(annotation: ast.expr) -> bool:
    inner = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return isinstance(inner, ast.Name) and inner.id == "slice"


def _may_be_slice(annotation: ast.expr) -> bool:
    return not _is_slice(annotation) and any(
        isinstance(node, ast.Name) and node.id not in {"SupportsIndex", "int", "str"}
        for node in ast.walk(annotation)
    )


PLAIN = frozenset({"str", "bytes", "bytearray", "int", "float", "bool", "dict", "list", "set", "tuple"})


def accepts(engine: Engine, annotation: ast.expr, function: FunctionValue, values: Values) -> bool:
    """Return whether something annotated this way may take any of `values`.

    Only builtin kinds of values are distinguished.
    """
    if not values:
        return True
    expected = engine.annotations.read(annotation, function.scope, dict(function.arguments), function.bound)
    if not expected or not all(
        isinstance(instance, Instance) and instance.of.origin == "library" for instance in expected
    ):
        return True
    names = {instance.of.name for instance in expected if isinstance(instance, Instance)}
    if any(
        instance.of.name != "PathLike" and engine.classes.is_protocol(instance.of)
        for instance in expected
        if isinstance(instance, Instance)
    ):
        return True
    if "float" in names:
        names |= {"int", "bool"}
    if "int" in names:
        names |= {"bool"}
    for value in values:
        if not isinstance(value, Instance) or value.of.origin != "library" or value.of.name not in PLAIN:
            return True
        if any(cls.name in names for cls, _ in engine.classes.mro(value.of, include_third_party=False)[0]):
            return True
    return False


def solved(engine: Engine, function: FunctionValue, definition: Function, call: ast.Call,
           scope: Scope) -> dict[str, Values]:  # fmt: skip
    """Return the values of a function's type parameters, inferred from the arguments of a call."""
    arguments = definition.args
    positional = [*arguments.posonlyargs, *arguments.args][1 if takes_self(function, definition) else 0 :]
    words = {parameter.arg: parameter for parameter in (*positional, *arguments.kwonlyargs)}
    pairs = [
        *zip(positional, call.args, strict=False),
        *((words.get(word.arg or ""), word.value) for word in call.keywords),
    ]
    type_arguments = dict(function.arguments)
    inferred: dict[str, list[Values]] = {}
    for parameter, value in pairs:
        if parameter is None or parameter.annotation is None or isinstance(value, ast.Starred | ast.Slice):
            continue
        for part in _alternatives(parameter.annotation):
            name = part.id if isinstance(part, ast.Name) else ""
            if TYPE_PARAMETER.match(name) and name not in type_arguments:
                inferred.setdefault(name, []).append(engine.infer(value, scope))
            elif (
                isinstance(part, ast.Subscript)
                and isinstance(part.slice, ast.Name)
                and isinstance(part.value, ast.Name)
            ):
                inner = part.slice.id
                if (
                    TYPE_PARAMETER.match(inner)
                    and inner not in type_arguments
                    and part.value.id in {"Iterable", "Sequence"}
                ):
                    inferred.setdefault(inner, []).append(engine.protocols.each(engine.infer(value, scope)))
    return type_arguments | {name: union(values) for name, values in inferred.items()}


def _alternatives(annotation: ast.expr) -> list[ast.expr]:
    if isinstance(annotation, ast.BinOp):
        return [*_alternatives(annotation.left), *_alternatives(annotation.right)]
    return [annotation]


def takes_self(function: FunctionValue, definition: Function) -> bool:
    """Return whether Python itself passes the first argument."""
    return function.bound is not None and not any(
        isinstance(decorator, ast.Name) and decorator.id == "staticmethod"
        for decorator in definition.decorator_list
    )


def signature_of(engine: Engine, value: object, call: ast.Call, scope: Scope) -> FunctionValue | None:
    """Return the function whose signature a call of `value` must fit, or None if it's unknown."""
    if isinstance(value, FunctionValue):
        return _replacing(engine, value, call, scope) or value
    if isinstance(value, ClassValue):
        include_third_party = any(
            word.arg and not engine.is_known_to_packages(word.arg) for word in call.keywords
        )
        return engine.construction.constructor(value.of, include_third_party=include_third_party)
    if (
        isinstance(value, Instance)
        and value.of.origin != "site"
        and value.of.name not in engine.project.bases
    ):
        match engine.attribute_of(value, "__call__"):
            case [FunctionValue() as method]:
                return method
    return None


def _replacing(engine: Engine, function: FunctionValue, call: ast.Call, scope: Scope) -> FunctionValue | None:
    """Return the function whose signature a call that copies a dataclass or named tuple instance must fit."""
    name, module = function.definitions[0].name, function.scope.source.name
    if (name, module) == ("_replace", "typing") and isinstance(function.bound, Instance):
        return engine.construction.replacing(function.bound)
    if name == "replace" and module in {"dataclasses", "copy"} and call.args:
        match engine.infer(call.args[0], scope):
            case [Instance() as copied]:
                made = engine.construction.replacing(copied)
                return replace(made, bound=None) if made is not None else None
    return None


def class_of(value: object) -> Class | None:
    """Return the class of an instance, or the class itself."""
    return value.of if isinstance(value, ClassValue | Instance) else None
