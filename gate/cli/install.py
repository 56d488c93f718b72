"""`gate install`: the git hooks."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from gate.app.install import install, uninstall

SUMMARY = "install the git hooks of this clone, or of a server"
EXAMPLES = """\
  gate install                        pre-commit, pre-merge-commit and pre-push
  gate install --uninstall            take them away, put back what was there
  gate install --server               in a bare repository: pre-receive
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `gate install`."""
    parser.add_argument("--uninstall", action="store_true", help="take the hooks away again")
    parser.add_argument("--server", action="store_true", help="guard a bare repository against every push")


def run(options: argparse.Namespace) -> int:
    """Install or take away, and say what is there now."""
    if options.server:
        server = import_module("gate.app.server")
        for line in server.uninstall(Path.cwd()) if options.uninstall else server.install(Path.cwd()):
            print(line)
        return 0
    if options.uninstall:
        removed = uninstall(Path.cwd())
        print(f"Took away {', '.join(removed)}." if removed else "No hook here is gate's.")
        return 0
    folder, kept = install(Path.cwd())
    print(f"Installed pre-commit, pre-merge-commit and pre-push in {folder}.")
    for name in kept:
        print(f"  the {name} that was there runs first")
    print("They are advice: whoever wants to can go past them. A server's hook or a forge's required check")
    print("enforces, and `gate audit` proves it afterwards.")
    return 0
