"""The smallest set of people who could clear everything: a set cover, exact while it is small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_STEPS = 5_000


@dataclass(frozen=True, slots=True)
class Ask:
    """Something that must be approved: by `need` of `whom`; `paths` are the files behind it."""

    paths: tuple[str, ...]
    need: int
    whom: frozenset[str]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Ask `need` of `whom`, who could stand in for one another.

    `paths` are the files that still lack somebody after the suggestions before this one.
    """

    whom: tuple[str, ...]
    need: int
    paths: tuple[str, ...]


Group = frozenset[int]
"""The numbers of the asks that somebody could answer. Who could answer the same asks is of one group."""


def smallest(asks: Sequence[Ask]) -> tuple[Suggestion, ...]:
    """The fewest people that satisfy every ask that can be satisfied, most useful first.

    Exact where the search is short enough, which it is for all but contrived rules; else greedy, and no worse
    than that. The same asks always give the same answer.
    """
    asks = [ask for ask in asks if len(ask.whom) >= ask.need]
    people = _groups(asks)
    need = tuple(ask.need for ask in asks)
    greedy = _greedy(asks, people, need)
    chosen = _Search(people, need, greedy).best
    return _told(asks, people, chosen)


def _groups(asks: Sequence[Ask]) -> dict[Group, tuple[str, ...]]:
    """The people, sorted, by what they could answer; in the order of their first names."""
    answers: dict[str, set[int]] = {}
    for number, ask in enumerate(asks):
        for name in ask.whom:
            answers.setdefault(name, set()).add(number)
    groups: dict[Group, list[str]] = {}
    for name in sorted(answers):
        groups.setdefault(frozenset(answers[name]), []).append(name)
    return {group: tuple(names) for group, names in groups.items()}


def _greedy(
    asks: Sequence[Ask], people: Mapping[Group, Sequence[str]], need: tuple[int, ...]
) -> tuple[Group, ...]:
    """Again and again whoever answers most of what is left, counted in files."""
    left = list(need)
    free = {group: len(names) for group, names in people.items()}
    chosen: list[Group] = []
    while any(left):
        best = max(
            (group for group, count in free.items() if count),
            key=lambda group: sum(len(asks[number].paths) for number in group if left[number]),
        )
        free[best] -= 1
        chosen.append(best)
        for number in best:
            left[number] = max(0, left[number] - 1)
    return tuple(chosen)


class _Search:
    """Branch and bound: for the ask with the fewest ways to be answered, try each of them.

    `best` is the smallest choice found in `MOST_STEPS` steps, one group for each person.
    """

    def __init__(
        self, people: Mapping[Group, Sequence[str]], need: tuple[int, ...], known: tuple[Group, ...]
    ) -> None:
        self.best = known
        self._steps = 0
        self._most = max(map(len, people), default=1)
        self._go(need, {group: len(names) for group, names in people.items()}, ())

    def _go(self, need: tuple[int, ...], free: Mapping[Group, int], chosen: tuple[Group, ...]) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            return
        if not any(need):
            if len(chosen) < len(self.best):
                self.best = chosen
            return
        # Nobody answers more than `_most` asks, and an ask for three takes three people.
        least = max(-(-sum(need) // self._most), *need)
        if len(chosen) + least >= len(self.best):
            return
        ways = {
            number: [group for group, count in free.items() if count and number in group]
            for number, count in enumerate(need)
            if count
        }
        rarest = min(ways, key=lambda number: (len(ways[number]), number))
        left = dict(free)
        for group in sorted(ways[rarest], key=lambda group: -sum(need[number] > 0 for number in group)):
            after = tuple(count - (count > 0 and number in group) for number, count in enumerate(need))
            self._go(after, left | {group: left[group] - 1}, (*chosen, group))
            # Choices with this group have all been seen.
            left[group] = 0


def _told(
    asks: Sequence[Ask], people: Mapping[Group, tuple[str, ...]], chosen: Sequence[Group]
) -> tuple[Suggestion, ...]:
    def covers(group: Group, numbers: Group) -> tuple[str, ...]:
        return tuple(dict.fromkeys(path for number in sorted(group & numbers) for path in asks[number].paths))

    everything = frozenset(range(len(asks)))
    counts = {group: chosen.count(group) for group in chosen}
    order = sorted(counts, key=lambda group: (-len(covers(group, everything)), people[group]))
    left = [ask.need for ask in asks]
    suggestions = []
    for group in order:
        paths = covers(group, frozenset(number for number, count in enumerate(left) if count > 0))
        suggestions.append(Suggestion(people[group], counts[group], paths))
        for number in group:
            left[number] -= counts[group]
    return tuple(suggestions)
