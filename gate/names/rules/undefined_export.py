"""A name in `__all__` that the module doesn't define."""

from __future__ import annotations

from collections.abc import Iterator

from gate.finding import Edit, Finding
from gate.names.resolve.exports import missing_exports
from gate.names.rules.context import Context
from gate.names.rules.rule import Examples, code
from gate.names.spelling.similarity import closest, is_sole

ID = "undefined-export"
SUMMARY = "A name in `__all__` that the module doesn't define."
WHY = (
    "`from module import *` raises an AttributeError, in the importing file instead of where the mistake is."
)
BAD: Examples = (code('__all__ = ["raed"]  # <- did you mean `read`?\n\n\ndef read(): ...\n'),)
GOOD: Examples = (
    code('from os.path import *\n\n__all__ = ["join"]\n'),
    {"package/__init__.py": '__all__ = ["part"]\n', "package/part.py": "x = 1\n"},
    code('__all__ = ["later"]\n\n\ndef __getattr__(name):\n    return name\n'),
)


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for names in `__all__` that the module certainly lacks."""
    if not context.diagnostics.lacks_exports:
        # Asked first: the file needn't be parsed to know that it is right.
        return
    modules = context.vocabulary.modules
    module = modules.module(context.module)
    if module is None:
        return
    for name in missing_exports(context.module, context.facts.exports, modules):
        suggested = closest(name.text, module.own)
        hint = f"did you mean `{suggested}`?" if suggested else ""
        message = f"Undefined name `{name.text}` in `__all__`"
        sole = is_sole(name.text, suggested, module.names)
        fix = (Edit(name.line, name.column, name.text, suggested),) if sole else ()
        yield Finding(context.path, name.line, name.column, name.line, ID, "error", message, hint, fix=fix)
