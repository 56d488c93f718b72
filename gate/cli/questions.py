"""The questions of `gate init` on a terminal: only what the repository doesn't show, each with a default."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from time import time
from typing import TypeVar

from gate.app.setup.observed import FORGE_NAMES, Observed
from gate.app.setup.proposal import approvers, propose
from gate.app.setup.team import Answers, account_unknown, candidates
from gate.cli.terminal import print_wrapped
from gate.errors import UsageError
from gate.policy.people import FORGES
from gate.policy.value_kinds import NAME
from gate.reports.words import visible
from gate.wording import number_in

T = TypeVar("T")


def ask(observed: Observed, answers: Answers) -> Answers:
    """Ask for the missing answers. An empty line accepts the default."""
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
    """Return the typed line, or the default if it is empty. Raises UsageError at the end of input."""
    print_wrapped(f"{visible(text)} [{visible(default)}]", end=" ")
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        print()
        raise UsageError(
            "the input ended before all questions were answered", "`gate init --yes` asks nothing"
        )
    return line.strip() or default


def _until_valid(text: str, default: str, parse: Callable[[str], T | None], expected: str) -> T:
    """Ask until `parse` returns a value."""
    while (value := parse(_question(text, default))) is None:
        print_wrapped(f"expected {visible(expected)}", "  ")
    return value


def _me(owners: tuple[str, ...]) -> str | None:
    by_folded_name = {owner.casefold(): owner for owner in owners}

    def parse(text: str) -> str | None:
        if text.casefold() == "none":
            return ""
        if 0 < (number_in(text) or 0) <= len(owners):
            return owners[int(text) - 1]
        # A person who isn't listed enters a new name with an at sign. Without one, it is a typo.
        listed = by_folded_name.get(f"@{text.removeprefix('@')}".casefold())
        return listed or (text if NAME.fullmatch(text) else None)

    print_wrapped("Which of the owners in CODEOWNERS are you?")
    for number, owner in enumerate(owners, 1):
        print(f"  {number}  {visible(owner)}")
    text = "A number or a name, or nothing if you are not listed"
    return (
        _until_valid(
            text, "none", parse, f"a number from 1 to {len(owners)}, a name such as @someone, or none"
        )
        or None
    )


def _account(forge: str) -> str | None:
    def parse(text: str) -> str | None:
        name = f"@{text.removeprefix('@')}"
        return "" if text.casefold() == "none" else name if NAME.fullmatch(name) else None

    text = f"Your {FORGE_NAMES[forge]} account, so that your reviews count"
    return _until_valid(text, "none", parse, "the name of an account, such as someone, or none") or None


def _forge() -> str:
    def parse(text: str) -> str | None:
        word = text.casefold()
        return "" if word == "none" else word if word in FORGES else None

    choices = ", ".join(FORGES)
    return _until_valid(
        f"Where are changes reviewed: {choices} or none?", "none", parse, f"one of {choices}, none"
    )


def _approvals(most: int) -> int:
    return _until_valid(
        f"How many people besides the author must approve a change (0 to {most})?",
        "1",
        lambda text: number if (number := number_in(text)) is not None and number <= most else None,
        f"a whole number from 0 to {most}: nobody can approve their own change",
    )


def _guardians(able: list[str]) -> tuple[str, ...]:
    by_folded_name = {name.casefold(): name for name in able}

    def parse(text: str) -> tuple[str, ...] | None:
        words = dict.fromkeys(
            f"@{word.removeprefix('@')}".casefold() for word in text.replace(",", " ").split()
        )
        names = tuple(by_folded_name[word] for word in words if word in by_folded_name)
        return names if len(names) == len(words) > 1 else None

    text = "Guardians: who may approve changes to the policy and waive it (two or more)?"
    return _until_valid(text, ", ".join(able), parse, f"at least two of {', '.join(able)}")
