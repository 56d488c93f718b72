"""`gate record`: in CI, sign and record the reviews and merges that a forge reports."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from gate.app.approving.record_reviews import RecordedReviews, record_reviews
from gate.approvals.record import review_of
from gate.cli.approve import exit_code, shared_lines
from gate.cli.reviews import add_reviews, request_of
from gate.errors import UsageError
from gate.reports.words import one_line, visible
from gate.wording import count

SUMMARY = "record the reviews and merges of a forge in the approval log"
EXAMPLES = """\
  gate record --reviews auto --key bot_key      in CI, whenever a review is submitted or dismissed
  gate record --reviews auto --base BEFORE      after the merge: BEFORE is the previous tip of the branch
  gate record feature --reviews github:acme/shortener#12
  gate record --merges BEFORE..AFTER --key bot_key   in CI, after a push to the protected branch: check each
                                                merge, and sign its verdict
  gate record --merges BEFORE..AFTER --reviews auto --key bot_key
                                                the same, and record the reviews of the merged pull requests

  The signer needs `records: true` under `people` in gate.yaml. Recorded reviews count without
  the forge: in `gate audit`, in the server hook, and for environments.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("rev", nargs="?", metavar="REV", help="the branch or commit (default: HEAD)")
    parser.add_argument("--into", metavar="BRANCH", help="the protected branch (default: the default branch)")
    parser.add_argument("--base", metavar="REV", help="the commit to merge into (default: the branch's tip)")
    parser.add_argument(
        "--merges", metavar="RANGE", help="record the merges that the forge made in BEFORE..AFTER"
    )
    add_reviews(parser)
    parser.add_argument("--key", metavar="FILE", help="the SSH key (default: user.signingkey, else your own)")


def run(options: argparse.Namespace) -> int:
    """Record what the forge reports, and print it."""
    if options.merges:
        return _merges(options)
    request = request_of(options.reviews or "auto")
    if request is None:
        raise UsageError("no pull request or merge request given", "`--reviews github:OWNER/REPO#12`")
    done = record_reviews(
        Path.cwd(),
        request,
        int(time.time()),
        rev=options.rev,
        into=options.into,
        base=options.base,
        key=options.key,
    )
    _print_reviews(done)
    if done.last is None:
        return 0
    print("\n".join(shared_lines(done.last)))
    return exit_code(done.last)


def _print_reviews(done: RecordedReviews) -> None:
    for record in done.reviews:
        word = "approval" if record.kind == "approve" else "objection"
        login = review_of(record)[0]
        print(f"Recorded the {word} of {visible(login)} on {visible(done.request)} ({record.head[:12]})")
    for record in done.revoked:
        print(f"Revoked {record.of[:12]}: {one_line(record.reason)}")
    if not done.reviews and not done.revoked:
        print(f"{visible(done.request)}: {count(done.unchanged, 'review')} already recorded, nothing new")


def _merges(options: argparse.Namespace) -> int:
    """Record the verdicts about merges. Returns 1 if the checks of one fail."""
    from gate.app.approving.record_merges import record_merges
    from gate.app.recording.verdict import Unrecorded
    from gate.forges.places import find_pushed

    if options.base or options.rev:
        raise UsageError("--merges can't be combined with a revision or `--base`")
    if options.reviews not in {None, "auto"}:
        raise UsageError(
            "--merges finds the pull or merge request of each merge itself",
            "use `--reviews auto` in a CI job that runs on push",
        )
    forge = find_pushed(os.environ) if options.reviews else None
    codes = []
    for merge in record_merges(
        Path.cwd(), options.merges, int(time.time()), into=options.into, key=options.key, forge=forge
    ):
        if merge.reviews is not None:
            _print_reviews(merge.reviews)
        what = f"{merge.base[:12]}..{merge.head[:12]}"
        if isinstance(merge.verdict, Unrecorded):
            print(f"{what}: not recorded: {merge.verdict.reason}")
            codes.append(0 if merge.verdict.needless else 1)
            continue
        print(f"{what}: checks passed, recorded by {visible(merge.verdict.record.by)}")
        codes.append(exit_code(merge.verdict))
        if codes[-1]:
            print("\n".join(shared_lines(merge.verdict)))
    if not codes:
        print("no merges in this range")
    return max(codes, default=0)
