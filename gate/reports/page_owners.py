"""The picture of who must approve what: a strip for each group of people, a cell for each changed file.

The cells of all strips stand in the same order, so that one sees at a glance which files wait for whom. The
same in words stands beside each strip and, with the names of the files, below it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby

from gate.model import Missing, Outcome, Verdict
from gate.reports.markup import escape
from gate.reports.words import count, visible_path, whom

MOST_SEPARATE = 80
"""Up to so many files there is a gap between two cells."""
MOST_NAMED = 1000


def needed(verdict: Verdict) -> list[tuple[Outcome, Missing]]:
    """Everything that waits for somebody's approval."""
    return [
        (outcome, missing)
        for outcome in verdict.outcomes
        if outcome.state in {"unmet", "undecided"}
        for missing in outcome.missing
        if missing.need
    ]


def picture(verdict: Verdict) -> str:
    """The strips, or one sentence where nobody is asked and nobody has approved."""
    order = [file.path for file in verdict.change.files]
    # Several requirements may wait for the same people and files: that is one strip.
    alike: dict[tuple[tuple[str, ...], int, frozenset[str]], list[tuple[Outcome, Missing]]] = {}
    for outcome, missing in needed(verdict):
        alike.setdefault((missing.whom, missing.need, frozenset(missing.paths)), []).append(
            (outcome, missing)
        )
    rows = [_waiting(same, order) for same in alike.values()]
    rows += [
        _row(escape(approval.by), "approved", "given", approval.files, order)
        for approval in verdict.approvals
        if approval.counted and approval.kind == "approve"
    ]
    if not rows:
        return '<p class="quiet">Nobody is asked to approve this change.</p>'
    legend = "".join(
        f'<li><svg viewBox="0 0 1 1" aria-hidden="true"><rect class="{style}" width="1" height="1"/></svg>'
        f"{words}</li>"
        for style, words in (("waits", "waits for approval"), ("given", "approved"), ("", "not theirs"))
    )
    return f'<ul class="legend">{legend}</ul>\n<ul class="picture">{"".join(rows)}</ul>'


def _waiting(same: Sequence[tuple[Outcome, Missing]], order: Sequence[str]) -> str:
    says = (
        f"{escape(outcome.id)}: <code>{escape(missing.rule)}</code>" if missing.rule else escape(outcome.id)
        for outcome, missing in same
    )
    missing = same[0][1]
    return _row(escape(whom(missing.whom, missing.need)), "<br>".join(says), "waits", missing.paths, order)


def _row(who: str, says: str, style: str, paths: Collection[str], order: Sequence[str]) -> str:
    mine = set(paths)
    inside = sum(path in mine for path in order)
    words = f"{inside:,} of {count(len(order), 'file')} {'wait' if style == 'waits' else 'approved'}"
    if inside == 1 and style == "waits":
        words = f"1 of {count(len(order), 'file')} waits"
    strip = _strip([path in mine for path in order], style, words) if order else ""
    return (
        f'<li><div><div class="who">{who}</div><div class="quiet small">{says}</div></div>'
        f"<div>{strip}{_names(words, paths)}</div></li>"
    )


def _strip(cells: Sequence[bool], style: str, words: str) -> str:
    """Neighbours of one kind are one shape where there are too many to be told apart."""
    gap = 0.12 if len(cells) <= MOST_SEPARATE else 0.0
    shapes = []
    position = 0
    for mine, run in groupby(cells):
        length = len(list(run))
        kind = f' class="{style}"' if mine else ""
        if gap:
            shapes += [
                f'<rect{kind} x="{position + step}" width="{1 - gap}" height="1"/>' for step in range(length)
            ]
        else:
            shapes.append(f'<rect{kind} x="{position}" width="{length}" height="1"/>')
        position += length
    # Few files get small cells, not wide bars.
    width = max(len(cells), 24)
    return (
        f'<svg class="strip" viewBox="0 0 {width} 1" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(words)}">{"".join(shapes)}</svg>'
    )


def _names(words: str, paths: Collection[str]) -> str:
    listed = list(paths)[:MOST_NAMED]
    items = "".join(f'<li class="path">{escape(visible_path(path))}</li>' for path in listed)
    if len(paths) > len(listed):
        items += f"<li>… and {count(len(paths) - len(listed), 'more file')}</li>"
    shown = " open" if 0 < len(paths) <= 4 else ""
    return f'<details{shown}><summary>{escape(words)}</summary><ul class="paths">{items}</ul></details>'
