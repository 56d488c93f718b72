"""Compose the text of a first policy, with a comment at each decision. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

from gate.app.setup.observed import Observed
from gate.app.setup.team import Team
from gate.policy.adding import entry_of, quoted
from gate.project import SCHEMA


@dataclass(frozen=True, slots=True)
class Rules:
    """The requirements of a first policy.

    `owners` is `author` if authors count as approvers of the files they own. With `others_need_senior`, changes by
    anyone who isn't a senior need a senior's approval.
    """

    owners: Literal["", "others", "author"]
    approvals: int
    others_need_senior: bool
    guarded: tuple[str, ...]


def policy_text(observed: Observed, team: Team, rules: Rules) -> str:
    """Return the content of gate.yaml."""
    return f"""\
# yaml-language-server: $schema={SCHEMA}
# gate's policy: what a change needs before it can be merged into a protected branch.
# gate reads it from that branch, never from the change. `gate explain` lists the topics.
version: 1

# Binds approvals to this repository, so that they can't be replayed in another one.
{f"repository: {_plain(observed.repository)}" if observed.repository else "# repository: acme/shortener"}

protect:
  {_plain(observed.branch)}:
    require:
{_owners(observed, rules)}
{_approvals(rules)}
{_seniority(rules)}
{_guarded(rules)}
      checks: [names, lint, types, tests]

# People, by their names in CODEOWNERS. `gate approve` signs with one of their keys.
{_people(team)}

{_teams(observed, team)}

# Every check has a default. Change one here, or add a command of your own.
# checks:
#   tests: {{tool: pytest, timeout: 10m}}
#   docs: {{command: ["sphinx-build", "-W", "docs", "{{scratch}}"]}}{_offered(observed)}
"""


def _offered(observed: Observed) -> str:
    """Return commented lines for further checks that fit the project's tools."""
    tools = {"pre-commit": "hooks"} if observed.pre_commit else {}
    tools |= {tool: tool for tool in ("nox", "tox") if tool in observed.tools}
    lines = [
        f"#   {name}: {{tool: {tool}}}  # list it under `checks` above as well"
        for tool, name in tools.items()
    ]
    taken = {*tools.values(), "names", "lint", "types", "tests"}
    for own in observed.commands:
        name = own.name if own.name not in taken else f"{own.name}-{own.command[0]}"
        if name not in taken:
            taken.add(name)
            lines.append(f"#   {name}: {{command: {json.dumps(list(own.command))}}}  # from {own.source}")
    return "".join(f"\n{line}" for line in lines)


def _owners(observed: Observed, rules: Rules) -> str:
    file = observed.owners.file if observed.owners else ""
    if not file:
        return """\
      # If there is a CODEOWNERS file, an owner of every changed file must approve. `true` requires the file:
      # owners: true"""
    if rules.owners == "author":
        return f"""\
      # An owner of every changed file must approve, as {file} says.
      # `author: true`: authors count as approvers of the files they own. Without it, an author could never
      # merge a change to a file that nobody else owns.
      owners: {{stale: change, author: true}}"""
    if rules.owners:
        return f"""\
      # An owner of every changed file must approve, as {file} says.
      # `stale`: what makes an approval stale: a different change (change), a change to the owner's own
      # files (owned), or any new commit (head).
      owners: {{stale: change}}"""
    return f"""\
      # `owners: true`: an owner of every changed file must approve, as {file} says. It needs owners who are
      # listed in `people` or `teams`, two for each file, because nobody can approve their own change.
      owners: false"""


def _approvals(rules: Rules) -> str:
    return f"""\
      # How many people must approve a change, besides its authors.
      approvals: {rules.approvals}"""


def _seniority(rules: Rules) -> str:
    if rules.others_need_senior:
        return """\
      # Changes by anyone who isn't a senior need approval from a senior; a senior's own changes don't.
      # gate identifies authors by the email addresses in commits, which anyone can set. `approvals: 1` also
      # requires a second person for a senior's changes. It needs two people who can approve.
      seniority: {authors: [junior, member, unknown], need: senior}"""
    return """\
      # A junior's change needs the senior assigned to them, or any senior:
      # seniority: {authors: [junior, unknown], need: senior}"""


def _guarded(rules: Rules) -> str:
    text = """\
      # Guardians (policy administrators) approve changes to the policy and changes that weaken checks,
      # and can waive requirements in an emergency. Name at least two: nobody can approve their own change."""
    if rules.guarded:
        return f"{text}\n      guarded: [{', '.join(map(quoted, rules.guarded))}]"
    return f'{text}\n      # guarded: ["@acme/guardians"]'


def _people(team: Team) -> str:
    lines = [entry_of(person) for person in team.people]
    lines += [f"# {entry_of(person)}{f'  # {why}' if why else ''}" for person, why in team.suggested]
    return "\n".join([f"people:{'' if team.people else ' {}'}", *(f"  {line}" for line in lines)])


def _teams(observed: Observed, team: Team) -> str:
    member = quoted(team.me or "@someone")
    names = team.teams or (f"@{observed.repository.partition('/')[0] or 'acme'}/guardians",)
    return "\n".join(["# teams:", *(f"#   {quoted(name)}: [{member}]" for name in names)])


def _plain(name: str) -> str:
    """Return a name as a YAML scalar, without quotes if possible."""
    return name if re.fullmatch(r"[A-Za-z][\w./-]*", name) else quoted(name)
