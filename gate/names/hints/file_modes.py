"""Check the modes in which files are opened, and whether a file is used as its mode allows."""

from __future__ import annotations

import ast
import codecs
from dataclasses import dataclass

from gate.names.infer.calls import takes_self
from gate.names.infer.values import FunctionValue
from gate.names.syntax.nodes import name_of
from gate.names.syntax.source import Scope


@dataclass(frozen=True, slots=True)
class WrongArgument:
    """An argument of the wrong kind. `hint` says what may be meant."""

    message: str
    hint: str = ""


_COMPRESSED = frozenset({"gzip", "bz2", "lzma"})
_READS = frozenset({"read", "readline", "readlines", "readinto"})
_WRITES = frozenset({"write", "writelines", "truncate"})


def wrong_mode(node: ast.Call, callee: FunctionValue) -> WrongArgument | None:
    """Return a mistake for a mode with which no file can be opened. `callee` is a function called `open` or similar."""
    definition = callee.definitions[0]
    names = [parameter.arg for parameter in (*definition.args.posonlyargs, *definition.args.args)]
    if takes_self(callee, definition):
        names = names[1:]
    is_compressed = callee.scope.source.name in _COMPRESSED
    is_open = {"buffering", "encoding", "newline"} <= set(names)
    if "mode" not in names or not (is_open or is_compressed):
        return None
    if any(isinstance(argument, ast.Starred) for argument in node.args):
        return None
    arguments: dict[str, ast.expr] = dict(zip(names, node.args, strict=False))
    arguments |= {word.arg: word.value for word in node.keywords if word.arg}
    mode = arguments.get("mode")
    if not isinstance(mode, ast.Constant) or not isinstance(mode.value, str):
        return None
    return _unusable(mode.value, is_compressed=is_compressed) or _binary_with_text_options(
        mode.value, arguments
    )


def _unusable(mode: str, *, is_compressed: bool) -> WrongArgument | None:
    letters = "rwxabt" if is_compressed else "rwxabt+"
    if set(mode) - set(letters) or len(set(mode)) < len(mode):
        hint = f'did you mean `encoding="{mode}"`?' if _is_encoding(mode) else ""
        return WrongArgument(
            f'Invalid file mode "{mode}"', hint or "use r, w, x, or a, optionally with b or +"
        )
    if sum(letter in mode for letter in "rwxa") != 1:
        correction = "r+" if set("rw") <= set(mode) and not is_compressed else ""
        hint = f'did you mean "{correction}"?' if correction else "use r, w, x, or a"
        return WrongArgument(f'Invalid file mode "{mode}": it needs exactly one of r, w, x, and a', hint)
    if {"b", "t"} <= set(mode):
        return WrongArgument(f'Invalid file mode "{mode}": it is both binary and text', "remove b or t")
    return None


def _binary_with_text_options(mode: str, arguments: dict[str, ast.expr]) -> WrongArgument | None:
    for name in ("encoding", "errors", "newline"):
        value = arguments.get(name)
        if "b" in mode and isinstance(value, ast.Constant) and value.value is not None:
            return WrongArgument(
                f'`{name}` isn\'t allowed in binary mode "{mode}"', f"remove `{name}` or the b"
            )
    return None


def _is_encoding(text: str) -> bool:
    try:
        codecs.lookup(text)
    except (LookupError, ValueError):
        return False
    return True


def against_mode(node: ast.Call, scope: Scope) -> WrongArgument | None:
    """Return a mistake if a file is read that was opened for writing only, or the reverse, else None."""
    match node.func:
        case ast.Attribute(value=ast.Name(id=name), attr=method) if method in _READS | _WRITES:
            modes = _modes_of(name, scope)
        case ast.Attribute(value=ast.Call() as call, attr=method) if method in _READS | _WRITES:
            modes = [_mode_in(call, scope)]
        case _:
            return None
    if not modes or None in modes or any("+" in mode for mode in modes if mode):
        return None
    is_readable = {"r" in (mode or "") for mode in modes}
    if method in _READS and is_readable == {False}:
        return WrongArgument(
            f'`{method}` fails on a file opened with "{modes[0]}"', 'open it with "r" or "r+"'
        )
    if method in _WRITES and is_readable == {True}:
        return WrongArgument(
            f'`{method}` fails on a file opened with "{modes[0]}"', 'open it with "w" or "a"'
        )
    return None


def _modes_of(name: str, scope: Scope) -> list[str | None]:
    """Return the mode of each `open` whose file a name may be, or None for anything else."""
    resolved = scope.lookup(name)
    if resolved is None or (resolved[1].kind == "module" and name in scope.source.made_global):
        return []
    bindings, owner = resolved
    return [
        _mode_in(binding.node, owner)
        if binding.how in {"value", "entered"} and not binding.path and isinstance(binding.node, ast.Call)
        else None
        for binding in bindings
    ]


def _mode_in(call: ast.Call, scope: Scope) -> str | None:
    """Return the mode in a call of the builtin `open`, or None if it isn't that, or its mode isn't written out."""
    if (
        name_of(call.func) != "open"
        or not isinstance(call.func, ast.Name)
        or scope.lookup("open") is not None
    ):
        return None
    if scope.source.scope.stars or (len(call.args) > 2 and isinstance(call.args[0], ast.Starred)):
        return None
    mode = (
        call.args[1]
        if len(call.args) > 1
        else next((word.value for word in call.keywords if word.arg == "mode"), ast.Constant("r"))
    )
    if any(isinstance(argument, ast.Starred) for argument in call.args) or any(
        word.arg is None for word in call.keywords
    ):
        return None
    return mode.value if isinstance(mode, ast.Constant) and isinstance(mode.value, str) else None
