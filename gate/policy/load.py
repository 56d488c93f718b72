"""Load gate.yaml into a `Policy`. Each section has its own module; the defaults are in `.types`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gate.errors import InvalidInput
from gate.policy.files import POLICY_FILE
from gate.policy.types import Policy

if TYPE_CHECKING:
    from gate.policy.extending import Stored


def load_policy(data: bytes | None, file: str = POLICY_FILE, stored: Stored | None = None) -> Policy:
    """Parse a policy. None, for a missing file, gives the default policy.

    `stored` is the copy of the shared policy, required if it has `extends`. Raises InvalidInput with all mistakes.
    """
    if data is None:
        return Policy()
    # Importing PyYAML takes longer than the rest of a quick run, and isn't needed without a policy.
    from gate.policy.extending import merged
    from gate.policy.reading import Reader
    from gate.policy.sections import read_policy

    reader = Reader(file)
    root = reader.root(data)
    extends = None
    if root is not None:
        root, extends = merged(reader, root, stored)
    # Report mistakes in the shared policy first: without it, the rest has a different meaning.
    policy = read_policy(reader, root) if root is not None and not reader.mistakes else Policy()
    if reader.mistakes:
        raise InvalidInput(sorted(reader.mistakes, key=lambda mistake: (mistake.line, mistake.column)))
    return replace(policy, file=file, extends=extends)
