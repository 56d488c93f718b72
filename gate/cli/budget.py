"""`gate budget`: show what is left of the downtime budget."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from gate.app.releases.budget import Budget, read_budget
from gate.errors import UsageError
from gate.reports.words import visible

SUMMARY = "show what is left of the downtime budget"
EXAMPLES = """\
  gate budget                       show the remaining downtime of the environment with a budget
  gate budget --into production --format json
  gate budget --rules slo.yaml      print the Prometheus rules that measure downtime
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--into", metavar="ENVIRONMENT", help="the environment (default: the only one with a budget)"
    )
    parser.add_argument(
        "--rules",
        metavar="FILE",
        help="print Prometheus recording and alerting rules for the objectives in an SLO file",
    )
    parser.add_argument(
        "--since",
        metavar="SECONDS",
        type=float,
        help="with --rules: when measuring started, in Unix time (default: now)",
    )
    parser.add_argument("--format", metavar="F", choices=("text", "json"), default="text", help="text, json")


def run(options: argparse.Namespace) -> int:
    """Print the budget. Returns 0 if a release may be risked, 1 if not, and 3 if the downtime isn't known."""
    if options.rules:
        return _rules(options.rules, time.time() if options.since is None else options.since)
    if options.since is not None:
        raise UsageError("--since needs --rules", "add `--rules FILE`")
    budget = read_budget(Path.cwd(), int(time.time()), options.into)
    if options.format == "json":
        from gate.reports.verdict_json import dump

        print(dump(_data(budget)), end="")
    else:
        print("\n".join(_lines(budget)))
    if budget.left is None:
        return 3
    return 0 if budget.left >= budget.rule.risk else 1


def _rules(file: str, since: float) -> int:
    from gate.policy.promise import read_promises
    from gate.reports.slo_rules import slo_rules
    from gate.reports.verdict_json import dump

    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror or error}") from error
    # JSON is valid YAML.
    print(dump(slo_rules(read_promises(data, file), since)), end="")
    return 0


def _data(budget: Budget) -> dict[str, object]:
    return {
        "environment": budget.environment,
        "minutes": budget.rule.minutes,
        "used": budget.used,
        "left": budget.left,
        "risk": budget.rule.risk,
        "low": budget.rule.low,
        "trouble": budget.trouble,
        "gaps": budget.gaps,
        "window": budget.rule.window,
    }


def _lines(budget: Budget) -> list[str]:
    name, rule = visible(budget.environment), budget.rule
    if budget.used is None or budget.left is None:
        return [f"{name}: downtime unknown: {visible(budget.trouble)}"]
    days = f"{rule.window / 86400:g} days"
    used = f"{budget.used:.1f} of {rule.minutes:g} minutes of downtime used in {days}"
    lines = [f"{name}: {used}, {budget.left:.1f} left"]
    if budget.gaps:
        lines.append(f"  {budget.gaps:.0f} s of the time have no measurements")
    if budget.left < 0 and rule.minutes:
        lines.append(f"  that is {budget.used / rule.minutes:.2f} times the budget")
    if budget.left < rule.risk:
        lines.append(f"  frozen: a release may risk {rule.risk:g} minutes; only rollbacks are allowed")
    elif budget.left < rule.low:
        lines.append(f"  low: below {rule.low:g} minutes, a senior has to approve each release")
    return lines
