"""`gate check`: can this change merge?"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from time import time

from gate.app.check import check
from gate.app.checking.request import Answer, CheckRequest
from gate.cli.reviews import add_reviews, request_of
from gate.cli.shards import share_of, write_share
from gate.cli.terminal import shown_progress
from gate.cli.verdict_context import EXIT_CODES, context_of, with_description
from gate.errors import UsageError
from gate.model import Verdict
from gate.reports import REPORTS, ReportContext, report
from gate.reports.words import visible
from gate.runner.shares import Share

COARSE = 0.02
"""Seconds by which the time stamps of files may be behind the clock."""
SUMMARY = "decide whether a change can merge into a protected branch"
EXAMPLES = """\
  gate check                          HEAD into the default branch
  gate check --staged                 the index as it would be committed
  gate check --head feature --into release/2
  gate check --format json            the verdict for a script
  gate check --head feature --record --key ci_key      in CI: sign the verdict, so that nobody reruns the checks
  gate check --report html=gate.html --report sarif=gate.sarif
  gate check --shard 2/4 --output part-2.json      run a share of the checks, and write what it found
  gate check --join part-*.json       the verdict from the parts of all shares
  gate check --fix                    show safe fixes as a diff
  gate check --fix --apply            apply them to your files
  gate check --head feature --reviews github:acme/shortener#12
"""


DESCRIBED = frozenset({"html", "metrics"})
"""The reports that say which branch and which request they are about."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `gate check`."""
    add_target(parser)
    parser.add_argument("--staged", action="store_true", help="check the index as it would be committed")
    parser.add_argument("--base", metavar="REV", help="use this commit as the tip of the branch")
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
        help="with --reviews: write the report as a comment on the request, updated in place",
    )
    parser.add_argument(
        "--webhook",
        metavar="VARIABLE",
        help="post the verdict to the Slack-compatible webhook whose address this environment variable has",
    )
    parser.add_argument("--fail-fast", action="store_true", help="stop the other checks when one fails")
    parser.add_argument(
        "--rerun", action="store_true", help="run every check again, whatever results are cached"
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="leave nothing out: show every finding and file, and run tests that the change can't affect",
    )
    parser.add_argument("--record", action="store_true", help="sign and record the verdict, for CI")
    parser.add_argument(
        "--key", metavar="FILE", help="the SSH key for --record (default: user.signingkey) or --shard"
    )
    parser.add_argument(
        "--shard", metavar="I/N", help="run share I of N, and write its part to --output FILE"
    )
    parser.add_argument(
        "--join",
        metavar="PART",
        nargs="+",
        default=[],
        help="decide from the parts of all shares, run nothing",
    )
    add_format(parser, tuple(REPORTS))
    parser.add_argument("--output", metavar="FILE", help="write the report to FILE instead of printing it")
    parser.add_argument(
        "--report",
        metavar="FORMAT=FILE",
        action="append",
        default=[],
        help="write one more report; repeatable",
    )
    parser.add_argument("--fix", action="store_true", help="print safe fixes as a diff instead of the report")
    parser.add_argument(
        "--apply", action="store_true", help="with --fix: apply the fixes to the working tree"
    )


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a change."""
    parser.add_argument(
        "--into", metavar="BRANCH", help="the protected branch (default: origin/HEAD, main, master)"
    )
    parser.add_argument("--head", metavar="REV", help="the commit to merge (default: HEAD)")


def add_format(parser: argparse.ArgumentParser, formats: Sequence[str]) -> None:
    """Add the option that chooses the output format."""
    parser.add_argument("--format", metavar="F", default="text", choices=formats, help=", ".join(formats))


def run(options: argparse.Namespace) -> int:
    """Decide, report, and return 0 (ready to merge), 1 (blocked) or 3 (could not decide)."""
    started = time() - COARSE
    files = [_report_file(value) for value in options.report]
    _check_options(options)
    share = share_of(options)
    if options.record:
        from gate.app.recording.verdict import bring_log

        bring_log(Path.cwd())
    if options.rerun:
        from gate.app.checking.cached_report import forget_reports

        forget_reports()
    if options.format != "text" and isinstance(sys.stdout, TextIOWrapper):
        # Programs read it, as they would from a file: XML says itself that it is UTF-8.
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    with shown_progress() as progress:
        answer = check(_request(options, share), progress)
    if share is not None:
        return write_share(options, answer, share)
    code = EXIT_CODES[answer.verdict.decision]
    context = _report(options, answer, files)
    if options.comment or options.webhook:
        _announce(options, answer.verdict, context)
    if options.record:
        return _record(options, answer) or code
    if not (options.fix or options.output or options.webhook or options.report or options.join):
        _cache(options, answer, context, code, started)
    return code


def _check_options(options: argparse.Namespace) -> None:
    if options.staged and options.reviews is not None:
        raise UsageError("--staged and --reviews can't be combined: a staged change has no commit to review")
    _check_fix(options)
    _check_announcing(options)
    if options.record and (options.staged or options.only):
        raise UsageError("--record needs a full run on a commit", "remove --staged and --only")
    if options.key and not (options.record or options.shard):
        raise UsageError("--key needs --record or --shard")


def _request(options: argparse.Namespace, share: Share | None) -> CheckRequest:
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
        share=share,
        parts=tuple(options.join),
    )


def _report(options: argparse.Namespace, answer: Answer, files: Sequence[tuple[str, str]]) -> ReportContext:
    """Write and print the reports that were asked for."""
    verdict = answer.verdict
    formats = {options.format, *(name for name, _ in files)}
    command = shlex.join(["gate", *_asked_again(sys.argv[1:])])
    context = context_of(verdict, command, everything=options.all)
    if options.webhook or DESCRIBED & formats:
        context = with_description(context, verdict, options.head)
    for name, path in files:
        _write(path, report(name).render(verdict, replace(context, colour=False)))
    if "github" in formats:
        _summarise(verdict, context)
    if options.output:
        _write(options.output, report(options.format).render(verdict, replace(context, colour=False)))
    if options.fix:
        from gate.cli.fix import show

        show(answer, everything=options.all, apply=options.apply)
    elif not options.output:
        sys.stdout.write(report(options.format).render(verdict, context))
        sys.stdout.flush()
    return context


def _announce(options: argparse.Namespace, verdict: Verdict, context: ReportContext) -> None:
    """Notify the pull request and the webhook; what goes wrong is a warning, and the verdict stays what it is."""
    warnings = []
    request = request_of(options.reviews)
    if options.comment and request is not None:
        from gate.app.checking.announce import comment

        warnings += comment(request, verdict, context)
    if options.webhook:
        from gate.forges.webhook import post
        from gate.reports.message import to_message

        trouble = post(os.environ[options.webhook], to_message(verdict, context))
        warnings += [f"the webhook was not notified: {trouble}"] if trouble else []
    for warning in warnings:
        print(f"gate: warning: {visible(warning)}", file=sys.stderr)


def _check_announcing(options: argparse.Namespace) -> None:
    if options.comment and options.reviews is None:
        raise UsageError("--comment needs --reviews", "name the request, as in `--reviews auto --comment`")
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


def _record(options: argparse.Namespace, answer: Answer) -> int:
    """Record the verdict, say so on standard error, and return 3 where it is not where the others can see it."""
    from gate.app.recording.verdict import Unrecorded, record_verdict
    from gate.cli.approve import exit_code, shared_lines

    recorded = record_verdict(Path.cwd(), answer, options.key, int(time()))
    if isinstance(recorded, Unrecorded):
        print(f"gate: verdict not recorded: {recorded.reason}", file=sys.stderr)
        return 0
    who = f"{visible(recorded.record.by)} ({recorded.id[:12]})"
    print(f"gate: verdict recorded by {who}", file=sys.stderr)
    for line in shared_lines(recorded):
        print(f"  {line}", file=sys.stderr)
    return exit_code(recorded)


def _report_file(value: str) -> tuple[str, str]:
    name, equals, path = value.partition("=")
    if not equals or not path or name not in REPORTS:
        raise UsageError(f"--report {value}: expected FORMAT=FILE, FORMAT being one of {', '.join(REPORTS)}")
    return name, path


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_bytes(text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def _asked_again(arguments: Sequence[str]) -> list[str]:
    """The arguments that ask the same once more, less those that only say how and where to show it."""
    words: list[str] = []
    skip = False
    for word in arguments:
        option = word.partition("=")[0]
        if not skip and option not in {"--all", "--format", "--output", "--report", "--fix", "--apply"}:
            words.append(word)
        skip = not skip and option in {"--format", "--output", "--report"} and "=" not in word
    return words


def _summarise(verdict: Verdict, context: ReportContext) -> None:
    """Add to the job summary of GitHub Actions, where there is one."""
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if target:
        from gate.reports.github import summary

        with Path(target).open("a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(summary(verdict, context))


def _cache(
    options: argparse.Namespace, answer: Answer, context: ReportContext, code: int, started: float
) -> None:
    """Let the next run of the same command print the same, if its answer can't be another one."""
    from gate.app.checking.cached_report import cache_report

    if sys.argv[1:2] != ["check"]:
        return

    def render(verdict: Verdict) -> bytes:
        text = report(options.format).render(verdict, context)
        return text.encode(sys.stdout.encoding or "utf-8", sys.stdout.errors or "strict")

    cache_report(answer, sys.argv[2:], code, render, started)
