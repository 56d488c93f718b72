"""Write to a pull request: one comment that is updated in place, and comments on lines.

Comments never affect a verdict. A failure to write one is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from gate.errors import CannotDecide
from gate.forges.wire import Json, Refused, Writer, every, one, project_path, quoted

MARK: Final = "<!-- merge-gate -->"
"""Identifies gate's comments; forges don't display it."""
NOT_IN_THE_DIFF: Final = frozenset({400, 422})
"""Status codes of forges for a comment on a line that isn't in their diff."""
MOST_LINES: Final = 30
"""The maximum number of comments on lines; the comment on the pull request has the rest."""


Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class LineComment:
    """A comment on a line of a file's new version, identified by `key`.

    `old_path` is the path before a rename. `old_line` is the line's number in the old version if it is unchanged.
    """

    path: str
    line: int
    body: str
    key: str
    old_path: str = ""
    old_line: int = 0


def put_comment(wire: Writer, text: str) -> str:
    """Create or update gate's comment, and return why that failed, or "".

    Only a comment from the same account is updated: forges don't let one account edit another's comments.
    """
    body = {"body": f"{MARK}\n{text}"}
    listed, single = _comment_paths(wire)
    try:
        own_comments = [
            item
            for item in every(wire, listed)
            if "id" in item and str(item.get("body", "")).startswith(MARK)
        ]
        for item in own_comments:
            try:
                wire.send(
                    "PUT" if wire.request_ref.source == "gitlab" else "PATCH", f"{single}/{item['id']}", body
                )
            except Refused as refused:
                if refused.status not in {403, 404}:
                    raise
            else:
                return ""
        wire.send("POST", listed, body)
    except Refused as refused:
        return _why(refused)
    except CannotDecide as error:
        return error.message
    return ""


def put_line_comments(wire: Writer, head: str, comments: Sequence[LineComment]) -> str:
    """Write the comments that don't exist yet, and return why that failed, or ""."""
    if not comments:
        return ""
    try:
        existing = " ".join(str(item) for item in every(wire, _lines_path(wire)))
        fresh = [item for item in comments if item.key not in existing][:MOST_LINES]
        if fresh:
            _send_lines(wire, head, fresh)
    except Refused as refused:
        return _why(refused)
    except CannotDecide as error:
        return error.message
    return ""


def _comment_paths(wire: Writer) -> tuple[str, str]:
    """Return the API path that lists all comments, and the prefix of the path of a single one."""
    request = wire.request_ref
    if request.source == "gitlab":
        notes = f"{_merge_request(wire)}/notes"
        return notes, notes
    issues = f"/repos/{project_path(request)}/issues"
    return f"{issues}/{request.number}/comments", f"{issues}/comments"


def _lines_path(wire: Writer) -> str:
    request = wire.request_ref
    if request.source == "gitlab":
        return f"{_merge_request(wire)}/discussions"
    pull = f"/repos/{project_path(request)}/pulls/{request.number}"
    return f"{pull}/comments" if request.source == "github" else f"{pull}/reviews"


def _merge_request(wire: Writer) -> str:
    return f"/projects/{quoted(wire.request_ref.project)}/merge_requests/{wire.request_ref.number}"


def _send_lines(wire: Writer, head: str, comments: Sequence[LineComment]) -> None:
    if wire.request_ref.source == "gitlab":
        refs = one(wire, _merge_request(wire)).get("diff_refs")
        lines = [_gitlab_line(comment, refs if isinstance(refs, dict) else {}) for comment in comments]
        _send_each(lambda line: wire.send("POST", _lines_path(wire), line), lines)
        return
    try:
        _send_review(wire, head, comments)
    except Refused as refused:
        if refused.status not in NOT_IN_THE_DIFF or len(comments) == 1:
            raise
        # A forge rejects the whole review if it doesn't show one of the lines.
        _send_each(lambda comment: _send_review(wire, head, [comment]), comments)


def _send_each(send: Callable[[Item], object], items: Sequence[Item]) -> None:
    """Send each item, also after some that the forge has no place for; raises Refused if that is so for all."""
    refusals = []
    for item in items:
        try:
            send(item)
        except Refused as refused:
            if refused.status not in NOT_IN_THE_DIFF:
                raise
            refusals.append(refused)
    if len(refusals) == len(items):
        raise refusals[0]


def _send_review(wire: Writer, head: str, comments: Sequence[LineComment]) -> None:
    on_github = wire.request_ref.source == "github"
    lines: list[Json] = [
        {"path": item.path, "body": _body(item)}
        | ({"line": item.line, "side": "RIGHT"} if on_github else {"new_position": item.line})
        for item in comments
    ]
    path = f"/repos/{project_path(wire.request_ref)}/pulls/{wire.request_ref.number}/reviews"
    # Gitea lists reviews without their comments, so the keys are in the review's text too.
    keys = " ".join(item.key for item in comments)
    text = f"gate: {len(lines)} {'finding' if len(lines) == 1 else 'findings'}\n\n<!-- merge-gate {keys} -->"
    wire.send("POST", path, {"commit_id": head, "event": "COMMENT", "body": text, "comments": lines})


def _gitlab_line(comment: LineComment, refs: Json) -> Json:
    position = {
        "position_type": "text",
        "new_path": comment.path,
        "old_path": comment.old_path or comment.path,
        "new_line": comment.line,
        **({"old_line": comment.old_line} if comment.old_line else {}),
        **{name: refs.get(name, "") for name in ("base_sha", "start_sha", "head_sha")},
    }
    return {"body": _body(comment), "position": position}


def _body(comment: LineComment) -> str:
    return f"{comment.body}\n\n<!-- merge-gate {comment.key} -->"


def _why(refused: Refused) -> str:
    if refused.status in {401, 403}:
        return f"the token may not write comments (status {refused.status})"
    return f"the forge refused it with status {refused.status}"
