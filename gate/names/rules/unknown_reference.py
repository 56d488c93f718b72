"""A dotted name in settings that doesn't exist in its module."""

from __future__ import annotations

from collections.abc import Iterator

from gate.names.report.finding import Edit, Finding
from gate.names.rules.context import Context
from gate.names.rules.rule import Examples

ID = "unknown-reference"
SUMMARY = "A dotted name in settings that doesn't exist in its module."
WHY = """\
Python looks the name up when the program starts with that setting, or when it logs its first message: often only in
production. gate checks entry points and scripts, Django settings, logging configuration (in Python, YAML, JSON, and ini
files), plugins of pytest and mypy, and the servers and workers in a Procfile. A name is ignored if its first part is
neither in the tree nor installed, or if its package may have more names than gate can read."""
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
)
GOOD: Examples = (
    {"pyproject.toml": '[project.scripts]\nshop = "not_here.cli:mian"\n'},
    {
        "conf/__init__.py": "",
        "manage.py": 'import os\n\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "conf.local")\n',
    },
)


def check(context: Context) -> Iterator[Finding]:
    """Names of objects in strings that surely lead nowhere."""
    for reference, missing in context.references.missing(context.path, context.facts.references):
        parts = reference.text.replace(":", ".").split(".")
        name = parts[missing.part]
        column = reference.column + sum(len(part) + 1 for part in parts[: missing.part])
        hint = f"did you mean `{missing.suggested}`?" if missing.suggested else ""
        fix = (Edit(reference.line, column, name, missing.suggested),) if missing.is_sole else ()
        message = f"`{reference.text}` leads nowhere: `{missing.owner}` has no `{name}`"
        yield Finding(context.path, reference.line, column, reference.line, ID, message, hint, fix)
