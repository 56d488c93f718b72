"""One comment on the pull request, updated in place, comments on lines, and a webhook: none changes the verdict."""

from __future__ import annotations

import socket
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from support.forge import Forge, serving
from support.site import Site
from support.waiting import PATIENCE
from support.webhooks import webhook

from gate.forges import connect
from gate.forges.comments import MARK, LineComment, put_line_comments
from gate.forges.places import find_request
from gate.forges.webhook import post


@pytest.mark.slow
def test_one_comment_is_updated_in_place(site: Site) -> None:
    assert site.check("--comment").code == 1
    (comment,) = site.forge.comments
    assert comment["body"].startswith(f"{MARK}\n## ❌ Blocked")
    assert "&#64;nehemiah" in comment["body"]
    site.forge.approve("nmonrose")
    done = site.check("--comment")
    assert (done.code, done.err) == (0, "")
    (comment,) = site.forge.comments
    assert comment["body"].startswith(f"{MARK}\n## ✅ Ready to merge into main")


@pytest.mark.slow
def test_a_comment_of_another_account_is_left_alone(site: Site) -> None:
    site.forge.comments.append({"id": 1, "body": f"{MARK}\nforged"})
    method = "PUT" if site.forge.kind == "gitlab" else "PATCH"
    site.forge.trouble(method, 403)
    assert site.check("--comment").code == 1
    assert [item["body"].splitlines()[1][:4] for item in site.forge.comments] == ["forg", "## ❌"]


def test_a_token_that_may_not_write_is_a_warning(site: Site) -> None:
    site.forge.trouble("POST", 403)
    done = site.check("--comment")
    assert done.code == 1
    assert "warning: no comment was written: the token may not write comments (status 403)" in done.err


def test_lines_are_commented_once(forge: Forge) -> None:
    wire = connect(find_request(forge.spec, forge.env))
    comments = [LineComment("a.py", line, f"finding {line}", f"key{line}") for line in (1, 2)]
    assert put_line_comments(wire, "c" * 40, comments) == ""
    bodies = [item["body"] for item in forge.lines]
    assert [body.splitlines()[0] for body in bodies] == ["finding 1", "finding 2"]
    if (
        forge.kind != "gitea"
    ):  # There a review lists no comments, and the stand-in has no such list of its own.
        assert put_line_comments(wire, "c" * 40, comments) == ""
        assert len(forge.lines) == 2


def test_a_line_that_the_forge_does_not_show_costs_no_other_comment(forge: Forge) -> None:
    forge.hidden = frozenset({1, 3})
    wire = connect(find_request(forge.spec, forge.env))
    comments = [LineComment("a.py", line, f"finding {line}", f"key{line}") for line in (1, 2, 3, 4)]
    assert put_line_comments(wire, "c" * 40, comments) == ""
    assert [item["body"].splitlines()[0] for item in forge.lines] == ["finding 2", "finding 4"]
    assert "the forge refused it" in put_line_comments(wire, "c" * 40, comments[:1])


def test_gitlab_gets_both_numbers_of_an_unchanged_line_and_both_paths_of_a_renamed_file() -> None:
    comments = [LineComment("new.py", 7, "x", "key1", "old.py", 5), LineComment("a.py", 7, "x", "key2")]
    with serving("gitlab") as forge:
        assert put_line_comments(connect(find_request(forge.spec, forge.env)), "c" * 40, comments) == ""
    positions = [item["position"] for item in forge.lines]
    assert [(at["old_path"], at.get("old_line"), at["new_path"], at["new_line"]) for at in positions] == [
        ("old.py", 5, "new.py", 7),
        ("a.py", None, "a.py", 7),
    ]


def test_comment_needs_a_request(site: Site) -> None:
    done = site.judge.gate("check", "--comment")
    assert done.code == 2
    assert "--comment needs --reviews" in done.err


@pytest.fixture
def hook() -> Any:
    with webhook() as served:
        yield served


def test_a_webhook_hears_of_the_verdict_in_slacks_format(hub: Site, hook: tuple[str, Queue[Any]]) -> None:
    address, received = hook
    done = hub.judge.gate("check", "--head", hub.head, "--webhook", "TEAM_HOOK", env={"TEAM_HOOK": address})
    assert (done.code, done.err) == (1, "")
    message = received.get(timeout=PATIENCE)
    assert message["outcome"] == "blocked"
    assert message["head"] == hub.head
    assert ":x: *acme/shortener: feature into main*" in message["text"], "CI may name only the commit"
    assert "• ask @nehemiah: code owner of" in message["text"]


def test_a_webhook_links_to_the_pull_request(site: Site, hook: tuple[str, Queue[Any]]) -> None:
    address, received = hook
    assert site.check("--webhook", "TEAM_HOOK", env={"TEAM_HOOK": address}).code == 1
    message = received.get(timeout=PATIENCE)
    assert message["link"] == find_request(site.forge.spec, site.forge.env).page
    assert message["text"].endswith(f"<{message['link']}|{site.forge.spec.partition(':')[2]}>")


def test_a_webhook_that_fails_is_a_warning_without_its_address(hub: Site) -> None:
    address = "http://127.0.0.1:9/secret"
    done = hub.judge.gate("check", "--head", hub.head, "--webhook", "TEAM_HOOK", env={"TEAM_HOOK": address})
    assert done.code == 1
    assert "warning: the webhook was not notified" in done.err
    assert "secret" not in done.out + done.err
    assert hub.judge.gate("check", "--webhook", "NO_SUCH").code == 2


@pytest.mark.parametrize(
    "address",
    ["http://[secret/x", "http://h:secret/", "http://h/secret path", "file:///secret", "secret", ""],
)
def test_an_address_that_is_none_is_a_reason_without_the_address(address: str) -> None:
    reason = post(address, {"text": "x"})
    assert reason.startswith("its address")
    assert "secret" not in reason


def test_a_server_that_does_not_speak_http_is_a_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                received = b""
                while not received.endswith(b"}"):
                    received += connection.recv(65536)
                connection.sendall(b"\x00\xff nonsense\r\n\r\n")

        thread = Thread(target=answer)
        thread.start()
        assert (
            post(f"http://127.0.0.1:{server.getsockname()[1]}/", {"text": "x"}) == "its response is not HTTP"
        )
        thread.join()
