"""Reports: a verdict as text, in one of several formats. Pure: they return strings and never print.

Every format is a module with `render(verdict, context) -> str`, imported only when it is requested. A verdict contains
untrusted text (file names, messages, output of tools), so every format makes it inert in its own way: no control
characters, markup, or workflow commands get through.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from gate.model import Verdict
from gate.reports.context import ReportContext

__all__ = ["REPORTS", "Report", "ReportContext", "report"]

REPORTS = {
    "text": "gate.reports.text",
    "json": "gate.reports.verdict_json",
    "sarif": "gate.reports.sarif",
    "junit": "gate.reports.junit",
    "github": "gate.reports.github",
    "gitlab": "gate.reports.gitlab",
    "checkstyle": "gate.reports.checkstyle",
    "html": "gate.reports.page",
    "badge": "gate.reports.badge",
    "metrics": "gate.reports.metrics",
}
"""The module of each format, by its `--format` name."""


class Report(Protocol):
    """The interface of a report module."""

    def render(self, verdict: Verdict, context: ReportContext) -> str:
        """Return the whole report, ending in a newline unless it is empty."""


def report(name: str) -> Report:
    """Return the module of the format `name`. Raises KeyError if `REPORTS` doesn't list it."""
    return cast("Report", import_module(REPORTS[name]))
