"""`gate owners`: show who owns which files, and which line says so."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from gate.app.owners import Lint, lint, owners_of, owners_of_change
from gate.errors import UsageError
from gate.reports.words import visible

SUMMARY = "show the code owners of files, or check CODEOWNERS for mistakes"
EXAMPLES = """\
  gate owners                         show every file of HEAD, grouped by folder
  gate owners app.py web              show one file, and everything in a folder
  gate owners .                       show every file, one per line
  gate owners --change                show the files that your branch changes
  gate owners --lint                  find mistakes in CODEOWNERS before you commit

which CODEOWNERS file gate reads:
  By default, the one committed in HEAD or --head. With --change, the one on
  the protected branch: a change can't choose its own approvers. With --lint,
  the one in the working tree, or in --head.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `gate owners`."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="files and folders (default: all)")
    parser.add_argument("--change", action="store_true", help="show only the files that a change touches")
    parser.add_argument(
        "--into",
        metavar="BRANCH",
        help="with --change: the protected branch (default: origin/HEAD, main, master)",
    )
    parser.add_argument("--head", metavar="REV", help="the commit to read (default: HEAD)")
    parser.add_argument(
        "--lint", action="store_true", help="check CODEOWNERS; exit with 2 if it has mistakes"
    )
    parser.add_argument("--format", metavar="F", default="text", choices=("text", "json"), help="text, json")


def run(options: argparse.Namespace) -> int:
    """Print the owners. Returns 0, or 2 if CODEOWNERS has mistakes."""
    if options.lint:
        if options.paths or options.change or options.into:
            raise UsageError("--lint checks the whole file", "remove paths, --change, and --into")
        return _lint(lint(Path.cwd(), options.head), options.format)
    if options.into and not options.change:
        raise UsageError("--into needs --change", "`gate owners --change --into BRANCH`")
    if options.change:
        owned = owners_of_change(Path.cwd(), options.paths, options.into, options.head)
    else:
        owned = owners_of(Path.cwd(), options.paths, options.head or "HEAD")
    from gate.reports import owners

    if options.format == "json":
        from gate.reports.verdict_json import dump

        sys.stdout.write(dump(owners.to_data(owned.paths)))
        return 0
    from gate.cli.terminal import terminal_width, wants_colour
    from gate.reports import ReportContext

    context = ReportContext(wants_colour(), terminal_width(), sys.stdout.encoding or "utf-8")
    text = owners.render(owned.paths, owned.file, visible(owned.at), context, by_folder=owned.whole)
    sys.stdout.write(text)
    return 0


def _lint(result: Lint, form: str) -> int:
    code = 2 if result.mistakes else 0
    if form == "json":
        from gate.reports.verdict_json import dump

        groups = (("error", result.mistakes), ("warning", result.warnings))
        report = [{**asdict(item), "severity": severity} for severity, items in groups for item in items]
        sys.stdout.write(dump(report))
        return code
    for mistake in result.mistakes:
        print(visible(str(mistake)))
    for item in result.warnings:
        position = ":".join(str(part) for part in (item.file, item.line, item.column) if part)
        print(visible(f"{position}: warning: {item.message}"))
    if result.mistakes:
        print(f"help: {result.hint}", file=sys.stderr)
    else:
        rules = "1 rule" if result.rules == 1 else f"{result.rules:,} rules"
        print(f"{result.file}: {rules}, no mistakes")
    return code
