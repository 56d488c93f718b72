"""Other people's clients of GitLab and Gitea read our loopback server: its paths, pages and fields are theirs.

python-gitlab knows GitLab's resources as objects, and gitea-api-client is generated from Gitea's own
description. gate uses neither of these faces, so that what it assumes is held against what they know.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

import pytest
from gitlab import Gitlab
from support.forge import NUMBER, PROJECT, TOKEN, Forge, Kind, serving


def busy(kind: Kind) -> Iterator[Forge]:
    with serving(kind) as forge:
        forge.push("a" * 40)
        forge.commits.append(("newhire@acme.example", "newbie"))
        forge.approve("nmonrose")
        forge.push("b" * 40)
        forge.approve("Bob-B")
        forge.refuse("lovelace")
        forge.aim("main")
        yield forge


@pytest.fixture
def gitlab() -> Iterator[Forge]:
    yield from busy("gitlab")


@pytest.fixture
def gitea() -> Iterator[Forge]:
    yield from busy("gitea")


def test_gitlab_as_python_gitlab_knows_it(gitlab: Forge) -> None:
    parts = urlsplit(gitlab.url)
    client = Gitlab(f"{parts.scheme}://{parts.netloc}", private_token=TOKEN)
    request = client.projects.get(PROJECT, lazy=True).mergerequests.get(NUMBER)
    assert (request.sha, request.target_branch, request.author["username"]) == ("b" * 40, "main", "newbie")
    approvals = request.approvals.get()
    assert [one["user"]["username"] for one in approvals.approved_by] == ["nmonrose", "Bob-B"]
    reviewers = {one.user["username"]: one.state for one in request.reviewer_details.list(iterator=True)}
    assert reviewers == {"lovelace": "requested_changes"}
    versions = [one.head_commit_sha for one in request.diffs.list(iterator=True)]
    assert versions == ["b" * 40, "a" * 40]
    notes = [one.body for one in request.notes.list(iterator=True) if one.system]
    assert notes.count("approved this merge request") == 2
    assert [one.author_email for one in request.commits()] == ["newhire@acme.example"]
    gitlab.teams["acme/web"] = ["nmonrose", "lovelace", "Bob-B"]
    group = client.groups.get("acme/web", lazy=True)
    assert [one.username for one in group.members_all.list(iterator=True)] == gitlab.teams["acme/web"]


@pytest.mark.slow
def test_gitea_as_its_own_description_knows_it(gitea: Forge) -> None:
    asyncio.run(read_with_the_generated_client(gitea))


async def read_with_the_generated_client(gitea: Forge) -> None:
    # Importing this client takes as long as collecting all other tests together.
    from gitea_api_client import ApiClient, Configuration, IssueApi, OrganizationApi, RepositoryApi

    gitea.page = 50
    gitea.teams["acme/core"] = ["nmonrose"]
    owner, _, name = PROJECT.partition("/")
    async with ApiClient(Configuration(host=gitea.url)) as client:
        repository, organisation = RepositoryApi(client), OrganizationApi(client)
        pull = await repository.repo_get_pull_request(owner, name, NUMBER)
        assert pull.head
        assert pull.base
        assert pull.user
        assert (pull.head.sha, pull.base.ref, pull.user.login) == ("b" * 40, "main", "newbie")
        reviews = await repository.repo_list_pull_reviews(owner, name, NUMBER, page=1, limit=50)
        assert [
            (one.user and one.user.login, one.state, one.dismissed, one.commit_id) for one in reviews
        ] == [
            ("nmonrose", "APPROVED", False, "a" * 40),
            ("Bob-B", "APPROVED", False, "b" * 40),
            ("lovelace", "REQUEST_CHANGES", False, "b" * 40),
        ]
        assert all(isinstance(one.submitted_at, datetime) for one in reviews)
        commits = await repository.repo_get_pull_request_commits(owner, name, NUMBER)
        assert [one.author and one.author.login for one in commits] == ["newbie"]
        events = await IssueApi(client).issue_get_comments_and_timeline(owner, name, NUMBER)
        assert [one.type for one in events] == ["label", "change_target_branch"]
        assert [one.state for one in await repository.repo_list_pull_requests(owner, name)] == ["open"]
        teams = await organisation.org_list_teams("acme")
        assert [team.name for team in teams] == ["core"]
        members = await organisation.org_list_team_members(teams[0].id or 0)
        assert [one.login for one in members] == ["nmonrose"]
