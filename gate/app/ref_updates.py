"""Parse the ref updates of a push, as git reports them to pre-push in a clone and pre-receive on a server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gate.errors import UsageError
from gate.git.branches import tracking_ref
from gate.git.objects import resolve
from gate.git.repository import Repository
from gate.model import BRANCHES


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """A ref, and its old and new object ID, "" if the ref is created or deleted.

    `source` is the name of the new object in the pusher's clone, if known.
    """

    ref: str
    old: str
    new: str
    source: str = ""

    @property
    def branch(self) -> str:
        """The short name of the branch that moves, or "" if the ref isn't a branch."""
        return self.ref.removeprefix(BRANCHES) if self.ref.startswith(BRANCHES) else ""


def parse_pre_receive(lines: Iterable[str]) -> tuple[RefUpdate, ...]:
    """Parse the updates in pre-receive's standard input. Raises UsageError if a line has another format."""
    words = _words(lines, 3, "pre-receive", "two object ids and a ref")
    return tuple(RefUpdate(ref, _oid(old), _oid(new)) for old, new, ref in words)


def parse_pre_push(lines: Iterable[str]) -> tuple[RefUpdate, ...]:
    """Parse the updates in pre-push's standard input. Raises UsageError if a line has another format."""
    words = _words(lines, 4, "pre-push", "two refs and two object ids")
    return tuple(RefUpdate(ref, _oid(old), _oid(new), source) for source, new, ref, old in words)


def update_of_pre_commit(repository: Repository, environ: Mapping[str, str]) -> RefUpdate:
    """Return the update that the pre-commit framework passes in the environment. It passes only one ref of a push.

    It doesn't pass the position of the remote branch, which is taken from the tracking ref. Outside of a push, as in
    `pre-commit run --hook-stage pre-push`, the update is from HEAD to the default branch, and `ref` is empty.
    """
    source = environ.get("PRE_COMMIT_LOCAL_BRANCH") or "HEAD"
    update = RefUpdate(
        environ.get("PRE_COMMIT_REMOTE_BRANCH", ""), "", environ.get("PRE_COMMIT_TO_REF") or source, source
    )
    tracking = tracking_ref(repository, update.branch) if update.branch else ""
    old = next(iter(resolve(repository, [tracking]).values()), "") if tracking else ""
    return RefUpdate(update.ref, old, _oid(update.new), source)


def _words(lines: Iterable[str], count: int, hook: str, expected: str) -> Iterator[list[str]]:
    for line in filter(None, lines):
        words = line.split(" ")
        if len(words) != count:
            raise UsageError(f"{hook} received {line!r}; expected {expected}")
        yield words


def _oid(oid: str) -> str:
    """Return an object ID as git prints it, or "" for the zeros that mean there is none."""
    return oid if oid.strip("0") else ""
