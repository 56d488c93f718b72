"""Announce a verdict: comments on the pull request and on its lines.

A failure is returned as a message, and never changes the verdict.
"""

from __future__ import annotations

from hashlib import sha256

from gate.forges import connect
from gate.forges.comments import LineComment, put_comment, put_line_comments
from gate.forges.places import PullRequestRef
from gate.model import Verdict
from gate.reports.context import ReportContext
from gate.reports.findings import Fingerprints, groups, help_of
from gate.reports.github import summary
from gate.reports.page_diff import compare


def comment(request: PullRequestRef, verdict: Verdict, context: ReportContext) -> list[str]:
    """Post the comment and the line comments. Return one line for each failure."""
    wire = connect(request)
    trouble = put_comment(wire, summary(verdict, context))
    if trouble:
        return [f"no comment was written: {trouble}"]
    lines = put_line_comments(wire, verdict.change.head, line_comments(verdict, context))
    return [f"no comments on lines were written: {lines}"] if lines else []


def line_comments(verdict: Verdict, context: ReportContext) -> list[LineComment]:
    """Return a comment for each blocking finding on a line that the forge shows in the diff."""
    shown = {
        file.path: {
            row.new: row.old for row in compare(context.before(file.path), context.lines(file.path)).rows
        }
        for file in verdict.change.files
        if file.status != "deleted"
    }
    names = Fingerprints(context.lines)
    comments = []
    for group in groups(verdict):
        for finding, blocks, name in names.marked(group):
            if blocks and finding.line and finding.line in shown.get(finding.path, {}):
                note = help_of(group, finding)
                text = f"**{group.id}** `{finding.rule}`: {finding.message}" + (f"\n\n{note}" if note else "")
                key = sha256(name.encode()).hexdigest()[:16]
                comments.append(
                    LineComment(
                        finding.path,
                        finding.line,
                        _inert(text),
                        key,
                        verdict.change.renames.get(finding.path, ""),
                        shown[finding.path][finding.line],
                    )
                )
    return comments


def _inert(text: str) -> str:
    """Escape Markdown so that it mentions nobody and hides nothing."""
    return text.replace("<", "&lt;").replace("@", "@\u200b").replace("\0", "")
