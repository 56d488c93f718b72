"""The releases of an environment according to the log, and when each was live.

A release is recorded by a signed `verdict` whose `into` is the environment, written only after gate allowed it. The
last one is live. Releasing an earlier one again is a rollback to it.

The first release of an environment may predate gate. With a single release on record, going back to any earlier commit
of its branch is therefore allowed.

A rollback can span several releases: going back to an earlier commit, in one step or several, rolls back every release
in between. A rollback still counts after the key that signed it is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gate.approvals.decisions import Decision
from gate.approvals.record import Record
from gate.git.repository import Repository
from gate.log.admitted import ApprovalLog, decisions_of
from gate.log.index import LoggedRecord
from gate.log.trusted_verdicts import trusted
from gate.model import ENVIRONMENTS
from gate.policy.types import Policy
from gate.requirements.facts import Deployment


def deployments_in(
    log: ApprovalLog, policy: Policy, environment: str, now: int
) -> tuple[tuple[Deployment, ...], str]:
    """Return the releases in `environment`, oldest first, and the one before the current release ("" for none).

    Records by unknown keys and by juniors are ignored. `now` is when the keys must be valid.
    """
    recorded = _records(log, policy, environment)
    decisions = trusted(decisions_of(recorded, policy), policy, policy.protect[environment], now)
    return _history(log.repository, _by_seniors(decisions, policy))


def rolled_back_in(
    log: ApprovalLog, policy: Policy, environment: str, now: int, commit: str
) -> frozenset[str]:
    """Return the ids of the records that rolled back the last release of `commit` in `environment`, if any.

    Records count if their author was ever admitted: replacing a key removes no rollback.
    """
    everybody = decisions_of(_records(log, policy, environment), policy)
    histories = (
        deployments_in(log, policy, environment, now)[0],
        _history(log.repository, _by_seniors(everybody, policy))[0],
    )
    last = (
        [deployment for deployment in deployments if deployment.commit == commit][-1:]
        for deployments in histories
    )
    by = (deployment.returned_by for deployments in last for deployment in deployments)
    return frozenset(filter(None, by))


def precedes_first(repository: Repository, deployments: tuple[Deployment, ...], commit: str) -> bool:
    """Return whether there is a single deployment, and `commit` was on its branch before it."""
    if len(deployments) != 1 or deployments[0].commit == commit:
        return False
    return commit in repository.text("rev-list", "--first-parent", deployments[0].commit).split()


def _records(log: ApprovalLog, policy: Policy, environment: str) -> list[LoggedRecord]:
    into = ENVIRONMENTS + environment
    return [
        decision
        for decision in log.given_for(into, "verdict")
        if decision.record.repository == policy.repository
    ]


def _by_seniors(decisions: Iterable[Decision], policy: Policy) -> list[Decision]:
    """Return the records that aren't by a junior, in order."""
    juniors = {name for name, person in policy.people.items() if person.role == "junior"}
    return sorted(
        (decision for decision in decisions if decision.record.by not in juniors),
        key=lambda decision: (decision.record.at, decision.record.nonce),
    )


def _history(repository: Repository, decisions: list[Decision]) -> tuple[tuple[Deployment, ...], str]:
    parents = _parents(repository, [decision.record for decision in decisions])
    deployments: list[Deployment] = []
    # Indexes of the deployments up to the current one, without those rolled back.
    line: list[int] = []
    for decision in decisions:
        record = decision.record
        if line and deployments[line[-1]].commit == record.head:
            continue
        if deployments:
            deployments[-1] = replace(deployments[-1], until=record.at)
        for number in [
            position for position in line if _is_before(parents, record.head, deployments[position].commit)
        ] or _above(line, deployments, record.head):
            deployments[number] = replace(deployments[number], returned=record.at, returned_by=decision.id)
            line.remove(number)
        if line and deployments[line[-1]].commit == record.head:
            line.pop()
        line.append(len(deployments))
        deployments.append(Deployment(record.head, record.at, record=decision.id))
    return tuple(deployments), deployments[line[-2]].commit if len(line) > 1 else ""


def _above(line: list[int], deployments: list[Deployment], commit: str) -> list[int]:
    """Return what came after the release of `commit`, if it is in `line`. It may be on another branch."""
    same = [position for position, number in enumerate(line) if deployments[number].commit == commit]
    return line[same[-1] + 1 :] if same else []


def _parents(repository: Repository, records: list[Record]) -> dict[str, tuple[int, str]]:
    """Return, for the commits that releases are based on, a number that grows with age, and the first parent."""
    heads = dict.fromkeys(record.head for record in records)
    if len(heads) < 2:
        return {}
    form = ("--first-parent", "--topo-order", "--parents", "--ignore-missing")
    lines = repository.text("rev-list", *form, *heads, "--").splitlines()
    return {
        words[0]: (number, words[1] if len(words) > 1 else "")
        for number, words in enumerate(map(str.split, lines))
    }


def _is_before(parents: Mapping[str, tuple[int, str]], commit: str, later: str) -> bool:
    """Return whether `commit` is an ancestor of `later` on its branch."""
    if commit not in parents or commit == later:
        return False
    while later in parents and parents[later][0] < parents[commit][0]:
        later = parents[later][1]
    return later == commit
