"""`gate explain`: explain a requirement, check, rule, or term, or why there is a finding."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill

from gate.errors import UsageError
from gate.reports.words import visible_lines
from gate.topics import groups, read_more, topic, topics

SUMMARY = "explain a requirement, check, rule, or term"
EXAMPLES = """\
  gate explain                        list all topics
  gate explain owners
  gate explain wrong-json-argument
  gate explain merge result
  gate explain --tests                why the last check ran each test file, or reused an earlier pass
  gate explain --finding shop/cart.py:12
                                      why the names check reports this line, or doesn't
"""


WIDTH = 100
"""The width of a line in the list of topics."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the argument of `gate explain`."""
    parser.add_argument("topic", metavar="TOPIC", nargs="*", help="a requirement, check, rule, or term")
    parser.add_argument(
        "--tests",
        action="store_true",
        help="say why the last check ran each test file, or reused an earlier pass",
    )
    parser.add_argument(
        "--finding",
        metavar="FILE:LINE",
        help="say why the names check reports this line of the working tree, or doesn't",
    )


def run(options: argparse.Namespace) -> int:
    """Print the topic, or the list of topics."""
    name = " ".join(options.topic)
    if options.tests:
        if name:
            raise UsageError("--tests takes no topic")
        print("\n".join(_tests()))
        return 0
    if options.finding is not None:
        from gate.app.checking.trace import trace_finding

        if name:
            raise UsageError("--finding takes no topic")
        print("\n".join(visible_lines(trace_finding(options.finding, Path.cwd()))))
        return 0
    if not name:
        print("\n".join(_overview()))
        return 0
    text = topic(name)
    if text is None:
        from difflib import get_close_matches

        close = get_close_matches(name.casefold().replace(" ", "-"), topics(), 1)
        hint = f"did you mean `gate explain {close[0]}`?" if close else "`gate explain` lists all topics"
        raise UsageError(f"unknown topic {name!r}", hint)
    print(text)
    if more := read_more(name):
        print(f"\nMore: {more}")
    return 0


def _tests() -> Iterator[str]:
    """Yield the last decision about each test suite of this clone, and why."""
    from gate.git.repository import Repository
    from gate.reports.words import visible
    from gate.runner.decisions import differences, read_decided
    from gate.wording import count

    state_dir = Repository.find(Path.cwd()).state_dir
    decided = read_decided(state_dir)
    if not decided:
        yield "No tests were selected in this clone yet. `gate check` runs them."
    for item in decided:
        where = f" in {visible(item.folder)}" if item.folder else ""
        runs = sum(decision.runs for decision in item.decisions if decision.path)
        files = sum(bool(decision.path) for decision in item.decisions)
        ran = f", {runs} of {count(files, 'test file')} to run" if files else ""
        yield f"{item.check}{where}: select by {item.mode}, tree {item.tree[:12]}{ran}"
        for decision in sorted(item.decisions, key=lambda each: (bool(each.path), not each.runs, each.path)):
            name = visible(decision.path) or "the whole suite"
            yield f"  {'run' if decision.runs else 'reuse':<5}  {name}: {visible(decision.reason)}"
    for difference in differences(state_dir):
        yield f"{difference.check}: tests are not selected, since a full run contradicted recorded passes:"
        yield from (f"  {visible(test)}" for test in difference.tests)
        yield "  This is a bug in gate; please report it. `gate cache resume` selects tests again."


def _overview() -> Iterator[str]:
    """Yield every topic with its summary, grouped by heading."""
    for number, (heading, texts) in enumerate(groups().items()):
        yield f"{chr(10) if number else ''}{heading}"
        room = max(map(len, texts))
        for name, text in texts.items():
            summary = " ".join(text.split("\n\n", 1)[0].split()).split(". ")[0].rstrip(".")
            indent = " " * (room + 4)
            yield fill(summary, WIDTH, initial_indent=f"  {name:<{room}}  ", subsequent_indent=indent)
    yield "\n`gate explain TOPIC` explains one of them."
