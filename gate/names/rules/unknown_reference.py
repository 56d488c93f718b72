"""A dotted name in settings that doesn't exist in its module."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.finding import Edit, Finding
from gate.names.infer.calls import class_of
from gate.names.infer.engine import Engine
from gate.names.infer.values import MISSING, ModuleValue, Values
from gate.names.report.candidates import FileDiagnostics
from gate.names.rules.context import Context
from gate.names.rules.lookups import label, names_of
from gate.names.rules.rule import Examples, code
from gate.names.syntax.nodes import dotted_name
from gate.names.syntax.object_references import patched_object
from gate.names.syntax.source import Scope

ID = "unknown-reference"
SUMMARY = "A dotted name in settings, or the target of a mock, that doesn't exist."
WHY = """\
Python looks the name up when the program starts with that setting, or when it logs its first message: often only in
production. gate checks entry points and scripts, Django settings, logging configuration (in Python, YAML, JSON, and ini
files), plugins of pytest and mypy, the servers and workers in a Procfile, and what tests replace with
`patch.object(Shop, "sell")`, `patch("shop.Shop.sell")`, or `monkeypatch.setattr`. A name is ignored if its first part
is neither in the tree nor installed, or if its package may have more names than gate can read."""
BAD: Examples = (
    {
        "shop/__init__.py": "",
        "shop/cli.py": "def main(): ...\n",
        "pyproject.toml": ('[project.scripts]\nshop = "shop.cli:mian"  # <- did you mean `main`?\n'),
    },
    {
        "shop/__init__.py": "",
        "shop/middleware.py": "class Timing: ...\n",
        "settings.py": (
            'INSTALLED_APPS = []\nMIDDLEWARE = [\n    "shop.midleware.Timing",'
            "  # <- did you mean `middleware`?\n]\n"
        ),
    },
    {
        "logging.yaml": (
            "version: 1\nhandlers:\n  file:\n"
            "    class: logging.handlers.RotatingFileHandlr  # <- did you mean `RotatingFileHandler`?\n"
        ),
    },
    code(
        "from unittest import mock\n\n\nclass Shop:\n    def sell(self): ...\n\n\n"
        'def test_shop():\n    with mock.patch.object(Shop, "slel"):  # <- did you mean `sell`?\n        ...\n'
    ),
)
GOOD: Examples = (
    {"pyproject.toml": '[project.scripts]\nshop = "not_here.cli:mian"\n'},
    {
        "conf/__init__.py": "",
        "manage.py": 'import os\n\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "conf.local")\n',
    },
)


NODES = (ast.Call,)


def inspect(node: ast.AST, scope: Scope, engine: Engine, diagnostics: FileDiagnostics) -> None:
    """Check an attribute that a test replaces: on an object, or at the end of a dotted name."""
    target = patched_object(node) if isinstance(node, ast.Call) else None
    if target is None:
        return
    owner, text = target
    if owner is not None:
        _report(diagnostics, engine, engine.infer(owner, scope), str(text.value), text, dotted_name(owner))
        return
    path, _, name = str(text.value).rpartition(".")
    if engine.modules.module(path) is None:
        # Look up a module-level name like one in settings.
        _report(diagnostics, engine, _at(engine, path), name, text, path)


def _at(engine: Engine, path: str) -> Values:
    """Return the values that a dotted name resolves to, or None if they are unknown."""
    module, _, name = path.rpartition(".")
    if not module:
        return None
    if engine.modules.module(module) is not None:
        return engine.names.member_or_unknown(module, name)
    owners = _at(engine, module)
    if not owners or len(owners) != 1:
        return None
    attribute = engine.attribute_of(owners[0], name)
    return None if attribute is MISSING else attribute


def _report(
    diagnostics: FileDiagnostics, engine: Engine, owners: Values, name: str, text: ast.Constant, shown: str
) -> None:
    if not owners or len(owners) != 1 or engine.attribute_of(owners[0], name) is not MISSING:
        return
    position = text.lineno, text.col_offset + 2 + len(str(text.value)) - len(name)
    kind = class_of(owners[0])
    if isinstance(owners[0], ModuleValue):
        is_third_party = engine.modules.origin(owners[0].name) == "site"
    else:
        is_third_party = kind is not None and kind.origin == "site"
    diagnostics.report(
        ID,
        text,
        f"`{shown or label(owners[0])}` has no attribute `{name}` to patch",
        name,
        names_of(engine, owners[0]),
        unless_defined_in="anywhere" if is_third_party else "",
        at=position,
    )


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for names of objects in strings that certainly don't resolve."""
    yield from context.decided(ID)
    for reference, missing in context.references.missing(context.path, context.facts.references):
        parts = reference.text.replace(":", ".").split(".")
        name = parts[missing.part]
        column = reference.column + sum(len(part) + 1 for part in parts[: missing.part])
        hint = f"did you mean `{missing.suggested}`?" if missing.suggested else ""
        fix = (Edit(reference.line, column, name, missing.suggested),) if missing.is_sole else ()
        message = f"Can't resolve `{reference.text}`: `{missing.owner}` has no attribute `{name}`"
        yield Finding(
            context.path, reference.line, column, reference.line, ID, "error", message, hint, fix=fix
        )
