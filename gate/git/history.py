"""What a repository's past tells about it, for `gate init`. GitPython is imported here, and only when asked."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass

from gate.errors import CannotDecide
from gate.git.repository import Repository

LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class Committer:
    """Somebody who commits: name, e-mail, and how many of the last commits are theirs."""

    name: str
    email: str
    commits: int


@dataclass(frozen=True, slots=True)
class Past:
    """Who commits, most first; who is at the keyboard; and where the repository came from, if anywhere."""

    committers: tuple[Committer, ...]
    name: str
    email: str
    signing_key: str
    origin: str


def past_of(repository: Repository) -> Past:
    """Read the last commits and git's settings; a repository without commits has no committers."""
    from git import Repo
    from git.exc import GitError

    try:
        with Repo(str(repository.work_tree or repository.git_dir)) as repo:
            counts: Counter[str] = Counter()
            names: dict[str, str] = {}
            if repo.head.is_valid():
                for commit in repo.iter_commits(max_count=LOOKED_AT):
                    email = str(commit.author.email or "").casefold()
                    counts[email] += 1
                    names.setdefault(email, str(commit.author.name or ""))
            origin = next((remote.url for remote in repo.remotes if remote.name == "origin"), "")
    except (GitError, OSError, ValueError) as error:
        raise CannotDecide(f"the repository's history cannot be read: {error}") from error
    committers = tuple(Committer(names[mail], mail, count) for mail, count in counts.most_common())
    name, email, key = (_setting(repository, setting) for setting in ("name", "email", "signingKey"))
    return Past(committers, name, email, key, origin)


def _setting(repository: Repository, name: str) -> str:
    # git itself knows every place at which it may be set; GitPython does not know them all.
    done = repository.attempt("config", "--get", f"user.{name}")
    return os.fsdecode(done.stdout).strip()
