"""What went wrong, for whom and how long: written from the records, for those who build and those who pay."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime

from release.budget import PROMISED, budget
from release.environments import Environment
from release.records import Running, whoever_now


@dataclass(frozen=True, slots=True)
class Incident:
    """A release that was out and was taken back. Times are seconds since 1970."""

    environment: str
    revision: str
    subject: str
    author: str
    by: str
    back_to: str
    began: float
    ended: float
    requests: int
    failed: int
    reason: str
    stopped_by: str
    budget_left: float

    @classmethod
    def of(
        cls, environment: Environment, new: Running, old: Running, *, began: float, ended: float,
        requests: int, failed: int, reason: str, stopped_by: str,
    ) -> Incident:  # fmt: skip
        """The story of `new`, which got requests from `began` to `ended`."""
        incident = cls(
            environment.name, new.revision, new.subject, new.author, whoever_now(), old.short,
            began, ended, max(requests, 0), max(failed, 0), reason, stopped_by, 0.0,
        )  # fmt: skip
        known = budget(environment)
        left = PROMISED - max(known.recorded + incident.downtime, known.probed or 0.0)
        return dataclasses.replace(incident, budget_left=left)

    @property
    def seconds(self) -> float:
        """How long the release was out."""
        return self.ended - self.began

    @property
    def downtime(self) -> float:
        """What it cost of the budget: half of the requests failing for ten seconds are five seconds."""
        return self.seconds * self.failed / self.requests if self.requests else 0.0

    @property
    def name(self) -> str:
        """Fit for a file."""
        return f"{_time(self.began, '%Y%m%dT%H%M%SZ')}-{self.revision[:9]}"

    def record(self) -> dict[str, object]:
        """As it is recorded."""
        return {**dataclasses.asdict(self), "by": self.by, "downtime": self.downtime}


def report(incident: Incident, error: str = "") -> str:
    """The report for the engineers, as Markdown. `error` is the last that the release did not catch."""
    said = f"\nThe last error in its log:\n\n    {error}\n" if error else ""
    share = incident.failed / incident.requests if incident.requests else 0.0
    return f"""\
# {incident.environment}: {incident.subject} was taken back

| | |
| --- | --- |
| what | {incident.revision[:9]}, {_cell(incident.subject)} |
| written by | {_cell(incident.author)} |
| put out by | {_cell(incident.by)} |
| from | {_time(incident.began)} |
| to | {_time(incident.ended)}: {incident.seconds:.1f} s |
| failed | {incident.failed} of {incident.requests} requests ({share:.1%}), as {incident.downtime:.1f} s of downtime |
| stopped by | {_cell(incident.stopped_by)} |
| answers now | {_cell(incident.back_to)} |
| budget left | {incident.budget_left / 60:.1f} of {PROMISED / 60:.0f} minutes this year |

## Why

{incident.reason}
{said}
## To do

- [ ] What did the release do wrong? Its log lies beside this report.
- [ ] Why did no review, no check and no test see it? Add the one that would have.
"""


def notice(incident: Incident) -> str:
    """The notice for the customer: short, true, and without names."""
    if not incident.failed:
        return (
            f"On {_time(incident.began)} we put out a new version, and took it back {_span(incident.seconds)} later."
            " No request failed.\n"
        )
    return (
        f"On {_time(incident.began)}, for {_span(incident.seconds)}, {incident.failed} of {incident.requests} requests"
        f" to our service failed: a new version had a mistake. The version before it answers again, and nothing"
        f" that you entered was lost. Of the {PROMISED / 60:.0f} minutes a year that we promised at most, this took"
        f" {_span(incident.downtime)}; {max(incident.budget_left, 0) / 60:.1f} minutes are left.\n"
    )


def _time(seconds: float, form: str = "%Y-%m-%d %H:%M:%S UTC") -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(form)


def _span(seconds: float) -> str:
    return f"{seconds:.1f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
