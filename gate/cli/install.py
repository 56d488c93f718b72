"""`gate install`: install the git hooks."""

from __future__ import annotations

import argparse
from pathlib import Path

from gate.app.setup.install import install, uninstall
from gate.errors import UsageError
from gate.wording import listed

SUMMARY = "install the git hooks of this clone, or of a server"
EXAMPLES = """\
  gate install                        install pre-commit, pre-merge-commit, and pre-push
  gate install --server               install pre-receive, in the bare repository that people push to
  gate uninstall                      remove gate's hooks, and restore the previous ones
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `gate install`."""
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--server", action="store_true", help="protect this bare repository, which people push to"
    )
    kind.add_argument("--uninstall", action="store_true", help="the same as `gate uninstall`")
    parser.add_argument(
        "--force", action="store_true", help="with --server: install even if the policy would lock people out"
    )


def run(options: argparse.Namespace) -> int:
    """Install or remove hooks, and list what is installed now."""
    if options.force and not options.server:
        raise UsageError("--force needs --server", "`gate install --server --force`")
    if options.uninstall:
        return remove()
    installed = install(Path.cwd(), server=options.server, force=options.force)
    print(f"Installed {listed(installed.names)} in {installed.folder}.")
    for name in installed.existing:
        print(f"  the existing {name} runs first")
    for name in installed.linked:
        print("  it was a symbolic link: if its owner restores it, gate's hook is lost. Let the hook that")
        print(f"  it points to call `gate hook {name}` instead (docs/server.md)")
    if installed.manager:
        manager, file = installed.manager
        print(f"  {manager} writes these files again when it is set up, and gate's hooks are lost then:")
        print(f"  for pre-commit, pre-merge-commit, and pre-push, add `gate hook NAME` to {file}")
    elif installed.in_tree:
        print(
            f"  {installed.folder.name} is in the working tree: don't commit these files, which name this machine's"
        )
        print("  Python. To share the hooks, call `gate hook pre-commit` and so on from hooks of your own")
    if installed.everywhere:
        print("  core.hooksPath is set for all your repositories: these hooks run in each of them;")
        print("  `git config core.hooksPath .git/hooks` first keeps them in this one")
    if options.server:
        print("Pushes to protected branches are now checked; approval records can't be deleted.")
        for sentence in installed.problems:
            print(f"Warning: {sentence}")
        return 0
    print("  pre-commit, pre-merge-commit   run the checks on the tree to be committed")
    print(
        "  pre-push                       on a push to a protected branch: run the checks, and require approvals"
    )
    if installed.shares_log:
        print("  git fetch                      now fetches the approval log too")
    print("Local hooks can be skipped with `--no-verify`. To enforce, run `gate install --server` on the")
    print("server or require `gate check` on the forge; `gate audit` verifies it afterward.")
    return 0


def remove() -> int:
    """Remove the hooks of this repository, and list those that were installed."""
    removed = uninstall(Path.cwd())
    print(f"Removed {listed(removed)}." if removed else "No gate hooks are installed here.")
    return 0
