"""What an audit would say of steps that have not been made yet."""

from __future__ import annotations

from gate.app.audit import Step, prove_moves
from gate.app.audit_moves import read_moves
from gate.gather import policy_at
from gate.git.repository import Repository
from gate.git.steps import History
from gate.log.index import Index


def unproven(repository: Repository, ref: str, log: Index, history: History) -> Step | None:
    """The first step along the history that an audit of `ref`, with this log, would find fault with.

    None if there is none. Like the audit, it looks at steps since there is a policy.
    """
    records = log.all()
    moves = read_moves(repository, history, history.chain, records)
    start = next((n for n, move in enumerate(moves) if policy_at(repository, move.old.oid).file), None)
    if start is None:
        return None
    steps = prove_moves(repository, ref, log, records, moves[start:])
    return next((step for step in steps if step.outcome == "failed"), None)
