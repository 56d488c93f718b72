"""Write files atomically, and define the format of all cache entries.

An entry has three parts: a line with the format version and a checksum of the rest, a line with the key, which contains
everything that the entry is valid for, and the body. An entry with another version or key, or a damaged one, counts as
missing, so nothing is ever invalidated.

Caches aren't synced to disk, because the checksum detects damage after a power failure. The user's files are.

This module imports only built-in modules, because the cached answer for an unchanged commit is read with it.
"""

from __future__ import annotations

import os
import sys
from binascii import crc32

MAGIC = b"gate store 1 "


def write_atomically(
    path: str | os.PathLike[str],
    content: bytes,
    *,
    mode: int | None = None,
    modified: float | None = None,
    durable: bool = False,
    expected: bytes | None = None,
) -> None:
    """Create or replace the file at `path` atomically. Raises OSError and leaves nothing behind.

    `mode` is subject to the umask; without it, a replaced file keeps its permissions. `modified` is the modification
    time. With `durable`, the content is synced to disk first. With `expected`, a file is only replaced if it still has
    this content. The folder is created if it is missing.
    """
    target = os.fspath(path)
    folder = os.path.dirname(target) or "."
    temporary = f"{folder}/.gate-{os.getpid()}-{os.urandom(6).hex()}"
    os.makedirs(folder, exist_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            if mode is None:
                _copy_permissions(target, descriptor)
            if durable:
                file.flush()
                os.fsync(descriptor)
        if modified is not None:
            os.utime(temporary, (modified, modified))
        if expected is not None and _content(target) != expected:
            raise OSError(0, "it has just been changed")
        os.replace(temporary, target)
    except BaseException:
        _remove(temporary)
        raise


def write_entry(
    path: str | os.PathLike[str], key: str, body: bytes, *, modified: float | None = None
) -> bool:
    """Store an entry, and return whether that worked. A full disk or a read-only folder isn't an error for a cache.

    A key is one line of text.
    """
    payload = key.encode("utf-8", "surrogateescape") + b"\n" + body
    try:
        write_atomically(path, MAGIC + b"%08x\n" % crc32(payload) + payload, modified=modified)
    except OSError:
        return False
    return True


def read_entry(path: str | os.PathLike[str], key: str) -> bytes | None:
    """Return the body of the entry at `path`, or None unless it is intact and was stored for `key`."""
    head = key.encode("utf-8", "surrogateescape") + b"\n"
    payload = _payload(path)
    return payload[len(head) :] if payload is not None and payload.startswith(head) else None


def key_of_entry(path: str | os.PathLike[str]) -> str:
    """Return the key of the entry at `path` without reading the rest, or ""."""
    try:
        with open(path, "rb") as file:
            first, key = file.readline(), file.readline()
    except OSError:
        return ""
    return key.decode("utf-8", "surrogateescape").removesuffix("\n") if first.startswith(MAGIC) else ""


def _payload(path: str | os.PathLike[str]) -> bytes | None:
    data = _content(os.fspath(path))
    if data is None:
        return None
    first, _, payload = data.partition(b"\n")
    return payload if first == MAGIC + b"%08x" % crc32(payload) else None


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def _copy_permissions(target: str, descriptor: int) -> None:
    try:
        if sys.platform != "win32":
            os.fchmod(descriptor, os.stat(target).st_mode & 0o7777)
    except FileNotFoundError:
        return


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
