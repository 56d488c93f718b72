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
  gate explain merge result
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the argument of `gate explain`."""
    parser.add_argument("topic", metavar="TOPIC", nargs="*", help="a word that a message of gate's names")


def run(options: argparse.Namespace) -> int:
    """Print the topic, or the list of them."""
    name = " ".join(options.topic)
    if not name:
        for each, told in topics().items():
            first = told.split("\n", 1)[0]
            print(f"{each:<20} {first if len(first) < 58 else first[:57].rstrip() + '…'}")
        return 0
    text = topic(name)
    if text is None:
        from difflib import get_close_matches

        near = get_close_matches(name.casefold().replace(" ", "-"), topics(), 1)
        hint = f"did you mean `gate explain {near[0]}`?" if near else "`gate explain` lists the topics"
        raise UsageError(f"there is no topic {name!r}", hint)
    print(text)
    return 0
