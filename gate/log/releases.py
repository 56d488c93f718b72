"""What the log says of an environment: which releases were in it, from when to when.

A release is recorded by a `verdict` whose `into` is the environment: signed, and given only where the gate let it
in. The last one is there now. To release an earlier one again is to return to it.

The first release of an environment may be older than the use of gate. So with one release on
record, the way back leads to any commit that the branch was at before it.

What is rolled back is more than that: whatever goes back to an earlier commit, by one release or by several, rolls
back every release in between. And a rollback is not forgotten when the key that signed it is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gate.approvals.entries import Entry
from gate.approvals.record import Record
from gate.git.repository import Repository
from gate.log.admitted import ApprovalLog, entries_of
from gate.log.index import Found
from gate.log.trusted_verdicts import trusted
from gate.model import ENVIRONMENTS
from gate.policy.types import Policy
from gate.requirements.facts import Deployment


def deployments_in(
    log: ApprovalLog, policy: Policy, environment: str, now: int
) -> tuple[tuple[Deployment, ...], str]:
    """The releases that were in `environment`, oldest first, and the one before the present ("" for none).

    Records by unknown keys and by juniors say nothing. `now` is when the keys have to be valid.
    """
    recorded = _records(log, policy, environment)
    entries = trusted(entries_of(recorded, policy), policy, policy.protect[environment], now)
    return _history(log.repository, _by_seniors(entries, policy))


def rolled_back_in(
    log: ApprovalLog, policy: Policy, environment: str, now: int, commit: str
) -> frozenset[str]:
    """The ids of the records by which the last release of `commit` in `environment` was rolled back; mostly none.

    Here the record of anybody counts who was ever admitted: a replaced key takes no rollback with it.
    """
    everybody = entries_of(_records(log, policy, environment), policy)
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
    """Whether `deployments` is one release alone, and `commit` was on its branch before it."""
    if len(deployments) != 1 or deployments[0].commit == commit:
        return False
    return commit in repository.text("rev-list", "--first-parent", deployments[0].commit).split()


def _records(log: ApprovalLog, policy: Policy, environment: str) -> list[Found]:
    into = ENVIRONMENTS + environment
    return [entry for entry in log.given_for(into, "verdict") if entry.record.repository == policy.repository]


def _by_seniors(entries: Iterable[Entry], policy: Policy) -> list[Entry]:
    """Those in order that are not by a junior."""
    juniors = {name for name, person in policy.people.items() if person.role == "junior"}
    return sorted(
        (entry for entry in entries if entry.record.by not in juniors),
        key=lambda entry: (entry.record.at, entry.record.nonce),
    )


def _history(repository: Repository, entries: list[Entry]) -> tuple[tuple[Deployment, ...], str]:
    parents = _parents(repository, [entry.record for entry in entries])
    deployments: list[Deployment] = []
    # Those up to the present one, without what was rolled back.
    line: list[int] = []
    for entry in entries:
        record = entry.record
        if line and deployments[line[-1]].commit == record.head:
            continue
        if deployments:
            deployments[-1] = replace(deployments[-1], until=record.at)
        for number in [
            position for position in line if _is_before(parents, record.head, deployments[position].commit)
        ] or _above(line, deployments, record.head):
            deployments[number] = replace(deployments[number], returned=record.at, returned_by=entry.id)
            line.remove(number)
        if line and deployments[line[-1]].commit == record.head:
            line.pop()
        line.append(len(deployments))
        deployments.append(Deployment(record.head, record.at, record=entry.id))
    return tuple(deployments), deployments[line[-2]].commit if len(line) > 1 else ""


def _above(line: list[int], deployments: list[Deployment], commit: str) -> list[int]:
    """What came after the release of `commit`, if it is in `line`: it may be on another branch."""
    same = [position for position, number in enumerate(line) if deployments[number].commit == commit]
    return line[same[-1] + 1 :] if same else []


def _parents(repository: Repository, records: list[Record]) -> dict[str, tuple[int, str]]:
    """The commits that the releases are built on: a number that is larger the older it is, and the first parent."""
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
    """Whether `commit` is an earlier commit of the branch that leads to `other`."""
    if commit not in parents or commit == later:
        return False
    while later in parents and parents[later][0] < parents[commit][0]:
        later = parents[later][1]
    return later == commit
