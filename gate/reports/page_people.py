"""The people on the HTML page: those whose approval is missing, and those who approved or objected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gate.model import Approval, ReviewRequest, Verdict
from gate.reports.markup import escape
from gate.reports.page_findings import rich
from gate.reports.words import visible_path
from gate.requirements.review_requests import TOP, approved_text, folders, who
from gate.wording import count

MOST_NAMED: Final = 1000
MOST_FOLDERS: Final = 4
KINDS: Final = {"approve": "approved", "block": "objected", "waive": "waived the requirements"}


def to_ask(verdict: Verdict) -> str:
    """Return the list of people to ask, with their folders, or "" if there are none."""
    return "".join(_asked(request) for request in verdict.reviewers)


def _asked(request: ReviewRequest) -> str:
    roles = ", ".join(duty.role for duty in request.duties)
    name = escape(who(request))
    anyone = "" if request.required or request.need > 1 else "one of "
    return (
        f'<li class="ask"><span class="who">{anyone}{name}</span> <span class="quiet">{escape(roles)}</span>'
        f'<span class="folders">{_folders(request.paths)}</span></li>'
    )


def _folders(paths: Sequence[str]) -> str:
    groups = folders(paths, MOST_FOLDERS)
    parts = [
        (TOP if name == TOP else f"<code>{escape(visible_path(name))}</code>")
        + ("" if name in paths else f" ({count(number, 'file')})")
        for name, number in groups
    ]
    return ", ".join(parts)


def decisions(verdict: Verdict) -> str:
    """Return every decision, with its author, and its files or the reason why it doesn't count."""
    if not verdict.approvals:
        return ""
    ordered = sorted(verdict.approvals, key=lambda item: not item.counted)
    rows = "".join(
        f'<tr><th scope="row">{escape(item.by)}</th>'
        f'<td><span class="{_tone(item)}">{KINDS[item.kind]}{"" if item.counted else ", not counted"}</span></td>'
        f"<td>{_what(item, verdict)}</td></tr>"
        for item in ordered
    )
    head = "".join(f'<th scope="col">{word}</th>' for word in ("Who", "Decision", "Files or reason"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _tone(approval: Approval) -> str:
    if not approval.counted:
        return "quiet"
    return {"approve": "yes", "block": "no", "waive": "open"}[approval.kind]


def _what(approval: Approval, verdict: Verdict) -> str:
    if approval.why or not approval.counted or approval.kind != "approve":
        return rich(approval.why)
    paths = approval.owned or approval.files
    text = escape(approved_text(approval, verdict))
    return file_list(text, paths) if paths else text


def file_list(title: str, paths: Sequence[str]) -> str:
    """Return a line that expands to the names of the files, or just the name if there is only one."""
    if len(paths) == 1:
        return title
    items = "".join(f'<li class="path">{escape(visible_path(path))}</li>' for path in paths[:MOST_NAMED])
    if len(paths) > MOST_NAMED:
        items += f"<li>… and {count(len(paths) - MOST_NAMED, 'more file')}</li>"
    return f'<details><summary>{title}</summary><ul class="paths">{items}</ul></details>'
