"""`gate promote`: release a commit to a protected environment."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from gate.app.releases.promote import NotPromoted, PromoteRequest, promote
from gate.cli.approve import exit_code, shared_lines, unshared_lines
from gate.cli.verdict_context import EXIT_CODES, context_of
from gate.reports import report
from gate.reports.words import branch, visible

SUMMARY = "release a commit to a protected environment and record it"
EXAMPLES = """\
  gate check --into production --head v3     can v3 be released?
  gate promote v3 --into staging             release v3, and record it
  gate promote v3 --into production --dry-run
                                             check that the release could be recorded
  gate promote v2 --into production          roll back to the previous release
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("rev", metavar="REV", help="the commit to release")
    parser.add_argument("--into", metavar="ENVIRONMENT", required=True, help="the protected environment")
    parser.add_argument("--key", metavar="FILE", help="the SSH key that signs")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="record nothing; only check that you could release, sign, and push now",
    )


def run(options: argparse.Namespace) -> int:
    """Release, or say what is missing. Returns 0 only if the release is recorded or, with `--dry-run`, could be."""
    request = PromoteRequest(
        Path.cwd(), int(time.time()), options.rev, options.into, options.key, options.dry_run
    )
    done = promote(request)
    into = branch(done.verdict.change.into)
    commit = done.verdict.change.head[:12]
    if isinstance(done, NotPromoted):
        context = context_of(done.verdict, f"gate check --into {into} --head {visible(options.rev)}")
        print(report("text").render(done.verdict, context), end="")
        print(f"Not released: {into} is unchanged.")
        return EXIT_CODES[done.verdict.decision]
    for note in (*done.verdict.notes, *done.notes):
        print(f"note: {visible(note)}")
    if options.dry_run:
        print(f"{commit} can be released into {into}. Nothing was recorded.")
        return 0
    if done.recorded is None:
        print(f"{into} is already at {commit}.")
        for line in unshared_lines(done.unshared):
            print(f"  {line}")
        return 3 if done.unshared else 0
    print(f"{into} rolled back to {commit}." if done.back else f"{into} is now at {commit}.")
    print(f"  recorded by {visible(done.recorded.record.by)}: {done.recorded.id[:12]}")
    for line in shared_lines(done.recorded):
        print(f"  {line}")
    return exit_code(done.recorded)
