"""Record what a run of tests looks at in the tree: files opened, folders listed, paths asked about.

It is started before pytest, and before anything of the tree can be imported, and writes one JSON object when the
process ends. A run whose recorded inputs are the same in another tree would see nothing new there. What cannot be
recorded (other processes, the network, compiled modules of the tree, git's folder) is written down as a reason to
depend on everything.

It imports nothing of gate, and runs in the project's interpreter: any Python from 3.7 on has to understand this file.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import sys
from typing import Any

from gate_writes import (
    OWN_FOLDERS,
    Writes,
    is_foreign,
    left_behind,
    place_of,
    remember,
    wrote,
)

ACCESS_MODE = os.O_RDONLY | os.O_WRONLY | os.O_RDWR
"""The part of a file's flags that says whether it is read or written."""
IMPORTER = "<frozen importlib._bootstrap_external>"
HARMLESS = frozenset({"uname", "ldconfig", "lsb_release"})
"""Programs that the standard library starts to learn about the machine, and that read nothing of a project."""
WORKER = "exec(eval(sys.stdin.readline()))"
"""How pytest-xdist starts a worker, which records for itself."""
SETTINGS = "pyproject.toml"
READS_SETTINGS = os.sep + os.path.join("_pytest", "config") + os.sep


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


class Inputs:
    """What has been seen so far. Paths are as the program named them; they are made absolute when they are seen."""

    roots: tuple[str, ...] = ()
    away: tuple[str, ...] = ()
    lent: tuple[str, ...] = ()
    target = ""
    opened: set[str] = set()
    settings: set[str] = set()
    listed: set[str] = set()
    searched: set[str] = set()
    kinds: set[str] = set()
    everything: dict[str, None] = {}
    workers = 0
    process = 0
    paused = False
    alone = ""
    """The folder for temporary files of the one file of tests that this process runs, if it runs just one."""


def _opened(args: Any) -> None:
    path = "" if isinstance(args[0], int) else place_of(args[0])
    if not path:
        return
    if Inputs.alone and len(args) > 2 and args[2] & ACCESS_MODE == os.O_WRONLY:
        # Code that only writes learns nothing, except that it can.
        Inputs.kinds.add(path)
    elif path.endswith(SETTINGS) and _for_pytests_settings():
        Inputs.settings.add(path)
    else:
        Inputs.opened.add(path)


def _for_pytests_settings() -> bool:
    """Whether pytest itself opens the file, to read its own section."""
    frame: Any = sys._getframe(3)  # noqa: SLF001  only the caller distinguishes these
    for _ in range(6):
        if frame is None:
            return False
        if READS_SETTINGS in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False


def _listed(args: Any) -> None:
    path = place_of(args[0] if args and args[0] is not None else ".")
    if path:
        searches = sys._getframe(2).f_code.co_filename == IMPORTER  # noqa: SLF001  the caller decides
        (Inputs.searched if searches else Inputs.listed).add(path)


def _started(args: Any) -> None:
    program, arguments = args[0], args[1] if len(args) > 1 else ()
    words = [os.fsdecode(word) for word in arguments] if isinstance(arguments, (list, tuple)) else []
    name = os.path.basename(os.fsdecode(program) if program else (words or [""])[0])
    if name in HARMLESS:
        return
    if any(WORKER in word for word in words):
        Inputs.workers += 1
    else:
        _depends(f"another process is started ({name})")


def _depends(reason: str) -> None:
    Inputs.everything.setdefault(reason)


def _connected(_args: Any) -> None:
    _depends("a network connection is made")


def _forked(_args: Any) -> None:
    _depends("the process is forked")


def _library(args: Any) -> None:
    name = args[0] if args else None
    path = place_of(name) if isinstance(name, (str, bytes)) and os.sep in os.fsdecode(name) else ""
    if _below(path, Inputs.roots):
        _depends("a library of the tree is loaded")


def _database(args: Any) -> None:
    if args and isinstance(args[0], (str, bytes)) and os.fsdecode(args[0]) != ":memory:":
        Inputs.opened.add(place_of(args[0]))


HANDLERS = {
    "open": _opened,
    "os.listdir": _listed,
    "os.scandir": _listed,
    "subprocess.Popen": _started,
    "os.exec": _started,
    "os.posix_spawn": _started,
    "os.system": lambda args: _started((args[0], [args[0]])),
    "os.fork": _forked,
    "os.forkpty": _forked,
    "socket.connect": _connected,
    "ctypes.dlopen": _library,
    "sqlite3.connect": _database,
}


def _hook(event: str, args: Any) -> None:
    handler = HANDLERS.get(event)
    if Inputs.paused:
        return
    if Inputs.alone or handler is not None:
        try:
            if handler is not None:
                handler(args)
            if Inputs.alone:
                wrote(event, args)
        except Exception as error:
            _depends(f"the recorder failed ({type(error).__name__})")


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
            if not isinstance(path, int):
                kind_only = original is not ACCESS and _wants_the_kind(sys._getframe(1))  # noqa: SLF001  the caller decides
                folder = kwargs.get("dir_fd")
                resolved = place_of(path, -1 if folder is None else folder)
                (Inputs.kinds if kind_only else Inputs.opened).add(resolved)
        return original(path, *args, **kwargs)

    asked.__name__ = original.__name__
    asked.__doc__ = original.__doc__
    return asked


def _opening(original: Any) -> Any:
    """`os.open`, whose audit event does not say in which folder the path begins."""

    def opening(path: Any, flags: int, *args: Any, **kwargs: Any) -> Any:
        folder = kwargs.get("dir_fd")
        if folder is not None and not isinstance(path, int):
            with contextlib.suppress(Exception):  # the original says what is wrong with the path
                _hook("open", (place_of(path, folder), None, flags))
        return original(path, flags, *args, **kwargs)

    opening.__name__, opening.__doc__ = original.__name__, original.__doc__
    return opening


def _compiled_modules() -> None:
    """Compiled modules of the tree read what no hook sees."""
    endings = (".so", ".pyd", ".dylib")
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str):
            path = os.path.realpath(file)
            if not _below(path, Inputs.roots):
                continue
            if path.endswith(endings):
                _depends("a compiled module of the tree is imported")
            Inputs.opened.add(path)


def _below(path: str, folders: tuple[str, ...]) -> str:
    """The first of `folders` that `path` is in; empty if it is in none."""
    return next((folder for folder in folders if path.startswith(folder + os.sep)), "")


def _relative(paths: set[str], *, above: bool = False) -> list[str]:
    """Those below the tree, from its top on; the top itself is empty. With `above`, those above it are no matter."""
    inside = set()
    for path in paths:
        root = _below(path, Inputs.roots)
        if root:
            inside.add(path[len(root) + 1 :])
        elif path in Inputs.roots:
            inside.add("")
        elif above and any(root.startswith(path + os.sep) for root in Inputs.roots):
            continue
        elif _below(path, Inputs.away) and not (path in Inputs.lent or _below(path, Inputs.lent)):
            _depends(f"the working tree is read ({path})")
    return sorted(inside)


def _sources(paths: set[str]) -> set[str]:
    """Byte code counts as its source."""
    sources = set()
    for path in paths:
        folder, name = os.path.split(path)
        above, cache = os.path.split(folder)
        if cache == "__pycache__":
            sources.add(os.path.join(above, f"{name.partition('.')[0]}.py"))
        else:
            sources.add(path)
    return sources


def _write() -> None:
    if os.getpid() != Inputs.process:
        return
    _compiled_modules()
    fields = {
        "opened": _relative(_sources(Inputs.opened)),
        "settings": _relative(Inputs.settings),
        "listed": _relative(Inputs.listed),
        "searched": _relative(Inputs.searched),
        "kinds": _relative(Inputs.kinds, above=True),
        "workers": Inputs.workers,
        **(_between_files() if Inputs.alone else {}),
    }
    with open(f"{Inputs.target}.{os.getpid()}", "w", encoding="ascii") as file:
        json.dump({**fields, "everything": list(Inputs.everything)}, file)


def _between_files() -> dict[str, list[str]]:
    """What one file of tests may hand to another: what it leaves in the tree, writes or reads outside of it."""
    own = (*Inputs.roots, *Inputs.lent, os.path.dirname(Inputs.target))
    seen = {*Inputs.opened, *Inputs.kinds, *Inputs.searched, *(f"{path}/" for path in Inputs.listed)}
    touched = any(
        _below(path, Inputs.roots) and not any(f"/{name}/" in path for name in OWN_FOLDERS)
        for path in Writes.written
    )
    left = left_behind(Inputs.roots[-1]) if touched or Inputs.everything else set()
    return {
        "left": _relative(left),
        "written": sorted(path for path in Writes.written if is_foreign(path, own)),
        "outside": sorted(path for path in seen if is_foreign(path.rstrip("/"), own)),
    }


def fork(number: int, temporary: str) -> int:
    """Start a process of its own for one file of tests, which has seen what this one has. Like `os.fork`.

    `number` distinguishes its record from others; `temporary` is its folder for temporary files.
    """
    # What this process looks at from here on is no test's business.
    Inputs.paused = True
    if not Writes.before:
        remember(Inputs.roots[-1])
        Inputs.process = -1
    child = -1
    if sys.platform != "win32":
        child = os.fork()
    Inputs.paused = False
    if child == 0:
        Inputs.process, Inputs.alone = os.getpid(), temporary
        Inputs.target += f".{number}"
    return child


def _both(folder: str) -> tuple[str, ...]:
    """A folder as it is named, and where it really is."""
    return tuple({folder: None, os.path.realpath(folder): None}) if folder else ()


def start() -> None:
    """Begin to record, if a run is to be recorded: `GATE_INPUTS` says where to."""
    target = os.environ.get("GATE_INPUTS", "")
    if not target or Inputs.process == os.getpid():
        return
    Inputs.target, Inputs.process = target, os.getpid()
    Inputs.roots = _both(os.environ["GATE_INPUTS_TREE"])
    Inputs.away = _both(os.environ.get("GATE_PYTEST_AWAY", ""))
    lent = [
        os.path.dirname(os.path.dirname(Inputs.roots[0])),
        os.environ.get("GATE_PYTEST_PREFIX", ""),
        *os.environ.get("GATE_PYTEST_LENT", "").split(os.pathsep),
    ]
    Inputs.lent = tuple(variant for folder in lent for variant in _both(folder))
    for name in ("stat", "lstat", "access", "readlink"):
        setattr(os, name, _asking(getattr(os, name)))
    setattr(os, "open", _opening(os.open))  # noqa: B010  mypy refuses to assign to a function
    _wrap_spawning()
    atexit.register(_write)
    sys.addaudithook(_hook)


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
        if sys._getframe(1).f_globals.get("__name__") != "subprocess":  # noqa: SLF001  the caller decides
            _depends("another process is started (multiprocessing)")
        return original(args, *rest)

    spawner.fork_exec = fork_exec
