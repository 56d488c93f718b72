"""What the git hooks ask: may this be committed, may this be pushed?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gate.app.check import check
from gate.app.checking.request import Answer, CheckRequest, ignore
from gate.app.hooks.shell_note import Watch
from gate.app.server.moves import Push, Refusal, astray
from gate.app.server.receive import refused_birth
from gate.errors import UsageError
from gate.git.branches import head_branch, tracking_ref
from gate.git.change import default_branch
from gate.git.objects import resolve
from gate.git.repository import Repository
from gate.log.admitted import open_log
from gate.log.store import contains
from gate.model import UNRESOLVED, Verdict, short_name
from gate.reports.words import listed
from gate.rules import ProtectedBranches
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
        words = line.split(" ") if line else []
        if not words:
            continue
        if len(words) != 4:
            raise UsageError(f"pre-push received {line!r}; expected two refs and two object ids")
        updates.append(Update(*words))
    return tuple(updates)


def update_of_pre_commit(environ: Mapping[str, str]) -> Update:
    """The update that pre-commit's framework tells of in the environment, having read git's lines itself.

    It tells of one line of a push and keeps the others to itself. Outside of a push, as in `pre-commit run
    --hook-stage pre-push`, the question is whether HEAD could be pushed to the default branch: an empty
    `remote_ref`. Of where the remote is it tells nothing that could be relied on: an empty `remote`.
    """
    local_ref = environ.get("PRE_COMMIT_LOCAL_BRANCH") or "HEAD"
    remote_ref = environ.get("PRE_COMMIT_REMOTE_BRANCH", "")
    return Update(local_ref, environ.get("PRE_COMMIT_TO_REF") or local_ref, remote_ref, "")


def for_commit(verdict: Verdict) -> Verdict:
    """The verdict about a commit: that of everything but approvals, which cannot be had yet and are only noted.

    A commit on a branch of one's own that conflicts with the base is nobody's business yet either.
    """
    now = tuple(outcome for outcome in verdict.outcomes if outcome.id not in LATER)
    later = [
        item.id for item in verdict.outcomes if item.id in LATER and item.state in {"unmet", "undecided"}
    ]
    branch = short_name(verdict.change.into)
    notes = (f"Not needed to commit, but to merge into {branch}: {listed(later)}",) if later else ()
    return replace(verdict, outcomes=now, decision=draw(now), notes=(*verdict.notes, *notes))


def at_commit(start: Path, index_file: str | None, progress: Callable[[Event], None] = ignore) -> Answer:
    """The verdict about the index, beside the default branch; where there is none yet, beside the one it goes to.

    On a branch that conflicts with it, only the commit counts: the index is compared with where the branches parted,
    and a note warns of the conflict. A pass is noted where the hook's shell finds it the next time.
    """
    repository = Repository.find(start)
    branch = _default(repository)
    watch = Watch.begin(repository, branch, index_file) if branch else None
    into = None if branch else head_branch(repository) or None
    request = CheckRequest(start=start, into=into, staged=True, index_file=index_file)
    answer = check(request, progress)
    change, warning = answer.verdict.change, ""
    if change.conflicts and change.obstacle != UNRESOLVED and change.merge_base:
        warning = (
            f"This branch conflicts with {short_name(change.into)} in {listed(change.conflicts[:3])}"
            f"{' and other files' if change.conflicts[3:] else ''}: resolve that before you push."
        )
        answer = check(replace(request, base=change.merge_base), progress)
    answer = replace(answer, verdict=for_commit(answer.verdict))
    if warning:
        verdict = replace(answer.verdict, notes=(*answer.verdict.notes, warning))
        return replace(answer, verdict=verdict, warnings=(warning,))
    if watch is not None:
        watch.leave_note(answer)
    return answer


def at_push(
    start: Path, updates: Sequence[Update], progress: Callable[[Event], None] = ignore
) -> list[tuple[Update, Answer | Refusal]]:
    """A verdict, or a refusal, for each update of a protected branch: as the server's own hook would see it."""
    repository = Repository.find(start)
    protected = ProtectedBranches.of(repository)
    answers: list[tuple[Update, Answer | Refusal]] = []
    for update in updates:
        branch = update.remote_ref.removeprefix("refs/heads/")
        if branch and not update.remote:
            tracked = resolve(repository, filter(None, [tracking_ref(repository, branch)]))
            update = replace(update, remote="".join(tracked.values()))
        if branch and not _is_protected(protected, update):
            continue
        born = bool(branch) and branch != protected.default and not update.remote.strip("0")
        if refused := _refused(protected, update):
            answers.append((update, refused))
        elif not born:
            base = update.remote if update.remote.strip("0") else None
            request = CheckRequest(start=start, into=branch or None, head=update.local, base=base)
            answers.append((update, check(request, progress)))
    return answers


def _default(repository: Repository) -> str:
    """The default branch; empty in a repository that has none yet."""
    try:
        return default_branch(repository)
    except UsageError:
        return ""


def _is_protected(protected: ProtectedBranches, update: Update) -> bool:
    """Whether an update goes to a branch that the remote protects."""
    if not update.remote_ref.startswith("refs/heads/"):
        return False
    return protected.protects(
        update.remote_ref.removeprefix("refs/heads/"), update.remote.strip("0") and update.remote
    )


def _refused(protected: ProtectedBranches, update: Update) -> Refusal | None:
    """The refusal of a move that no approval allows: a deletion, a rewritten history, a start elsewhere."""
    repository = protected.repository
    branch = update.remote_ref.removeprefix("refs/heads/")
    push = Push(update.remote_ref, update.remote, update.local)
    reason, way_out = "", ""
    if update.deletes:
        reason = f"{branch} is protected, and this push would delete it"
    elif update.remote.strip("0") and not resolve(repository, [update.remote]):
        reason = f"{branch} has moved to {update.remote[:12]}, which is not here"
        way_out = "`git fetch`, and build on what is there"
    elif update.remote.strip("0"):
        return None if contains(repository, update.local, update.remote) else astray(repository, push)
    elif branch and branch != protected.default:
        reason, way_out = refused_birth(protected, open_log(repository), branch, update.local)
    return Refusal(push.ref, reason, help=way_out) if reason else None
