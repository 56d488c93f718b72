"""What the log says of an environment: which releases were in it, from when to when.

A release is recorded by a `verdict` whose `into` is the environment: signed, and given only where the gate let it
in. The last one is there now. To release what was there before the present one is to return to it.

The first release of an environment may have come there before gate was asked about any. So with one release on
record, the way back leads to any commit that the branch was at before it.
"""

from __future__ import annotations

from dataclasses import replace

from gate.git.repository import Repository
from gate.log.admitted import ApprovalLog, entries_of
from gate.log.vouched import trusted
from gate.model import ENVIRONMENTS
from gate.policy.types import Policy
from gate.requirements.facts import Stay


def stays_in(log: ApprovalLog, policy: Policy, environment: str, now: int) -> tuple[tuple[Stay, ...], str]:
    """The releases that were in `environment`, oldest first, and the one before the present ("" for none).

    Records by unknown keys and by juniors say nothing. `now` is when the keys have to be valid.
    """
    into = ENVIRONMENTS + environment
    found = [one for one in log.given_for(into, "verdict") if one.record.repository == policy.repository]
    entries = trusted(entries_of(found, policy), policy, policy.protect[environment], now)
    records = [entry.record for entry in entries if policy.people[entry.record.by].role != "junior"]
    stays: list[Stay] = []
    stack: list[int] = []
    for record in sorted(records, key=lambda record: (record.at, record.nonce)):
        if stack and stays[stack[-1]].commit == record.head:
            continue
        returned = (len(stack) > 1 and stays[stack[-2]].commit == record.head) or (
            precedes_first(log.repository, tuple(stays), record.head)
        )
        if stays:
            stays[-1] = replace(stays[-1], until=record.at, returned=returned)
        stays.append(Stay(record.head, record.at))
        if returned:
            del stack[-2:]
        stack.append(len(stays) - 1)
    return tuple(stays), stays[stack[-2]].commit if len(stack) > 1 else ""


def precedes_first(repository: Repository, stays: tuple[Stay, ...], commit: str) -> bool:
    """Whether `stays` is one release alone, and `commit` was on its branch before it."""
    if len(stays) != 1 or stays[0].commit == commit:
        return False
    return commit in repository.text("rev-list", "--first-parent", stays[0].commit).split()
