"""What belongs to a process as a whole, and one file of tests could leave to the next: is it as it was?

It belongs to `gate_memory.py`, and runs in the project's interpreter: any Python from 3.7 on has to understand this
file.
"""

from __future__ import annotations

import contextvars
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

PYTESTS_FOLDER = "pytest-"
RANDOM_NAME = re.compile(r"tmp[a-z0-9_]{8}(?!.)")
"""What `tempfile` calls files: nobody else can know the name."""


class Before:
    """How it was before the file was loaded."""

    state: Dict[str, object] = {}
    path: List[str] = []
    finders: Set[int] = set()


def remember() -> None:
    """Note how everything is."""
    Before.finders = set(map(id, sys.meta_path))
    Before.state, Before.path = _state(), list(sys.path)


def differences(root: str) -> Iterator[str]:
    """What is not as it was, in words; `root` is the top of the tree."""
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
    """The folders of the tree in which imports look, from its top on."""
    inside = [os.path.realpath(entry or ".") for entry in sys.path if _is_inside(entry, root)]
    return sorted({entry[len(root) + 1 :] for entry in inside})


def _is_inside(entry: str, root: str) -> bool:
    path = os.path.realpath(entry or ".")
    return path == root or path.startswith(root + os.sep)


def _finders() -> List[int]:
    """Who looks for modules: those that did so before, and those of the tree. Installed packages may add their own."""
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
        "the trace function": (sys.gettrace(), sys.getprofile(), of_threads._trace_hook),  # noqa: SLF001  no getter before 3.10
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
    }
