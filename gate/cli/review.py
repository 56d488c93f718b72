"""`gate review`: show the diff of my files with findings, then approve, object, or skip."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gate.app.approving.approve import ApprovalPreview, ApprovalRequest, approve, preview_approval
from gate.app.approving.review import Line, diff_lines
from gate.cli.approve import exit_code, lines_after, shared_lines
from gate.cli.terminal import typed_answer, wants_colour
from gate.git.repository import Repository
from gate.model import short_name
from gate.process import show_in_pager
from gate.reports.overview import checks_text
from gate.reports.words import visible
from gate.wording import count

SUMMARY = "read the diff of your files with findings inline, then approve or object"
EXAMPLES = """\
  gate review origin/feature       review your files of a branch, in git's pager
  gate review feature --all        review every file that the branch changes
  gate review                      review HEAD

In a terminal, gate then asks whether to approve, object (to a line or to the
whole change), or skip. Otherwise it only prints the diff.
"""
STYLES = {"file": "1", "hunk": "36", "added": "32", "removed": "31", "finding": "1;35", "same": ""}
QUESTION = "[a]pprove, [o]bject, [s]kip? "


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("rev", nargs="?", metavar="REV", help="the branch or commit (default: HEAD)")
    parser.add_argument("--into", metavar="BRANCH", help="the protected branch (default: the default branch)")
    parser.add_argument("--key", metavar="FILE", help="the SSH key (default: user.signingkey, else your own)")
    parser.add_argument("--all", action="store_true", help="show every changed file, not only yours")


def run(options: argparse.Namespace) -> int:
    """Show the diff, ask for a decision on a terminal, and record it."""
    request = ApprovalRequest(
        Path.cwd(), int(time.time()), rev=options.rev, into=options.into, key=options.key
    )
    preview = preview_approval(request)
    everything = tuple(file.path for file in preview.change.files)
    paths = everything if options.all or not preview.owned else preview.owned
    _show(preview, paths)
    if preview.standing is not None:
        print(f"You have already approved this: {preview.standing.id[:12]}")
        return 0
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(f"To approve, run `{_command(options)}`; to object, add `--block --reason TEXT`")
        return 0
    match typed_answer(QUESTION).lower()[:1]:
        case "a":
            return _record(preview, "Approved")
        case "o":
            position = typed_answer("On which line? (FILE:LINE, or Enter for the whole change) ")
            reason = typed_answer("Why? What must change? ")
            text = f"{position}: {reason}" if position else reason
            objection = preview_approval(replace(request, kind="block", reason=text))
            return _record(objection, "Objected")
    print("Skipped: nothing was recorded.")
    return 0


def _command(options: argparse.Namespace) -> str:
    """Return the command that approves the displayed change."""
    words = ["gate", "approve", *([options.rev] if options.rev else [])]
    words += ["--into", options.into] if options.into else []
    return shlex.join([*words, *(["--key", options.key] if options.key else [])])


def _record(preview: ApprovalPreview, word: str) -> int:
    recorded = approve(preview)
    print(f"{word} as {recorded.record.by}: {recorded.id[:12]}")
    for line in (*shared_lines(recorded), *(lines_after(preview) if preview.kind != "block" else ())):
        print(line)
    return exit_code(recorded)


def _show(preview: ApprovalPreview, paths: tuple[str, ...]) -> None:
    change = preview.change
    total = count(len(change.files), "file")
    number = f"{len(paths)} of {total}" if len(paths) < len(change.files) else total
    yours = "yours" if preview.owned else "none owned by you"
    authors = ", ".join(author.name or author.email for author in change.authors)
    title = [
        f"{change.head[:12]} into {short_name(change.into)}: {number} ({yours})",
        f"by {authors}; {checks_text(preview.checks)}",
        "",
    ]
    lines = [Line("file", line) for line in title] + list(diff_lines(preview, paths))
    pager = _pager(preview.repository) if sys.stdout.isatty() else ""
    colour = wants_colour() and _git_colors(preview.repository, paged=bool(pager))
    _print("".join(f"{line}\n" for line in _drawn(lines, colour=colour)), pager)


def _git_colors(repository: Repository, *, paged: bool) -> bool:
    """Return whether git would color a diff on a terminal. Its pagers, delta among them, get the same colors."""
    settings: list[tuple[str, ...]] = [("--get-colorbool", "color.diff", "true")]
    settings += [("--type=bool", "--default=true", "--get", "color.pager")] if paged else []
    return all(repository.attempt("config", *words).stdout.strip() != b"false" for words in settings)


def _drawn(lines: list[Line], *, colour: bool) -> Iterator[str]:
    for line in lines:
        text = visible(line.text.replace("\t", "    "))
        text = f"    >>> {text}" if line.kind == "finding" else text
        style = STYLES[line.kind]
        yield f"\x1b[{style}m{text}\x1b[0m" if colour and style else text


def _pager(repository: Repository) -> str:
    """Return the pager that git would use for a diff, or ""."""
    # gate withholds git's variables from the git that it runs, so this one is read here.
    pagers = [os.environ.get("GIT_PAGER", "")]
    for command in (("config", "--get", "pager.diff"), ("var", "GIT_PAGER")):
        done = repository.attempt(*command)
        pagers.append(os.fsdecode(done.stdout).strip() if done.returncode == 0 else "")
    pager = next((pager for pager in pagers if pager), "")
    return "" if pager in {"cat", "false", "no"} else pager


def _print(text: str, pager: str) -> None:
    """Display the text as git does: `less` is used only if it doesn't fit on one screen."""
    environment = {"LESS": "FRX", "LV": "-c", **os.environ}
    if not (pager and show_in_pager(pager, text, environment)):
        sys.stdout.write(text)
        sys.stdout.flush()
