"""Record path queries through functions of `os` for which Python raises no sufficient audit event.

This is part of the recorder in `gate_inputs.py`, and runs in the project's interpreter, so it must work with Python 3.7
and later.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import Any, Callable, Dict, Iterable, Iterator

import gate_compiled
from gate_record import IMPORTER, STANDARD, Inputs, depends, is_standard
from gate_writes import place_of

Hook = Callable[[str, Any], None]
ASKING = ("stat", "lstat", "access", "readlink", "statvfs", "pathconf")
MAKING = ("mkfifo", "mknod")
KIND_FUNCTIONS = frozenset({
    "exists", "lexists", "isfile", "isdir", "islink", "ismount", "is_file", "is_dir", "is_symlink", "is_mount",
    "realpath", "_joinrealpath", "resolve",
})  # fmt: skip
ACCESS = os.access
WRAPPED = frozenset({"posix", "_posixsubprocess", "_imp"})
"""The modules with the functions that are wrapped."""
COLLECTS = frozenset({"pytest_ignore_collect", "_get_directory", "_collectfile", "_recurse"})
"""pytest functions that check whether a path is a folder to collect, and use the result for nothing else."""


def wrap(hook: Hook) -> None:
    """Wrap the functions. `hook` is the audit hook."""
    wrapped = [
        *_wrapped(os, ASKING, _asking),
        *_wrapped(os, MAKING, lambda original: _making(original, hook)),
        *_wrapped(os, ["open"], lambda original: _opening(original, hook)),
        *_wrapped(os, ["putenv"], gate_compiled.setting),
        *_wrapped(_imported("_posixsubprocess"), ["fork_exec"], _spawning),
        *_wrapped(_imported("_imp"), ["create_builtin", "create_dynamic"], _creating),
        *_wrapped(_imported("_imp"), ["exec_builtin", "exec_dynamic"], _executing),
    ]
    _replace({id(call.original): call for call in wrapped})
    gate_compiled.already_loaded()
    _wrap_importing()


class Wrapped:
    """A function in place of a built-in one. Like that, it doesn't become a method as an attribute of a class."""

    original: Any = None

    def __reduce__(self) -> str:
        """Pickle the function by its name."""
        return str(vars(self)["__name__"])


def _in_place_of(original: Any, call: Callable[..., Any]) -> Wrapped:
    # As a static method of a class of its own, it is called without another frame in between.
    function: Wrapped = type("builtin_function_or_method", (Wrapped,), {"__call__": staticmethod(call)})()
    for name in ("__name__", "__qualname__", "__doc__", "__module__", "__text_signature__"):
        setattr(function, name, getattr(original, name, None))
    function.original = original
    return function


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _wrapped(
    module: Any, names: Iterable[str], wrapper: Callable[[Any], Callable[..., Any]]
) -> Iterator[Wrapped]:
    for name in names:
        original = getattr(module, name, None)
        if original is not None:
            yield _in_place_of(original, wrapper(original))


def _replace(by_id: Dict[int, Any]) -> None:
    """Replace the functions wherever a loaded module or one of its classes refers to them."""
    others = [module for name, module in list(sys.modules.items()) if not name.startswith("gate_")]
    for module in others:
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if id(value) in by_id:
                setattr(module, name, by_id[id(value)])
            elif isinstance(value, type) and value.__module__ == module.__name__:
                for attribute, member in list(value.__dict__.items()):
                    if id(member) in by_id:
                        setattr(value, attribute, by_id[id(member)])
    if hasattr(os.environ, "putenv"):  # until Python 3.8
        setattr(os.environ, "putenv", os.putenv)  # noqa: B010  newer versions don't declare it
    abilities = (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks, os.supports_effective_ids)
    for functions in abilities:
        functions.update([by_id[id(function)] for function in functions if id(function) in by_id])


def _wants_the_kind(frame: Any) -> bool:
    """Return whether the code that queries a path only wants to know if it is a file or a folder."""
    for _ in range(2):
        if frame is None:
            return False
        code = frame.f_code
        if not is_standard(code.co_filename):
            return False
        if code.co_name in KIND_FUNCTIONS:
            return True
        frame = frame.f_back
    return False


def _collects(frame: Any) -> bool:
    """Return whether the query comes from pytest's collection of tests."""
    if not Inputs.collecting:
        return False
    while frame is not None and is_standard(frame.f_code.co_filename):
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

    return asked


def _opening(original: Any, hook: Hook) -> Any:
    """Wrap `os.open`, whose audit event doesn't say which folder the path is relative to."""

    def opening(path: Any, flags: int, *args: Any, **kwargs: Any) -> Any:
        folder = kwargs.get("dir_fd")
        if folder is not None and not isinstance(path, int):
            with contextlib.suppress(Exception):  # the original function reports an invalid path
                hook("open", (place_of(path, folder), None, flags))
        return original(path, flags, *args, **kwargs)

    return opening


def _making(original: Any, hook: Hook) -> Any:
    """Wrap a function that creates a file without raising an audit event."""

    def making(path: Any, *args: Any, **kwargs: Any) -> Any:
        folder = kwargs.get("dir_fd")
        hook("os.mkdir", (path, 0, -1 if folder is None else folder))
        return original(path, *args, **kwargs)

    return making


def _wrap_importing() -> None:
    """Record queries for namespace packages: a folder without modules can be imported, too, or be part of a package."""
    from importlib.machinery import FileFinder, PathFinder, all_suffixes

    finders: Any = (PathFinder, FileFinder)
    usual = frozenset(all_suffixes())
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
        if not usual.issuperset(suffix for suffix, _ in self._loaders):
            # A file of this name may not look like a module.
            Inputs.listed.add(place_of(self.path))
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


def _spawning(original: Any) -> Any:
    """Wrap the function that starts processes: multiprocessing calls it without raising an audit event."""

    def fork_exec(args: Any, *rest: Any) -> Any:
        # subprocess has already raised an event with the program's name.
        caller = sys._getframe(1).f_code  # noqa: SLF001  only the caller distinguishes these
        if caller.co_name != "_execute_child" or caller.co_filename != STANDARD + "subprocess.py":
            depends("another process is started (multiprocessing)")
        return original(args, *rest)

    return fork_exec


def _creating(original: Any) -> Any:
    """Wrap a function that creates compiled modules: new copies of these would have functions that aren't wrapped."""

    def create(spec: Any, *args: Any) -> Any:
        if spec.name in WRAPPED:
            depends(f"{spec.name} is imported again")
        return original(spec, *args)

    return create


def _executing(original: Any) -> Any:
    """Wrap a function that completes compiled modules, some of which look up files without an audit event."""

    def execute(module: Any) -> Any:
        result = original(module)
        gate_compiled.loaded(module)
        return result

    return execute
