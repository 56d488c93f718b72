"""Which request CI is about, from its variables and events; merge groups, pushes, and what is no request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.forge import NUMBER, PROJECT, TOKEN, Kind
from support.site import Site, actions

from gate.errors import CannotDecide, UsageError
from gate.forges.places import find_request

SHA = "c" * 40
QUEUE = f"refs/heads/gh-readonly-queue/main/pr-{NUMBER}-{SHA}"


@pytest.mark.parametrize(
    ("name", "event", "expected"),
    [
        ("pull_request", {"pull_request": {"number": 12}}, (12, "", False)),
        ("pull_request_target", {"pull_request": {"number": 12}}, (12, "", False)),
        ("pull_request_review", {"pull_request": {"number": 12}, "review": {}}, (12, "", False)),
        ("merge_group", {"merge_group": {"head_ref": QUEUE}}, (12, "", True)),
        ("push", {"after": SHA, "ref": "refs/heads/feature"}, (0, SHA, False)),
    ],
)
@pytest.mark.parametrize("kind", ["github", "gitea"])
def test_events_of_actions(
    tmp_path: Path, kind: Kind, name: str, event: dict[str, Any], expected: tuple[int, str, bool]
) -> None:
    environ = actions(tmp_path, name, event)
    if kind == "gitea":
        environ |= {"GITEA_ACTIONS": "true", "GITHUB_API_URL": "https://git.example.com/api/v1"}
    place = find_request("auto", environ)
    assert (place.number, place.commit, place.queued) == expected
    assert (place.source, place.api, place.project) == (kind, environ["GITHUB_API_URL"], PROJECT)
    assert (place.variable, place.token) == ("GITHUB_TOKEN", TOKEN)
    assert TOKEN not in repr(place)


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("schedule", {}),
        ("pull_request", {"pull_request": {"number": "12"}}),
        ("merge_group", {"merge_group": {"head_ref": "refs/heads/other"}}),
        ("merge_group", {"merge_group": {"head_ref": f"{QUEUE}/../../x"}}),
    ],
)
def test_events_about_no_pull_request(tmp_path: Path, name: str, event: object) -> None:
    with pytest.raises(UsageError, match="has no pull request"):
        find_request("auto", actions(tmp_path, name, event))


def test_an_event_that_cannot_be_read(tmp_path: Path) -> None:
    environ = actions(tmp_path, "pull_request", [])
    with pytest.raises(CannotDecide, match="has no event"):
        find_request("auto", environ)
    with pytest.raises(CannotDecide, match="cannot be read"):
        find_request("auto", environ | {"GITHUB_EVENT_PATH": str(tmp_path / "nothing")})


GITLAB = {"GITLAB_CI": "true", "CI_API_V4_URL": "https://gl.example.com/api/v4", "GITLAB_TOKEN": TOKEN}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"CI_MERGE_REQUEST_IID": "7", "CI_MERGE_REQUEST_PROJECT_PATH": "a/b/c"}, ("a/b/c", 7, False)),
        ({"CI_MERGE_REQUEST_IID": "7", "CI_PROJECT_PATH": "a/b"}, ("a/b", 7, False)),
        (
            {
                "CI_MERGE_REQUEST_IID": "7",
                "CI_PROJECT_PATH": "a/b",
                "CI_MERGE_REQUEST_EVENT_TYPE": "merge_train",
            },
            ("a/b", 7, True),
        ),
        ({"CI_OPEN_MERGE_REQUESTS": "a/b!9", "CI_PROJECT_PATH": "fork/b"}, ("a/b", 9, False)),
    ],
)
def test_pipelines_of_gitlab(variables: dict[str, str], expected: tuple[str, int, bool]) -> None:
    place = find_request("auto", GITLAB | variables)
    assert (place.project, place.number, place.queued) == expected
    assert (place.source, place.api) == ("gitlab", "https://gl.example.com/api/v4")


@pytest.mark.parametrize("opened", ["", "a/b!9,a/b!10"])
def test_pipelines_of_no_request_or_of_two(opened: str) -> None:
    with pytest.raises(UsageError, match="--reviews auto"):
        find_request("auto", GITLAB | {"CI_OPEN_MERGE_REQUESTS": opened})


def test_the_token_of_a_job_is_the_last_choice() -> None:
    spec = "gitlab:a/b/c!3"
    job = {"CI_JOB_TOKEN": "job"}
    assert find_request(spec, job).variable == "CI_JOB_TOKEN"
    assert find_request(spec, job | {"GITLAB_TOKEN": TOKEN}).variable == "GITLAB_TOKEN"


def test_giteas_own_github_variables_do_not_lead_to_github(tmp_path: Path) -> None:
    environ = actions(
        tmp_path, "push", {}, GITEA_ACTIONS="true", GITHUB_API_URL="https://git.example.com/api/v1"
    )
    assert find_request("github:a/b#1", environ).api == "https://api.github.com"
    assert find_request("gitea:a/b#1", environ).api == "https://git.example.com/api/v1"
    with pytest.raises(UsageError, match="the address of gitea is not set"):
        find_request("gitea:a/b#1", {"GITEA_TOKEN": TOKEN})


@pytest.mark.parametrize("api", ["file:///etc/passwd", "https://user:pass@host/api", "git.example.com"])
def test_addresses_that_are_none(api: str) -> None:
    with pytest.raises(UsageError, match="the address of gitea's API is"):
        find_request("gitea:a/b#1", {"GITEA_TOKEN": TOKEN, "GITEA_API_URL": api})


@pytest.mark.slow
def test_a_pull_request_in_ci(hub: Site, tmp_path: Path) -> None:
    env = actions(tmp_path, "pull_request", {"pull_request": {"number": NUMBER}}) | hub.forge.env
    hub.judge.fetch()
    words = ("check", "--into", "main", "--head", hub.head, "--reviews", "auto")
    assert hub.judge.gate(*words, env=env).code == 1
    hub.forge.approve("nmonrose")
    assert hub.judge.gate(*words, env=env).code == 0


def test_a_push_finds_the_open_request_of_its_commit(hub: Site, tmp_path: Path) -> None:
    env = actions(tmp_path, "push", {"after": hub.head}) | hub.forge.env
    hub.judge.fetch()
    hub.forge.approve("nmonrose")
    words = ("check", "--head", hub.head, "--reviews", "auto")
    assert hub.judge.gate(*words, env=env).code == 0
    hub.forge.state = "closed"
    answer = hub.judge.gate(*words, env=env)
    assert answer.code == 3
    assert "no open pull request has" in answer.err


def queue(hub: Site, how: str) -> str:
    """The commit that a merge queue makes of the request."""
    new = hub.company.clone("newhire")
    new.git("checkout", "-q", "-B", "queue", "origin/main")
    if how == "merge":
        new.git("merge", "-q", "--no-ff", "-m", "queued", "feature")
    else:
        new.git("merge", "-q", "--squash", "feature")
        new.git(
            "-c", "user.name=GitHub", "-c", "user.email=noreply@github.com", "commit", "-q", "-m", "queued"
        )
    new.git("push", "-q", "-f", "origin", "queue")
    new.git("checkout", "-q", "feature")
    return new.git("rev-parse", "queue")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["merge", "squash"])
def test_a_merge_group_counts_the_reviews_of_its_request(hub: Site, tmp_path: Path, how: str) -> None:
    env = actions(tmp_path, "merge_group", {"merge_group": {"head_ref": QUEUE}}) | hub.forge.env
    hub.forge.approve("nmonrose")
    group = queue(hub, how)
    hub.judge.fetch()
    words = ("check", "--base", "origin/main", "--head", group, "--reviews", "auto")
    assert hub.judge.gate(*words, env=env).code == 0
    # Who wrote the commits that were squashed is still an author.
    hub.forge.approve("newbie")
    answer = hub.judge.gate(*words, "--format", "json", env=env)
    assert {one["by"]: one["why"] for one in json.loads(answer.out)["approvals"]} == {
        "@nehemiah": "",
        "@newhire": "author of the change",
    }


def test_a_merge_group_that_holds_something_else_is_undecided(hub: Site, tmp_path: Path) -> None:
    env = actions(tmp_path, "merge_group", {"merge_group": {"head_ref": QUEUE}}) | hub.forge.env
    hub.forge.approve("nmonrose")
    new = hub.company.clone("newhire")
    group = queue(hub, "merge")
    new.git("checkout", "-q", "queue")
    group = new.commit("rider", {"b.py": "y = 666\n"})
    hub.judge.fetch()
    answer = hub.judge.gate("check", "--base", "origin/main", "--head", group, "--reviews", "auto", env=env)
    assert answer.code == 3
    assert "is not what the request itself changes" in answer.err


@pytest.mark.slow
@pytest.mark.parametrize("how", ["merge", "squash"])
def test_a_push_to_main_is_looked_up_by_the_request_that_it_landed(
    hub: Site, tmp_path: Path, how: str
) -> None:
    hub.forge.approve("nmonrose")
    before = hub.company.clone("newhire").git("rev-parse", "origin/main")
    hub.forge.merge, hub.forge.state = queue(hub, how), "closed"
    env = actions(tmp_path, "push", {"after": hub.forge.merge}) | hub.forge.env
    hub.judge.fetch()
    words = ("check", "--base", before, "--head", hub.forge.merge, "--reviews", "auto")
    assert hub.judge.gate(*words, env=env).code == 0
    hub.forge.refuse("lovelace")
    assert hub.judge.gate(*words, env=env).code == 1


@pytest.mark.parametrize(
    ("spec", "variables", "page"),
    [
        ("github:acme/shop#12", {}, "https://github.com/acme/shop/pull/12"),
        (
            "github:acme/shop#12",
            {"GITHUB_API_URL": "https://git.acme.example/api/v3"},
            "https://git.acme.example/acme/shop/pull/12",
        ),
        ("gitlab:acme/web/shop!7", {}, "https://gitlab.com/acme/web/shop/-/merge_requests/7"),
        (
            "gitea:acme/shop#3",
            {"GITEA_API_URL": "https://git.acme.example/forge/api/v1/"},
            "https://git.acme.example/forge/acme/shop/pulls/3",
        ),
    ],
)
def test_the_page_of_a_request(spec: str, variables: dict[str, str], page: str) -> None:
    tokens = {"GITHUB_TOKEN": "t", "GITLAB_TOKEN": "t", "GITEA_TOKEN": "t"}
    request = find_request(spec, tokens | variables)
    assert (request.page, request.name) == (page, spec.partition(":")[2])
