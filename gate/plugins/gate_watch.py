"""Record which files of the tree are opened, by any code and any process, with inotify (Linux only).

The recorder in `gate_inputs.py` only observes files opened by Python code. It misses those opened by compiled code (a
database, a certificate, a parser written in C), by other processes, or through a symlink from elsewhere. This module
runs in the project's interpreter, so it must work with Python 3.7 and later.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
from typing import Any, Dict, Set

assert sys.platform != "win32"  # noqa: S101  read by type checkers: the rest needs POSIX

OPEN, OVERFLOW = 0x20, 0x4000
"""An event and a flag of inotify: see inotify(7)."""
HEADER = struct.Struct("iIII")
BLOCK = 1 << 16
OFTEN = 2000
"""After this many opened files, read the events: the kernel queues at most 16,384."""


class Watch:
    """The watched folders, and the paths opened so far."""

    descriptor = -1
    folders: Dict[int, str] = {}
    opened: Set[str] = set()
    since = 0
    failed = ""


def begin(root: str) -> None:
    """Watch every folder of the tree except git's own."""
    if not _is_linux():
        return
    try:
        import ctypes

        library: Any = ctypes.CDLL(None, use_errno=True)
        Watch.descriptor = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        _check(ctypes, Watch.descriptor)
        waiting = [root]
        while waiting:
            folder = waiting.pop()
            number = library.inotify_add_watch(Watch.descriptor, os.fsencode(folder), OPEN)
            _check(ctypes, number)
            Watch.folders[number] = folder
            with os.scandir(folder) as children:
                waiting += [
                    child.path
                    for child in children
                    if child.name != ".git" and child.is_dir(follow_symlinks=False)
                ]
        forget()
    except Exception as error:  # no ctypes, no inotify, or too many watches
        Watch.failed = f"the files that are opened can't be watched ({error})"


def _is_linux() -> bool:
    # A function, since type checkers for other systems would skip the code after an inline test.
    return sys.platform.startswith("linux")


def _check(ctypes: Any, result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def one_more() -> None:
    """Count a file about to be opened. After many of them, read the events before the kernel drops any."""
    Watch.since += 1
    if Watch.since > OFTEN:
        Watch.since = 0
        read()


def read() -> None:
    """Read the pending events."""
    while Watch.descriptor >= 0:
        try:
            data = os.read(Watch.descriptor, BLOCK)
        except OSError as error:
            if error.errno not in {errno.EAGAIN, errno.EWOULDBLOCK}:
                Watch.failed = f"the files that are opened can't be watched ({error})"
            return
        position = 0
        while position < len(data):
            number, flags, _, length = HEADER.unpack_from(data, position)
            position += HEADER.size
            name = os.fsdecode(data[position : position + length].rstrip(b"\0"))
            position += length
            if flags & OVERFLOW:
                Watch.failed = "more files are opened than can be watched"
            folder = Watch.folders.get(number)
            if folder is not None and flags & OPEN:
                Watch.opened.add(os.path.join(folder, name) if name else folder)


def forget() -> None:
    """Discard the pending events."""
    read()
    Watch.opened.clear()
