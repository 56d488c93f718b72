"""`gate init`: write a first policy."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from time import time
from typing import get_args

from gate.app.setup.init import Added, add_person, write_all
from gate.app.setup.install import Installed, install
from gate.app.setup.integrations import FORGE, KINDS, MOST_SHARDS, Kind, after, files_of
from gate.app.setup.observed import FORGE_NAMES, Observed, observe
from gate.app.setup.proposal import propose
from gate.app.setup.refspec import share_log
from gate.app.setup.rules import could_require
from gate.app.setup.sharing import store_shared
from gate.app.setup.team import Answers
from gate.cli.proposal import print_proposal
from gate.errors import UsageError
from gate.git.repository import Repository
from gate.policy.files import POLICY_FILE, STORED
from gate.policy.load import load_policy
from gate.policy.types import Role
from gate.policy.value_kinds import NAME
from gate.reports.words import visible
from gate.rules import stored_here
from gate.wording import listed

SUMMARY = "write a first gate.yaml, or add a person to an existing one"
EXAMPLES = """\
  gate init                           inspect the repository, ask a few questions, and write gate.yaml
  gate init --yes                     ask nothing, and print what it assumed
  gate init --github                  also write the CI workflow; likewise --gitlab, --jenkins, --bare
  gate init --github --shards 4       with four jobs that each run one shard of the checks
  gate init --print                   print the files instead of writing them
  gate init --me @ada --approvals 2   answer two of the questions in advance
  gate init --extends                 fetch and store the shared policy that gate.yaml extends
  gate init --person @me              add yourself with your email address and SSH key
  gate init --person @new --role junior --email new@acme.example --key new.pub
  gate init --person @me --key ~/.ssh/new.pub     add another key
  gate init --person @gate-ci --role bot --records --key ci.pub   a bot that records reviews and merges in CI
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `gate init`."""
    parser.add_argument(
        "--print", "--dry-run", action="store_true", help="print the files instead of writing them"
    )
    parser.add_argument(
        "--into", metavar="BRANCH", help="the branch to protect (default: the default branch)"
    )
    parser.add_argument("--yes", "-y", action="store_true", help="ask nothing; use the default answers")
    kind = parser.add_mutually_exclusive_group()
    for name, text in (
        ("github", "also write .github/workflows/gate.yml and gate-record.yml"),
        ("gitlab", "also write .gitlab-ci.yml, or .gitlab/gate.yml to include"),
        ("jenkins", "also write a Jenkinsfile"),
        ("bare", "for a bare repository on a server: also install the git hooks in this clone"),
    ):
        kind.add_argument(f"--{name}", dest="kind", action="store_const", const=name, help=text)
    parser.add_argument(
        "--shards",
        metavar="N",
        type=int,
        help="with --github, --gitlab, or --jenkins: divide the checks among N jobs",
    )
    parser.add_argument("--me", metavar="@NAME", help="your name in CODEOWNERS")
    parser.add_argument("--approvals", metavar="N", type=int, help="how many people must approve a change")
    parser.add_argument(
        "--extends", action="store_true", help="fetch and store the shared policy that gate.yaml extends"
    )
    parser.add_argument(
        "--person", metavar="@NAME", help="add a person to gate.yaml, or a key or email address of theirs"
    )
    parser.add_argument("--role", choices=get_args(Role), help="with --person: their role (default: member)")
    parser.add_argument("--email", help="with --person: their email address (default: yours)")
    parser.add_argument(
        "--key",
        metavar="FILE",
        help="with --person: their public key (default: yours, unless --email is given)",
    )
    parser.add_argument(
        "--records",
        action="store_true",
        help="with --person: let them record reviews and merges of a forge, as a bot in CI does",
    )


def run(options: argparse.Namespace) -> int:
    """Write or print the policy, and say what to do next."""
    if options.person:
        return _person(options)
    if options.extends:
        return _extends()
    for option in ("role", "email", "key", "records"):
        if getattr(options, option):
            raise UsageError(f"--{option} needs --person", "add `--person @NAME`")
    shards = _shards(options)
    observed = observe(Path.cwd(), options.into)
    if options.kind and not options.print and (observed.top / POLICY_FILE).is_file():
        return _integration(options, observed, shards)
    answers = _answers(options, observed)
    proposal = propose(observed, answers, int(time()))
    files = {POLICY_FILE: proposal.text, **(files_of(options.kind, observed, shards) if options.kind else {})}
    if options.print:
        _print(files)
        return 0
    write_all(observed.top, files)
    shared = share_log(Repository.find(Path.cwd()))
    installed = install(Path.cwd()) if options.kind == "bare" else None
    print_proposal(observed, proposal)
    _done(observed, files, shared, installed)
    _next(observed, files, options.kind)
    return 0


def _shards(options: argparse.Namespace) -> int:
    """Return how many jobs the checks are divided among. Raises UsageError."""
    if options.shards is None:
        return 1
    if options.kind not in {"github", "gitlab", "jenkins"}:
        raise UsageError(
            "--shards needs --github, --gitlab, or --jenkins", "it divides the checks among jobs of CI"
        )
    if not 2 <= options.shards <= MOST_SHARDS:
        raise UsageError(f"--shards {options.shards}: expected a number from 2 to {MOST_SHARDS}")
    shards: int = options.shards
    return shards


def _integration(options: argparse.Namespace, observed: Observed, shards: int) -> int:
    """Write an integration's files next to an existing policy."""
    if options.me is not None or options.approvals is not None:
        raise UsageError(
            f"{POLICY_FILE} already exists, and gate doesn't overwrite it",
            f"leave out --me and --approvals, and edit {POLICY_FILE}",
        )
    files = files_of(options.kind, observed, shards)
    write_all(observed.top, files)
    shared = share_log(Repository.find(Path.cwd()))
    installed = install(Path.cwd()) if options.kind == "bare" else None
    print(f"{POLICY_FILE} already exists; left unchanged.")
    _done(observed, files, shared, installed)
    _next(observed, files, options.kind)
    return 0


def _done(observed: Observed, files: Mapping[str, str], shared: str, installed: Installed | None) -> None:
    if files:
        print(f"Wrote {listed(_from_here(observed, files))}.")
    if shared:
        print(f"`git fetch` from {visible(shared)} now fetches the approval log too.")
    if installed:
        print(f"Installed {listed(installed.names)}; `--no-verify` skips them.")


def _print(files: Mapping[str, str]) -> None:
    """Print the policy alone, or several files, each under its name."""
    for name, text in files.items():
        sys.stdout.write(text if len(files) == 1 else f"# --- {name}\n{text}\n")


def _from_here(observed: Observed, files: Iterable[str]) -> list[str]:
    """Return the files' paths relative to the current folder."""
    top = Path(os.path.relpath(observed.top, Path.cwd()))
    return [visible((top / name).as_posix()) for name in files]


def _next(observed: Observed, files: Mapping[str, str], kind: Kind | None) -> None:
    branch = visible(observed.branch)
    print("Next:")
    # The policy needs these as well, and without them the commit would be half of the set-up.
    needed = [POLICY_FILE, *([observed.owners.file] if observed.owners else [])]
    untracked = dict.fromkeys([*(name for name in needed if name not in observed.paths), *files])
    if untracked:
        add = f"git add {' '.join(_from_here(observed, untracked))}"
        print(
            f'  on {branch}: {add} && git commit -m "Protect {branch} with gate" && git push origin {branch}'
            if kind == "bare"
            else f"  {add} && git commit, then merge it into {branch} to activate it"
        )
    for line in after(kind, files) if kind else _without_integration(observed):
        print(f"  {line}")


def _without_integration(observed: Observed) -> tuple[str, ...]:
    """Return the next steps after writing only a policy: first for this clone, then for everyone."""
    install = "gate install     run the checks on each commit and push in this clone"
    if observed.forge in KINDS:
        forge = FORGE_NAMES[observed.forge]
        return (
            install,
            f"to enforce it for everyone: `gate init --{observed.forge}` writes the job for {forge}",
        )
    return (
        install,
        "to enforce it for everyone: `gate init --github`, `--gitlab` or `--jenkins` writes the CI job;",
        "on your own git server, run `gate install --server` in the bare repository",
    )


def _answers(options: argparse.Namespace, observed: Observed) -> Answers:
    """Combine the command-line options with answers to questions on a terminal."""
    if options.approvals is not None and options.approvals < 0:
        raise UsageError("--approvals must be a whole number, 0 or more")
    if options.me is not None and not NAME.fullmatch(options.me):
        raise UsageError(f"--me {options.me!r} is not a name", "write it as in CODEOWNERS, such as @someone")
    answers = Answers(me=options.me, approvals=options.approvals, forge=FORGE.get(options.kind))
    if options.yes or options.print or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return answers
    from gate.cli.questions import ask

    return ask(observed, answers)


def _extends() -> int:
    extends, policy = store_shared(Path.cwd())
    print(f"Stored {visible(extends.file)} of {visible(extends.repository)} at {extends.commit[:12]}.")
    for name in policy.branches:
        print(f"  {visible(name)} requires {', '.join(policy.protection(name).require.names) or 'nothing'}")
    print(f"Commit {listed([POLICY_FILE, *STORED])}; gate then reads the policy offline.")
    return 0


def _person(options: argparse.Namespace) -> int:
    if options.into:
        raise UsageError("--into and --person can't be combined", "run `gate init` first, then add people")
    added = add_person(
        Path.cwd(), options.person, options.role, options.email, options.key, records=options.records
    )
    if options.print:
        sys.stdout.write(added.data.decode("utf-8"))
        return 0
    added.write()
    _added(added)
    if more := could_require(
        Path.cwd(), load_policy(added.data, POLICY_FILE, stored_here(added.path.parent))
    ):
        print("  several people can approve now, so you can require review;")
        print(f"  to do so, replace these keys under `require` in {POLICY_FILE}:")
        print("\n".join(f"    {visible(line)}" for line in more))
    return 0


def _added(added: Added) -> None:
    person = added.person
    if added.known:
        more = listed([*(["a key"] if person.keys else []), *person.emails])
        print(f"Added {visible(more)} for {person.name} to {POLICY_FILE}.")
    else:
        print(f"Added {person.name} to {POLICY_FILE}.")
    print("  it applies once it is merged into the protected branch")
    if person.keys and added.known:
        print("  then sign with the new key, and remove the old one when no open branch needs its approvals")
    if not person.keys and not added.known:
        print("  without a key they can't approve with `gate approve`: add one with `--key FILE`")
    if not person.emails and not added.known and person.role != "bot":
        print("  without an email address gate can't identify their commits: add one with `--email ADDRESS`")
