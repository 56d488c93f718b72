"""`gate explain`: what a word in a message means."""

from __future__ import annotations

import argparse

from gate.errors import UsageError
from gate.topics import topic, topics

SUMMARY = "tell what a requirement, a check or a rule is about"
EXAMPLES = """\
  gate explain                        every topic
  gate explain owners
  gate explain wrong-json-argument
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the argument of `gate explain`."""
    parser.add_argument("topic", metavar="TOPIC", nargs="?", help="a word that a message of gate's names")


def run(options: argparse.Namespace) -> int:
    """Print the topic, or the list of them."""
    if options.topic is None:
        for name, told in topics().items():
            first = told.split("\n", 1)[0]
            print(f"{name:<20} {first if len(first) < 58 else first[:57].rstrip() + '…'}")
        return 0
    text = topic(options.topic)
    if text is None:
        from difflib import get_close_matches

        near = get_close_matches(options.topic.casefold(), topics(), 1)
        hint = f"did you mean `gate explain {near[0]}`?" if near else "`gate explain` lists the topics"
        raise UsageError(f"there is no topic {options.topic!r}", hint)
    print(text)
    return 0
