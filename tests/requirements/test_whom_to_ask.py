"""Whom to ask: everybody who cannot be replaced, then what any of several people can approve; nobody is left out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from gate.model import Duty, MissingApprovals, Outcome, ReviewRequest
from gate.requirements.review_requests import folders, line_of, review_requests, where

NAMES = ["@a", "@b", "@c", "@d", "@e", "@f"]
ASKS = st.lists(
    st.builds(
        MissingApprovals,
        st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, max_size=3, unique=True).map(tuple),
        st.integers(1, 3),
        st.frozensets(st.sampled_from(NAMES), min_size=1),
    ),
    max_size=6,
)


def needs(*asks: MissingApprovals) -> Outcome:
    return Outcome("owners", "unmet", "", asks=asks)


def ask(paths: str, whom: str, need: int = 1, names: str = "", role: str = "code owner") -> MissingApprovals:
    return MissingApprovals(tuple(paths.split()), need, frozenset(whom.split()), tuple(names.split()), role)


def requested(*asks: MissingApprovals) -> list[str]:
    return [line_of(request) for request in review_requests([needs(*asks)])]


def test_each_of_ten_owners_is_named_with_their_folder() -> None:
    asks = [ask(f"d{n}/a.py d{n}/b.py", f"@owner{n}") for n in range(10)]
    assert requested(*asks) == [f"@owner{n}: code owner of d{n}/ (2 files)" for n in range(10)]


def test_who_must_approve_anyway_answers_for_what_others_could_approve_too() -> None:
    assert requested(ask("a/x.py", "@ada"), ask("b/x.py", "@ada @bob")) == [
        "@ada: code owner of a/x.py, b/x.py"
    ]


def test_files_are_requested_from_no_more_people_than_they_need() -> None:
    senior = ask("api/x.py web/y.py", "@ada", role="senior reviewer for @sam")
    assert requested(senior, ask("web/y.py", "@bob"), ask("api/x.py", "@ada @bob")) == [
        "@ada: senior reviewer for @sam; code owner of api/x.py",
        "@bob: code owner of web/y.py",
    ]


def test_a_number_of_approvals_that_the_owners_give_anyway_asks_nobody_else() -> None:
    anybody = ask("a.py b.py", "@ada @bob @cyd @dan", need=2, role="reviewer")
    assert requested(ask("a.py", "@ada"), ask("b.py", "@bob"), anybody) == [
        "@ada: code owner of a.py",
        "@bob: code owner of b.py",
    ]
    assert requested(ask("a.py", "@ada"), anybody) == [
        "@ada: code owner of a.py",
        "@bob, @cyd, or @dan: top folder (2 files)",
    ]
    team = ask("a.py b.py", "@ada @bob @cyd", need=2, names="@acme/web")
    assert requested(ask("a.py", "@ada", role="guardian"), team) == [
        "@ada: guardian; code owner of top folder (2 files)",
        "@bob or @cyd: code owner of top folder (2 files)",
    ]


def test_what_an_approval_covers_that_is_asked_for_anyway_is_named_with_it() -> None:
    """Whichever two of the three approve, one of them is @a or @b, so nobody has to be asked about `y` alone."""
    assert requested(ask("x", "@a @b @c", need=2), ask("x y", "@a @b @d")) == [
        "2 of @a, @b, and @c: code owner of top folder (2 files)"
    ]


def test_two_choices_that_share_nobody_count_as_two() -> None:
    anybody = ask("a.py b.py", "@a @b @c @d", need=2, role="reviewer")
    assert requested(ask("a.py", "@a @b"), ask("b.py", "@c @d"), anybody) == [
        "@a or @b: code owner of a.py",
        "@c or @d: code owner of b.py",
    ]


def test_a_team_is_named_as_a_team_and_its_only_member_by_name() -> None:
    assert requested(ask("a.py", "@a @b", names="@acme/web")) == ["@acme/web: code owner of a.py"]
    assert requested(ask("a.py", "@a @b @c", need=2, names="@acme/web")) == [
        "2 members of @acme/web: code owner of a.py"
    ]
    assert requested(ask("a.py", "@a", names="@acme/web")) == ["@a: code owner of a.py"]


def test_one_person_with_two_roles_is_asked_once() -> None:
    senior = ask("a.py", "@ada", role="senior reviewer for @sam")
    assert requested(ask("a.py", "@ada"), senior) == ["@ada: code owner of a.py; senior reviewer for @sam"]


def test_what_is_met_or_impossible_asks_nobody() -> None:
    assert review_requests([Outcome("owners", "met", "", asks=(ask("a.py", "@ada"),))]) == ()
    assert requested(ask("a.py", "@ada", need=2)) == []


def satisfied(asks: Sequence[MissingApprovals], people: set[str]) -> bool:
    return all(len(item.whom & people) >= item.need for item in asks if len(item.whom) >= item.need)


def choices(request: ReviewRequest) -> list[tuple[str, ...]]:
    return list(itertools.combinations(request.names, request.need))


@given(ASKS)
def test_asking_everybody_listed_satisfies_everything_whoever_answers(asks: list[MissingApprovals]) -> None:
    requests = review_requests([needs(*asks)])
    for answer in itertools.islice(itertools.product(*map(choices, requests)), 200):
        people = {name for names in answer for name in names}
        # Where a choice asks for people beyond those listed, the same person cannot be counted twice.
        if len(people) == sum(request.need for request in requests):
            assert satisfied(asks, people)


@given(ASKS)
def test_who_cannot_be_replaced_comes_first_and_is_named_once(asks: list[MissingApprovals]) -> None:
    requests = review_requests([needs(*asks)])
    possible = [item for item in asks if len(item.whom) >= item.need]
    sole = {name for item in possible if len(item.whom) == item.need for name in item.whom}
    required = [request.names[0] for request in requests if request.required]
    assert sorted(required) == sorted(sole)
    assert [request.required for request in requests] == sorted((r.required for r in requests), reverse=True)
    assert {path for item in possible for path in item.paths} == {
        path for request in requests for path in request.paths
    }


@given(ASKS)
def test_no_file_is_requested_from_more_people_than_its_rules_need(asks: list[MissingApprovals]) -> None:
    possible = [item for item in asks if len(item.whom) >= item.need]
    # Two choices between some of the same people may end with one person, so only named people are counted.
    required = [request for request in review_requests([needs(*asks)]) if request.required]
    for path in {path for item in possible for path in item.paths}:
        most = sum(item.need for item in possible if path in item.paths)
        assert len([request for request in required if path in request.paths]) <= most


def test_folders_are_counted_with_those_above_where_there_are_too_many() -> None:
    paths = [f"shop/{part}/{name}.py" for part in ("api", "web", "db", "cli") for name in ("a", "b")]
    assert folders(paths) == [("shop/", 8)]
    assert folders(paths, 4) == [("shop/api/", 2), ("shop/cli/", 2), ("shop/db/", 2), ("shop/web/", 2)]
    assert folders(["shop/a.py", "shop/b.py", "shop/deep/c.py"]) == [("shop/", 3)]
    assert where([f"d{n}/a.py" for n in range(9)]) == "d0/a.py, d1/a.py, 7 more folders (7 files)"
    assert where(["setup.py"]) == "setup.py"
    assert where(["a.py", "b.py"]) == "top folder (2 files)"


@given(st.lists(st.text("ab/", min_size=1, max_size=6).filter(lambda t: not t.endswith("/")), unique=True))
def test_no_file_is_lost_in_a_folder(paths: list[str]) -> None:
    assert sum(count for _, count in folders(paths)) == len(paths)


def test_roles_without_folders_read_well() -> None:
    request = ReviewRequest(("@acme/guardians",), 1, (Duty("guardian", ("gate.yaml",)),))
    assert line_of(request) == "@acme/guardians: guardian"
