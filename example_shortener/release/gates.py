"""Where the pipeline asks gate. Nowhere else; and whatever is not a clear yes is a no."""

from __future__ import annotations

from release.problems import CannotGo, Refused
from release.processes import run
from release.settings import Settings


def may_enter(settings: Settings, environment: str, revision: str) -> None:
    """`gate check --into ENVIRONMENT --head REVISION`; raises Refused with what gate says, unless it ends with 0."""
    _ask(settings, "check", "--into", environment, "--head", revision)


def has_entered(settings: Settings, environment: str, revision: str) -> None:
    """`gate promote REVISION --into ENVIRONMENT`: record that it is there; raises Refused if that may not be."""
    _ask(settings, "promote", revision, "--into", environment)


def _ask(settings: Settings, *question: str) -> None:
    argv = [*settings.gate, *question]
    try:
        code, said = run(argv, cwd=settings.root)
    except CannotGo as error:
        raise Refused(f"{error}: without gate nothing goes out") from error
    if code:
        raise Refused(f"{' '.join(argv)} ended with {code}:\n{said}".rstrip(":\n"))
