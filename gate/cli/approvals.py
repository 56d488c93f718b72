"""`gate approvals`: list the recorded decisions about a change, which of them count, and why others don't."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from gate.app.approving.approvals import Listing, list_approvals
from gate.cli.reviews import add_reviews, request_of
from gate.model import short_name
from gate.reports.words import one_line, visible
from gate.wording import count

SUMMARY = "list the approvals of a change, and why some don't count"
EXAMPLES = """\
  gate approvals feature           list approvals and objections for `feature`
  gate approvals --fetch           fetch the approval log first, then list those for HEAD
  gate approvals --format json     print JSON, for scripts
  gate approvals feature --reviews github:acme/shortener#12
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("rev", nargs="?", metavar="REV", help="the branch or commit (default: HEAD)")
    parser.add_argument("--into", metavar="BRANCH", help="the protected branch (default: the default branch)")
    parser.add_argument("--fetch", action="store_true", help="fetch the approval log from the remote first")
    add_reviews(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def run(options: argparse.Namespace) -> int:
    """Print the list and return 0."""
    listing = list_approvals(
        Path.cwd(),
        int(time.time()),
        rev=options.rev,
        into=options.into,
        bring=options.fetch,
        reviews=request_of(options.reviews),
    )
    if options.format == "json":
        from gate.reports.verdict_json import approvals_data, dump

        print(dump(approvals_data(listing.decisions.approvals)), end="")
    else:
        print("\n".join(_lines(listing)))
    return 0


def _lines(listing: Listing) -> list[str]:
    change, evidence = listing.change, listing.decisions
    branch = short_name(change.into)
    title = f"{change.head[:12]} into {visible(branch)}"
    lines = [f"{title}:" if evidence.approvals else f"{title}: no approvals recorded"]
    if not change.files and not evidence.approvals:
        lines = [
            f"{title}: nothing to merge; to see who approved a merge, name its commit on {visible(branch)}"
        ]
    width = max((len(visible(approval.by)) for approval in evidence.approvals), default=0)
    for approval in evidence.approvals:
        mark = "+" if approval.counted and approval.kind != "block" else "!" if approval.counted else "-"
        decision = {"approve": "approved", "block": "objected", "waive": "WAIVED"}[approval.kind]
        why = f": {one_line(approval.why)}" if approval.why else ""
        says = decision if approval.counted else f"{decision}, not counted"
        lines.append(f"  {mark} {approval.id[:12]}  {visible(approval.by):<{width}}  {says}{why}")
    if evidence.gap:
        lines.append(f"note: {visible(evidence.gap)}")
    if evidence.refused:
        identity, reason = min(evidence.refused.items())
        total = count(len(evidence.refused), "record")
        lines.append(f"note: {total} not admitted, such as {visible(identity)[:12]}: {visible(reason)}")
        lines.append("      `gate log` lists what is not admitted")
    return lines
