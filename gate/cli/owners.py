"""`gate owners`: who owns what, and which line says so."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from gate.app.owners import Lint, Owned, lint, owners_of, owners_of_change
from gate.errors import UsageError
from gate.reports.words import visible_path

SUMMARY = "say who owns which file, and find mistakes in CODEOWNERS"
EXAMPLES = """\
  gate owners                         every file of HEAD
  gate owners app.py web              two paths
  gate owners --change                what your branch touches, by the base's rules
  gate owners --lint                  mistakes in the working tree's CODEOWNERS
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `gate owners`."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="files to ask about (default: all of HEAD)")
    parser.add_argument("--change", action="store_true", help="the files that a change touches")
    parser.add_argument("--into", metavar="BRANCH", help="with --change: the protected branch")
    parser.add_argument("--head", metavar="REV", help="the commit to look at (default: HEAD)")
    parser.add_argument(
        "--lint", action="store_true", help="check the file itself; exit 2 if it has mistakes"
    )
    parser.add_argument("--format", default="text", choices=("text", "json"), help="text, json")


def run(options: argparse.Namespace) -> int:
    """Print the answer; 0, or 2 where CODEOWNERS has mistakes."""
    if options.lint:
        if options.paths or options.change:
            raise UsageError("--lint looks at the whole file; leave out paths and --change")
        return _lint(lint(Path.cwd()), options.format)
    if options.change:
        if options.paths:
            raise UsageError("--change names the files itself; leave out the paths")
        owned = owners_of_change(Path.cwd(), options.into, options.head)
    else:
        if options.into:
            raise UsageError("--into goes with --change")
        owned = owners_of(Path.cwd(), options.paths, options.head or "HEAD")
    sys.stdout.write(_json(owned) if options.format == "json" else _text(owned))
    return 0


def _json(owned: Owned) -> str:
    items = [
        {
            "path": path,
            "rules": [
                {
                    "section": rule.section,
                    "rule": rule.place,
                    "owners": list(rule.owners),
                    "required": rule.required,
                    "optional": rule.optional,
                }
                for rule in rules
            ],
        }
        for path, rules in owned.paths.items()
    ]
    return json.dumps(items, indent=1) + "\n"


def _text(owned: Owned) -> str:
    if not owned.file:
        return "There is no CODEOWNERS file, so nobody owns anything.\n"
    shown = {path: visible_path(path) for path in owned.paths}
    width = min(max(map(len, shown.values()), default=0), 48)
    lines = []
    for path, rules in owned.paths.items():
        if not rules:
            lines.append(f"{shown[path]:<{width}}  no rule")
        for number, rule in enumerate(rules):
            name = shown[path] if not number else ""
            section = f"[{rule.section}] " if rule.section else ""
            count = f" ({rule.required} of them)" if rule.required > 1 else ""
            optional = " (optional)" if rule.optional else ""
            who = " ".join(rule.owners) if rule.owners else "nobody: the rule takes it away"
            lines.append(f"{name:<{width}}  {section}{who}{count}{optional}  {rule.place}")
    return "".join(f"{line}\n" for line in lines)


def _lint(found: Lint, form: str) -> int:
    if form == "json":
        items = [
            {
                "file": item.file,
                "line": item.line,
                "column": item.column,
                "severity": severity,
                "message": item.message,
            }
            for severity, group in (("error", found.mistakes), ("warning", found.warnings))
            for item in group
        ]
        sys.stdout.write(json.dumps(items, indent=1) + "\n")
    else:
        for mistake in found.mistakes:
            print(mistake)
        for warning in found.warnings:
            place, _, message = str(warning).partition(": ")
            print(f"{place}: warning: {message}")
        if not found.mistakes:
            print(f"{found.file}: {found.rules} rules, no mistakes")
    return 2 if found.mistakes else 0
