"""The `names` check as a program: read a Python tree, and print the misspelled names in it as JSON."""

from __future__ import annotations

import argparse
import gc
import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from gate.finding import Finding
from gate.names.analysis import Analysis
from gate.names.rules import current_ids


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the findings. Returns 0 if the tree could be read, whatever was found."""
    parser = argparse.ArgumentParser(prog="python -m gate.names", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the tree to read")
    parser.add_argument("--python", help="the project's interpreter")
    parser.add_argument("--cache", type=Path, help="a folder to keep word lists in")
    parser.add_argument("--disable", action="append", default=[], help="a rule to leave out")
    parser.add_argument("--format", default="json", choices=("json", "text"))
    parser.add_argument(
        "--trace", metavar="FILE:LINE", help="say why there is a finding on this line, or none"
    )
    options = parser.parse_args(arguments)
    disabled: set[str] = set()
    if options.disable:
        for rule in options.disable:
            if not current_ids(rule):
                parser.error(f"there is no rule {rule!r}")
            disabled.update(current_ids(rule))
    sys.setrecursionlimit(5000)
    # Everything that is read lives until the end, so garbage collection would only rescan it.
    gc.disable()
    warnings.simplefilter("ignore")
    root = options.root.resolve()
    if options.trace is not None:
        return _trace(parser, options)
    count, findings = check(root, options.python, options.cache)
    enabled = [finding for finding in findings if finding.rule not in disabled]
    if options.format == "text":
        for finding in enabled:
            hint = f" ({finding.hint})" if finding.hint else ""
            print(f"{finding.path}:{finding.line}:{finding.column}: {finding.rule}: {finding.message}{hint}")
        return 0
    items = [asdict(finding) for finding in enabled]
    print(json.dumps({"version": 1, "files": count, "findings": items}))
    return 0


def _trace(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    # Loaded only on demand.
    from gate.names.trace import trace

    path, _, line = options.trace.rpartition(":")
    if not path or not line.isdecimal():
        parser.error(f"--trace: expected FILE:LINE, not {options.trace!r}")
    if not (options.root / path).is_file():
        parser.error(f"--trace: {path} not found below {options.root}")
    print("\n".join(trace(Analysis(options.root.resolve(), options.python, options.cache), path, int(line))))
    return 0


def check(root: Path, python: str | None, cache: Path | None) -> tuple[int, list[Finding]]:
    """Return the number of Python files below `root`, and the findings in all files."""
    analysis = Analysis(root, python, cache)
    findings = analysis.findings()
    return len(analysis.project.files), findings
