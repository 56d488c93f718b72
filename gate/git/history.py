"""Who commits to a repository, who is at the keyboard, and where it was cloned from: for `gate init`."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass

from gate.git.repository import Repository

COMMITS_READ = 2000


@dataclass(frozen=True, slots=True)
class Committer:
    """Somebody who commits: name, e-mail, and how many of the last commits are theirs."""

    name: str
    email: str
    commits: int


@dataclass(frozen=True, slots=True)
class Past:
    """Who commits, most first; who is at the keyboard; and where the repository came from, if anywhere.

    `login` is the account on a forge that git's settings name (`github.user`, `gitlab.user`), or empty.
    """

    committers: tuple[Committer, ...]
    name: str
    email: str
    signing_key: str
    origin: str
    login: str = ""


def past_of(repository: Repository) -> Past:
    """Read the last commits, as `.mailmap` names their authors, and git's settings."""
    counts: Counter[str] = Counter()
    names: dict[str, str] = {}
    # In a repository without commits there is nothing to list, and git says so by an exit code.
    done = repository.attempt("log", f"--max-count={COMMITS_READ}", "--format=%aN%x00%aE", "HEAD")
    for line in done.stdout.decode("utf-8", "replace").splitlines() if not done.returncode else ():
        name, _, email = line.partition("\0")
        counts[email.casefold()] += 1
        names.setdefault(email.casefold(), name)
    committers = tuple(Committer(names[email], email, number) for email, number in counts.most_common())
    return Past(
        committers,
        _setting(repository, "user.name"),
        _setting(repository, "user.email"),
        _setting(repository, "user.signingKey"),
        origin_of(repository),
        _setting(repository, "github.user") or _setting(repository, "gitlab.user"),
    )


def origin_of(repository: Repository) -> str:
    """The address of `origin`, else of the only remote there is."""
    remotes = repository.text("remote").splitlines()
    name = "origin" if "origin" in remotes else remotes[0] if len(remotes) == 1 else ""
    return _setting(repository, f"remote.{name}.url") if name else ""


def _setting(repository: Repository, name: str) -> str:
    done = repository.attempt("config", "--get", name)
    return os.fsdecode(done.stdout).strip()
