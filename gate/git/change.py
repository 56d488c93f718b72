"""The change: what merging a head into a protected branch would do, decided on object ids alone."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gate.errors import CannotDecide, UsageError
from gate.git.objects import list_tree, resolve
from gate.git.repository import Repository
from gate.model import Author, Change, FileChange, Status, decode_path

# The merge is the same on every machine: whatever a user or the change has set has no say.
MERGE_SETTINGS = (
    "-c", "merge.renames=true",
    "-c", "merge.directoryRenames=conflict",
    "-c", "merge.renormalize=false",
    "-c", "diff.renameLimit=0",
    "-c", "merge.renameLimit=0",
    "-c", "core.attributesFile=/dev/null",
)  # fmt: skip
IDENTITY_VARIABLES = tuple(
    f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
)
FORGE_COMMITTERS = frozenset({"noreply@github.com", "noreply@gitlab.com"})
"""Who a forge names as committer of what was done in its web pages: no person."""


@dataclass(frozen=True, slots=True)
class _Merge:
    tree: str
    obstacle: str = ""
    conflicts: tuple[str, ...] = ()


def read_change(
    repository: Repository,
    *,
    into: str | None = None,
    head: str | None = None,
    base: str | None = None,
    staged: bool = False,
    index_file: str | None = None,
) -> Change:
    """What merging `head` (HEAD) into the branch `into` (the default branch) would do.

    The base is the tip of `into`: of `origin`'s where that is known, unless the local branch is ahead of it
    without holding the head already. `base` names another commit in its stead. With `staged` the head is the
    commit that the index would become; `index_file` is the one that git prepared for a hook.

    Raises UsageError where a name stands for nothing, CannotDecide where history is missing.
    """
    branch = _branch_name(into) if into else default_branch(repository)
    local, tracking = f"refs/heads/{branch}", f"refs/remotes/origin/{branch}"
    head_name = head or "HEAD"
    found = resolve(repository, [head_name, local, tracking, *([base] if base else [])])
    head_oid = _head(found, head_name, staged)
    base_oid = _base(repository, found, branch, base, head_oid)
    merge_base, complete = _merge_base(repository, base_oid, head_oid)
    base_tree = repository.text("rev-parse", "--verify", "--quiet", f"{base_oid}^{{tree}}")
    tip = head_oid
    if staged:
        tip, early = _staged_commit(repository, head_oid, index_file)
        if early is not None:
            return Change("", local, base_oid, head_oid, merge_base, "", base_tree, "", (), (), {},
                          early.obstacle, early.conflicts, staged=True)  # fmt: skip
    merge = _merge(repository, base_oid, tip, merge_base, complete)
    files, digest = _files(repository, base_tree, merge.tree) if merge.tree else ((), "")
    if merge.tree:
        collision = _collision(repository, merge.tree, files)
        if collision:
            merge = _Merge("", *collision)
    return Change(
        repository="",
        into=local,
        base=base_oid,
        head=head_oid,
        merge_base=merge_base,
        tree=merge.tree,
        base_tree=base_tree,
        digest=digest,
        authors=_authors(repository, base_oid, tip),
        files=files,
        renames=read_renames(repository, base_tree, merge.tree, files),
        obstacle=merge.obstacle,
        conflicts=merge.conflicts,
        staged=staged,
    )


def default_branch(repository: Repository) -> str:
    """The short name of the branch that `origin/HEAD` points at, else `main`, else `master`."""
    done = repository.attempt("symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")
    target = os.fsdecode(done.stdout).strip()
    if target.startswith("refs/remotes/origin/"):
        return target.removeprefix("refs/remotes/origin/")
    names = [
        f"{root}{branch}" for branch in ("main", "master") for root in ("refs/heads/", "refs/remotes/origin/")
    ]
    for name in resolve(repository, names):
        return name.removeprefix("refs/heads/").removeprefix("refs/remotes/origin/")
    raise UsageError(
        "there is no branch to merge into: no origin/HEAD, no main, no master",
        "name it: `gate check --into BRANCH`",
    )


def _branch_name(into: str) -> str:
    for prefix in ("refs/heads/", "refs/remotes/origin/"):
        into = into.removeprefix(prefix)
    if not into or into.startswith(("-", "refs/")) or re.search(r"[\x00-\x20~^:?*\[\\\x7f]|\.\.|@\{", into):
        raise UsageError(f"{into!r} is not the name of a branch", "give it as in `--into main`")
    return into


def _head(found: Mapping[str, str], name: str, staged: bool) -> str:
    if name in found:
        return found[name]
    if name != "HEAD":
        raise UsageError(f"{name!r} stands for no commit here", "`git fetch` it, or check the spelling")
    if staged:
        return ""
    raise UsageError(
        "HEAD has no commit yet", "commit first; `gate check --staged` needs a branch to merge into"
    )


def _base(repository: Repository, found: Mapping[str, str], branch: str, base: str | None, head: str) -> str:
    if base:
        if base not in found:
            raise UsageError(f"{base!r} stands for no commit here", "`git fetch` it, or check the spelling")
        return found[base]
    local, tracking = found.get(f"refs/heads/{branch}"), found.get(f"refs/remotes/origin/{branch}")
    if not local and not tracking:
        raise UsageError(
            f"there is no branch {branch!r} here, nor on origin", "`git fetch origin`, or name another"
        )
    if not local or not tracking or local == tracking:
        return local or tracking or ""
    ahead = _is_ancestor(repository, tracking, local)
    return local if ahead and head and not _is_ancestor(repository, head, local) else tracking


def _is_ancestor(repository: Repository, older: str, newer: str) -> bool:
    return repository.attempt("merge-base", "--is-ancestor", older, newer).returncode == 0


def _merge_base(repository: Repository, base: str, head: str) -> tuple[str, bool]:
    """The merge base that git names first ("" without one), and whether all of history is here."""
    if not head:
        return "", True
    done = repository.attempt("merge-base", base, head)
    if done.returncode == 0:
        return os.fsdecode(done.stdout).strip(), True
    if done.returncode != 1:
        raise _missing(done.stderr)
    return "", not (repository.common_dir / "shallow").exists()


def _missing(stderr: bytes) -> CannotDecide:
    said = stderr.decode("utf-8", "replace").strip().splitlines()
    return CannotDecide(
        f"history that is needed is not in this repository ({said[-1] if said else 'git did not say what'})",
        "`git fetch --unshallow`, or clone without `--depth` and `--filter`",
    )


def _merge(repository: Repository, base: str, tip: str, merge_base: str, complete: bool) -> _Merge:
    if not merge_base and tip:
        if not complete:
            raise CannotDecide(
                "this clone is shallow, and the commit at which the branches parted is not in it",
                "`git fetch --unshallow`, or check out with full history (`fetch-depth: 0` on GitHub)",
            )
        return _Merge("", "the histories are unrelated: base and head have no commit in common")
    done = repository.attempt(
        *MERGE_SETTINGS, "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", base, tip
    )
    fields = done.stdout.split(b"\0")
    if done.returncode == 0:
        return _Merge(fields[0].decode("ascii").strip())
    if done.returncode == 1:
        conflicts = tuple(dict.fromkeys(decode_path(path) for path in fields[1:] if path))
        count = "1 file is" if len(conflicts) == 1 else f"{len(conflicts)} files are"
        return _Merge("", f"{count} in conflict with the base", conflicts)
    raise _missing(done.stderr)


def _staged_commit(repository: Repository, head: str, index_file: str | None) -> tuple[str, _Merge | None]:
    """A commit object that the index would become: its id, or why there can be none.

    git works on a copy of the index, so that nothing of the user's is refreshed or locked.
    """
    source = Path(index_file) if index_file else repository.git_dir / "index"
    if not source.is_absolute():
        source = (repository.work_tree or repository.git_dir) / source
    repository.state_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=repository.state_dir, prefix="index-") as folder:
        copy = Path(folder) / "index"
        if source.exists():
            shutil.copyfile(source, copy)
        env = {"GIT_INDEX_FILE": str(copy)}
        unmerged = repository.run("ls-files", "--unmerged", "-z", env=env)
        if unmerged:
            paths = [decode_path(line.split(b"\t", 1)[1]) for line in unmerged.split(b"\0")[:-1]]
            return "", _Merge("", "the index has unresolved conflicts", tuple(dict.fromkeys(paths)))
        tree = repository.text("write-tree", env=env)
    parents = [head] if head else []
    merging = repository.git_dir / "MERGE_HEAD"
    if merging.exists():
        parents += merging.read_text("ascii").split()
    options = [option for parent in parents for option in ("-p", parent)]
    return _commit(repository, tree, options), None


def _commit(repository: Repository, tree: str, options: Sequence[str]) -> str:
    """The commit that the user would make: the same question about the same index gives the same commit."""
    identity = {f"GIT_{who}_DATE": "@946684800 +0000" for who in ("AUTHOR", "COMMITTER")}
    own = {name: os.environ[name] for name in IDENTITY_VARIABLES if os.environ.get(name)}
    done = repository.attempt("commit-tree", tree, *options, "-m", "staged", env=own | identity)
    if done.returncode != 0:
        # Nobody has said who they are yet; git will ask for it, and the gate takes it for an unknown author.
        unknown = dict.fromkeys(IDENTITY_VARIABLES, "unknown")
        return repository.text("commit-tree", tree, *options, "-m", "staged", env=unknown | identity)
    return done.stdout.decode("ascii").strip()


def _files(repository: Repository, old: str, new: str) -> tuple[tuple[FileChange, ...], str]:
    raw = repository.run("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new)
    return parse_raw(raw), hashlib.sha256(raw).hexdigest()


def parse_raw(raw: bytes) -> tuple[FileChange, ...]:
    """The files in git's raw, NUL-separated, rename-free diff."""
    fields = raw.split(b"\0")[:-1]
    statuses: dict[str, Status] = {"A": "added", "D": "deleted"}
    files = []
    for head, path in zip(fields[::2], fields[1::2], strict=True):
        old_mode, new_mode, old, new, status = head.decode("ascii").removeprefix(":").split(" ")
        files.append(
            FileChange(decode_path(path), statuses.get(status, "modified"), old_mode, new_mode, old, new)
        )
    return tuple(files)


def read_renames(repository: Repository, old: str, new: str, files: Sequence[FileChange]) -> dict[str, str]:
    """Where git sees a rename between two trees: the old path by the new one."""
    if {"added", "deleted"} - {entry.status for entry in files} or not new:
        return {}
    raw = repository.run(
        "-c", "diff.renameLimit=0", "diff-tree", "-r", "-z", "-M", "--raw", "--no-abbrev", old, new
    )
    fields = raw.split(b"\0")[:-1]
    renames = {}
    position = 0
    while position < len(fields):
        if fields[position].rsplit(b" ", 1)[1].startswith(b"R"):
            renames[decode_path(fields[position + 2])] = decode_path(fields[position + 1])
            position += 3
        else:
            position += 2
    return renames


def _collision(
    repository: Repository, tree: str, files: Sequence[FileChange]
) -> tuple[str, tuple[str, ...]] | None:
    """Paths of the result that some file systems cannot tell apart, if the change brings one of them in."""
    added = {entry.path for entry in files if entry.status == "added"}
    if not added:
        return None
    folded: dict[str, set[str]] = {}
    for path in _with_folders(entry.path for entry in list_tree(repository, tree)):
        folded.setdefault(fold(path), set()).add(path)
    brought = {fold(path) for path in _with_folders(added)}
    clashes = sorted({path for key in brought if len(folded.get(key, ())) > 1 for path in folded[key]})
    if not clashes:
        return None
    return "colliding paths: they differ only in case or in Unicode form", tuple(clashes)


def _with_folders(paths: Iterable[str]) -> set[str]:
    known: set[str] = set()
    for path in paths:
        while path and path not in known:
            known.add(path)
            path = path.rpartition("/")[0]
    return known


def fold(path: str) -> str:
    """The form in which paths are the same on a file system that ignores case or Unicode form."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _authors(repository: Repository, base: str, tip: str) -> tuple[Author, ...]:
    """Everybody whom a commit of the change names, each once: author, committer and co-authors."""
    form = "%an%x00%ae%x00%cn%x00%ce%x00%(trailers:key=Co-authored-by,valueonly,separator=%x01)%x00"
    raw = repository.run(
        "log", f"--format={form}", "--no-mailmap", "--no-show-signature", "--encoding=UTF-8", f"{base}..{tip}"
    )
    fields = [field.decode("utf-8", "replace").lstrip("\n") for field in raw.split(b"\0")[:-1]]
    people: dict[str, Author] = {}
    for name, email, committer, committer_email, trailers in zip(
        *(fields[i::5] for i in range(5)), strict=True
    ):
        named = [Author(name, email)]
        if committer_email not in FORGE_COMMITTERS:
            named.append(Author(committer, committer_email))
        for trailer in filter(None, trailers.split("\x01")):
            co_name, _, co_email = trailer.strip().removesuffix(">").rpartition("<")
            named.append(Author(co_name.strip(), co_email.strip()))
        for author in named:
            people.setdefault(author.email.casefold(), author)
    return tuple(people.values())
