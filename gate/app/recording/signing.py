"""Find the signer and their key, add a record to the log, and share it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256

from gate.approvals.keys import holders
from gate.approvals.record import LONGEST_REASON, Kind, Record, record_id, serialise
from gate.errors import CannotDecide, UsageError
from gate.git.merging import raw_diff
from gate.git.repository import Repository
from gate.log.index import LoggedRecord
from gate.log.paths import record_path, signature_path
from gate.log.signers import key_id, read_signers
from gate.log.store import add, draft
from gate.log.sync import fetch, is_shared, may_share, remote_of, share
from gate.model import Change, short_name
from gate.policy.types import Person, Policy
from gate.ssh import SigningKey, find_key, find_listed_key, sign
from gate.wording import listed as listed_in_words


@dataclass(frozen=True, slots=True)
class Signer:
    """A person in the policy, and their signing key."""

    person: Person
    key: SigningKey


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record in the log. `shared` names the remote that has it too; `unshared` says why none has."""

    id: str
    record: Record
    shared: str = ""
    unshared: str = ""


def find_signer(
    repository: Repository,
    policy: Policy,
    key_file: str | None,
    now: int,
    where: str,
    *,
    merged: bool = False,
) -> Signer:
    """Return the user, identified by their key. Raises UsageError, with a hint, if there is no valid key.

    `where` names the commit or branch that the policy is from. A change that was already `merged` is under
    the policy of that time, to which nobody can be added.
    """
    settings = _settings(repository)
    key_holders = holders(policy)
    key = find_key(
        key_file,
        settings.get("user.signingkey", ""),
        key_holders,
        program=settings.get("gpg.ssh.program", ""),
        strict=settings.get("gpg.format") == "ssh",
    )
    holder = key_holders.get(key.public.blob)
    if holder is None:
        raise _not_listed(repository, policy, key, where, merged=merged)
    validity = holder.key.validity(now)
    if validity != "valid":
        raise UsageError(
            f"the key {key.public.fingerprint} of {holder.person} is {validity}, by the policy of {where}",
            "sign with another of your keys (`--key FILE`), or merge the new one first",
        )
    return Signer(policy.people[holder.person], key)


def _not_listed(
    repository: Repository, policy: Policy, key: SigningKey, where: str, *, merged: bool
) -> UsageError:
    """Return the error for a key that the policy doesn't list, with what the user can do instead."""
    names = frozenset[str]()
    if not merged:
        # An earlier policy listed it. What was merged is under the policy of its time, which later ones may follow.
        _, names = read_signers(repository).keys.get(key_id(key.public.blob), (None, names))
    listed = find_listed_key(holders(policy), program=key.program)
    what = "was removed from" if names else "is not listed in"
    if listed:
        hint = f"sign with a key that it lists: pass `--key {listed.path or 'FILE'}`, or set `user.signingkey` to it"
    elif names and not names & policy.people.keys():
        hint = f"{listed_in_words(sorted(names))} left the policy: ask someone in the policy to do this"
    elif names:
        hint = "sign with the key that replaced it (`--key FILE`)"
    elif merged:
        hint = "use a key that this policy lists (`--key FILE`), or ask someone in this policy to sign"
    else:
        hint = (
            f"add `{key.public.line}` to your `keys` under `people` in gate.yaml, and have someone in the "
            "policy merge that first; or use another key with `--key FILE`"
        )
    return UsageError(f"the key {key.public.fingerprint} {what} the policy of {where}", hint)


def find_signer_for(
    repository: Repository, policy: Policy, key_file: str | None, now: int, change: Change
) -> Signer:
    """Return the user who signs a record about `change`, under the policy at its base. Raises UsageError."""
    branch, merged = short_name(change.into), bool(change.merged_commits)
    where = f"{branch} at {change.base[:12]}, on which this was merged" if merged else branch
    return find_signer(repository, policy, key_file, now, where, merged=merged)


def compose(
    kind: Kind, change: Change, signer: Signer, now: int, *, latest: int = 0, reason: str = "", of: str = ""
) -> Record:
    """Return a new record about `change`, dated later than `latest` even if the clock is wrong. Raises UsageError."""
    if len(reason) > LONGEST_REASON:
        raise UsageError(f"the reason is longer than {LONGEST_REASON} characters")
    return Record(
        kind=kind,
        repository=change.repository,
        into=change.into,
        base=change.base,
        head=change.head,
        change=change.digest,
        by=signer.person.name,
        at=max(now, latest + 1),
        nonce=secrets.token_hex(16),
        reason=reason,
        of=of,
    )


def revocation(
    entry: LoggedRecord, signer: Signer, now: int, base: str, reason: str, latest: int = 0
) -> Record:
    """Return a new record that revokes `entry`, dated later than it and than `latest`, even if the clock is wrong.

    `base` is the branch's tip: anything merged by then stays merged.
    """
    return replace(
        entry.record,
        kind="revoke",
        source="ssh",
        base=base,
        by=signer.person.name,
        at=max(now, entry.record.at + 1, latest + 1),
        nonce=secrets.token_hex(16),
        reason=reason,
        of=entry.id,
    )


def fetch_branch(repository: Repository, branch: str) -> None:
    """Fetch the log and the branch, if the remote answers, so that a record can state what it came after."""
    if remote := remote_of(repository):
        with suppress(CannotDecide):
            fetch(repository, remote, branch)


def sealed(record: Record, signer: Signer) -> dict[str, bytes]:
    """Return the record and its signature as files of the log, the record first."""
    try:
        data = serialise(record)
    except ValueError as error:
        raise UsageError("the reason or a name is not valid UTF-8") from error
    identity = record_id(data)
    return {record_path(identity): data, signature_path(identity): sign(data, signer.key)}


def changes_of(repository: Repository, change: Change) -> bytes:
    """Return the raw diff of the change, whose SHA-256 is its digest. Raises CannotDecide if it differs by now."""
    raw = raw_diff(repository, change.base_tree, change.tree)
    if sha256(raw).hexdigest() != change.digest:
        raise CannotDecide("the change was updated in the meantime", "try again")
    return raw


def put(
    repository: Repository, record: Record, signer: Signer, extra: Mapping[str, bytes] | None = None
) -> StoredRecord:
    """Sign the record and add it to the log, atomically together with `extra` files."""
    files = sealed(record, signer)
    add(repository, files | dict(extra or {}), f"{record.kind} by {record.by}")
    return StoredRecord(record_id(next(iter(files.values()))), record)


def rehearse(
    repository: Repository, record: Record, signer: Signer, extra: Mapping[str, bytes] | None = None
) -> None:
    """Prove that `put` and `send` would work now: sign for real, and do a dry run with git and the remote.

    Raises UsageError or CannotDecide if they would not. Changes neither the local log nor the remote's.
    """
    files = sealed(record, signer)
    commit = draft(repository, files | dict(extra or {}), f"{record.kind} by {record.by}")
    if remote := remote_of(repository):
        may_share(repository, remote, commit)


def send(
    repository: Repository, recorded: StoredRecord, outpaced: Callable[[], None] = lambda: None
) -> StoredRecord:
    """Share the log with the remote, if there is one. If that fails, nothing is lost, and `unshared` says why.

    `outpaced` is called each time that the remote's log has changed, before the next attempt.
    """
    remote = remote_of(repository)
    if not remote:
        return recorded
    unshared = _send_log(repository, remote, outpaced)
    return replace(recorded, shared="" if unshared else remote, unshared=unshared)


def share_rest(repository: Repository) -> str:
    """Push records that the remote's log, as last fetched, lacks. Return why that failed, or ""."""
    remote = remote_of(repository)
    if not remote or is_shared(repository, remote):
        return ""
    return _send_log(repository, remote)


def _send_log(repository: Repository, remote: str, outpaced: Callable[[], None] = lambda: None) -> str:
    """Push the log. Return why that failed, or ""."""
    try:
        share(repository, remote, outpaced)
    except CannotDecide as error:
        return "; ".join(filter(None, (error.message, error.hint)))
    return ""


def _settings(repository: Repository) -> dict[str, str]:
    names = r"^(user\.signingkey|gpg\.format|gpg\.ssh\.program)$"
    done = repository.attempt("config", "-z", "--get-regexp", names)
    pairs = (item.partition("\n") for item in done.stdout.decode("utf-8", "surrogateescape").split("\0"))
    return {name.lower(): value for name, _, value in pairs if name}
