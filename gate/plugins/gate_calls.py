"""Record path queries through functions of `os` for which Python raises no sufficient audit event.

This is part of the recorder in `gate_inputs.py`, and runs in the project's interpreter, so it must work with Python 3.7
and later.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, Callable

from gate_record import IMPORTER, Inputs, depends
from gate_writes import place_of

Hook = Callable[[str, Any], None]
ASKING = ("stat", "lstat", "access", "readlink", "statvfs", "pathconf")
MAKING = ("mkfifo", "mknod")
KIND_FUNCTIONS = frozenset({
    "exists", "lexists", "isfile", "isdir", "islink", "ismount", "is_file", "is_dir", "is_symlink", "is_mount",
    "realpath", "_joinrealpath", "resolve",
})  # fmt: skip
KIND_MODULES = frozenset(
    {
        "<frozen genericpath>",
        "<frozen posixpath>",
        "genericpath.py",
        "posixpath.py",
        "pathlib.py",
        "_local.py",
        "__init__.py",
    }
)
ACCESS = os.access
COLLECTS = frozenset({"pytest_ignore_collect", "_get_directory", "_collectfile", "_recurse"})
"""pytest functions that check whether a path is a folder to collect, and use the result for nothing else."""


def wrap(hook: Hook) -> None:
    """Wrap the functions. `hook` is the audit hook."""
    for name in ASKING:
        _replace(name, _asking)
    for name in MAKING:
        _replace(name, lambda original: _making(original, hook))
    _replace("open", lambda original: _opening(original, hook))
    _wrap_importing()
    _wrap_spawning()


def _replace(name: str, wrapper: Callable[[Any], Any]) -> None:
    """Replace a function with its wrapper, also where importlib looks it up, and in the `os.supports_…` sets."""
    original = getattr(os, name, None)
    if original is None:
        return
    wrapped = wrapper(original)
    for module in (os, sys.modules.get("posix")):
        if module is not None:
            setattr(module, name, wrapped)
    for abilities in (
        os.supports_dir_fd,
        os.supports_fd,
        os.supports_follow_symlinks,
        os.supports_effective_ids,
    ):
        if original in abilities:
            abilities.add(wrapped)


def _wants_the_kind(frame: Any) -> bool:
    """Return whether the code that queries a path only wants to know if it is a file or a folder."""
    for _ in range(2):
        if frame is None:
            return False
        code = frame.f_code
        if code.co_name in KIND_FUNCTIONS and os.path.basename(code.co_filename) in KIND_MODULES:
            return True
        if os.sep + "pathlib" not in code.co_filename:
            return False
        frame = frame.f_back
    return False


def _collects(frame: Any) -> bool:
    """Return whether the query comes from pytest's collection of tests."""
    if not Inputs.collecting:
        return False
    while frame is not None and os.path.basename(frame.f_code.co_filename) in KIND_MODULES:
        if f"{os.sep}_pytest{os.sep}" in frame.f_code.co_filename:
            break
        frame = frame.f_back
    if frame is None or frame.f_code.co_name not in COLLECTS:
        return False
    return f"{os.sep}_pytest{os.sep}" in frame.f_code.co_filename


def _asking(original: Any) -> Any:
    """Wrap a function of `os` that queries a path, so that the path is recorded."""

    def asked(path: Any, *args: Any, **kwargs: Any) -> Any:
        with contextlib.suppress(Exception):  # the original function reports an invalid path
            caller = sys._getframe(1)  # noqa: SLF001  only the caller shows the purpose
            if isinstance(path, int):
                pass
            elif caller.f_code.co_filename == IMPORTER:
                Inputs.kinds.add(path if path[:1] == "/" and ".." not in path else place_of(path))
            else:
                kind_only = original is not ACCESS and _wants_the_kind(caller)
                folder = kwargs.get("dir_fd")
                resolved = place_of(path, -1 if folder is None else folder)
                if kind_only and _collects(caller):
                    Inputs.candidates.add(resolved)
                else:
                    (Inputs.kinds if kind_only else Inputs.opened).add(resolved)
        return original(path, *args, **kwargs)

    asked.__name__ = original.__name__
    asked.__doc__ = original.__doc__
    return asked


def _opening(original: Any, hook: Hook) -> Any:
    """Wrap `os.open`, whose audit event doesn't say which folder the path is relative to."""

    def opening(path: Any, flags: int, *args: Any, **kwargs: Any) -> Any:
        folder = kwargs.get("dir_fd")
        if folder is not None and not isinstance(path, int):
            with contextlib.suppress(Exception):  # the original function reports an invalid path
                hook("open", (place_of(path, folder), None, flags))
        return original(path, flags, *args, **kwargs)

    opening.__name__, opening.__doc__ = original.__name__, original.__doc__
    return opening


def _making(original: Any, hook: Hook) -> Any:
    """Wrap a function that creates a file without raising an audit event."""

    def making(path: Any, *args: Any, **kwargs: Any) -> Any:
        folder = kwargs.get("dir_fd")
        hook("os.mkdir", (path, 0, -1 if folder is None else folder))
        return original(path, *args, **kwargs)

    making.__name__, making.__doc__ = original.__name__, original.__doc__
    return making


def _wrap_importing() -> None:
    """Record queries for namespace packages: a folder without modules can be imported, too, or be part of a package."""
    from importlib.machinery import FileFinder, PathFinder

    finders: Any = (PathFinder, FileFinder)
    find, find_in_folder = (finder.find_spec for finder in finders)

    def find_spec(_cls: Any, name: str, path: Any = None, target: Any = None) -> Any:
        spec = find(name, path, target)
        if spec is None or (spec.origin is None and spec.submodule_search_locations is not None):
            for folder in list(sys.path if path is None else path):
                _note_module(folder, name)
        return spec

    def find_spec_in_folder(self: Any, fullname: str, target: Any = None) -> Any:
        if sys._getframe(1).f_code.co_filename != IMPORTER:  # noqa: SLF001  the wrapped finder above handles these
            _note_module(self.path, fullname)
        return find_in_folder(self, fullname, target)

    find_spec.__doc__, find_spec_in_folder.__doc__ = find.__doc__, find_in_folder.__doc__
    finders[0].find_spec = classmethod(find_spec)
    finders[1].find_spec = find_spec_in_folder


def _note_module(folder: Any, name: str) -> None:
    """Record a query for the folder that would be imported as a namespace package of this name."""
    if isinstance(folder, str):
        path = place_of(os.path.join(folder, name.rpartition(".")[2]))
        if any(path.startswith(root + os.sep) for root in Inputs.roots):
            Inputs.kinds.add(path)


def _wrap_spawning() -> None:
    """Record processes started by multiprocessing, which raises no audit event."""
    try:
        import _posixsubprocess
    except ImportError:
        return
    spawner: Any = _posixsubprocess
    original = spawner.fork_exec

    def fork_exec(args: Any, *rest: Any) -> Any:
        # subprocess has already raised an event with the program's name.
        if sys._getframe(1).f_globals.get("__name__") != "subprocess":  # noqa: SLF001  only the caller distinguishes these
            depends("another process is started (multiprocessing)")
        return original(args, *rest)

    spawner.fork_exec = fork_exec
