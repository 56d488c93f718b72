"""The smallest set of people who could clear everything: a set cover, exact unless that takes too long."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gate.model import Ask

MOST_WORK = 300_000
"""How long to search for the fewest people, in comparisons of an ask with a group of people."""
MOST_CHOSEN = 100


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Ask `need` of `whom`, who could stand in for one another.

    `paths` are the files that still lack somebody after the suggestions before this one.
    """

    whom: tuple[str, ...]
    need: int
    paths: tuple[str, ...]


Group = frozenset[int]
"""The numbers of the asks that somebody could answer. Those who could answer the same asks are a group."""
People = Mapping[Group, tuple[str, ...]]


def smallest(asks: Iterable[Ask]) -> tuple[Suggestion, ...]:
    """The fewest people that satisfy every ask that can be satisfied, most useful first.

    Asks that share nobody are looked at apart. Each lot is solved exactly if that is quick, which it is for all
    but contrived rules, else greedily. The same asks always give the same answer.
    """
    possible = _merged(ask for ask in asks if len(ask.whom) >= ask.need)
    suggestions = [suggestion for lot in _apart(possible) for suggestion in _solved(lot)]
    return tuple(sorted(suggestions, key=lambda item: (-len(item.paths), item.whom)))


def _merged(asks: Iterable[Ask]) -> list[Ask]:
    """One ask for each set of people: two rules often name the same."""
    merged: dict[frozenset[str], Ask] = {}
    for ask in asks:
        known = merged.get(ask.whom, Ask((), 0, ask.whom))
        merged[ask.whom] = Ask((*known.paths, *ask.paths), max(known.need, ask.need), ask.whom)
    return list(merged.values())


def _apart(asks: Sequence[Ask]) -> Iterable[list[Ask]]:
    """The asks in lots that have nobody in common."""
    of_person: dict[str, list[int]] = {}
    for number, ask in enumerate(asks):
        for name in ask.whom:
            of_person.setdefault(name, []).append(number)
    left = dict.fromkeys(range(len(asks)))
    while left:
        lot: set[int] = set()
        near = [next(iter(left))]
        while near:
            number = near.pop()
            if number not in lot:
                lot.add(number)
                del left[number]
                near += [other for name in asks[number].whom for other in of_person.pop(name, ())]
        yield [asks[number] for number in sorted(lot)]


def _solved(asks: Sequence[Ask]) -> list[Suggestion]:
    people = _groups(asks)
    chosen = _greedy(asks, people)
    if 1 < len(chosen) <= MOST_CHOSEN:
        chosen = _Search(asks, people, chosen).best
    suggestions = []
    left = [ask.need for ask in asks]
    counts = {group: chosen.count(group) for group in chosen}
    for group in sorted(counts, key=lambda group: (-len(_paths(asks, group)), people[group])):
        paths = _paths(asks, (number for number in sorted(group) if left[number] > 0))
        suggestions.append(Suggestion(people[group], counts[group], paths))
        for number in group:
            left[number] -= counts[group]
    return suggestions


def _paths(asks: Sequence[Ask], numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for number in numbers for path in asks[number].paths))


def _groups(asks: Sequence[Ask]) -> dict[Group, tuple[str, ...]]:
    """The people, sorted, by what they could answer; the groups in the order of their first names."""
    answers: dict[str, set[int]] = {}
    for number, ask in enumerate(asks):
        for name in ask.whom:
            answers.setdefault(name, set()).add(number)
    groups: dict[Group, list[str]] = {}
    for name in sorted(answers):
        groups.setdefault(frozenset(answers[name]), []).append(name)
    return {group: tuple(names) for group, names in groups.items()}


def _greedy(asks: Sequence[Ask], people: People) -> list[Group]:
    """Again and again whoever answers most of what is left, counted in files: one group for each person."""
    left = [ask.need for ask in asks]
    chosen: list[Group] = []

    def gain(group: Group) -> int:
        return sum(len(asks[number].paths) for number in group if left[number] > 0)

    # What somebody adds only shrinks, so an entry is looked at again only when it comes to the top.
    heap = [(-gain(group), order, group, len(names)) for order, (group, names) in enumerate(people.items())]
    heapq.heapify(heap)
    while any(count > 0 for count in left):
        worth, order, group, free = heapq.heappop(heap)
        now = -gain(group)
        if now > worth:
            heapq.heappush(heap, (now, order, group, free))
            continue
        chosen.append(group)
        for number in group:
            left[number] -= 1
        if free > 1:
            heapq.heappush(heap, (-gain(group), order, group, free - 1))
    return chosen


class _Search:
    """Branch and bound: for the ask with the fewest ways to be answered, try each of them.

    `best` is the smallest choice that was found in time, one group for each person.
    """

    def __init__(self, asks: Sequence[Ask], people: People, known: list[Group]) -> None:
        """Start from the choice that is `known`."""
        self.best = known
        self._work = MOST_WORK
        self._most = max(map(len, people))
        free = {group: len(names) for group, names in people.items()}
        self._go({number: ask.need for number, ask in enumerate(asks)}, free, [])

    def _go(self, need: Mapping[int, int], free: Mapping[Group, int], chosen: list[Group]) -> None:
        self._work -= len(need) * len(free)
        if not need:
            if len(chosen) < len(self.best):
                self.best = chosen
            return
        # Nobody answers more than `_most` asks, and an ask for three takes three people.
        least = max(-(-sum(need.values()) // self._most), *need.values())
        if self._work < 0 or len(chosen) + least >= len(self.best):
            return
        ways = {number: [group for group in free if number in group] for number in need}
        rarest = min(ways, key=lambda number: (len(ways[number]), number))
        left = dict(free)
        for group in sorted(ways[rarest], key=lambda group: -len(group & need.keys())):
            after = {n: count - (n in group) for n, count in need.items() if count > (n in group)}
            count = left.pop(group)
            self._go(after, left | ({group: count - 1} if count > 1 else {}), [*chosen, group])
            # Every choice with somebody of this group has been seen: it stays out of what follows.
