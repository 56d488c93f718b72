"""A forge that lags, lies, limits or breaks: undecided with one sentence, never passed; and whose token it is."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest
from support.forge import NUMBER, PROJECT, TOKEN
from support.site import Site, with_logins

PAST_APPROVAL = [
    # where, status, headers, body, what is said
    ("/reviews", 500, {}, "{}", "had a server error (500)"),
    ("/reviews", 502, {}, "<html>bad gateway</html>", "had a server error (502)"),
    ("/pulls/", 401, {}, '{"message": "Bad credentials"}', "rejected the token in"),
    ("/pulls/", 404, {}, '{"message": "Not Found"}', "or hides it from the token in"),
    ("/commits", 403, {}, '{"message": "Resource not accessible"}', "does not allow the token in"),
    ("/reviews", 200, {}, '{"message": "not a list"}', "sent an unreadable response"),
    ("/reviews", 200, {}, "[1, 2]", "sent an unreadable response"),
    ("/reviews", 200, {}, "no json at all", "unreadable response"),
    ("/reviews", 200, {}, '[{"state": "APPROVED", "id": 1}]', "in an unknown state"),
    ("/reviews", 200, {}, '[{"state": "SIDELINED"}]', "unknown state (SIDELINED)"),
    (
        "/reviews",
        403,
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1790000000"},
        '{"message": "API rate limit exceeded"}',
        "rate limit of the token reached, until",
    ),
    ("/reviews", 429, {"Retry-After": "60"}, '{"message": "slow down"}', "rate limit of the token reached"),
    ("/reviews", 0, {}, "", "could not be reached for"),
]


@pytest.mark.parametrize(("where", "status", "headers", "body", "expected"), PAST_APPROVAL)
def test_github_in_trouble(
    hub: Site, where: str, status: int, headers: dict[str, str], body: str, expected: str
) -> None:
    hub.forge.approve("nmonrose")
    hub.forge.trouble(where, status, headers=headers, body=body)
    answer = hub.check()
    assert answer.code == 3
    assert expected in answer.err.replace("\n", " ")
    assert TOKEN not in answer.text


@pytest.mark.slow
@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 0])
def test_any_forge_in_trouble_at_any_question(site: Site, status: int) -> None:
    site.forge.approve("nmonrose")
    assert site.check().code == 0
    questions = list(dict.fromkeys(site.forge.asked))
    assert len(questions) >= 4
    for question in questions:
        site.forge.troubles.clear()
        site.forge.trouble(question.rpartition("/")[2], status)
        answer = site.check()
        assert answer.code == 3, question
        assert answer.err.startswith(f"gate: {site.forge.kind}")
        assert answer.err.count("\n") <= 2
        assert TOKEN not in answer.text


@pytest.mark.attack(20, "one page of the list of reviews fails")
def test_20_a_page_that_fails_fails_the_whole_list(site: Site) -> None:
    """Threat 20: an objection may be on the page that does not come."""
    site.forge.approve("nmonrose")
    for _ in range(4):
        site.forge.comment("lovelace")
    site.forge.refuse("lovelace")
    assert site.check().code == 1
    site.forge.trouble("page=2", 500)
    assert site.check().code == 3


@pytest.mark.slow
def test_a_forge_that_says_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threat 20: there is an end to waiting."""
    monkeypatch.setattr("gate.forges.clients.PATIENCE", 1)
    done = threading.Event()
    site.forge.meanwhile["/reviewers" if site.forge.kind == "gitlab" else "/reviews"] = done.wait
    try:
        answer = site.check()
    finally:
        done.set()
    assert answer.code == 3
    assert "no answer within 1 seconds" in answer.err


def test_nobody_is_there(site: Site) -> None:
    closed = site.forge.url.replace("127.0.0.1", "127.0.0.2")
    env = {name: closed for name, value in site.forge.env.items() if value == site.forge.url}
    answer = site.check(env=env)
    assert answer.code == 3
    assert "could not be reached for" in answer.err
    assert "no connection" in answer.err


@pytest.mark.attack(33, "redirect a request with the token to another host")
def test_33_the_token_does_not_follow_to_another_host(site: Site) -> None:
    """Threat 33: a forge, or somebody who impersonates it, sends gate elsewhere."""
    with socket.create_server(("127.0.0.2", 0)) as elsewhere:
        elsewhere.setblocking(False)
        target = f"http://127.0.0.2:{elsewhere.getsockname()[1]}/x"
        site.forge.trouble("", 302, headers={"Location": target})
        answer = site.check()
        assert answer.code == 3, answer.text
        assert "Traceback" not in answer.text
        with pytest.raises(BlockingIOError):
            elsewhere.accept()


def test_an_answer_that_is_too_deep_to_be_read(site: Site) -> None:
    site.forge.trouble("", 200, body="[" * 100_000)
    answer = site.check()
    assert answer.code == 3, answer.text
    assert "Traceback" not in answer.text


def test_pages_that_never_end(hub: Site) -> None:
    hub.forge.approve("nmonrose")
    hub.forge.trouble("/reviews", 200, headers={"Link": '<http://x/>; rel="next"'}, body="[]")
    answer = hub.check()
    assert answer.code == 3
    assert "pages are missing or endless" in answer.err


@pytest.mark.slow
@pytest.mark.attack(20)
def test_20_the_forge_lags_behind_the_push(site: Site) -> None:
    """Threat 20: expect the head."""
    site.forge.approve("nmonrose")
    site.commit("sneaked in", {"b.py": "y = 9\n"}, push=False)
    answer = site.check()
    assert answer.code == 3
    assert "but gate checks" in answer.err
    site.forge.push(site.head)
    assert site.check().code == 1


@pytest.mark.attack(20, "the head moves while the reviews are read")
def test_20_the_head_moves_while_it_is_read(site: Site) -> None:
    """Threat 20: what was read before and after does not fit together."""
    site.forge.approve("nmonrose")
    site.forge.meanwhile["/commits"] = lambda: site.forge.push("2" * 40)
    answer = site.check()
    assert answer.code == 3
    assert "changed while it was being read" in answer.err


@pytest.mark.attack(20, "a comment or a refusal while the reviews are read")
@pytest.mark.parametrize("event", ["refuse", "remove_a_comment"])
def test_20_something_else_happens_while_it_is_read(site: Site, event: str) -> None:
    """Threat 20: an objection that came after its page was read, or that slipped from page to page."""
    site.forge.approve("nmonrose")
    acts = {"refuse": lambda: site.forge.refuse("lovelace"), "remove_a_comment": site.forge.remove_a_comment}
    site.forge.meanwhile["/commits"] = acts[event]
    answer = site.check()
    assert answer.code == 3
    assert "changed while it was being read" in answer.err


def test_it_is_read_after_the_checks_and_right_before_the_verdict(site: Site) -> None:
    site.forge.approve("nmonrose")
    require = "      owners: true\n      checks: [slow]\n"
    mark = site.company.path / "ran"
    policy = site.company.policy(require, more=f'  slow: {{command: ["touch", "{mark}"], report: none}}\n')
    site.company.set_policy(with_logins(policy))
    seen = []
    site.forge.meanwhile["12" if site.forge.kind == "gitlab" else f"/pulls/{NUMBER}"] = lambda: seen.append(
        mark.exists()
    )
    assert site.check().code == 0
    assert seen == [True]


@pytest.mark.slow
def test_a_cached_answer_never_replaces_a_forge(hub: Site) -> None:
    hub.forge.approve("nmonrose")
    words = ("check", "--head", hub.head, "--reviews", hub.forge.spec)
    hub.judge.fetch()
    assert hub.judge.gate_process(*words, env=hub.forge.env).code == 0
    hub.forge.refuse("lovelace")
    assert hub.judge.gate_process(*words, env=hub.forge.env).code == 1
    hub.forge.trouble("/reviews", 500)
    assert hub.judge.gate_process(*words, env=hub.forge.env).code == 3


@pytest.mark.slow
@pytest.mark.attack(18, "dismiss a newer review, to revive an older approval")
def test_18_an_old_approval_does_not_come_back_when_a_newer_decision_is_dismissed(site: Site) -> None:
    """Threat 18."""
    site.forge.approve("nmonrose")
    site.forge.refuse("nmonrose")
    site.forge.take_back("nmonrose")
    if site.forge.kind == "gitlab":
        # There only the person can lift it, by approving.
        site.forge.reviews[-1].state = "commented"
    answer = site.check()
    assert answer.code == 1
    assert not any(one["counted"] and one["kind"] == "approve" for one in site.verdict()["approvals"])


@pytest.mark.slow
@pytest.mark.attack(18, "dismiss a newer review, to revive a signed approval")
def test_18_a_signed_approval_does_not_come_back_either(hub: Site) -> None:
    """Threat 18, across the two ways of deciding."""
    hub.company.clone("nehemiah").approve("origin/feature")
    hub.judge.gate("approvals", "--fetch", hub.head)
    assert hub.check().code == 0
    hub.forge.now += 20_000
    hub.forge.refuse("nmonrose")
    hub.forge.take_back("nmonrose")
    assert hub.check().code == 1
    assert hub.why()["@nehemiah"] in {"dismissed", "superseded by a later decision of the same person"}


@pytest.mark.slow
@pytest.mark.attack(13, "approve one's own pull request on the forge")
def test_13_nobody_approves_their_own_work(site: Site) -> None:
    """Threat 13: the author, by the commit or by the request; a committer; a co-author; a bot."""
    site.forge.author = "lovelace"
    site.commit("with help", {"b.py": "y = 2\n"}, author="bob")
    site.commit("x\n\nCo-authored-by: N <nehemiah@acme.example>", {"b.py": "y = 3\n"})
    for login in ("newbie", "lovelace", "Bob-B", "nmonrose", "ci-runner"):
        site.forge.approve(login)
    assert site.check().code == 1
    assert site.why() == {
        "@newhire": "author of the change",
        "@ada": "author of the change",
        "@bob": "author of the change",
        "@nehemiah": "author of the change",
        "@ci": "a bot cannot approve",
    }


@pytest.mark.attack(13, "a bot account of the forge that the policy lists as a person")
def test_13_what_the_forge_calls_a_bot_is_one_whatever_the_policy_says(hub: Site) -> None:
    """Threat 13."""
    hub.forge.approve("nmonrose", bot=True)
    assert hub.check().code == 1
    assert hub.why() == {"@nehemiah": "a bot cannot approve"}


@pytest.mark.slow
@pytest.mark.attack(33, "read the forge's token in a check")
def test_33_no_check_sees_the_token(site: Site) -> None:
    """Threat 33: the change's own code runs in an environment without it."""
    out = site.company.path / "environment"
    require = "      owners: true\n      checks: [spy]\n"
    script = f"env > {out}; cat /proc/self/environ >> {out}"
    more = f"  spy: {{command: [sh, -c, '{script}'], report: none}}\n"
    site.company.set_policy(with_logins(site.company.policy(require, more=more)))
    site.forge.approve("nmonrose")
    names = ("GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN", "GITEA_TOKEN")
    answer = site.check(env=dict.fromkeys(names, TOKEN))
    assert answer.code == 0
    result = out.read_text()
    assert "HOME=" in result
    assert TOKEN not in result
    assert site.forge.tokens == {TOKEN}
    assert TOKEN not in json.dumps(site.verdict())


def test_wrong_usage_is_reported_before_anything_is_asked(hub: Site, tmp_path: Path) -> None:
    for spec, result in {
        "github:acme#1": "expected auto, github:OWNER/REPO#12",
        "gitlab:acme/x#1": "expected auto",
        "bitbucket:acme/x#1": "expected auto",
        "github:acme/x": "expected auto",
        "auto": "works only in GitHub, GitLab, or Gitea CI",
    }.items():
        answer = hub.judge.gate("check", "--head", hub.head, "--reviews", spec, env=hub.forge.env)
        assert answer.code == 2
        assert result in answer.err
    answer = hub.judge.gate("check", "--head", hub.head, "--reviews", hub.forge.spec)
    assert answer.code == 2
    assert "set GITHUB_TOKEN or GH_TOKEN" in answer.err
    answer = hub.check("--staged")
    assert answer.code == 2
    assert hub.forge.asked == []


def test_the_request_is_aimed_at_another_branch(hub: Site) -> None:
    hub.forge.approve("nmonrose")
    hub.forge.into = "release"
    answer = hub.check()
    assert answer.code == 3
    assert f"{PROJECT}#{NUMBER} targets release" in answer.err


def test_nothing_is_asked_unless_somebody_says_so(hub: Site) -> None:
    hub.forge.approve("nmonrose")
    hub.judge.fetch()
    assert hub.judge.gate("check", "--head", hub.head, env=hub.forge.env).code == 1
    assert hub.forge.asked == []
