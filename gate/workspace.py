"""Check out the tree to be checked: in a clean checkout of gate's own, never in the user's working tree.

Each checkout is in `<common git folder>/gate/trees/<role>-<n>/` and is reused for other trees. Its own git directory
beside it (`<role>-<n>.git`) borrows the repository's objects and has none of the user's refs. Tools that run git in the
checkout get sensible answers and can't change the user's branches, index, or files.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gate.errors import CannotDecide
from gate.git.as_cloned import (
    History,
    fill_lfs,
    fill_submodules,
    filter_settings,
    filtered_paths,
    gitlinks_in,
    refs_of,
)
from gate.git.partial_clone import bring
from gate.git.repository import Repository
from gate.model import decode_path
from gate.platforms import locked

NO_HISTORY = History()
UNUSED_FOR = 14 * 24 * 3600
MOST_SLOTS = 16
# A checkout is like a clone: the tree's attributes count, the user's settings don't, except for the filters
# that these attributes name. No hooks, no file watcher. Timestamps alone don't prove that a file is as git left
# it: tests may have set them back.
CONFIG = """\
[core]
\trepositoryformatversion = 0
\tbare = false
\tfilemode = true
\tsymlinks = true
\tautocrlf = false
\teol = lf
\tsafecrlf = false
\thooksPath = /dev/null
\tfsmonitor = false
\tuntrackedCache = false
\ttrustctime = true
\tattributesFile = /dev/null
\tsplitIndex = false
\tlogAllRefUpdates = false
[gc]
\tauto = 0
[advice]
\tdetachedHead = false
[user]
\tname = gate
\temail = gate@localhost
[commit]
\tgpgSign = false
"""
CONFIG_SHA256 = CONFIG.replace("version = 0", "version = 1") + "[extensions]\n\tobjectFormat = sha256\n"
SHA1 = 40
REMEMBERED = "absent"
"""The file of a git folder that lists what a clone would have and this checkout doesn't."""


class CheckedTree:
    """A tree of the repository, checked out when `path` is first used.

    `tree` is its object id, and `history` the ancestors of its HEAD. Use it only inside the `with` block that created
    it: afterwards, another run may reuse the folder.
    """

    def __init__(
        self, repository: Repository, tree: str, role: str, stack: contextlib.ExitStack, history: History
    ) -> None:
        """Use `Workspace.tree` instead."""
        self.tree = tree
        self.history = history
        self._slot: _Slot | None = None
        self._repository = repository
        self._role = role
        self._stack = stack
        self._path: Path | None = None
        self._lock = threading.Lock()

    @property
    def path(self) -> Path:
        """The folder with exactly this tree. Raises CannotDecide if it can't be written."""
        with self._lock:
            if self._path is None:
                bring(self._repository, self.tree)
                slot = self._stack.enter_context(_slot(self._repository, self._role))
                slot.move_to(self.tree, self.history)
                self._slot, self._path = slot, slot.tree
            return self._path

    @property
    def absent(self) -> tuple[str, ...]:
        """What a clone would have and the checkout lacks, one sentence each. Empty before it is checked out."""
        return self._slot.absent if self._slot else ()

    def history_was_read(self) -> bool:
        """Whether anything read the checkout's HEAD since it was created. True if that is unknown."""
        return self._slot is not None and self._slot.history_was_read()


class Workspace:
    """The checkouts of one repository."""

    def __init__(self, repository: Repository) -> None:
        """Create the object. Nothing is written before a tree's path is used."""
        self._repository = repository

    @contextlib.contextmanager
    def tree(self, oid: str, role: str = "head", history: History = NO_HISTORY) -> Iterator[CheckedTree]:
        """Yield the tree `oid`. `role` separates trees that are needed side by side, so that each checkout stays
        warm.
        """
        with contextlib.ExitStack() as stack:
            yield CheckedTree(self._repository, oid, role, stack, history)


class _Slot:
    def __init__(self, repository: Repository, folder: Path, name: str) -> None:
        self._repository = repository
        self.tree = folder / name
        self.git_dir = folder / f"{name}.git"
        # Not in the git folder that the tree points to: `git update-index` in a test must not reach it.
        self._index = folder / f"{name}.index"
        self.absent: tuple[str, ...] = ()
        self._tells_time = False

    def move_to(self, tree: str, history: History) -> None:
        """Update the folder to exactly `tree`. A folder that can't be repaired is recreated."""
        # Code that ran in the tree may have replaced it with a symlink, whose target isn't gate's.
        if not any(path.is_symlink() for path in (self.tree, self._index)) and self.tree.is_dir():
            with contextlib.suppress(CannotDecide, OSError):
                self._move(tree, history)
                return
        try:
            for leftover in (self.tree, self.git_dir, self._index):
                remove(leftover)
            self.tree.mkdir(parents=True)
            self._move(tree, history)
        except OSError as error:
            raise CannotDecide(
                f"the tree to check cannot be written below {self.tree.parent}: {error.strerror or error}",
                "gate needs free space and write access in the git folder",
            ) from error

    def _make_git_dir(self, tree: str) -> None:
        """Recreate the git directory, because a test in the checkout may have left anything in it."""
        remove(self.git_dir)
        for folder in ("objects/info", "objects/pack", "refs/heads", "info"):
            (self.git_dir / folder).mkdir(parents=True)
        (self.git_dir / "HEAD").write_text("ref: refs/heads/gate\n")
        config = (CONFIG if len(tree) == SHA1 else CONFIG_SHA256) + filter_settings(self._repository)
        (self.git_dir / "config").write_text(config, "utf-8", "surrogateescape")
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(self._repository.common_dir / "shallow", self.git_dir / "shallow")
        self._lend_objects()
        self._forget_filtered(config)

    def _git(self, *args: str) -> bytes:
        return self._run(*args)

    def _run(self, *args: str, stdin: bytes = b"") -> bytes:
        env = {
            "GIT_DIR": str(self.git_dir),
            "GIT_WORK_TREE": str(self.tree),
            "GIT_INDEX_FILE": str(self._index),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_OPTIONAL_LOCKS": "1",
        }
        return self._repository.run(*args, stdin=stdin, env=env)

    def _forget_filtered(self, config: str) -> None:
        """Rewrite files that were written with different filters."""
        note = self._index.with_suffix(".filters")
        with contextlib.suppress(OSError):
            if not note.is_symlink() and note.read_text("utf-8", "surrogateescape") == config:
                return
        remove(self._index)
        remove(note)
        note.write_text(config, "utf-8", "surrogateescape")

    def _move(self, tree: str, history: History) -> None:
        remove(self._index.with_name(f"{self._index.name}.lock"))
        self._make_git_dir(tree)
        prepare(self.tree)
        again = self._differing(tree) if self._is_from_this_second() else []
        self._git("read-tree", "--reset", "-u", tree)
        self._git("clean", "-ffdxq")
        staged = self._empty_submodules()
        if modified := self._git("ls-files", "--modified", "-z"):
            # Attributes convert this content back to other bytes than git stores. What git writes is right.
            self._run("checkout-index", "--force", "-z", "--stdin", stdin=modified)
        if self._git("ls-files", "--others", "--deleted", "-z"):
            raise CannotDecide(f"{self.tree} cannot be brought to tree {tree}")
        (self.git_dir / "packed-refs").write_bytes(refs_of(self._repository) if history.parents else b"")
        head = self.git_dir / "HEAD"
        head.write_bytes(history.head(self._repository, tree))
        shutil.copyfile(self._index, self.git_dir / "index")
        self.absent = (*self._fill_filtered(), *self._fill_submodules(staged))
        (self.tree / ".git").write_bytes(os.fsencode(f"gitdir: {self.git_dir}\n"))
        make_old(self.tree, again)
        self._tells_time = _notes_reading(head)
        os.utime(head, (0, head.stat().st_mtime))

    def history_was_read(self) -> bool:
        """Return whether HEAD was read since its access time was set back."""
        return not self._tells_time or (self.git_dir / "HEAD").stat().st_atime > 0

    def _fill_filtered(self) -> Iterator[str]:
        """Write LFS content, and yield messages about paths whose content would differ in a clone."""
        listed = self._git("ls-files", "-z")
        if b".gitattributes\0" not in listed:
            return
        named = list(filtered_paths(self._run("check-attr", "-z", "--stdin", "filter", stdin=listed)))
        missing = fill_lfs(self._repository, self.tree, [path for path, name in named if name == "lfs"])
        if missing:
            yield (
                f"{_first(missing)} {'is' if len(missing) == 1 else 'are'} LFS pointers: the content is not here "
                "(`git lfs pull`)"
            )
        config = (self.git_dir / "config").read_text("utf-8", "surrogateescape")
        for name in sorted({name for _, name in named if name != "lfs"}):
            if f'[filter "{name}"]' not in config:
                paths = [path for path, filter_name in named if filter_name == name]
                yield f"{_first(paths)}: the filter `{name}` is not configured here, so its content is as git stores it"

    def _fill_submodules(self, staged: bytes) -> Iterator[str]:
        absent = fill_submodules(
            self._repository, self.tree, gitlinks_in(staged), self._index.with_suffix(".submodule")
        )
        for path in absent:
            yield f"the submodule {path} is not here (`git submodule update --init`)"

    def _is_from_this_second(self) -> bool:
        """Return whether files of the previous tree may have the same timestamp, in seconds, as those written now."""
        return self._index.exists() and int(self._index.stat().st_mtime) >= int(time.time())

    def _differing(self, tree: str) -> list[str]:
        """Return the paths of `tree` for which the index has a different entry, or none."""
        # Paths that only the index has are left out: they could lead through a symlink in the tree.
        raw = self._git(
            "diff-index", "--cached", "--name-only", "--no-renames", "--diff-filter=a", "-z", tree
        )
        return [decode_path(path) for path in raw.split(b"\0")[:-1]]

    def _empty_submodules(self) -> bytes:
        """Empty the folders of submodules, which git itself ignores, and return the index entries."""
        entries = self._git("ls-files", "--stage", "-z")
        if b"160000 " not in entries:
            return b""
        for entry in entries.split(b"\0"):
            if entry.startswith(b"160000 "):
                folder = self.tree / decode_path(entry.partition(b"\t")[2])
                remove(folder)
                folder.mkdir(parents=True, exist_ok=True)
        return entries

    def _lend_objects(self) -> None:
        folders = [str(folder) for folder in self._repository.object_dirs]
        # In a quarantine, the pushed objects are in a folder that only the environment names.
        if "GIT_QUARANTINE_PATH" in os.environ:
            folders.insert(0, os.environ["GIT_QUARANTINE_PATH"])
        (self.git_dir / "objects" / "info" / "alternates").write_bytes(
            b"".join(_quoted(os.fsencode(name)) + b"\n" for name in folders)
        )


def _first(paths: Sequence[str]) -> str:
    return paths[0] + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")


def _notes_reading(file: Path) -> bool:
    """Return whether the file system updates access times, at least on the first read."""
    os.utime(file, (0, file.stat().st_mtime))
    file.read_bytes()
    return file.stat().st_atime > 0


def _quoted(path: bytes) -> bytes:
    """Quote a folder for git's list of alternates, where a newline or a quote would end it."""
    if not path.startswith((b'"', b"#")) and b"\n" not in path:
        return path
    return b'"' + path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'


@contextlib.contextmanager
def _slot(repository: Repository, role: str) -> Iterator[_Slot]:
    """Yield the first slot of `role` that no other run holds, and hold it until the block ends."""
    folder = repository.state_dir / "trees"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _prune(folder)
        for number in range(MOST_SLOTS):
            name = f"{role}-{number}"
            with contextlib.ExitStack() as held:
                try:
                    lock = held.enter_context(locked(folder / f"{name}.lock", wait=False))
                except BlockingIOError:
                    continue
                os.utime(lock.fileno())
                yield _Slot(repository, folder, name)
                return
    except OSError as error:
        raise CannotDecide(
            f"gate cannot write to {repository.state_dir}: {error.strerror or error}",
            "gate needs free space and write access in the git folder",
        ) from error
    raise CannotDecide(
        f"{MOST_SLOTS} gate processes are already running in this repository", "wait until one of them ends"
    )


def _prune(folder: Path) -> None:
    """Delete checkouts that haven't been used for long. Lock files stay, because another run may be waiting for one."""
    for lock in folder.glob("*.lock"):
        if time.time() - lock.stat().st_mtime < UNUSED_FOR or not lock.with_suffix(".git").exists():
            continue
        with contextlib.suppress(BlockingIOError), locked(lock, wait=False):
            for suffix in ("", ".git", ".index", ".env", ".filters"):
                remove(lock.with_suffix(suffix))


def make_old(root: Path, paths: Iterable[str]) -> None:
    """Set the time of the files at `paths` below `root` to a long-past moment that no other file has.

    mypy assumes that a file with the same size and time is unchanged.
    """
    moment = 1_000_000_000 + time.time_ns() // 1000 % 100_000_000
    for path in paths:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.utime(root / path, (moment, moment), follow_symlinks=False)


def prepare(folder: Path) -> None:
    """Make `folder` cleanable by git, and remove what git would not see.

    Folders become writable again. Nested git directories, and anything that is neither a file, a folder, nor a symlink,
    are removed. Symlinks aren't followed.
    """
    waiting = [str(folder)]
    while waiting:
        path = waiting.pop()
        if os.lstat(path).st_mode & 0o700 != 0o700:
            os.chmod(path, 0o700)  # noqa: PTH101  for 10,000 entries, creating a Path each is slower
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name == ".git":
                    remove(Path(entry.path))
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif not entry.is_symlink() and not entry.is_file(follow_symlinks=False):
                    os.unlink(entry.path)  # noqa: PTH108  for 10,000 entries, creating a Path each is slower


def remove(path: Path) -> None:
    """Remove a file or a folder with its content, whatever the permissions. A symlink's target stays."""
    if path.is_dir() and not path.is_symlink():
        path.chmod(0o700)
        for below, folders, _files in os.walk(path):
            for folder in (Path(below, name) for name in folders):
                if not folder.is_symlink():
                    folder.chmod(0o700)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
