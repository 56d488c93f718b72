"""The tree that is checked: a clean checkout of gate's own, moved from tree to tree, never the working tree.

Each tree lives in `<common git folder>/gate/trees/<role>-<n>/`, with a git folder of its own beside it
(`<role>-<n>.git`) that borrows the repository's objects and has no ref of the user's. Tools that ask git
inside the tree get sane answers, and nothing that they do there can move the user's branches, index or files.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from gate.errors import CannotDecide
from gate.git.repository import Repository

UNUSED_FOR = 14 * 24 * 3600
MOST_SLOTS = 16
# What is checked out are the blobs as they are: no line-end conversion, no filter, no hook, no watcher. Time
# stamps alone are not trusted to say that a file is as git left it: tests may have set them back.
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
CONFIG_OF_SHA256 = CONFIG.replace("formatversion = 0", "formatversion = 1") + (
    "[extensions]\n\tobjectFormat = sha256\n"
)
# Attributes in the tree itself could still convert; these, nearer to git, take precedence over them.
ATTRIBUTES = "* -text -eol !filter -ident -working-tree-encoding !diff !merge\n"


class CheckedTree:
    """One tree of the repository, checked out when its `path` is first asked for.

    `tree` is its object id. Use it inside the `with` that made it: after that, another run may move it.
    """

    def __init__(self, repository: Repository, tree: str, role: str, stack: contextlib.ExitStack) -> None:
        """Made by `Workspace.tree`."""
        self.tree = tree
        self._repository = repository
        self._role = role
        self._stack = stack
        self._path: Path | None = None

    @property
    def path(self) -> Path:
        """The folder that holds exactly this tree. Raises CannotDecide if it cannot be written."""
        if self._path is None:
            slot = self._stack.enter_context(_slot(self._repository, self._role))
            slot.move_to(self.tree)
            self._path = slot.tree
        return self._path


class Workspace:
    """The checked-out trees of one repository."""

    def __init__(self, repository: Repository) -> None:
        """Nothing is touched before a tree's path is asked for."""
        self._repository = repository

    @contextlib.contextmanager
    def tree(self, oid: str, role: str = "head") -> Iterator[CheckedTree]:
        """The tree `oid`; `role` keeps trees apart that are needed side by side, so that each stays warm."""
        with contextlib.ExitStack() as stack:
            yield CheckedTree(self._repository, oid, role, stack)


SHA256 = "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n"
"""What the config of a slot says besides, where the repository's objects have the longer ids."""


class _Slot:
    def __init__(self, repository: Repository, folder: Path, name: str) -> None:
        self._repository = repository
        self.tree = folder / name
        self.git_dir = folder / f"{name}.git"
        # Not in the git folder that the tree points to: `git update-index` inside a test must not reach it.
        self._index = folder / f"{name}.index"

    def move_to(self, tree: str) -> None:
        """Make the folder hold exactly `tree`; a folder that cannot be mended is made anew."""
        if self.git_dir.is_dir() and self.tree.is_dir():
            with contextlib.suppress(CannotDecide, OSError):
                self._move(tree)
                return
        for leftover in (self.tree, self.git_dir, self._index):
            remove(leftover)
        try:
            self._create()
            self._move(tree)
        except OSError as error:
            raise CannotDecide(
                f"the tree to check cannot be written below {self.tree.parent}: {error.strerror or error}",
                "gate needs room and write access inside the git folder",
            ) from error

    def _create(self) -> None:
        for folder in ("objects/info", "objects/pack", "refs/heads", "info"):
            (self.git_dir / folder).mkdir(parents=True, exist_ok=True)
        (self.git_dir / "HEAD").write_text("ref: refs/heads/gate\n")
        self.tree.mkdir(parents=True, exist_ok=True)

    def _git(self, *args: str) -> bytes:
        env = {
            "GIT_DIR": str(self.git_dir),
            "GIT_WORK_TREE": str(self.tree),
            "GIT_INDEX_FILE": str(self._index),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_OPTIONAL_LOCKS": "1",
            "GIT_AUTHOR_DATE": "@946684800 +0000",
            "GIT_COMMITTER_DATE": "@946684800 +0000",
        }
        return self._repository.run(*args, env=env)

    def _move(self, tree: str) -> None:
        self._index.with_name(f"{self._index.name}.lock").unlink(missing_ok=True)
        self._lend_objects()
        # `config` and `attributes` belong to gate; a test that ran in the tree may have changed them.
        (self.git_dir / "config").write_text(CONFIG + (SHA256 if len(tree) == 64 else ""))
        (self.git_dir / "info" / "attributes").write_text(ATTRIBUTES)
        unlock(self.tree)
        remove(self.tree / ".git")
        self._git("read-tree", "--reset", "-u", tree)
        self._git("clean", "-ffdxq")
        if self._git("diff-files", "--raw", "-z") or self._git("ls-files", "--others", "-z"):
            raise CannotDecide(f"{self.tree} cannot be brought to tree {tree}")
        commit = self._git("commit-tree", tree, "-m", "The tree that gate checks")
        (self.git_dir / "HEAD").write_bytes(commit)
        shutil.copyfile(self._index, self.git_dir / "index")
        (self.tree / ".git").write_text(f"gitdir: {self.git_dir}\n")

    def _lend_objects(self) -> None:
        folders = [str(self._repository.common_dir / "objects")]
        # In a quarantine the pushed objects are in a folder that only the environment names.
        if "GIT_QUARANTINE_PATH" in os.environ:
            folders.insert(0, os.environ["GIT_QUARANTINE_PATH"])
        (self.git_dir / "objects" / "info" / "alternates").write_text(
            "".join(f"{name}\n" for name in folders)
        )


@contextlib.contextmanager
def _slot(repository: Repository, role: str) -> Iterator[_Slot]:
    """The first slot of `role` that no other run holds; held until the end of the `with`."""
    folder = repository.state_dir / "trees"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _prune(folder)
        for number in range(MOST_SLOTS):
            name = f"{role}-{number}"
            with (folder / f"{name}.lock").open("a") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                os.utime(lock.fileno())
                yield _Slot(repository, folder, name)
                return
    except OSError as error:
        raise CannotDecide(
            f"gate cannot write below {repository.state_dir}: {error.strerror or error}",
            "it needs room and write access inside the git folder",
        ) from error
    raise CannotDecide(f"{MOST_SLOTS} runs of gate are under way in this repository", "wait for one to end")


def _prune(folder: Path) -> None:
    """Remove trees that nobody has used for long."""
    for lock in folder.glob("*.lock"):
        if time.time() - lock.stat().st_mtime < UNUSED_FOR:
            continue
        with lock.open("a") as held, contextlib.suppress(BlockingIOError):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for suffix in ("", ".git", ".index"):
                remove(lock.with_suffix(suffix))
            lock.unlink(missing_ok=True)


def unlock(folder: Path) -> None:
    """Give every folder below `folder` back its write permission, so that it can be cleaned.

    Symbolic links are not followed.
    """
    for path, folders, _files in os.walk(folder):
        for name in (path, *(os.path.join(path, name) for name in folders)):  # noqa: PTH118  10,000 of these
            mode = os.lstat(name).st_mode
            if stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
                os.chmod(name, 0o700)  # noqa: PTH101  as above


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, whatever its permissions."""
    if path.is_dir() and not path.is_symlink():
        unlock(path)
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
