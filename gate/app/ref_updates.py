"""What a push does to refs, as git reports it to its hooks: pre-push in a clone, pre-receive on a server."""

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
    """A ref, and the objects that it goes from and to ("" for none: it is created or deleted).

    `source` is what the pusher's clone calls the new object, where that is known.
    """

    ref: str
    old: str
    new: str
    source: str = ""

    @property
    def branch(self) -> str:
        """The short name of the branch that is moved; "" if the ref is none."""
        return self.ref.removeprefix(BRANCHES) if self.ref.startswith(BRANCHES) else ""


def parse_pre_receive(lines: Iterable[str]) -> tuple[RefUpdate, ...]:
    """The updates in pre-receive's standard input; raises UsageError for a line of another form."""
    words = _words(lines, 3, "pre-receive", "two object ids and a ref")
    return tuple(RefUpdate(ref, _oid(old), _oid(new)) for old, new, ref in words)


def parse_pre_push(lines: Iterable[str]) -> tuple[RefUpdate, ...]:
    """The updates in pre-push's standard input; raises UsageError for a line of another form."""
    words = _words(lines, 4, "pre-push", "two refs and two object ids")
    return tuple(RefUpdate(ref, _oid(old), _oid(new), source) for source, new, ref, old in words)


def update_of_pre_commit(repository: Repository, environ: Mapping[str, str]) -> RefUpdate:
    """The update that the pre-commit framework passes in the environment; it passes only one ref of a push.

    Where the remote's branch is, it does not pass: that is what this clone knows of it. Outside of a push, as in
    `pre-commit run --hook-stage pre-push`, the question is whether HEAD could be pushed to the default branch, and
    `ref` is empty.
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
    """An object id as git prints it; "" for the zeros by which it says that there is none."""
    return oid if oid.strip("0") else ""
