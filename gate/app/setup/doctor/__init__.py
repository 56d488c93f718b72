"""`gate doctor`: examine a repository, and report what is wrong with it and how to fix it.

Each section is an independent function: what it can't read is reported in it, and doesn't stop the others.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gate.app.setup.doctor.items import MISTAKE, Item, Section
from gate.app.setup.doctor.programs import caches, environments, tools
from gate.app.setup.doctor.repository import hooks, log, remotes, repository_of
from gate.app.setup.doctor.rules import owners, policy
from gate.app.setup.doctor.you import you
from gate.errors import GateError, InvalidInput
from gate.git.repository import Repository

SECTIONS: dict[str, Callable[[Repository], list[Item]]] = {
    "repository": repository_of,
    "remotes": remotes,
    "policy": policy,
    "you": you,
    "owners": owners,
    "environments": environments,
    "tools": tools,
    "hooks": hooks,
    "approval log": log,
    "caches": caches,
}


def examine(start: Path) -> tuple[Section, ...]:
    """Return every section about the repository around `start`. Raises UsageError if there is none."""
    repository = Repository.find(start)
    return tuple(Section(name, tuple(_asked(section, repository))) for name, section in SECTIONS.items())


def _asked(section: Callable[[Repository], list[Item]], repository: Repository) -> list[Item]:
    try:
        return section(repository)
    except InvalidInput as error:
        return [Item("error", str(mistake), error.hint or MISTAKE) for mistake in error.mistakes]
    except GateError as error:
        return [Item("error", error.message, error.hint)]
