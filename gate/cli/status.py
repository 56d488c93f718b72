"""`gate status`: list my open branches, and what each still needs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gate.app.approving.inbox import status
from gate.cli.inbox import about, add_forge, print_json, terminal_context
from gate.wording import count

SUMMARY = "list your open branches, and what each needs before it can merge"
EXAMPLES = """\
  gate status                      list your branches for the default branch
  gate status --into release/2     list your branches for another protected branch
  gate status --forge              include your open pull requests on origin's forge, and their reviews
  gate status --format json        print JSON, for scripts

  --forge needs a token that can read pull requests: GITHUB_TOKEN, GITLAB_TOKEN, or GITEA_TOKEN.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--into", metavar="BRANCH", help="the protected branch (default: the default branch)")
    add_forge(parser)
    parser.add_argument("--format", metavar="F", choices=("text", "json"), default="text", help="text, json")


def run(options: argparse.Namespace) -> int:
    """Print the list. Always returns 0."""
    overview = status(Path.cwd(), options.into, options.forge)
    if options.format == "json":
        print_json(overview)
        return 0
    from gate.reports.overview import sheet, status_lines
    from gate.reports.terminal_text import Ink

    context = terminal_context()
    blocks = [
        status_lines(item.branch.name, about(item), item.verdict, item.trouble, Ink(context))
        for item in overview.items
    ]
    number = count(len(blocks), "open branch", "open branches")
    closing = f"{number} of {overview.person} (into {overview.into})."
    sys.stdout.write(sheet(blocks, closing if blocks else "You have no open branches.", context))
    return 0
