"""GitHub as GitHub itself describes it: our questions and answers held against its own OpenAPI, and real events."""

from __future__ import annotations

import base64
import json
import re
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
from support.forge import NUMBER, PROJECT, TOKEN, Forge, serving
from support.npm import install, node
from support.site import actions

from gate.errors import CannotDecide, UsageError
from gate.forges import connect, forge
from gate.forges.places import PullRequestRef, find_request
from gate.forges.wire import Answer, Query, Refused, Wire, ask

PACKAGES = ("@octokit/openapi@21", "@octokit/webhooks-examples@7", "@stoplight/prism-cli@5")
ASKED = {
    "/repos/{owner}/{repo}/pulls/{pull_number}": f"/repos/{PROJECT}/pulls/{NUMBER}",
    "/repos/{owner}/{repo}/pulls/{pull_number}/reviews": f"/repos/{PROJECT}/pulls/{NUMBER}/reviews",
    "/repos/{owner}/{repo}/pulls/{pull_number}/commits": f"/repos/{PROJECT}/pulls/{NUMBER}/commits",
    "/repos/{owner}/{repo}/issues/{issue_number}/events": f"/repos/{PROJECT}/issues/{NUMBER}/events",
    "/repos/{owner}/{repo}/commits/{commit_sha}/pulls": f"/repos/{PROJECT}/commits/{'a' * 40}/pulls",
    "/orgs/{org}/teams/{team_slug}/members": "/orgs/acme/teams/core/members",
}
ACCEPTED = "application/vnd.github+json"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What GitHub publishes about itself, and a server for it, from npm."""
    return install(tmp_path_factory.mktemp("npm"), *PACKAGES)


@pytest.fixture(scope="session")
def description(packages: Path) -> dict[str, Any]:
    """GitHub's OpenAPI, cut to what gate asks: prism does not start on the whole of it.

    The pages' headers are left out, since their examples lead from page to page without end, and what is sent is
    called by the type that GitHub answers with when it is asked for, for prism compares the two by their letters.
    """
    text = (packages / "@octokit/openapi/generated/api.github.com.json").read_text(encoding="utf-8")
    whole: dict[str, Any] = json.loads(text)
    whole.pop("x-webhooks", None)
    whole["paths"] = {path: {"get": whole["paths"][path]["get"]} for path in ASKED}
    for item in whole["paths"].values():
        answers = item["get"]["responses"]
        answers["200"].pop("headers", None)
        answers["200"]["content"] = {ACCEPTED: answers["200"]["content"]["application/json"]}
        item["get"]["responses"] = {"200": answers["200"]}
    return whole


@pytest.fixture(scope="session")
def prism(
    packages: Path, description: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a server that answers by the description, and refuses what it does not allow."""
    file = tmp_path_factory.mktemp("prism") / "openapi.json"
    file.write_text(json.dumps(description))
    argv = [
        "node",
        str(packages / "@stoplight/prism-cli/dist/index.js"),
        "mock",
        "-p",
        "0",
        str(file),
    ]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout
    try:
        for line in process.stdout:
            found = re.search(r"listening on (http://127\.0\.0\.1:\d+)", line)
            if found:
                yield found[1]
                break
        else:
            pytest.fail("prism did not start")
    finally:
        process.terminate()
        process.communicate()


def place(api: str, number: int = NUMBER, commit: str = "") -> PullRequestRef:
    return PullRequestRef("github", api, PROJECT, number, "GITHUB_TOKEN", TOKEN, commit)


def test_our_questions_are_those_that_github_describes(prism: str) -> None:
    """Its own examples are read: a pull request, a review that approves, commits, events, members of a team."""
    wire = connect(place(prism))
    request = forge(wire.request_ref).read_request(wire)
    assert re.fullmatch(r"[0-9a-f]{40}", request.head)
    assert request.into
    assert [review.state for review in request.reviews] == ["approved"]
    assert re.fullmatch(r"[0-9a-f]{40}", request.reviews[0].commit)
    assert request.logins
    assert forge(wire.request_ref).read_team(wire, "@acme/core")


def test_a_push_is_looked_up_as_github_describes(prism: str) -> None:
    wire = connect(place(prism, 0, "a" * 40))
    with pytest.raises(CannotDecide, match="no open pull request has aaaaaaaaaaaa as its head"):
        forge(wire.request_ref).read_request(wire)


def test_the_description_refuses_what_it_does_not_allow(prism: str) -> None:
    """Else the tests above would prove nothing."""
    wire = connect(place(prism))
    with pytest.raises(Refused) as refused:
        wire.get(f"/repos/{PROJECT}/pulls/{NUMBER}/reviews", {"page": "second"})
    assert refused.value.status == 422
    with pytest.raises(CannotDecide, match="has no /repos/acme/shortener/elsewhere"):
        ask(wire, f"/repos/{PROJECT}/elsewhere", {})


def in_json_schema(part: Any) -> Any:
    """OpenAPI 3.0's schemas as JSON Schema has them, less what must be there: our server says only what is read."""
    if isinstance(part, list):
        return [in_json_schema(item) for item in part]
    if not isinstance(part, dict):
        return part
    made = {
        name: in_json_schema(value) for name, value in part.items() if name not in {"required", "nullable"}
    }
    return {"anyOf": [made, {"type": "null"}]} if part.get("nullable") is True else made


@pytest.fixture
def busy() -> Iterator[Forge]:
    with serving("github") as busy:
        busy.page = 100
        busy.push("a" * 40)
        busy.commits += [("a@acme.example", "newbie"), ("b@acme.example", "")]
        busy.teams["acme/core"] = ["nmonrose"]
        for act in (busy.approve, busy.refuse, busy.comment):
            act("nmonrose")
        busy.approve("robot", bot=True)
        busy.take_back("robot")
        busy.aim("main")
        yield busy


@pytest.mark.parametrize("path", ASKED)
def test_our_own_server_says_nothing_that_github_would_not(
    busy: Forge, description: dict[str, Any], path: str
) -> None:
    """Every field that the loopback server has is one of GitHub's, with a value that may be there."""
    with urllib.request.urlopen(busy.url + ASKED[path]) as answer:  # noqa: S310 - it is the server above
        result = json.load(answer)
    schema = description["paths"][path]["get"]["responses"]["200"]["content"][ACCEPTED]["schema"]
    whole = in_json_schema({**schema, "components": description["components"]})
    jsonschema.Draft202012Validator(whole).validate(result)
    assert result


@pytest.mark.parametrize("name", ["pull_request", "pull_request_review", "push"])
def test_real_events(packages: Path, tmp_path: Path, name: str) -> None:
    """The payloads that GitHub gives as examples of its events."""
    file = packages / "@octokit/webhooks-examples/api.github.com/index.json"
    events = json.loads(file.read_text(encoding="utf-8"))
    (examples,) = [event["examples"] for event in events if event["name"] == name]
    assert examples
    for example in examples:
        environ = actions(tmp_path, name, example)
        try:
            place = find_request("auto", environ)
        except UsageError:
            pytest.fail(f"{name} {example.get('action')} was not understood")
        if name == "push":
            assert place.commit == example["after"]
        else:
            assert place.number == example["pull_request"]["number"]


TRIES = 5
SEED = """
tokens:
  token_newbie: {login: newbie, scopes: [repo, user]}
  token_nmonrose: {login: nmonrose, scopes: [repo, user]}
github:
  users:
    - {login: newbie, name: New Hire, email: newhire@acme.example}
    - {login: nmonrose, name: Nehemiah, email: nehemiah@acme.example}
  repos:
    - {owner: newbie, name: shortener, auto_init: true}
"""


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[str]:
    """The address of `emulate`, somebody else's GitHub that keeps state."""
    folder = install(tmp_path, "emulate@0.12.2")
    (tmp_path / "seed.yaml").write_text(SEED)
    program = str(folder / "emulate" / "dist" / "index.js")
    for _ in range(TRIES):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        argv = [node(24), program, "start", "--service", "github", "--port", str(port), "--seed", "seed.yaml"]
        process = subprocess.Popen(
            argv, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout
        try:
            # It takes no port that is free by itself, and somebody else may have taken this one meanwhile.
            if any("Ready" in line for line in process.stdout):
                yield f"http://127.0.0.1:{port}"
                return
        finally:
            process.terminate()
            process.communicate()
    pytest.fail("emulate did not start")


class WithoutEvents:
    """A wire to the emulator, which knows no events of a request: there are none."""

    def __init__(self, wire: Wire) -> None:
        self.request_ref, self._wire = wire.request_ref, wire

    def get(self, path: str, query: Query) -> Answer:
        return Answer([], {}) if path.endswith("/events") else self._wire.get(path, query)


def test_the_life_of_a_review_on_somebody_elses_github(emulator: str) -> None:
    """Approve, request changes, comment, dismiss: done by the one side of the API, and read by the other."""
    repository = "/repos/newbie/shortener"

    def call(method: str, path: str, who: str, **body: Any) -> Any:
        headers = {"Authorization": f"token token_{who}"}
        answer = requests.request(method, f"{emulator}{path}", json=body or None, headers=headers, timeout=20)
        assert answer.ok, answer.text
        return answer.json()

    start = call("GET", f"{repository}/git/ref/heads/main", "newbie")["object"]["sha"]
    call("POST", f"{repository}/git/refs", "newbie", ref="refs/heads/feature", sha=start)
    content = base64.b64encode(b"x = 2\n").decode()
    call("PUT", f"{repository}/contents/a.py", "newbie", message="v2", content=content, branch="feature")
    pull = call("POST", f"{repository}/pulls", "newbie", title="v2", head="feature", base="main")
    wire = WithoutEvents(
        connect(PullRequestRef("github", emulator, "newbie/shortener", 1, "GITHUB_TOKEN", "token_newbie"))
    )

    def read() -> list[str]:
        request = forge(wire.request_ref).read_request(wire)
        assert (request.head, request.into, request.author) == (pull["head"]["sha"], "main", "newbie")
        assert {review.commit for review in request.reviews} <= {request.head}
        assert {review.login for review in request.reviews} <= {"nmonrose"}
        return [review.state for review in request.reviews]

    reviews = f"{repository}/pulls/1/reviews"
    assert read() == []
    call("POST", reviews, "nmonrose", event="COMMENT", body="hm")
    call("POST", reviews, "nmonrose", event="APPROVE")
    assert read() == ["approved"]
    objection = call("POST", reviews, "nmonrose", event="REQUEST_CHANGES", body="no")
    assert read() == ["approved", "objected"]
    call("PUT", f"{reviews}/{objection['id']}/dismissals", "newbie", message="settled", event="DISMISS")
    assert read() == ["approved", "dismissed"]
