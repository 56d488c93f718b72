"""A format string that doesn't fit its arguments."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from string import Formatter

from gate.finding import Finding
from gate.names.hints.samples import fail, kind_of, samples_of
from gate.names.infer.constants import constant_text
from gate.names.infer.engine import Engine
from gate.names.infer.values import FunctionValue, Instance
from gate.names.report.candidates import FileDiagnostics
from gate.names.rules.context import Context
from gate.names.rules.rule import Examples, code
from gate.names.spelling.similarity import closest
from gate.names.syntax.source import Scope

ID = "wrong-format"
SUMMARY = "A format string that doesn't fit its arguments."
WHY = """\
A TypeError, a KeyError, an IndexError, or a ValueError when the string is formatted, often in an error message that no
test produces. A call of a logger prints a traceback instead of the message. gate compares a literal format string, or
a constant that has one, with arguments that are written out, and asks Python whether it can format values of their
types. It reports no argument that is merely unused by `str.format`."""
BAD: Examples = (
    code("def show(name, count):\n    return '%s: %d of %d' % (name, count)  # <-\n"),
    code(
        "def show(name):\n    return '{name}'.format(nmae=name)  # <- `nmae` is passed: did you mean `name`?\n"
    ),
    code("import logging\n\nlogging.info('%s took %s', 'run')  # <-\n"),
    code("def show(items):\n    return '%d: %s' % (', '.join(items), len(items))  # <- use `%s`\n"),
    code("def show(items):\n    return f'{str(len(items)):05d}'  # <-\n"),
)
GOOD: Examples = (
    code("def show(name, pair):\n    return '%s: %s' % pair, '{}: {}'.format(*pair), '%s%%' % name\n"),
    code("import logging\n\nlogging.info('%(name)s', {'name': 'run'})\nlogging.info('100%')\n"),
)
NODES = (ast.BinOp, ast.Call, ast.JoinedStr)

_CONVERSION = re.compile(
    r"%(?:\((?P<key>[^()]*)\))?[#0\- +]*(?P<width>\*|\d+)?(?:\.(?P<precision>\*|\d*))?[hlL]?(?P<kind>.)?",
    re.DOTALL,
)
_LEVELS = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log"})
_SINGLE = frozenset({"str", "int", "float", "bool", "list", "set"})
"""Classes whose instances count as one argument of `%`, unlike a tuple or a dictionary."""


class Malformed(Exception):
    """A format string that is invalid, or, without a message, one that this module can't read."""


@dataclass
class Fields:
    """The arguments that a format string takes: a number of positional ones, and the names of others."""

    is_bytes: bool = False
    count: int = 0
    names: list[str] = field(default_factory=list)
    conversions: list[str] = field(default_factory=list)
    """What each field after `%` does with its value, such as `%d`; "" for a width or precision."""


def inspect(node: ast.AST, scope: Scope, engine: Engine, diagnostics: FileDiagnostics) -> None:
    """Check a literal that is formatted with `%`, with `str.format`, or by a logger."""
    problem: tuple[str, str] | None = None
    try:
        match node:
            case ast.BinOp(left=ast.Constant(value=bytes(data)), op=ast.Mod(), right=passed):
                problem = _compared(percent_fields(data), passed, scope, engine)
            case ast.BinOp(left=left, op=ast.Mod(), right=passed):
                text = constant_text(engine, left, scope)
                if text is not None:
                    problem = _compared(percent_fields(text), passed, scope, engine)
            case ast.Call(func=ast.Attribute(value=owner, attr="format")):
                text = constant_text(engine, owner, scope)
                if text is not None:
                    problem = _formatted(brace_fields(text), node) or _specified(text, node, scope, engine)
            case ast.JoinedStr(values=parts) if not hasattr(node, "is_template"):
                for part in parts:
                    problem = problem or _in_f_string(part, scope, engine)
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name in _LEVELS:
                problem = _logged(node, scope, engine)
    except Malformed as error:
        problem = (str(error), "") if str(error) else None
    if problem is not None and isinstance(node, ast.expr):
        message, hint = problem
        diagnostics.report(ID, node, message, hint=hint)


def percent_fields(text: str | bytes) -> Fields:
    """Return the fields of a format string for `%`. Raises Malformed if it can't be used or read."""
    is_bytes = isinstance(text, bytes)
    fields = Fields(is_bytes)
    kinds = "diouxXeEfFgGcrsab" if is_bytes else "diouxXeEfFgGcrsa"
    template = text.decode("latin-1") if isinstance(text, bytes) else text
    for match in _CONVERSION.finditer(template):
        kind = match["kind"]
        if kind is None:
            raise Malformed(
                "Incomplete conversion at the end of the format string: write `%%` for a percent sign"
            )
        if kind == "%":
            continue
        if kind == "(":
            # A key that contains parentheses.
            raise Malformed
        if kind not in kinds:
            raise Malformed(f"Unknown conversion `%{kind}`: write `%%` for a percent sign")
        stars = (match["width"] == "*") + (match["precision"] == "*")
        fields.count += stars
        fields.conversions += ["" for _ in range(stars)] + [f"%{kind}"]
        if match["key"] is None:
            fields.count += 1
        else:
            fields.names.append(match["key"])
    if fields.count and fields.names:
        raise Malformed("Format string mixes positional and named conversions")
    return fields


def brace_fields(text: str) -> Fields:
    """Return the fields of a format string for `str.format`. Raises Malformed if it is invalid."""
    fields = Fields()
    numbered = automatic = 0
    try:
        parts = [*Formatter().parse(text)]
        nested = [spec for _, _, spec, _ in parts if spec]
        names = [name for _, name, _, _ in parts if name is not None]
        names += [name for spec in nested for _, name, _, _ in Formatter().parse(spec) if name is not None]
    except ValueError as error:
        raise Malformed(f"Invalid format string: {error}") from None
    for name in names:
        first = re.split(r"[.\[]", name, maxsplit=1)[0]
        if not first:
            automatic += 1
        elif first.isdecimal():
            numbered = max(numbered, int(first) + 1)
        else:
            fields.names.append(first)
    if automatic and numbered:
        raise Malformed("Format string mixes `{}` and numbered fields")
    fields.count = automatic or numbered
    return fields


def _compared(fields: Fields, passed: ast.expr, scope: Scope, engine: Engine) -> tuple[str, str] | None:
    """Return a message and a hint if the value after `%` doesn't fit the fields, else None."""
    match passed:
        case ast.Tuple(elts=items):
            if any(isinstance(item, ast.Starred) for item in items):
                return None
            if fields.names:
                return (
                    "Format string with named conversions expects a dictionary, got a tuple",
                    "use a dictionary",
                )
            return _counted(fields.count, len(items)) or _converted(fields, items, scope, engine)
        case ast.Dict(keys=keys, values=values):
            names = [
                key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
            ]
            if len(names) < len(keys):
                return None
            if fields.names:
                by_name = dict(zip(names, values, strict=True))
                chosen = [by_name.get(name, passed) for name in fields.names]
                return _named(fields.names, names) or _converted(fields, chosen, scope, engine)
            return _counted(fields.count, 1) if fields.count > 1 else None
    if fields.names:
        return None
    if fields.count == 1 and (problem := _converted(fields, [passed], scope, engine)):
        return problem
    match engine.infer(passed, scope):
        case [Instance(of=kind)] if kind.origin == "library" and kind.name in _SINGLE:
            return _counted(fields.count, 1)
    return None


def _formatted(fields: Fields, node: ast.Call) -> tuple[str, str] | None:
    """Return a message and a hint if the arguments of `str.format` don't fit the fields, else None."""
    is_spread = any(isinstance(argument, ast.Starred) for argument in node.args)
    if fields.count > len(node.args) and not is_spread:
        return _counted(fields.count, len(node.args))
    words = [word.arg for word in node.keywords if word.arg]
    return _named(fields.names, words) if len(words) == len(node.keywords) else None


def _logged(node: ast.Call, scope: Scope, engine: Engine) -> tuple[str, str] | None:
    """Return a message and a hint if the arguments of a logger call don't fit, else None."""
    match engine.infer(node.func, scope):
        case [FunctionValue() as function] if function.scope.source.name == "logging":
            arguments = node.args[function.definitions[0].name == "log" :]
            match arguments:
                case [message, *passed] if passed:
                    text = constant_text(engine, message, scope)
                    if text is None or any(isinstance(argument, ast.Starred) for argument in passed):
                        return None
                    fields = percent_fields(text)
                    if fields.names:
                        return _compared(fields, passed[0], scope, engine) if len(passed) == 1 else None
                    return _counted(fields.count, len(passed)) or _converted(fields, passed, scope, engine)
    return None


def _converted(
    fields: Fields, values: Sequence[ast.expr], scope: Scope, engine: Engine
) -> tuple[str, str] | None:
    """Return a message and a hint if Python's `%` can't convert a value as its field says, else None."""
    for conversion, value in zip(fields.conversions, values, strict=False):
        samples = samples_of(value, scope, engine) if conversion else ()
        if fail(partial(_percent, conversion.encode() if fields.is_bytes else conversion), samples):
            hint = (
                "encode it first"
                if fields.is_bytes and any(isinstance(one, str) for one in samples)
                else "use `%s`"
            )
            return f"`{conversion}` can't format {kind_of(samples)}", hint
    return None


def _percent(conversion: str | bytes, value: object) -> object:
    return conversion % (value,)


def _specified(text: str, node: ast.Call, scope: Scope, engine: Engine) -> tuple[str, str] | None:
    """Return a message and a hint if a value can't be formatted as its field in `str.format` says, else None."""
    if any(isinstance(argument, ast.Starred) for argument in node.args):
        return None
    by_name = {word.arg: word.value for word in node.keywords if word.arg}
    automatic = iter(node.args)
    for _, name, spec, conversion in Formatter().parse(text):
        if name is None or "{" in (spec or ""):
            # A nested field takes an argument as well.
            if name is not None:
                return None
            continue
        value = next(automatic, None) if not name else by_name.get(name)
        if name.isdecimal():
            value = node.args[int(name)] if int(name) < len(node.args) else None
        if (
            value is not None
            and spec
            and not conversion
            and (problem := _by_spec(value, spec, scope, engine))
        ):
            return problem
    return None


def _in_f_string(part: ast.expr, scope: Scope, engine: Engine) -> tuple[str, str] | None:
    """Return a message and a hint if a value in an f-string can't be formatted as its field says, else None."""
    match part:
        case ast.FormattedValue(
            value=value, conversion=-1, format_spec=ast.JoinedStr(values=[ast.Constant(value=str(spec))])
        ):
            return _by_spec(value, spec, scope, engine)
    return None


def _by_spec(value: ast.expr, spec: str, scope: Scope, engine: Engine) -> tuple[str, str] | None:
    samples = samples_of(value, scope, engine)
    if fail(lambda one: format(one, spec), samples, errors=(TypeError, ValueError)):
        return f"`:{spec}` can't format {kind_of(samples)}", ""
    return None


def _counted(expected: int, passed: int) -> tuple[str, str] | None:
    if expected == passed:
        return None
    return f"Format string expects {expected} argument{'s' * (expected != 1)}, got {passed}", ""


def _named(expected: list[str], passed: list[str]) -> tuple[str, str] | None:
    for name in expected:
        if name not in passed:
            candidate = closest(name, [word for word in passed if word not in expected])
            # The mistake may also be in the format string.
            hint = f"`{candidate}` is passed: did you mean `{name}`?" if candidate else ""
            return f"Missing argument `{name}` for the format string", hint
    return None


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for format strings that don't fit their arguments."""
    yield from context.decided(ID)
