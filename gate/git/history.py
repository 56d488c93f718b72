"""Read who commits to a repository, who the current user is, and where it was cloned from, for `gate init`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.errors import CannotDecide
from gate.git.repository import Repository

if TYPE_CHECKING:
    from git import Repo

COMMITS_READ = 2000


@dataclass(frozen=True, slots=True)
class Committer:
    """A person who commits: name, email, and their number of recent commits."""

    name: str
    email: str
    commits: int


@dataclass(frozen=True, slots=True)
class Past:
    """The committers, most active first, the current user, and the address the repository was cloned from, if any.

    `login` is the forge account in git's settings (`github.user`, `gitlab.user`), or empty.
    """

    committers: tuple[Committer, ...]
    name: str
    email: str
    signing_key: str
    origin: str
    login: str = ""


def past_of(repository: Repository) -> Past:
    """Read recent commits, with authors mapped through `.mailmap`, and git's settings."""
    with _opened(repository) as repo:
        counts: Counter[str] = Counter()
        names: dict[str, str] = {}
        for line in _authors_of_commits(repo):
            name, _, email = line.partition("\0")
            counts[email.casefold()] += 1
            names.setdefault(email.casefold(), name)
        return Past(
            tuple(Committer(names[email], email, number) for email, number in counts.most_common()),
            _setting(repo, "user.name"),
            _setting(repo, "user.email"),
            _setting(repo, "user.signingKey"),
            _origin(repo),
            _setting(repo, "github.user") or _setting(repo, "gitlab.user"),
        )


def origin_of(repository: Repository) -> str:
    """Return the address of `origin`, or of the only remote."""
    with _opened(repository) as repo:
        return _origin(repo)


def _opened(repository: Repository) -> Repo:
    # `Repository` has already found git, or reported that it is missing.
    from git import Repo  # noqa: PLC0415  GitPython looks for git on import

    repo = Repo(repository.work_tree or repository.git_dir)
    # In a hook, GIT_DIR may be relative or name another repository.
    repo.git.update_environment(GIT_DIR=str(repository.git_dir))
    return repo


def _authors_of_commits(repo: Repo) -> list[str]:
    if not repo.head.is_valid():
        return []
    code, log, error = repo.git.log(
        f"--max-count={COMMITS_READ}",
        "--format=%aN%x00%aE",
        "HEAD",
        with_extended_output=True,
        with_exceptions=False,
    )
    if code:
        raise CannotDecide(f"git log failed: {error}", "check the repository with `git fsck`")
    return str(log).splitlines()


def _origin(repo: Repo) -> str:
    remotes = [remote.name for remote in repo.remotes]
    name = "origin" if "origin" in remotes else remotes[0] if len(remotes) == 1 else ""
    # The URL that git would connect to: a `url.….insteadOf` setting may expand a short form.
    return str(repo.git.remote("get-url", name, with_exceptions=False)).strip() if name else ""


def _setting(repo: Repo, name: str) -> str:
    setting: str = repo.git.config("--get", name, with_exceptions=False)
    return setting.strip()
