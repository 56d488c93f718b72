"""A constant key that an enumeration, a TypedDict, or the environment doesn't have."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.finding import Finding
from gate.names.infer.engine import Engine
from gate.names.infer.typed_dicts import keys_of
from gate.names.infer.values import MISSING, Class, ClassValue, Instance
from gate.names.report.candidates import FileDiagnostics
from gate.names.report.finding import finding_at
from gate.names.rules.context import Context
from gate.names.rules.rule import Examples, code
from gate.names.spelling.environment import variables_meant
from gate.names.spelling.similarity import candidates, is_common_typo
from gate.names.syntax.source import Scope

ID = "unknown-key"
SUMMARY = "A constant key that an enumeration, a TypedDict, or the environment doesn't have."
WHY = """\
Raises a KeyError when the line runs, or a default silently replaces the value. An enumeration has exactly
its members. gate reports a key of a TypedDict or of `os.environ` only if it is a typo: of a key of the class, of a
well-known variable, or of one that the project uses more often."""
BAD: Examples = (
    code('import os\n\nhome = os.environ["HOEM"]  # <- did you mean `HOME`?\n'),
    code(
        'from os import getenv\n\nfirst = getenv("SHOP_TOKEN")\nsecond = getenv("SHOP_TOKEN", "")\n'
        'third = getenv("SHOP_TOEKN")  # <- did you mean `SHOP_TOKEN`?\n'
    ),
    code(
        "from enum import Enum\n\n\nclass Color(Enum):\n    RED = 1\n\n\n"
        'print(Color["REDD"])  # <- did you mean `RED`?\n'
    ),
    code(
        "from typing import TypedDict\n\n\nclass Item(TypedDict):\n    title: str\n\n\n"
        'def show(item: Item):\n    return item["tilte"]  # <- did you mean `title`?\n'
    ),
)
GOOD: Examples = (
    code('import os\n\nname = os.environ["SHOP_HOST"], os.environ.get("USERS"), os.environ.get("HOST")\n'),
    code(
        "from enum import Enum\n\n\nclass Color(Enum):\n    RED = 1\n\n\n"
        'def color(name):\n    return Color[name] if name else Color["RED"]\n'
    ),
)
NODES = (ast.Subscript, ast.Call)


def inspect(node: ast.AST, scope: Scope, engine: Engine, diagnostics: FileDiagnostics) -> None:
    """Check a constant key that is looked up."""
    match node:
        case ast.Subscript(value=mapping, slice=ast.Constant(value=str(text)) as key):
            is_item = isinstance(node.ctx, ast.Load)
        case ast.Call(
            func=ast.Attribute(value=mapping, attr="get" | "pop" | "setdefault"),
            args=[ast.Constant(value=str(text)) as key, *_],
        ):
            is_item = False
        case _:
            return
    match engine.infer(mapping, scope):
        case [ClassValue() as value] if is_item and engine.classes.is_a(value.of, "Enum"):
            if engine.attribute_of(value, text) is MISSING:
                names = {name for name in value.of.scope.names if not name.startswith("_")}
                diagnostics.report(ID, key, f"`{value.of.name}` has no member `{text}`", text, names)
        case [Instance() as value] | [Instance() as value, Instance(of=Class(name="dict", origin="library"))]:
            # A variable annotated with a TypedDict may be inferred as the dict display assigned to it.
            keys = keys_of(engine, value.of) or frozenset()
            if text not in keys and any(is_common_typo(text, name) for name in candidates(text, keys)):
                diagnostics.report(ID, key, f"`{value.of.name}` has no key `{text}`", text, keys)


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for keys of enumerations and TypedDicts, and for environment variables."""
    yield from context.decided(ID)
    for use in context.facts.environment_keys:
        if not use.owner and (suggested := variables_meant(use.name, context.vocabulary.environment)):
            message = f"Unknown environment variable `{use.name}`"
            yield finding_at(context.path, use, ID, message, suggested)
