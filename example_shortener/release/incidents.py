"""The incident and its notice, by the name under which other tools import them."""

from release.report import Incident, notice, report

__all__ = ["Incident", "notice", "report"]
