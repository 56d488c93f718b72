"""Write a policy to the working tree: a first one, or the existing one with another person added."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from gate.app.setup.keys import own_key, read_key
from gate.app.setup.observed import work_tree_of
from gate.errors import CannotDecide, UsageError
from gate.git.history import past_of
from gate.git.repository import Repository
from gate.policy.adding import with_person
from gate.policy.extending import Stored
from gate.policy.files import POLICY_FILE
from gate.policy.load import load_policy
from gate.policy.types import Person, Role
from gate.rules import stored_here
from gate.store import write_atomically


def write_all(top: Path, files: Mapping[str, str]) -> None:
    """Write new files, creating their folders: all of them or none. Raises UsageError instead of overwriting a file."""
    present = [name for name in files if (top / name).exists() or (top / name).is_symlink()]
    if present:
        raise UsageError(
            f"{present[0]} already exists, and gate doesn't overwrite it",
            "`gate init --person @NAME` adds a person to it; `gate init --print` shows what a new one would contain"
            if present[0] == POLICY_FILE
            else "`gate init --print` shows what it would write",
        )
    with ExitStack() as undo:
        for name, text in files.items():
            path = top / name
            try:
                for folder in reversed([parent for parent in path.parents if not parent.exists()]):
                    folder.mkdir()
                    undo.callback(folder.rmdir)
                with path.open("x", encoding="utf-8") as file:
                    undo.callback(path.unlink)
                    file.write(text)
            except OSError as error:
                raise CannotDecide(f"{path} can't be written: {error.strerror}") from error
        undo.pop_all()


@dataclass(frozen=True, slots=True)
class Added:
    """A policy with a person added, or with more addresses and keys for one. It isn't written yet."""

    path: Path
    data: bytes
    person: Person
    known: bool
    """Whether the person was already in the policy."""

    def write(self) -> None:
        """Replace the policy atomically."""
        try:
            write_atomically(self.path.resolve(), self.data, durable=True)
        except OSError as error:
            raise CannotDecide(f"{self.path} can't be written: {error.strerror}") from error


def add_person(
    start: Path,
    name: str,
    role: Role | None,
    email: str | None,
    key_file: str | None,
    *,
    records: bool = False,
) -> Added:
    """Return the working tree's policy with a person added: the user, unless `email` or `key_file` is given.

    `records` lets the person record reviews that a forge reports. Raises UsageError or InvalidInput, saying why, if the
    result isn't a valid policy.
    """
    repository = Repository.find(start)
    path = work_tree_of(repository) / POLICY_FILE
    past = past_of(repository)
    own = email is None and key_file is None
    key = read_key(Path(key_file).expanduser()) if key_file else own_key(past.signing_key) if own else ""
    # With a key alone, the owner's commits couldn't be attributed to them.
    address = past.email if email is None else email
    try:
        current = path.read_bytes() if path.exists() else None
    except OSError as error:
        raise CannotDecide(f"{path} can't be read: {error.strerror}") from error
    stored = stored_here(path.parent)
    listed = _listed(current, name, stored)
    if listed and role not in (None, listed.role):
        raise UsageError(
            f"{listed.name} is already in `people`, as {listed.role}", f"change the role in {POLICY_FILE}"
        )
    if listed and records:
        raise UsageError(
            f"{listed.name} is already in `people`", f"add `records: true` to their entry in {POLICY_FILE}"
        )
    if (listed or role == "bot") and email is None and key_file:
        # This machine's email address says nothing about a listed person who gets a new key, or about a bot.
        address = ""
    person = Person(
        name,
        role or "member",
        emails=(address,) if address else (),
        keys=(key,) if key else (),
        records=records,
    )
    return Added(path, with_person(current, person, stored), person, listed is not None)


def _listed(data: bytes | None, name: str, stored: Stored | None) -> Person | None:
    people = load_policy(data, POLICY_FILE, stored).people if data else {}
    return next((person for person in people.values() if person.name.casefold() == name.casefold()), None)
