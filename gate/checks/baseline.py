"""New or old: findings matched with those of the base tree, never by line number. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from gate.finding import Finding


def mark_new(
    findings: Iterable[Finding], at_base: Iterable[Finding], renames: Mapping[str, str]
) -> tuple[Finding, ...]:
    """`findings` with `new` set: False for each that the base has as well, as often as the base has it.

    Two findings are the same if file (through `renames`, new path to old), rule and message are.
    """
    old = Counter((finding.path, finding.rule, finding.message) for finding in at_base)
    marked = []
    for finding in findings:
        key = (renames.get(finding.path, finding.path), finding.rule, finding.message)
        old_one = old[key] > 0
        old[key] -= old_one
        marked.append(replace(finding, new=not old_one))
    return tuple(marked)
