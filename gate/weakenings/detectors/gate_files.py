"""Changes to gate's own files: policy, code owners, CI, hooks, and git attributes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gate.codeowners import PLACES
from gate.finding import Finding
from gate.weakenings.file_diff import FileDiff, weakening

POLICY_FILES = frozenset({"gate.yaml"})
OWNERS_FILES = frozenset(place for places in PLACES.values() for place in places)
CI_FILES = frozenset({
    ".gitlab-ci.yml", "Jenkinsfile", "azure-pipelines.yml", ".travis.yml", "action.yml", "action.yaml",
    ".drone.yml", "bitbucket-pipelines.yml", "buildkite.yml", ".cirrus.yml",
    ".pre-commit-config.yaml", ".pre-commit-config.yml", ".pre-commit-hooks.yaml", "lefthook.yml", "prek.toml",
})  # fmt: skip
CI_FOLDERS = (
    ".github/workflows/", ".github/actions/", ".gitlab/ci/", ".circleci/", ".buildkite/", ".woodpecker/",
    ".gitea/workflows/", ".forgejo/workflows/", ".ci/", ".husky/", ".githooks/", "vars/",
)  # fmt: skip


def find(files: Iterable[FileDiff]) -> Iterator[Finding]:
    """Yield a finding for each changed file that decides what gate does."""
    for file in files:
        # A case-insensitive file system would treat `.github/codeowners` as the real file.
        folded = file.path.casefold()
        if folded in {name.casefold() for name in POLICY_FILES}:
            yield weakening(file.path, "guarded-policy", f"{_verb(file)} gate's policy")
        elif folded in {name.casefold() for name in OWNERS_FILES}:
            yield weakening(file.path, "guarded-owners", f"{_verb(file)} who owns the code")
        elif folded.rpartition("/")[2] == ".gitattributes":
            yield weakening(file.path, "guarded-attributes", f"{_verb(file)} how git shows and merges files")
        elif file.path in CI_FILES or file.path.startswith(CI_FOLDERS):
            yield weakening(file.path, "guarded-ci", f"{_verb(file)} what CI or the hooks run")


def is_guarded(path: str) -> bool:
    """Return whether the file at `path` is one of gate's own files."""
    return any(find([FileDiff(path, b"", b"")]))


def _verb(file: FileDiff) -> str:
    if file.old is None or file.renamed_from:
        return "adds a file that decides"
    return "removes a file that decides" if file.new is None else "changes"
