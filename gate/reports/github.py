"""GitHub Actions: annotations in the log, and the Markdown of the job summary.

GitHub shows ten errors, ten warnings and ten notices of a step, so the most important come first and the last
place says what was left off. A message can neither end its own command nor start another: what ends a line
or separates properties is written as the runner decodes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from gate.model import Finding, Missing, Outcome, Ran, RequirementState, Verdict
from gate.reports.context import ReportContext
from gate.reports.select import Group, groups, obstacles
from gate.reports.words import branch, count, may, noun, took, visible, visible_path

MOST: Final = 10
"""How many annotations of one kind GitHub shows for a step."""
MOST_ROWS: Final = 50
MARKS: Final[dict[RequirementState, str]] = {
    "unmet": "❌",
    "undecided": "❔",
    "met": "✅",
    "not_applicable": "➖",
}
HEADLINES: Final = {
    "pass": "✅ {} into",
    "blocked": "❌ Blocked: may not enter",
    "undecided": "❔ Undecided: may not enter",
}


def render(verdict: Verdict, context: ReportContext) -> str:  # noqa: ARG001 - the face of every report
    """The annotations: obstacles, then what blocks; other new findings only as warnings or notices."""
    errors = [_command("error", "", 0, 0, 0, one.title, one.message) for one in obstacles(verdict)]
    rest: dict[str, list[str]] = {"warning": [], "notice": []}
    for group in groups(verdict):
        for finding, blocks in group.marked():
            if blocks:
                errors.append(_annotation("error", group, finding))
            elif finding.new:
                level = "notice" if finding.severity == "note" else "warning"
                rest[level].append(_annotation(level, group, finding))
    into = branch(verdict.change.into)
    if verdict.decision == "pass":
        rest["notice"].insert(
            0, _command("notice", "", 0, 0, 0, "gate", f"{may(verdict.change.into).lower()} into {into}")
        )
    elif not errors:
        errors.append(_command("error", "", 0, 0, 0, "gate", f"{verdict.decision}: may not enter {into}"))
    lines = [*_capped("error", errors)]
    for level, found in rest.items():
        lines += _capped(level, found)
    return "".join(f"{line}\n" for line in lines)


def _capped(level: str, lines: Sequence[str]) -> Sequence[str]:
    if len(lines) <= MOST:
        return lines
    more = f"{len(lines) - MOST + 1:,} more are in the job summary and in the other reports"
    return [*lines[: MOST - 1], _command(level, "", 0, 0, 0, "gate", more)]


def _annotation(level: str, group: Group, finding: Finding) -> str:
    message = f"{finding.message}\nhelp: {finding.hint}" if finding.hint else finding.message
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
    # A place without a file would be put somewhere in the repository at random.
    given = {name: value for name, value in properties.items() if value != "" and (path or name == "title")}
    listed = ",".join(f"{name}={_property(str(value))}" for name, value in given.items())
    body = "%0A".join(_data(visible(part)) for part in message.split("\n"))
    return f"::{level} {listed}::{body}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def summary(verdict: Verdict, context: ReportContext) -> str:  # noqa: ARG001 - like `render`
    """The job summary: what a reviewer needs to act, in Markdown."""
    into = branch(verdict.change.into)
    parts = [
        f"## {HEADLINES[verdict.decision].format(may(verdict.change.into))} {_code(into)}",
        _about(verdict),
        _requirements(verdict.outcomes),
    ]
    for outcome in verdict.outcomes:
        if outcome.state in {"unmet", "undecided"} and (outcome.missing or outcome.advice):
            parts.append(_open(outcome))
    for group in groups(verdict):
        if group.blocking:
            parts.append(_findings(group))
    parts.append(_checks(verdict))
    parts.append(_decisions(verdict))
    parts += [f"> {_plain(note)}" for note in verdict.notes]
    return "\n\n".join(part for part in parts if part) + "\n"


def _plain(text: str) -> str:
    """Text that Markdown and HTML show as it is: all that could be markup is an entity."""
    return re.sub(r"[^\w ,/]|_", lambda match: f"&#{ord(match[0])};", visible(text))


def _code(text: str) -> str:
    return f"<code>{_plain(text)}</code>"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _about(verdict: Verdict) -> str:
    change = verdict.change
    return (
        f"{count(len(change.files), 'file')} changed, {_code(change.base[:12])} to {_code(change.head[:12])}."
    )


def _requirements(outcomes: Sequence[Outcome]) -> str:
    rows = [(f"{MARKS[o.state]} {_plain(o.id)}", _plain(o.reason)) for o in outcomes]
    return _table(("requirement", "what it says"), rows) if rows else ""


def _open(outcome: Outcome) -> str:
    parts = [f"### {_plain(outcome.id)}: what is missing"]
    rows = [_missing(missing) for missing in outcome.missing[:MOST_ROWS]]
    if rows:
        parts.append(_table(("approvals", "from", "for", "says"), rows))
    parts += [f"**{_plain(advice)}**" for advice in outcome.advice]
    return "\n\n".join(parts)


def _missing(missing: Missing) -> tuple[str, str, str, str]:
    paths = [_code(visible_path(path)) for path in missing.paths[:MOST]]
    if len(missing.paths) > MOST:
        paths.append(f"and {len(missing.paths) - MOST:,} more")
    who = ", ".join(_code(name) for name in missing.whom)
    return str(missing.need or ""), who, "<br>".join(paths), _code(missing.rule) if missing.rule else ""


def _findings(group: Group) -> str:
    rows = []
    for finding in group.blocking[:MOST_ROWS]:
        where = f"{visible_path(finding.path)}:{finding.line}" if finding.line else visible_path(finding.path)
        hint = f"<br>{_plain(finding.hint)}" if finding.hint else ""
        rows.append((_code(where), _code(finding.rule), _plain(finding.message) + hint))
    more = len(group.blocking) - MOST_ROWS
    tail = f"\n\n… and {more:,} more." if more > 0 else ""
    title = f"### {_plain(group.id)}: {count(len(group.blocking), noun(group.id))}"
    return f"{title}\n\n{_table(('where', 'rule', 'what'), rows)}{tail}"


def _checks(verdict: Verdict) -> str:
    rows = []
    for result in verdict.checks:
        if isinstance(result, Ran):
            found = len(result.blocking)
            mark, said = ("❌", count(found, noun(result.id))) if found else ("✅", "passed")
            said += f", {_plain(result.note)}" if result.note else ""
        else:
            mark, said = "❔", f"not known: {_plain(result.reason)}"
        rows.append((f"{mark} {_plain(result.id)}", said, took(result)))
    return f"### Checks\n\n{_table(('check', 'result', 'time'), rows)}" if rows else ""


def _decisions(verdict: Verdict) -> str:
    rows = [
        (
            _code(approval.by),
            {"approve": "approves", "block": "objects", "waive": "waives"}[approval.kind],
            "yes" if approval.counted else "no",
            _plain(approval.why),
        )
        for approval in verdict.approvals[:MOST_ROWS]
    ]
    return f"### Decisions\n\n{_table(('who', 'what', 'counts', 'why'), rows)}" if rows else ""
