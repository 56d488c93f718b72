"""Names that are defined without an import: by Python, and by the tools that load some files."""

from __future__ import annotations

import builtins
import re

from gate.names.syntax.source import Scope, Source

BUILTINS = frozenset(dir(builtins)) | {
    "__file__", "__name__", "__path__", "__doc__", "__spec__", "__package__", "__loader__", "__builtins__",
    "__annotations__", "__dict__", "__class__", "__module__", "__qualname__", "WindowsError", "reveal_type",
    "_",
}  # fmt: skip
_GIVEN_BY_TOOLS = {
    "conf": {"tags"},
    "ipython_config": {"get_config", "c"},
    "ipython_kernel_config": {"get_config", "c"},
    "jupyter_config": {"get_config", "c"},
    "jupyter_server_config": {"get_config", "c"},
    "jupyter_notebook_config": {"get_config", "c"},
    "jupyterhub_config": {"get_config", "c"},
    "SConstruct": {"Environment", "ARGUMENTS", "Export", "Import", "SConscript"},
}
"""By module name, names that Sphinx, Jupyter, and SCons define in the files they read."""
_USES_IPYTHON = re.compile(rb"(?m)^\s*(?:from|import)\s+IPython\b|\bload_ipython_extension\b|^# %%")
"""In code that IPython runs, `get_ipython` is a builtin."""
OF_PYTHON_2 = frozenset({"unicode", "basestring", "long", "unichr", "xrange", "raw_input", "reduce", "reload", "file",
                         "execfile", "cmp", "apply", "buffer", "intern", "coerce", "StandardError"})  # fmt: skip
"""Builtins of Python 2."""


def is_defined_by_tool(name: str, source: Source) -> bool:
    """Return whether the tool that loads files of this name defines `name` in them."""
    if name == "get_ipython":
        return _USES_IPYTHON.search(source.data) is not None
    return name in _GIVEN_BY_TOOLS.get(source.name.rpartition(".")[2], ())


def is_defined_here(name: str, scope: Scope) -> bool:
    """Return whether Python defines a special name in this scope. Some exist only in packages or class bodies."""
    match name:
        case "__path__":
            return scope.source.is_package
        case "__module__" | "__qualname__":
            return scope.kind == "class"
        case "__class__":
            around: Scope | None = scope if scope.kind == "function" else None
            while around is not None and around.kind != "class":
                around = around.parent
            return around is not None
    return True
