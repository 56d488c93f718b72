"""What waits for whom, and what one's own branches need: from refs alone, without running a check."""

from __future__ import annotations

import json
import sys

import pytest
from support.company import Clone, Company, isolated
from support.terminal import Terminal


@pytest.fixture
def pushed(company: Company) -> Clone:
    """A branch of the new hire's on the server."""
    new = company.clone("newhire")
    new.commit("Add export", {"a.py": "x = 2\n"}, branch="feature")
    new.git("push", "-q", "origin", "feature")
    return new


@pytest.mark.slow
def test_the_inbox_has_what_waits_for_me_and_not_what_i_have_approved(
    company: Company, pushed: Clone
) -> None:
    senior = company.clone("nehemiah")
    senior.fetch()
    shown = senior.gate("inbox")
    assert shown.code == 0
    assert 'origin/feature "Add export" by' in " ".join(shown.out.split())
    assert "a.py as code owner" in shown.out
    assert "checks have not run yet" in shown.out
    assert "gate review origin/feature" in shown.out
    assert shown.out.splitlines()[-1] == "1 branch needs approval from @nehemiah (into main)."
    (item,) = json.loads(senior.gate("inbox", "--format", "json").out)
    assert (item["branch"], item["files"]) == ("origin/feature", ["a.py"])
    senior.approve("origin/feature")
    assert senior.gate("inbox").out == "Nothing needs approval from @nehemiah.\n"


def test_nothing_waits_for_an_author(pushed: Clone) -> None:
    assert pushed.gate("inbox").out == "Nothing needs approval from @newhire.\n"
    assert "origin/feature" in pushed.gate("inbox", "--as", "@nehemiah").out


def test_the_policy_of_a_main_that_is_ahead_of_origin_decides_as_in_a_check(
    company: Company, pushed: Clone
) -> None:
    ada = company.clone("ada")
    ada.fetch()
    policy = (ada.path / "gate.yaml").read_text().replace("teams:\n", 'teams:\n  "@acme/core": ["@ada"]\n')
    owners = next(path for path in ada.git("ls-files").split() if path.endswith("CODEOWNERS"))
    ada.commit("Add a team", {"gate.yaml": policy, owners: "* @acme/core\n"})
    verdict = ada.gate("check", "--head", "origin/feature", "--only", "names", "--format", "json").out
    assert "@acme/core" in verdict
    assert "a.py as code owner" in ada.gate("inbox").out


def test_a_stranger_has_to_say_who_they_are(pushed: Clone) -> None:
    pushed.git("config", "user.email", "nobody@else.example")
    answer = pushed.gate("inbox")
    assert answer.code == 2
    assert "nobody@else.example is not listed in `people`" in answer.err
    assert "--as @NAME" in answer.err


def test_status_shows_my_branches_and_what_they_need(pushed: Clone) -> None:
    shown = pushed.gate("status")
    assert shown.code == 0
    assert "✗ feature" in shown.out
    assert "ask @nehemiah: code owner of a.py" in " ".join(shown.out.split())
    assert shown.out.splitlines()[-1] == "1 open branch of @newhire (into main)."
    (item,) = json.loads(pushed.gate("status", "--format", "json").out)
    assert item["reviewers"][0]["names"] == ["@nehemiah"]


def test_a_merged_branch_is_not_open(pushed: Clone) -> None:
    pushed.git("switch", "-q", "main")
    pushed.git("merge", "-q", "feature")
    pushed.git("update-ref", "refs/remotes/origin/main", "main")
    assert pushed.gate("status").out == "You have no open branches.\n"


@pytest.mark.slow
def test_a_review_shows_the_diff_of_my_files_with_the_findings_of_earlier_runs(company: Company) -> None:
    company.set_policy(company.policy("      owners: true\n      checks: [names]\n"))
    new = company.clone("newhire")
    new.fetch()
    new.git("reset", "-q", "--hard", "origin/main")
    new.commit("Load", {"a.py": "import json\n\nvalue = json.laods('1')\n"}, branch="feature")
    new.git("push", "-q", "origin", "feature")
    senior = company.clone("nehemiah")
    senior.fetch()
    senior.gate("check", "--head", "origin/feature")
    shown = senior.gate("review", "origin/feature")
    assert shown.code == 0
    lines = shown.out.splitlines()
    at = lines.index("+value = json.laods('1')")
    assert lines[at + 1].startswith("    >>> 3:")
    assert "laods" in lines[at + 1]
    assert lines[-1].startswith("To approve, run `gate approve origin/feature`;"), "nobody is asked in a pipe"


def reviewing(senior: Clone, answers: dict[str, str]) -> str:
    """Review the branch at a terminal: what was shown after the last of the answers, each given at its question."""
    argv = [sys.executable, "-P", "-m", "gate", "review", "origin/feature"]
    env = {**isolated(senior.path.parent / "home"), "TERM": "dumb", "GIT_PAGER": "cat"}
    terminal = Terminal(argv, senior.path, env)
    answer = ""
    for question, answer in answers.items():
        assert terminal.wait_for(question), terminal.shown
        terminal.forget()
        terminal.type(f"{answer}\n")
    terminal.wait_for("recorded" if answer == "s" else "Pushed to origin")
    terminal.close()
    return terminal.shown.decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "colored"),
    [
        ((), True),
        (("color.ui=never",), False),
        (("color.diff=false",), False),
        (("color.pager=false",), False),
    ],
)
def test_the_pager_of_a_review_gets_the_colors_that_git_would_give_it(
    company: Company, pushed: Clone, settings: tuple[str, ...], colored: bool
) -> None:
    senior = company.clone("nehemiah")
    senior.fetch()
    paged = senior.path.parent / "paged"
    senior.git("config", "core.pager", f"LV=-c tee '{paged}'")
    for setting in settings:
        senior.git("config", *setting.split("="))
    argv = [sys.executable, "-P", "-m", "gate", "review", "origin/feature"]
    terminal = Terminal(argv, senior.path, {**isolated(senior.path.parent / "home"), "TERM": "xterm"})
    assert terminal.wait_for("[s]kip?"), terminal.shown
    terminal.close()
    assert ("\x1b[32m+x = 2" in paged.read_text()) == colored
    assert "+x = 2" in paged.read_text()


@pytest.mark.slow
def test_a_review_at_a_terminal_skips_objects_or_approves(company: Company, pushed: Clone) -> None:
    senior = company.clone("nehemiah")
    senior.fetch()
    question = "[a]pprove, [o]bject, [s]kip?"
    assert "Skipped: nothing was recorded." in reviewing(senior, {question: "s"})
    assert json.loads(senior.gate("approvals", "origin/feature", "--format", "json").out) == []
    objected = reviewing(senior, {question: "o", "On which line?": "a.py:1", "Why?": "Too large a number"})
    assert "Objected as @nehemiah" in objected
    (objection,) = json.loads(senior.gate("approvals", "origin/feature", "--format", "json").out)
    assert (objection["kind"], objection["why"]) == ("block", "a.py:1: Too large a number")
    senior.gate("revoke", objection["id"])
    assert "Approved as @nehemiah" in reviewing(senior, {question: "a"})
    assert pushed.gate("approvals", "--fetch").code == 0
    assert [
        one["kind"]
        for one in json.loads(pushed.gate("approvals", "feature", "--format", "json").out)
        if one["counted"]
    ] == ["approve"]
