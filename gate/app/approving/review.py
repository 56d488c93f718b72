"""Show the diff of the files that a person is about to approve, with the findings of earlier checks inside it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gate.app.approving.approve import ApprovalPreview
from gate.finding import Finding
from gate.git.repository import Repository
from gate.model import Ran

HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")
LARGEST = 20_000
"""The maximum number of diff lines shown; the rest is only counted."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a diff, or a finding. `kind` is `file`, `hunk`, `added`, `removed`, `same`, or `finding`."""

    kind: str
    text: str


def diff_lines(preview: ApprovalPreview, paths: Sequence[str]) -> Iterator[Line]:
    """Yield the diff of `paths` from the base to the merge result, with each finding below its line."""
    change = preview.change
    findings: dict[tuple[str, int], list[Finding]] = defaultdict(list)
    for result in preview.checks:
        for finding in result.findings if isinstance(result, Ran) else ():
            if finding.new:
                findings[finding.path, finding.line].append(finding)
    for path in paths:
        text = _diff(preview.repository, change.base_tree, change.tree, path)
        for finding in findings.pop((path, 0), ()):
            yield Line("finding", _finding_text(finding))
        yield from _annotated(text, path, findings)


def _diff(repository: Repository, old: str, new: str, path: str) -> str:
    # No escaping needed: gate runs git with literal pathspecs.
    raw = repository.run("diff", "--no-ext-diff", "--no-textconv", "--no-color", "-M", old, new, "--", path)
    return raw.decode("utf-8", "replace")


def _annotated(text: str, path: str, findings: dict[tuple[str, int], list[Finding]]) -> Iterator[Line]:
    number = 0
    lines = text.split("\n")[:-1]
    for line in lines[:LARGEST]:
        hunk = HUNK.match(line)
        if hunk:
            number = int(hunk[1])
            yield Line("hunk", line)
        elif not number:
            yield Line("file", line)
        elif line.startswith("-"):
            yield Line("removed", line)
        elif line.startswith("\\"):
            yield Line("same", line)
        else:
            yield Line("added" if line.startswith("+") else "same", line)
            for finding in findings.pop((path, number), ()):
                yield Line("finding", _finding_text(finding))
            number += 1
    if len(lines) > LARGEST:
        yield Line("file", f"… and {len(lines) - LARGEST:,} more lines: `git diff` shows them")


def _finding_text(finding: Finding) -> str:
    position = f"{finding.line}:{finding.column}: " if finding.line else ""
    hint = f" ({finding.hint})" if finding.hint else ""
    return f"{position}{finding.rule} {finding.message}{hint}"
