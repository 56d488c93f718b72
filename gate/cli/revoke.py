"""`gate revoke`: withdraw your own approval, objection, or waiver."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from gate.app.approving.revoke import revoke
from gate.cli.approve import exit_code, shared_lines

SUMMARY = "withdraw an approval, objection, or waiver of your own"
EXAMPLES = """\
  gate revoke 3f2a91c04b7d         `gate approvals` lists the ids
  gate revoke 3f2a91c04b7d --reason "the index is back"
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("id", metavar="ID", help="the id of the record, or its first characters")
    parser.add_argument("--key", metavar="FILE", help="the SSH key (default: user.signingkey, else your own)")
    parser.add_argument("--reason", metavar="TEXT", default="", help="the reason to record")


def run(options: argparse.Namespace) -> int:
    """Record and share the revocation."""
    taken = revoke(Path.cwd(), options.id, int(time.time()), key=options.key, reason=options.reason)
    what = {"approve": "approval", "block": "objection", "waive": "waiver"}[taken.revoked.record.kind]
    print(f"Revoked the {what} {taken.revoked.id[:12]} of {taken.revoked.record.by}.")
    for line in shared_lines(taken.recorded):
        print(line)
    return exit_code(taken.recorded)
