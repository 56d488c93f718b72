"""Detect changes to the state of the process as a whole, which one test file could leave to the next.

This is part of `gate_memory.py`, and runs in the project's interpreter, so it must work with Python 3.7 and later.
"""

from __future__ import annotations

import abc
import codecs
import contextvars
import csv
import decimal
import gc
import locale
import os
import re
import signal
import sys
import tempfile
import threading
import warnings
from typing import Any, Dict, Iterator, List, Set

import gate_memory

assert sys.platform != "win32"  # noqa: S101  read by type checkers: the rest needs POSIX

TIMERS = [
    getattr(signal, name) for name in dir(signal) if name.startswith("ITIMER_") and name != "ITIMER_ERROR"
]
PYTESTS_FOLDER = "pytest-"
RANDOM_NAME = re.compile(r"tmp[a-z0-9_]{8}(?!.)")
"""Names that `tempfile` gives to files; no other process can know one."""


class Before:
    """The state before the file was loaded."""

    state: Dict[str, object] = {}
    path: List[str] = []
    finders: Set[int] = set()


def remember() -> None:
    """Note the current state."""
    Before.finders = set(map(id, sys.meta_path))
    Before.state, Before.path = _state(), list(sys.path)


def differences(root: str) -> Iterator[str]:
    """Yield descriptions of the process state that changed. `root` is the top of the tree."""
    for name, value in _state().items():
        if value != Before.state[name]:
            yield f"it changes {name}"
    installed = [entry for entry in Before.path if not _is_inside(entry, root)]
    if [entry for entry in dict.fromkeys(sys.path) if not _is_inside(entry, root)] != list(
        dict.fromkeys(installed)
    ):
        yield "it changes sys.path"
    if not set(Before.path) <= set(sys.path):
        yield "it takes something from sys.path"
    left = [name for name in os.listdir(tempfile.gettempdir()) if not name.startswith(PYTESTS_FOLDER)]
    yield from (f"it leaves {name} among temporary files" for name in left if not RANDOM_NAME.match(name))


def folders_of_imports(root: str) -> List[str]:
    """Return the folders of the tree that imports search, relative to its top."""
    inside = [os.path.realpath(entry or ".") for entry in sys.path if _is_inside(entry, root)]
    return sorted({entry[len(root) + 1 :] for entry in inside})


def _is_inside(entry: str, root: str) -> bool:
    path = os.path.realpath(entry or ".")
    return path == root or path.startswith(root + os.sep)


def _finders() -> List[int]:
    """Return the import finders that existed before, and those of the tree. Installed packages may add their own."""
    known_ids = Before.finders
    return [
        id(finder)
        for finder in sys.meta_path
        if id(finder) in known_ids or gate_memory.is_own(sys.modules.get(type(finder).__module__))
    ]


def _state() -> Dict[str, object]:
    umask = os.umask(0)
    os.umask(umask)
    context = [(var.name, id(value)) for var, value in contextvars.copy_context().items()]
    numbers = signal.valid_signals() if sys.version_info >= (3, 8) else range(1, signal.NSIG)
    of_threads: Any = threading
    return {
        "the working folder": os.getcwd(),
        "the umask": umask,
        "signal handlers": {int(number): signal.getsignal(number) for number in numbers},
        "running threads": threading.active_count(),
        "the trace function": (
            sys.gettrace(),
            sys.getprofile(),
            of_threads._trace_hook,  # noqa: SLF001  no getter before 3.10
            of_threads._profile_hook,  # noqa: SLF001  no getter before 3.10
        ),
        "the standard streams": (id(sys.stdin), id(sys.stdout), id(sys.stderr)),
        "exception hooks": (
            sys.excepthook,
            getattr(sys, "unraisablehook", None),
            getattr(threading, "excepthook", None),
        ),
        "the import system": _finders(),
        "the recursion limit": sys.getrecursionlimit(),
        "the folder for temporary files": tempfile.tempdir,
        "the locale": locale.setlocale(locale.LC_ALL),
        "the decimal context": repr(decimal.getcontext()),
        "context variables": [item for item in context if item[0] != "decimal_context"],
        "the timeout of sockets": getattr(sys.modules.get("socket"), "getdefaulttimeout", lambda: None)(),
        "garbage collection": (gc.isenabled(), gc.get_threshold()),
        "environment variables": {
            k: v for k, v in os.environ.items() if k not in {"PYTEST_CURRENT_TEST", "PYTEST_VERSION"}
        },
        "warning filters": (list(map(str, warnings.filters)), warnings.showwarning),
        **_in_c(),
    }


def _in_c() -> Dict[str, object]:
    """Return state in C code that can't be reached through memory. Only loaded modules count."""
    policy = getattr(sys.modules.get("asyncio.events"), "_event_loop_policy", None)
    local = getattr(policy, "_local", None)
    return {
        "the dialects of csv": {name: _dialect(name) for name in csv.list_dialects()},
        "the size of csv fields": csv.field_size_limit(),
        "the event loop": (getattr(local, "_loop", None), getattr(local, "_set_called", False)),
        "limits of the process": _limits(),
        "the priority of the process": os.getpriority(os.PRIO_PROCESS, 0),
        "blocked signals": _blocked(),
        "timers": [signal.getitimer(number) for number in TIMERS],
        "the stack size of threads": threading.stack_size(),
        "the switch interval": sys.getswitchinterval(),
        "the limit of digits": getattr(sys, "get_int_max_str_digits", int)(),
        "hooks of asynchronous generators": tuple(sys.get_asyncgen_hooks()),
        "the origin tracking of coroutines": getattr(sys, "get_coroutine_origin_tracking_depth", int)(),
        "the flags of dlopen": getattr(sys, "getdlopenflags", int)(),
        "tools that monitor": [_tool(number) for number in range(6)],
        "what is registered in the interpreter": len(Registered.calls),
    }


def _dialect(name: str) -> Dict[str, object]:
    dialect = csv.get_dialect(name)
    return {field: getattr(dialect, field) for field in dir(dialect) if not field.startswith("_")}


def _limits() -> List[Any]:
    import resource

    numbers = sorted({getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")})
    return [resource.getrlimit(number) for number in numbers]


def _blocked() -> Set[int]:
    return set(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, [])))


def _tool(number: int) -> object:
    monitoring = getattr(sys, "monitoring", None)
    return monitoring.get_tool(number) if monitoring else None


class Registered:
    """Calls of functions whose effects on the interpreter can't be queried or undone."""

    calls: List[str] = []


def watch() -> None:
    """From now on, note such calls, except those of installed packages during their import."""
    for module, name in ((codecs, "register"), (codecs, "register_error"), (sys, "addaudithook")):
        if hasattr(module, name):
            setattr(module, name, _noting(getattr(module, name), name))
    register = abc.ABCMeta.register

    def noting(cls: Any, subclass: Any) -> Any:
        # A class registered where it is defined has never been anything else.
        spec = getattr(sys.modules.get(getattr(subclass, "__module__", "")), "__spec__", None)
        if not getattr(spec, "_initializing", False):
            _note_call("ABCMeta.register")
        return register(cls, subclass)

    noting.__name__, noting.__doc__ = register.__name__, register.__doc__
    setattr(abc.ABCMeta, "register", noting)  # noqa: B010  mypy refuses to assign to a method


def _note_call(name: str) -> None:
    if not gate_memory.Memory.installing:
        Registered.calls.append(name)


def _noting(original: Any, name: str) -> Any:
    def noting(*args: Any) -> Any:
        _note_call(name)
        return original(*args)

    noting.__name__, noting.__doc__ = original.__name__, original.__doc__
    return noting
