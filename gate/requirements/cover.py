"""The smallest set of people who could clear everything: a set cover, exact while it is small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

MOST_TRIES = 20_000


@dataclass(frozen=True, slots=True)
class Ask:
    """Something that must be approved: by `need` of `whom`; `paths` are the files behind it."""

    paths: tuple[str, ...]
    need: int
    whom: frozenset[str]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Ask one of `whom`, who stand for the same files: each of them covers `paths`."""

    whom: tuple[str, ...]
    paths: tuple[str, ...]


def smallest(asks: Sequence[Ask]) -> tuple[Suggestion, ...]:
    """The fewest people that satisfy every ask that can be satisfied, most useful first.

    People who could stand in for one another are named together. Exact where few people are in question,
    greedy where the search would take too long; the same asks always give the same answer.
    """
    asks = [ask for ask in asks if len(ask.whom) >= ask.need]
    stands_for: dict[str, frozenset[int]] = {}
    for number, ask in enumerate(asks):
        for name in ask.whom:
            stands_for[name] = stands_for.get(name, frozenset()) | {number}
    alike: dict[frozenset[int], list[str]] = {}
    for name, numbers in sorted(stands_for.items()):
        alike.setdefault(numbers, []).append(name)
    chosen = _exact(asks, stands_for) or _greedy(asks, stands_for)
    suggestions: list[Suggestion] = []
    taken: dict[frozenset[int], int] = {}
    for name in chosen:
        group = stands_for[name]
        paths = tuple(dict.fromkeys(path for number in sorted(group) for path in asks[number].paths))
        taken[group] = taken.get(group, 0) + 1
        others = alike[group]
        # Whoever stands in for somebody already chosen is no alternative for the second one.
        needed = sum(1 for other in chosen if stands_for[other] == group)
        whom = tuple(others) if needed == 1 else (name,)
        suggestions.append(Suggestion(whom, paths))
    return tuple(sorted(suggestions, key=lambda item: (-len(item.paths), item.whom)))


def _satisfied(asks: Sequence[Ask], chosen: frozenset[str]) -> bool:
    return all(len(ask.whom & chosen) >= ask.need for ask in asks)


def _exact(asks: Sequence[Ask], stands_for: Mapping[str, frozenset[int]]) -> list[str]:
    """The first smallest set in the order of the names, or nothing if the search would take too long."""
    # Somebody who stands for less than another is never needed, unless an ask needs several people.
    names = sorted(stands_for)
    if all(ask.need == 1 for ask in asks):
        names = [
            name
            for name in names
            if not any(
                stands_for[name] < stands_for[other]
                or (stands_for[name] == stands_for[other] and other < name)
                for other in names
            )
        ]
    tries = 0
    for size in range(len(names) + 1):
        for candidate in combinations(names, size):
            tries += 1
            if tries > MOST_TRIES:
                return []
            if _satisfied(asks, frozenset(candidate)):
                return list(candidate)
    return []


def _greedy(asks: Sequence[Ask], stands_for: Mapping[str, frozenset[int]]) -> list[str]:
    left = {number: ask.need for number, ask in enumerate(asks)}
    chosen: list[str] = []
    rest = dict(stands_for)
    while any(left.values()) and rest:
        best = max(sorted(rest), key=lambda name: sum(len(asks[n].paths) for n in rest[name] if left[n]))
        for number in rest.pop(best):
            left[number] = max(0, left[number] - 1)
        chosen.append(best)
    return chosen
