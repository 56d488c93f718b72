"""What is GitLab's own: approvals bound to versions by their times, and objections that an author cannot clear."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.company import Company
from support.forge import NUMBER, PROJECT, Forge, serving
from support.site import Site, open_site


@pytest.fixture
def gitlab() -> Iterator[Forge]:
    with serving("gitlab") as forge:
        yield forge


@pytest.fixture
def lab(company: Company, gitlab: Forge) -> Site:
    return open_site(company, gitlab)


@pytest.mark.slow
@pytest.mark.parametrize("exact", [True, False], ids=["approved_at", "notes"])
def test_an_approval_is_for_the_version_that_was_there_before_it(lab: Site, exact: bool) -> None:
    lab.forge.exact = exact
    lab.forge.approve("nmonrose")
    assert lab.check().code == 0
    lab.commit("more", {"b.py": "y = 2\n"})
    assert lab.check().code == 1
    assert lab.why() == {"@nehemiah": "stale: b.py changed since"}
    lab.forge.approve("nmonrose")
    assert lab.check().code == 0


@pytest.mark.slow
def test_a_version_that_came_in_the_same_moment_is_not_what_was_approved(lab: Site) -> None:
    lab.forge.exact = True
    lab.forge.approve("nmonrose")
    lab.commit("more", {"b.py": "y = 2\n"})
    at, commit = lab.forge.versions[-1]
    lab.forge.versions[-1] = (at - 1, commit)
    assert lab.check().code == 1
    assert lab.why() == {"@nehemiah": "stale: b.py changed since"}


@pytest.mark.slow
def test_an_approval_without_a_time_is_for_nothing(lab: Site) -> None:
    lab.forge.approve("nmonrose")
    lab.forge.notes.clear()
    assert lab.check().code == 1
    assert lab.why() == {"@nehemiah": "stale: given for commit unknown, which is not available"}


def test_whoever_asks_for_a_review_anew_clears_no_objection(lab: Site) -> None:
    lab.forge.approve("nmonrose")
    lab.forge.refuse("lovelace")
    lab.forge.asked_anew.add("lovelace")
    assert lab.check().code == 1
    assert "@ada objects" in lab.check().out


def test_an_objection_that_is_only_in_the_reviewers_state(lab: Site) -> None:
    lab.forge.approve("nmonrose")
    lab.forge.refuse("lovelace")
    lab.forge.notes = [note for note in lab.forge.notes if note[1] != "lovelace"]
    assert lab.check().code == 1


def test_gitlab_lags_behind_its_own_repository(lab: Site) -> None:
    lab.forge.approve("nmonrose")
    lab.commit("more", {"b.py": "y = 2\n"})
    lab.forge.versions.pop()
    answer = lab.check()
    assert answer.code == 3
    assert f"{PROJECT}!{NUMBER}: GitLab has not yet processed the commit" in answer.err


def test_the_target_was_deleted_and_gitlab_aimed_the_request_anew(lab: Site) -> None:
    lab.forge.approve("nmonrose")
    body = "deleted the `dev` branch. This merge request now targets the `main` branch"
    lab.forge.notes.append((lab.forge.now + 1, "root", body))
    assert lab.check().code == 1
    assert "aimed at this branch" in lab.why()["@nehemiah"]


@pytest.mark.slow
def test_the_account_of_a_projects_token_is_a_bot(lab: Site) -> None:
    login = "project_42_bot_9f"
    lab.company.set_policy(lab.company.policy().replace("[nehemiah@acme.example]", f"[], gitlab: {login}"))
    lab.forge.approve(login)
    assert lab.check().code == 1
    assert lab.why() == {"@nehemiah": "a bot cannot approve"}


def test_the_token_of_a_job_is_sent_as_one(lab: Site) -> None:
    lab.forge.approve("nmonrose")
    lab.judge.fetch()
    env = {"CI_API_V4_URL": lab.forge.url, "CI_JOB_TOKEN": "job-token"}
    assert lab.judge.gate("check", "--head", lab.head, "--reviews", lab.forge.spec, env=env).code == 0
    assert lab.forge.tokens == {"job-token"}
