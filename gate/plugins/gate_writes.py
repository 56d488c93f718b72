"""Record what tests write and leave behind: anything that reads it afterwards depends on them.

This is part of the recorder in `gate_inputs.py`, and runs in the project's interpreter, so it must work with Python 3.7
and later.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any, Dict, Iterator, List, Set, Tuple

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
WITH_DIR_FD = {"os.mkdir": 2, "os.remove": 1, "os.rmdir": 1, "os.chmod": 2, "os.chown": 3, "os.utime": 3}
"""Events about one path, with the index of the argument that is the descriptor of its base folder."""
MOVES = frozenset({"os.rename", "os.link"})
ONLY_LOOKS = frozenset({"os.chdir", "os.getxattr", "os.listxattr"})
WITHOUT_DIR_FD = frozenset({"os.truncate", "os.chflags", "os.setxattr", "os.removexattr"})
CHANGES = MOVES | ONLY_LOOKS | WITHOUT_DIR_FD | frozenset({*WITH_DIR_FD, "os.symlink"})
"""Events about paths, except opening and listing: their success depends on what exists."""
OWN_FOLDERS = frozenset({"__pycache__", ".pytest_cache"})
"""Folders that Python and pytest write for themselves, and validate on reading."""
THROUGH_LINKS = ("/proc/", "/dev/fd/", "//")
LINK_OF_PROCESS = re.compile(
    r"/*((?:proc/+(?:thread-)?self|proc/+\d+)(?:/+task/+\d+)?/+(?:cwd|root|fd/+\d+)|dev/+fd/+\d+)(?=/|\Z)"
)
MACHINE = ("/dev", "/proc", "/sys")


class Writes:
    """The paths written so far, and the state of each path in the tree before the run."""

    written: Set[str] = set()
    before: Dict[str, Tuple[int, ...]] = {}
    passed: Set[str] = set()
    """Folders before a `..` in a path: they may be symlinks to elsewhere."""


def place_of(path: Any, dir_fd: int = -1) -> str:
    """Return the absolute path of a program's path argument, or of a folder's descriptor; "" for other descriptors."""
    if isinstance(path, int):
        folder = _folder_behind(path)
        return folder if folder.startswith("/") else ""
    text = os.fsdecode(path)
    if text.startswith(THROUGH_LINKS):
        text = _without_links(text)
    if not text.startswith("/"):
        above = os.getcwd() if dir_fd < 0 else _folder_behind(dir_fd)
        text = os.path.join(above, text)
    if ".." in text:
        parts = text.split("/")
        ups = (number for number, part in enumerate(parts) if part == "..")
        Writes.passed.update(os.path.normpath("/".join(parts[:number]) or "/") for number in ups)
    # Two slashes at the beginning mean the same as one on all supported systems, but `normpath` doesn't assume that.
    return os.path.normpath(f"/{text.lstrip('/')}")


def _without_links(path: str) -> str:
    """Replace the kernel's links to a process's folders and open files at the beginning of a path by their targets."""
    matching = LINK_OF_PROCESS.match(path)
    while matching is not None:
        try:
            target = READLINK(f"/{matching.group(1)}")
        except OSError:
            break
        if not target.startswith("/"):
            break
        path = target + path[matching.end() :]
        matching = LINK_OF_PROCESS.match(path)
    return path


def _folder_behind(descriptor: int) -> str:
    try:
        return READLINK(f"/proc/self/fd/{descriptor}")
    except OSError:
        if sys.platform == "darwin":
            import fcntl

            answer = fcntl.fcntl(descriptor, fcntl.F_GETPATH, b"\0" * 1024)
            return os.fsdecode(answer.rstrip(b"\0"))
        raise


READLINK = os.readlink


def wrote(event: str, args: Any) -> None:
    """Record the paths that an audit event writes, if any."""
    if event == "open":
        if len(args) > 2 and isinstance(args[2], int) and args[2] & WRITES and not isinstance(args[0], int):
            Writes.written.add(place_of(args[0]))
    elif event in CHANGES and event not in ONLY_LOOKS:
        Writes.written.update(changed_paths(event, args))
    elif event == "sqlite3.connect" and isinstance(args[0], (str, bytes)):
        Writes.written.add(place_of(args[0]))


def changed_paths(event: str, args: Any) -> List[str]:
    """Return the paths that one of `CHANGES` affects: both for a move, only the new one for a new link."""
    if event in MOVES:
        descriptors = [*args[2:4], -1, -1]
        return [place_of(path, fd) for path, fd in zip(args[:2], descriptors)]
    if event == "os.symlink":
        return [place_of(args[1], args[2] if len(args) > 2 else -1)]
    position = WITH_DIR_FD.get(event, len(args))
    path = place_of(args[0], args[position] if len(args) > position else -1)
    return [path] if path else []


def is_foreign(path: str, own: Tuple[str, ...]) -> bool:
    """Return whether one program of this run may use a path outside the tree to pass data to another.

    `own` are the folders of the run itself. Files of the interpreter and of the system never count.
    """
    expected_folders = (*own, *MACHINE, sys.prefix, sys.base_prefix, sys.exec_prefix)
    return bool(path) and not any(
        path == folder or path.startswith(folder + os.sep) for folder in expected_folders
    )


def walk(root: str) -> Iterator[Tuple[str, Tuple[int, ...]]]:
    """Yield every path below the tree, with attributes that reveal a write."""
    waiting = [root]
    while waiting:
        with os.scandir(waiting.pop()) as children:
            for entry in children:
                if entry.name in OWN_FOLDERS or entry.name == ".git":
                    continue
                status = entry.stat(follow_symlinks=False)
                folder = entry.is_dir(follow_symlinks=False)
                if folder:
                    waiting.append(entry.path)
                yield (
                    entry.path,
                    (status.st_mode,)
                    if folder
                    else (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino),
                )


def remember(root: str) -> None:
    """Record the state of the tree before anything runs."""
    Writes.before = dict(walk(root))


def left_behind(root: str) -> Set[str]:
    """Return the changed paths below the tree, except bytecode and pytest's cache."""
    now = dict(walk(root))
    return {path for path in {*now, *Writes.before} if now.get(path) != Writes.before.get(path)}
