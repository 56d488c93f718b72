"""`gate inbox --forge` and `gate status --forge`: open pull requests beside the branches that are here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.company import Clone
from support.forge import PROJECT, TOKEN
from support.site import Site

from gate.errors import UsageError
from gate.forges.places import project_at


def where(site: Site) -> str:
    return f"{site.forge.kind}:{PROJECT}"


def listed(site: Site, clone: Clone, command: str, *args: str) -> list[dict[str, Any]]:
    result = clone.gate(command, "--forge", where(site), "--format", "json", *args, env=site.forge.env)
    assert result.code == 0, result.text
    items: list[dict[str, Any]] = json.loads(result.out)
    return items


@pytest.mark.slow
def test_the_inbox_has_requests_until_i_approve_them_on_the_forge(site: Site) -> None:
    senior = site.company.clone("nehemiah")
    senior.fetch()
    shown = senior.gate("inbox", "--forge", where(site), env=site.forge.env)
    assert shown.code == 0, shown.text
    name = site.forge.spec.partition(":")[2]
    assert f'origin/feature {name} "Add export" by newbie,' in " ".join(shown.out.split())
    assert "gate review origin/feature" in shown.out
    (item,) = listed(site, senior, "inbox")
    assert (item["branch"], item["request"], item["files"]) == ("origin/feature", name, ["a.py"])
    site.forge.approve("nmonrose")
    assert listed(site, senior, "inbox") == []
    assert len(json.loads(senior.gate("inbox", "--format", "json").out)) == 1, (
        "without --forge nobody is asked"
    )


@pytest.mark.slow
def test_a_request_whose_branch_is_not_here_is_fetched_and_a_draft_is_left_out(site: Site) -> None:
    new = site.company.clone("newhire")
    new.git("push", "-q", "origin", f"{site.head}:refs/pull/12/head", ":refs/heads/feature")
    senior = site.company.clone("nehemiah")
    senior.git("fetch", "-q", "--prune")
    (item,) = listed(site, senior, "inbox")
    assert item["branch"] == site.head[:12]
    assert senior.gate("review", site.head[:12]).code == 0
    site.forge.draft = True
    assert listed(site, senior, "inbox") == []


@pytest.mark.slow
def test_status_has_the_requests_that_i_opened_with_the_reviews_on_them(site: Site) -> None:
    new = site.company.clone("newhire")
    (item,) = listed(site, new, "status")
    assert [one["names"] for one in item["reviewers"]] == [["@nehemiah"]]
    site.forge.approve("nmonrose")
    (item,) = listed(site, new, "status")
    assert item["reviewers"] == []
    assert listed(site, site.company.clone("bob"), "status") == []


def test_a_request_that_cannot_be_read_is_shown_with_the_reason(hub: Site) -> None:
    senior = hub.company.clone("nehemiah")
    hub.forge.head = "1" * 40
    shown = senior.gate("inbox", "--forge", where(hub), env=hub.forge.env)
    assert shown.code == 0
    assert "can't be fetched from origin" in " ".join(shown.out.split())


def test_without_an_answer_there_is_no_list(hub: Site) -> None:
    hub.forge.trouble("/pulls", 503)
    result = hub.company.clone("nehemiah").gate("inbox", "--forge", where(hub), env=hub.forge.env)
    assert result.code == 3
    assert "server error" in result.err


@pytest.mark.parametrize(
    ("origin", "forge", "project", "variables", "expected"),
    [
        ("git@github.com:acme/shop.git", "github", "acme/shop", {"GH_TOKEN": TOKEN}, "https://api.github.com"),
        (
            "https://gitlab.com/acme/web/shop", "gitlab", "acme/web/shop", {"GITLAB_TOKEN": TOKEN},
            "https://gitlab.com/api/v4",
        ),
        (
            "ssh://git@git.gitlab.acme.example:2222/a/b.git", "gitlab", "a/b",
            {"GITLAB_TOKEN": TOKEN, "CI_API_V4_URL": "https://git.gitlab.acme.example/api/v4"},
            "https://git.gitlab.acme.example/api/v4",
        ),
        (
            "git@gitlab.acme.example:a/b", "gitlab", "a/b", {"GITLAB_TOKEN": TOKEN},
            "set CI_API_V4_URL=https://gitlab.acme.example/api/v4",
        ),
        ("git@github.com:acme/shop.git", "github", "acme/shop", {}, "set GITHUB_TOKEN or GH_TOKEN"),
        ("/srv/git/shop.git", "", "", {"GITHUB_TOKEN": TOKEN}, "name the project"),
        ("", "", "", {}, "origin (not set)"),
    ],
)  # fmt: skip
def test_a_token_goes_only_to_the_forge_of_origin(
    origin: str, forge: str, project: str, variables: dict[str, str], expected: str
) -> None:
    try:
        answer = project_at(origin, forge, project, variables).api
    except UsageError as error:
        answer = f"{error.message}; {error.hint}"
    assert expected in answer
