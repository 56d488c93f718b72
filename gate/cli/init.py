"""`gate init`: a first policy."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import get_args

from gate.app.init import first_policy, own_key, with_person, write
from gate.errors import UsageError
from gate.git.repository import Repository
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
    parser.add_argument("--print", action="store_true", help="print it instead of writing it")
    parser.add_argument("--person", metavar="@NAME", help="add this person to the policy")
    parser.add_argument("--role", choices=get_args(Role), default="member", help="with --person: their role")
    parser.add_argument("--email", help="with --person: their e-mail address (default: yours)")
    parser.add_argument("--key", metavar="FILE", help="with --person: their public key (default: yours)")


def run(options: argparse.Namespace) -> int:
    """Write or print, and say what to do next."""
    if options.person:
        return _person(options)
    first = first_policy(Path.cwd())
    if options.print:
        sys.stdout.write(first.text)
        return 0
    write(first)
    for line in first.seen:
        print(f"  {line}")
    print(f"Wrote {first.path.name}. Next:")
    print("  read it, and commit it on the protected branch: it counts from there")
    print("  gate check       what would block your branch now")
    print("  gate install     the git hooks of this clone")
    return 0


def _person(options: argparse.Namespace) -> int:
    top = Repository.find(Path.cwd()).work_tree
    if top is None:
        raise UsageError("a bare repository has no working tree with a policy in it", "run it in a clone")
    own = options.email is None and options.key is None
    email, key = own_key(Path.cwd(), options.key) if own or options.key else ("", "")
    path = top / POLICY_FILE
    text = with_person(path, options.person, options.role, options.email or email, key)
    if options.print:
        sys.stdout.write(text)
        return 0
    path.write_text(text, "utf-8")
    print(f"Added {options.person} to {POLICY_FILE}; it counts once it is on the protected branch.")
    if not key:
        print("  without a key they cannot approve: add one under `keys`")
    return 0
