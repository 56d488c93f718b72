"""Made-up repositories as `gate init` sees them: people, keys, code owners, and remotes of every kind."""

from __future__ import annotations

import base64
from pathlib import Path

from hypothesis import strategies as st

from gate.app.setup.observed import Observed
from gate.codeowners import parse
from gate.git.history import Committer, Past
from gate.policy.people import forge_of, repository_name

NAMES = ("ada", "bob", "cyd", "dan", "eve-x")
HANDLES = [f"@{name}" for name in NAMES]
OWNERS = [*HANDLES, "@acme/web", "@acme/core", "zoe@acme.example", "@Ada"]
PATTERNS = ("*", "/src/", "/docs/", "*.py", "/src/api/", "gate.yaml", "/.github/")
PATHS = ("a.py", "docs/index.md", "src/api/b.py", "src/c.py", "README.md", ".github/workflows/ci.yml")
ORIGINS = (
    "",
    "/srv/git/shop.git",
    "git@git.example:acme/shop.git",
    "git@github.com:acme/shop.git",
    "https://gitlab.com/acme/web/shop.git",
    "https://codeberg.org/acme/shop",
)


def key_of(number: int) -> str:
    """Return a public key that nobody else has."""
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes([number]) * 32
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} laptop"


def observed(
    *,
    codeowners: str | None = None,
    name: str = "Ada Park",
    email: str = "ada@acme.example",
    committers: tuple[Committer, ...] = (),
    key: str = key_of(1),
    origin: str = "",
    login: str = "",
) -> Observed:
    """Return a repository with these people, and a few files."""
    owners = None if codeowners is None else parse(codeowners.encode(), "CODEOWNERS", "github")
    return Observed(
        top=Path("/nowhere"),
        branch="main",
        repository=repository_name(origin),
        origin=origin,
        forge=forge_of(origin),
        owners=owners,
        paths=PATHS,
        past=Past(committers, name, email, "", origin, login),
        key=key,
    )


@st.composite
def teams(draw: st.DrawFn) -> Observed:
    """Generate any team: owners who commit and owners who don't, people without keys, unknown teams."""
    owner_lists = st.lists(st.sampled_from(OWNERS), max_size=3, unique=True)
    rules = st.lists(st.tuples(st.sampled_from(PATTERNS), owner_lists), max_size=5)
    lines = draw(st.none() | rules.map(lambda rows: [" ".join((path, *names)) for path, names in rows]))
    emails = st.sampled_from(
        [
            *(f"{name}@acme.example" for name in NAMES),
            *(f"7+{name}@users.noreply.github.com" for name in NAMES),
        ]
    )
    people = draw(st.lists(st.tuples(st.sampled_from(["Ada Park", "Bob", "X"]), emails), max_size=4))
    return observed(
        codeowners=None if lines is None else "\n".join(lines) + "\n",
        name=draw(st.sampled_from(["Ada Park", "Bob", ""])),
        email=draw(emails | st.just("")),
        committers=tuple(Committer(name, email, 1) for name, email in {p[1]: p for p in people}.values()),
        key=draw(st.sampled_from(["", key_of(1)])),
        origin=draw(st.sampled_from(ORIGINS)),
        login=draw(st.sampled_from(["", "ada", "somebody-else"])),
    )
