"""`gate hook NAME`: the entry point of the git hooks."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

from gate.app.checking.request import Answer
from gate.app.hooks.local import at_commit, at_push, left_out
from gate.app.ref_updates import RefUpdate, parse_pre_push, parse_pre_receive, update_of_pre_commit
from gate.app.server.moves import Received, Refusal
from gate.app.server.receive import receive
from gate.cli.push_report import lines_of
from gate.cli.terminal import shown_progress
from gate.cli.verdict_context import EXIT_CODES, context_of
from gate.git.repository import Repository
from gate.model import BRANCHES, short_name
from gate.reports import report
from gate.reports.words import visible

SUMMARY = "run a git hook (git calls this; `gate install` sets it up)"
EXAMPLES = """\
  gate hook pre-commit                check the index; approvals aren't needed yet
  gate hook pre-push origin URL       check each protected branch of a push, read from standard input
  gate hook pre-push                  the same under the pre-commit framework, which passes environment variables
  gate hook pre-receive               check each ref that a server receives, read from standard input
"""
NAMES = ("pre-commit", "pre-merge-commit", "pre-push", "pre-receive")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `gate hook`."""
    parser.add_argument("name", metavar="NAME", choices=NAMES, help=", ".join(NAMES))
    parser.add_argument("arguments", nargs="*", help="the arguments that git passes to the hook")


def run(options: argparse.Namespace) -> int:
    """Run the hook. 0 lets git continue."""
    if options.name == "pre-push":
        return _push(from_git=bool(options.arguments))
    if options.name == "pre-receive":
        return _receive()
    with shown_progress() as progress:
        answer = at_commit(Path.cwd(), os.environ.get("GIT_INDEX_FILE"), progress)
    code = EXIT_CODES[answer.verdict.decision]
    if code:
        _show(answer, "gate check --staged")
        print(
            "`gate check --staged` checks what is staged; `gate check` checks only what is committed.\n"
            "To skip this hook once, run `git commit --no-verify`. A push to a protected branch is checked again.",
            file=sys.stderr,
        )
    else:
        if answer.deferred:
            print(
                f"gate: {left_out(answer.deferred, short_name(answer.verdict.change.into))}", file=sys.stderr
            )
        for warning in answer.warnings:
            print(f"gate: warning: {visible(warning)}", file=sys.stderr)
    return code


def _receive() -> int:
    received = receive(Path.cwd(), parse_pre_receive(_standard_input()))
    for line in lines_of(received):
        print(line, file=sys.stderr)
    return 1 if received.refusals else 0


def _standard_input() -> list[str]:
    return [os.fsdecode(line) for line in sys.stdin.buffer.read().split(b"\n")]


def _push(*, from_git: bool) -> int:
    if from_git:
        updates = parse_pre_push(_standard_input())
    else:
        updates = (update_of_pre_commit(Repository.find(Path.cwd()), os.environ),)
    codes = [0]
    with shown_progress() as progress:
        answers = at_push(Path.cwd(), updates, progress)
    for update, answer in answers:
        if isinstance(answer, Refusal):
            for line in lines_of(Received((answer,))):
                print(line, file=sys.stderr)
            codes.append(1)
            continue
        code = EXIT_CODES[answer.verdict.decision]
        codes.append(code)
        if code:
            print(f"{update.source} to {update.ref or 'the default branch'}:", file=sys.stderr)
            _show(answer, _asked_again(update))
    # A definite "blocked" takes precedence over "could not decide".
    return 1 if 1 in codes else max(codes)


def _asked_again(update: RefUpdate) -> str:
    """Return the command that checks a push again."""
    words = ["gate", "check"]
    if update.ref:
        words += ["--into", update.ref.removeprefix(BRANCHES)]
    if update.source != "HEAD":
        words += ["--head", update.source.removeprefix(BRANCHES)]
    return shlex.join(words)


def _show(answer: Answer, command: str) -> None:
    """Print the answer, with `command` as the way to see it again."""
    context = context_of(answer.verdict, command, stream=sys.stderr)
    sys.stderr.write(report("text").render(answer.verdict, context))
