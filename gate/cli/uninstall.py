"""`gate uninstall`: remove the git hooks."""

from __future__ import annotations

import argparse

from gate.cli.install import remove

SUMMARY = "remove gate's git hooks, and restore the previous ones"
EXAMPLES = """\
  gate uninstall                      in a clone, or in a bare repository on a server
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add nothing: there are no options."""


def run(_options: argparse.Namespace) -> int:
    """Remove the hooks."""
    return remove()
