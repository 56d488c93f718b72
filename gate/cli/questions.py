"""The questions of `gate init` on a terminal: only what a repository does not show, each with a default."""

from __future__ import annotations

import sys
from dataclasses import replace
from time import time

from gate.app.setup.observed import FORGE_NAMES, Observed
from gate.app.setup.proposal import approvers, propose
from gate.app.setup.team import Answers, account_unknown, candidates
from gate.policy.people import FORGES
from gate.reports.words import visible


def ask(observed: Observed, answers: Answers) -> Answers:
    """The answers, completed by the person at the terminal; an empty line takes the default."""
    owners = candidates(observed)
    if answers.me is None and owners:
        answers = replace(answers, me=_me(owners))
    if answers.forge is None and not observed.forge and observed.repository:
        answers = replace(answers, forge=_forge())
    forge = observed.forge if answers.forge is None else answers.forge
    if answers.me is None and account_unknown(observed, forge):
        answers = replace(answers, me=_account(forge))
    proposal = propose(observed, answers, int(time()))
    able = [person.name for person in approvers(proposal.team, proposal.forge)]
    if len(able) > 1 and answers.approvals is None:
        answers = replace(answers, approvals=_approvals(len(able) - 1))
    if len(able) > 2 and answers.approvals:
        answers = replace(answers, guardians=_guardians(able))
    return answers


def _question(text: str, default: str) -> str:
    sys.stdout.write(f"{visible(text)} [{visible(default)}] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip() or default


def _me(owners: tuple[str, ...]) -> str | None:
    print("Which of the owners in CODEOWNERS are you?")
    for number, owner in enumerate(owners, 1):
        print(f"  {number}  {visible(owner)}")
    text = _question("A number or a name, or nothing if you are not listed", "none")
    if text.isdecimal() and 0 < int(text) <= len(owners):
        return owners[int(text) - 1]
    return text if text.startswith("@") else None


def _account(forge: str) -> str | None:
    text = _question(f"Your {FORGE_NAMES[forge]} account, so that your reviews count", "none")
    return None if text == "none" else f"@{text.removeprefix('@')}"


def _forge() -> str:
    while (text := _question(f"Where are changes reviewed: {', '.join(FORGES)} or none?", "none")) != "none":
        if text in FORGES:
            return text
        print(f"  expected one of {', '.join(FORGES)}, none")
    return ""


def _approvals(most: int) -> int:
    while True:
        text = _question(f"How many people besides the author must approve a change (0 to {most})?", "1")
        if text.isdecimal() and int(text) <= most:
            return int(text)
        print(f"  expected a whole number from 0 to {most}: nobody can approve their own change")


def _guardians(able: list[str]) -> tuple[str, ...]:
    by_folded_name = {name.casefold(): name for name in able}
    while True:
        text = _question(
            "Guardians: who may approve changes to the policy and waive it (two or more)?", ", ".join(able)
        )
        names = [word if word.startswith("@") else f"@{word}" for word in text.replace(",", " ").split()]
        if len(names) > 1 and all(name.casefold() in by_folded_name for name in names):
            return tuple(dict.fromkeys(by_folded_name[name.casefold()] for name in names))
        print(f"  expected at least two of {', '.join(able)}")
