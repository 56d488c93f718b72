"""Resolve the branches and commits that a user names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gate.errors import CannotDecide, UsageError
from gate.git.branches import (
    USUAL,
    default_candidates,
    head_branch,
    known_tip,
    known_tips,
    origin_default,
    refs_of,
    tracking_ref,
)
from gate.git.objects import resolve
from gate.git.repository import Repository


def default_branch(repository: Repository, *, unborn: bool = False) -> str:
    """Return the short name of the default branch: the target of `origin/HEAD`, else `main`, else `master`.

    In a bare repository, its own HEAD comes first. With `unborn`, in a repository without commits, return the branch
    that the first commit will create.
    """
    names = default_candidates(repository)
    refs = {ref: name for name in names for ref in refs_of(repository, name)}
    present = resolve(repository, refs)
    if repository.work_tree and names[0] not in USUAL:
        if not any(refs[ref] == names[0] for ref in present) and not has_no_branch(repository):
            raise UsageError(
                f"origin/HEAD is {names[0]}, which doesn't exist on origin as last fetched",
                "`git remote set-head origin --auto`, or choose a branch with `--into BRANCH`",
            )
        return names[0]
    for ref in present:
        return refs[ref]
    if unborn and has_no_branch(repository) and (first := head_branch(repository)):
        return first
    if has_no_branch(repository) and "HEAD" not in resolve(repository, ["HEAD"]):
        raise UsageError("this repository has no commits yet", "make a first commit, then try again")
    raise UsageError(
        "no branch to merge into: origin/HEAD, main, and master don't exist",
        "choose one with `--into BRANCH`",
    )


def default_beside(repository: Repository, branch: str) -> str:
    """Return the default branch, whose policy limits what counts on `branch`, or `branch` if there is no other.

    If nothing in a clone names it, `origin` is asked once. Raises CannotDecide if the branch isn't in this clone.
    """
    names = default_candidates(repository)
    tips = known_tips(repository, names)
    present = next((name for name in names if tips[name]), "")
    if present or not repository.work_tree or "origin" not in repository.text("remote").splitlines():
        return present or branch
    name = origin_default(repository)
    if not name:
        raise CannotDecide(
            f"the default branch of origin is unknown, and its policy limits whose approvals count on {branch}",
            "`git remote set-head origin BRANCH`",
        )
    if name != branch and not known_tip(repository, name):
        raise CannotDecide(
            f"{name}, the default branch of origin, is not in this clone, and its policy limits whose approvals count",
            f"`git fetch origin +refs/heads/{name}:refs/remotes/origin/{name}`",
        )
    return name


def has_no_branch(repository: Repository) -> bool:
    """Return whether the repository has no branch and no remote-tracking branch yet."""
    return not repository.run("for-each-ref", "--count=1", "refs/heads", "refs/remotes")


def commit_named(repository: Repository, name: str) -> str:
    """Resolve a revision given by a person. Raises UsageError if it is unknown or ambiguous.

    If nothing local has that name, a branch of `origin` with that name is used, because reviewers name branches that
    way.
    """
    return _commit_named(resolve(repository, meanings(name)), name)


def meanings(name: str) -> list[str]:
    """Return the revisions that a person may mean by `name`."""
    return [meaning for meaning in (name, f"refs/heads/{name}", _tracking(name)) if meaning]


def _tracking(name: str) -> str:
    """Return the tracking ref of `origin` for this name, or "" if the name can only be local."""
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


def head_commit(commits: Mapping[str, str], name: str, staged: bool) -> str:
    """Return the commit of the head `name`, or "" for a `staged` change before the first commit. Raises UsageError."""
    if name in commits or name != "HEAD":
        return _commit_named(commits, name)
    if staged:
        return ""
    raise UsageError(
        "HEAD has no commit yet", "commit first; `gate check --staged` needs a branch to merge into"
    )


def remote_branch(repository: Repository, into: str) -> tuple[str, str | None]:
    """Return the branch that `into` names, and the tracking ref with its tip if `into` names a remote."""
    remote, slash, branch = into.removeprefix("refs/remotes/").partition("/")
    tracking = f"refs/remotes/{remote}/{branch}"
    if not slash or into.startswith("refs/heads/"):
        return into, None
    commits = resolve(repository, [f"refs/heads/{into}", tracking])
    return (branch, tracking) if tracking in commits and f"refs/heads/{into}" not in commits else (into, None)


def branch_name(into: str) -> str:
    """Return the short name of the branch `into`. Raises UsageError if it isn't a valid branch name."""
    for prefix in ("refs/heads/", "refs/remotes/origin/"):
        into = into.removeprefix(prefix)
    if not into or into.startswith(("-", "refs/")) or re.search(r"[\x00-\x20~^:?*\[\\\x7f]|\.\.|@\{", into):
        raise UsageError(f"{into!r} is not a branch name", "use a name such as `--into main`")
    return into


def unknown_branch(branch: str) -> UsageError:
    """Return the error for a branch that is neither in this clone nor among the fetched branches of origin."""
    if branch.startswith("origin/"):
        short = branch.removeprefix("origin/")
        return UsageError(
            f"branch {branch!r} not found locally", f"use `--into {short}`; `git fetch` updates it"
        )
    hint = f"run `git fetch origin {branch}:refs/remotes/origin/{branch}`, or choose another with `--into`"
    return UsageError(f"branch {branch!r} not found locally or on origin", hint)


def base_commit(
    repository: Repository, commits: Mapping[str, str], branch: str, base: str | None, head: str
) -> str:
    """Return the tip of `branch`, or the commit that `base` names. Raises UsageError if there is none.

    The tip is that of `tip_for_others`, or `origin`'s if the local branch holds the head already.
    """
    if base:
        return _commit_named(commits, base)
    tip, tracking = tip_for_others(repository, commits, branch), commits.get(tracking_ref(repository, branch))
    if not tracking or tip == tracking:
        return tip
    return tip if head and not _is_ancestor(repository, head, tip) else tracking


def tip_for_others(repository: Repository, commits: Mapping[str, str], branch: str) -> str:
    """Return the tip of `branch` for changes that aren't in it: `origin`'s, unless the local branch is ahead of it.

    `commits` are those of its refs. Raises UsageError if there is none.
    """
    local = commits.get(f"refs/heads/{branch}")
    tracking = commits.get(tracking_ref(repository, branch))
    if not local and not tracking:
        raise unknown_branch(branch)
    if not local or not tracking or local == tracking:
        return local or tracking or ""
    return local if _is_ancestor(repository, tracking, local) else tracking


def _is_ancestor(repository: Repository, older: str, newer: str) -> bool:
    return repository.attempt("merge-base", "--is-ancestor", older, newer).returncode == 0
