"""`gate approve`: sign and record an approval, an objection, or a waiver for exactly this change."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gate.app.approving.approve import (
    ApprovalPreview,
    ApprovalRequest,
    approve,
    preview_approval,
    verdict_after,
)
from gate.app.approving.outdated import Outdated, diff_between
from gate.app.recording.signing import StoredRecord
from gate.app.setup.observed import FORGE_NAMES
from gate.cli.terminal import typed_answer
from gate.git.history import origin_of
from gate.model import CheckResult, Skipped, short_name
from gate.policy.people import forge_of
from gate.reports.overview import checks_text
from gate.reports.words import decision_words, one_line, pass_headline, reasons, visible, visible_path
from gate.requirements.review_requests import lines_of
from gate.wording import capitalized, count

SUMMARY = "sign and record an approval of exactly this change"
EXAMPLES = """\
  gate approve feature             approve merging `feature` into the default branch
  gate approve --into release/2    approve merging HEAD into release/2
  gate approve feature --block --reason "drops the index"
                                   object: `feature` can't merge until you revoke the objection
  gate approve feature --waive --reason "outage 4711"
                                   emergency override: only guardians can, and it is recorded
  gate approve feature --key ~/.ssh/id_ed25519
"""
SHOWN = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("rev", nargs="?", metavar="REV", help="the branch or commit (default: HEAD)")
    parser.add_argument("--into", metavar="BRANCH", help="the protected branch (default: the default branch)")
    parser.add_argument("--key", metavar="FILE", help="the SSH key (default: user.signingkey, else your own)")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--block", action="store_true", help="object instead of approving")
    kind.add_argument(
        "--waive", action="store_true", help="bypass all requirements (guardians only; needs --reason)"
    )
    parser.add_argument("--reason", metavar="TEXT", default="", help="the reason to record")
    parser.add_argument("--diff", action="store_true", help="show the diff of the change first")
    parser.add_argument(
        "--yes", action="store_true", help="don't ask for confirmation (the default without a terminal)"
    )


def run(options: argparse.Namespace) -> int:
    """Show what will be signed, ask for confirmation on a terminal, then sign, record, and share."""
    request = ApprovalRequest(
        Path.cwd(),
        int(time.time()),
        rev=options.rev,
        into=options.into,
        kind="block" if options.block else "waive" if options.waive else "approve",
        key=options.key,
        reason=options.reason,
    )
    preview = preview_approval(request)
    if options.diff:
        sys.stdout.write(_difference(preview))
    if preview.outdated is not None:
        print("\n".join(_warning(preview.outdated)), file=sys.stderr)
    if preview.standing is None:
        print("\n".join(_shown(preview)))
        if not options.yes and sys.stdin.isatty():
            if not _agreed(preview):
                print("Nothing was recorded.")
                return 1
            if preview.kind == "block" and not preview.reason.strip():
                preview = replace(preview, reason=typed_answer("Why? What must change? "))
    recorded = approve(preview)
    print("\n".join(_result(preview, recorded)))
    if preview.kind != "block":
        for line in lines_after(preview):
            print(line)
    return exit_code(recorded)


def _shown(preview: ApprovalPreview) -> list[str]:
    change, branch = preview.change, short_name(preview.change.into)
    lines = [f"{change.head[:12]} into {visible(branch)}: {count(len(change.files), 'file')} changed"]
    owned = set(preview.owned)
    letters = {"added": "A", "modified": "M", "deleted": "D"}
    for file in sorted(change.files, key=lambda file: (file.path not in owned, file.path))[:SHOWN]:
        yours = "  (yours)" if file.path in owned else ""
        lines.append(f"  {letters[file.status]} {visible_path(file.path)}{yours}")
    if len(change.files) > SHOWN:
        lines.append(
            f"  … and {len(change.files) - SHOWN} more: `git diff {change.base[:12]}...{change.head[:12]}`"
        )
    lines.append("by " + ", ".join(visible(f"{author.name} <{author.email}>") for author in change.authors))
    for approval in preview.evidence.approvals:
        kinds = {"approve": "approval", "block": "objection", "waive": "waiver"}
        mark = "valid" if approval.counted else "not counted"
        why = f": {one_line(approval.why)}" if approval.why else ""
        lines.append(f"existing: {kinds[approval.kind]} by {visible(approval.by)} ({mark}){why}")
    lines.append(f"checks: {_checks(preview.checks, preview.verdicts)}")
    if preview.kind == "approve":
        person = preview.signer.person.name
        lines.append(
            f"Approving as {person} (code owner of {len(owned)} of {count(len(change.files), 'file')})"
            if owned
            else f"Approving as {person} (not a code owner of these files)"
        )
    return lines


def _warning(outdated: Outdated) -> list[str]:
    """Return a warning about a branch that was pushed to since."""
    local, remote = visible(outdated.name), visible(outdated.remote)
    ahead = f" and {count(outdated.ahead, 'commit')} ahead of it" if outdated.ahead else ""
    return [
        f"warning: your local branch {local} is {count(outdated.behind, 'commit')} behind {remote}{ahead}",
        f"  You would approve {outdated.local_oid[:12]}, and {remote} is at {outdated.remote_oid[:12]}.",
        f"  To approve what was pushed: `gate approve {remote}`. What differs: `git diff {local} {remote}`",
    ]


def _difference(preview: ApprovalPreview) -> str:
    """Return the diff of the change and of what was pushed since, without terminal control sequences."""
    change, outdated = preview.change, preview.outdated
    text = diff_between(preview.repository, change.base_tree, change.tree)
    if outdated is not None:
        since = diff_between(preview.repository, outdated.local_oid, outdated.remote_oid)
        text += f"\nPushed to {outdated.remote} since, and not part of this approval:\n{since}"
    return "".join(visible(line) + "\n" for line in text.split("\n"))


def _checks(results: Sequence[CheckResult], verdicts: Sequence[str]) -> str:
    if results and all(isinstance(result, Skipped) for result in results):
        if verdicts:
            return f"no verdict by {visible(' or '.join(verdicts))} yet; `gate merge` needs one"
        return "not run in this clone yet; `gate merge` runs them"
    return checks_text(results) if results else "none required"


def _agreed(preview: ApprovalPreview) -> bool:
    words = {"approve": "Approve this", "block": "Object to this", "waive": "WAIVE all requirements for this"}
    while True:
        answer = typed_answer(f"{words[preview.kind]}? [y/N] (d shows the diff) ").lower()
        if answer not in {"d", "diff"}:
            return answer in {"y", "yes"}
        sys.stdout.write(_difference(preview))


def _result(preview: ApprovalPreview, recorded: StoredRecord) -> list[str]:
    words = {"approve": "Approved", "block": "Objected", "waive": "WAIVED"}
    done = words[preview.kind]
    if preview.standing is not None:
        done = f"Already {done.lower()}"
    branch = short_name(preview.change.into)
    lines = [
        f"{done} by {recorded.record.by}: {recorded.id[:12]} ({preview.change.head[:12]} into {visible(branch)})"
    ]
    if recorded.record.kind == "block" and not recorded.record.reason.strip():
        lines.append(
            "No reason was given. Add one, so that the author knows what to change: `--block --reason TEXT`."
        )
    return lines + shared_lines(recorded)


def lines_after(preview: ApprovalPreview) -> list[str]:
    """Describe what the change still needs after an approval or a waiver."""
    verdict = verdict_after(preview)
    if verdict is None:
        return []
    if verdict.reviewers:
        forge = forge_of(origin_of(preview.repository))
        unseen = f", apart from reviews on {FORGE_NAMES[forge]}" if forge else ""
        return [
            f"Approval is still needed{unseen}:",
            *(f"  {visible(line)}" for line in lines_of(verdict.reviewers)),
        ]
    if verdict.decision == "pass":
        return [f"{pass_headline(verdict)}."]
    if all(item.id == "checks" for item in verdict.outcomes if item.blocks):
        known = any(not isinstance(result, Skipped) for result in verdict.checks)
        text = checks_text(verdict.checks)
        return [f"No more approvals are needed. {f'Checks: {text}' if known else capitalized(text)}."]
    return [f"{decision_words(verdict)}: {reasons(verdict)}."]


def exit_code(recorded: StoredRecord) -> int:
    """Return 0 if others can see the record, or 3 if it is only local although it should be on the remote."""
    return 3 if recorded.unshared else 0


def shared_lines(recorded: StoredRecord) -> list[str]:
    """Describe where the record is now."""
    if recorded.shared:
        return [f"Pushed to {visible(recorded.shared)}."]
    return unshared_lines(recorded.unshared)


def unshared_lines(reason: str) -> list[str]:
    """Describe why a record is only local, and what to do. Empty if it isn't."""
    if not reason:
        return []
    return [
        f"Recorded locally, but not pushed: {visible(reason)}",
        "Run the same command again to push it.",
    ]
