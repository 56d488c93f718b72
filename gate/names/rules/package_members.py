"""What is looked up in one package, by the words of that package: `requests.fetch`, `Environment(olader=…)`.

That somebody somewhere defines a word says little where it is certain whose module is looked into, or whose function
is called. For a package that is not installed the list answers that comes with gate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gate.names.report.finding import Finding, finding_at
from gate.names.resolve import known_packages
from gate.names.spelling.similarity import candidates, is_common_typo
from gate.names.spelling.synonyms import SYNONYMS
from gate.names.syntax.facts import Use

if TYPE_CHECKING:
    from gate.names.spelling.vocabulary import ProjectVocabulary

MOST_USED = 2
"""Whoever writes a word more often means it."""


def member(path: str, use: Use, known: ProjectVocabulary) -> Iterator[Finding]:
    """A name looked up in a package that is not installed: a typical slip, or what another language calls it."""
    name, top = use.name, use.owner.partition(".")[0]
    if top not in known_packages.names() or known.modules.is_known_package(top) or name in known.own:
        return
    # What another language calls something may as well come from a package that this one passes on.
    if name.startswith("_") or known.packages.reaches(top, name) or known.is_habit(name):
        return
    words = known.packages.words_of(top)
    right = [word for word in candidates(name, words.defined) if is_common_typo(name, word)]
    right = right if known.used.get(name, 0) <= MOST_USED else []
    right = right or [word for word in SYNONYMS.get(name, ()) if word in words.defined]
    if right:
        yield finding_at(
            path, use, "unknown-member", f"`{use.owner}` knows no `{name}`", known.ordered(name, right)
        )


def keyword(path: str, use: Use, known: ProjectVocabulary) -> Iterator[Finding]:
    """A keyword argument of a package's function that nobody there says: a typical slip of one that somebody says."""
    name, top = use.name, use.root.partition(".")[0]
    packages = known.packages
    if not top or name in known.own or known.used.get(name, 0) > MOST_USED:
        return
    if known.modules.origin(top) != "site" or not packages.knows(top):
        return
    if packages.reaches(top, name):
        return
    words = packages.words_of(top)
    right = [word for word in candidates(name, words.said | words.defined, 2) if is_common_typo(name, word)]
    if right:
        yield finding_at(
            path,
            use,
            "unexpected-keyword",
            f"`{use.receiver or top}` takes no `{name}=`",
            known.ordered(name, right),
        )
