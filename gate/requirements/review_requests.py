"""Compute whom to ask: everyone whose approval is mandatory, and choices between several people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gate.model import Approval, Duty, MissingApprovals, Outcome, ReviewRequest, Verdict
from gate.wording import count, listed

REVIEWER = "reviewer"
"""The role of a person who is asked only because the policy requires a number of approvals."""
MOST_FOLDERS = 3
TOP = "top folder"
"""How the files that are in no folder are named together."""


@dataclass(slots=True)
class _Lot:
    """Approvals that the same people can give."""

    whom: frozenset[str]
    need: int = 0
    names: tuple[str, ...] = ()
    duties: dict[str, dict[str, None]] = field(default_factory=dict)

    def add(self, role: str, paths: Iterable[str]) -> None:
        self.duties.setdefault(role, {}).update(dict.fromkeys(paths))

    @property
    def paths(self) -> set[str]:
        return {path for paths in self.duties.values() for path in paths}


def review_requests(outcomes: Iterable[Outcome]) -> tuple[ReviewRequest, ...]:
    """Return whom to ask so that no approval is missing. People whose approval is mandatory come first.

    No file is requested from more people than it needs: what somebody on the list can approve isn't requested from
    anyone else. One approval covers everything that a person can approve, so nobody is listed twice.
    """
    unmet = (outcome for outcome in outcomes if outcome.state in {"unmet", "undecided"})
    lots = _lots(ask for outcome in unmet for ask in outcome.asks if len(ask.whom) >= ask.need > 0)
    chosen: list[_Lot] = []
    for lot in sorted(lots, key=lambda lot: (len(lot.whom) > lot.need, len(lot.whom), sorted(lot.whom))):
        left = lot.need - _certain(lot.whom, chosen)
        for request in _who_takes(lot, chosen, left):
            for role, paths in lot.duties.items():
                request.add(role, paths)
        if left > 0:
            lot.need = left
            chosen.append(lot)
    _name_nobody_twice(chosen)
    requests = [_request(lot) for lot in chosen]
    return tuple(sorted(requests, key=lambda item: (not item.required, -len(item.paths), item.names)))


def _lots(asks: Iterable[MissingApprovals]) -> list[_Lot]:
    """Group the missing approvals by the set of people who can give them, or by person if all of a set are needed."""
    lots: dict[frozenset[str], _Lot] = {}
    for ask in asks:
        everybody = len(ask.whom) == ask.need
        for whom in [frozenset({name}) for name in sorted(ask.whom)] if everybody else [ask.whom]:
            lot = lots.setdefault(whom, _Lot(whom))
            lot.need = max(lot.need, 1 if everybody else ask.need)
            lot.names = tuple(whom) if len(whom) == 1 else lot.names or ask.names or tuple(sorted(whom))
            lot.add(ask.role, ask.paths)
    return list(lots.values())


def _who_takes(lot: _Lot, chosen: Sequence[_Lot], left: int) -> Iterator[_Lot]:
    """Yield the requests that take over the files of `lot`: those with most of them first, as many as it needs.

    `left` is the number of approvals that they don't give. If it is positive, only requests to people who can all
    approve `lot` take its files, since the rest is requested from the others.
    """
    able = [
        request for request in chosen if request.whom <= lot.whom or (left <= 0 and _sure(request, lot.whom))
    ]
    need = lot.need
    for request in sorted(able, key=lambda request: -len(lot.paths & request.paths)):
        if need <= 0:
            return
        need -= _sure(request, lot.whom)
        yield request


def _certain(whom: frozenset[str], chosen: Sequence[_Lot]) -> int:
    """Return how many of `whom` will certainly have approved once all `chosen` approvals are given."""
    counted: frozenset[str] = frozenset()
    total = 0
    for lot in chosen:
        sure = _sure(lot, whom)
        if sure and not lot.whom & counted:
            counted |= lot.whom
            total += sure
    return total


def _sure(lot: _Lot, whom: frozenset[str]) -> int:
    """Return how many of `whom` will certainly have approved once everything in `lot` is given."""
    return max(0, lot.need - len(lot.whom - whom))


def _name_nobody_twice(chosen: Sequence[_Lot]) -> None:
    """Remove people whose approval is mandatory from the choices, where they are already counted."""
    mandatory = {name for lot in chosen if len(lot.whom) == 1 for name in lot.whom}
    for lot in chosen:
        if len(lot.whom) > 1 and lot.whom & mandatory:
            lot.names = tuple(sorted(lot.whom - mandatory))


def _request(lot: _Lot) -> ReviewRequest:
    roles = {role: paths for role, paths in lot.duties.items() if role != REVIEWER} or lot.duties
    duties = tuple(Duty(role, tuple(paths)) for role, paths in roles.items())
    return ReviewRequest(lot.names, lot.need, duties)


def who(request: ReviewRequest) -> str:
    """Name everyone in a request: `@a`, `@a or @b`, `2 of @a, @b, and @c`."""
    if request.required:
        name = request.names[0]
        return name if request.need == 1 else f"{request.need} members of {name}"
    return listed(request.names, "or") if request.need == 1 else f"{request.need} of {listed(request.names)}"


def duty_text(duty: Duty) -> str:
    """Describe a duty: `code owner of shop/api/ (6 files)`, `senior reviewer for @sam`."""
    return f"{duty.role} of {where(duty.paths)}" if duty.role.endswith("owner") else duty.role


def line_of(request: ReviewRequest) -> str:
    """Describe a request in one line, for reports that consist of lines."""
    roles = "; ".join(duty_text(duty) for duty in request.duties)
    if all(duty.role == REVIEWER for duty in request.duties):
        roles = where(request.paths)
    return f"{who(request)}: {roles}"


def lines_of(requests: Sequence[ReviewRequest], approve_with: str = "") -> Iterator[str]:
    """Yield one line for each request, and one on how to approve."""
    for request in requests:
        yield f"ask {line_of(request)}"
    if requests and approve_with:
        yield to_approve(approve_with)


def to_approve(approve_with: str) -> str:
    """Return how to approve, as a sentence in lower case. `approve_with` begins with a command or a verb."""
    return f"to approve, {'they run ' if approve_with.startswith('`') else ''}{approve_with}"


def where(paths: Sequence[str], most: int = MOST_FOLDERS) -> str:
    """Name the folders that contain `paths`, with the number of files: `shop/api/ (6 files), setup.py`.

    Beyond `most` folders, the rest is only counted.
    """
    paths = list(dict.fromkeys(paths))
    groups = folders(paths, most)
    shown = groups if len(groups) <= most else groups[: most - 1]
    parts = [name if name in paths else f"{name} ({count(number, 'file')})" for name, number in shown]
    if rest := groups[len(shown) :]:
        parts.append(f"{len(rest)} more folders ({count(sum(number for _, number in rest), 'file')})")
    return ", ".join(parts)


def folders(paths: Iterable[str], most: int = MOST_FOLDERS) -> list[tuple[str, int]]:
    """Return the folders (with a trailing `/`) that contain `paths`, and the number of files in and below each.

    If there are more than `most`, they are merged into their parents, except for the top folder. A
    folder with one file is shown as that file.
    """
    groups: dict[str, list[str]] = {}
    for path in paths:
        groups.setdefault(_folder(path), []).append(path)
    for name in sorted(groups, reverse=True):
        if above := next(
            (folder for folder in groups if folder and name != folder and name.startswith(folder)), ""
        ):
            groups[above].extend(groups.pop(name))
    while len(groups) > most and (deepest := max(name.count("/") for name in groups)) > 1:
        for name in [name for name in groups if name.count("/") == deepest]:
            groups.setdefault(_folder(name.rstrip("/")), []).extend(groups.pop(name))
    named = ((items[0] if len(items) == 1 else name or TOP, len(items)) for name, items in groups.items())
    return sorted(named, key=lambda group: (-group[1], group[0]))


def _folder(path: str) -> str:
    folder = path.rpartition("/")[0]
    return f"{folder}/" if folder else ""


def approved_text(approval: Approval, verdict: Verdict) -> str:
    """Describe what a person approved: `shop/api/ (6 files) as code owner`, `all 12 files`."""
    if approval.owned:
        return f"{where(approval.owned)} as code owner"
    total = len(verdict.change.files)
    if len(approval.files) == total:
        return f"all {count(total, 'file')}" if total > 1 else count(total, "file")
    return where(approval.files)
