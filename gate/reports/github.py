"""GitHub Actions: annotations in the log, and the Markdown of the job summary.

GitHub shows ten errors, ten warnings, and ten notices per step, so the most important come first, and the tenth gives
the number of others. A message can neither end its own command nor start another: characters that end a line or
separate properties are encoded as the runner expects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from gate.finding import Finding
from gate.model import NOT_ASKED, Broken, Outcome, Ran, RequirementState, ReviewRequest, Verdict
from gate.reports.context import ReportContext
from gate.reports.findings import Group, groups, help_of, obstacles
from gate.reports.words import (
    branch,
    decision_words,
    noun,
    pass_headline,
    reasons,
    status,
    took,
    verb,
    visible,
    visible_path,
)
from gate.requirements.review_requests import approved_text, folders, lines_of, to_approve, who
from gate.wording import capitalized, count

MOST: Final = 10
"""The maximum number of annotations of one kind that GitHub shows for a step."""
MOST_ROWS: Final = 1000
"""The maximum number of findings in the job summary: GitHub allows 1 MiB, and a row has less than 700 bytes."""
LONGEST_CELL: Final = 160
MOST_DECISIONS: Final = 100
MARKS: Final[dict[RequirementState, str]] = {
    "unmet": "❌",
    "undecided": "❔",
    "met": "✅",
    "not_applicable": "➖",
}
SIGNS: Final = {"pass": "✅", "blocked": "❌", "undecided": "❔"}


def render(verdict: Verdict, context: ReportContext) -> str:  # noqa: ARG001 - the signature of every report
    """Return annotations: other reasons to block, blocking findings, then new ones as warnings or notices."""
    errors = [
        _command("error", "", 0, 0, 0, merge_blocker.title, merge_blocker.message)
        for merge_blocker in obstacles(verdict)
    ]
    rest: dict[str, list[str]] = {"warning": [], "notice": []}
    for group in groups(verdict):
        for finding, blocks in group.marked():
            if blocks:
                errors.append(_annotation("error", group, finding))
            elif finding.new:
                level = "notice" if finding.severity == "note" else "warning"
                rest[level].append(_annotation(level, group, finding))
    if verdict.decision == "pass":
        rest["notice"].insert(0, _command("notice", "", 0, 0, 0, "gate", headline(verdict)))
    elif not errors:
        errors.append(_command("error", "", 0, 0, 0, "gate", headline(verdict)))
    lines = [*_capped("error", errors, verdict)]
    for level, commands in rest.items():
        lines += _capped(level, commands, verdict)
    return "".join(f"{line}\n" for line in lines)


def headline(verdict: Verdict) -> str:
    """Return decision, reason, and effect: `Blocked: missing code owner approval. Can't merge into main.`"""
    if verdict.decision == "pass":
        return pass_headline(verdict)
    into, words = branch(verdict.change.into), decision_words(verdict)
    return f"{words}: {reasons(verdict)}. Can't {verb(verdict.change.into)} into {into}."


def _capped(level: str, lines: Sequence[str], verdict: Verdict) -> Sequence[str]:
    if len(lines) <= MOST:
        return lines
    blocking = sum(len(group.blocking) for group in groups(verdict))
    # The summary lists blocking findings; other findings are only in report files.
    complete = level == "error" and blocking <= MOST_ROWS
    where = "the job summary" if complete else "the report that `gate check --report html=FILE` writes"
    more = f"{len(lines) - MOST + 1:,} more: see {where}"
    return [*lines[: MOST - 1], _command(level, "", 0, 0, 0, "gate", more)]


def _annotation(level: str, group: Group, finding: Finding) -> str:
    note = help_of(group, finding)
    message = f"{finding.message}\nhelp: {note}" if note else finding.message
    title = f"{group.id}: {finding.rule}" if finding.rule else group.id
    end = finding.end_line if finding.end_line > finding.line else 0
    return _command(level, finding.path, finding.line, end, finding.column, title, message)


def _command(level: str, path: str, line: int, end: int, column: int, title: str, message: str) -> str:
    properties = {
        "file": path if path.isprintable() else visible(path),
        "line": line or "",
        "endLine": end or "",
        "col": column or "",
        "title": visible(title) or "gate",
    }
    # GitHub would show a position without a file at an arbitrary place in the repository.
    properties_set = {
        name: value for name, value in properties.items() if value != "" and (path or name == "title")
    }
    listed = ",".join(f"{name}={_property(str(value))}" for name, value in properties_set.items())
    body = "%0A".join(_data(visible(part)) for part in message.split("\n"))
    return f"::{level} {listed}::{body}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def summary(verdict: Verdict, context: ReportContext) -> str:  # noqa: ARG001 - like `render`
    """Return the job summary in Markdown, with what a reviewer has to do."""
    parts = [
        f"## {SIGNS[verdict.decision]} {_plain(headline(verdict))}",
        _about(verdict),
        *(f"> {_plain(note)}" for note in verdict.notes),
        _reviewers(verdict),
        _requirements(verdict),
    ]
    room = MOST_ROWS
    for group in groups(verdict):
        if group.blocking:
            parts.append(_findings(group, room))
            room = max(room - len(group.blocking), 0)
    parts.append(_checks(verdict))
    parts.append(_decisions(verdict))
    return "\n\n".join(part for part in parts if part) + "\n"


def _plain(text: str) -> str:
    """Escape text so that Markdown and HTML show it literally."""
    return re.sub(r"[^\w ,/]|_", lambda match: f"&#{ord(match[0])};", visible(text))


def _code(text: str) -> str:
    return f"<code>{_plain(text)}</code>"


def _with_code(sentence: str) -> str:
    """Return a sentence in which text between backticks is code."""
    parts = enumerate(sentence.split("`"))
    return "".join(_code(part) if number % 2 else _plain(part) for number, part in parts)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _about(verdict: Verdict) -> str:
    change = verdict.change
    return (
        f"{count(len(change.files), 'file')} changed, {_code(change.base[:12])} to {_code(change.head[:12])}."
    )


def _reviewers(verdict: Verdict) -> str:
    """Return the people to ask, in the same order as all other reports."""
    rows = [
        (_plain(who(request)), _roles(request), "<br>".join(_folders(request)))
        for request in verdict.reviewers
    ]
    if not rows:
        return ""
    how = f"\n\n{_with_code(capitalized(to_approve(verdict.approve_with)))}." if verdict.approve_with else ""
    return f"### Approval needed from\n\n{_table(('who', 'as', 'for'), rows)}{how}"


def _roles(request: ReviewRequest) -> str:
    return _plain(", ".join(duty.role for duty in request.duties))


def _folders(request: ReviewRequest) -> list[str]:
    return [f"{_code(visible_path(name))} ({number:,})" for name, number in folders(request.paths, MOST)]


def _requirements(verdict: Verdict) -> str:
    asking = set(lines_of(verdict.reviewers, verdict.approve_with))
    shown = [outcome for outcome in verdict.outcomes if outcome.reason != NOT_ASKED]
    rows = [
        (f"{MARKS[o.state] if o.enforced else '⚠️'} {_plain(o.id)}", "<br>".join(_says(o, asking)))
        for o in shown
    ]
    return _table(("requirement", "result"), rows) if rows else ""


def _says(outcome: Outcome, asking: AbstractSet[str]) -> list[str]:
    """Return the reason, what to do about it, and the files in conflict. People to ask are already shown above."""
    lines = [_plain(outcome.reason if outcome.enforced else f"not enforced: {outcome.reason}")]
    if outcome.state in {"unmet", "undecided"}:
        lines += [f"<b>{_plain(advice)}</b>" for advice in outcome.advice if advice not in asking]
        conflicts = [path for missing in outcome.missing if not missing.need for path in missing.paths]
        lines += [_code(visible_path(path)) for path in conflicts[:MOST]]
        lines += [f"and {len(conflicts) - MOST:,} more"] if len(conflicts) > MOST else []
    return lines


def _findings(group: Group, room: int) -> str:
    rows = []
    for finding in group.blocking[:room]:
        where = f"{visible_path(finding.path)}:{finding.line}" if finding.line else visible_path(finding.path)
        note = help_of(group, finding)
        hint = f"<br>{_plain(_cut(note))}" if note else ""
        rows.append((_code(where), _code(finding.rule), _plain(_cut(finding.message)) + hint))
    more = len(group.blocking) - room
    tail = f"\n\n… and {more:,} more." if more > 0 else ""
    title = f"### {_plain(group.id)}: {count(len(group.blocking), noun(group.id))}"
    return f"{title}\n\n{_table(('where', 'rule', 'what'), rows)}{tail}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"


def _checks(verdict: Verdict) -> str:
    rows = []
    for result in verdict.checks:
        if isinstance(result, Ran):
            failure_mark = "❌" if result.enforced else "⚠️"
            mark, text = failure_mark if result.blocking else "➖" if result.empty else "✅", status(result)
            text += f", {_plain(result.note)}" if result.note else ""
        else:
            what = "could not run" if isinstance(result, Broken) else "not run"
            mark, text = "❔", f"{what}: {_plain(result.reason)}"
        rows.append((f"{mark} {_plain(result.id)}", text, took(result)))
    return f"### Checks\n\n{_table(('check', 'result', 'time'), rows)}" if rows else ""


def _decisions(verdict: Verdict) -> str:
    kinds = {"approve": "approved", "block": "objected", "waive": "waived the requirements"}
    rows = [
        (
            _code(approval.by),
            kinds[approval.kind] if approval.counted else f"{kinds[approval.kind]} (not counted)",
            _plain(approval.why) or _plain(approved_text(approval, verdict))
            if approval.files
            else _plain(approval.why),
        )
        for approval in verdict.approvals[:MOST_DECISIONS]
    ]
    return f"### Approvals\n\n{_table(('who', 'decision', 'files or reason'), rows)}" if rows else ""
