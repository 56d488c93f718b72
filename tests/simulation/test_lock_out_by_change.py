"""A change to the rules after which people could merge nothing any more: checked, merged, and pushed to a server."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.company import Clone
from support.teams import key_of

CHECKS = 'checks:\n  ok: {command: ["true"], report: none}\n'
ADA = '"@ada": {emails: [ada@acme.example], keys: ["KEY"]}'
"""KEY is replaced by the key that signs here."""
BOB = f'"@bob": {{emails: [bob@acme.example], keys: ["{key_of(2)}"]}}'
ADA_ON_GITHUB = '"@ada": {emails: [ada@acme.example], github: ada}'
BOB_ON_GITHUB = '"@bob": {emails: [bob@acme.example], github: bob}'


def policy(require: str, *people: str) -> str:
    listed = "".join(f"  {person}\n" for person in people)
    return (
        f"version: 1\nprotect:\n  main:\n    require: {{{require}, checks: [ok]}}\npeople:\n{listed}{CHECKS}"
    )


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key that signs."""
    path = tmp_path_factory.mktemp("keys") / "ada"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f", path], check=True)
    return path


@pytest.fixture
def signing(project: Clone, key: Path) -> Clone:
    """A repository in which git signs with that key."""
    project.git("config", "user.signingKey", f"{key}.pub")
    return project


def proposed(project: Clone, before: dict[str, str], after: dict[str, str], origin: str = "") -> None:
    """`before` is on main, and `after` on the branch `rules`, which is checked out."""
    public = Path(project.git("config", "--default", "/dev/null", "user.signingKey")).read_text().strip()
    if origin:
        project.git("remote", "add", "origin", origin)
    for branch, files in (("main", before), ("rules", after)):
        if branch != "main":
            project.git("checkout", "-q", "-b", branch)
        project.write({name: text.replace("KEY", public) for name, text in files.items()})
        project.git("add", "-A")
        project.git("commit", "-q", "-m", f"Rules of {branch}")


OPEN = {"gate.yaml": policy("approvals: 0", ADA, BOB)}
EVERYBODY = {
    "more approvals than there are people": (OPEN, {"gate.yaml": policy("approvals: 2", ADA, BOB)}),
    "the only other person leaves": (OPEN, {"gate.yaml": policy("approvals: 1", ADA)}),
    "an owner whom nobody knows": (
        {"gate.yaml": policy("owners: false", ADA, BOB), "CODEOWNERS": "* @ghost\n"},
        {"gate.yaml": policy("owners: true", ADA, BOB)},
    ),
    "the first policy": ({"a.py": "x = 1\n"}, {"gate.yaml": policy("approvals: 1", ADA)}),
    "reviews where there is no forge": (
        {"gate.yaml": policy("approvals: 0", ADA_ON_GITHUB, BOB_ON_GITHUB)},
        {"gate.yaml": policy("approvals: 1", ADA_ON_GITHUB, BOB_ON_GITHUB)},
    ),
}


@pytest.mark.parametrize("case", EVERYBODY)
def test_a_change_after_which_nobody_could_merge_is_blocked_until_forced(signing: Clone, case: str) -> None:
    proposed(signing, *EVERYBODY[case])
    main = signing.git("rev-parse", "main")
    checked = signing.gate("check")
    shown = " ".join(checked.text.split())
    assert checked.code == 1, shown
    assert "after this change, nobody could merge anything into main" in shown
    assert "This change would lock people out: " in shown
    assert signing.gate("merge", "rules").code == 1
    assert signing.git("rev-parse", "main") == main
    if case != "the first policy":
        assert signing.gate("merge", "rules", "--force").code == 0
        assert signing.git("diff", "main", "rules") == ""


def test_the_way_out_of_a_blocked_change_is_named(signing: Clone) -> None:
    proposed(signing, *EVERYBODY["the only other person leaves"])
    shown = " ".join(signing.gate("check").text.split())
    assert "@ada can't merge any change into main: nobody else can approve" in shown
    assert "`gate init --print`" in shown
    assert "`gate merge --force`" in shown


@pytest.mark.parametrize(
    ("require", "bob"),
    [
        ('approvals: [{need: 1, from: ["@ada"]}]', BOB),
        ("approvals: 1", '"@bob": {emails: [bob@acme.example]}'),
    ],
    ids=["only her own approval counts", "the only other person can't sign"],
)
def test_locking_some_people_out_is_a_warning_that_a_merge_asks_about(
    signing: Clone, require: str, bob: str
) -> None:
    proposed(signing, OPEN, {"gate.yaml": policy(require, ADA, bob)})
    checked = signing.gate("check")
    assert checked.code == 0
    assert "This change would lock people out: @ada can't merge any change" in " ".join(checked.text.split())
    main = signing.git("rev-parse", "main")
    refused = signing.gate("merge", "rules")
    assert refused.code == 1
    assert "@ada can't merge any change into main" in refused.err
    assert "--force" in refused.err
    assert signing.git("rev-parse", "main") == main
    assert signing.gate("merge", "rules", "--force").code == 0


def test_needing_a_waiver_for_every_change_is_a_lock_out(signing: Clone) -> None:
    guarded = 'guarded: ["@ada", "@bob"]'
    before, after = (policy(f"approvals: {need}, {guarded}", ADA, BOB) for need in (0, 5))
    proposed(signing, {"gate.yaml": before}, {"gate.yaml": after})
    text = " ".join(signing.gate("check").text.split())
    assert (
        "This change would lock people out: No change can be merged into main without a guardian's waiver"
        in text
    )


def test_a_repository_that_has_only_rules_can_lock_people_out_as_well(signing: Clone) -> None:
    signing.git("rm", "-q", "-r", ".")
    proposed(signing, {"gate.yaml": policy("owners: false", ADA)}, {"gate.yaml": policy("approvals: 1", ADA)})
    checked = signing.gate("check")
    assert checked.code == 1
    assert "nobody could merge anything into main" in " ".join(checked.text.split())


@pytest.mark.parametrize(
    ("origin", "owners"),
    [
        ("git@github.com:acme/shop.git", ""),
        ("https://git.acme.example/acme/shop.git", ""),
        ("git@github.com:acme/shop.git", "* @acme/web\n"),
    ],
    ids=["GitHub", "a host of one's own", "a team that only the forge knows"],
)
def test_where_reviews_count_nobody_is_locked_out(project: Clone, origin: str, owners: str) -> None:
    people = (ADA_ON_GITHUB, BOB_ON_GITHUB)
    before = {"gate.yaml": policy("owners: false", *people), **({"CODEOWNERS": owners} if owners else {})}
    require = "owners: true, approvals: 1" if owners else "approvals: 1"
    proposed(project, before, {"gate.yaml": policy(require, *people)}, origin)
    checked = project.gate("check")
    assert checked.code == 0, checked.text
    assert "lock people out" not in checked.text


def test_who_was_locked_out_before_is_no_reason_to_refuse(signing: Clone) -> None:
    locked = policy('approvals: [{need: 1, from: ["@ada"], paths: [docs/**]}]', ADA, BOB)
    proposed(
        signing,
        {"gate.yaml": locked, "docs/a.md": "a\n"},
        {"gate.yaml": f"{locked}# a comment\n", "docs/b.md": "b\n"},
    )
    assert "lock people out" not in signing.gate("check").text
