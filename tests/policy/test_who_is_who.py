"""One person, one identity: e-mail addresses, and the no-reply addresses of forges."""

from __future__ import annotations

import pytest

from gate.policy.people import people_by_emails, person_by_email
from gate.policy.types import Person, Policy

POLICY = Policy(
    people={
        person.name: person
        for person in (
            Person("@ada", emails=("Ada@acme.example",), github="ada-gh", gitlab="ada.gl", gitea="ada"),
            Person("@bob", github="Bob", gitlab="55-bob"),
            Person("@cyd", gitlab="bob"),
            Person("@ci", role="bot", github="ci[bot]"),
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
    "41898282+ci[bot]@users.noreply.github.com": "@ci",
}
NOBODY = (
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
