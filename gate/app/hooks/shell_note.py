"""Let the hook's shell script accept a commit without starting Python if nothing has changed since a pass.

After a pass, gate writes a note to the git folder. It is a condition in plain shell: every environment variable that
matters has the same value, and every file that matters (refs, git's settings, the project's environment, gate's own
code and tools) is the same, unchanged file: it has the same inode and the same ctime, which no program can set back.
This suffices for the index as well; if the index was written again, git checks whether it still results in the same
tree. If the condition is false or has no result, the hook runs Python as usual.

Anyone who can write such a note can also write the hooks beside it, so it is trusted like them.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from time import time_ns

from gate.app.checking.dependency_stamps import package_folders, stamped_paths
from gate.app.checking.request import Answer
from gate.cache_inputs import FIND_ENVIRONMENTS, LOCALE_NAMES, SEEN_BY_CHECKS
from gate.git.index import Unmerged, index_tree
from gate.git.repository import Repository
from gate.store import write_atomically

# The path of the note below the git folder of the working tree.
NOTE = "gate/passed"
# How stat(1) prints what `_state` returns: with GNU options, or with BSD's, which macOS has. If neither works,
# no note is ever valid.
BSD = sys.platform == "darwin" or "bsd" in sys.platform
STAT = "stat -L -f '%i %Fc'" if BSD else "stat -L -c '%i %.9Z'"
VARIABLES = sorted(
    {*SEEN_BY_CHECKS, *LOCALE_NAMES, *FIND_ENVIRONMENTS}
    | {f"PYTHON{name}" for name in ("PATH", "HOME", "USERBASE", "NOUSERSITE", "SAFEPATH", "PLATLIBDIR")}
    | {"XDG_CONFIG_HOME", "TMPDIR"}
    | {f"GIT_CONFIG_{name}" for name in ("GLOBAL", "SYSTEM", "NOSYSTEM", "COUNT", "PARAMETERS")}
    | {f"GIT_{name}" for name in ("WORK_TREE", "COMMON_DIR", "NAMESPACE", "CEILING_DIRECTORIES")}
    | {f"GIT_{name}" for name in ("OBJECT_DIRECTORY", "ALTERNATE_OBJECT_DIRECTORIES", "SHALLOW_FILE")}
)
# Some file systems store timestamps in steps of two seconds.
COARSE = 2 * 10**9
MOST_TEXT = 300_000
"""The maximum length of a note. Half of it is arguments of stat(1), for which macOS has room for 1 MB."""
NOTE_SCRIPT = """\
{same} &&
[ -z "$({find} 2>&1 | head -c 1)" ] &&
case $(LC_ALL=C {stat} {files} "${{GIT_INDEX_FILE:-${{GIT_DIR:-.git}}/index}}" 2>/dev/null) in
  {others}{index}) answer=pass ;;
  {others}*) [ "$(git write-tree --missing-ok 2>/dev/null)" = {tree} ] && answer=pass ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Watch:
    """The state of the git folder before the check, to detect changes during the check."""

    repository: Repository
    index: str
    files: tuple[str, ...]
    before: str
    started: int

    @classmethod
    def begin(cls, repository: Repository, branch: str, index_file: str | None) -> Watch | None:
        """Begin to watch, before the check. Return None if the repository's refs aren't plain files.

        `branch` is the one to merge into, and `index_file` the index that git prepared for a hook.
        """
        index = index_file or str(repository.git_dir / "index")
        files = _files_of_git(repository, branch)
        if files is None:
            return None
        return cls(repository, index, files, _state((*files, index)), time_ns())

    def leave_note(self, answer: Answer) -> None:
        """Write a note about a pass if the shell can verify everything it depends on, and nothing changed meanwhile."""
        verdict = answer.verdict
        if verdict.decision != "pass" or answer.until is not None or not answer.environments:
            return
        # Variables that the policy passes to a check may be secrets, which must not be written to disk.
        if any(check.env for check in answer.settings) or _state((*self.files, self.index)) != self.before:
            return
        dependencies = stamped_paths(answer)
        if _newest(dependencies) > self.started - COARSE:
            return
        tree = index_tree(self.repository, self.index)
        if isinstance(tree, Unmerged):
            return
        path = self.repository.git_dir / NOTE
        note = _note(
            (*self.files, *dependencies), self.index, tree, _find_newer(path, package_folders(answer))
        )
        if len(note) <= MOST_TEXT:
            moment = self.started - COARSE // 100
            with contextlib.suppress(OSError):
                write_atomically(path, note.encode("utf-8", "surrogateescape"), modified=moment / 10**9)


def _files_of_git(repository: Repository, branch: str) -> tuple[str, ...] | None:
    """Return the files in which git stores HEAD, the branch, and its settings, or None if they aren't plain files."""
    own, common = repository.git_dir, repository.common_dir
    if (common / "reftable").exists():
        return None
    names = {
        f"refs/{root}/{name}" for root in ("heads", "remotes/origin") for name in (branch, "main", "master")
    }
    head = _content(own / "HEAD")
    if head.startswith("ref: "):
        names.add(head.removeprefix("ref: ").strip())
    if any(_content(common / name).startswith("ref:") for name in names):
        return None
    names |= {"packed-refs", "refs/remotes/origin/HEAD", "refs/gate/log", "refs/gate/remotes/origin/log"}
    names |= {"config", "shallow", "info/attributes", "info/grafts", "objects/info/alternates"}
    mine = [own / name for name in ("HEAD", "MERGE_HEAD", "config.worktree")]
    return tuple(str(path) for path in [*mine, *(common / name for name in sorted(names))])


def _content(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""


def _state(paths: Iterable[str]) -> str:
    """Return what stat(1) prints about the files: for each existing one, a line with its inode and ctime."""
    lines = []
    for path in paths:
        try:
            status = os.stat(path)  # noqa: PTH116  there may be hundreds
        except OSError:
            continue
        seconds, rest = divmod(status.st_ctime_ns, 10**9)
        lines.append(f"{status.st_ino} {seconds}.{rest:09d}")
    return "\n".join(lines)


def _newest(paths: Iterable[str]) -> int:
    newest = 0
    for path in paths:
        try:
            newest = max(newest, os.stat(path).st_ctime_ns)  # noqa: PTH116  there may be hundreds
        except OSError:
            continue
    return newest


def _find_newer(note: Path, folders: list[str]) -> str:
    """Return the command that lists installed files, except bytecode, that changed after the note was written."""
    if not folders:
        return ":"
    return (
        f"find -H {shlex.join(folders)} -name __pycache__ -prune -o -cnewer {shlex.quote(str(note))} -print"
    )


def _note(files: tuple[str, ...], index: str, tree: str, find: str) -> str:
    """Return the condition. If truncated anywhere, it is invalid or has no result, but never accepts."""
    same = [f'[ "$python" = {shlex.quote(sys.executable)} ]', f'[ "$PWD" = {shlex.quote(str(Path.cwd()))} ]']
    for name in VARIABLES:
        value = f"={os.environ[name]}" if name in os.environ else ""
        same.append(f'[ "${{{name}+=}}${{{name}-}}" = {shlex.quote(value)} ]')
    # The index comes last, so all lines but the last describe the other files.
    stamps = shlex.quote(_state(files) + "\n")
    return NOTE_SCRIPT.format(
        same=" &&\n".join(same),
        stat=STAT,
        find=find,
        files=shlex.join(files),
        others=stamps,
        index=shlex.quote(_state([index])),
        tree=tree,
    )
