"""`gate record`: sign and record the reviews that a forge reports, in CI."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from gate.app.approving.record_reviews import record_reviews
from gate.approvals.record import review_of
from gate.cli.approve import exit_code, shared_lines
from gate.cli.reviews import add_reviews, place_of
from gate.errors import UsageError
from gate.reports.words import count, visible

SUMMARY = "record the reviews of a pull or merge request in the approval log"
EXAMPLES = """\
  gate record --reviews auto --key bot_key      in CI, whenever a review is submitted or dismissed
  gate record --reviews auto --base BEFORE      after the merge: BEFORE is where the branch was
  gate record feature --reviews github:acme/shortener#12

  The signer needs `records: true` under `people` in gate.yaml. From then on the reviews count
  without the forge: for `gate audit`, the server hook and environments.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("rev", nargs="?", metavar="REV", help="the branch or commit (default: HEAD)")
    parser.add_argument("--into", metavar="BRANCH", help="the protected branch (default: the default branch)")
    parser.add_argument("--base", metavar="REV", help="the commit to merge into (default: the branch's tip)")
    add_reviews(parser)
    parser.add_argument("--key", metavar="FILE", help="the SSH key (default: user.signingkey, else your own)")


def run(options: argparse.Namespace) -> int:
    """Record what the forge tells now, and print what that was."""
    request = place_of(options.reviews or "auto")
    if request is None:
        raise UsageError("no pull or merge request is named", "`--reviews github:OWNER/REPO#12`")
    done = record_reviews(
        Path.cwd(),
        request,
        int(time.time()),
        rev=options.rev,
        into=options.into,
        base=options.base,
        key=options.key,
    )
    for record in done.reviews:
        word = "approval" if record.kind == "approve" else "objection"
        login = review_of(record)[0]
        print(f"Recorded the {word} of {visible(login)} on {visible(done.request)} ({record.head[:12]})")
    for record in done.revoked:
        print(f"Revoked {record.of[:12]}: {visible(record.reason)}")
    if not done.reviews and not done.revoked:
        print(f"{visible(done.request)}: {count(done.unchanged, 'review')} recorded before, nothing new")
    if done.last is None:
        return 0
    print("\n".join(shared_lines(done.last)))
    return exit_code(done.last)
