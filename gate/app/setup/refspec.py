"""Configure a refspec for the approval log, so that a plain `git fetch` fetches it too."""

from __future__ import annotations

import os
import re

from gate.git.repository import Repository
from gate.log.store import LOG, tracking_ref
from gate.log.sync import remote_of


def share_log(repository: Repository) -> str:
    """Add the refspec to the remote that shares the log. Return its name, or "" if there is none or it is already set.

    The refspec is a pattern, because git fails on a single ref that the remote doesn't have yet. It has no `+`, so that
    a rewritten log is rejected.
    """
    remote = remote_of(repository)
    if not remote or is_shared(repository, remote):
        return ""
    done = repository.attempt("config", "--add", f"remote.{remote}.fetch", refspec(remote))
    return remote if done.returncode == 0 else ""


def forget_log(repository: Repository) -> None:
    """Remove the refspec from every remote."""
    for remote in repository.text("remote").splitlines():
        if is_shared(repository, remote):
            exactly = f"^{re.escape(refspec(remote))}$"
            repository.attempt("config", "--unset-all", f"remote.{remote}.fetch", exactly)


def is_shared(repository: Repository, remote: str) -> bool:
    """Return whether `git fetch` from the remote fetches the log."""
    done = repository.attempt("config", "--get-all", f"remote.{remote}.fetch")
    return any(LOG in line for line in os.fsdecode(done.stdout).splitlines())


def refspec(remote: str) -> str:
    """Return the refspec, such as `refs/gate/log*:refs/gate/remotes/origin/log*`."""
    return f"{LOG}*:{tracking_ref(remote)}*"
