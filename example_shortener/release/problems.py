"""What ends a command of the release tool early."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818  the name says what happened
    """The release does not go out, or did not stay; the message says why. Exit code 1."""


class WrongUsage(Exception):  # noqa: N818
    """The arguments or the settings make no sense; the message says what was expected. Exit code 2."""


class CannotGo(Exception):  # noqa: N818
    """Something that is needed is missing or does not answer; the message says what to do. Exit code 3."""
