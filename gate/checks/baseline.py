"""Match findings with those of the base tree to separate new ones from old ones, never by line number. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from gate.finding import Finding

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
"""A memory address, as in `<Order object at 0x7f5bdf639690>`."""


def mark_new(
    findings: Iterable[Finding], at_base: Iterable[Finding], renames: Mapping[str, str]
) -> tuple[Finding, ...]:
    """Return `findings` with `new` set to False for each that the base has too, as many times as the base has it.

    Two findings are the same if file (through `renames`, from new path to old), rule, and message are. Memory addresses
    in messages are ignored, because they differ in each run.
    """
    old = Counter((finding.path, finding.rule, _without_addresses(finding.message)) for finding in at_base)
    marked = []
    for finding in findings:
        path = renames.get(finding.path, finding.path)
        key = (path, finding.rule, _without_addresses(finding.message))
        old_one = old[key] > 0
        old[key] -= old_one
        marked.append(replace(finding, new=not old_one))
    return tuple(marked)


def _without_addresses(message: str) -> str:
    return ADDRESS.sub(" at 0x", message)
