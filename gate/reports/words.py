"""Text for people: escaped untrusted text, locations, durations, and short forms of the verdict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gate.finding import Finding
from gate.model import ENVIRONMENTS, Broken, CheckResult, Outcome, Ran, Verdict, short_name
from gate.wording import count, listed

_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    r"""Return `text` on one line, with every unprintable character escaped.

    That includes control characters, line endings, Unicode's invisible and direction-changing characters, and the bytes
    of a file name that aren't UTF-8 (as `\xff`).
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if char in _NAMED:
        return _NAMED[char]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def one_line(text: str) -> str:
    """Return what a person wrote, visible and on one line. Line breaks become spaces, since they separate words."""
    return visible(" ".join(filter(None, (line.strip() for line in text.replace("\r\n", "\n").split("\n")))))


def record_checks(commit: str, branch: str) -> str:
    """Return a line of help: how to record that the checks pass for a commit that is on the branch already."""
    command = f"gate check --record --base {commit}^ --head {commit} --into {visible(branch)}"
    return f"      to record missing checks, run `{command}`"


def visible_path(path: str) -> str:
    """Return a path for people to read. Unusual paths are quoted as in git, so that no two look the same."""
    odd = not path.isprintable() or path != path.strip() or path.startswith('"')
    return '"' + visible(path.replace("\\", "\\\\").replace('"', '\\"')) + '"' if odd else path


def location(finding: Finding) -> str:
    """Return the location of a finding as editors and terminals parse it: `app.py:3:5`."""
    numbers = (str(number) for number in (finding.line, finding.column) if number)
    return ":".join([visible_path(finding.path) or "the whole tree", *numbers])


def visible_lines(text: str) -> list[str]:
    """Return the lines of a tool's output, each made visible, without blank lines at the beginning and end."""
    lines = [visible(line.expandtabs(4)).rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def whom(people: Iterable[str], need: int) -> str:
    """Return the people who can give `need` approvals: `@a`, `@a or @b`, `2 of @a, @b`."""
    names = [visible(name) for name in people]
    if not names:
        return count(max(need, 1), "approval")
    if need > 1:
        return f"{need} of {', '.join(names)}"
    return listed(names, "or")


def duration(seconds: float) -> str:
    """Format a duration: `0.1 s`, `12 s`, `3 min 5 s`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


_UNMET: Final = {
    "mergeable": "can't be merged",
    "owners": "missing code owner approval",
    "approvals": "missing approvals",
    "seniority": "missing senior approval",
    "guarded": "missing guardian approval",
    "history": "more than one commit",
    "passed": "not yet verified elsewhere",
    "soaked": "not long enough in the previous environment",
    "metric": "metrics out of limits",
    "budget": "downtime budget used up",
}
"""Why a verdict blocks, by the ID of the unmet requirement."""
PUSH_FIRST: Final = "Push it first: nobody else has this commit yet."
"""What to do before anybody can approve a commit that no remote has."""
_APPROVERS: Final = {"owners": "code owners", "seniority": "a senior", "guarded": "a guardian"}
"""The required approvers, by the ID of the requirement."""


def decision_words(verdict: Verdict) -> str:
    """Return just the decision: `Ready to merge`, `Partial run passed`, `Blocked`, `Couldn't decide`."""
    if verdict.decision == "pass":
        if verdict.partial:
            return "Partial run passed"
        if not verdict.change.files and verb(verdict.change.into) == "merge":
            return "Nothing to merge"
        return f"Ready to {verb(verdict.change.into)}{_only_because(verdict)}"
    return "Blocked" if verdict.decision == "blocked" else "Couldn't decide"


def pass_headline(verdict: Verdict) -> str:
    """Return the headline of a pass: `Ready to merge into main`."""
    words = decision_words(verdict)
    return words if verdict.partial else f"{words} into {branch(verdict.change.into)}"


def would_block(verdict: Verdict) -> bool:
    """Return whether the change is ready only because something isn't enforced."""
    return any(
        not item.enforced and item.state in {"unmet", "undecided"} for item in verdict.outcomes
    ) or any(not item.enforced and item.failed for item in verdict.checks)


def _only_because(verdict: Verdict) -> str:
    """Return why a change is ready although it doesn't meet every requirement, or ""."""
    if any(item.kind == "waive" and item.counted for item in verdict.approvals):
        return " (requirements waived)"
    return " (would be blocked if enforced)" if would_block(verdict) else ""


def reasons(verdict: Verdict) -> str:
    """Return why the verdict isn't a pass, or "" if it is: `missing code owner approval; names failed`."""
    state = {"blocked": "unmet", "undecided": "undecided"}.get(verdict.decision)
    blocking = [outcome for outcome in verdict.outcomes if outcome.blocks and outcome.state == state]
    words = [_why(outcome, verdict) for outcome in blocking]
    approvers = [_APPROVERS[outcome.id] for outcome in blocking if outcome.id in _APPROVERS]
    if len(approvers) > 1 and state == "unmet":
        # One reason for all of them: a headline has to be short.
        together = f"missing approvals from {listed(approvers)}"
        apart = {*(_UNMET[name] for name in _APPROVERS), _UNMET["approvals"]}
        words = [together, *(word for word in words if word not in apart)]
    if verdict.decision == "blocked" and not words:
        words = ["nothing is required"]
    return "; ".join(dict.fromkeys(words))


def _why(outcome: Outcome, verdict: Verdict) -> str:
    if outcome.state == "undecided":
        broken = [
            visible(result.id) for result in verdict.checks if isinstance(result, Broken) and result.enforced
        ]
        if outcome.id == "checks" and broken:
            return f"{listed(broken)} failed to run"
        return f"{visible(outcome.id)} could not be evaluated"
    if outcome.id == "checks":
        failed = [
            visible(item.id)
            for item in verdict.checks
            if isinstance(item, Ran) and item.blocking and item.enforced
        ]
        return f"{listed(failed) or 'checks'} failed"
    if outcome.id == "mergeable" and verdict.change.conflicts:
        return "merge conflicts"
    if outcome.id == "mergeable" and verdict.change.tree:
        return "invalid policy or CODEOWNERS"
    if outcome.id == "approvals" and not outcome.missing:
        return "an objection"
    return _UNMET.get(outcome.id, f"{visible(outcome.id)} is not met")


def verb(into: str) -> str:
    """Return the verb for the verdict's target: `merge` into a branch, or `release` to an environment."""
    return "release" if into.startswith(ENVIRONMENTS) else "merge"


def branch(into: str) -> str:
    """Return the short name of the branch or environment."""
    return visible(short_name(into))


def noun(check: str) -> str:
    """Return the noun for a finding of the check."""
    return "failure" if check == "tests" else "finding"


def status(result: Ran) -> str:
    """Return the result of a check: `2 findings`, `passed`, or `nothing ran`, which isn't a pass.

    Failures that don't block because their tests are quarantined are counted: `passed, 1 quarantined failure`.
    """
    if result.blocking:
        free = "" if result.enforced else ", not enforced"
        return f"{count(len(result.blocking), noun(result.id))}{free}"
    if result.empty:
        return "nothing ran"
    quarantined = sum(bool(finding.quarantined) for finding in result.findings)
    return f"passed, {count(quarantined, 'quarantined failure')}" if quarantined else "passed"


def took(result: CheckResult) -> str:
    """Return how long a check took, or that its result was cached."""
    if isinstance(result, Ran) and result.cached:
        return "cached"
    return duration(getattr(result, "seconds", 0.0))
