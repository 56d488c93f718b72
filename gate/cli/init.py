"""`gate init`: a first policy."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import get_args

from gate.app.init import add_person, first_policy, write
from gate.errors import UsageError
from gate.policy.load import POLICY_FILE
from gate.policy.types import Role

SUMMARY = "write a first gate.yaml, or add a person to the one that is there"
EXAMPLES = """\
  gate init                           look around, and write gate.yaml
  gate init --print                   show what it would write
  gate init --person @me              add yourself with your e-mail and SSH key
  gate init --person @new --role junior --email new@acme.example --key new.pub
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `gate init`."""
    parser.add_argument("--print", "--dry-run", action="store_true", help="print it instead of writing it")
    parser.add_argument(
        "--into", metavar="BRANCH", help="the branch to protect (default: the default branch)"
    )
    parser.add_argument("--person", metavar="@NAME", help="add this person to the policy")
    parser.add_argument("--role", choices=get_args(Role), help="with --person: their role (default: member)")
    parser.add_argument("--email", help="with --person: their e-mail address (default: yours)")
    parser.add_argument(
        "--key",
        metavar="FILE",
        help="with --person: their public key (default: yours, unless --email is given)",
    )


def run(options: argparse.Namespace) -> int:
    """Write or print, and say what to do next."""
    if options.person:
        return _person(options)
    for option in ("role", "email", "key"):
        if getattr(options, option) is not None:
            raise UsageError(f"--{option} is about a person", "say whose it is with `--person @NAME`")
    first = first_policy(Path.cwd(), options.into)
    if options.print:
        sys.stdout.write(first.text)
        return 0
    write(first)
    for line in first.seen:
        print(f"  {line}")
    print(f"Wrote {first.path.name}. Next:")
    print("  read it, and commit it on the protected branch: it counts from there")
    print("  gate check       what would block your branch now")
    print("  gate install     the git hooks of this clone, which are advice")
    print("  and let the server or the forge require `gate check`, which is what enforces")
    return 0


def _person(options: argparse.Namespace) -> int:
    if options.into:
        raise UsageError("--into and --person do not go together", "run `gate init` first, then add people")
    added = add_person(Path.cwd(), options.person, options.role or "member", options.email, options.key)
    if options.print:
        sys.stdout.write(added.data.decode("utf-8"))
        return 0
    added.write()
    print(f"Added {added.person.name} to {POLICY_FILE}; it counts once it is on the protected branch.")
    if not added.person.keys:
        print("  without a key they cannot approve: add one under `keys`")
    if not added.person.emails:
        print("  without an e-mail address nobody can tell which commits are theirs: add it under `emails`")
    return 0
