"""What ends a command of the release tool early, with a message that says why and what to do."""

from __future__ import annotations

from click import ClickException


class Refused(ClickException):
    """The release does not go out, or did not stay."""

    exit_code = 1


class WrongUsage(ClickException):
    """The arguments or the settings make no sense."""

    exit_code = 2


class CannotGo(ClickException):
    """Something that is needed is missing or does not answer."""

    exit_code = 3


class Busy(CannotGo):
    """Somebody else is at work."""


class Overtaken(Refused):
    """Somebody else has changed what runs, such as by a rollback."""
