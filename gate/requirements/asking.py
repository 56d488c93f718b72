"""Whom to ask, in words: the fewest people who could clear what is open, for one requirement or for several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gate.model import Ask
from gate.requirements.cover import Suggestion, smallest

NAMED = 5
MOST_ASKED = 8


def whom_to_ask(asks: Mapping[str, Sequence[Ask]]) -> tuple[str, ...]:
    """A line for each person or group to ask, whoever covers most first; nothing where nobody could answer.

    `asks` has them by requirement. Of several, each line says for which ones somebody is asked.
    """
    everything = [ask for some in asks.values() for ask in some]
    suggestions = sorted(smallest(everything), key=lambda one: (-len(one.paths), -len(_served(one, asks))))
    teams = {people: name for ask in everything for people, name in ask.teams}
    waiting = len({path for ask in everything for path in ask.paths})
    lines: list[str] = []
    for suggestion in suggestions[:MOST_ASKED]:
        covers = f"{len(suggestion.paths)}" if lines else f"{len(suggestion.paths)} of {files(waiting)}"
        why = f" ({and_list(_served(suggestion, asks))})" if len(asks) > 1 else ""
        lines.append(f"{'and' if lines else 'ask'} {_who(suggestion, teams)}: covers {covers}{why}")
    rest = suggestions[MOST_ASKED:]
    if rest:
        paths = {path for suggestion in rest for path in suggestion.paths}
        lines.append(f"and {sum(suggestion.need for suggestion in rest)} more people: cover {len(paths)}")
    return tuple(lines)


def _served(suggestion: Suggestion, asks: Mapping[str, Sequence[Ask]]) -> list[str]:
    """The requirements that these people have a say in."""
    people = frozenset(suggestion.whom)
    return [name for name, some in asks.items() if any(people <= ask.whom for ask in some)]


def _who(suggestion: Suggestion, teams: Mapping[frozenset[str], str]) -> str:
    whom = suggestion.whom
    team = teams.get(frozenset(whom), "")
    if team and len(whom) > 1:
        return f"{'one' if suggestion.need == 1 else suggestion.need} of {team}"
    if len(whom) == suggestion.need:
        return f"one of {whom[0]}" if len(whom) == 1 and "/" in whom[0] else and_list(whom)
    if suggestion.need == 1:
        return and_list(whom, "or")
    return f"{suggestion.need} of {and_list(whom)}"


def and_list(names: Iterable[str], word: str = "and") -> str:
    """`@a, @b and @c`; of many only the first few."""
    listed = sorted(names)
    if len(listed) > NAMED:
        return f"{', '.join(listed[:NAMED])} {word} {len(listed) - NAMED} more"
    if len(listed) < 2:
        return "".join(listed)
    return f"{', '.join(listed[:-1])} {word} {listed[-1]}"


def files(count: int) -> str:
    """`1 file`, `2 files`."""
    return "1 file" if count == 1 else f"{count} files"
