"""`gate attest`: link a verified commit to the artifacts built from it."""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from gate.app.releases.attest import (
    Attested,
    AttestRequest,
    NotAttested,
    VerifyRequest,
    attest,
    verify_attestation,
)
from gate.approvals.attestation import Subject, parse_subject, same_names
from gate.errors import UsageError
from gate.reports.words import branch, record_checks, visible
from gate.wording import count

SUMMARY = "sign that an artifact was built from a verified commit, or verify it"
EXAMPLES = """\
  gate attest v3 --file dist/app.whl --output app.intoto.json
  gate attest v3 --subject app=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
  gate attest --verify app.intoto.json --file dist/app.whl
                                   verify the signature, signer, and artifact before deploying
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("rev", nargs="?", metavar="REV", help="the commit (default: HEAD)")
    parser.add_argument(
        "--subject",
        metavar="NAME=sha256:HEX",
        action="append",
        default=[],
        help="name and digest of an artifact; repeatable",
    )
    parser.add_argument(
        "--file", metavar="PATH", action="append", default=[], help="hash this artifact; repeatable"
    )
    parser.add_argument("--into", metavar="BRANCH", help="the protected branch (default: the default branch)")
    parser.add_argument("--key", metavar="FILE", help="the SSH key (default: user.signingkey, else your own)")
    parser.add_argument("--output", metavar="FILE", help="write the attestation to FILE (default: print it)")
    parser.add_argument("--verify", metavar="FILE", help="verify the attestation in FILE instead of signing")


def run(options: argparse.Namespace) -> int:
    """Sign or verify. Returns 0 if the commit is verified and signed, or the attestation is valid, else 1."""
    if options.verify:
        return _verify(options)
    files = (Subject(Path(name).name, _sha256(Path(name))) for name in options.file)
    subjects = tuple(dict.fromkeys([*_named(options.subject), *files]))
    if not subjects:
        raise UsageError("no artifact to attest", "name it with `--subject` or `--file`")
    if name := same_names(subjects):
        raise UsageError(f"two artifacts are named {name!r}", "name each differently with `--subject`")
    done = attest(
        AttestRequest(Path.cwd(), int(time.time()), subjects, options.rev, options.into, options.key)
    )
    if isinstance(done, NotAttested):
        # Standard output is only for the attestation.
        print("\n".join(_refused(done)), file=sys.stderr)
        return 1
    if not options.output:
        print(done.envelope.decode("utf-8"), end="")
        return 0
    Path(options.output).write_bytes(done.envelope)
    print(_signed(done, options.output))
    return 0


def _named(texts: Iterable[str]) -> Iterator[Subject]:
    for text in texts:
        try:
            yield parse_subject(text)
        except ValueError as error:
            raise UsageError(f"--subject: {error}") from error


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error


def _signed(done: Attested, where: str) -> str:
    commit = done.statement.commit
    artifacts = count(len(done.statement.subjects), "artifact")
    return f"Attested {commit.commit[:12]} on {branch(commit.branch)} for {artifacts}, by {done.by}: {where}"


def _refused(done: NotAttested) -> list[str]:
    name = visible(done.branch)
    lines = [f"Not attested: {done.commit[:12]} is not a verified merge into {name}"]
    lines += [f"  {visible(reason)}" for reason in done.reasons]
    if done.unverified:
        commit = done.unverified[0][:12]
        lines.append(f"help: `gate approve {commit} --into {name}` approves it afterward;")
        lines.append(record_checks(commit, done.branch))
    else:
        lines.append(f"help: `gate audit --into {name} --all` lists the verified merges")
    return lines


def _verify(options: argparse.Namespace) -> int:
    for name in ("key", "output"):
        if getattr(options, name):
            raise UsageError(f"--{name} can't be combined with --verify")
    # An artifact may have any file name here.
    files = (Subject("", _sha256(Path(name))) for name in options.file)
    wanted = (*_named(options.subject), *files)
    path = Path(options.verify)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    result = verify_attestation(
        VerifyRequest(Path.cwd(), int(time.time()), data, wanted, options.rev, options.into)
    )
    if result.failures or result.statement is None:
        print(f"Not verified: {visible(str(path))}")
        for failure in result.failures:
            print(f"  {visible(failure)}")
        return 1
    commit = result.statement.commit
    approved = f", approved by {', '.join(commit.approvers)}" if commit.approvers else ""
    waived = " (requirements waived)" if commit.waived else ""
    print(visible(f"Verified: {commit.commit[:12]} on {branch(commit.branch)}{approved}{waived}"))
    for subject in result.statement.subjects:
        print(f"  {visible(subject.name)}  sha256:{subject.sha256}")
    print(f"  signed by {visible(result.by)}")
    return 0
