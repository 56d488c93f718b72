"""Synchronize the log with the remote's: fetch, merge, push, and repeat if someone else was faster."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from gate.errors import CannotDecide
from gate.git.repository import Repository, hint_about_lock
from gate.log.store import LOG, contains, settle, tips, tracking_ref
from gate.process import Finished

ROUNDS = 60
"""How often others may be faster before gate gives up."""
LONGEST_PAUSE = 60.0
"""In seconds. Where the attempts are short, pauses are too."""
UNMOVED = 7
"""After this many late pushes without the remote's log moving, something is wrong there."""

_NOISE = ("hint:", "To ", "error: failed to push", "Please make sure", "and the repository exists")
_NO_LOG = "couldn't find remote ref"
_RACED = re.compile(
    r"fetch first|non-fast-forward|stale info|incorrect old value|cannot lock|failed to lock|failed to update ref"
    r"|reference already exists|needs force|unable to migrate objects|atomic",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Pushed:
    """The result of a push. `behind` are the remote's refs that have moved on; `output` is git's output.

    `hint` says what to do, if git knows.
    """

    state: Literal["done", "behind", "refused"]
    behind: tuple[str, ...] = ()
    output: str = ""
    hint: str = ""


def remote_of(repository: Repository) -> str:
    """Return the remote that the log is shared through: `origin`, else the only one, else ""."""
    names = repository.text("remote").splitlines()
    if "origin" in names:
        return "origin"
    return names[0] if len(names) == 1 else ""


def fetch_log(repository: Repository) -> None:
    """Fetch the remote's log. Raises CannotDecide if there is none, or if it can't be reached."""
    remote = remote_of(repository)
    if not remote:
        raise CannotDecide("no remote to fetch the approval log from", "`git remote add origin URL`")
    fetch(repository, remote)


def fetch(repository: Repository, remote: str, branch: str = "") -> None:
    """Fetch the log of `remote` and merge it; with `branch`, fetch that branch too.

    Raises CannotDecide if the remote can't be reached.
    """
    specs = [f"+{LOG}:{tracking_ref(remote)}"]
    if branch:
        specs.append(f"+refs/heads/{branch}:refs/remotes/{remote}/{branch}")
    if not _fetch(repository, remote, specs) and branch:
        # The remote has no log yet, so git hasn't fetched the branch either.
        _fetch(repository, remote, specs[1:])
    settle(repository)


def log_exists_on(repository: Repository, remote: str) -> bool:
    """Return whether the remote has a log, without fetching it. Raises CannotDecide if it can't be reached."""
    done = _talk(repository, "ls-remote", "--quiet", remote, LOG)
    if done.returncode:
        raise CannotDecide(f"{remote} could not be read: {_words_of_remote(done.stderr)}")
    return bool(done.stdout.strip())


def bring(repository: Repository) -> tuple[str, ...]:
    """Fetch what others have recorded, and return a line to display if the remote doesn't respond."""
    remote = remote_of(repository)
    if not remote:
        return ()
    try:
        fetch(repository, remote)
    except CannotDecide as error:
        return (f"recent records of others may be missing: {error.message}",)
    return ()


def share(repository: Repository, remote: str, outpaced: Callable[[], None] = lambda: None) -> None:
    """Push the log. If others were faster, merge theirs, call `outpaced`, and push again, so that nothing is lost.

    Raises CannotDecide if the remote can't be reached or rejects the log.
    """
    unmoved = 0
    for _ in rounds():
        tip = tips(repository).own
        if not tip:
            return
        pushed = push(repository, remote, [f"{tip}:{LOG}"])
        if pushed.state == "done":
            remember(repository, remote, tip)
            return
        fetch(repository, remote)
        if pushed.state == "refused" and not has_more(repository, remote, tip):
            raise CannotDecide(
                f"{remote} does not accept the approval log: {pushed.output}",
                pushed.hint or "`gate log` lists what is not admitted; ask an administrator of the server",
            )
        unmoved = unmoved + 1 if tips(repository).own == tip else 0
        if unmoved == UNMOVED:
            raise stuck(remote, pushed)
        outpaced()
    raise CannotDecide(f"the approval log on {remote} changed {ROUNDS} times in a row", "try again later")


def is_shared(repository: Repository, remote: str) -> bool:
    """Return whether the remote's log, as last fetched, has everything in the local log."""
    known = tips(repository)
    theirs = known.remote.get(tracking_ref(remote), "")
    return not known.own or (bool(theirs) and contains(repository, theirs, known.own))


def has_more(repository: Repository, remote: str, tip: str) -> bool:
    """Return whether the remote's log, as just fetched, has something that the log at `tip` doesn't contain.

    If so, a push that the remote's hook rejected lost a race, which a hook can't report in a form that git recognizes.
    """
    theirs = tips(repository).remote.get(tracking_ref(remote), "")
    return bool(theirs) and not contains(repository, tip, theirs)


def may_share(repository: Repository, remote: str, commit: str) -> None:
    """Ask the remote whether it would accept `commit` as the log. Raises CannotDecide if not."""
    pushed = push(repository, remote, [f"{commit}:{LOG}"], "--dry-run")
    if pushed.state != "done":
        raise CannotDecide(
            f"{remote} did not accept the approval log: {pushed.output}",
            pushed.hint or "check that you have push access",
        )


def remember(repository: Repository, remote: str, tip: str) -> None:
    """Record the tip of the log of `remote`. Failing to write that loses nothing."""
    if repository.overlay is None:
        repository.attempt("update-ref", tracking_ref(remote), tip)


def stuck(remote: str, pushed: Pushed) -> CannotDecide:
    """Return the error for a push that keeps losing races although nobody else pushes."""
    return CannotDecide(
        f"{remote} rejected the approval log: {pushed.output}",
        pushed.hint or "try again later, or ask its administrator",
    )


def push(repository: Repository, remote: str, specs: Sequence[str], *options: str) -> Pushed:
    """Push, and distinguish a lost race from a rejection. Raises CannotDecide if there is no connection."""
    # A clone made with `--mirror` would push all its refs, and rejects specs.
    exactly = ("-c", f"remote.{remote}.mirror=false")
    done = _talk(
        repository, *exactly, "push", "--porcelain", "--no-verify", "--quiet", *options, remote, *specs
    )
    if done.returncode == 0:
        return Pushed("done")
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    rejected = [line.split("\t") for line in lines if line.startswith("!")]
    reason = _words_of_remote(done.stderr)
    if not rejected:
        raise CannotDecide(
            f"{remote} could not be reached: {reason}", "check the connection, and your access to it"
        )
    reasons = "; ".join(f"{refs.partition(':')[2]} {why}" for _, refs, why in rejected)
    # When an atomic push fails, git reports every other ref too.
    raced = [refs.partition(":")[2] for _, refs, why in rejected if "atomic" not in why]
    final = [why for _, _, why in rejected if not _RACED.search(why)]
    if final:
        return Pushed("refused", (), f"{reasons}{': ' + reason if reason else ''}")
    return Pushed("behind", tuple(raced), reasons, hint_about_lock(done))


def rounds() -> Iterator[int]:
    """Yield the number of each attempt, with a random pause after each one that lost a race.

    The pause is in proportion to what the attempt took, so that many who lose to each other spread out: without it,
    all of them would start again at once, and all but one would lose again.
    """
    for number in range(ROUNDS):
        started = time.monotonic()
        yield number
        if number + 1 < ROUNDS:
            longest = 2 * (time.monotonic() - started) * min(number + 1, 4)
            time.sleep(random.uniform(0, min(longest, LONGEST_PAUSE)))  # noqa: S311 - spreads retries


def _fetch(repository: Repository, remote: str, specs: Sequence[str]) -> bool:
    options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--refmap=")
    for number in range(5):
        done = _talk(repository, "fetch", *options, remote, *specs)
        stderr = done.stderr.decode("utf-8", "replace")
        if done.returncode == 0:
            return True
        if _NO_LOG in stderr:
            return False
        if "lock" not in stderr:
            break
        time.sleep(0.02 * (number + 1))
    raise CannotDecide(
        f"{remote} could not be fetched from: {_words_of_remote(done.stderr)}",
        hint_about_lock(done) or "check the network and your read access",
    )


def _talk(repository: Repository, *args: str) -> Finished:
    # The remote's URL may be a relative path, which git resolves from the top of the working tree.
    return repository.attempt(*args, cwd=repository.work_tree)


def _words_of_remote(stderr: bytes) -> str:
    lines = (line.strip() for line in stderr.decode("utf-8", "replace").splitlines())
    messages = [
        line.removeprefix("fatal: ").removeprefix("remote: ").strip()
        for line in lines
        if line and not line.startswith(_NOISE)
    ]
    return "; ".join(messages) or "no reason given"
