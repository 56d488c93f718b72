"""`gate cache`: show and clear caches."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import localtime, strftime

from gate.app.setup.caches import clear, entries, human, prune
from gate.errors import UsageError
from gate.git.repository import Repository
from gate.runner.decisions import acknowledge
from gate.wording import count

SUMMARY = "show, prune, or clear what gate caches in this repository"
EXAMPLES = """\
  gate cache                          show each cache and its size
  gate cache prune                    remove entries unused for 30 days
  gate cache prune --days 7           remove entries unused for 7 days
  gate cache clear                    remove everything; later runs rebuild it
  gate cache resume                   turn test selection back on after a full run contradicted a cached pass
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `gate cache`."""
    parser.add_argument(
        "action",
        nargs="?",
        choices=("show", "prune", "clear", "resume"),
        default="show",
        help="default: show",
    )
    parser.add_argument(
        "--days", type=float, metavar="N", help="with prune: remove entries unused for N days (default: 30)"
    )


def run(options: argparse.Namespace) -> int:
    """Show or clear caches."""
    if options.days is not None and options.action != "prune":
        raise UsageError("--days works only with `gate cache prune`", "`gate cache prune --days 7`")
    repository = Repository.find(Path.cwd())
    if options.action == "show":
        _show(repository)
        return 0
    if options.action == "resume":
        acknowledged = acknowledge(repository.state_dir)
        print(f"Tests are selected again ({count(acknowledged, 'difference')} acknowledged).")
        return 0
    freed = clear(repository) if options.action == "clear" else prune(repository, _days(options))
    print(f"Freed {human(freed)} below {repository.state_dir}.")
    return 0


def _days(options: argparse.Namespace) -> float:
    if options.days is None:
        return 30.0
    if not options.days >= 0:
        raise UsageError("--days must be 0 or more")
    return float(options.days)


def _show(repository: Repository) -> None:
    cached = entries(repository)
    if not cached:
        print(f"Nothing is cached in {repository.state_dir}.")
        return
    print(f"{repository.state_dir}: {human(sum(entry.size for entry in cached))}")
    room = max(len(entry.name) for entry in cached)
    for entry in cached:
        day = strftime("%Y-%m-%d", localtime(entry.used))
        print(f"  {entry.name:<{room}}  {human(entry.size):>7}  {day}  {entry.meaning}".rstrip())
