"""The HTML page: a single file for people to read, from the verdict down to each line of code.

It loads nothing else: no scripts, fonts, or images, and its own content security policy forbids them. All text that
isn't gate's own is escaped with `markup.escape`. Styles are in one place, pinned by their hash.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from typing import Final

from gate.model import NOT_ASKED, Broken, Outcome, Ran, RequirementState, Verdict
from gate.reports import page_findings as findings
from gate.reports.context import ReportContext
from gate.reports.findings import groups
from gate.reports.markup import escape
from gate.reports.page_files import files, left_out, of_no_file
from gate.reports.page_people import decisions, to_ask
from gate.reports.page_style import STYLE
from gate.reports.words import (
    PUSH_FIRST,
    branch,
    decision_words,
    noun,
    pass_headline,
    reasons,
    visible,
    visible_path,
    would_block,
)
from gate.requirements.review_requests import lines_of, to_approve
from gate.wording import capitalized, count, listed

MOST_CONFLICTS: Final = 2000
SIGNS: Final = {
    "pass": "M13 22.5l6.5 6.5L32 16",
    "blocked": "M15.5 15.5l13 13m0-13l-13 13",
    "undecided": "M22 13v11m0 6.5v.01",
}
STATES: Final[dict[RequirementState, tuple[str, str]]] = {
    "unmet": ("no", "not met"),
    "undecided": ("open", "unknown"),
    "met": ("yes", "met"),
    "not_applicable": ("quiet", "not applicable"),
}
"""The style and label of each state, in the order in which requirements are shown."""


def render(verdict: Verdict, context: ReportContext) -> str:
    """Return the whole page."""
    context = _remembering(context)
    changed = findings_and_files(verdict, context)
    if verdict.decision == "pass" and not any(group.blocking or group.other for group in groups(verdict)):
        # If everything passed, readers want to know who approved it; the files are collapsed.
        changed = f"<details><summary>{count(len(verdict.change.files), 'file')}</summary>{changed}</details>"
    parts = {
        "Requirements": ("requirements", _board(verdict)),
        "Approvals": ("approvals", decisions(verdict)),
        "Changed files": ("files", changed),
        "Checks": ("checks", findings.checks(verdict.checks) if verdict.checks else ""),
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
<title>{escape(_headline(verdict))} · gate</title>
<style>{STYLE}</style>
</head>
<body class="{_tone(verdict)}">
{_header(verdict, context)}
<nav aria-label="On this page"><ul>{links}</ul></nav>
<main>
{_next(verdict, context)}
{body}
</main>
{_footer(verdict, context)}
</body>
</html>
"""


def _tone(verdict: Verdict) -> str:
    """Return the classes of the page: the decision, and whether the change is ready only with a reservation."""
    if verdict.decision != "pass":
        return verdict.decision
    if any(item.kind == "waive" and item.counted for item in verdict.approvals):
        return "pass waived"
    return "pass neutral" if would_block(verdict) or verdict.partial else "pass"


def _remembering(context: ReportContext) -> ReportContext:
    return replace(context, lines=lru_cache(context.lines), before=lru_cache(context.before))


def findings_and_files(verdict: Verdict, context: ReportContext) -> str:
    """Return the changed files with their findings, and the findings that belong to no file."""
    more = left_out(verdict)
    rest = f'<p class="quiet">… and {count(more, "more finding")}, in the JSON report.</p>' if more else ""
    return of_no_file(verdict) + files(verdict, context) + rest + findings.existing(verdict)


def _headline(verdict: Verdict) -> str:
    if verdict.decision == "pass":
        return pass_headline(verdict)
    return f"{decision_words(verdict)}: {reasons(verdict)}"


def _header(verdict: Verdict, context: ReportContext) -> str:
    change = verdict.change
    sign = f'<path class="sign" d="{SIGNS[_sign(verdict)]}"/>'
    icon = f'<svg viewBox="0 0 44 44" aria-hidden="true"><circle class="shape" cx="22" cy="22" r="22"/>{sign}</svg>'
    subject = f'<p class="subject">{escape(context.subject)}{_link(context)}</p>' if context.subject else ""
    notes = "".join(f"<p>{findings.rich(note)}</p>" for note in verdict.notes)
    box = f'<div class="notes">{notes}</div>' if notes else ""
    kicker = " · ".join(filter(None, (escape(change.repository) or "Merge gate", escape(context.made))))
    return (
        f'<header class="verdict"><p class="kicker">{kicker}</p>{subject}\n<div class="banner">{icon}'
        f"<div><h1>{escape(_headline(verdict))}</h1><p>{_about(verdict, context)}</p></div></div>"
        f"{box}</header>"
    )


def _sign(verdict: Verdict) -> str:
    return "undecided" if verdict.decision == "pass" and would_block(verdict) else verdict.decision


def _link(context: ReportContext) -> str:
    """Return the link to the pull or merge request, if there is one."""
    if not context.link.startswith(("https://", "http://")):
        return ""
    return f' <a href="{escape(context.link)}">{escape(context.request or "View the request")}</a>'


def _about(verdict: Verdict, context: ReportContext) -> str:
    """Describe the change: source and target, size, and authors."""
    change = verdict.change
    people = listed([visible(author.name or author.email) for author in change.authors[:3]])
    if len(change.authors) > 3:
        people += f" and {len(change.authors) - 3} more"
    what = (
        "the staged change" if change.staged else f"<code>{escape(context.source or change.head[:12])}</code>"
    )
    by = f" · by {escape(people)}" if people else ""
    return f"{what} into <code>{escape(branch(change.into))}</code> · {count(len(change.files), 'file')} changed{by}"


def _next(verdict: Verdict, context: ReportContext) -> str:
    """Return the next steps: fix what blocks, ask for approvals, then the advice of each requirement."""
    steps = _fixes(verdict)
    if people := to_ask(verdict):
        steps.append(f'Get approval from<ul class="people">{people}</ul>{_how_to_approve(verdict, context)}')
    asking = set(lines_of(verdict.reviewers, verdict.approve_with))
    for outcome in verdict.outcomes:
        advice = [line for line in outcome.advice if line not in asking]
        if outcome.blocks and advice:
            steps.append(f"<strong>{escape(outcome.id)}:</strong> {' '.join(map(_sentence, advice))}")
    if not steps:
        return ""
    items = "".join(f"<li>{step}</li>" for step in dict.fromkeys(steps))
    return f'<div class="next"><h2>What to do next</h2><ol>{items}</ol></div>'


def _fixes(verdict: Verdict) -> list[str]:
    ran = {result.id for result in verdict.checks if isinstance(result, Ran)}
    failed = [group for group in groups(verdict) if group.id in ran and group.blocking]
    steps = []
    if failed:
        names = listed([f"{count(len(item.blocking), noun(item.id))} ({escape(item.id)})" for item in failed])
        steps.append(f'Fix <a href="#files">what blocks the merge</a>: {names}.')
    steps += [
        f"{escape(result.id)} could not run: {_sentence(result.hint)}"
        for result in verdict.checks
        if isinstance(result, Broken) and result.hint and result.enforced
    ]
    return steps


def _unbroken(command: str) -> str:
    """Return the command without line breaks after the dashes of an option."""
    return re.sub(r"(?<= )--[\w-]+", r'<span class="word">\g<0></span>', command)


def _how_to_approve(verdict: Verdict, context: ReportContext) -> str:
    """Return how to approve, with a command to copy if there is one."""
    if not verdict.approve_with.startswith("`"):
        return f"<p>{_sentence(to_approve(verdict.approve_with))}</p>" if verdict.approve_with else ""
    command, _, _ = verdict.approve_with.removeprefix("`").partition("`")
    first = f"<p>{escape(PUSH_FIRST)}</p>" if context.unpushed else ""
    return f'<p>To approve, they run</p><pre class="copy">{_unbroken(escape(command))}</pre>{_or_else(verdict)}{first}'


def _or_else(verdict: Verdict) -> str:
    """Return what the sentence says after the command, such as how to approve on the forge."""
    _, _, rest = verdict.approve_with.removeprefix("`").partition("`")
    return f"<p>{escape(rest.lstrip(' ,'))}</p>" if rest else ""


def _sentence(text: str) -> str:
    words = capitalized(text)
    return findings.rich(words if words.endswith((".", "`", "?")) else f"{words}.")


def _board(verdict: Verdict) -> str:
    order = list(STATES)
    shown: Sequence[Outcome] = [outcome for outcome in verdict.outcomes if outcome.reason != NOT_ASKED]
    items = []
    for outcome in sorted(shown, key=lambda outcome: order.index(outcome.state)):
        style, word = STATES[outcome.state]
        if not outcome.enforced:
            style, word = "open" if style == "no" else "quiet", f"{word}, not enforced"
        items.append(
            f'<li><strong>{escape(outcome.id)}</strong> <span class="state {style}">{word}</span> '
            f'<div class="says">{findings.rich(outcome.reason)}{_conflicts(outcome)}</div></li>'
        )
    return f'<ul class="board">{"".join(items)}</ul>' if items else "<p>Nothing is required.</p>"


def _conflicts(outcome: Outcome) -> str:
    """Return the files in conflict."""
    paths = [path for missing in outcome.missing if not missing.need for path in missing.paths]
    items = "".join(f'<li class="path">{escape(visible_path(path))}</li>' for path in paths[:MOST_CONFLICTS])
    return f'<ul class="paths">{items}</ul>' if items else ""


def _footer(verdict: Verdict, context: ReportContext) -> str:
    change = verdict.change
    facts = {
        "Branch": change.into,
        "Base": change.base,
        "Head": change.head,
        "Merge result": change.tree or change.merge_blocker,
        "Change": change.digest,
    }
    items = "".join(
        f"<dt>{name}</dt><dd><code>{escape(value)}</code></dd>" for name, value in facts.items() if value
    )
    when = f" on {escape(context.made)}" if context.made else ""
    made = f"Decided{when} by gate {escape(context.version)}. Re-run <code>{escape(context.command)}</code>."
    return (
        '<footer class="small quiet"><details><summary>Details</summary>'
        f"<dl>{items}</dl></details><p>{made}</p></footer>"
    )
