"""`gate check --fix`: safe fixes on stdout, and a summary on stderr."""

from __future__ import annotations

import sys

from gate.app.checking.fixes import apply as apply_to_file
from gate.app.checking.fixes import fixable, fixes_of
from gate.app.checking.request import Answer
from gate.model import CheckResult, Ran
from gate.reports.patch import patch
from gate.reports.words import visible_path
from gate.wording import count


def show(answer: Answer, *, everything: bool, apply: bool, staged: bool) -> None:
    """Print the fixes as a diff, or apply them to the working tree and print the fixed files.

    `staged` says whether the index was checked.
    """
    command = "gate check --staged" if staged else "gate check"
    findings = fixable(answer, everything=everything)
    files = fixes_of(answer, findings)
    if any(
        result.id == "lint" and _has_fix(result, everything=everything) for result in answer.verdict.checks
    ):
        _say("to fix findings of lint, run `ruff check --fix`")
    if not files:
        _say("no safe fixes for findings of names")
        return
    if not apply:
        _print("".join(patch(file.path, file.before, file.after) for file in files))
        _say(f"nothing written; run `{command} --fix --apply` to fix {count(len(files), 'file')}")
        return
    for file in files:
        why_not = apply_to_file(answer.repository, file)
        name = visible_path(file.path)
        if why_not:
            _say(f"{name} {why_not}; not changed")
        else:
            print(f"fixed {name}: {count(len(set(file.fixes)), 'finding')}")
    record = "stage" if staged else "commit"
    _say(
        f"{record} the fixes, then run `{command}` again; the exit code is that of the check before the fixes"
    )


def _has_fix(result: CheckResult, *, everything: bool) -> bool:
    """Return whether ruff offers a fix for one of the findings, which gate leaves to ruff."""
    if not isinstance(result, Ran):
        return False
    return any(finding.hint for finding in (result.findings if everything else result.blocking))


def _say(text: str) -> None:
    print(f"gate: {text}", file=sys.stderr)


def _print(diff: str) -> None:
    """Print a diff: unchanged to a pipe or a file, without control sequences on a terminal."""
    if sys.stdout.isatty():
        from gate.reports.words import visible

        sys.stdout.write("".join(f"{visible(line)}\n" for line in diff.split("\n")[:-1]))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(diff.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()
