"""Record the inputs of a test run in the tree: opened files, listed folders, and queried paths.

It starts before pytest, and before anything of the tree can be imported, and writes one JSON object when the process
ends. In another tree in which the recorded inputs are unchanged, the run would see nothing new. Anything that can't be
recorded (other processes, the network, compiled modules of the tree, git's folder) is noted as a reason to depend on
the whole tree.

It imports nothing of gate, and runs in the project's interpreter, so it must work with Python 3.7 and later.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import sys
from typing import Any

import gate_calls
import gate_outside
import gate_variables
import gate_watch
from gate_record import IMPORTER, STANDARD, Inputs, below, depends, is_in_tree, is_standard, tried
from gate_writes import (
    CHANGES,
    MOVES,
    OWN_FOLDERS,
    Writes,
    changed_paths,
    is_foreign,
    left_behind,
    place_of,
    remember,
    wrote,
)

ACCESS_MODE = os.O_RDONLY | os.O_WRONLY | os.O_RDWR
"""The bits of a file's flags that say whether it is opened for reading or writing."""
SETTINGS = "pyproject.toml"
PYTEST = f"{os.sep}_pytest{os.sep}"
METADATA = tuple(
    f"{STANDARD}importlib{os.sep}{name}" for name in ("metadata.py", f"metadata{os.sep}__init__.py")
)
"""Files of the code that lists folders to find installed packages, and reads only their metadata."""
ORIGINS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gate_origins.py")
"""gate's module that finds, at the end, what could have been imported."""
LOADS_CONFTESTS = frozenset({"_set_initial_conftests", "_try_load_conftest"})
READS_SETTINGS = os.sep + os.path.join("_pytest", "config") + os.sep


def _opened(args: Any) -> None:
    gate_watch.one_more()
    path = "" if isinstance(args[0], int) else place_of(args[0])
    if not path:
        return
    if path.startswith("/proc/") and path.endswith("/environ"):
        gate_variables.read_all()
    flags = args[2] if len(args) > 2 and isinstance(args[2], int) else 0
    if Inputs.alone and flags & ACCESS_MODE == os.O_WRONLY and flags & (os.O_TRUNC | os.O_EXCL):
        # Opening a file to write it reveals only whether that is possible.
        tried(path)
    elif path.endswith(SETTINGS) and _for_pytests_settings():
        Inputs.settings.add(path)
    else:
        Inputs.opened.add(path)


def _changed(event: str, args: Any) -> None:
    """Record that something in the file system is created, moved, or removed, even if the attempt fails."""
    paths = changed_paths(event, args)
    for path in paths:
        tried(path)
    if event == "os.rmdir":
        Inputs.listed.update(paths)
    elif event in MOVES and paths:
        moved = paths[0]
        Inputs.opened.add(moved)
        is_folder = moved in Inputs.roots or (below(moved, Inputs.roots) and os.path.isdir(moved))
        if is_folder and not _by_pytest():
            depends("a folder of the tree is moved")
    elif event == "os.symlink":
        target = os.path.join(os.path.dirname(place_of(args[1])), os.fsdecode(args[0]))
        real = os.path.realpath(target).rstrip(os.sep) + os.sep
        if any(
            real.startswith(f"{root}{os.sep}") or f"{root}{os.sep}".startswith(real) for root in Inputs.roots
        ):
            depends("a link to a file of the tree is made")


def _by_pytest() -> bool:
    """Return whether pytest itself does it: it first creates its cache folder under another name."""
    frame: Any = sys._getframe(3)  # noqa: SLF001  only the caller distinguishes these
    while frame is not None and is_standard(frame.f_code.co_filename):
        frame = frame.f_back
    return frame is not None and PYTEST in frame.f_code.co_filename


def _for_pytests_settings() -> bool:
    """Return whether pytest itself opens the file, to read its own section."""
    frame: Any = sys._getframe(3)  # noqa: SLF001  only the caller distinguishes these
    while frame is not None and is_standard(frame.f_code.co_filename):
        frame = frame.f_back
    return frame is not None and READS_SETTINGS in frame.f_code.co_filename


def _listed(args: Any) -> None:
    path = place_of(args[0] if args and args[0] is not None else ".")
    if path:
        caller = sys._getframe(2).f_code  # noqa: SLF001  depends on the caller
        if caller.co_filename in {IMPORTER, ORIGINS}:
            Inputs.searched.add(path)
        elif caller.co_name == "children" and caller.co_filename in METADATA:
            Inputs.distributions.add(path)
        else:
            Inputs.listed.add(path)


def _scanned(args: Any) -> None:
    """Record a listed folder, whose entries know the kinds of files without querying them by name."""
    caller = sys._getframe(2).f_code.co_filename  # noqa: SLF001  only the caller distinguishes these
    if args and ((Inputs.collecting and PYTEST in caller) or _for_conftests()):
        Inputs.collected.add(place_of(args[0]))
        return
    _listed(args)
    if is_standard(caller) or PYTEST in caller:
        return  # these only need to know whether it is a folder
    path = place_of(args[0] if args and args[0] is not None else ".")
    if is_in_tree(path):
        with contextlib.suppress(OSError):  # the caller gets the same error
            Inputs.opened.update(os.path.join(path, name) for name in os.listdir(path))


def _for_conftests() -> bool:
    """Return whether pytest is looking for folders named test*, from which it loads a conftest.py first."""
    frame: Any = sys._getframe(3)  # noqa: SLF001  only the caller distinguishes these
    while frame is not None and (
        frame.f_code.co_name == "<genexpr>" or is_standard(frame.f_code.co_filename)
    ):
        if frame.f_code.co_name in LOADS_CONFTESTS:
            break
        frame = frame.f_back
    return (
        frame is not None
        and frame.f_code.co_name in LOADS_CONFTESTS
        and READS_SETTINGS in frame.f_code.co_filename
    )


HANDLERS = {"open": _opened, "os.listdir": _listed, "os.scandir": _scanned, **gate_outside.HANDLERS}


def _hook(event: str, args: Any) -> None:
    handler = HANDLERS.get(event)
    if Inputs.paused:
        return
    if Inputs.alone or handler is not None or event in CHANGES:
        try:
            if handler is not None:
                handler(args)
            elif event in CHANGES:
                _changed(event, args)
            if Inputs.alone:
                wrote(event, args)
        except Exception as error:
            depends(f"the recorder failed ({type(error).__name__})")


def _compiled_modules() -> None:
    """Record compiled modules of the tree, because no hook observes what they read."""
    endings = (".so", ".pyd", ".dylib")
    real_folders: dict[str, str] = {}
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str):
            folder, name = os.path.split(file)
            if folder not in real_folders:
                real_folders[folder] = os.path.realpath(folder)
            path = os.path.join(real_folders[folder], name)
            if os.path.islink(path):
                path = os.path.realpath(path)
            if not below(path, Inputs.roots):
                continue
            if path.endswith(endings):
                depends("a compiled module of the tree is imported")
            Inputs.opened.add(path)


def _relative(paths: set[str], *, above: bool = False) -> list[str]:
    """Return the paths relative to the tree's top, which is "". With `above`, paths above the tree are ignored."""
    inside = set()
    for path in paths:
        root = below(path, Inputs.roots)
        if root:
            inside.add(path[len(root) + 1 :])
        elif path in Inputs.roots:
            inside.add("")
        elif above and any(root.startswith(path + os.sep) for root in Inputs.roots):
            continue
        elif below(path, Inputs.away) and not (path in Inputs.lent or below(path, Inputs.lent)):
            depends(f"the working tree is read ({path})")
    return sorted(inside)


def _sources(paths: set[str]) -> set[str]:
    """Replace bytecode paths with those of their sources."""
    sources = set()
    for path in paths:
        folder, name = os.path.split(path)
        above, cache = os.path.split(folder)
        if cache == "__pycache__":
            stem = name.rpartition(f".{sys.implementation.cache_tag}")[0] or name.partition(".")[0]
            sources.add(os.path.join(above, f"{stem}.py"))
        else:
            sources.add(path)
    return sources


def pause() -> None:
    """Stop recording: anything this process reads from now on isn't an input of a test."""
    gate_watch.read()
    Inputs.paused = True


def _write() -> None:
    if os.getpid() == Inputs.process:
        _write_record(Inputs.target)


def write_collection() -> None:
    """Write what was read so far, before the first test runs, to a record of its own: the inputs of collection."""
    if Inputs.process == os.getpid() and not Inputs.alone and not Inputs.paused:
        _write_record(os.path.join(os.path.dirname(Inputs.target), "collection"))


def _write_record(target: str) -> None:
    if not Inputs.paused:
        gate_watch.read()
    if gate_watch.Watch.failed:
        depends(gate_watch.Watch.failed)
    _compiled_modules()
    Inputs.kinds |= Writes.passed
    if not Inputs.only_known_files:
        Inputs.listed |= Inputs.collected
        Inputs.kinds |= Inputs.candidates
    fields = {
        "opened": _relative(_sources(Inputs.opened)),
        "settings": _relative(Inputs.settings),
        "listed": _relative(Inputs.listed),
        "searched": _relative(Inputs.searched),
        "kinds": _relative(Inputs.kinds, above=True),
        "distributions": _relative(Inputs.distributions),
        "collected": _relative(Inputs.collected),
        "candidates": _relative(Inputs.candidates, above=True),
        "watched": _relative(_sources(gate_watch.Watch.opened)),
        "variables": sorted(gate_variables.Variables.read),
        "workers": Inputs.workers,
        **(_between_files() if Inputs.alone else {}),
    }
    with open(f"{target}.{os.getpid()}", "w", encoding="ascii") as file:
        json.dump({**fields, "everything": list(Inputs.everything)}, file)


def _between_files() -> dict[str, list[str]]:
    """Return how a test file may influence another: what it leaves in the tree, and writes or reads outside of it."""
    own = (*Inputs.roots, *Inputs.lent, os.path.dirname(Inputs.target))
    seen = {*Inputs.opened, *Inputs.kinds, *Inputs.searched, *(f"{path}/" for path in Inputs.listed)}
    touched = any(
        below(path, Inputs.roots) and not any(f"/{name}/" in path for name in OWN_FOLDERS)
        for path in Writes.written
    )
    left = left_behind(Inputs.roots[-1]) if touched or Inputs.everything else set()
    return {
        "left": _relative(left),
        "written": sorted(path for path in Writes.written if is_foreign(path, own)),
        "outside": sorted(path for path in seen if is_foreign(path.rstrip("/"), own)),
    }


def fork(number: int, temporary: str) -> int:
    """Fork a process for one test file, which inherits the inputs recorded so far. Returns like `os.fork`.

    `number` distinguishes its record from others; `temporary` is its folder for temporary files.
    """
    # From here on, what this process reads is not an input of any test.
    Inputs.paused = True
    if not Writes.before:
        remember(Inputs.roots[-1])
        Inputs.process = -1
    gate_watch.forget()
    child = -1
    if sys.platform != "win32":
        child = os.fork()
    Inputs.paused = False
    if child == 0:
        Inputs.process, Inputs.alone = os.getpid(), temporary
        Inputs.target += f".{number}"
    return child


def _both(folder: str) -> tuple[str, ...]:
    """Return a folder's path as given, and its real path."""
    return tuple({folder: None, os.path.realpath(folder): None}) if folder else ()


def start() -> None:
    """Start recording if `GATE_INPUTS` is set. It names the file to write."""
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
    gate_calls.wrap(_hook)
    gate_variables.begin()
    atexit.register(_write)
    gate_watch.begin(Inputs.roots[-1])
    sys.addaudithook(_hook)
