"""Errors that end a command of the release tool, with a message that says why and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from click import ClickException

Say = Callable[[str], None]
"""How a command tells people what it does."""


class Refused(ClickException):
    """The release was refused or rolled back."""

    exit_code = 1


class WrongUsage(ClickException):
    """The arguments or the settings are invalid."""

    exit_code = 2


class CannotGo(ClickException):
    """Something that is needed is missing or doesn't answer."""

    exit_code = 3


class Busy(CannotGo):
    """Another process holds the lock."""


class Overtaken(Refused):
    """Another process has changed the state, for example by a rollback."""


@contextmanager
def anyway(place: str, say: Say) -> Iterator[None]:
    """Report an error, and go on: a full disk doesn't stop a rollback."""
    try:
        yield
    except OSError as error:
        say(f"{place}: could not be written: {error.strerror or error}")
    except ClickException as error:
        say(f"{place}: {error}")
