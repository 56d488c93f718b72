"""The options of `gate check`, and the request they describe."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from gate.app.checking.request import CheckRequest
from gate.cli.reviews import add_reviews, request_of
from gate.errors import UsageError
from gate.reports import REPORTS
from gate.runner.shards import Shard


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `gate check`."""
    _add_target(parser)
    parser.add_argument("--staged", action="store_true", help="check the index as it would be committed")
    parser.add_argument("--base", metavar="REV", help="use this commit as the tip of the protected branch")
    parser.add_argument(
        "--only",
        metavar="CHECK",
        action="extend",
        nargs="+",
        default=[],
        help="run only these checks",
    )
    add_reviews(parser)
    parser.add_argument(
        "--comment",
        action="store_true",
        help="with --reviews: post the report as a comment on the pull request, and update it on later runs",
    )
    parser.add_argument(
        "--webhook",
        metavar="VARIABLE",
        help="post the verdict to the Slack-compatible webhook URL in this environment variable",
    )
    parser.add_argument("--fail-fast", action="store_true", help="stop at the first check that fails")
    parser.add_argument("--rerun", action="store_true", help="run every check again, ignoring cached results")
    parser.add_argument(
        "--all",
        action="store_true",
        help="show every finding and file, and run all tests, even those that the change can't affect",
    )
    parser.add_argument(
        "--record", action="store_true", help="sign the verdict and record it in the approval log (for CI)"
    )
    parser.add_argument(
        "--key", metavar="FILE", help="the SSH key for --record (default: user.signingkey) or --shard"
    )
    parser.add_argument(
        "--shard", metavar="I/N", help="run shard I of N, and write its results to --output FILE"
    )
    parser.add_argument(
        "--join",
        metavar="PART",
        nargs="+",
        default=[],
        help="run nothing; combine the results of all shards into a verdict",
    )
    parser.add_argument(
        "--unsigned",
        action="store_true",
        help="with --join: accept unsigned parts; use it only where nobody else can write them",
    )
    _add_format(parser, tuple(REPORTS))
    parser.add_argument("--output", metavar="FILE", help="write the report to FILE instead of printing it")
    parser.add_argument(
        "--report",
        metavar="FORMAT=FILE",
        action="append",
        default=[],
        help="also write a report in this format; repeatable",
    )
    parser.add_argument("--fix", action="store_true", help="print safe fixes as a diff instead of the report")
    parser.add_argument(
        "--apply", action="store_true", help="with --fix: apply the fixes to the working tree"
    )


def _add_target(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a change."""
    parser.add_argument(
        "--into", metavar="BRANCH", help="the protected branch (default: origin/HEAD, main, master)"
    )
    parser.add_argument("--head", metavar="REV", help="the commit to merge (default: HEAD)")


def _add_format(parser: argparse.ArgumentParser, formats: Sequence[str]) -> None:
    """Add the option that chooses the output format."""
    parser.add_argument("--format", metavar="F", default="text", choices=formats, help=", ".join(formats))


def check_options(options: argparse.Namespace) -> None:
    """Raise UsageError for contradictory options."""
    if options.staged and options.reviews is not None:
        raise UsageError("--staged and --reviews can't be combined: a staged change has no commit to review")
    _check_fix(options)
    _check_announcing(options)
    if options.record and (options.staged or options.only):
        raise UsageError("--record needs a full run on a commit", "remove --staged and --only")
    if options.key and not (options.record or options.shard):
        raise UsageError("--key needs --record or --shard")
    if options.unsigned and not options.join:
        raise UsageError("--unsigned needs --join")


def _check_announcing(options: argparse.Namespace) -> None:
    if options.comment and options.reviews is None:
        raise UsageError(
            "--comment needs --reviews", "name the pull request, as in `--reviews auto --comment`"
        )
    if options.webhook is not None and not os.environ.get(options.webhook):
        raise UsageError(
            f"--webhook {options.webhook}: this environment variable is not set",
            "--webhook takes the name of a variable, since the address is a secret",
        )


def _check_fix(options: argparse.Namespace) -> None:
    if options.apply and not options.fix:
        raise UsageError("--apply needs --fix", "`gate check --fix` shows the fixes")
    if options.fix and options.format != "text" and not options.output:
        raise UsageError("--fix prints a diff, not a report", "write the report with --report FORMAT=FILE")


def report_file(value: str) -> tuple[str, str]:
    """Parse a `--report` into format and file. Raises UsageError."""
    name, equals, path = value.partition("=")
    if not equals or not path or name not in REPORTS:
        raise UsageError(f"--report {value}: expected FORMAT=FILE, FORMAT being one of {', '.join(REPORTS)}")
    return name, path


def check_request(options: argparse.Namespace, shard: Shard | None) -> CheckRequest:
    """Return the request that the options describe."""
    return CheckRequest(
        start=Path.cwd(),
        into=options.into,
        head=options.head,
        base=options.base,
        staged=options.staged,
        index_file=os.environ.get("GIT_INDEX_FILE") if options.staged else None,
        only=tuple(dict.fromkeys(options.only)),
        fail_fast=options.fail_fast,
        reviews=request_of(options.reviews),
        rerun=options.rerun,
        compare=options.all,
        shard=shard,
        parts=tuple(options.join),
        unsigned=options.unsigned,
    )
