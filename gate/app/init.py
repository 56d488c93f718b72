"""Write a first policy: what the repository itself suggests, with a comment at each line."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gate.codeowners import PLACES
from gate.errors import CannotDecide, UsageError
from gate.git.change import default_branch
from gate.git.history import Past, past_of
from gate.git.repository import Repository
from gate.policy.load import POLICY_FILE, load_policy

KEYS = ("id_ed25519.pub", "id_ed25519_sk.pub", "id_ecdsa.pub", "id_rsa.pub")
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


def first_policy(start: Path) -> First:
    """The policy that the repository suggests. Nothing is written. Raises UsageError in a bare repository."""
    repository = Repository.find(start)
    top = repository.work_tree
    if top is None:
        raise UsageError("a bare repository has no working tree to write a policy into", "run it in a clone")
    past = past_of(repository)
    branch = _branch(repository)
    owners = next((place for group in PLACES.values() for place in group if (top / place).is_file()), "")
    tools = _tools(top)
    seen = [f"default branch: {branch}"]
    seen.append(f"code owners: {owners}" if owners else "code owners: none yet")
    seen += [f"{tool}: {place}" for tool, place in tools.items()]
    text = _text(branch, owners, past, _public_key(past))
    load_policy(text.encode())
    return First(top / POLICY_FILE, text, tuple(seen))


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


def with_person(path: Path, name: str, role: str, email: str, key: str) -> str:
    """The policy in `path` with one more person, all else as it was, comments too.

    Raises UsageError if the person is there already, InvalidInput if the result would be no policy.
    """
    before = path.read_text("utf-8") if path.is_file() else ""
    policy = load_policy(before.encode() if before else None)
    if name.casefold() in {known.casefold() for known in policy.people}:
        raise UsageError(f"{name} is in `people` already", f"edit {path.name}")
    entry = _person(name, role, email, key)
    match = re.search(r"^people:[ \t]*(?:\{\})?[ \t]*(#[^\n]*)?\n", before, re.MULTILINE)
    if match:
        after = f"{before[: match.start()]}people:{' ' + match[1] if match[1] else ''}\n{entry}{before[match.end() :]}"
    else:
        gap = "" if not before or before.endswith("\n") else "\n"
        after = f"{before}{gap}people:\n{entry}"
    load_policy(after.encode())
    return after


def own_key(start: Path, file: str | None) -> tuple[str, str]:
    """The e-mail address that git is set to here, and the public key in `file`, or the one that is found."""
    past = past_of(Repository.find(start))
    if file is None:
        return past.email, _public_key(past)
    path = Path(file)
    if path.suffix != ".pub" and path.with_name(f"{path.name}.pub").is_file():
        path = path.with_name(f"{path.name}.pub")
    try:
        return past.email, path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no public key that can be read", "give the `.pub` file") from error


def _branch(repository: Repository) -> str:
    try:
        return default_branch(repository)
    except UsageError:
        return repository.text("symbolic-ref", "--short", "HEAD")


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
    """The key that git signs with, else the first of the usual ones."""
    if past.signing_key.startswith(("key::", "ssh-", "ecdsa-", "sk-")):
        return past.signing_key.removeprefix("key::")
    named = [Path(past.signing_key).expanduser()] if past.signing_key else []
    home = Path(os.environ.get("HOME", "~")).expanduser() / ".ssh"
    for path in [
        *named,
        *(path.with_name(f"{path.name}.pub") for path in named),
        *(home / key for key in KEYS),
    ]:
        if path.suffix == ".pub" and path.is_file():
            return path.read_text("utf-8", "replace").strip()
    return ""


def _repository_name(origin: str) -> str:
    match = re.search(r"[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$", origin)
    return match[1] if (match and "://" in origin) or (match and "@" in origin) else ""


def _person(name: str, role: str, email: str, key: str) -> str:
    parts = [f"role: {role}"]
    parts += [f'emails: ["{email}"]'] if email else []
    parts += [f'keys: ["{key}"]'] if key else []
    return f'  "{name}": {{{", ".join(parts)}}}\n'


def _handle(name: str, email: str) -> str:
    word = re.sub(r"[^a-z0-9-]+", "-", (email.partition("@")[0] or name).lower()).strip("-")
    return f"@{word or 'me'}"


def _people(past: Past, key: str) -> Sequence[str]:
    lines = []
    if past.email:
        lines.append(_person(_handle(past.name, past.email), "senior", past.email, key))
    taken = {past.email.casefold()}
    for committer in past.committers[:8]:
        if committer.email in taken or "@" not in committer.email or "noreply" in committer.email:
            continue
        taken.add(committer.email)
        entry = _person(_handle(committer.name, committer.email), "member", committer.email, "")
        commits = "1 commit" if committer.commits == 1 else f"{committer.commits} commits"
        lines.append(f"  # {commits}:\n  #{entry[1:]}")
    return lines


def _text(branch: str, owners: str, past: Past, key: str) -> str:
    name = _repository_name(past.origin)
    people = _people(past, key)
    repository = f"repository: {name}" if name else "# repository: acme/shortener"
    me = _handle(past.name, past.email) if past.email else ""
    owned = f"{owners} says who" if owners else "none yet: write .github/CODEOWNERS to say who"
    return f"""\
# The policy of gate: what a change needs before it may enter a protected branch.
# It is read from the branch itself, never from the change. `gate explain` tells about every word.
version: 1

# What approvals are bound to, so that none can be replayed in another repository.
{repository}

protect:
  {branch}:
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
people:{"" if any(not line.lstrip().startswith("#") for line in people) else " {}"}
{"".join(people).rstrip()}

# teams:
#   "@acme/guardians": ["{me or "@someone"}"]

# Every check has a default; this is where to change one, or to add a command of your own.
# checks:
#   tests: {{tool: pytest, timeout: 10m}}
#   docs: {{command: ["sphinx-build", "-W", "docs", "{{scratch}}"]}}
"""
