"""Detect whether a test file leaves anything in memory that another file in the same process could observe.

When the import of a module has ended, the references of all objects reachable from it are noted. `gate_compare.py` then
finds what has changed, and `gate_process.py` compares the state of the process as a whole.

It runs in the project's interpreter, so it must work with Python 3.7 and later.
"""

from __future__ import annotations

import enum
import functools
import gc
import importlib._bootstrap as _bootstrap
import inspect
import io
import linecache
import logging
import os
import random
import sys
import threading
import types
import typing
import weakref
from operator import is_
from typing import Any, Dict, Iterator, List, Set, Tuple

Reached = Tuple[str, Any, List[Any]]
"""The module in which an object was reached, the object, and its references."""

bootstrap: Any = _bootstrap
CACHED_FUNCTION: Any = functools._lru_cache_wrapper  # noqa: SLF001  it has no public name
PLAIN = frozenset({str, bytes, int, float, complex, bool, type(None)})
LOCKS = frozenset({type(threading.Lock()), type(threading.RLock())})
ATOMS = PLAIN | LOCKS | {
    types.CodeType, types.FrameType, types.TracebackType, type(Ellipsis), type(NotImplemented), range, slice,
    weakref.ref, weakref.KeyedRef, types.MethodDescriptorType, types.WrapperDescriptorType, types.MethodWrapperType,
    types.ClassMethodDescriptorType, types.MemberDescriptorType, types.GetSetDescriptorType, logging.PlaceHolder,
}  # fmt: skip
"""Types whose objects can't be changed, or can't pass anything on."""
TRANSPARENT = frozenset({
    "builtins.type", "builtins.object", "builtins.dict", "builtins.list", "builtins.tuple", "builtins.set",
    "builtins.frozenset", "builtins.function", "builtins.cell", "builtins.method", "builtins.mappingproxy",
    "builtins.classmethod", "builtins.staticmethod", "builtins.property", "builtins.bytearray", "builtins.super",
    "builtins.builtin_function_or_method", "builtins.builtin_method", "builtins.module", "builtins.str",
    "builtins.bytes", "builtins.int", "builtins.float", "builtins.complex", "builtins.BaseException",
    "functools.partial", "functools._lru_cache_wrapper", "collections.deque", "collections.defaultdict",
    "collections.OrderedDict", "_collections._tuplegetter", "collections._tuplegetter", "re.Pattern", "re.Match",
    "datetime.datetime",
    "datetime.date", "datetime.time", "datetime.timedelta", "datetime.tzinfo", "datetime.timezone",
    "decimal.Decimal", "_struct.Struct", "operator.itemgetter", "operator.attrgetter", "operator.methodcaller",
    "_io.BytesIO", "_io.StringIO", "_thread._local", "_random.Random", "types.GenericAlias",
    "types.UnionType", "types.SimpleNamespace", "typing.TypeVar", "typing.ParamSpec", "typing.Union",
    "zoneinfo.ZoneInfo", "builtins.ContextVar", "_contextvars.ContextVar", "weakref.ReferenceType",
    "weakref.weakref", "builtins.NoneType", "_thread.lock", "_thread.RLock", "_io._IOBase", "_io._TextIOBase",
    "_io._BufferedIOBase", "_io._RawIOBase", "_abc._abc_data",
})  # fmt: skip
"""C types whose state is what they refer to, which are constant, or which `references` handles."""
HEAP_TYPE = 1 << 9
PYTESTS = frozenset({
    "_pytest", "pytest", "pluggy", "iniconfig", "__main__", "hypothesis", "_hypothesis_globals",
    "_hypothesis_pytestplugin", "anyio", "xdist", "execnet", "pytest_cov", "coverage", "pytest_asyncio", "pytest_mock",
    "pytest_timeout",
})  # fmt: skip
"""pytest and these plugins, trusted not to let one file affect another except as designed."""
GATES = "gate_"
CACHES = {
    "encodings": ("_cache",), "_strptime": ("_regex_cache", "_TimeRE_cache"),
    "re": ("_cache", "_cache2"), "platform": ("_sys_version_cache", "_uname_cache", "_platform_cache"),
}  # fmt: skip
"""By module of the standard library that may be imported later, names that decide no outcome."""


class Memory:
    """The objects noted so far."""

    reached: List[Reached] = []
    seen: Set[int] = set()
    modules: Dict[str, Any] = {}
    before: Set[str] = set()
    waiting: List[str] = []
    namespaces: List[int] = []
    harmless: List[Any] = []
    opaque: Dict[type, bool] = {}
    hidden: Dict[str, None] = {}
    installing = 0
    root = ""
    file = ""


def references(obj: Any) -> List[Any]:
    """Return the objects that `obj` refers to, in an order that is stable while nothing changes."""
    if isinstance(obj, dict):
        return [*dict.keys(obj), *dict.values(obj)]
    if isinstance(obj, types.FunctionType):
        own = obj.__dict__
        return [
            obj.__code__,
            obj.__defaults__,
            obj.__kwdefaults__,
            *(obj.__closure__ or ()),
            *own,
            *own.values(),
        ]
    if isinstance(obj, logging.Logger):
        state = (obj.level, obj.propagate, obj.disabled, obj.parent)
        return [*state, obj.handlers, obj.filters]
    if isinstance(obj, bytearray):
        return [bytes(obj)]
    if isinstance(obj, random.Random):
        return [obj.getstate()]
    if isinstance(obj, (io.BytesIO, io.StringIO)) and not obj.closed:
        return [obj.getvalue()]
    return gc.get_referents(obj)


def is_noted(obj: Any) -> bool:
    """Return whether an object is mutable, so that another file could observe a change."""
    kind = type(obj)
    if kind in ATOMS or str(kind.__module__).startswith(
        ("_pytest.", "pluggy", "_frozen_importlib", "importlib.")
    ):
        return False
    if isinstance(obj, type):
        return bool(obj.__flags__ & HEAP_TYPE) and not str(obj.__module__).startswith(("_pytest.", "pluggy"))
    # The content of sys.modules is recorded separately.
    if kind is dict:
        return (
            "__spec__" not in obj
            or getattr(sys.modules.get(obj.get("__name__")), "__dict__", None) is not obj
        )
    if isinstance(obj, types.ModuleType):
        return sys.modules.get(obj.__name__) is not obj
    if kind is types.BuiltinFunctionType:
        return not isinstance(obj.__self__, (types.ModuleType, type, type(None)))
    return kind.__name__ != "_abc_data" and (
        gc.is_tracked(obj) or not is_transparent(kind) or kind is bytearray
    )


def is_transparent(kind: type) -> bool:
    """Return whether the references of an object of this type reveal its whole state."""
    opaque = Memory.opaque.get(kind)
    if opaque is None:
        opaque = Memory.opaque[kind] = any(
            f"{base.__module__}.{base.__qualname__}" not in TRANSPARENT
            for base in kind.__mro__
            if not is_python(base)
        )
    return not opaque


def is_python(kind: type) -> bool:
    """Return whether a class is written in Python."""
    file = getattr(sys.modules.get(str(kind.__module__)), "__file__", None)
    if isinstance(file, str) and not file.endswith(".py"):
        return False
    return bool(kind.__flags__ & HEAP_TYPE) and "__module__" in kind.__dict__ and isinstance(file, str)


def note(name: str) -> None:
    """Note the objects that are reachable from a loaded module."""
    module = sys.modules.get(name)
    namespace = getattr(module, "__dict__", None)
    if type(namespace) is not dict or name.partition(".")[0] in PYTESTS or name.startswith(GATES):
        return
    if Memory.file and getattr(module, "__file__", None) == Memory.file:
        return
    Memory.modules[name] = module
    Memory.seen.update(id(namespace[cache]) for cache in CACHES.get(name, ()) if cache in namespace)
    if not is_own(module):
        Memory.namespaces.append(len(Memory.reached))
    Memory.seen.add(id(namespace))
    refs = references(namespace)
    Memory.reached.append((name, namespace, refs))
    _walk(name, list(refs))


def _walk(name: str, waiting: List[Any]) -> None:
    """Note everything reachable from `waiting` that wasn't reached before."""
    seen, reached = Memory.seen, Memory.reached
    module = Memory.modules[name]
    own, library = is_own(module), is_library(module)
    while waiting:
        obj = waiting.pop()
        if id(obj) in seen or not is_noted(obj):
            continue
        seen.add(id(obj))
        if library and isinstance(obj, CACHED_FUNCTION):
            continue
        if own and not is_transparent(type(obj)):
            Memory.hidden.setdefault(
                f"{name} holds an object whose content cannot be compared ({type(obj).__name__})"
            )
        if isinstance(obj, enum.EnumMeta):
            seen.add(id(obj.__dict__.get("_value2member_map_")))  # combined flags are created on demand
        if isinstance(obj, types.FunctionType):
            seen.update(_cache_of_dispatch(obj))
        refs = references(obj)
        reached.append((name, obj, refs))
        waiting += refs


def _cache_of_dispatch(function: Any) -> Iterator[int]:
    """Yield the ids of the objects in which `functools.singledispatch` caches lookups in its registry."""
    dispatch = function.__dict__.get("dispatch")
    code = getattr(dispatch, "__code__", None)
    if code is not None and code.co_filename == functools.singledispatch.__code__.co_filename:
        for name, cell in zip(code.co_freevars, dispatch.__closure__):
            if name in {"cache_token", "dispatch_cache"}:
                yield id(cell)
                yield id(cell.cell_contents)


def is_library(module: Any) -> bool:
    """Return whether a module belongs to the standard library, whose caches never affect an outcome."""
    file = getattr(module, "__file__", None)
    return file is None or (file.startswith(os.path.dirname(os.__file__)) and "-packages" not in file)


def is_own(module: Any) -> bool:
    """Return whether a module, or a module spec, comes from the tree."""
    file = getattr(module, "__file__", None) or getattr(module, "origin", None)
    return isinstance(file, str) and file.startswith(Memory.root + os.sep)


def begin(root: str) -> None:
    """Note all loaded modules, and from now on every module when its import has ended."""
    Memory.root = root
    load = bootstrap._load_unlocked  # noqa: SLF001  the only sign that an import has ended

    def load_and_note(spec: Any) -> Any:
        installed = not is_own(spec)
        Memory.installing += installed
        try:
            return load(spec)
        finally:
            Memory.installing -= installed
            if not installed:
                note(spec.name)
            else:
                # It doesn't matter how installed packages change each other, only their final state.
                Memory.waiting.append(spec.name)
                if not Memory.installing:
                    _note_installed()

    bootstrap._load_unlocked = load_and_note  # noqa: SLF001  the import system calls this function
    private = [
        (inspect, "_filesbymodname"), (logging, "_handlers"), (logging, "_handlerList"), (random, "_inst"),
        (logging, "_at_fork_reinit_lock_weakset"), (typing, "_overload_registry"), (typing, "_cleanups"),
        (weakref, "finalize"), (os.environ, "_data"),
    ]  # fmt: skip
    caches = [
        sys.modules,
        sys.path,
        sys.meta_path,
        sys.path_importer_cache,
        linecache.cache,
        inspect.modulesbyfile,
    ]
    streams = [sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__]
    Memory.harmless = [*streams, *caches, *(getattr(where, name, None) for where, name in private)]
    Memory.before.update(sys.modules)
    note_all()


def note_all() -> None:
    """Note everything again, because earlier changes apply to every file."""
    Memory.reached, Memory.namespaces, Memory.seen = [], [], set(map(id, Memory.harmless))
    for name in list(sys.modules):
        note(name)


def _note_installed() -> None:
    """Note what importing an installed package added, including to existing modules."""
    brought: Set[str] = set()
    while Memory.waiting:
        name = Memory.waiting.pop()
        if not is_library(sys.modules.get(name)):
            brought.add(name.partition(".")[0])
        note(name)
    for index in Memory.namespaces if brought else ():
        owner, namespace, old = Memory.reached[index]
        new = references(namespace)
        if len(new) != len(old) or not all(map(is_, new, old)):
            half = len(old) // 2
            earlier = dict(zip(old[:half], old[half:]))
            changed = [value for name, value in namespace.items() if earlier.get(name, earlier) is not value]
            if all(str(getattr(value, "__module__", "")).partition(".")[0] in brought for value in changed):
                Memory.reached[index] = (owner, namespace, new)
                _walk(owner, list(new))
