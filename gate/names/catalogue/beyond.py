"""What is no look-up in Python code: settings that name objects, comments for gate, and files that are no Python."""

from __future__ import annotations

from gate.names.catalogue.rule import Rule, code

RULES = (
    Rule(
        "unknown-reference",
        "A dotted name in settings that doesn't exist in its module.",
        """\
Python looks the name up when the program starts with that setting, or when it logs its first message: often only in
production. gate checks entry points and scripts, Django settings, logging configuration (in Python, YAML, JSON, and ini
files), plugins of pytest and mypy, and the servers and workers in a Procfile. A name is ignored if its first part is
neither in the tree nor installed, or if its package may have more names than gate can read.""",
        (
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
        ),
        (
            {"pyproject.toml": '[project.scripts]\nshop = "not_here.cli:mian"\n'},
            {
                "conf/__init__.py": "",
                "manage.py": 'import os\n\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "conf.local")\n',
            },
        ),
    ),
    Rule(
        "wrong-ignore",
        "A `# gate: ignore` without a rule, or with an unknown one.",
        """\
It ignores nothing, although its author expects it to. An ignore must name its rule, so that it doesn't also hide the
next mistake on the same line.""",
        (
            code("x = 1  # gate: ignore  # <- write which rule: `# gate: ignore[RULE]`\n"),
            code("x = 1  # gate: ignore[undefined-nmae]  # <- did you mean `undefined-name`?\n"),
        ),
        (
            code("import json\n\njson.laods('1')  # gate: ignore[unknown-member]\n"),
            code("print('# gate: ignore is text here')\n"),
        ),
    ),
    Rule(
        "syntax-error",
        "A file that this Python can't parse.",
        "Importing the file fails, and no other rule can check it.",
        (code("def broken(:  # <-\n    pass\n"),),
        (code("match [1]:\n    case [first, *rest]:\n        print(first, rest)\n"),),
    ),
)
