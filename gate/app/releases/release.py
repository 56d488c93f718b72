"""Check a release: what it would change in an environment, and whether the environment's gate allows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from time import time

from gate.app.audit.audit import is_verified
from gate.app.audit.span import ends_of
from gate.app.audit.verified_policy import verified
from gate.app.checking.evaluate import evaluate
from gate.app.checking.request import Answer, CheckRequest
from gate.app.checking.rules_at_base import rules_for_release
from gate.app.recording.signing import find_signer
from gate.app.releases.downtime import spent
from gate.app.releases.slo_file import with_promise
from gate.errors import CannotDecide, UsageError
from gate.gather.environments import ProtectedEnvironment
from gate.git.change import read_step
from gate.git.repository import Repository
from gate.git.revisions import commit_named
from gate.log.admitted import ApprovalLog, open_log
from gate.log.order import added_after
from gate.log.releases import deployments_in, precedes_first, rolled_back_in
from gate.model import ENVIRONMENTS, Change
from gate.policy.files import POLICY_FILE
from gate.prometheus import ask
from gate.requirements.facts import Deployment, Release
from gate.runner import Event


def check_release(
    repository: Repository,
    environment: ProtectedEnvironment,
    request: CheckRequest,
    progress: Callable[[Event], None],
) -> Answer:
    """Decide whether `request.head` can be released into the environment. Raises the same errors as `check`."""
    if request.staged or request.base:
        raise UsageError(
            f"{environment.name} is an environment, and only commits can be released",
            "remove --staged and --base",
        )
    environment = with_promise(repository, verified(repository, request.start, environment))
    log, now = open_log(repository), int(time())
    change, release = _read(repository, environment, request, log, now)
    rules = rules_for_release(repository, change, environment, release)
    answer = evaluate(repository, change, rules, request, log=log, progress=progress)
    if not environment.note:
        return answer
    verdict = replace(answer.verdict, notes=(*answer.verdict.notes, environment.note))
    return replace(answer, verdict=verdict)


def release_change(
    repository: Repository, environment: ProtectedEnvironment, head: str | None, log: ApprovalLog, now: int
) -> Change:
    """Return the change that releasing `head` (HEAD) would make in the environment."""
    deployments, _ = deployments_in(log, environment.policy, environment.name, now)
    return _step(repository, environment, head, deployments)


def _read(
    repository: Repository,
    environment: ProtectedEnvironment,
    request: CheckRequest,
    log: ApprovalLog,
    now: int,
) -> tuple[Change, Release]:
    policy, require = environment.policy, environment.protection.require
    history = partial(deployments_in, log, policy, now=now)
    deployments, previous = history(environment=environment.name)
    change = _step(repository, environment, request.head, deployments)
    promoter = _promoter(repository, environment, request.key, now)
    if is_way_back(repository, deployments, previous, change.head):
        # A rollback doesn't wait for monitoring, which may be down itself.
        return change, Release(now, promoter=promoter, returning=True)
    deployed = {name: history(environment=name)[0] for name in policy.protect if policy.is_environment(name)}
    passed = {
        target: _been(change.head, target, deployed[target])
        if target in deployed
        else _entered(repository, target, change.head, log)
        for target in require.passed
    }
    soaked, budget = require.soaked, require.budget
    queries = [metric.query for metric in require.metric]
    queries += [soaked.healthy] if soaked and soaked.healthy else []
    queries += [budget.downtime] if budget and budget.downtime else []
    readings = ask(policy.prometheus, queries)
    rolled_back = {
        name: by for name in deployed if (by := rolled_back_in(log, policy, name, now, change.head))
    }
    about = {entry.id for entry in log.select({change.digest}, ())} if rolled_back else set()
    release = Release(
        now,
        passed,
        deployed.get(soaked.place, ()) if soaked else (),
        readings,
        promoter=promoter,
        rolled_back=rolled_back,
        recent=added_after(log, about, frozenset().union(*rolled_back.values())),
    )
    if budget:
        minutes, trouble = spent(repository, environment, budget, readings, now)
        release = replace(release, downtime=minutes, no_downtime=trouble)
    return change, release


def is_way_back(
    repository: Repository, deployments: tuple[Deployment, ...], previous: str, commit: str
) -> bool:
    """Return whether releasing `commit` is a rollback to the release before the current one."""
    return previous == commit if previous else precedes_first(repository, deployments, commit)


def _step(
    repository: Repository,
    environment: ProtectedEnvironment,
    head: str | None,
    deployments: tuple[Deployment, ...],
) -> Change:
    present = deployments[-1].commit if deployments else ""
    into = ENVIRONMENTS + environment.name
    change = read_step(repository, into, present, commit_named(repository, head or "HEAD"))
    return replace(change, repository=environment.policy.repository)


def _promoter(repository: Repository, environment: ProtectedEnvironment, key: str | None, now: int) -> str:
    """Return the name of the user, or "" if their key isn't known."""
    try:
        return find_signer(repository, environment.policy, key, now, environment.name).person.name
    except (UsageError, CannotDecide):
        if key:
            raise
        return ""


def _been(commit: str, environment: str, deployments: tuple[Deployment, ...]) -> str:
    own = [deployment for deployment in deployments if deployment.commit == commit]
    if not own:
        return f"no record that it was released into {environment}"
    return "it was rolled back there" if own[-1].returned else ""


def _entered(repository: Repository, branch: str, commit: str, log: ApprovalLog) -> str:
    """Return why `commit` isn't verified on `branch`, or "" if the audit proves that it is."""
    _, tip = ends_of(repository, branch, "")
    if commit not in repository.text("rev-list", "--first-parent", tip).split():
        return f"{branch} was never at this commit"
    policies = repository.text("rev-list", "--first-parent", "--reverse", tip, "--", POLICY_FILE).split()
    if commit in policies[:1]:
        # Nothing could verify the commit that introduced the policy; every audit builds on it.
        return ""
    if is_verified(repository, f"refs/heads/{branch}", log, commit):
        return ""
    return f"its merge is not verified: `gate audit {commit[:12]}^..{commit[:12]}` says why"
