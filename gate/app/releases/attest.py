"""Attest that a commit of a protected branch was verified, for artifacts built from it, and verify attestations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gate.app.audit.audit import Audit, audit
from gate.app.audit.span import ends_of
from gate.app.checking.current_people import with_listed_people
from gate.app.recording.signing import find_signer
from gate.approvals.attestation import (
    NAMESPACE,
    Statement,
    Subject,
    VerifiedCommit,
    envelope_bytes,
    parse_envelope,
    parse_statement,
    pre_authentication_encoding,
    statement_bytes,
)
from gate.approvals.keys import holders
from gate.approvals.sshsig import signing_key
from gate.errors import CannotDecide, UsageError
from gate.git.objects import tree_of
from gate.git.repository import Repository
from gate.git.revisions import commit_named, default_branch
from gate.model import BRANCHES
from gate.policy.keys import PublicKey, fingerprint
from gate.policy.people import members
from gate.policy.types import Policy
from gate.rules import ProtectedBranches, policy_at
from gate.ssh import Claim, sign, verify

SHOWN = 5
"""The maximum number of unverified earlier merges to list."""


@dataclass(frozen=True, slots=True)
class AttestRequest:
    """Attest that `rev` (HEAD) was verified on `into` (the default branch), for the artifacts `subjects`."""

    start: Path
    now: int
    subjects: tuple[Subject, ...]
    rev: str | None = None
    into: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Attested:
    """The signed envelope, its statement, and its signer."""

    envelope: bytes
    statement: Statement
    by: str


@dataclass(frozen=True, slots=True)
class NotAttested:
    """The result if the audit of `branch` doesn't verify `commit`: nothing is signed.

    `unverified` are the merges to fix.
    """

    commit: str
    branch: str
    reasons: tuple[str, ...]
    unverified: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """Verify the attestation `data`, for the protected branch `into` (the default branch).

    It must be about each of `subjects`, of which an empty name matches any, and about the commit `rev`, if given.
    """

    start: Path
    now: int
    data: bytes
    subjects: tuple[Subject, ...] = ()
    rev: str | None = None
    into: str | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """The attestation's statement, as far as it could be read, its signer, and everything that is wrong with it."""

    failures: tuple[str, ...]
    statement: Statement | None = None
    by: str = ""


def attest(request: AttestRequest) -> Attested | NotAttested:
    """Sign if an audit verifies the commit and every merge before it. Raises UsageError or CannotDecide."""
    repository = Repository.find(request.start)
    commit = commit_named(repository, request.rev or "HEAD")
    branch, policy = _rules(repository, request.into)
    signer = find_signer(repository, policy, request.key, request.now, branch)
    key = holders(policy)[signer.key.public.blob].key
    if reason := _cannot_sign(policy, branch, signer.person.name, key):
        raise UsageError(reason, "sign with the key of another person or bot: `--key FILE`")
    result = audit(request.start, into=branch)
    refused = _refusal(repository, result, commit)
    if refused is not None:
        return refused
    step = next(step for step in result.steps if step.commit == commit)
    verified = VerifiedCommit(
        repository=policy.repository,
        branch=f"{BRANCHES}{branch}",
        commit=commit,
        tree=tree_of(repository, commit),
        change=step.change,
        policy=step.base,
        approvers=step.approvers,
        waived=step.waived,
    )
    statement = Statement(request.subjects, verified)
    payload = statement_bytes(statement)
    signature = sign(pre_authentication_encoding(payload), signer.key, NAMESPACE)
    envelope = envelope_bytes(payload, signer.key.public.fingerprint, signature)
    return Attested(envelope, statement, signer.person.name)


def verify_attestation(request: VerifyRequest) -> Verification:
    """Verify signature, signer, and subjects by the policy of the protected branch, as currently known here."""
    repository = Repository.find(request.start)
    branch, policy = _rules(repository, request.into)
    try:
        envelope = parse_envelope(request.data)
        statement = parse_statement(envelope.payload)
    except ValueError as error:
        return Verification((f"not an attestation of a verified commit: {error}",))
    by, failures = _signer(policy, branch, envelope.payload, envelope.signatures, request.now)
    predicate = statement.commit
    if (predicate.repository, predicate.branch) != (policy.repository, f"{BRANCHES}{branch}"):
        theirs = f"{predicate.branch} of {predicate.repository or 'an unnamed repository'}"
        ours = f"{BRANCHES}{branch} of {policy.repository or 'an unnamed repository'}"
        failures.append(f"it is about {theirs}, not {ours}")
    if request.rev and (commit := commit_named(repository, request.rev)) != predicate.commit:
        failures.append(f"it is about the commit {predicate.commit[:12]}, not {commit[:12]}")
    failures += [
        f"it is not about {subject.name or 'this file'} (sha256:{subject.sha256})"
        for subject in request.subjects
        if not any(
            subject.sha256 == attested.sha256 and subject.name in {"", attested.name}
            for attested in statement.subjects
        )
    ]
    return Verification(tuple(failures), statement, by)


def _rules(repository: Repository, into: str | None) -> tuple[str, Policy]:
    """Return the protected branch and its current policy. Raises UsageError if it isn't protected."""
    branch = (into or default_branch(repository)).removeprefix(BRANCHES)
    _, tip = ends_of(repository, branch, "")
    if not ProtectedBranches.of(repository).protects(branch, tip):
        raise UsageError(f"{branch} is not a protected branch", "name one with `--into BRANCH`")
    return branch, with_listed_people(repository, policy_at(repository, tip), f"{BRANCHES}{branch}")


def _cannot_sign(policy: Policy, branch: str, name: str, key: PublicKey) -> str:
    """Return why an attestation signed by this person doesn't count, or "" if it does."""
    wanted = policy.protection(branch).verdicts
    if policy.people[name].role == "junior":
        return f"{name} is a junior, and juniors cannot attest"
    if wanted and name not in members(policy, wanted):
        return f"{name} cannot attest for {branch}: by `verdicts` in its policy, {' or '.join(wanted)} can"
    if key.namespaces and NAMESPACE not in key.namespaces:
        return f"the key {key.fingerprint} of {name} is restricted to other namespaces than {NAMESPACE}"
    return ""


def _refusal(repository: Repository, result: Audit, commit: str) -> NotAttested | None:
    """Return why the audit doesn't verify the commit and every merge before it, or None if it does."""

    def no(*reasons: str, unverified: Sequence[str] = ()) -> NotAttested:
        return NotAttested(commit, result.branch, reasons, tuple(unverified))

    if result.replaced:
        return no(result.steps[0].reason)
    position = next((n for n, step in enumerate(result.steps) if step.commit == commit), None)
    if position is None:
        return no(_no_merge(repository, result, commit))
    step, *earlier = result.steps[position:]
    if step.outcome == "failed":
        return no(*step.reasons, unverified=[commit])
    failed = [failure for failure in earlier if failure.outcome == "failed"]
    if not failed:
        return None
    reasons = [
        f"{failure.commit[:12]} before it is not verified: {failure.reason}" for failure in failed[:SHOWN]
    ]
    if len(failed) > SHOWN:
        reasons.append(f"and {len(failed) - SHOWN} more before it")
    return no(*reasons, unverified=[failure.commit for failure in failed])


def _no_merge(repository: Repository, result: Audit, commit: str) -> str:
    """Return why a commit isn't one of the audited merges."""
    _, tip = ends_of(repository, result.branch, "")
    if commit not in repository.text("rev-list", "--first-parent", tip).split():
        return f"{result.branch} was never at this commit"
    verified = repository.text("rev-list", "--first-parent", f"{result.start}..{tip}").split()
    if commit not in verified:
        return f"it was on {result.branch} before the first policy took effect, so nothing verifies it"
    return "it was merged together with other commits as one change; attest the last of them"


def _signer(
    policy: Policy, branch: str, payload: bytes, signatures: Sequence[bytes], now: int
) -> tuple[str, list[str]]:
    """Return the person who validly signed and may attest, or "" and why no signature counts."""
    key_holders = holders(policy)
    failures = []
    for signature in signatures:
        blob = signing_key(signature, NAMESPACE)
        holder = key_holders.get(blob) if blob else None
        if blob is None:
            failures.append(f"the signature is not an SSH signature for {NAMESPACE}")
        elif holder is None:
            failures.append(f"the key {fingerprint(blob)} is not in the policy of {branch}")
        elif (validity := holder.key.validity(now)) != "valid":
            failures.append(f"the key {holder.key.fingerprint} of {holder.person} is {validity}")
        elif reason := _cannot_sign(policy, branch, holder.person, holder.key):
            failures.append(reason)
        else:
            (valid,) = verify([Claim(pre_authentication_encoding(payload), signature, holder.key, NAMESPACE)])
            if valid is None:
                raise CannotDecide("ssh-keygen could not verify the signature", "is the disk full?")
            if valid:
                return holder.person, []
            failures.append(f"the signature of {holder.person} does not match what is attested")
    return "", failures
