"""The HTML page: one file to be read by a person, from the verdict down to each line of code.

It asks for nothing else: no script, no font, no picture, and its own content policy forbids them. Everything
that strangers wrote goes through `markup.escape`. Styles are in one place, held to by their hash.
"""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from typing import Final

from gate.model import Approval, Broken, Outcome, Ran, RequirementState, Verdict
from gate.reports import page_findings as findings
from gate.reports.context import ReportContext
from gate.reports.markup import escape
from gate.reports.page_files import MOST_FILES, files
from gate.reports.page_owners import picture
from gate.reports.page_style import STYLE
from gate.reports.words import branch, count, listed, verb, visible, visible_path

HEADLINES: Final = {
    "pass": "{may} into {}",
    "blocked": "Blocked: may not enter {} yet",
    "undecided": "Undecided: may not enter {} yet",
}
SIGNS: Final = {
    "pass": "M13 22.5l6.5 6.5L32 16",
    "blocked": "M15.5 15.5l13 13m0-13l-13 13",
    "undecided": "M22 13v11m0 6.5v.01",
}
STATES: Final[dict[RequirementState, tuple[str, str]]] = {
    "unmet": ("no", "not met"),
    "undecided": ("open", "not known"),
    "met": ("yes", "met"),
    "not_applicable": ("quiet", "does not apply"),
}
"""The style and the word of each state, in the order in which requirements are shown."""


def render(verdict: Verdict, context: ReportContext) -> str:
    """The whole page."""
    lines = lru_cache(context.lines)
    into = branch(verdict.change.into)
    waived = any(one.kind == "waive" and one.counted for one in verdict.approvals)
    tone = f"{verdict.decision} waived" if waived else verdict.decision
    headline = HEADLINES[verdict.decision].format(into, may=f"Ready to {verb(verdict.change.into)}")
    headline += ", by waiver" if waived and verdict.decision == "pass" else ""
    parts = {
        "Requirements": ("requirements", _board(verdict)),
        "Who must approve what": ("approvals", picture(verdict) + _decisions(verdict.approvals)),
        "Findings": ("findings", findings.sections(verdict, lines)),
        "Files changed": ("files", files(verdict, context)),
        "Checks": ("checks", findings.times(verdict.checks) if verdict.checks else ""),
    }
    shown = {title: part for title, part in parts.items() if part[1]}
    links = "".join(f'<li><a href="#{name}">{title}</a></li>' for title, (name, _) in shown.items())
    body = "\n".join(
        f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{title}</h2>\n{content}\n</section>'
        for title, (name, content) in shown.items()
    )
    digest = b64encode(sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{escape(headline)} · gate</title>
<style>{STYLE}</style>
</head>
<body class="{tone}">
{_header(verdict, headline, context)}
<nav aria-label="On this page"><ul>{links}</ul></nav>
<main>
{_next(verdict)}
{body}
</main>
{_footer(verdict, context)}
</body>
</html>
"""


def _header(verdict: Verdict, headline: str, context: ReportContext) -> str:
    change = verdict.change
    people = listed([visible(author.name or author.email) for author in change.authors[:3]])
    if len(change.authors) > 3:
        people += f" and {len(change.authors) - 3} more"
    what = "the staged change" if change.staged else f"commit <code>{escape(change.head[:12])}</code>"
    about = f"{count(len(change.files), 'file')} changed by {what}"
    if people:
        about += f", written by {escape(people)}"
    kicker = (
        f"{escape(change.repository) or 'Merge gate'}{f' · {escape(context.made)}' if context.made else ''}"
    )
    sign = f'<path class="sign" d="{SIGNS[verdict.decision]}"/>'
    icon = f'<svg viewBox="0 0 44 44" aria-hidden="true"><circle class="shape" cx="22" cy="22" r="22"/>{sign}</svg>'
    notes = "".join(f"<p>{findings.rich(note)}</p>" for note in verdict.notes)
    told = f'<div class="notes">{notes}</div>' if notes else ""
    return (
        f'<header class="verdict"><p class="kicker">{kicker}</p>\n<div class="banner">{icon}'
        f"<div><h1>{escape(headline)}</h1><p>{about}.</p></div></div>"
        f"{told}</header>"
    )


def _next(verdict: Verdict) -> str:
    """What to do, step by step: mend what blocks, then what each requirement advises."""
    failed = [result for result in verdict.checks if isinstance(result, Ran) and result.blocking]
    steps = []
    if failed:
        found = listed([f"{escape(result.id)} ({len(result.blocking):,})" for result in failed])
        steps.append(f'Mend what <a href="#findings">blocks the merge</a>: {found}.')
    steps += [
        f"{escape(result.id)} could not run: {findings.rich(result.hint)}"
        for result in verdict.checks
        if isinstance(result, Broken) and result.hint
    ]
    steps += [
        f"<strong>{escape(outcome.id)}:</strong> {' '.join(map(_sentence, outcome.advice))}"
        for outcome in verdict.outcomes
        if outcome.state in {"unmet", "undecided"} and outcome.advice
    ]
    if not steps:
        return ""
    items = "".join(f"<li>{step}</li>" for step in dict.fromkeys(steps))
    return f'<div class="next"><h2>What to do next</h2><ol>{items}</ol></div>'


def _sentence(text: str) -> str:
    words = f"{text[:1].upper()}{text[1:]}"
    return findings.rich(words if words.endswith((".", "`")) else f"{words}.")


def _board(verdict: Verdict) -> str:
    order = list(STATES)
    items = []
    for outcome in sorted(verdict.outcomes, key=lambda outcome: order.index(outcome.state)):
        style, word = STATES[outcome.state]
        items.append(
            f'<li><strong>{escape(outcome.id)}</strong> <span class="state {style}">{word}</span> '
            f'<div class="says">{findings.rich(outcome.reason)}{_conflicts(outcome)}</div></li>'
        )
    return f'<ul class="board">{"".join(items)}</ul>' if items else "<p>Nothing is required.</p>"


def _conflicts(outcome: Outcome) -> str:
    """The files that stand in the way without anybody's approval being asked for."""
    paths = [path for missing in outcome.missing if not missing.need for path in missing.paths]
    items = "".join(f'<li class="path">{escape(visible_path(path))}</li>' for path in paths[:MOST_FILES])
    return f'<ul class="paths">{items}</ul>' if items else ""


def _decisions(approvals: tuple[Approval, ...]) -> str:
    """Every decision that was seen, with the reason where it does not count."""
    if not approvals:
        return ""
    said = {"approve": "approves", "block": "objects", "waive": "waives"}
    rows = "".join(
        f'<tr><th scope="row">{escape(one.by)}</th><td class="word">{said[one.kind]}</td>'
        f'<td class="word"><span class="{_tone(one)}">{"yes" if one.counted else "no"}</span></td>'
        f"<td>{findings.rich(one.why)}</td></tr>"
        for one in approvals
    )
    head = "".join(f'<th scope="col">{word}</th>' for word in ("Who", "Decision", "Counts", "Why"))
    return f"<h3>Decisions so far</h3><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _tone(approval: Approval) -> str:
    if not approval.counted:
        return "quiet"
    return "yes" if approval.kind == "approve" else "no"


def _footer(verdict: Verdict, context: ReportContext) -> str:
    change = verdict.change
    facts = {
        "Branch": change.into,
        "Base": change.base,
        "Head": change.head,
        "Merge result": change.tree or change.obstacle,
        "Change": change.digest,
    }
    items = "".join(
        f"<dt>{name}</dt><dd><code>{escape(value)}</code></dd>" for name, value in facts.items() if value
    )
    when = f" on {escape(context.made)}" if context.made else ""
    made = (
        f"Decided{when} by gate {escape(context.version)}. Ask again with "
        f"<code>{escape(context.command)}</code>."
    )
    return f'<footer class="small quiet"><dl>{items}</dl><p>{made}</p></footer>'
