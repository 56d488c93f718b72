"""`gate record`: reviews that a forge reports, signed by a bot, count offline from then on."""

from __future__ import annotations

import pytest
from support.company import REQUIRE, Company, Result
from support.forge import PROJECT, serving
from support.site import Site, actions, open_site, with_logins

from gate.approvals.record import Record, Refused, parse, serialise


def allow(site: Site) -> None:
    """Let main believe what the bot records."""
    require = REQUIRE.replace("checks: [ok]", "checks: []")
    policy = with_logins(site.company.policy(require)).replace("role: bot,", "role: bot, records: true,")
    site.company.set_policy(policy)
    site.judge.fetch()


def record(site: Site, owner: str = "ci") -> Result:
    clone = site.company.clone(owner)
    clone.fetch()
    return clone.gate("record", site.head, "--reviews", site.forge.spec, env=site.forge.env)


def offline(site: Site) -> dict[str, tuple[bool, str]]:
    """What counts without asking the forge."""
    ada = site.company.clone("ada")
    ada.fetch()
    ada.gate("approvals", "--fetch", site.head)
    return {one["by"]: (one["counted"], one["why"]) for one in ada.decisions(site.head)}


def test_what_was_recorded_counts_without_the_forge_and_in_the_audit(site: Site) -> None:
    allow(site)
    site.forge.approve("nmonrose")
    first = record(site)
    assert first.code == 0, first.text
    assert "Recorded the approval of nmonrose" in first.out
    assert "1 review already recorded, nothing new" in record(site).out
    assert offline(site) == {"@nehemiah": (True, "")}
    # The forge merges it, with a button: the audit finds the approval all the same.
    forge = site.company.clone("nobody", "setup")
    forge.fetch()
    forge.git("checkout", "-q", "-B", "main", "origin/main")
    before = forge.git("rev-parse", "HEAD").strip()
    forge.git("merge", "-q", "--no-ff", "-m", "Merge pull request", site.head)
    forge.git("push", "-q", "origin", "main")
    ada = site.company.clone("ada")
    ada.fetch()
    audited = ada.gate("audit", f"{before}..origin/main")
    assert audited.code == 0, audited.text


@pytest.mark.slow
def test_what_no_longer_stands_on_the_forge_is_revoked(site: Site) -> None:
    allow(site)
    site.forge.approve("nmonrose")
    site.forge.refuse("lovelace")
    assert record(site).code == 0
    assert offline(site)["@ada"][0]
    site.forge.approve("lovelace")
    again = record(site)
    assert "Revoked" in again.out
    found = offline(site)
    assert found["@nehemiah"] == (True, "")
    ada = site.company.clone("ada")
    assert all(one["counted"] is False for one in ada.decisions(site.head) if one["kind"] == "block")


def test_nobody_records_who_is_not_believed(site: Site) -> None:
    site.forge.approve("nmonrose")
    for owner in ("ci", "ada"):
        refused = record(site, owner)
        assert refused.code == 2
        assert "`records: true`" in refused.err
    # Recorded while it was believed, and no longer: what the policy at the base says now is what counts.
    allow(site)
    assert record(site).code == 0
    site.company.set_policy(with_logins(site.company.policy(REQUIRE)))
    assert offline(site)["@nehemiah"] == (False, "recorded by @ci, who lacks `records: true` in `people`")


@pytest.mark.parametrize(
    ("fields", "reads"),
    [
        ({}, True),
        ({"kind": "block"}, True),
        ({"kind": "waive"}, False),
        ({"reason": ""}, False),
        ({"reason": "nmonrose"}, False),
        ({"source": "elsewhere"}, False),
    ],
)
def test_only_a_review_names_a_forge_as_its_source(fields: dict[str, str], reads: bool) -> None:
    made = {"kind": "approve", "source": "github", "reason": "nmonrose github:1 well done"} | fields
    record = Record(
        repository="a/b", into="refs/heads/main", base="a" * 40, head="b" * 40, change="c" * 64, by="@ci", at=1,
        nonce="0" * 32, **made,  # type: ignore[arg-type]  # some of them are wrong on purpose
    )  # fmt: skip
    assert isinstance(parse(serialise(record)), Refused) != reads


def by_button(site: Site, how: str = "merge") -> tuple[str, str]:
    """The forge merges the branch, and nothing records it; where main was before, and where it is now."""
    forge = site.company.clone("nobody", "setup")
    forge.fetch()
    forge.git("checkout", "-q", "-B", "main", "origin/main")
    before = forge.git("rev-parse", "HEAD")
    if how == "merge":
        forge.git("merge", "-q", "--no-ff", "-m", "Merge pull request", site.head)
    elif how == "squash":
        forge.git("merge", "-q", "--squash", site.head)
        button = {"GIT_COMMITTER_NAME": "GitHub", "GIT_COMMITTER_EMAIL": "noreply@github.com"}
        author = forge.git("log", "-1", "--format=%an <%ae>", site.head)
        forge.git("commit", "-q", "--author", author, "-m", "Feature (#7)", env=button)
    else:
        forge.git("cherry-pick", f"{before}..{site.head}")
    forge.git("push", "-q", "origin", "main")
    return before, forge.git("rev-parse", "HEAD")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["merge", "rebase", "squash"])
def test_a_merge_by_button_is_recorded_and_then_verified(site: Site, how: str) -> None:
    policy = with_logins(site.company.policy(REQUIRE)).replace("role: bot,", "role: bot, records: true,")
    site.company.set_policy(policy)
    site.judge.fetch()
    ada, bot = site.company.clone("ada"), site.company.clone("ci")
    nehemiah = site.company.clone("nehemiah")
    nehemiah.approve(site.head)
    before, after = by_button(site, how)
    ada.fetch()
    refused = ada.gate("audit", "--fetch", f"{before}..{after}")
    assert refused.code == 1
    assert "no signed verdict" in refused.out
    bot.fetch()
    result = bot.gate("record", "--merges", f"{before}..{after}")
    assert result.code == 0, result.text
    assert "checks passed, recorded by @ci" in result.out
    audited = ada.gate("audit", "--fetch", f"{before}..{after}")
    assert audited.code == 0, audited.text
    again = bot.gate("record", "--merges", f"{before}..{after}")
    assert again.code == 0
    wrong = bot.gate("record", "--merges", f"{site.head}..{after}")
    assert wrong.code == 2
    assert "never the tip" in wrong.err


@pytest.mark.slow
def test_a_merge_whose_checks_fail_is_not_recorded(site: Site) -> None:
    policy = site.company.policy(REQUIRE).replace('command: ["true"]', 'command: ["false"]')
    site.company.set_policy(policy)
    before, after = by_button(site)
    bot = site.company.clone("ci")
    bot.fetch()
    result = bot.gate("record", "--merges", f"{before}..{after}")
    assert result.code == 1
    assert "not recorded: not all of the required checks passed" in result.out


@pytest.mark.slow
def test_what_merged_by_invalid_rules_is_named_with_the_way_out(hub: Site) -> None:
    """The moves after it are recorded all the same, and a guardian accepts it afterwards."""
    hub.company.set_policy(hub.company.policy(REQUIRE))
    start = hub.company.server.git("rev-parse", "main")
    hub.company.set_policy("version: 1\nbogus: 1\n")
    hub.company.set_policy(hub.company.policy(REQUIRE))
    hub.company.set_policy(hub.company.policy(REQUIRE) + "\n")
    bot, ada = hub.company.clone("ci"), hub.company.clone("ada")
    for clone in (bot, ada):
        clone.fetch()
    fixed = bot.git("rev-parse", "origin/main~1")
    result = bot.gate("record", "--merges", f"{start}..origin/main")
    assert result.code == 2
    # The range as a whole, and each move from valid rules.
    assert result.out.count("recorded by @ci") == 3
    way_out = f"gate approve {fixed[:12]} --into main --waive --reason TEXT"
    assert way_out in " ".join(result.err.split())
    alone = bot.gate("check", "--record", "--base", f"{fixed}^", "--head", fixed, "--into", "main")
    assert alone.code == 2
    assert f"gate approve {fixed} --into main --waive" in " ".join(alone.err.split())
    accepted = ada.gate(*way_out.replace("TEXT", "a typo").split(maxsplit=7)[1:], "--yes")
    assert accepted.code == 0, accepted.text


def on_push(site: Site, before: str, after: str) -> dict[str, str]:
    """The variables of a workflow or pipeline that runs because of a push to main."""
    if site.forge.kind == "gitlab":
        # Open requests from main to elsewhere have nothing to do with what was merged into it.
        opened = f"{PROJECT}!90,{PROJECT}!91"
        pipeline = {"CI_PROJECT_PATH": PROJECT, "CI_COMMIT_SHA": after, "CI_OPEN_MERGE_REQUESTS": opened}
        return {"GITLAB_CI": "true", **pipeline, **site.forge.env}
    env = actions(site.company.path, "push", {"before": before, "after": after})
    if site.forge.kind == "gitea":
        env |= {"GITEA_ACTIONS": "true"}
    return env | site.forge.env | {"GITHUB_API_URL": site.forge.url}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["merge", "rebase", "squash"])
def test_reviews_and_merge_of_a_pushed_pull_request_are_recorded_together(site: Site, how: str) -> None:
    allow(site)
    site.forge.approve("nmonrose")
    before, after = by_button(site, how)
    site.forge.merge = after
    site.forge.landed_as = "squash_commit_sha" if how == "rebase" else "merge_commit_sha"
    site.forge.state = "closed"
    bot = site.company.clone("ci")
    bot.fetch()
    command = ("record", "--merges", f"{before}..{after}", "--reviews", "auto")
    result = bot.gate(*command, env=on_push(site, before, after))
    assert result.code == 0, result.text
    assert "Recorded the approval of nmonrose" in result.out
    ada = site.company.clone("ada")
    ada.fetch()
    audited = ada.gate("audit", "--fetch", f"{before}..{after}")
    assert audited.code == 0, audited.text
    assert (
        "1 review already recorded, nothing new" in bot.gate(*command, env=on_push(site, before, after)).out
    )


def test_a_push_without_a_pull_request_has_no_reviews_to_record(hub: Site) -> None:
    allow(hub)
    before, after = by_button(hub)
    hub.forge.head = "0" * 40
    bot = hub.company.clone("ci")
    bot.fetch()
    env = on_push(hub, before, after)
    hub.forge.trouble(f"/commits/{after}/pulls", 200, body="[]")
    result = bot.gate("record", "--merges", f"{before}..{after}", "--reviews", "auto", env=env)
    assert (result.code, "Recorded the" in result.out) == (0, False), result.text
    wrong = bot.gate("record", "--merges", f"{before}..{after}", "--reviews", hub.forge.spec, env=env)
    assert wrong.code == 2
    assert "finds the pull or merge request of each merge itself" in wrong.err


def test_a_merge_request_that_was_fast_forwarded_is_found_by_its_own_commit(company: Company) -> None:
    with serving("gitlab") as forge:
        lab = open_site(company, forge)
        allow(lab)
        forge.approve("nmonrose")
        lab.rebase()
        forge.approve("nmonrose")
        before = lab.company.server.git("rev-parse", "main")
        lab.company.server.git("update-ref", "refs/heads/main", lab.head)
        forge.merge, forge.landed_as, forge.state = lab.head, "sha", "merged"
        bot = company.clone("ci")
        bot.fetch()
        span = f"{before}..{lab.head}"
        result = bot.gate("record", "--merges", span, "--reviews", "auto", env=on_push(lab, before, lab.head))
        assert "Recorded the approval of nmonrose" in result.out, result.text
        assert company.clone("ada").gate("audit", "--fetch", span).code == 0
