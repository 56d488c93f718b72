"""`gate inbox`: list the branches that need my approval."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from gate.app.approving.inbox import Item, Overview, inbox
from gate.reports import ReportContext
from gate.reports.words import visible
from gate.wording import count

SUMMARY = "list the branches that need your approval"
EXAMPLES = """\
  gate inbox                       list branches with your files, their age, and the state of their checks
  gate inbox --into release/2      list branches for another protected branch
  gate inbox --as @nehemiah        show someone else's inbox
  gate inbox --forge               include origin's open pull requests and their reviews
  gate inbox --forge github:acme/shortener
  gate inbox --format json         print JSON, for scripts

  --forge needs a token that can read pull requests: GITHUB_TOKEN, GITLAB_TOKEN, or GITEA_TOKEN.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--into", metavar="BRANCH", help="the protected branch (default: the default branch)")
    parser.add_argument(
        "--as",
        metavar="@NAME",
        dest="person",
        help="show this person's inbox (default: yours, by user.email)",
    )
    add_forge(parser)
    parser.add_argument("--format", metavar="F", choices=("text", "json"), default="text", help="text, json")


def add_forge(parser: argparse.ArgumentParser) -> None:
    """Add the option that includes the pull requests of a forge."""
    parser.add_argument(
        "--forge",
        metavar="WHERE",
        nargs="?",
        const="auto",
        help="include the open pull requests of origin, or of github:OWNER/REPO, gitlab:GROUP/PROJECT, "
        "gitea:OWNER/REPO",
    )


def run(options: argparse.Namespace) -> int:
    """Print the list. Always returns 0."""
    overview = inbox(Path.cwd(), options.into, options.person, options.forge)
    if options.format == "json":
        print_json(overview)
        return 0
    from gate.reports.overview import inbox_lines, sheet, status_lines
    from gate.reports.terminal_text import Ink

    context = terminal_context()
    unread = [
        status_lines(item.branch.name, about(item), None, item.trouble, Ink(context))
        for item in overview.items
        if item.verdict is None
    ]
    blocks = [
        [
            *inbox_lines(
                item.branch.name, about(item), overview.person, item.mine, item.verdict, Ink(context)
            ),
            f"  gate review {visible(item.branch.name)}",
        ]
        for item in overview.items
        if item.verdict is not None
    ]
    number = count(len(blocks), "branch", "branches")
    needs = "needs" if len(blocks) == 1 else "need"
    closing = f"{number} {needs} approval from {overview.person} (into {overview.into})."
    sys.stdout.write(
        sheet(
            [*unread, *blocks],
            closing if blocks else f"Nothing needs approval from {overview.person}.",
            context,
        )
    )
    return 0


def about(item: Item) -> str:
    """Describe an item: `"Add export" by New Hire, 2 hours ago`, with the name of a pull request in front."""
    from gate.reports.overview import age

    branch = item.branch
    name = f"{branch.request} " if branch.request else ""
    draft = ", draft" if branch.draft else ""
    return f'{name}"{branch.subject}" by {branch.author}, {age(max(int(time.time()) - branch.committed, 0))}{draft}'


def print_json(overview: Overview) -> None:
    """Print the items as a JSON list."""
    from gate.reports.overview import to_data
    from gate.reports.verdict_json import dump

    items = [
        to_data(i.branch.name, i.branch.commit, i.branch.committed, i.mine, i.verdict, i.trouble)
        | ({"request": i.branch.request, "draft": i.branch.draft} if i.branch.request else {})
        for i in overview.items
    ]
    sys.stdout.write(dump(items))


def terminal_context() -> ReportContext:
    """Return how to format a list for stdout."""
    from gate.cli.terminal import terminal_width, wants_colour

    return ReportContext(wants_colour(), terminal_width(), sys.stdout.encoding or "utf-8")
