"""`gate merge`: check a change, then move the branch to the commit that was checked."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from gate.app.merging.advance import Merged, MergeRequest, NotMerged
from gate.app.merging.merge import merge
from gate.cli.terminal import shown_progress
from gate.cli.verdict_context import EXIT_CODES, context_of
from gate.reports import report
from gate.reports.words import visible

SUMMARY = "check a change, then merge exactly the verified result"
EXAMPLES = """\
  gate merge feature               merge into the default branch of this clone
  gate merge feature --push        merge on the remote; the branch and the approval log are pushed atomically
  gate merge feature --squash      merge as one commit, without the branch's history
  gate merge feature --ff-only     fast-forward; the signed verdict goes to the log instead of a merge commit
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("rev", metavar="REV", help="the branch or commit to merge")
    parser.add_argument("--into", metavar="BRANCH", help="the protected branch (default: the default branch)")
    parser.add_argument(
        "--push", action="store_true", help="merge on the remote, and push the approval log too"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--squash", action="store_true", help="squash the branch into one commit")
    how.add_argument("--ff-only", action="store_true", help="fast-forward to REV, without a merge commit")
    parser.add_argument(
        "--message", "-m", metavar="TEXT", default="", help="the first lines of the commit message"
    )
    parser.add_argument("--key", metavar="FILE", help="the SSH key that signs the verdict")
    parser.add_argument(
        "--force",
        action="store_true",
        help="merge even if the new policy or CODEOWNERS locks people out",
    )


def run(options: argparse.Namespace) -> int:
    """Merge, or say what is missing. Returns 0 only if the branch moved or was up to date."""
    request = MergeRequest(
        Path.cwd(),
        int(time.time()),
        options.rev,
        into=options.into,
        push=options.push,
        how="squash" if options.squash else "ff-only" if options.ff_only else "merge",
        message=options.message,
        key=options.key,
        force=options.force,
    )
    with shown_progress() as progress:
        done = merge(request, progress, lambda line: print(f"gate: {visible(line)}", file=sys.stderr))
    if isinstance(done, NotMerged):
        return _not_merged(done, options.rev)
    branch = done.verdict.change.into.removeprefix("refs/heads/")
    where = f"{visible(done.remote)}/{visible(branch)}" if done.remote else visible(branch)
    print("\n".join(_summary(done, visible(options.rev), where)))
    return 0


def _summary(done: Merged, rev: str, where: str) -> list[str]:
    lines = [visible(note) for note in done.verdict.notes]
    if done.commit != done.verdict.change.base:
        lines.append(f"Merged {rev} into {where}: {done.commit[:12]}")
        people = sorted({a.by for a in done.verdict.approvals if a.counted and a.kind == "approve"})
        if people:
            lines.append(f"Approved by {visible(', '.join(people))}.")
    return lines + [visible(note) for note in done.notes]


def _not_merged(done: NotMerged, rev: str) -> int:
    if done.refused:
        print(f"gate: {visible(done.refused)}", file=sys.stderr)
        if done.help:
            print(f"  help: {visible(done.help)}", file=sys.stderr)
        return 1
    context = context_of(done.verdict, f"gate check --head {visible(rev)}")
    print(report("text").render(done.verdict, context), end="")
    print(f"Not merged: {visible(rev)}.")
    return EXIT_CODES[done.verdict.decision]
