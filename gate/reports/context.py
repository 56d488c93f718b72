"""What a report may use besides the verdict. The caller provides all of it, so that reports stay pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gate


def no_lines(_path: str) -> Sequence[str]:
    """Return no lines. Without source code, reports show findings without their lines of code."""
    return ()


@dataclass(frozen=True, slots=True)
class ReportContext:
    """How to show a verdict.

    `width` is in terminal cells; `encoding` is that of the output, so that the text report can fall back to ASCII.
    `everything` (`--all`) also shows existing findings and omits nothing. `command` is the command to run it again,
    without `--all`. `lines(path)` returns the lines of a file of the merge result, without line endings, or nothing;
    `before(path)` those of the base. `made` is the time of the verdict. `height` is the height of the terminal in
    lines, or 0 if unlimited. `source` is the branch to merge, and `subject` the first line of its last commit;
    `request` and `link` name and locate the pull or merge request. `age` is the age of that commit, in seconds.
    `remote` is where approvals can be fetched from, if anywhere. `unpushed` says that no remote has the change yet, so
    nobody else can approve it.
    """

    colour: bool = False
    width: int = 80
    encoding: str = "utf-8"
    everything: bool = False
    command: str = "gate check"
    version: str = gate.__version__
    lines: Callable[[str], Sequence[str]] = no_lines
    before: Callable[[str], Sequence[str]] = no_lines
    made: str = ""
    source: str = ""
    subject: str = ""
    request: str = ""
    link: str = ""
    age: int = 0
    height: int = 0
    remote: str = ""
    unpushed: bool = False
