"""Fetch a shared policy at its pinned commit, and store it next to the policy that extends it."""

from __future__ import annotations

from pathlib import Path

from gate.app.setup.observed import work_tree_of
from gate.errors import CannotDecide, InvalidInput, UsageError
from gate.git.repository import Repository, stderr_line
from gate.policy.extending import Stored, proof_of, read_extends, unproven
from gate.policy.files import POLICY_FILE, PROOF, SHARED
from gate.policy.load import load_policy
from gate.policy.reading import Reader
from gate.policy.types import Extends, Policy


def store_shared(start: Path) -> tuple[Extends, Policy]:
    """Fetch the policy that the working tree's policy `extends`, and write it to the working tree.

    Return what was stored and the resulting policy. Raises InvalidInput if that is invalid, UsageError without
    `extends`, and CannotDecide if the repository can't be reached or lacks the commit or the file.
    """
    repository = Repository.find(start)
    top = work_tree_of(repository)
    path = top / POLICY_FILE
    data = path.read_bytes() if path.is_file() else b""
    extends = _extends_of(data)
    stored = _read(repository, extends)
    policy = load_policy(data, POLICY_FILE, stored)
    for name, content in ((SHARED, stored.policy), (PROOF, stored.proof)):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(content)
    return extends, policy


def _extends_of(data: bytes) -> Extends:
    reader = Reader(POLICY_FILE)
    root = reader.root(data)
    pairs = getattr(root, "value", None)
    node = (
        next((value for key, value in pairs if key.value == "extends"), None)
        if isinstance(pairs, list)
        else None
    )
    extends = read_extends(reader, node, "extends") if node is not None else None
    if reader.mistakes:
        raise InvalidInput(reader.mistakes)
    if extends is None:
        raise UsageError(
            f"{POLICY_FILE} doesn't extend a shared policy",
            "add `extends: {repository: ADDRESS, commit: ID}` to it first",
        )
    return extends


def _read(repository: Repository, extends: Extends) -> Stored:
    """Return the file at the pinned commit, with its proof. Fetches the commit unless it is already here."""
    if repository.attempt("cat-file", "-e", f"{extends.commit}^{{commit}}").returncode:
        _fetch(repository, extends)
    parts = extends.file.split("/")
    commit = repository.run("cat-file", "commit", extends.commit)
    trees = []
    for depth in range(len(parts)):
        folder = "/".join(parts[:depth])
        done = repository.attempt("cat-file", "tree", f"{extends.commit}:{folder}")
        if done.returncode:
            raise _missing(extends)
        trees.append(done.stdout)
    blob = repository.attempt("cat-file", "blob", f"{extends.commit}:{extends.file}")
    if blob.returncode:
        raise _missing(extends)
    stored = Stored(blob.stdout, proof_of(commit, trees))
    if reason := unproven(extends, stored):
        raise CannotDecide(f"{extends.file} of {extends.repository}: {reason}")
    return stored


def _fetch(repository: Repository, extends: Extends) -> None:
    # Not every server serves a commit by its ID; the fallback is to fetch all branches.
    for wanted in ([extends.commit], ["+refs/heads/*:refs/gate/shared/*"]):
        done = repository.attempt(
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", extends.repository, *wanted
        )
        if not repository.attempt("cat-file", "-e", f"{extends.commit}^{{commit}}").returncode:
            break
    for ref in repository.text("for-each-ref", "--format=%(refname)", "refs/gate/shared").splitlines():
        repository.attempt("update-ref", "-d", ref)
    if repository.attempt("cat-file", "-e", f"{extends.commit}^{{commit}}").returncode:
        raise CannotDecide(
            f"{extends.repository} can't be reached: {stderr_line(done)}"
            if done.returncode
            else f"{extends.repository} has no commit {extends.commit[:12]} on any branch",
            "check the address and the commit in `extends`",
        )


def _missing(extends: Extends) -> CannotDecide:
    return CannotDecide(
        f"{extends.repository} has no file {extends.file} at {extends.commit[:12]}", "check `extends.file`"
    )
