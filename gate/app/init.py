"""Write a first policy: what the repository itself suggests, with a comment at each line."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gate.codeowners import ALL_PLACES, locate, parse
from gate.errors import CannotDecide, UsageError
from gate.git.change import default_branch
from gate.git.history import Past, past_of
from gate.git.repository import Repository
from gate.policy.adding import entry_of, quoted, with_person
from gate.policy.keys import parse_key
from gate.policy.load import POLICY_FILE, load_policy
from gate.policy.types import Person, Role
from gate.policy.words import EMAIL

KEYS = ("id_ed25519.pub", "id_ed25519_sk.pub", "id_ecdsa.pub", "id_rsa.pub")
MOST_PEOPLE = 8
SETTINGS = {
    "ruff": ("ruff.toml", ".ruff.toml", "[tool.ruff"),
    "mypy": ("mypy.ini", ".mypy.ini", "[tool.mypy", "[mypy]"),
    "pytest": ("pytest.ini", "pytest.toml", "[tool.pytest", "[tool:pytest]", "[pytest]"),
}


@dataclass(frozen=True, slots=True)
class First:
    """A policy to start with: its text, where it goes, and what was seen that led to it."""

    path: Path
    text: str
    seen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a repository tells about itself. `repository`, `owners_file` and `key` are empty where there is none."""

    branch: str
    repository: str
    owners_file: str
    owners: tuple[str, ...]
    tools: dict[str, str]
    past: Past
    key: str


def first_policy(start: Path, branch: str | None = None) -> First:
    """The policy that the repository suggests, for `branch` or the default one. Nothing is written.

    Raises UsageError in a bare repository, or where no branch can be told.
    """
    repository = Repository.find(start)
    top = _top(repository)
    past = past_of(repository)
    file, owners = _code_owners(top)
    name = _repository_name(past.origin)
    seen = Seen(branch or _branch(repository), name, file, owners, _tools(top), past, _public_key(past))
    text = _text(seen)
    load_policy(text.encode())
    told = [
        f"branch to protect: {seen.branch}",
        f"repository: {name}, after origin"
        if name
        else "repository: no name yet, so approvals are bound to none",
        f"code owners: {file or 'none yet'}",
    ]
    told += [f"{tool}: {place}" for tool, place in seen.tools.items()]
    told += (
        [] if seen.key else ["your SSH key: none found; `ssh-keygen -t ed25519` makes one to approve with"]
    )
    return First(top / POLICY_FILE, text, tuple(told))


def write(first: First) -> None:
    """Write the policy; raises UsageError rather than overwrite one."""
    try:
        with first.path.open("x", encoding="utf-8") as file:
            file.write(first.text)
    except FileExistsError:
        raise UsageError(
            f"{first.path.name} is there already, and gate never overwrites it",
            "`gate init --print` shows what it would have written",
        ) from None
    except OSError as error:
        raise CannotDecide(f"{first.path} cannot be written: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Added:
    """A policy with one more person in it, not yet written."""

    path: Path
    data: bytes
    person: Person

    def write(self) -> None:
        """Put it in the place of the old one, whole or not at all."""
        target = self.path.resolve()
        temporary = target.with_name(f"{target.name}.{os.getpid()}.new")
        try:
            temporary.write_bytes(self.data)
            if target.exists():
                temporary.chmod(target.stat().st_mode)
            temporary.replace(target)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise CannotDecide(f"{self.path} cannot be written: {error.strerror}") from error


def add_person(start: Path, name: str, role: Role, email: str | None, key_file: str | None) -> Added:
    """The policy of the working tree with one more person: yourself, unless `email` and `key_file` say whose.

    Raises UsageError or InvalidInput where that makes no policy, saying why.
    """
    repository = Repository.find(start)
    path = _top(repository) / POLICY_FILE
    past = past_of(repository)
    own = email is None and key_file is None
    key = _read_key(Path(key_file).expanduser()) if key_file else _public_key(past) if own else ""
    # A key alone would leave its owner's commits without an owner.
    address = past.email if email is None else email
    person = Person(name, role, emails=(address,) if address else (), keys=(key,) if key else ())
    try:
        before = path.read_bytes() if path.exists() else None
    except OSError as error:
        raise CannotDecide(f"{path} cannot be read: {error.strerror}") from error
    return Added(path, with_person(before, person), person)


def _top(repository: Repository) -> Path:
    if repository.work_tree is None:
        raise UsageError("a bare repository has no working tree to write a policy into", "run it in a clone")
    return repository.work_tree


def _branch(repository: Repository) -> str:
    try:
        return default_branch(repository)
    except UsageError:
        done = repository.attempt("symbolic-ref", "--quiet", "--short", "HEAD")
        if done.returncode:
            raise UsageError(
                "there is no branch to protect: no origin/HEAD, no main, no master, and HEAD is on none",
                "name it: `gate init --into BRANCH`",
            ) from None
        return os.fsdecode(done.stdout).strip()


def _code_owners(top: Path) -> tuple[str, tuple[str, ...]]:
    """The CODEOWNERS file that counts, and the names in it that are no addresses, most rules first."""
    present = {place: (top / place).read_bytes() for place in ALL_PLACES if (top / place).is_file()}
    found = locate(present)
    if found is None:
        return "", ()
    file, dialect = found
    rules = parse(present[file], file, dialect).rules
    names = [owner for rule in rules for owner in rule.owners if owner.startswith("@")]
    return file, tuple(sorted(dict.fromkeys(names), key=names.count, reverse=True))


def _tools(top: Path) -> dict[str, str]:
    """Where each tool has its settings."""
    found: dict[str, str] = {}
    for tool, marks in SETTINGS.items():
        for mark in marks:
            if not mark.startswith("[") and (top / mark).is_file():
                found.setdefault(tool, mark)
        for name in ("pyproject.toml", "setup.cfg", "tox.ini"):
            if (top / name).is_file():
                text = (top / name).read_text("utf-8", "replace")
                if any(mark in text for mark in marks if mark.startswith("[")):
                    found.setdefault(tool, name)
    return found


def _public_key(past: Past) -> str:
    """The key that git signs with, else the first of the usual ones; empty if none of them is one."""
    literal = past.signing_key.removeprefix("key::")
    with contextlib.suppress(ValueError):
        parse_key(literal)
        return literal
    named = [Path(past.signing_key).expanduser()] if past.signing_key else []
    home = Path(os.environ.get("HOME", "~")).expanduser() / ".ssh"
    for path in [*named, *(home / key for key in KEYS)]:
        with contextlib.suppress(UsageError):
            return _read_key(path)
    return ""


def _read_key(path: Path) -> str:
    """The public key in a file, or in the one beside it; raises UsageError if there is none."""
    beside = path.with_name(f"{path.name}.pub")
    path = beside if path.suffix != ".pub" and beside.is_file() else path
    hint = "give the `.pub` file of an SSH key"
    try:
        key = path.read_text("utf-8").strip()
        if "PRIVATE KEY" in key:
            raise UsageError(f"{path} is a private key, which belongs in no policy", hint)
        if "\n" in key:
            raise UsageError(f"{path} has more than one line", hint)
        parse_key(key)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint) from error
    except ValueError as error:
        raise UsageError(f"{path} is no public SSH key: {error}", hint) from error
    return key


def _repository_name(origin: str) -> str:
    """`acme/shortener`, from the address of a remote: its last two parts, or the one that there is.

    On a server that is called after GitLab all parts are a name: there, groups have groups inside.
    """
    # Before the path stand a scheme, a host, or both; whoever may ask there is no part of a name.
    place = re.match(r"[\w+.-]+://[^/]*|[^/]*:", origin)
    path = origin[place.end() :] if place else origin
    path = path.rstrip("/").removesuffix("/.git").removesuffix(".git")
    parts = [part for part in path.split("/") if part.strip(".")]
    if not place or "gitlab" not in place[0].casefold():
        parts = parts[-2:]
    return "/".join(parts) if all(re.fullmatch(r"[\w.+~-]+", part) for part in parts) else ""


def _handle(name: str, email: str, owners: Iterable[str] = ()) -> str:
    """The name of a person: that by which an owner is called like them, else made of their address."""
    words = [re.sub(r"[^a-z0-9-]+", "-", word.lower()).strip("-") for word in (email.partition("@")[0], name)]
    called = {owner.casefold(): owner for owner in owners}
    handles = [f"@{word}" for word in words if word]
    return next((called[handle] for handle in handles if handle in called), next(iter(handles), "@me"))


def _people(seen: Seen) -> str:
    """You, active; then, to be filled in, who commits and who owns code."""
    past = seen.past
    lines, names, emails = [], set[str](), set[str]()
    if EMAIL.fullmatch(past.email):
        me = _handle(past.name, past.email, _persons(seen.owners))
        keys = (seen.key,) if seen.key else ()
        lines.append(entry_of(Person(me, "senior", emails=(past.email,), keys=keys)))
        names.add(me.casefold())
        emails.add(past.email.casefold())
    for committer in past.committers:
        handle = _handle(committer.name, committer.email, _persons(seen.owners))
        known = {handle} & names or {committer.email} & emails
        usable = EMAIL.fullmatch(committer.email) and "noreply" not in committer.email
        if known or not usable or len(names) > MOST_PEOPLE:
            continue
        commits = "1 commit" if committer.commits == 1 else f"{committer.commits} commits"
        lines.append(f"# {entry_of(Person(handle, emails=(committer.email,)))}  # {commits}")
        names.add(handle)
    for owner in _persons(seen.owners):
        if owner.casefold() not in names:
            lines.append(f"# {entry_of(Person(owner, 'senior'))}  # in {seen.owners_file}")
    active = any(not line.startswith("#") for line in lines)
    return "\n".join([f"people:{'' if active else ' {}'}", *(f"  {line}" for line in lines)])


def _plain(name: str) -> str:
    """A name as one writes it in YAML, without quotes where it can do without."""
    return name if re.fullmatch(r"[A-Za-z][\w./-]*", name) else quoted(name)


def _persons(owners: Iterable[str]) -> list[str]:
    return [owner for owner in owners if "/" not in owner][:MOST_PEOPLE]


def _teams(seen: Seen) -> str:
    me = _handle(seen.past.name, seen.past.email, _persons(seen.owners))
    member = quoted(me if seen.past.email else "@someone")
    teams = [owner for owner in seen.owners if "/" in owner][:MOST_PEOPLE] or ["@acme/guardians"]
    return "\n".join(["# teams:", *(f"#   {quoted(team)}: [{member}]" for team in teams)])


def _text(seen: Seen) -> str:
    repository = (
        f"repository: {_plain(seen.repository)}" if seen.repository else "# repository: acme/shortener"
    )
    owned = (
        f"{seen.owners_file} says who" if seen.owners_file else "nobody does yet: .github/CODEOWNERS says who"
    )
    return f"""\
# The policy of gate: what a change needs before it may enter a protected branch.
# It is read from the branch itself, never from the change. `gate explain` tells about every word.
version: 1

# What approvals are bound to, so that none can be replayed in another repository.
{repository}

protect:
  {_plain(seen.branch)}:
    require:
      # Owners of every changed file approve ({owned}).
      # An approval counts until the change itself is another (change), the owner's own files are
      # (owned), or any commit is added (head).
      owners: {{stale: change}}
      # At least so many people approve, none of them an author.
      approvals: 0
      # A junior's change needs the senior assigned to them, or any senior:
      # seniority: {{authors: [junior, unknown], need: senior}}
      # Who may approve a change that makes the gate see less, or changes the gate itself.
      # Nobody guards alone: whoever makes a change cannot approve it.
      # guarded: ["@acme/guardians"]
      checks: [names, lint, types, tests]

# Who is who. `gate approve` signs with one of the keys; names are those of CODEOWNERS.
{_people(seen)}

{_teams(seen)}

# Every check has a default; this is where to change one, or to add a command of your own.
# checks:
#   tests: {{tool: pytest, timeout: 10m}}
#   docs: {{command: ["sphinx-build", "-W", "docs", "{{scratch}}"]}}
"""
