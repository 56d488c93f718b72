"""Errors that end a command of the release tool, with a message that says why and what to do."""

from __future__ import annotations

from click import ClickException


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
