"""`gate doctor`: show what gate detects, what is wrong, and how to fix it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from gate.app.setup.doctor import examine
from gate.app.setup.doctor.items import Level, Section
from gate.cli.terminal import print_wrapped, wants_colour
from gate.reports.words import visible

SUMMARY = "diagnose the setup of this repository, and say how to fix it"
EXAMPLES = """\
  gate doctor                         check the policy, owners, environments, tools, hooks, log, and caches
  gate doctor --format json           print JSON, for scripts
"""
MARKS: dict[Level, tuple[str, str]] = {
    "ok": ("32", "✓"),
    "note": ("2", "–"),
    "warning": ("33", "⚠"),
    "error": ("31", "✗"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `gate doctor`."""
    parser.add_argument("--format", metavar="F", default="text", choices=("text", "json"), help="text, json")


def run(options: argparse.Namespace) -> int:
    """Print every section. Returns 1 if something keeps gate from working."""
    sections = examine(Path.cwd())
    if options.format == "json":
        from gate.reports.verdict_json import dump

        sys.stdout.write(dump([asdict(section) for section in sections]))
    else:
        _show(sections)
    return 1 if any(section.failed for section in sections) else 0


def _painted(text: str, style: str, colored: bool) -> str:
    return f"\033[{style}m{text}\033[0m" if colored else text


def _show(sections: tuple[Section, ...]) -> None:
    colored = wants_colour()
    for section in sections:
        print(_painted(section.name, "1", colored))
        for item in section.items:
            color, mark = MARKS[item.level]
            print_wrapped(visible(item.text), f"  {_painted(mark, color, colored)} ", 0)
            if item.fix:
                print_wrapped(visible(item.fix), "      fix: ", 0)
    counts = [
        f"{number} {level}{'' if number == 1 else 's'}"
        for level in ("error", "warning")
        if (number := sum(item.level == level for section in sections for item in section.items))
    ]
    print(f"\n{', '.join(counts)}." if counts else "\nNothing is wrong.")
