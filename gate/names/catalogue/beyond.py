"""What is no look-up in Python code: settings that name objects, comments for gate, and files that are no Python."""

from __future__ import annotations

from gate.names.catalogue.rule import Rule, code

RULES = (
    Rule(
        "unknown-reference",
        "A dotted name in settings whose module is there, and has no such name.",
        """\
The name is looked up when the program starts in that setting, or when the first message is logged: often only
in production. Followed are entry points and scripts, Django's settings, configurations of logging (in Python,
YAML, JSON and ini files), plugins of pytest and mypy, and the servers and workers of a Procfile. A name whose
first part is neither in the tree nor installed is left alone, as is one in a package that may have more than
can be read.""",
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
        "A `# gate: ignore` that names no rule, or one that there is not.",
        """\
It silences nothing, though whoever wrote it believes that it does. An ignore names what it is about, so that
it does not hide the next mistake on the same line as well.""",
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
        "A file that is no Python which this interpreter can read.",
        "Whatever imports it fails, and no other rule can see into it.",
        (code("def broken(:  # <-\n    pass\n"),),
        (code("match [1]:\n    case [first, *rest]:\n        print(first, rest)\n"),),
    ),
)
