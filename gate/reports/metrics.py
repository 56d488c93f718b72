"""The verdict as Prometheus metrics, for the textfile collector of node_exporter, or for a Pushgateway."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from gate.model import CheckResult, Ran, Skipped, Verdict, short_name
from gate.reports.context import ReportContext
from gate.reports.words import visible

DECISIONS: Final = ("pass", "blocked", "undecided")
OUTCOMES: Final = ("passed", "failed", "empty", "broken")
Sample = tuple[dict[str, str], float]


def render(verdict: Verdict, context: ReportContext) -> str:
    """Return the metrics in the text format, one gauge after the other."""
    labels = {"repository": verdict.change.repository, "branch": short_name(verdict.change.into)}
    waivers = sum(item.kind == "waive" and item.counted for item in verdict.approvals)
    missing = sum(request.need for request in verdict.reviewers)
    lines = [
        *_gauge(
            "gate_verdict",
            "The verdict: 1 for the outcome that was reached.",
            (({**labels, "outcome": word}, float(word == verdict.decision)) for word in DECISIONS),
        ),
        *_gauge(
            "gate_check_outcome",
            "The outcome of each check: 1 for the one that was reached.",
            (
                ({**labels, "check": result.id, "outcome": word}, float(word == _outcome(result)))
                for result in verdict.checks
                for word in OUTCOMES
            ),
        ),
        *_gauge(
            "gate_check_duration_seconds",
            "How long each check took, 0 for a cached result.",
            (({**labels, "check": result.id}, _seconds(result)) for result in verdict.checks),
        ),
        *_gauge(
            "gate_findings",
            "Blocking findings of each check.",
            (
                ({**labels, "check": result.id}, float(len(result.blocking)))
                for result in verdict.checks
                if isinstance(result, Ran)
            ),
        ),
        *_gauge("gate_approvals_missing", "Approvals that are missing.", [(labels, float(missing))]),
        *_gauge(
            "gate_approval_wait_seconds",
            "How long the last commit has waited for approval, 0 if no approval is missing.",
            [(labels, float(context.age if missing else 0))],
        ),
        *_gauge("gate_waivers", "Waivers that let the change merge.", [(labels, float(waivers))]),
    ]
    return "".join(f"{line}\n" for line in lines)


def _outcome(result: CheckResult) -> str:
    if isinstance(result, Ran):
        return "failed" if result.blocking else "empty" if result.empty else "passed"
    return "" if isinstance(result, Skipped) else "broken"


def _seconds(result: CheckResult) -> float:
    cached = isinstance(result, Skipped) or (isinstance(result, Ran) and result.cached)
    return 0.0 if cached else getattr(result, "seconds", 0.0)


def _gauge(name: str, about: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} gauge"
    seen: set[str] = set()
    for labels, value in samples:
        text = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        # Prometheus rejects a file with a duplicate series.
        if text not in seen:
            yield f"{name}{{{text}}} {value:g}"
        seen.add(text)


def _escaped(text: str) -> str:
    return visible(text).replace("\\", "\\\\").replace('"', '\\"')
