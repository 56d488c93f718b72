"""What holds for every course of reviews, whatever its order: compared with a slow and obvious account."""

from __future__ import annotations

import random
from dataclasses import replace

from approvals.test_count import CHANGE, HEAD, HERE, POLICY, entry, protection
from hypothesis import given
from hypothesis import strategies as st

from gate.approvals.content import contents_of
from gate.approvals.count import Count, CountContext, count
from gate.approvals.reviews import PullRequest, Review, ShownChange, review_decisions
from gate.model import Approval

LOGINS = {"senior-l": "@senior", "peer-l": "@peer", "author-l": "@author", "ci-l": "@ci", "nobody-l": ""}
PEOPLE = {
    name: replace(person, github=next((login for login, who in LOGINS.items() if who == name), ""))
    for name, person in POLICY.people.items()
}
KNOWN = replace(POLICY, people=PEOPLE)
OLD = "e" * 40
SEEN = {
    HEAD: ShownChange(HERE, contents_of(CHANGE.files)),
    OLD: ShownChange("9" * 64, contents_of(CHANGE.files[:1])),
}

reviews = st.builds(
    Review,
    id=st.integers(0, 10**6).map(str),
    login=st.sampled_from([*LOGINS, "PEER-L"]),
    state=st.sampled_from(["approved", "objected", "dismissed"]),
    commit=st.sampled_from([HEAD, OLD, "f" * 40, ""]),
    at=st.integers(0, 1000),
)
courses = st.lists(reviews, max_size=8, unique_by=(lambda one: one.id, lambda one: one.at))


def counted(course: list[Review], *signed: str, retargeted: int = 0) -> Count:
    request = PullRequest(
        "github", "acme/x", 1, "main", HEAD, "author-l", tuple(course), retargeted=retargeted
    )
    brought = review_decisions(request, CHANGE, KNOWN, SEEN, frozenset())
    question = CountContext(CHANGE, KNOWN, protection(), 1_800_000_000).with_reviews(brought)
    return count([*brought.decisions, *(entry(name, signer=name) for name in signed)], question)


def those(approvals: tuple[Approval, ...], kind: str) -> set[str]:
    return {one.by for one in approvals if one.counted and one.kind == kind}


@given(courses)
def test_the_latest_decision_of_each_person_is_theirs(course: list[Review]) -> None:
    latest: dict[str, Review] = {}
    for review in sorted(course, key=lambda one: one.at):
        latest[LOGINS[review.login.lower()]] = review
    latest.pop("", None)
    approved = {
        who
        for who, review in latest.items()
        if review.state == "approved" and review.commit == HEAD and who in {"@senior", "@peer"}
    }
    found = counted(course).approvals
    assert those(found, "approve") == approved
    assert those(found, "block") == {who for who, review in latest.items() if review.state == "objected"}
    assert len(found) == len(course)


@given(courses, st.randoms())
def test_the_order_in_which_they_are_reported_never_matters(
    course: list[Review], chance: random.Random
) -> None:
    shuffled = list(course)
    chance.shuffle(shuffled)
    assert counted(course) == counted(shuffled)


@given(courses, st.sets(st.sampled_from(["senior", "peer"])))
def test_an_objection_outweighs_every_signature_of_that_person(
    course: list[Review], signed: set[str]
) -> None:
    found = counted(course, *sorted(signed)).approvals
    assert not those(found, "approve") & those(found, "block")


@given(courses, st.integers(0, 1000))
def test_another_target_only_takes_approvals_away(course: list[Review], moment: int) -> None:
    before, after = counted(course).approvals, counted(course, retargeted=moment).approvals
    assert those(after, "approve") <= those(before, "approve")
    assert those(after, "block") == those(before, "block")
