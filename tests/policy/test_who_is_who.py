"""One person, one identity: e-mail addresses, and the no-reply addresses of forges."""

from __future__ import annotations

import pytest

from gate.policy.people import people_by_emails, person_by_email, still_listed
from gate.policy.types import Person, Policy

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
    assert still_listed(old, now).people == {"@a": Person("@a", keys=(KEY,))}
    assert still_listed(old, Policy()) == old
