"""A badge: a small SVG image that shows whether the branch may merge, for a README or a dashboard."""

from __future__ import annotations

from typing import Final

from gate.model import Verdict
from gate.reports.context import ReportContext
from gate.reports.markup import escape
from gate.reports.terminal_text import cells

LABEL: Final = "gate"
MESSAGES: Final = {"pass": "passing", "blocked": "blocked", "undecided": "unknown"}
COLORS: Final = {"pass": "#1a7f37", "blocked": "#b3261e", "undecided": "#855300", "waived": "#855300"}


def render(verdict: Verdict, context: ReportContext) -> str:  # noqa: ARG001 - the signature of every report
    """Return the image, with a label for screen readers."""
    waived = verdict.decision == "pass" and any(
        item.kind == "waive" and item.counted for item in verdict.approvals
    )
    state = "waived" if waived else verdict.decision
    message = "waived" if waived else MESSAGES[verdict.decision]
    left, width = _width(LABEL), _width(message)
    title = escape(f"{LABEL}: {message}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width}" height="20" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<rect width="{left + width}" height="20" rx="3" fill="{COLORS[state]}"/>'
        f'<path fill="#3c434d" d="M3 0h{left - 3}v20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{left / 2:g}" y="14">{LABEL}</text>'
        f'<text x="{left + width / 2:g}" y="14">{message}</text></g></svg>\n'
    )


def _width(text: str) -> int:
    return 7 * cells(text) + 12
