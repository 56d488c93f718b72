"""Inspect a repository once: its people, tools, and hosting. Nothing is assumed yet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gate.app.setup.keys import own_key
from gate.checks.own_commands import OwnCommand, is_source, own_commands
from gate.codeowners import ALL_PLACES, CodeOwners, locate, parse
from gate.errors import InvalidInput, UsageError
from gate.git.branches import refs_of
from gate.git.history import Past, past_of
from gate.git.objects import list_index, read_sparse, resolve
from gate.git.repository import Repository
from gate.git.revisions import default_branch
from gate.policy.people import forge_of, repository_name

TOOLS: Mapping[str, tuple[str, ...]] = {
    "ruff": ("ruff.toml", ".ruff.toml", "[tool.ruff"),
    "mypy": ("mypy.ini", ".mypy.ini", "[tool.mypy", "[mypy]"),
    "pytest": ("pytest.ini", "pytest.toml", "[tool.pytest", "[tool:pytest]", "[pytest]"),
    "tox": ("tox.ini", "tox.toml", "[tool.tox"),
    "nox": ("noxfile.py",),
}
LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "pixi.lock", "conda-lock.yml",
         "requirements.txt")  # fmt: skip
CI: Mapping[str, str] = {
    ".github/workflows": "GitHub Actions",
    ".gitlab-ci.yml": "GitLab CI",
    "Jenkinsfile": "Jenkins",
    ".gitea/workflows": "Gitea Actions",
    ".forgejo/workflows": "Forgejo Actions",
    "azure-pipelines.yml": "Azure Pipelines",
    ".circleci/config.yml": "CircleCI",
    ".travis.yml": "Travis CI",
}
FORGE_NAMES: Mapping[str, str] = {"github": "GitHub", "gitlab": "GitLab", "gitea": "Gitea or Forgejo"}
PRE_COMMIT = ".pre-commit-config.yaml"


@dataclass(frozen=True, slots=True)
class Observed:
    """The facts that a first policy is based on. A string is empty if the repository has nothing of the kind.

    `forge` is derived from origin's host; `tools` maps tools to the files that configure them; `key` is the user's
    public SSH key; `paths` are the tracked files; `upstream` is the repository of the remote `upstream`, if origin is a
    fork.
    """

    top: Path
    branch: str
    repository: str
    origin: str
    forge: str
    owners: CodeOwners | None
    paths: tuple[str, ...]
    past: Past
    key: str
    tools: Mapping[str, str] = field(default_factory=dict)
    lock: str = ""
    ci: tuple[str, ...] = ()
    pre_commit: bool = False
    commands: tuple[OwnCommand, ...] = ()
    upstream: str = ""
    branch_exists: bool = True


def observe(start: Path, branch: str | None = None) -> Observed:
    """Inspect the repository around `start`. The branch to protect is `branch`, or else the default one.

    Raises UsageError in a bare repository or without a branch to protect, and InvalidInput if CODEOWNERS has mistakes.
    """
    repository = Repository.find(start)
    top = work_tree_of(repository)
    past = past_of(repository)
    paths = tuple(list_index(repository))
    protected = _valid_branch(repository, branch) if branch else _branch(repository)
    upstream = repository_name(repository.text("config", "--default", "", "--get", "remote.upstream.url"))
    return Observed(
        top=top,
        branch=protected,
        repository=repository_name(past.origin),
        origin=past.origin,
        forge=forge_of(past.origin),
        owners=codeowners_here(repository, top),
        paths=paths,
        past=past,
        key=own_key(past.signing_key),
        tools=tools_in(top),
        lock=next((name for name in LOCKS if (top / name).is_file()), ""),
        ci=tuple(name for path, name in CI.items() if (top / path).exists()),
        pre_commit=(top / PRE_COMMIT).is_file(),
        commands=_commands(top, paths),
        upstream=upstream if upstream != repository_name(past.origin) else "",
        branch_exists=bool(resolve(repository, refs_of(repository, protected)))
        or not repository.run("for-each-ref", "--count=1", "refs/heads", "refs/remotes"),
    )


def _valid_branch(repository: Repository, branch: str) -> str:
    if repository.attempt("check-ref-format", "--branch", branch).returncode:
        raise UsageError(f"--into {branch!r} is not a branch name", "use a name such as `--into main`")
    return branch


def _commands(top: Path, paths: tuple[str, ...]) -> tuple[OwnCommand, ...]:
    files = [path for path in paths if is_source(path) and (top / path).is_file()]
    return own_commands({path: (top / path).read_bytes() for path in files})


def work_tree_of(repository: Repository) -> Path:
    """Return the working tree. Raises UsageError if there is none."""
    if repository.work_tree is None:
        raise UsageError("a bare repository has no working tree to write a policy into", "run it in a clone")
    return repository.work_tree


def _branch(repository: Repository) -> str:
    try:
        return default_branch(repository)
    except UsageError:
        done = repository.attempt("symbolic-ref", "--quiet", "--short", "HEAD")
        if done.returncode:
            raise UsageError(
                "no branch to protect: there is no origin/HEAD, no main, and no master, and HEAD is detached",
                "name it: `gate init --into BRANCH`",
            ) from None
        return os.fsdecode(done.stdout).strip()


def codeowners_here(repository: Repository, top: Path) -> CodeOwners | None:
    """Return the CODEOWNERS file of a working tree, or None. Raises InvalidInput with its mistakes."""
    present = read_sparse(repository, ALL_PLACES)
    present |= {path: (top / path).read_bytes() for path in ALL_PLACES if (top / path).is_file()}
    located = locate(present)
    if located is None:
        return None
    file, dialect = located
    owners = parse(present[file], file, dialect)
    if owners.mistakes:
        raise InvalidInput(owners.mistakes, "fix these lines first; the policy needs a valid file")
    return owners


def tools_in(top: Path) -> dict[str, str]:
    """Return the file in which each tool is configured."""
    shared = {
        name: (top / name).read_text("utf-8", "replace")
        for name in ("pyproject.toml", "setup.cfg", "tox.ini")
        if (top / name).is_file()
    }
    configured: dict[str, str] = {}
    for tool, marks in TOOLS.items():
        files = [mark for mark in marks if not mark.startswith("[") and (top / mark).is_file()]
        sections = tuple(mark for mark in marks if mark.startswith("["))
        files += [name for name, text in shared.items() if any(mark in text for mark in sections)]
        if files:
            configured[tool] = files[0]
    return configured
