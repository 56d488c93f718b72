"""`gate explain`: what a requirement, check, rule or term means."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from gate.errors import UsageError
from gate.topics import groups, topic, topics

SUMMARY = "explain a requirement, check, rule or term"
EXAMPLES = """\
  gate explain                        list all topics
  gate explain owners
  gate explain wrong-json-argument
  gate explain merge result
"""


WIDTH = 100
"""Of a line in the list of topics."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the argument of `gate explain`."""
    parser.add_argument("topic", metavar="TOPIC", nargs="*", help="a requirement, check, rule or term")


def run(options: argparse.Namespace) -> int:
    """Print the topic, or the list of them."""
    name = " ".join(options.topic)
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
    return 0


def _overview() -> Iterator[str]:
    """Every topic below its heading, with its first line."""
    for number, (heading, texts) in enumerate(groups().items()):
        yield f"{chr(10) if number else ''}{heading}"
        room = max(map(len, texts))
        for name, text in texts.items():
            summary = text.split("\n", 1)[0].split(". ")[0].rstrip(".")
            space = max(WIDTH - room - 4, 20)
            shown = summary if len(summary) <= space else summary[: space - 1].rstrip() + "…"
            yield f"  {name:<{room}}  {shown}"
    yield "\n`gate explain TOPIC` shows the rest."
