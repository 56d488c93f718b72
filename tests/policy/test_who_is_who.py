"""One person, one identity: e-mail addresses, and the no-reply addresses of forges."""

from __future__ import annotations

from typing import Any

import pytest

from gate.policy.older_branches import still_listed
from gate.policy.people import (
    forge_of,
    members,
    people_by_emails,
    person_by_email,
    person_by_login,
    repository_name,
    with_login,
)
from gate.policy.types import Person, Policy, Protection, Require, Role

POLICY = Policy(
    people={
        person.name: person
        for person in (
            Person("@ada", emails=("Ada@acme.example",), github="ada-gh", gitlab="ada.gl", gitea="ada"),
            Person("@bob", github="Bob", gitlab="55-bob"),
            Person("@cyd", gitlab="bob"),
            Person("@ci", role="bot", github="ci[bot]"),
            Person("@dan", gitlab="d"),
        )
    }
)
SAME = {
    "ada@ACME.example": "@ada",
    " ada@acme.example ": "@ada",
    "ada@acme.example.": "@ada",
    '"ada"@acme.example': "@ada",
    "<mailto:ada@acme.example>": "@ada",
    "ada(work)@acme.example": "@ada",
    "\uff41\uff24a@acme.example": "@ada",
    "ada\uff20acme\u3002example": "@ada",
    "a\u200bd\u00ada@acme.example": "@ada",
    "7+\uff41da-gh@users.noreply.github.com": "@ada",
    "ada@noreply.forge.acme.example": "@ada",
    "ada+work@acme.example": "@ada",
    "ada-gh@users.noreply.github.com": "@ada",
    "123+ada-gh@users.noreply.github.com": "@ada",
    "123+ADA-GH@Users.NoReply.GitHub.com": "@ada",
    "7+ada-gh@users.noreply.github.acme.example": "@ada",
    "9-ada.gl@users.noreply.gitlab.com": "@ada",
    "9-ada.gl@users.noreply.code.acme.example": "@ada",
    "ada@noreply.gitea.acme.example": "@ada",
    "ada@noreply.localhost": "@ada",
    "1+bob@users.noreply.github.com": "@bob",
    "8-55-bob@users.noreply.gitlab.com": "@bob",
    "8-bob@users.noreply.gitlab.com": "@cyd",
    "5+dan@users.noreply.github.com": "@dan",
    "dan@noreply.gitea.acme.example": "@dan",
    "5-d@users.noreply.gitlab.com": "@dan",
    "41898282+ci[bot]@users.noreply.github.com": "@ci",
}
NOBODY = (
    "5-dan@users.noreply.gitlab.com",
    "",
    "ada-gh",
    "ada.gl@users.noreply.github.com",
    "9-ada.gl@users.noreply.github.com",
    "ada-gh@users.noreply.github.com.evil.example@x",
    "x+ada-gh@users.noreply.github.com",
    "ada@reply.github.com",
)


@pytest.mark.parametrize(("email", "name"), SAME.items())
def test_an_address_leads_to_its_person(email: str, name: str) -> None:
    person = person_by_email(POLICY, email)
    assert person is not None
    assert person.name == name
    assert people_by_emails(POLICY, [email]) == {name}


@pytest.mark.parametrize("email", NOBODY)
def test_other_addresses_lead_to_nobody(email: str) -> None:
    assert person_by_email(POLICY, email) is None
    assert people_by_emails(POLICY, [email]) == frozenset()


def test_an_address_that_two_people_may_have_is_nobodys_and_neither_may_approve() -> None:
    email = "bob@users.noreply.code.acme.example"
    assert person_by_email(POLICY, email) is None
    assert people_by_emails(POLICY, [email]) == {"@bob", "@cyd"}


OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPn2GkAt7LjNlGhDBGcCVHtsnbuMpE5PWUvGcZxkZ2fZ"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBZ0mC8hVQO6Xn6yrs0PZzr2DvDXVrHnxmHbwMKFdzxP"


def test_who_is_no_longer_listed_is_nobody_and_neither_is_a_key() -> None:
    old = Policy(people={"@a": Person("@a", keys=(KEY, OTHER)), "@gone": Person("@gone", keys=(KEY,))})
    now = Policy(people={"@A": Person("@A", keys=(f'valid-before="20990101" {KEY} new laptop',))})
    assert still_listed(old, now, "release/1").people == {"@a": Person("@a", keys=now.people["@A"].keys)}
    assert still_listed(old, Policy(), "release/1") == old


@pytest.mark.parametrize(
    ("then", "now", "holds"),
    [
        ("senior", "junior", "junior"),
        ("junior", "senior", "junior"),
        ("senior", "bot", "bot"),
        ("member", "senior", "member"),
    ],
)
def test_of_two_roles_the_lesser_one_holds(then: Role, now: Role, holds: Role) -> None:
    old, current = (Policy(people={"@a": Person("@a", role)}) for role in (then, now))
    assert still_listed(old, current, "release/1").people["@a"].role == holds


def test_an_address_of_either_policy_is_the_persons() -> None:
    old = Policy(people={"@a": Person("@a", emails=("a@old",), github="a-old", records=True)})
    now = Policy(people={"@a": Person("@a", emails=("a@new",), gitlab="a-lab")})
    assert still_listed(old, now, "release/1").people["@a"] == Person(
        "@a", emails=("a@old", "a@new"), github="a-old", gitlab="a-lab"
    )


@pytest.mark.parametrize("field", ["senior", "github", "gitlab", "gitea"])
@pytest.mark.parametrize(("then", "now", "holds"), [("@x", "@y", "@y"), ("@x", "", "@x"), ("", "@y", "@y")])
def test_what_the_present_policy_says_of_a_person_comes_first(
    field: str, then: str, now: str, holds: str
) -> None:
    named: list[dict[str, Any]] = [{field: then}, {field: now}]
    old, current = (Policy(people={"@a": Person("@a", **fields)}) for fields in named)
    assert getattr(still_listed(old, current, "release/1").people["@a"], field) == holds


@pytest.mark.parametrize(("then", "now"), [(True, True), (True, False), (False, True), (False, False)])
def test_who_records_has_to_in_both_policies(then: bool, now: bool) -> None:
    old, current = (Policy(people={"@a": Person("@a", records=records)}) for records in (then, now))
    assert still_listed(old, current, "release/1").people["@a"].records == (then and now)


def of_three(team: tuple[str, ...], guarded: tuple[str, ...], verdicts: tuple[str, ...]) -> Policy:
    """A policy of three people, with a team, guardians, and who signs verdicts for the release branches."""
    release = Protection(Require(guarded=guarded), verdicts)
    people = {name: Person(name, "senior") for name in ("@a", "@b", "@c")}
    return Policy(people=people, teams={"@team": team}, protect={"release/*": release})


@pytest.mark.parametrize(
    ("then", "now", "holds"),
    [
        (("@a", "@b"), ("@b", "@c"), {"@b"}),
        (("@a", "@b"), ("@a", "@b", "@c"), {"@a", "@b"}),
        # Where nobody is left, an empty list would turn the rule off.
        (("@a",), ("@c",), {"@c"}),
        # Nothing was taken from anybody where there is nothing to compare with.
        (("@a",), (), {"@a"}),
        ((), ("@a",), set()),
    ],
)
def test_who_counts_for_something_has_to_in_both_policies(
    then: tuple[str, ...], now: tuple[str, ...], holds: set[str]
) -> None:
    policy = still_listed(of_three(then, then, then), of_three(now, now, now), "release/1")
    assert members(policy, policy.teams["@team"]) == holds
    protection = policy.protection("release/1")
    assert members(policy, protection.require.guarded) == holds
    assert members(policy, protection.verdicts) == holds
    assert policy.protection("release/1").require.checks == Require().checks


@pytest.mark.parametrize(
    ("forge", "login", "name"),
    [
        ("github", "ADA-gh", "@ada"), ("gitlab", "ada.gl", "@ada"), ("gitea", "ada", "@ada"), ("gitlab", "bob", "@cyd"),
        ("github", "ada", None), ("github", "", None), ("gitlab", "twice", None),
    ],
)  # fmt: skip
def test_a_login_leads_to_the_one_person_who_lists_it(forge: str, login: str, name: str | None) -> None:
    twins = {twin: Person(twin, gitlab="twice") for twin in ("@x", "@y")}
    person = person_by_login(Policy(people={**POLICY.people, **twins}), forge, login)
    assert (person and person.name) == name


@pytest.mark.parametrize("forge", ["github", "gitlab", "gitea"])
def test_an_account_is_of_one_forge(forge: str) -> None:
    person = with_login(Person("@ada", github="a", gitlab="b", gitea="c"), forge, "d")
    assert {name: person.login(name) for name in ("github", "gitlab", "gitea")} == {
        "github": "", "gitlab": "", "gitea": "", forge: "d"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("origin", "forge"),
    [
        ("https://github.com/acme/app.git", "github"), ("git@GitHub.com:acme/app.git", "github"),
        ("ssh://git@gitlab.acme.example:2222/acme/app.git", "gitlab"), ("https://gitea.acme.example/a/b", "gitea"),
        ("https://codeberg.org/acme/app", "gitea"), ("https://forgejo.acme.example/a/b", "gitea"),
        ("https://user:token@github.acme.example/a/b", "github"), ("https://git.acme.example/github/b", ""),
        ("/srv/github.com/app.git", ""), ("./github.com/app.git", ""), ("../gitlab/app.git", ""),
        ("file://github.com/app.git", ""), ("file:github/app.git", ""), ("", ""),
    ],
)  # fmt: skip
def test_the_forge_is_known_by_the_host_of_origin(origin: str, forge: str) -> None:
    assert forge_of(origin) == forge


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("https://github.com/acme/app.git", "acme/app"), ("git@github.com:acme/app.git", "acme/app"),
        ("https://user:token@github.com/acme/app/", "acme/app"), ("https://github.com/acme/app/.git", "acme/app"),
        ("ssh://git@git.acme.example:2222/~ada/shop.git", "~ada/shop"), ("git+ssh://host/a/b", "a/b"),
        ("https://git.acme.example/mirror/a/b", "a/b"), ("https://gitlab.acme.example/group/sub/app", "group/sub/app"),
        ("git@GitLab.com:group/sub/app.git", "group/sub/app"), ("https://dev.azure.com/acme/_git/shop", "acme/shop"),
        ("https://dev.azure.com/acme/proj/_git/shop", "proj/shop"),
        ("git@ssh.dev.azure.com:v3/acme/proj/shop", "proj/shop"),
        ("https://bitbucket.acme.example/scm/web/shop.git", "web/shop"), ("https://host/./a/../b", "a/b"),
        ("https://host/a b/c", ""), ("https://host/", ""), ("/srv/acme/app.git", ""), ("../acme/app", ""),
        ("file:///srv/acme/app.git", ""), ("C:/acme/app", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_repository_is_named_after_the_end_of_its_address(origin: str, name: str) -> None:
    assert repository_name(origin) == name
