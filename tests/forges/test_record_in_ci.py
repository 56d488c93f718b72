"""`gate record` as bots in CI run it: odd reviews, odd checkouts, odd answers, and merges that arrive together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from forges.test_record import allow, by_button, offline, on_push, record
from support.company import REQUIRE, Clone
from support.site import Site, actions, with_logins

pytestmark = pytest.mark.slow


def counted(site: Site) -> list[str]:
    """Whose decisions count without asking the forge."""
    offline(site)
    return sorted({one["by"] for one in site.company.clone("ada").decisions(site.head) if one["counted"]})


def test_a_dismissal_is_recorded_as_a_revocation(site: Site) -> None:
    allow(site)
    site.forge.approve("nmonrose")
    assert record(site).code == 0
    site.forge.take_back("nmonrose")
    again = record(site)
    assert again.code == 0, again.text
    assert "Revoked" in again.out
    assert counted(site) == []
    site.forge.approve("nmonrose")
    assert record(site).code == 0
    assert counted(site) == ["@nehemiah"]


def test_a_review_of_an_earlier_commit_does_not_approve_what_was_pushed_since(site: Site) -> None:
    allow(site)
    site.forge.approve("nmonrose")
    assert record(site).code == 0
    site.commit("more", {"a.py": "x = 3\n"})
    result = record(site)
    assert result.code == 0, result.text
    assert counted(site) == []
    site.amend()
    assert record(site).code == 0
    assert counted(site) == []


def test_nobody_approves_their_own_work_by_a_review(hub: Site) -> None:
    """The author's address is a no-reply address of the reviewer, whose login is spelled in another case."""
    allow(hub)
    new = hub.company.clone("newhire")
    new.git("config", "user.email", "77+NMonrose@users.noreply.github.com")
    hub.commit("more", {"a.py": "x = 3\n"})
    hub.forge.approve("nMonrose")
    assert record(hub).code == 0
    assert counted(hub) == []
    assert "author" in offline(hub)["@nehemiah"][1]


def test_reviews_by_deleted_accounts_strangers_and_bots_do_not_stop_the_others(site: Site) -> None:
    allow(site)
    for login in ("", "stranger", "ci-runner"):
        site.forge.approve(login, bot=login == "ci-runner")
    site.forge.comment("lovelace")
    site.forge.approve("nmonrose")
    result = record(site)
    assert result.code == 0, result.text
    assert counted(site) == ["@nehemiah"]


def test_a_bot_that_the_policy_does_not_list_gets_the_line_to_add(site: Site) -> None:
    allow(site)
    site.forge.approve("nmonrose")
    bot = site.company.clone("stranger")
    bot.fetch()
    for command in (
        ("record", site.head, "--reviews", site.forge.spec),
        ("record", "--merges", "origin/main^..origin/main"),
    ):
        result = bot.gate(*command, env=site.forge.env)
        assert result.code == 2, result.text
        assert "not listed in the policy" in result.err
        assert "ssh-ed25519 " in result.err
    assert not site.company.server.git("for-each-ref", "refs/gate/log")


@pytest.mark.parametrize(
    "odd",
    [
        {"status": 500},
        {"status": 200, "body": "<html>Maintenance</html>"},
        {"status": 200, "body": '{"message": "surprise"}'},
        {"status": 200, "body": "null"},
        {"status": 200, "body": '[{"id": 1, "user": "me", "state": 7}]'},
        {"status": 429, "headers": {"Retry-After": "0"}},
    ],
)
def test_nothing_is_recorded_or_revoked_after_an_odd_answer(hub: Site, odd: dict[str, Any]) -> None:
    allow(hub)
    hub.forge.approve("nmonrose")
    assert record(hub).code == 0
    before = hub.company.server.git("rev-parse", "refs/gate/log")
    hub.forge.trouble("/reviews", **odd)
    result = record(hub)
    assert result.code == 3, result.text
    assert "help: " in result.err
    assert hub.company.server.git("rev-parse", "refs/gate/log") == before


def test_two_jobs_record_the_same_review_at_once(hub: Site) -> None:
    """A review and a push start two jobs. Both succeed, and the later dismissal revokes whatever they recorded."""
    allow(hub)
    hub.forge.approve("nmonrose")
    clones = [hub.company.clone("ci", f"job-{number}") for number in range(3)]
    for clone in clones:
        clone.fetch()

    def job(clone: Clone) -> int:
        return clone.gate_process("record", hub.head, "--reviews", hub.forge.spec, env=hub.forge.env).code

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(job, clones)) == [0, 0, 0]
    assert counted(hub) == ["@nehemiah"]
    hub.forge.take_back("nmonrose")
    assert record(hub).code == 0
    assert counted(hub) == []


def test_a_shallow_checkout_is_named_with_the_setting_to_change(hub: Site) -> None:
    allow(hub)
    hub.forge.approve("nmonrose")
    before, after = by_button(hub)
    hub.forge.merge, hub.forge.state = after, "closed"
    hub.company.clone("ci")
    shallow = Clone(hub.company.path / "shallow", "ci", hub.company.keys)
    hub.judge.git("clone", "-q", "--depth=1", f"file://{hub.company.server.path}", str(shallow.path))
    for key, value in (
        ("user.signingkey", shallow.key("ci")),
        ("user.name", "ci"),
        ("user.email", "ci@acme.example"),
    ):
        shallow.git("config", key, value)
    result = shallow.gate(
        "record", "--merges", f"{before}..{after}", "--reviews", "auto", env=on_push(hub, before, after)
    )
    assert result.code in {2, 3}, result.text
    assert "fetch-depth" in result.err or "unshallow" in result.err or "whole history" in result.err


def test_a_request_for_another_branch_is_not_recorded_for_this_one(site: Site) -> None:
    allow(site)
    site.forge.aim("develop")
    site.forge.approve("nmonrose")
    result = record(site)
    assert result.code in {2, 3}, result.text
    assert "develop" in result.err
    assert not site.company.server.git("for-each-ref", "refs/gate/log")


def test_a_bot_that_the_change_itself_adds_records_nothing(hub: Site) -> None:
    """`records: true` counts from the base, never from the branch that brings it."""
    policy = with_logins(hub.company.policy(REQUIRE)).replace("role: bot,", "role: bot, records: true,")
    hub.commit("let the bot in", {"gate.yaml": policy})
    hub.forge.approve("nmonrose")
    result = record(hub)
    assert result.code == 2
    assert "records: true" in result.err


def test_a_merge_queue_that_pushes_two_merges_at_once(hub: Site) -> None:
    """Each merge is recorded with the reviews of its own pull request, and both are verified."""
    allow(hub)
    hub.forge.approve("nmonrose")
    before, first = by_button(hub)
    queue = hub.company.clone("nobody", "setup")
    other = hub.company.clone("ada").commit("docs", {"docs/index.md": "# More\n"}, branch="docs")
    hub.company.clone("bob").approve("origin/docs")
    queue.fetch()
    queue.git("merge", "-q", "--no-ff", "-m", "Merge pull request #13", other)
    queue.git("push", "-q", "origin", "main")
    after = queue.git("rev-parse", "HEAD")
    hub.forge.merge, hub.forge.state = first, "closed"
    hub.forge.trouble(f"/commits/{after}/pulls", 200, body="[]")
    bot = hub.company.clone("ci")
    bot.fetch()
    env = on_push(hub, before, after)
    result = bot.gate("record", "--merges", f"{before}..{after}", "--reviews", "auto", env=env)
    assert result.code == 0, result.text
    assert "Recorded the approval of nmonrose" in result.out
    ada = hub.company.clone("ada")
    ada.fetch()
    audited = ada.gate("audit", "--fetch", f"{before}..{after}")
    assert audited.code == 0, audited.text


def test_a_review_that_starts_the_job_on_the_merge_commit_of_the_forge(hub: Site) -> None:
    """GitHub checks out `refs/pull/N/merge`, which is a merge of the head and nobody's work."""
    allow(hub)
    hub.forge.approve("nmonrose")
    bot = hub.company.clone("ci")
    bot.fetch()
    bot.git("checkout", "-q", "--detach", "origin/main")
    bot.git("merge", "-q", "--no-ff", "-m", f"Merge {hub.head} into main", hub.head)
    event = {
        "action": "submitted",
        "pull_request": {"number": 12, "head": {"sha": hub.head}, "base": {"ref": "main"}},
    }
    env = actions(hub.company.path, "pull_request_review", event, GITHUB_REF="refs/pull/12/merge")
    env |= hub.forge.env | {"GITHUB_API_URL": hub.forge.url}
    refused = bot.gate("record", "--reviews", "auto", env=env)
    assert refused.code == 3
    assert f"gate record {hub.head}" in refused.err
    result = bot.gate("record", hub.head, "--reviews", "auto", env=env)
    assert result.code == 0, result.text
    assert "Recorded the approval of nmonrose" in result.out
    assert counted(hub) == ["@nehemiah"]
