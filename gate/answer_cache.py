"""Cache printed answers: a repeated `gate check` is answered before anything heavy is imported.

An answer is cached under everything that decides it. What git knows (the commits that the arguments name, the approval
log, the index) is part of the cache key and comes from a single git process. Files outside git (the project's
environment, gate's own code and tools, git's configuration) are dependencies: if the size or time of one changes, the
answer is no longer valid. Only decided verdicts are cached, and none beyond the moment at which an approval expires.

This module imports only built-in modules, because it exists to avoid start-up time.
"""

from __future__ import annotations

import os
import sys
from binascii import crc32
from time import time

from gate.cache_inputs import FIND_ENVIRONMENTS, seen_by_check
from gate.store import read_entry, write_entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FORMAT = "3"
# Variables besides those in `cache_inputs` that could change git's behavior or the report.
ENVIRONMENT = (
    "GIT_INDEX_FILE", "GIT_DIR", "GIT_WORK_TREE", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL",
    "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM",
    "XDG_CONFIG_HOME", "NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "PYTHONIOENCODING", "PYTHONUTF8",
    *FIND_ENVIRONMENTS,
)  # fmt: skip
NAMING_OPTIONS = ("--into", "--head", "--base")
# Options that do more than print, or whose answer depends on a forge: never cached.
UNCACHED_OPTIONS = (
    "--record", "--output", "--report", "--reviews", "--fix", "-o", "-h", "--help", "--verbose", "-v",
    "--rerun",
)  # fmt: skip
MOST_ANSWERS = 200
BELOW = "* "
"""The prefix of a folder in which no file may have changed since the answer was requested."""


def answer(arguments: list[str]) -> int | None:
    """Print the cached answer to `gate check ARGUMENTS` and return its exit code, or return None."""
    folders = git_folders()
    if folders is None:
        return None
    key = cache_key(arguments, *folders)
    if key is None:
        return None
    entry = read_answer(entry_path(f"{folders[1]}/gate", key), key)
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


def git_folders() -> tuple[str, str] | None:
    """Return the git directory of the current folder, and the one that its worktrees share.

    Returns None if only git itself can find them.
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


def cache_key(arguments: list[str], git_dir: str, common_dir: str) -> str | None:
    """Return everything that decides the answer, or None if this kind of answer isn't cached."""
    # Only printed output is cached; the job summary is written separately.
    if os.environ.get("GITHUB_STEP_SUMMARY") and any(word.endswith("github") for word in arguments):
        return None
    names = ["HEAD", "refs/gate/log", "refs/gate/remotes/origin/log", "refs/remotes/origin/HEAD"]
    branches = ["main", "master"]
    for position, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if option in UNCACHED_OPTIONS:
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
    # The index ends with a checksum of its content; `index.skipHash` writes zeros, which identify nothing.
    try:
        with open(path, "rb") as file:
            file.seek(-20, os.SEEK_END)
            checksum = file.read().hex()
    except OSError:
        return None
    return checksum if checksum.strip("0") else None


def _resolve(names: list[str]) -> str | None:
    """Ask git for the object of each name, in one process. Missing objects are part of the result."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment["GIT_NO_REPLACE_OBJECTS"] = "1"
    request = "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
    output = _output(["git", "cat-file", "--batch-check=%(objectname)"], environment, request)
    if output is None or output.count(b"\n") != len(names):
        return None
    return output.decode("utf-8", "surrogateescape")


def _output(
    argv: list[str], environment: Mapping[str, str], stdin: bytes, most: int = sys.maxsize
) -> bytes | None:
    """Return a program's output, or None if it fails, can't be started, or prints more than `most` bytes.

    Importing subprocess would take longer than everything else here. `stdin` must fit into a pipe.
    """
    descriptors = [*os.pipe(), *os.pipe()]
    stdin_read, stdin_write, output_read, output_write = descriptors

    def close(*several: int) -> None:
        for descriptor in several:
            os.close(descriptor)
            descriptors.remove(descriptor)

    try:
        os.write(stdin_write, stdin)
        close(stdin_write)
        pid = _spawn(argv, environment, stdin_read, output_write)
        close(output_write)
        output = b""
        while len(output) < most and (chunk := os.read(output_read, 65536)):
            output += chunk
        close(output_read)
        _, status = os.waitpid(pid, 0)
    except OSError:
        return None
    finally:
        close(*descriptors)
    return output if status == 0 else None


def _spawn(argv: list[str], environment: Mapping[str, str], stdin: int, output: int) -> int:
    """Start a program with these file descriptors as stdin and stdout. Its stderr is discarded."""
    if sys.platform == "win32":
        raise OSError("not supported on Windows")
    else:  # noqa: RET506  the form that type checkers understand
        actions = [
            (os.POSIX_SPAWN_DUP2, stdin, 0),
            (os.POSIX_SPAWN_DUP2, output, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        return os.posix_spawnp(argv[0], argv, environment, file_actions=actions)


def entry_path(state: str, key: str) -> str:
    """Return the path of the answer for `key`. Paths can collide, so the entry contains the whole key."""
    return f"{state}/answers/{crc32(key.encode('utf-8', 'surrogateescape')):08x}"


def stamp(path: str) -> str:
    """Return what must stay the same about the file or folder at `path`."""
    try:
        status = os.stat(path)
    except OSError:
        return f"- {path}"
    return f"{status.st_mtime_ns}.{status.st_size}.{status.st_ino} {path}"


def read_answer(path: str, key: str) -> tuple[int, bytes] | None:
    """Return the exit code and text stored at `path` for `key`, or None if there is none or it is no longer valid."""
    data = read_entry(path, key)
    if data is None:
        return None
    head, _, body = data.partition(b"\n\n")
    lines = head.decode("utf-8", "surrogateescape").split("\n")
    if len(lines) < 2 or lines[0] not in {"0", "1"}:
        return None
    if lines[1] != "-" and not (lines[1].isdecimal() and time() < int(lines[1])):
        return None
    folders = [line.removeprefix(BELOW) for line in lines[2:] if line.startswith(BELOW)]
    if any(stamp(line.partition(" ")[2]) != line for line in lines[2:] if not line.startswith(BELOW)):
        return None
    if folders and not _unchanged_since(path, folders):
        return None
    return int(lines[0]), body


def _unchanged_since(reference: str, folders: list[str]) -> bool:
    """Return whether no file below `folders` changed after the file `reference`, ignoring bytecode.

    Uses `find`, which examines thousands of files in the time that Python needs for hundreds.
    """
    argv = ["find", "-H", *folders, "-name", "__pycache__", "-prune", "-o", "-cnewer", reference, "-print"]
    return _output(argv, os.environ, b"", 1) == b""


def store_answer(
    state: str,
    key: str,
    code: int,
    body: bytes,
    dependencies: Iterable[str],
    until: int | None = None,
    *,
    folders: Iterable[str] = (),
    started: float = 0.0,
) -> None:
    """Store `body` and `code` as the answer for `key`, valid while the files in `dependencies` don't change.

    Files below `folders` must not have changed after `started`, in seconds since the epoch. `until` is when the answer
    expires, in seconds since the epoch. Nothing is stored if a file name contains a newline, because such files can't
    be watched.
    """
    paths = sorted(set(dependencies))
    below = [f"{BELOW}{folder}" for folder in folders]
    if any("\n" in path for path in [*paths, *below]) or code not in {0, 1}:
        return
    lines = [str(code), "-" if until is None else str(until), *map(stamp, paths), *below]
    data = "\n".join(lines).encode("utf-8", "surrogateescape") + b"\n\n" + body
    path = entry_path(state, key)
    if write_entry(path, key, data, modified=started or time()):
        _remove_oldest(os.path.dirname(path))


def clear(state: str) -> None:
    """Delete all cached answers."""
    try:
        with os.scandir(f"{state}/answers") as entries:
            for entry in entries:
                os.unlink(entry.path)
    except OSError:
        return


def _remove_oldest(folder: str) -> None:
    try:
        with os.scandir(folder) as entries:
            by_age = sorted((entry.stat().st_mtime_ns, entry.path) for entry in entries)
        for _, path in by_age[:-MOST_ANSWERS]:
            os.unlink(path)
    except OSError:
        return
