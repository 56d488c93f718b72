"""Detect what changed in memory since modules were imported, and which modules a test file has loaded.

This is part of `gate_memory.py`, and runs in the project's interpreter, so it must work with Python 3.7 and later.
"""

from __future__ import annotations

import gc
import logging
import os
import re
import sys
import types
from operator import is_
from typing import Any, Dict, Iterator, List, Tuple

from gate_memory import (
    LOCKS,
    PLAIN,
    Memory,
    is_own,
    references,
)

IGNORED = frozenset({
    "__warningregistry__", "__builtins__", "__annotations__", "__slotnames__", "last_type", "last_value",
    "last_traceback", "last_exc",
})  # fmt: skip
"""Names that Python itself binds."""
VOLATILE: Dict[str, Tuple[str, ...]] = {
    "threading": ("_", "excepthook"), "tempfile": ("_name_sequence", "tempdir"), "pdb": ("set_trace",),
    "sys": ("stdin", "stdout", "stderr", "unraisablehook"), "warnings": ("",),
}  # fmt: skip
"""By module, prefixes of names bound by a fork, pytest, or gate; `gate_process.py` compares those that matter."""
MADE_WHEN_NEEDED: Dict[str, Tuple[str, ...]] = {
    "asyncio.events": ("_event_loop_policy",),
    "base64": ("_a85chars", "_a85chars2", "_b85chars", "_b85chars2", "_b85dec"),
    "dbm": ("_defaultmod",), "ftplib": ("_150_re", "_227_re"), "genericpath": ("_varprog", "_varprogb"),
    "ipaddress": ("_address_fmt_re",), "pkgutil": ("_NAME_PATTERN",),
    "platform": ("_uname_cache", "_os_release_cache"), "posixpath": ("_varprog", "_varprogb"),
    "sysconfig": ("_CONFIG_VARS", "_USER_BASE"), "tempfile": ("_name_sequence",),
    "urllib.parse": ("_hextobyte", "_typeprog", "_hostprog", "_portprog"),
    "urllib.request": ("_localhost", "_thishost", "_ftperrors", "_noheaders"), "uuid": ("_node",),
    "zipfile": ("_crctable",),
}  # fmt: skip
"""Names in the standard library that are None until first needed, and then always get the same value."""
LOOKS_AROUND = re.compile(r"\b(?:sys\.modules|__subclasses__|get_objects|get_referrers)\b")
"""What code uses to find modules and classes made by others."""
BY_NAME = re.compile(r"^\s*(?:from|import) conftest\b", re.MULTILINE)
MOST = 3_000_000
"""The largest number of objects to compare; comparing more costs more than it can save."""


def changes() -> Iterator[str]:
    """Yield descriptions of the objects that changed since their import."""
    if len(Memory.reached) > MOST:
        yield "there is too much in memory to compare"
        return
    yield from Memory.hidden
    yield from _modules_replaced()
    yield from _looks_around()
    gc.collect()
    for owner, obj, old in Memory.reached:
        new = references(obj)
        if (len(new) != len(old) or not all(map(is_, new, old))) and _differs(owner, obj, old, new):
            yield f"it changes {_place(owner, obj, old)}"


def loaded() -> Dict[str, str]:
    """Return the modules that this file has loaded, with their paths in the tree; others by top-level name, with ""."""
    names = {}
    for name, module in list(sys.modules.items()):
        if name == "conftest" and not _imports_conftest():
            continue  # each folder has its own, managed by pytest
        if name not in Memory.before and is_own(module):
            names[name] = str(module.__file__)[len(Memory.root) + 1 :]
        elif name not in Memory.before:
            names.setdefault(name.partition(".")[0], "")
    return names


def _imports_conftest() -> bool:
    """Return whether the test file imports a conftest.py by name. Several folders may have one."""
    with open(Memory.file, encoding="utf-8", errors="replace") as source:
        return BY_NAME.search(source.read()) is not None


def _modules_replaced() -> Iterator[str]:
    """Yield modules that replaced imported ones, or that were put into `sys.modules` by hand."""
    for name, module in Memory.modules.items():
        if sys.modules.get(name) is not module:
            yield f"it replaces the module {name}"
    for name, module in list(sys.modules.items()):
        # `__mp_main__` is the name that multiprocessing gives to the program itself.
        if name not in {*Memory.before, "__mp_main__"} and getattr(module, "__spec__", None) is None:
            first = sys.modules.get(name.partition(".")[0])
            if first is module or is_own(first):
                yield f"it puts {name} into sys.modules"


def _looks_around() -> Iterator[str]:
    """Yield code of the tree that queries what other files may have imported or defined."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and is_own(module) and file.endswith(".py"):
            with open(file, encoding="utf-8", errors="replace") as source:
                matches = set(LOOKS_AROUND.findall(source.read()))
            if file != Memory.file and os.path.basename(file) != "conftest.py":
                matches.discard("sys.modules")
            yield from (f"{file[len(Memory.root) + 1 :]} uses {match}" for match in sorted(matches))


def _differs(owner: str, obj: Any, old: List[Any], new: List[Any]) -> bool:
    """Return whether the references of `obj` changed in a way that code could observe."""
    if obj is logging.Logger.manager.loggerDict:
        return _loggers_differ(old, obj)
    if isinstance(obj, dict):
        half = len(old) // 2
        is_module = obj is getattr(Memory.modules.get(owner), "__dict__", None)
        earlier, now = list(zip(old[:half], old[half:])), list(obj.items())
        if is_module:
            names = {name for name, _ in earlier}
            volatile = VOLATILE.get(owner, ())
            now = [(n, value) for n, value in now if n in names or not isinstance(value, types.ModuleType)]
            earlier, now = (
                [(n, v) for n, v in pairs if not n.startswith(volatile)] for pairs in (earlier, now)
            )
            made = {n for n, value in earlier if value is None and n in MADE_WHEN_NEEDED.get(owner, ())}
            earlier, now = ([(n, v) for n, v in pairs if n not in made] for pairs in (earlier, now))
            earlier, now = sorted(earlier, key=_first), sorted(now, key=_first)
        earlier, now = ([(n, v) for n, v in pairs if not _is_ignored(n)] for pairs in (earlier, now))
        old, new = ([part for pair in pairs for part in pair] for pairs in (earlier, now))
    else:
        own = getattr(obj, "__dict__", None)
        if type(own) is dict:
            # An object's dictionary is created on first access.
            old, new = (
                [part for item in items for part in (own.values() if item is own else [item])]
                for items in (old, new)
            )
    return len(old) != len(new) or not all(map(_same, old, new))


def _first(pair: Tuple[str, Any]) -> str:
    return pair[0]


def _is_ignored(name: Any) -> bool:
    return type(name) is str and name in IGNORED


def _loggers_differ(old: List[Any], now: Dict[str, Any]) -> bool:
    """Return whether loggers changed. A new logger that isn't configured doesn't count."""
    half = len(old) // 2
    earlier = dict(zip(old[:half], old[half:]))
    for name, logger in now.items():
        is_new = isinstance(earlier.get(name, logger), logging.PlaceHolder) or name not in earlier
        if (is_new and _is_configured(logger)) or (not is_new and earlier[name] is not logger):
            return True
    return not earlier.keys() <= now.keys()


def _is_configured(logger: Any) -> bool:
    state = getattr(logger, "level", 0), getattr(logger, "handlers", ()), getattr(logger, "filters", ())
    return any(state) or getattr(logger, "disabled", False) or not getattr(logger, "propagate", True)


def _same(first: Any, second: Any) -> bool:
    """Return whether two references lead to the same object, or to equal plain values."""
    if first is second:
        return True
    kind = type(first)
    if kind is not type(second):
        return False
    if kind is tuple:
        return len(first) == len(second) and all(map(_same, first, second))
    return kind in LOCKS or (kind in PLAIN and bool(first == second))


def _place(owner: str, obj: Any, old: List[Any]) -> str:
    """Return the location of an object, as precisely as can be determined quickly."""
    namespace = Memory.modules[owner].__dict__
    if namespace is obj:
        half = len(old) // 2
        earlier = dict(zip(old[:half], old[half:]))
        names = (n for n in {**earlier, **namespace} if not _same(earlier.get(n, obj), namespace.get(n, obj)))
        volatile = VOLATILE.get(owner, ())
        return f"{owner}.{next((n for n in names if not _is_ignored(n) and not n.startswith(volatile)), '')}"
    for name, value in namespace.items():
        if value is obj or getattr(value, "__dict__", None) is obj:
            return f"{owner}.{name}"
    return f"something in {owner} ({type(obj).__name__})"
