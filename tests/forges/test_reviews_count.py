"""Which reviews count, on each forge, through the command line and with real commits."""

from __future__ import annotations

import pytest
from support.company import CODEOWNERS, REQUIRE, Company
from support.forge import Forge
from support.site import Site, open_site, with_logins


@pytest.mark.slow
def test_the_review_of_the_owner_opens_the_gate(site: Site) -> None:
    assert site.check().code == 1
    site.forge.approve("nmonrose")
    verdict = site.verdict()
    assert verdict["outcome"] == "pass"
    (approval,) = verdict["approvals"]
    assert (approval["by"], approval["source"], approval["counted"]) == ("@nehemiah", site.forge.kind, True)


def test_logins_compare_without_case(site: Site) -> None:
    site.forge.approve("NMonrose")
    assert site.check().code == 0


@pytest.mark.slow
def test_a_comment_is_no_decision(site: Site) -> None:
    site.forge.approve("nmonrose")
    site.forge.comment("nmonrose")
    assert site.check().code == 0
    site.forge.comment("lovelace")
    assert [one["by"] for one in site.verdict()["approvals"]] == ["@nehemiah"]


@pytest.mark.slow
def test_a_login_that_nobody_lists_is_discounted_and_named(site: Site) -> None:
    site.forge.approve("stranger")
    assert site.check().code == 1
    assert site.why() == {
        "@stranger": f"not in the policy: nobody in `people` has `{site.forge.kind}: stranger`"
    }


@pytest.mark.slow
def test_neither_the_author_nor_a_bot_nor_who_committed_approves(site: Site) -> None:
    site.forge.approve("newbie")
    site.forge.approve("ci-runner")
    site.commit("by another", {"b.py": "y = 2\n"}, author="nehemiah")
    site.forge.approve("nmonrose")
    assert site.why() == {
        "@newhire": "author of the change",
        "@ci": "a bot cannot approve",
        "@nehemiah": "author of the change",
    }
    assert site.check().code == 1


@pytest.mark.slow
def test_an_objection_blocks_until_its_author_approves(site: Site) -> None:
    site.forge.approve("nmonrose")
    site.forge.refuse("lovelace")
    result = site.check()
    assert result.code == 1
    assert "@ada objects" in result.out
    assert site.forge.spec.partition(":")[2] in result.out
    site.forge.approve("lovelace")
    assert site.check().code == 0


@pytest.mark.slow
def test_an_objection_to_an_earlier_commit_still_blocks(site: Site) -> None:
    site.forge.refuse("lovelace")
    site.commit("more", {"b.py": "y = 2\n"})
    site.forge.approve("nmonrose")
    assert site.check().code == 1
    assert ", an earlier version of the change" in site.why()["@ada"]


@pytest.mark.slow
def test_what_was_taken_back_does_not_count(site: Site) -> None:
    site.forge.approve("nmonrose")
    site.forge.take_back("nmonrose")
    assert site.check().code == 1
    assert site.why()["@nehemiah"] == "dismissed"


@pytest.mark.slow
def test_more_commits_make_it_stale_and_the_files_are_named(site: Site) -> None:
    site.forge.approve("nmonrose")
    site.commit("more", {"b.py": "y = 2\n"})
    assert site.check().code == 1
    assert site.why() == {"@nehemiah": "stale: b.py changed since"}


def test_the_same_content_in_another_commit_carries_it_over(site: Site) -> None:
    site.forge.approve("nmonrose")
    reviewed = site.head
    site.land({"docs/index.md": "# More\n"})
    site.rebase()
    assert site.head != reviewed
    assert site.check().code == 0


def test_a_reviewed_commit_that_was_pushed_away_is_fetched(site: Site) -> None:
    site.forge.approve("nmonrose")
    site.amend()
    assert site.check().code == 0


def test_a_reviewed_commit_that_cannot_be_had_is_stale(site: Site) -> None:
    site.forge.approve("nmonrose", "1" * 40)
    if site.forge.kind == "gitlab":
        # There a commit is known by the versions.
        site.forge.versions.insert(-1, (site.forge.now - 1, "1" * 40))
        site.forge.versions[-1] = (site.forge.now + 1, site.head)
    assert site.check().code == 1
    assert "which is not available" in site.why()["@nehemiah"]


@pytest.mark.slow
def test_the_base_moved_in_the_same_file_so_nobody_saw_what_would_be_merged(site: Site) -> None:
    lines = [f"line_{number} = {number}\n" for number in range(20)]
    site.land({"lib.py": "".join(lines)})
    site.rebase()
    site.commit("first line", {"lib.py": "".join(["line_0 = 1\n", *lines[1:]])})
    site.forge.approve("nmonrose")
    assert site.check().code == 0
    site.land({"lib.py": "".join([*lines[:-1], "line_19 = 1\n"])})
    assert site.check().code == 1
    assert site.why() == {"@nehemiah": "stale: lib.py changed since"}
    site.rebase()
    site.forge.approve("nmonrose")
    assert site.check().code == 0


@pytest.mark.slow
def test_stale_head_asks_for_the_very_commit(company: Company, forge: Forge) -> None:
    site = open_site(company, forge, REQUIRE.replace("stale: change", "stale: head"))
    site.forge.approve("nmonrose")
    assert site.check().code == 0
    site.amend()
    assert site.check().code == 1
    assert "stale: given for commit" in site.why()["@nehemiah"]


def test_stale_owned_keeps_the_files_that_are_as_they_were(company: Company, forge: Forge) -> None:
    require = REQUIRE.replace("stale: change", "stale: owned").replace("approvals: 1", "approvals: 0")
    require = "\n".join(line for line in require.splitlines() if "seniority" not in line) + "\n"
    site = open_site(company, forge, require)
    site.forge.approve("nmonrose")
    site.commit("docs", {"docs/index.md": "# New\n"})
    site.forge.approve("Bob-B")
    assert site.check().code == 0


@pytest.mark.slow
def test_a_request_that_was_aimed_elsewhere_when_it_was_reviewed(site: Site) -> None:
    site.forge.approve("nmonrose")
    site.forge.aim("main")
    assert site.check().code == 1
    assert site.why()["@nehemiah"] == "stale: given before the pull request was aimed at this branch"
    site.forge.approve("nmonrose")
    assert site.check().code == 0


@pytest.mark.slow
def test_another_repository_is_another_approval(site: Site) -> None:
    policy = with_logins(site.company.policy()).replace("acme/shortener", "acme/other")
    site.company.set_policy(policy)
    site.forge.approve("nmonrose")
    assert site.check().code == 1
    assert site.why()["@nehemiah"] == "for another repository: acme/shortener"


@pytest.mark.slow
def test_signed_and_reviewed_are_counted_together(site: Site) -> None:
    site.company.set_policy(with_logins(site.company.policy(REQUIRE.replace("approvals: 1", "approvals: 2"))))
    site.forge.approve("nmonrose")
    assert site.check().code == 1
    site.company.clone("ada").approve("origin/feature")
    site.judge.gate("approvals", "--fetch", site.head)
    verdict = site.verdict()
    assert verdict["outcome"] == "pass"
    assert {one["source"] for one in verdict["approvals"]} == {"ssh", site.forge.kind}


@pytest.mark.slow
def test_a_signed_objection_outweighs_the_same_persons_review(site: Site) -> None:
    site.company.clone("nehemiah").approve("origin/feature", "--block", "--reason", "not yet")
    site.forge.approve("nmonrose")
    site.judge.gate("approvals", "--fetch", site.head)
    assert site.check().code == 1


@pytest.mark.slow
def test_with_no_people_in_the_policy_codeowners_names_logins(company: Company, github: Forge) -> None:
    site = open_site(company, github)
    setup = company.clone("nobody", "setup")
    setup.write({".github/CODEOWNERS": "* @nmonrose\n"})
    require = "      owners: true\n      checks: [ok]\n"
    text = f'protect:\n  main:\n    require:\n{require}checks:\n  ok: {{command: ["true"], report: none}}\n'
    company.set_policy(text)
    github.approve("nmonrose")
    assert site.check().code == 0
    # The forge knows nobody by one of the addresses: it could be the owner's own.
    site.commit("by somebody", {"b.py": "y = 3\n"}, author="bob")
    github.approve("nmonrose")
    assert site.check().code == 1
    assert site.why() == {
        "@nmonrose": "the authors of the change are unknown, and it could be their own work"
    }
    github.commits.append(("bob@acme.example", "nmonrose"))
    assert site.check().code == 1
    assert site.why() == {"@nmonrose": "author of the change"}


@pytest.mark.slow
def test_a_second_address_that_the_forge_knows_is_the_same_person(hub: Site) -> None:
    hub.commit("from home", {"b.py": "y = 4\n"}, author="elsewhere")
    hub.forge.commits.append(("elsewhere@acme.example", "nmonrose"))
    hub.forge.approve("nmonrose")
    assert hub.why() == {"@nehemiah": "author of the change"}
    assert hub.check().code == 1


@pytest.mark.slow
def test_members_of_a_team_are_asked_of_the_forge(site: Site) -> None:
    setup = site.company.clone("nobody", "setup")
    setup.write({".github/CODEOWNERS": f"{CODEOWNERS}/a.py @acme/core\n"})
    site.company.set_policy(with_logins(site.company.policy()))
    site.forge.approve("nmonrose")
    result = site.check()
    assert result.code == 3
    assert "@acme/core" in result.out
    site.forge.teams["acme/core"] = ["nmonrose", "lovelace"]
    assert site.check().code == 0
    site.forge.teams["acme/core"] = ["lovelace"]
    assert site.check().code == 1


def test_gate_approvals_lists_them_with_what_does_not_count(site: Site) -> None:
    site.forge.approve("nmonrose")
    site.forge.approve("stranger")
    site.judge.fetch()
    words = ("approvals", site.head, "--reviews", site.forge.spec)
    result = site.judge.gate(*words, env=site.forge.env)
    assert result.code == 0
    assert "@nehemiah  approved\n" in result.out
    assert "@stranger  approved, not counted: not in the policy" in result.out
