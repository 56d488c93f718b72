"""Examine the repository, its remotes, the hooks, and the approval log."""

from __future__ import annotations

import os

from gate.app.setup.doctor.items import Item
from gate.app.setup.install import HOOKS, SERVER_HOOKS, hooks_folder, interpreter_of, is_ours
from gate.app.setup.observed import FORGE_NAMES
from gate.app.setup.refspec import is_shared
from gate.errors import CannotDecide, UsageError
from gate.git.repository import Repository
from gate.git.revisions import default_branch
from gate.log.store import LOG, tips
from gate.log.sync import log_exists_on, remote_of
from gate.policy.people import forge_of, repository_name
from gate.wording import listed, number_in

OLDEST_GIT = (2, 38)
"""The first version that can compute a merge result with `git merge-tree --write-tree`."""


def repository_of(repository: Repository) -> list[Item]:
    """Report git itself, the location of the repository, and its default branch."""
    where = repository.work_tree or repository.git_dir
    items = [_git(repository), Item("ok", f"{'working tree' if repository.work_tree else 'bare'}: {where}")]
    if repository.overlay is not None:
        items.append(
            Item(
                "warning",
                "the repository is read-only for you, so nothing is cached",
                f"let {os.environ.get('USER', 'you')} write to {repository.common_dir}",
            )
        )
    shallow = repository.text("rev-parse", "--is-shallow-repository") == "true"
    if shallow:
        items.append(
            Item(
                "error", "the clone is shallow, so gate can't determine merge bases", "git fetch --unshallow"
            )
        )
    try:
        items.append(Item("ok", f"default branch: {default_branch(repository, unborn=True)}"))
    except UsageError as error:
        items.append(Item("error", error.message, error.hint))
    return items


def _git(repository: Repository) -> Item:
    version = repository.text("--version").removeprefix("git version ")
    numbers = tuple(int(part) for part in version.split(".")[:2] if number_in(part) is not None)
    if numbers < OLDEST_GIT:
        return Item(
            "error", f"git {version} is too old to merge without a working tree", "install git 2.38 or newer"
        )
    return Item("ok", f"git {version}")


def remotes(repository: Repository) -> list[Item]:
    """Report where changes and the approval log are shared."""
    names = repository.text("remote").splitlines()
    if not names:
        return [Item("note", "no remote: approvals stay in this repository")]
    items = []
    for name in names:
        address = repository.text("config", "--get", f"remote.{name}.url")
        forge = forge_of(address)
        kind = f", {repository_name(address)} on {FORGE_NAMES[forge]}" if forge else ""
        items.append(Item("ok", f"{name}: {_without_password(address)}{kind}"))
    shared = remote_of(repository)
    if not shared:
        items.append(
            Item(
                "warning",
                "no remote is named origin, so the approval log is not shared",
                "git remote rename NAME origin",
            )
        )
    elif not is_shared(repository, shared):
        items.append(Item("note", f"`git fetch` does not fetch the approval log of {shared}", "gate install"))
    return items


def _without_password(address: str) -> str:
    scheme, mark, rest = address.partition("://")
    user, at, host = rest.partition("@")
    return f"{scheme}{mark}{host}" if mark and at and "/" not in user else address


def hooks(repository: Repository) -> list[Item]:
    """Report whether gate runs on commits and pushes, or on the server."""
    folder = hooks_folder(repository)
    names = HOOKS if repository.work_tree else SERVER_HOOKS
    command = "gate install" if repository.work_tree else "gate install --server"
    items = [Item("ok", f"in {folder}")]
    absent = [name for name in names if not is_ours(folder / name) and not (folder / name).exists()]
    if absent:
        verb = "is" if len(absent) == 1 else "are"
        items.append(
            Item("note", f"{listed(absent)} {verb} not installed, so gate doesn't run there", command)
        )
    for name in names:
        path = folder / name
        if name in absent:
            continue
        if not is_ours(path):
            items.append(Item("note", f"{name} is not gate's, so gate doesn't run there", command))
        elif not os.access(path, os.X_OK):
            items.append(Item("error", f"{name} is not executable, so git skips it", command))
        elif not os.access(interpreter_of(path), os.X_OK):
            items.append(
                Item("error", f"{name} starts {interpreter_of(path)}, which no longer exists", command)
            )
        else:
            items.append(Item("ok", name))
    return items


def log(repository: Repository) -> list[Item]:
    """Report the local approval log, and whether it and the remote's are in sync."""
    positions = tips(repository)
    if not positions.own and not positions.remote:
        return [_no_log(repository)]
    items = []
    if positions.own:
        count = repository.text("rev-list", "--count", positions.own)
        items.append(
            Item("ok", f"{LOG} at {positions.own[:12]}, {count} {'commit' if count == '1' else 'commits'}")
        )
    for ref, tip in positions.remote.items():
        name = ref.removeprefix("refs/gate/remotes/").removesuffix("/log")
        ahead = repository.text("rev-list", "--count", tip, *([f"^{positions.own}"] if positions.own else []))
        if ahead != "0":
            items.append(
                Item(
                    "note",
                    f"{name} has {ahead} commits of the approval log that are not merged here",
                    "gate approvals --fetch",
                )
            )
        if positions.own and (own := repository.text("rev-list", "--count", positions.own, f"^{tip}")) != "0":
            items.append(
                Item(
                    "warning",
                    f"{own} commits of the approval log are not on {name}",
                    f"git push {name} {LOG}",
                )
            )
    return items


def _no_log(repository: Repository) -> Item:
    """Report that no approvals are known here, and whether the remote has any."""
    remote = remote_of(repository)
    if not remote:
        return Item("note", "approval log: empty, no approvals recorded")
    try:
        known = log_exists_on(repository, remote)
    except CannotDecide as error:
        return Item(
            "note",
            f"approval log: empty here; {remote}'s is unknown: {error.message}",
            "`gate approvals --fetch` once it responds",
        )
    if known:
        return Item(
            "note", f"approval log: empty here, but {remote} has approvals", "run `gate approvals --fetch`"
        )
    return Item("note", f"approval log: empty here and on {remote}, no approvals recorded")
