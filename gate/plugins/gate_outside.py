"""Record what a test run uses beyond the files that it opens itself: processes, connections, libraries, databases.

Most of it can't be recorded, so the run depends on the whole tree. This is part of the recorder in `gate_inputs.py`,
and runs in the project's interpreter, so it must work with Python 3.7 and later.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from gate_record import STANDARD, Inputs, depends, is_in_tree, is_standard, tried
from gate_writes import place_of

HARMLESS = frozenset({"uname", "ldconfig", "lsb_release"})
"""Programs that the standard library starts to inspect the machine, and that read nothing of a project."""
INSPECTS = tuple(os.path.join(STANDARD, *name.split("/")) for name in ("platform.py", "ctypes/util.py"))
"""The files of the code that starts them."""
STARTS = tuple(STANDARD + name for name in ("subprocess.py", "os.py"))
"""The files of the code through which it does that."""
WORKER = "exec(eval(sys.stdin.readline()))"
"""How pytest-xdist starts a worker, which makes its own record."""


def _started(args: Any) -> None:
    program, arguments = args[0], args[1] if len(args) > 1 else ()
    words = [os.fsdecode(word) for word in arguments] if isinstance(arguments, (list, tuple)) else []
    path = os.fsdecode(program) if program else (words or [""])[0]
    name = os.path.basename(path)
    if name in HARMLESS and _by_standard_library() and not _may_be_in_tree(path):
        return
    if any(WORKER in word for word in words):
        Inputs.workers += 1
    else:
        depends(f"another process is started ({name})")


def _by_standard_library() -> bool:
    """Return whether the standard library starts a program to get information about the machine."""
    frame: Any = sys._getframe(3)  # noqa: SLF001  only the caller distinguishes these
    while frame is not None and frame.f_code.co_filename in STARTS:
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename in INSPECTS


def _may_be_in_tree(program: str) -> bool:
    """Return whether a program may come from the tree: it is there, or it is searched for there."""
    folders = [os.path.dirname(program)] if os.sep in program else os.get_exec_path()
    return any(is_in_tree(place_of(folder or ".")) for folder in folders)


def _connected(_args: Any) -> None:
    depends("a network connection is made")


def _sent(args: Any) -> None:
    # Without an address, the message goes to where the socket has been connected.
    if len(args) > 1 and args[1] is not None:
        _connected(args)


def _forked(_args: Any) -> None:
    depends("the process is forked")


def _library(args: Any) -> None:
    name = args[0] if args else None
    path = place_of(name) if isinstance(name, (str, bytes)) and os.sep in os.fsdecode(name) else ""
    if is_in_tree(path):
        depends("a library of the tree is loaded")


def _called(_args: Any) -> None:
    """Record that a library function is looked up with ctypes. If code of the tree does that, it could do anything.

    The standard library looks up functions only for others, some of them in a thread of its own.
    """
    frame: Any = sys._getframe(2)  # noqa: SLF001  only the caller distinguishes these
    while frame is not None and is_standard(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None or is_in_tree(os.path.abspath(frame.f_code.co_filename)):
        depends("a C function is called (ctypes)")


def _new_interpreter(_args: Any) -> None:
    depends("another interpreter is started")


def _bound(args: Any) -> None:
    address = args[1] if len(args) > 1 else None
    if isinstance(address, (str, bytes)) and os.fsdecode(address)[:1] not in {"", "\0"}:
        tried(place_of(address))


def _database(args: Any) -> None:
    if not args or not isinstance(args[0], (str, bytes)):
        return
    name = os.fsdecode(args[0])
    if name.startswith("file:"):
        from urllib.parse import unquote, urlsplit

        name = unquote(urlsplit(name).path)
    if name not in {"", ":memory:"}:
        # SQLite looks for the two files with which it would recover the database.
        path = place_of(name)
        Inputs.opened.update((path, f"{path}-journal", f"{path}-wal"))


def _extended(_args: Any) -> None:
    depends("SQLite loads an extension")


HANDLERS = {
    "subprocess.Popen": _started,
    "os.exec": _started,
    "os.posix_spawn": _started,
    "os.system": lambda args: _started((args[0], [args[0]])),
    "os.fork": _forked,
    "os.forkpty": _forked,
    "socket.connect": _connected,
    "socket.sendto": _connected,
    "socket.sendmsg": _sent,
    "cpython.PyInterpreterState_New": _new_interpreter,
    "socket.bind": _bound,
    "ctypes.dlopen": _library,
    "ctypes.dlsym": _called,
    "ctypes.dlsym/handle": _called,
    "sqlite3.connect": _database,
    "sqlite3.load_extension": _extended,
}
"""By audit event, the function that gets its arguments. They rely on being called by the audit hook itself."""
