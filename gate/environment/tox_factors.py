"""Find what every test environment of tox installs, even if each asks for a different version. Pure.

A line such as `django42: Django>=4.2,<5` in `deps` counts only in environments with that factor in their name.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence

MOST_ENVIRONMENTS = 500
PYTHON = re.compile(r"py(?:py)?\d*|\d+(?:\.\d+)+", re.IGNORECASE)
"""The factors that select an interpreter: every environment that runs tests has one."""
CONDITIONAL = re.compile(r"(?P<condition>[\w!{},.-]+):\s+(?P<requirement>\S.*)")
NAMED = re.compile(r"[A-Za-z0-9](?:[\w.-]*\w)?(?:\[[\w,. -]+\])?")
GROUP = re.compile(r"\{([^{}]*)\}")


def common_packages(env_list: str, lines: Iterable[str]) -> list[str]:
    """Return the packages that the conditional `lines` install in every test environment of `env_list`.

    They have no versions: the environments disagree about those.
    """
    names = itertools.islice(_expanded(env_list), MOST_ENVIRONMENTS)
    all_factors = (frozenset(name.split("-")) for name in names)
    environments = [factors for factors in all_factors if any(map(PYTHON.fullmatch, factors))]
    installed: dict[str, set[frozenset[str]]] = {}
    for match in filter(None, map(CONDITIONAL.fullmatch, lines)):
        requirement = match["requirement"]
        # An address names no package: it may install any of them.
        named = None if "://" in requirement.partition(";")[0] else NAMED.match(requirement)
        conditions = [part for part in _expanded(match["condition"]) if part]
        applies = {factors for factors in environments if _applies(conditions, factors)}
        installed.setdefault(named[0] if named else "", set()).update(applies)
    unnamed = installed.pop("", set())
    return [
        name for name, where in installed.items() if environments and where | unnamed == set(environments)
    ]


def _expanded(text: str) -> Iterable[str]:
    """Yield the comma-separated names in `text`, with each group such as `py{310,311}` expanded."""
    for name in re.split(r"[,\s]+(?![^{]*\})", text):
        parts = GROUP.split(name)
        # Every other part is the content of a group.
        choices: list[Sequence[str]] = [
            [option.strip() for option in part.split(",")] if index % 2 else [part]
            for index, part in enumerate(parts)
        ]
        yield from ("".join(chosen).strip() for chosen in itertools.product(*choices))


def _applies(conditions: Iterable[str], factors: frozenset[str]) -> bool:
    """Return whether one of the conditions, such as `py311-!django42`, holds for an environment's factors."""
    return any(
        all(
            (part[1:] not in factors) if part.startswith("!") else part in factors for part in each.split("-")
        )
        for each in conditions
    )
