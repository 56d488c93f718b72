"""What the git hooks ask: may this be committed, may this be pushed?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gate.app.check import Answer, CheckRequest, check, ignore
from gate.app.quick import Watch
from gate.errors import UsageError
from gate.gather import policy_at
from gate.git.change import default_branch
from gate.git.objects import resolve
from gate.git.repository import Repository
from gate.model import Decision, Verdict
from gate.runner import Event
from gate.verdict import draw

# Nobody can approve a commit that does not exist yet: these are told, and block at the push.
LATER = frozenset({"owners", "approvals", "seniority", "guarded"})


@dataclass(frozen=True, slots=True)
class Update:
    """One line that git gives to pre-push: what is pushed, and what it replaces."""

    local_ref: str
    local: str
    remote_ref: str
    remote: str

    @property
    def deletes(self) -> bool:
        """Whether the remote's ref would be gone."""
        return not self.local.strip("0")


def parse_updates(lines: Iterable[str]) -> tuple[Update, ...]:
    """Every line of pre-push's standard input; raises UsageError for one that is none."""
    updates = []
    for line in lines:
        words = line.split()
        if not words:
            continue
        if len(words) != 4:
            raise UsageError(f"pre-push was told {line!r}; expected two refs and two object ids")
        updates.append(Update(*words))
    return tuple(updates)


def update_of_pre_commit(environ: Mapping[str, str]) -> Update:
    """The update that pre-commit's framework tells of in the environment, having read git's lines itself.

    It tells of one line of a push and keeps the others to itself. Outside of a push, as in `pre-commit run
    --hook-stage pre-push`, the question is whether HEAD could be pushed to the default branch: an empty
    `remote_ref`.
    """
    local_ref = environ.get("PRE_COMMIT_LOCAL_BRANCH") or "HEAD"
    remote_ref = environ.get("PRE_COMMIT_REMOTE_BRANCH", "")
    return Update(local_ref, environ.get("PRE_COMMIT_TO_REF") or local_ref, remote_ref, "")


def for_commit(verdict: Verdict) -> Decision:
    """The decision about a commit: that of everything but approvals, which cannot be had yet.

    A commit on a branch of one's own that conflicts with the base is nobody's business yet either.
    """
    now = tuple(outcome for outcome in verdict.outcomes if outcome.id not in LATER)
    return draw(now)


def at_commit(
    start: Path, index_file: str | None, progress: Callable[[Event], None] = ignore
) -> Answer | None:
    """The verdict about the index; None in a repository that has nothing to compare with yet.

    A pass is noted where the hook's shell finds it the next time.
    """
    repository = Repository.find(start)
    try:
        branch = default_branch(repository)
    except UsageError:
        return None
    watch = Watch.begin(repository, branch, index_file)
    answer = check(CheckRequest(start=start, staged=True, index_file=index_file), progress)
    answer = replace(answer, verdict=replace(answer.verdict, decision=for_commit(answer.verdict)))
    if watch is not None:
        watch.leave_note(answer)
    return answer


def protected(repository: Repository, update: Update) -> bool:
    """Whether an update goes to a branch that the remote protects.

    One that names no branch goes to the default branch. The policy that holds is the one on the remote's
    branch; a branch that is new there is protected if the default branch's policy names it. Without any
    policy the default branch is.
    """
    if not update.remote_ref:
        return True
    if not update.remote_ref.startswith("refs/heads/"):
        return False
    branch = update.remote_ref.removeprefix("refs/heads/")
    default = default_branch(repository)
    known = resolve(repository, [f"refs/remotes/origin/{default}", f"refs/heads/{default}"])
    if not known:
        return False
    policy = policy_at(repository, next(iter(known.values())))
    return policy.protects(branch) if policy.branches else branch == default


def at_push(
    start: Path, updates: Sequence[Update], progress: Callable[[Event], None] = ignore
) -> list[tuple[Update, Answer | str]]:
    """A verdict, or a refusal in one sentence, for each update of a protected branch."""
    repository = Repository.find(start)
    answers: list[tuple[Update, Answer | str]] = []
    for update in updates:
        if not protected(repository, update):
            continue
        branch = update.remote_ref.removeprefix("refs/heads/")
        if update.deletes:
            answers.append((update, f"{branch} is protected, and this push would delete it"))
            continue
        base = update.remote if update.remote.strip("0") else None
        request = CheckRequest(start=start, into=branch or None, head=update.local, base=base)
        answers.append((update, check(request, progress)))
    return answers
