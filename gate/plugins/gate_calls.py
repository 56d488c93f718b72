"""Record what functions of `os` are asked about a path where Python raises no audit event that says so.

It belongs to the recorder in `gate_inputs.py`, and runs in the project's interpreter: any Python from 3.7 on has to
understand this file.
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


def wrap(hook: Hook) -> None:
    """Replace the functions; `hook` is that for audit events."""
    for name in ASKING:
        _replace(name, _asking)
    for name in MAKING:
        _replace(name, lambda original: _making(original, hook))
    _replace("open", lambda original: _opening(original, hook))
    _wrap_spawning()


def _replace(name: str, wrapper: Callable[[Any], Any]) -> None:
    """Put a wrapper in the place of a function, also where importlib finds it, and among those that can do more."""
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
    """Whether who asks the system about a path only wants to know if there is a file or a folder."""
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


def _asking(original: Any) -> Any:
    """A function of `os` that asks about a path, and takes it down."""

    def asked(path: Any, *args: Any, **kwargs: Any) -> Any:
        with contextlib.suppress(Exception):  # the original says what is wrong with the path
            caller = sys._getframe(1)  # noqa: SLF001  only the caller shows the purpose
            if isinstance(path, int):
                pass
            elif caller.f_code.co_filename == IMPORTER:
                Inputs.kinds.add(path if path[:1] == "/" and ".." not in path else place_of(path))
            else:
                kind_only = original is not ACCESS and _wants_the_kind(caller)
                folder = kwargs.get("dir_fd")
                resolved = place_of(path, -1 if folder is None else folder)
                (Inputs.kinds if kind_only else Inputs.opened).add(resolved)
        return original(path, *args, **kwargs)

    asked.__name__ = original.__name__
    asked.__doc__ = original.__doc__
    return asked


def _opening(original: Any, hook: Hook) -> Any:
    """`os.open`, whose audit event does not say in which folder the path begins."""

    def opening(path: Any, flags: int, *args: Any, **kwargs: Any) -> Any:
        folder = kwargs.get("dir_fd")
        if folder is not None and not isinstance(path, int):
            with contextlib.suppress(Exception):  # the original says what is wrong with the path
                hook("open", (place_of(path, folder), None, flags))
        return original(path, flags, *args, **kwargs)

    opening.__name__, opening.__doc__ = original.__name__, original.__doc__
    return opening


def _making(original: Any, hook: Hook) -> Any:
    """A function that makes a file, and raises no audit event."""

    def making(path: Any, *args: Any, **kwargs: Any) -> Any:
        folder = kwargs.get("dir_fd")
        hook("os.mkdir", (path, 0, -1 if folder is None else folder))
        return original(path, *args, **kwargs)

    making.__name__, making.__doc__ = original.__name__, original.__doc__
    return making


def _wrap_spawning() -> None:
    """multiprocessing starts processes without an audit event."""
    try:
        import _posixsubprocess
    except ImportError:
        return
    spawner: Any = _posixsubprocess
    original = spawner.fork_exec

    def fork_exec(args: Any, *rest: Any) -> Any:
        # subprocess has raised an event of its own, with the program's name.
        if sys._getframe(1).f_globals.get("__name__") != "subprocess":  # noqa: SLF001  only the caller distinguishes these
            depends("another process is started (multiprocessing)")
        return original(args, *rest)

    spawner.fork_exec = fork_exec
