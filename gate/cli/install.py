"""`gate install`: the git hooks."""

from __future__ import annotations

import argparse
from pathlib import Path

from gate.app.install import install, uninstall
from gate.reports.words import listed

SUMMARY = "install the git hooks of this clone, or of a server"
EXAMPLES = """\
  gate install                        pre-commit, pre-merge-commit and pre-push
  gate install --server               pre-receive, in the bare repository that people push to
  gate install --uninstall            take them away, put back what was there
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `gate install`."""
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--server", action="store_true", help="protect the bare repository that people push to")
    kind.add_argument("--uninstall", action="store_true", help="take the hooks away again")


def run(options: argparse.Namespace) -> int:
    """Install or take away, and say what is there now."""
    if options.uninstall:
        removed = uninstall(Path.cwd())
        print(f"Took away {', '.join(removed)}." if removed else "No hook here is gate's.")
        return 0
    installed = install(Path.cwd(), server=options.server)
    print(f"Installed {listed(installed.names)} in {installed.folder}.")
    for name in installed.kept:
        print(f"  the {name} that was there runs first")
    for name in installed.linked:
        print("  it was a link: whoever made that may put it back, and gate would be gone; let the hook that")
        print(f"  it leads to call `gate hook {name}` instead (docs/server.md)")
    if installed.everywhere:
        print("  core.hooksPath is set for all your repositories: these hooks run in each of them;")
        print("  `git config core.hooksPath .git/hooks` first keeps them in this one")
    if options.server:
        print(
            "Every push is judged now: protected branches by the policy at their tips, and the log only grows."
        )
    else:
        print(
            "They are advice: whoever wants to can go past them. `gate install --server` or a required check"
        )
        print("on the server enforces, and `gate audit` proves it afterwards.")
    return 0
