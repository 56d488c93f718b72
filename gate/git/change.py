"""The change: what merging a head into a protected branch would do, decided on object ids alone."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gate.errors import CannotDecide, UsageError
from gate.git.authors import read_authors
from gate.git.branches import USUAL, default_candidates, head_branch, refs_of, tracking_ref
from gate.git.index import Unmerged, nothing_yet, staged_commit
from gate.git.merging import MERGE_SETTINGS, raw_diff
from gate.git.objects import list_tree, resolve, tree_of
from gate.git.repository import Repository, failure
from gate.model import UNRESOLVED, Change, FileChange, decode_path, encode_path
from gate.raw_diff import parse_raw, parse_renames

DEEPEN = "`git fetch --unshallow`, or check out with full history (`fetch-depth: 0` on GitHub)"
"""What to do about a shallow clone."""


@dataclass(frozen=True, slots=True)
class _Merge:
    tree: str
    merge_blocker: str = ""
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
    commit that the index would become; `index_file` is the one that git prepared for a hook. `upstream/main` as
    `into` is the branch `main` of the remote `upstream`, whose tip is then the base.

    Raises UsageError where a name is unknown, CannotDecide where history is missing.
    """
    if into:
        into, tracked = _remote_branch(repository, into)
        base = base or tracked
    branch = _branch_name(into) if into else default_branch(repository, unborn=staged)
    local = f"refs/heads/{branch}"
    head_name = head or "HEAD"
    named = [name for name in (head_name, base) if name]
    meanings = (meaning for name in named for meaning in _meanings(name))
    commits = resolve(repository, [*refs_of(repository, branch), *meanings])
    head_oid = _head(commits, head_name, staged)
    if not head_oid and not base and _has_no_branch(repository):
        head_oid = base_oid = nothing_yet(repository)
    else:
        base_oid = _base(repository, commits, branch, base, head_oid)
    merge_base, shallow = _merge_base(repository, base_oid, head_oid)
    base_tree = tree_of(repository, base_oid)
    tip = head_oid
    if staged:
        commit = staged_commit(repository, head_oid, index_file)
        if isinstance(commit, Unmerged):
            return Change("", local, base_oid, head_oid, merge_base, "", base_tree, "", (), (), {},
                          UNRESOLVED, commit.paths, staged=True)  # fmt: skip
        tip = commit
    _refuse_cut_history(repository, shallow, f"{base_oid}...{tip}")
    merge = _merge(repository, base_oid, tip, merge_base)
    files, digest = _files(repository, base_tree, merge.tree) if merge.tree else ((), "")
    if merge.tree:
        clash = collision(repository, merge.tree, files)
        if clash:
            merge = _Merge("", *clash)
    return Change(
        repository="",
        into=local,
        base=base_oid,
        head=head_oid,
        merge_base=merge_base,
        tree=merge.tree,
        base_tree=base_tree,
        digest=digest,
        authors=read_authors(repository, base_oid, tip),
        files=files,
        renames=read_renames(repository, base_tree, merge.tree, files),
        merge_blocker=merge.merge_blocker,
        conflicts=merge.conflicts,
        staged=staged,
    )


def read_step(repository: Repository, into: str, base: str, head: str) -> Change:
    """What going from the commit `base` straight to the commit `head` changes: nothing is merged.

    An empty `base` means an empty tree. Raises CannotDecide if the base is not here.
    """
    base = base or nothing_yet(repository)
    if base not in resolve(repository, [base]):
        raise CannotDecide(f"the commit {base[:12]}, which this would replace, is missing", "`git fetch`")
    _refuse_cut_history(repository, _cut_off(repository), f"{base}..{head}")
    old, new = (tree_of(repository, oid) for oid in (base, head))
    files, digest = _files(repository, old, new)
    return Change(
        repository="",
        into=into,
        base=base,
        head=head,
        merge_base=base,
        tree=new,
        base_tree=old,
        digest=digest,
        authors=read_authors(repository, base, head, merged=True),
        files=files,
        renames=read_renames(repository, old, new, files),
    )


def commit_named(repository: Repository, name: str) -> str:
    """The commit that a person means by `name`; raises UsageError if that is none, or could be two.

    Where nothing here has that name, it is `origin`'s branch: reviewers say it so.
    """
    return _commit_named(resolve(repository, _meanings(name)), name)


def default_branch(repository: Repository, *, unborn: bool = False) -> str:
    """The short name of the branch that `origin/HEAD` points at, else `main`, else `master`.

    In a bare repository its own HEAD comes first.
    With `unborn`, in a repository without any commit, the branch that the first one will be on.
    """
    names = default_candidates(repository)
    refs = {ref: name for name in names for ref in refs_of(repository, name)}
    present = resolve(repository, refs)
    if repository.work_tree and names[0] not in USUAL:
        if not any(refs[ref] == names[0] for ref in present) and not _has_no_branch(repository):
            raise UsageError(
                f"origin/HEAD is {names[0]}, which doesn't exist on origin as last fetched",
                "`git remote set-head origin --auto`, or choose a branch with `--into BRANCH`",
            )
        return names[0]
    for ref in present:
        return refs[ref]
    if unborn and _has_no_branch(repository) and (first := head_branch(repository)):
        return first
    if _has_no_branch(repository) and "HEAD" not in resolve(repository, ["HEAD"]):
        raise UsageError("this repository has no commits yet", "make a first commit, then try again")
    raise UsageError(
        "no branch to merge into: origin/HEAD, main, and master don't exist",
        "choose one with `--into BRANCH`",
    )


def _has_no_branch(repository: Repository) -> bool:
    return not repository.run("for-each-ref", "--count=1", "refs/heads", "refs/remotes")


def _remote_branch(repository: Repository, into: str) -> tuple[str, str | None]:
    """The branch that is meant by `into`, and the tracking branch that holds its tip where that names a remote."""
    remote, slash, branch = into.removeprefix("refs/remotes/").partition("/")
    tracking = f"refs/remotes/{remote}/{branch}"
    if not slash or remote == "origin" or into.startswith("refs/heads/"):
        return into, None
    commits = resolve(repository, [f"refs/heads/{into}", tracking])
    return (branch, tracking) if tracking in commits and f"refs/heads/{into}" not in commits else (into, None)


def _branch_name(into: str) -> str:
    for prefix in ("refs/heads/", "refs/remotes/origin/"):
        into = into.removeprefix(prefix)
    if not into or into.startswith(("-", "refs/")) or re.search(r"[\x00-\x20~^:?*\[\\\x7f]|\.\.|@\{", into):
        raise UsageError(f"{into!r} is not a branch name", "use a name such as `--into main`")
    return into


def _head(commits: Mapping[str, str], name: str, staged: bool) -> str:
    if name in commits or name != "HEAD":
        return _commit_named(commits, name)
    if staged:
        return ""
    raise UsageError(
        "HEAD has no commit yet", "commit first; `gate check --staged` needs a branch to merge into"
    )


def _meanings(name: str) -> list[str]:
    """All that a person may mean by `name`."""
    return [meaning for meaning in (name, f"refs/heads/{name}", _tracking(name)) if meaning]


def _tracking(name: str) -> str:
    """`origin`'s branch of that name; "" where the name can only be about this clone."""
    return "" if re.split(r"[~^@:]", name)[0] in {"HEAD", ""} else f"refs/remotes/origin/{name}"


def _commit_named(commits: Mapping[str, str], name: str) -> str:
    if name not in commits and _tracking(name) in commits:
        return commits[_tracking(name)]
    if name not in commits:
        raise UsageError(f"{name!r} is not a known revision", "run `git fetch`, or check the spelling")
    if commits.get(f"refs/heads/{name}", commits[name]) != commits[name]:
        raise UsageError(
            f"{name!r} is ambiguous: it is both a branch and another ref, at different commits",
            f"use `refs/heads/{name}` or `refs/tags/{name}`",
        )
    return commits[name]


def _base(
    repository: Repository, commits: Mapping[str, str], branch: str, base: str | None, head: str
) -> str:
    if base:
        return _commit_named(commits, base)
    local = commits.get(f"refs/heads/{branch}")
    tracking = commits.get(tracking_ref(repository, branch))
    if not local and not tracking:
        hint = "`git fetch origin`, or name another"
        if branch.startswith("origin/"):
            hint = f"name it without its remote: `--into {branch.removeprefix('origin/')}`"
        raise UsageError(f"branch {branch!r} not found locally or on origin", hint)
    if not local or not tracking or local == tracking:
        return local or tracking or ""
    ahead = _is_ancestor(repository, tracking, local)
    return local if ahead and head and not _is_ancestor(repository, head, local) else tracking


def _is_ancestor(repository: Repository, older: str, newer: str) -> bool:
    return repository.attempt("merge-base", "--is-ancestor", older, newer).returncode == 0


def _merge_base(repository: Repository, base: str, head: str) -> tuple[str, frozenset[str]]:
    """The merge base that git names first ("" without one), and the commits whose parents were cut off."""
    shallow = _cut_off(repository)
    if not head:
        return "", shallow
    parted = repository.once(("merge-base", base, head), lambda: _where_parted(repository, base, head))
    if not parted and shallow:
        raise CannotDecide("this clone is shallow and does not have the merge base", DEEPEN)
    return parted, shallow


def _where_parted(repository: Repository, base: str, head: str) -> str:
    done = repository.attempt("merge-base", base, head)
    if done.returncode not in {0, 1}:
        raise failure("merge-base", done)
    return os.fsdecode(done.stdout).strip()


def _cut_off(repository: Repository) -> frozenset[str]:
    try:
        return frozenset((repository.common_dir / "shallow").read_text("ascii").split())
    except FileNotFoundError:
        return frozenset()


def _refuse_cut_history(repository: Repository, shallow: frozenset[str], both: str) -> None:
    """Raise CannotDecide if history was cut off on the way from either side to where the branches parted.

    There, commits are not seen, and so are their authors; and another merge base could be nearer.
    """
    if shallow and not shallow.isdisjoint(repository.text("rev-list", both).split()):
        raise CannotDecide("this clone is shallow and does not have all commits of the change", DEEPEN)


def _merge(repository: Repository, base: str, tip: str, merge_base: str) -> _Merge:
    if not merge_base:
        return _Merge("", "the histories are unrelated: base and head have no commit in common")
    return repository.once(("merge", base, tip), lambda: _merge_tree(repository, base, tip))


def _merge_tree(repository: Repository, base: str, tip: str) -> _Merge:
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
    raise failure("merge-tree", done)


def _files(repository: Repository, old: str, new: str) -> tuple[tuple[FileChange, ...], str]:
    raw = raw_diff(repository, old, new)
    return parse_raw(raw), hashlib.sha256(raw).hexdigest()


def read_renames(repository: Repository, old: str, new: str, files: Sequence[FileChange]) -> dict[str, str]:
    """Where git sees a rename between two trees: the old path by the new one."""
    if {"added", "deleted"} - {entry.status for entry in files} or not new:
        return {}
    command = ("diff-tree", "-r", "-z", "-M", "-l1000", "--raw", "--no-abbrev", old, new)
    return parse_renames(repository.once(command, lambda: repository.run(*command)))


def collision(
    repository: Repository, tree: str, files: Sequence[FileChange]
) -> tuple[str, tuple[str, ...]] | None:
    """Paths of the result that some file systems cannot distinguish, if the change brings one of them in.

    So are names that a tree made by hand has twice, or not in the order in which git looks for them.
    """
    added = {entry.path for entry in files if entry.status == "added"}
    if not added:
        return None
    paths = [entry.path for entry in list_tree(repository, tree)]
    odd = tuple(second for first, second in pairwise(paths) if encode_path(first) >= encode_path(second))
    if odd:
        return "a damaged tree: it has a name twice, or out of order", odd
    folded: dict[str, set[str]] = {}
    for path in _with_folders(paths):
        folded.setdefault(fold(path), set()).add(path)
    brought = {fold(path) for path in _with_folders(added)}
    clashes = sorted({path for key in brought if len(folded.get(key, ())) > 1 for path in folded[key]})
    if not clashes:
        return None
    return "colliding paths: they differ only in case or in Unicode form", tuple(clashes)


def _with_folders(paths: Iterable[str]) -> set[str]:
    folders: set[str] = set()
    for path in paths:
        while path and path not in folders:
            folders.add(path)
            path = path.rpartition("/")[0]
    return folders


def fold(path: str) -> str:
    """The form in which paths are the same on a file system that ignores case or Unicode form."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
