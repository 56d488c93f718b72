"""`gate demo`: replay the incident."""

from __future__ import annotations

import argparse
import shlex
import sys
import textwrap
from pathlib import Path

from gate.app.demo import Kind, replay
from gate.cli.terminal import wants_colour

SUMMARY = "replay an incident on a sample project in a temporary repository"
EXAMPLES = """\
  gate demo                     watch a change get blocked, fixed, approved, and merged; then clean up
  gate demo --keep /tmp/demo    keep the repository to explore it
"""
WIDTH = 80


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument("--keep", metavar="DIR", help="run in DIR (new or empty) and keep it")


def run(options: argparse.Namespace) -> int:
    """Print the story. Returns 0 if every step went as expected, else 1."""
    colour = wants_colour()

    def show(kind: Kind, text: str) -> None:
        for line in _lines(kind, text, colour=colour):
            print(line, flush=True)

    done = replay(show, keep=None if options.keep is None else Path(options.keep), colour=colour)
    if done.surprise:
        print(f"gate: the demo failed: {done.surprise}", file=sys.stderr)
        print("  help: please report this as a bug in gate", file=sys.stderr)
    else:
        show("story", "Done. The incident did not happen.")
    if done.repository:
        print(f"\nTo explore it: cd {shlex.quote(str(done.repository))}")
    return 1 if done.surprise else 0


def _lines(kind: Kind, text: str, *, colour: bool) -> list[str]:
    match kind:
        case "story":
            return ["", *(_painted(f"# {line}", "2", colour) for line in textwrap.wrap(text, WIDTH - 2))]
        case "command":
            return [_painted(f"$ {text}", "1", colour)]
        case "output":
            return text.rstrip("\n").split("\n") if text else []


def _painted(line: str, style: str, colour: bool) -> str:
    return f"\x1b[{style}m{line}\x1b[0m" if colour else line
