"""The main use case: read the change in question, and evaluate it by the policy at its base."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gate.app.checking.evaluate import evaluate
from gate.app.checking.request import Answer, CheckRequest, no_progress
from gate.app.checking.rules_at_base import read_rules
from gate.gather.environments import environment_named
from gate.git.change import read_change
from gate.git.repository import Repository
from gate.rules import policy_at

if TYPE_CHECKING:
    from gate.runner import Event


def check(
    request: CheckRequest,
    progress: Callable[[Event], None] = no_progress,
    *,
    repository: Repository | None = None,
) -> Answer:
    """Decide about a change or a release. Raises UsageError, InvalidInput, or CannotDecide if there is no verdict.

    `repository` is the one around `request.start`, if the caller has already opened it.
    """
    repository = repository or Repository.find(request.start)
    environment = environment_named(repository, request.into)
    if environment is not None:
        # Imported here: few checks are about environments, and the others needn't wait for it.
        from gate.app.releases.release import check_release

        return check_release(repository, environment, request, progress)
    change = read_change(
        repository,
        into=request.into,
        head=request.head,
        base=request.base,
        staged=request.staged,
        index_file=request.index_file,
    )
    rules = read_rules(repository, change, policy_at(repository, change.base), request.only)
    if request.at_commit:
        rules = rules.at_commit()
    return evaluate(repository, change, rules, request, progress=progress)
