"""The verdict as a chat message, in the format of Slack's webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gate.model import Verdict
from gate.reports.context import ReportContext
from gate.reports.github import headline
from gate.reports.words import branch, visible
from gate.requirements.review_requests import lines_of

SIGNS: Final = {"pass": ":white_check_mark:", "blocked": ":x:", "undecided": ":grey_question:"}
LONGEST: Final = 3000


def to_message(verdict: Verdict, context: ReportContext) -> Mapping[str, object]:
    """Return the message to post: a text for people, and data for programs."""
    change = verdict.change
    where = f"{context.source or change.head[:12]} into {branch(change.into)}"
    title = f"{change.repository}: {where}" if change.repository else where
    lines = [
        f"{SIGNS[verdict.decision]} *{_plain(title)}*",
        _plain(headline(verdict)),
        *(f"• {_plain(line)}" for line in lines_of(verdict.reviewers, verdict.approve_with)),
    ]
    if context.link.startswith(("https://", "http://")):
        lines.append(f"<{_plain(context.link)}|{_plain(context.request or 'View the request')}>")
    return {
        "text": "\n".join(lines)[:LONGEST],
        "outcome": verdict.decision,
        "repository": change.repository,
        "branch": branch(change.into),
        "head": change.head,
        "link": context.link,
    }


def _plain(text: str) -> str:
    """Escape text so that Slack shows it literally, without links or mentions of a channel."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "¦")
