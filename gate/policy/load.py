"""gate.yaml into a `Policy`. What each section may hold is in the modules beside, the defaults in `.types`."""

from __future__ import annotations

from dataclasses import replace

from gate.errors import InvalidInput
from gate.policy.types import Policy

POLICY_FILE = "gate.yaml"


def load_policy(data: bytes | None, file: str = POLICY_FILE) -> Policy:
    """The policy in `data`; None, where there is no such file, is the policy of defaults.

    Raises InvalidInput with every mistake in it.
    """
    if data is None:
        return Policy()
    # PyYAML takes longer to import than the rest of a quick run; without a policy it is not needed.
    from gate.policy.reading import Reader
    from gate.policy.sections import read_policy

    reader = Reader(file)
    root = reader.root(data)
    policy = read_policy(reader, root) if root is not None else Policy()
    if reader.mistakes:
        raise InvalidInput(sorted(reader.mistakes, key=lambda mistake: (mistake.line, mistake.column)))
    return replace(policy, file=file)
