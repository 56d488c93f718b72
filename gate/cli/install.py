"""`gate install`: the git hooks."""

from __future__ import annotations

import argparse
from pathlib import Path

from gate.app.install import install, uninstall

SUMMARY = "install the git hooks of this clone"
EXAMPLES = """\
  gate install                        pre-commit, pre-merge-commit and pre-push
  gate install --uninstall            take them away, put back what was there
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `gate install`."""
    parser.add_argument("--uninstall", action="store_true", help="take the hooks away again")


def run(options: argparse.Namespace) -> int:
    """Install or take away, and say what is there now."""
    if options.uninstall:
        removed = uninstall(Path.cwd())
        print(f"Took away {', '.join(removed)}." if removed else "No hook here is gate's.")
        return 0
    folder, kept = install(Path.cwd())
    print(f"Installed pre-commit, pre-merge-commit and pre-push in {folder}.")
    for name in kept:
        print(f"  the {name} that was there runs first")
    print("They are advice: whoever wants to can go past them. A required check on the server enforces,")
    print("and `gate audit` proves it afterwards.")
    return 0
