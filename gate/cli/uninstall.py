"""`gate uninstall`: remove the git hooks."""

from __future__ import annotations

import argparse

from gate.cli.install import remove

SUMMARY = "remove the git hooks of this clone or server, and restore what was there"
EXAMPLES = """\
  gate uninstall                      also in a bare repository
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """There are no options."""


def run(_options: argparse.Namespace) -> int:
    """Remove them."""
    return remove()
