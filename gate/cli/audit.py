"""`gate audit`: verify every merge into a protected branch."""

from __future__ import annotations

import argparse
from pathlib import Path

from gate.app.audit.audit import Audit, audit
from gate.reports.words import one_line, record_checks, visible
from gate.wording import count

SUMMARY = "verify that every merge into a protected branch was checked and approved"
EXAMPLES = """\
  gate audit                       audit the default branch, from its first policy on
  gate audit v1.2..main            audit only these commits
  gate audit --fetch               fetch the branch and the approval log first, as before a deployment
  gate audit --format json         print JSON, for scripts
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "range",
        nargs="?",
        default="",
        metavar="RANGE",
        help="commits to audit: A..B, or B for everything up to B",
    )
    parser.add_argument("--into", metavar="BRANCH", help="the protected branch (default: the default branch)")
    parser.add_argument("--fetch", action="store_true", help="fetch the branch and the approval log first")
    parser.add_argument("--all", action="store_true", help="also list the merges that passed")
    parser.add_argument("--format", metavar="F", choices=("text", "json"), default="text", help="text, json")


def run(options: argparse.Namespace) -> int:
    """Print the result. Returns 0 if every merge is verified, else 1."""
    result = audit(Path.cwd(), span=options.range, into=options.into, bring=options.fetch)
    failed = sum(step.outcome == "failed" for step in result.steps)
    if options.format == "json":
        from gate.reports.verdict_json import dump

        steps = [
            {
                "commit": step.commit,
                "title": step.title,
                "outcome": step.outcome,
                "reason": step.reason,
                "reasons": list(step.reasons),
                "base": step.base,
                "change": step.change,
                "approvers": list(step.approvers),
                "waived": step.waived,
                "afterwards": step.afterwards,
            }
            for step in result.steps
        ]
        print(dump(steps), end="")
    else:
        print("\n".join(_lines(result, failed, everything=options.all)))
    return 1 if failed else 0


def _lines(result: Audit, failed: int, *, everything: bool) -> list[str]:
    lines = []
    for step in result.steps:
        if step.outcome == "failed" or step.waived or step.afterwards or step.quarantined or everything:
            lines.append(f"{step.outcome}  {step.commit[:12]}  {visible(step.title)}")
            lines += [f"        {one_line(reason)}" for reason in step.reasons]
    total = count(len(result.steps), "merge")
    branch, since = visible(result.branch), result.start[:12]
    if not result.steps:
        return [f"{branch}: no merges since {since}, nothing to verify"]
    if failed:
        commit = next(step.commit for step in result.steps if step.outcome == "failed")
        return [
            *lines,
            f"{branch}: {failed} of {total} since {since} could not be verified",
            f"help: anyone who could have approved it can still do so: `gate approve {commit[:12]} --into {branch}`",
            *_further_help(result, commit[:12]),
        ]
    waived = sum(step.waived for step in result.steps)
    afterwards = sum(step.afterwards for step in result.steps)
    special = [f"{waived} by waiver"] if waived else []
    special += [f"{afterwards} with decisions after the merge"] if afterwards else []
    unenforced = sum(step.unenforced for step in result.steps)
    special += (
        [f"{unenforced} with requirements not met and not enforced; `--all` shows them"] if unenforced else []
    )
    quarantined = sum(step.quarantined for step in result.steps)
    special += [f"{quarantined} with a failed quarantined test"] if quarantined else []
    how = f" ({', '.join(special)})" if special else ""
    return [*lines, f"{branch}: {len(result.steps)} of {total} since {since} verified{how}"]


def _further_help(result: Audit, commit: str) -> list[str]:
    """Return what else to do about the merges that failed, by their reasons."""
    reasons = "\n".join(step.reason for step in result.steps if step.outcome == "failed")
    lines = []
    if " objects" in reasons:
        shows = f"gate approvals {commit} --into {visible(result.branch)}"
        lines.append(f"      to withdraw an objection, run `gate revoke ID`; `{shows}` shows the ID")
    if "checks: " in reasons:
        lines.append(record_checks(commit, result.branch))
    return lines
