"""`gate check`: can this change merge?"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from time import time

from gate.app.check import check
from gate.app.checking.request import Answer
from gate.cli.check_options import add_options, check_options, check_request, report_file
from gate.cli.reviews import request_of
from gate.cli.shards import shard_of, write_shard
from gate.cli.terminal import shown_progress
from gate.cli.verdict_context import EXIT_CODES, context_of, with_description
from gate.errors import UsageError
from gate.model import Verdict
from gate.reports import ReportContext, report
from gate.reports.words import visible

COARSE = 0.02
"""Seconds by which file timestamps may lag behind the clock."""
SUMMARY = "decide whether a change can merge into a protected branch"
EXAMPLES = """\
  gate check                          can HEAD merge into the default branch?
  gate check --staged                 check the index as it would be committed
  gate check --head feature --into release/2
  gate check --head COMMIT --base COMMIT^      would this past commit pass today's rules?
  gate check --format json            print the verdict as JSON, for scripts
  gate check --head feature --record --key ci_key      in CI: sign the verdict, so nobody has to rerun the checks
  gate check --report html=gate.html --report sarif=gate.sarif
  gate check --shard 2/4 --output part-2.json      run the second of four shards, and save its results
  gate check --join part-*.json       combine the results of all shards into a verdict
  gate check --fix                    show safe fixes as a diff
  gate check --fix --apply            apply safe fixes to your files
  gate check --head feature --reviews github:acme/shortener#12
"""


DESCRIBED = frozenset({"html", "metrics"})
"""Reports that name the branch and the pull request."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `gate check`."""
    add_options(parser)


def run(options: argparse.Namespace) -> int:
    """Decide and report. Returns 0 (ready to merge), 1 (blocked), or 3 (could not decide)."""
    started = time() - COARSE
    files = [report_file(value) for value in options.report]
    check_options(options)
    shard = shard_of(options)
    if options.record:
        from gate.app.recording.verdict import bring_log

        bring_log(Path.cwd())
    if options.rerun:
        from gate.app.checking.cached_report import forget_reports

        forget_reports()
    if options.format != "text" and isinstance(sys.stdout, TextIOWrapper):
        # Programs read this output, as they would read a file: XML declares itself as UTF-8.
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    with shown_progress() as progress, _explaining_invalid_rules(options):
        answer = check(check_request(options, shard), progress)
    if shard is not None:
        return write_shard(options, answer, shard)
    code = EXIT_CODES[answer.verdict.decision]
    context = _report(options, answer, files)
    if options.comment or options.webhook:
        _announce(options, answer.verdict, context)
    if options.record:
        return _record(options, answer) or code
    if options.format == "text" and not answer.verdict.change.files and _leaves_out_staged(options, answer):
        print("gate: staged changes are not included; `gate check --staged` checks them", file=sys.stderr)
    elif not (options.fix or options.output or options.webhook or options.report or options.join):
        _cache(options, answer, context, code, started)
    return code


def _leaves_out_staged(options: argparse.Namespace, answer: Answer) -> bool:
    """Return whether the check was about HEAD, while the index differs from it."""
    if options.staged or options.head or answer.repository.work_tree is None:
        return False
    return answer.repository.attempt("diff", "--cached", "--quiet").returncode == 1


def _report(options: argparse.Namespace, answer: Answer, files: Sequence[tuple[str, str]]) -> ReportContext:
    """Write and print the requested reports."""
    verdict = answer.verdict
    formats = {options.format, *(name for name, _ in files)}
    command = shlex.join(["gate", *_without_output_options(sys.argv[1:])])
    context = context_of(verdict, command, everything=options.all)
    if options.webhook or DESCRIBED & formats:
        context = with_description(context, verdict, options.head, request_of(options.reviews))
    for name, path in files:
        _write(path, report(name).render(verdict, replace(context, colour=False)))
    if "github" in formats:
        _summarise(verdict, context)
    if options.output:
        _write(options.output, report(options.format).render(verdict, replace(context, colour=False)))
    if options.fix:
        from gate.cli.fix import show

        show(answer, everything=options.all, apply=options.apply, staged=options.staged)
    elif not options.output:
        sys.stdout.write(report(options.format).render(verdict, context))
        sys.stdout.flush()
    return context


def _announce(options: argparse.Namespace, verdict: Verdict, context: ReportContext) -> None:
    """Notify the pull request and the webhook. A failure is a warning and doesn't change the verdict."""
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


def _explaining_invalid_rules(options: argparse.Namespace) -> AbstractContextManager[None]:
    """With `--record`, add to an error about invalid rules how the audit can pass without a verdict."""
    if not (options.record and options.base):
        return nullcontext()
    from gate.app.recording.verdict import invalid_rules_explained

    return invalid_rules_explained(options.head or "HEAD", options.into or "BRANCH")


def _record(options: argparse.Namespace, answer: Answer) -> int:
    """Record the verdict and report it on stderr. Returns 3 if others can't see it."""
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


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_bytes(text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def _without_output_options(arguments: Sequence[str]) -> list[str]:
    """Return the arguments without those that only affect how and where the verdict is displayed."""
    words: list[str] = []
    skip = False
    for word in arguments:
        option = word.partition("=")[0]
        if not skip and option not in {"--all", "--format", "--output", "--report", "--fix", "--apply"}:
            words.append(word)
        skip = not skip and option in {"--format", "--output", "--report"} and "=" not in word
    return words


def _summarise(verdict: Verdict, context: ReportContext) -> None:
    """Append to the job summary of GitHub Actions, if there is one."""
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if target:
        from gate.reports.github import summary

        with Path(target).open("a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(summary(verdict, context))


def _cache(
    options: argparse.Namespace, answer: Answer, context: ReportContext, code: int, started: float
) -> None:
    """Cache the output for the same command, if its answer can't change."""
    from gate.app.checking.cached_report import cache_report

    if sys.argv[1:2] != ["check"]:
        return

    def render(verdict: Verdict) -> bytes:
        text = report(options.format).render(verdict, context)
        return text.encode(sys.stdout.encoding or "utf-8", sys.stdout.errors or "strict")

    cache_report(answer, sys.argv[2:], code, render, started)
