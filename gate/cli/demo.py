"""`gate demo`: the incident, replayed."""

from __future__ import annotations

import argparse
import shlex
import sys
import textwrap
from pathlib import Path

from gate.app.demo import Kind, replay
from gate.cli.terminal import wants_colour

SUMMARY = "replay the incident on the sample shortener, in a scratch repository"
EXAMPLES = """\
  gate demo                     blocked, mended, approved, merged; nothing is left behind
  gate demo --keep /tmp/demo    keep the repository, to look around in it
"""
WIDTH = 80


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument("--keep", metavar="DIR", help="do it in DIR, which must be new or empty, and keep it")


def run(options: argparse.Namespace) -> int:
    """Print the story; 0 if it went as it should, 1 if any step did not."""
    colour = wants_colour()

    def tell(kind: Kind, text: str) -> None:
        for line in _lines(kind, text, colour=colour):
            print(line, flush=True)

    done = replay(tell, keep=None if options.keep is None else Path(options.keep), colour=colour)
    if done.surprise:
        print(f"gate: the replay did not go as it should: {done.surprise}", file=sys.stderr)
        print("  help: this is a defect in gate, or in what it found installed here", file=sys.stderr)
    else:
        tell("story", "That is all. The incident did not happen.")
    if done.kept:
        print(f"\nKept: cd {shlex.quote(str(done.kept))}")
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
