"""Kept answers: the same question about the same content is answered before anything heavy is imported.

An answer is kept under everything that decides it. What git knows (the commits that the question names, the
log of approvals, the index) is part of its name and asked with a single git call. What lies in files (the
project's environment, gate's own code and tools, git's configuration) are its *witnesses*: if the size or
the time of any has changed, the answer no longer holds. Only decided verdicts are kept, and none beyond the
moment at which an approval would expire.

This module imports nothing but built-in modules; start-up time is its reason to exist.
"""

from __future__ import annotations

import os
import sys
from time import time

from gate.cache_inputs import FIND_ENVIRONMENTS, seen_by_check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

FORMAT = "2"
# Besides the variables of the table in `cache_inputs`: what could make git or the report another one.
ENVIRONMENT = (
    "GIT_INDEX_FILE", "GIT_DIR", "GIT_WORK_TREE", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL",
    "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM",
    "XDG_CONFIG_HOME", "NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "PYTHONIOENCODING", "PYTHONUTF8",
    *FIND_ENVIRONMENTS,
)  # fmt: skip
NAMING_OPTIONS = ("--into", "--head", "--base")
# Options whose answer is more than what is printed, or rests on what a forge says; always worked out.
UNKEPT_OPTIONS = (
    "--record", "--output", "--report", "--reviews", "--fix", "-o", "-h", "--help", "--verbose", "-v",
    "--rerun",
)  # fmt: skip
MOST_KEPT = 200
BELOW = "* "
"""Before a folder in which no file may have changed since the answer was asked for."""


def answer(arguments: list[str]) -> int | None:
    """Print the kept answer to `gate check ARGUMENTS` and return its exit code, or return None."""
    place = find()
    if place is None:
        return None
    git_dir, common_dir = place
    name = question(arguments, git_dir, common_dir)
    if name is None:
        return None
    entry = read(entry_path(f"{common_dir}/gate", name), name)
    if entry is None:
        return None
    code, body = entry
    try:
        sys.stdout.flush()
        written = 0
        while written < len(body):
            written += os.write(sys.stdout.fileno(), body[written:])
    except (OSError, ValueError):
        return None
    return code


def find() -> tuple[str, str] | None:
    """The git folder around the current one, and the one that its worktrees share.

    None where only git itself can tell.
    """
    if os.environ.get("GIT_DIR", ".git") != ".git":
        return None
    try:
        folder = os.getcwd()
    except OSError:
        return None
    while True:
        dot_git = f"{folder}/.git"
        if os.path.isdir(dot_git):
            return dot_git, dot_git
        if os.path.isfile(dot_git):
            return _linked(dot_git, folder)
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def _linked(dot_git: str, folder: str) -> tuple[str, str] | None:
    try:
        with open(dot_git, encoding="utf-8") as file:
            git_dir = os.path.join(folder, file.read().removeprefix("gitdir:").strip())
        with open(f"{git_dir}/commondir", encoding="utf-8") as file:
            return git_dir, os.path.normpath(os.path.join(git_dir, file.read().strip()))
    except (OSError, UnicodeDecodeError):
        return None


def question(arguments: list[str], git_dir: str, common_dir: str) -> str | None:
    """The full name of the question, or None if its answer is not of a kind that is kept."""
    # What is kept was printed; the job summary is written besides.
    if os.environ.get("GITHUB_STEP_SUMMARY") and any(word.endswith("github") for word in arguments):
        return None
    names = ["HEAD", "refs/gate/log", "refs/gate/remotes/origin/log", "refs/remotes/origin/HEAD"]
    branches = ["main", "master"]
    for position, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if option in UNKEPT_OPTIONS:
            return None
        if option in NAMING_OPTIONS:
            value = value if equals else "".join(arguments[position + 1 : position + 2])
            names.append(value)
            branches.append(value)
    for branch in branches:
        names += [f"refs/heads/{branch}", f"refs/remotes/origin/{branch}"]
    if any("\n" in name or "\0" in name for name in names):
        return None
    oids = _resolve(names)
    if oids is None:
        return None
    pointer = _content(f"{common_dir}/refs/remotes/origin/HEAD")
    parts = [
        FORMAT, sys.executable, sys.version, os.getcwd(), repr(arguments), oids, pointer,
        _terminal(), *(f"{name}={os.environ.get(name, '')}" for name in ENVIRONMENT),
        *(f"{name}={value}" for name, value in sorted(seen_by_check(os.environ).items())),
    ]  # fmt: skip
    if "--staged" in arguments:
        index = _index(os.environ.get("GIT_INDEX_FILE") or f"{git_dir}/index")
        if index is None:
            return None
        parts += [index, _content(f"{git_dir}/MERGE_HEAD")]
    return "\x1f".join(parts).replace("\n", "\x1e")


def _terminal() -> str:
    try:
        return f"{os.get_terminal_size(sys.stdout.fileno()).columns} columns"
    except (OSError, ValueError):
        return "no terminal"


def _content(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read().decode("ascii", "replace")
    except OSError:
        return ""


def _index(path: str) -> str | None:
    # The index ends in a checksum of its content; `index.skipHash` leaves zeros there, which say nothing.
    try:
        with open(path, "rb") as file:
            file.seek(-20, os.SEEK_END)
            checksum = file.read().hex()
    except OSError:
        return None
    return checksum if checksum.strip("0") else None


def _resolve(names: list[str]) -> str | None:
    """Ask git for the object of each name, in one call; a name that is not there is said to be missing."""
    ask_read, ask_write = os.pipe()
    tell_read, tell_write = os.pipe()
    try:
        os.write(ask_write, "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape"))
        os.close(ask_write)
        ask_write = -1
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        environment["GIT_NO_REPLACE_OBJECTS"] = "1"
        pid = os.posix_spawnp(
            "git",
            ["git", "cat-file", "--batch-check=%(objectname)"],
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, ask_read, 0),
                (os.POSIX_SPAWN_DUP2, tell_write, 1),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
        )
        os.close(tell_write)
        tell_write = -1
        said = b""
        while chunk := os.read(tell_read, 65536):
            said += chunk
        _, status = os.waitpid(pid, 0)
    except OSError:
        return None
    finally:
        for descriptor in (ask_read, ask_write, tell_read, tell_write):
            if descriptor >= 0:
                os.close(descriptor)
    if status != 0 or said.count(b"\n") != len(names):
        return None
    return said.decode("utf-8", "surrogateescape")


def entry_path(state: str, name: str) -> str:
    """Where the answer to the question `name` is kept. Names may collide: the entry holds the whole one."""
    return f"{state}/answers/{_checksum(name.encode('utf-8', 'surrogateescape')):08x}"


def _checksum(data: bytes) -> int:
    from binascii import crc32

    return crc32(data)


def witness(path: str) -> str:
    """What of the file or folder at `path` must stay as it is."""
    try:
        status = os.stat(path)
    except OSError:
        return f"- {path}"
    return f"{status.st_mtime_ns}.{status.st_size}.{status.st_ino} {path}"


def read(path: str, name: str) -> tuple[int, bytes] | None:
    """The exit code and the text kept at `path` for `name`; None if there is none or it no longer holds."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return None
    checksum, _, data = data.partition(b"\n")
    if checksum != b"%08x" % _checksum(data):
        return None
    head, _, body = data.partition(b"\n\n")
    lines = head.decode("utf-8", "surrogateescape").split("\n")
    if len(lines) < 3 or lines[0] != name or lines[1] not in {"0", "1"}:
        return None
    if lines[2] != "-" and not (lines[2].isdecimal() and time() < int(lines[2])):
        return None
    folders = [line.removeprefix(BELOW) for line in lines[3:] if line.startswith(BELOW)]
    if any(witness(line.partition(" ")[2]) != line for line in lines[3:] if not line.startswith(BELOW)):
        return None
    if folders and not _unchanged_since(path, folders):
        return None
    return int(lines[1]), body


def _unchanged_since(reference: str, folders: list[str]) -> bool:
    """Whether no file below `folders` has changed since the time of the file `reference`, byte code aside.

    Asked of `find`, which looks at thousands of files in the time that Python needs for hundreds.
    """
    hear, tell = os.pipe()
    try:
        pid = os.posix_spawnp(
            "find",
            ["find", "-H", *folders, "-name", "__pycache__", "-prune", "-o", "-cnewer", reference, "-print"],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, tell, 1),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
        )
        os.close(tell)
        tell = -1
        newer = os.read(hear, 4096)
        os.close(hear)
        hear = -1
        _, status = os.waitpid(pid, 0)
    except OSError:
        return False
    finally:
        for descriptor in (hear, tell):
            if descriptor >= 0:
                os.close(descriptor)
    return status == 0 and not newer


def keep(
    state: str,
    name: str,
    code: int,
    body: bytes,
    witnesses: Iterable[str],
    until: int | None = None,
    *,
    folders: Iterable[str] = (),
    started: float = 0.0,
) -> None:
    """Keep `body` and `code` as the answer to `name` while the files in `witnesses` stay as they are.

    So must all files below `folders` since the time `started`, in seconds since the epoch. `until` is the second
    since the epoch at which it stops to hold by itself. Written whole or not at all.
    A file name with a newline cannot be watched: then nothing is kept.
    """
    paths = sorted(set(witnesses))
    below = [f"{BELOW}{folder}" for folder in folders]
    if any("\n" in path for path in [*paths, *below]) or code not in {0, 1}:
        return
    moment = "-" if until is None else str(until)
    lines = [name, str(code), moment, *(witness(path) for path in paths), *below]
    data = "\n".join(lines).encode("utf-8", "surrogateescape") + b"\n\n" + body
    path = entry_path(state, name)
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(b"%08x\n" % _checksum(data) + data)
        os.utime(temporary, (started or time(), started or time()))
        os.replace(temporary, path)
        _forget_oldest(os.path.dirname(path))
    except OSError:
        return


def forget(state: str) -> None:
    """Remove every cached answer."""
    try:
        with os.scandir(f"{state}/answers") as entries:
            for entry in entries:
                os.unlink(entry.path)
    except OSError:
        return


def _forget_oldest(folder: str) -> None:
    with os.scandir(folder) as entries:
        by_age = sorted((entry.stat().st_mtime_ns, entry.path) for entry in entries)
    for _, path in by_age[:-MOST_KEPT]:
        os.unlink(path)
